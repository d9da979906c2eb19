"""How far a stage is, at what rate, and how long it will still take."""

from __future__ import annotations

import dagster as dg

from catalog import load_project
from index.testing import HashEmbedder
from landbridge.progress import shown
from pipelines import stages
from pipelines.factory import REFRESH, definitions_for
from pipelines.progress import Lines, Pace, listening, tell
from pipelines.site import Site


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_rate_and_time_left_are_of_what_was_told_since_the_beginning():
    clock = Clock()
    pace = Pace(clock)
    assert pace.of("indexed", "flights", 0, 10_000) == ""
    clock.now += 20
    assert pace.of("indexed", "flights", 2_000, 10_000) == ", 100 a second, 1 min 20 s left"
    clock.now += 20
    assert pace.of("indexed", "flights", 10_000, 10_000) == ", 250 a second"


def test_another_total_is_another_piece_of_work():
    clock = Clock()
    pace = Pace(clock)
    pace.of("indexed", "flights", 0, 10)
    clock.now += 5
    assert pace.of("indexed", "flights", 10, 10) == ", 2.0 a second"
    assert pace.of("indexed", "flights", 1_160, 1_160) == ""


def test_nothing_is_said_where_the_total_is_not_known():
    clock = Clock()
    pace = Pace(clock)
    pace.of("raw", "flights", 0, 0)
    clock.now += 5
    assert pace.of("raw", "flights", 10, 0) == ""


def test_a_line_tells_rate_and_time_left(capsys, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    monkeypatch.setattr(Pace.__init__, "__defaults__", (clock,))
    with shown() as listen:
        listen("indexed", "flights", 0, 600)
        clock.now += 10
        listen("indexed", "flights", 100, 600)
    assert "100 of 600, 10 a second, 50 s left" in capsys.readouterr().err


def test_the_event_log_gets_a_line_every_ten_seconds_of_embedding_and_no_more():
    clock, lines = Clock(), []
    with listening(Lines(lines.append, clock)):
        for done in range(0, 10_001, 100):  # 40 passages a second
            tell("indexed", "flights", done, 10_000)
            clock.now += 2.5
    assert len(lines) == 24
    assert lines[:2] == [
        "embedded 400 of 10,000 passages, 40 a second, 4 min 0 s left",
        "embedded 800 of 10,000 passages, 40 a second, 3 min 50 s left",
    ]


def test_the_event_log_gets_no_line_of_a_stage_that_is_soon_done():
    clock, lines = Clock(), []
    with listening(Lines(lines.append, clock)):
        for done in range(0, 401, 100):
            tell("indexed", "flights", done, 400)
            clock.now += 2.4
    assert lines == []


def test_the_terminal_and_the_event_log_hear_the_same():
    terminal, log = [], []
    with listening(lambda *told: terminal.append(told)):
        with listening(lambda *told: log.append(told)):
            tell("indexed", "flights", 1, 2)
        tell("indexed", "flights", 2, 2)
    tell("indexed", "flights", 3, 3)
    assert terminal == [("indexed", "flights", 1, 2), ("indexed", "flights", 2, 2)]
    assert log == [("indexed", "flights", 1, 2)]


def test_a_run_that_dagster_starts_tells_in_its_event_log_how_far_embedding_is(ran, monkeypatch):
    ran.orders_are([(number, "C1", 7 * number) for number in range(1, 41)])
    for stage in (stages.pull, stages.make_ready):
        stage(Site.open(ran.folder), "orders", run_id="second")
    clock = Clock()
    monkeypatch.setattr(Pace.__init__, "__defaults__", (clock,))
    monkeypatch.setattr(Lines.__init__, "__defaults__", (clock,))
    plain = HashEmbedder.embed

    def slow(self, texts, *, progress=None):
        for done in range(len(texts)):
            clock.now += 4.0
            if progress:
                progress(done + 1, len(texts))
        return plain(self, texts)

    monkeypatch.setattr(HashEmbedder, "embed", slow)
    job = definitions_for(load_project(ran.folder)).resolve_job_def(REFRESH)
    with dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}}) as instance:
        done = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["indexed", "orders"])])
        log = [one.user_message for one in instance.all_logs(done.run_id) if not one.is_dagster_event]
    assert done.success
    assert log[0] == "embedded 3 of 40 passages, 0.2 a second, 2 min 28 s left"
    assert [line.partition(",")[0] for line in log[1:3]] == ["embedded 6 of 40 passages", "embedded 9 of 40 passages"]

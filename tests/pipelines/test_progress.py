"""How far a stage is, at what rate, and how long it will still take."""

from __future__ import annotations

import logging

from landbridge.progress import shown
from pipelines import progress
from pipelines.progress import Pace, tell


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


def test_where_nobody_listens_a_long_stage_is_told_to_the_log(caplog, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    monkeypatch.setattr(Pace.__init__, "__defaults__", (clock,))
    monkeypatch.setattr(progress, "_listener", progress._Log())
    with caplog.at_level(logging.INFO, logger="pipelines.progress"):
        for done in (0, 100, 110):
            tell("indexed", "flights", done, 600)
            clock.now += 20 if done == 0 else 2
    assert caplog.messages == ["indexed flights: 100 of 600, 5.0 a second, 1 min 40 s left"]

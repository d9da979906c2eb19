"""A file that is still being written waits, and so does one whose marker has not come."""

import os
import time

import pytest

from connectors.places import lying, settled, still_written


@pytest.fixture
def clock(monkeypatch):
    """Settling as the source says, and a clock that stands still but for waiting: `clock.slept` lists how long."""
    monkeypatch.delenv("LANDBRIDGE_SETTLED_AFTER", raising=False)
    return Clock()


class Clock:
    def __init__(self):
        self.slept, self.at, self.meanwhile = [], time.time(), lambda: None

    def wait(self, seconds):
        self.slept.append(seconds)
        self.at += seconds
        self.meanwhile()

    def settled(self, drop, pattern="*.csv", **habits):
        ready, noticed = settled(
            drop.found(pattern, **habits), drop.source(**habits), now=lambda: self.at, wait=self.wait
        )
        return [one.name for one in ready], [(one.rule, one.severity, one.evidence["file"]) for one in noticed]


def aged(path, clock, seconds):
    os.utime(path, (clock.at - seconds, clock.at - seconds))


def test_an_old_file_is_not_waited_for(drop, clock):
    aged(drop.holds("a.csv"), clock, 6)
    assert clock.settled(drop) == (["in/a.csv"], [])
    assert clock.slept == []


def test_a_young_file_is_looked_at_again_once_for_all_of_them(drop, clock):
    aged(drop.holds("a.csv"), clock, 1)
    aged(drop.holds("b.csv"), clock, 4)
    assert clock.settled(drop) == (["in/a.csv", "in/b.csv"], [])
    assert clock.slept == [pytest.approx(4, abs=0.01)]


def test_a_file_that_grew_meanwhile_waits_for_the_next_run_and_the_others_go_on(drop, clock):
    growing = drop.holds("a.csv")
    aged(growing, clock, 1)
    aged(drop.holds("b.csv"), clock, 60)
    clock.meanwhile = lambda: growing.write_bytes(b"more")
    assert clock.settled(drop) == (["in/b.csv"], [("file-still-written", "info", "in/a.csv")])


def test_a_file_that_vanished_meanwhile_waits_too(drop, clock):
    path = drop.holds("a.csv")
    aged(path, clock, 1)
    clock.meanwhile = path.unlink
    assert clock.settled(drop) == ([], [("file-still-written", "info", "in/a.csv")])


def test_a_file_from_the_future_is_not_waited_for_longer_than_any_other(drop, clock):
    aged(drop.holds("a.csv"), clock, -3600)
    assert clock.settled(drop) == (["in/a.csv"], [])
    assert clock.slept == [5]


def test_the_environment_says_how_long_for_all_sources(drop, clock, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_SETTLED_AFTER", "0")
    aged(drop.holds("a.csv"), clock, 0)
    assert clock.settled(drop, settled_after=60) == (["in/a.csv"], [])
    assert clock.slept == []


@pytest.mark.parametrize("marker", ["{name}.done", "{stem}.ok", "{stem}.o?", "DONE"])
def test_a_file_waits_for_its_marker_which_is_no_file_of_the_dataset(drop, clock, marker):
    aged(drop.holds("a.csv"), clock, 60)
    aged(drop.holds("b.csv"), clock, 60)
    drop.holds({"{name}.done": "a.csv.done", "DONE": "DONE"}.get(marker, "a.ok"))
    for one in (drop.folder / "in").iterdir():
        aged(one, clock, 60)
    names, told = clock.settled(drop, "*", marker=marker)
    assert names == (["in/a.csv", "in/b.csv"] if marker == "DONE" else ["in/a.csv"])
    assert [one[2] for one in told] == ([] if marker == "DONE" else ["in/b.csv"])


def test_a_marker_that_does_not_come_for_a_day_is_a_warning(drop, clock):
    aged(drop.holds("a.csv"), clock, 2 * 86_400)
    assert clock.settled(drop, marker="{name}.done") == ([], [("file-still-written", "warning", "in/a.csv")])


def test_the_members_of_an_archive_wait_with_it(drop, clock):
    import zipfile

    path = drop.holds("n.zip", b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "1")
        archive.writestr("b.csv", "2")
    aged(path, clock, 1)
    clock.meanwhile = lambda: aged(path, clock, 0)
    assert clock.settled(drop, "n.zip!*.csv") == ([], [("file-still-written", "info", "in/n.zip")])


def test_a_look_without_waiting_tells_which_files_are_young(drop, clock):
    aged(drop.holds("a.csv"), clock, 1)
    aged(drop.holds("b.csv"), clock, 9)
    told = lying(drop.source(), drop.dataset("*.csv"), folder=drop.folder)
    assert [one.name for one in still_written(told, drop.source(), now=lambda: clock.at)] == ["in/a.csv"]

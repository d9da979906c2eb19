"""What was fetched is kept while it is read, a little longer where room is, and never beyond the limit."""

import os
import threading

import pytest

from connectors.places import cache
from connectors.places.cache import Cache


def filling(content, told=None):
    def fill(path):
        path.write_bytes(content)
        if told is not None:
            told.append(path)

    return fill


def test_a_file_is_filled_once_and_found_again():
    held, told = Cache(), []
    for _ in range(3):
        with held.holding(("a",), filling(b"1", told), suffix=".csv") as path:
            assert (path.read_bytes(), path.suffix) == (b"1", ".csv")
    assert len(told) == 1
    held.clear()
    assert not path.exists()


def test_what_nobody_reads_goes_first_and_what_is_read_stays_however_large():
    held, told = Cache(idle_bytes=10), []
    with held.holding(("large",), filling(bytes(100), told)) as large:
        for name in "abc":
            with held.holding((name,), filling(bytes(5))) as path:
                pass
        assert large.exists()
        assert path.exists()
    assert not large.exists()
    with held.holding(("large",), filling(bytes(100), told)):
        assert len(told) == 2
    held.clear()


def test_no_more_files_are_kept_than_the_limit(monkeypatch):
    monkeypatch.setattr(cache, "IDLE_FILES", 2)
    held, paths = Cache(), []
    for name in "abcd":
        with held.holding((name,), filling(b"")) as path:
            paths.append(path)
    assert [path.exists() for path in paths] == [False, False, True, True]
    held.clear()


def test_a_file_that_could_not_be_filled_is_tried_again():
    held = Cache()

    def broken(path):
        path.write_bytes(b"half")
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"), held.holding(("a",), broken):
        pass
    with held.holding(("a",), filling(b"whole")) as path:
        assert path.read_bytes() == b"whole"
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    held.clear()


def test_many_readers_at_once_fill_a_file_once():
    held, told, seen = Cache(), [], []

    def read():
        with held.holding(("a",), filling(b"1", told)) as path:
            seen.append(path.read_bytes())

    threads = [threading.Thread(target=read) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(told), seen) == (1, [b"1"] * 16)
    held.clear()


def test_nobody_else_may_read_it_and_what_a_killed_process_left_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, ours = tmp_path / f"{cache.PREFIX}999999999-x", tmp_path / f"{cache.PREFIX}{os.getpid()}-x"
    for folder in (left, ours):
        folder.mkdir()
    held = Cache()
    with held.holding(("a",), filling(b"1")) as path:
        assert path.parent.stat().st_mode & 0o077 == 0
    assert (left.exists(), ours.exists()) == (False, True)
    held.clear()

"""Which files a dataset's physical name means, below its source's place and nowhere else."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import SourceError, SourceUnreachable, SourceUnreadable
from connectors.places import patterns
from connectors.places.local import LocalPlace

NAMES = st.sampled_from(["a", "b", "ab", "a.csv", "b.csv", ".a", "A"])
PARTS = st.sampled_from(["a", "*", "?", "[ab]", "a*", "*.csv", "**", "b"])


@given(
    paths=st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=8),
    pattern=st.lists(PARTS, min_size=1, max_size=3).filter(lambda parts: parts[-1] != "**"),
)
def test_a_pattern_finds_what_the_shell_of_pathlib_finds(paths, pattern):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for parts in paths:
            path = root.joinpath(*parts)
            if not any(above.is_file() for above in path.parents) and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
        told = "/".join(pattern)
        want = {path.relative_to(root).as_posix() for path in root.glob(told) if path.is_file()}
        entries = [one.path for one in patterns.found(LocalPlace(root, root), patterns.segments_of(told))]
        assert sorted(entries) == sorted(want)
        everything = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
        assert {path for path in everything if patterns.matches(path, patterns.segments_of(told))} == want


def test_a_table_stands_behind_a_sharp_and_a_member_behind_an_exclamation_mark(drop):
    drop.holds("book.xlsx", b"x")
    assert [(one.name, one.table) for one in drop.found("book.xlsx#Orders")] == [("in/book.xlsx", "Orders")]
    assert [(one.name, one.table) for one in drop.found("*.xlsx")] == [("in/book.xlsx", "")]


def test_a_file_whose_own_name_has_a_sign_is_found_first(drop):
    drop.holds("a.csv", b"1")
    drop.holds("a.csv#b", b"2")
    drop.holds("a.csv!b", b"3")
    assert drop.told("a.csv#b") == {"in/a.csv#b": b"2"}
    assert drop.told("a.csv!b") == {"in/a.csv!b": b"3"}
    assert [one.table for one in drop.found("a.csv#c")] == ["c"]


def test_a_location_that_is_one_file_still_says_which_table(drop):
    drop.holds("book.xlsx", b"x")
    [one] = drop.found("anything#Orders", location="in/book.xlsx")
    assert (one.name, one.table) == ("in/book.xlsx", "Orders")


def test_files_elsewhere_are_cited_by_their_path_below_the_source(drop, tmp_path_factory):
    place = tmp_path_factory.mktemp("elsewhere")
    for name in ("x", "y"):
        (place / name).mkdir()
        (place / name / "a.csv").write_text("1")
    assert drop.names("*/a.csv", location=str(place)) == ["x/a.csv", "y/a.csv"]
    assert drop.names("*/a.csv", location=place.as_uri()) == ["x/a.csv", "y/a.csv"]


@pytest.mark.parametrize("pattern", ["../a.csv", "x/../../a.csv", "/etc/hosts", "file:///etc/hosts", "s3://b/a.csv"])
def test_a_name_that_leads_out_of_the_place_is_refused(drop, pattern):
    with pytest.raises(SourceUnreadable, match="points outside"):
        drop.names(pattern)


@pytest.mark.parametrize("pattern", ["", ".", "**a", "a\0b", "a!b!c!d!e", "x.zip!../a", "x.zip!"])
def test_a_name_that_is_none_is_one_line(drop, pattern):
    with pytest.raises(SourceError) as caught:
        drop.names(pattern)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("location", ["ftp://host/x", "gopher://x", "file://host/x", "sftp://host/x", "http:///x"])
def test_a_location_that_is_no_place_is_refused(drop, location):
    with pytest.raises(SourceError, match=r"Name|Write"):
        drop.names("a.csv", location=location)


def test_a_pipe_and_a_link_to_nothing_are_told_and_hold_nothing_up(drop):
    drop.holds("a.csv", b"1")
    os.mkfifo(drop.folder / "in" / "pipe.csv")
    (drop.folder / "in" / "link.csv").symlink_to("nowhere")
    told = drop.told("*.csv")
    assert told["in/a.csv"] == b"1"
    assert told["in/pipe.csv"].startswith("it is a pipe")
    assert told["in/link.csv"].startswith("it is a link that leads nowhere")


def test_a_link_that_leads_in_circles_is_not_followed(drop):
    drop.holds("deep/a.csv", b"1")
    (drop.folder / "in" / "deep" / "again").symlink_to(drop.folder / "in")
    (drop.folder / "in" / "itself").symlink_to("itself")
    assert drop.names("**/*.csv") == ["in/deep/a.csv"]


def test_a_folder_that_may_not_be_listed_is_told_and_the_others_go_on(drop, monkeypatch):
    drop.holds("open/a.csv", b"1")
    drop.holds("closed/b.csv", b"1")
    usual = os.scandir

    def scandir(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return usual(path)

    monkeypatch.setattr(os, "scandir", scandir)
    told = drop.told("**/*.csv")
    assert told.pop("in/closed").startswith("the folder cannot be listed: Permission denied.")
    assert told == {"in/open/a.csv": b"1"}


def test_a_file_that_may_not_be_read_is_told(drop, monkeypatch):
    drop.holds("a.csv", b"1")
    [one] = drop.found("a.csv")

    def refuse(*_told, **_named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("connectors.places.content.os.open", refuse)
    with pytest.raises(Exception, match="Permission denied"):
        one.fingerprint()


def test_a_name_that_is_no_utf8_or_has_a_line_end_is_cited_in_one_printable_line(drop):
    drop.holds("x", b"")
    with open(os.fsencode(drop.folder / "in") + b"/caf\xe9.csv", "wb") as file:
        file.write(b"1")
    drop.holds("two\nlines.csv", b"2")
    assert drop.told("*.csv") == {"in/caf\\xe9.csv": b"1", "in/two\\nlines.csv": b"2"}


def test_more_files_than_the_limit_are_refused(drop):
    for at in range(4):
        drop.holds(f"{at}.csv")
    drop.options = {"limits": {"files": 3}}
    with pytest.raises(SourceUnreadable, match="more than 3 files"):
        drop.names("*.csv")


@pytest.mark.parametrize("limits", [{"files": 0}, {"file_bytes": "1"}, {"strange": 1}, 7])
def test_limits_that_are_none_are_refused(drop, limits):
    drop.holds("a.csv")
    drop.options = {"limits": limits}
    with pytest.raises(SourceUnreadable, match="limits"):
        drop.names("*.csv")


def test_what_changes_or_vanishes_while_it_is_read_is_refused(drop):
    path = drop.holds("a.csv", b"1")
    [one] = drop.found("a.csv")
    with pytest.raises(Exception, match="it changed while it was read"), one.fetched():
        path.write_bytes(b"12")
    [one] = drop.found("a.csv")
    with pytest.raises(Exception, match="it was removed while it was read"), one.fetched():
        path.unlink()
    with pytest.raises(SourceUnreachable):
        drop.found("a.csv")


def test_a_file_written_again_within_the_same_moment_has_a_new_fingerprint(drop):
    path = drop.holds("a.csv", b"1")
    stamp = path.stat().st_mtime_ns
    [one] = drop.found("a.csv")
    before = one.fingerprint()
    path.write_bytes(b"2")
    os.utime(path, ns=(stamp, stamp))
    [one] = drop.found("a.csv")
    assert one.fingerprint() != before

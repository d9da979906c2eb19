"""Files on an object store, an SSH server and a web server are found and fetched as those of a folder are."""

import gzip
import io
import zipfile

import pytest

from catalog.errors import FileRefused, SourceUnreachable
from evals.file_servers import Store, WebServer


def zipped(**members):
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return told.getvalue()


def test_a_pattern_finds_files_of_all_folders_in_order(drop, remote):
    for name in ("b.csv", "a.csv", "deep/c.csv", "deep/more/d.csv", "a.txt", "two words.csv"):
        remote.put(name, name.encode())
    assert drop.told("a.csv") == {"a.csv": b"a.csv"}
    assert drop.told("*.csv") == {name: name.encode() for name in ("a.csv", "b.csv", "two words.csv")}
    assert drop.names("**/*.csv") == ["a.csv", "b.csv", "deep/c.csv", "deep/more/d.csv", "two words.csv"]
    assert drop.names("deep/*.csv") == ["deep/c.csv"]
    assert drop.names("*/*/d.csv") == ["deep/more/d.csv"]


def test_a_location_may_be_one_file(drop, remote):
    remote.put("a.csv", b"1")
    assert drop.told("anything", location=remote.location("a.csv")) == {"a.csv": b"1"}


def test_sizes_and_times_are_told_and_a_changed_file_has_another_fingerprint(drop, remote):
    remote.put("a.csv", b"12345")
    [one] = drop.found("*.csv")
    assert one.size == 5
    assert one.modified.tzinfo is not None
    before = one.fingerprint()
    remote.put("a.csv", b"123456")
    [one] = drop.found("*.csv")
    assert one.fingerprint() != before


def test_an_object_store_tells_by_its_listing_whether_a_content_is_another_one(drop, remote):
    versions = []
    for content in (b"1", b"2", b"1"):
        remote.put("a.csv", content)
        [one] = drop.found("*.csv")
        versions.append(one.version)
    if isinstance(remote.server, Store):
        assert versions[0] == versions[2] != versions[1]
    else:
        assert versions == ["", "", ""], "sizes and times prove nothing"


def test_packed_files_and_members_of_archives_are_unpacked_here(drop, remote):
    remote.put("a.csv.gz", gzip.compress(b"1"))
    remote.put("night.zip", zipped(b_csv=b"2", c_txt=b"3"))
    assert drop.told("*.gz") == {"a.csv.gz!a.csv": b"1"}
    assert drop.told("*.zip!*.csv") == {"night.zip!b.csv": b"2"}


def test_what_is_not_there_is_unreachable(drop, remote):
    remote.put("a.csv", b"1")
    with pytest.raises(SourceUnreachable, match=r"no file matches 'b\.csv'"):
        drop.names("b.csv")
    with pytest.raises(SourceUnreachable, match="no file matches"):
        drop.names("*.txt")


def test_a_file_that_vanished_or_changed_since_it_was_found_is_refused(drop, remote):
    remote.put("a.csv", b"1")
    remote.put("b.csv", b"1")
    first, second = drop.found("*.csv")
    remote.remove("a.csv")
    remote.put("b.csv", b"22")
    for one in (first, second):
        with pytest.raises(FileRefused) as caught, one.fetched():
            pass
        assert "is not there any more" in str(caught.value) or "it changed" in str(caught.value)


def test_no_secret_stands_in_an_error(drop, remote, monkeypatch):
    monkeypatch.setenv("TEST_STORE_SECRET", "hunter2")
    monkeypatch.setenv("TEST_DESK_PASSWORD", "hunter2")
    if isinstance(remote.server, WebServer):
        remote.server.answer(f"/{remote.name}/", 403)
        drop.location = remote.location()
    with pytest.raises(SourceUnreachable) as caught:
        for told in drop.told("*.csv").values():
            raise SourceUnreachable("drop", "things", told)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)

"""Memos, code pages and labels come with the table they belong to, as a part of it, and are no files of their own."""

import gzip
import io
import os
import struct
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import FileRefused, SourceUnreadable
from connectors.formats import dbf
from connectors.formats.dbf import memos
from connectors.formats.tables import Limits
from connectors.places import lying, settled, siblings
from evals.file_servers import Store

FIELDS = b"TEXT\0\0\0\0\0\0\0M" + bytes(4) + b"\x0a" + bytes(15)
TABLE = struct.pack("<B3BIHH", 0x83, 124, 5, 6, 1, 65, 11) + bytes(20) + FIELDS + b"\r" + b"          1" + b"\x1a"
ENDINGS = st.sampled_from([".dbf", ".DBF", ".dbt", ".FPT", ".cpg", ".dbc", ".dct", ".sas7bdat", ".sas7bcat", ".csv"])


def memo(text):
    """A memo file of dBase III that holds one text."""
    return bytes(512) + (text + b"\x1a\x1a").ljust(512, b"\0")


def zipped(members):
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return told.getvalue()


def texts(delivery):
    """What the table's one memo field holds."""
    with delivery.fetched() as file:
        [table] = dbf.tables(file, dbf.Options(), limits=Limits())
        return [text for piece in table.pieces() for text in piece.frame["TEXT"].to_list()]


def put(drop, **members):
    for name, content in members.items():
        drop.holds(name.replace("_", "."), content)


def test_a_table_in_an_archive_has_its_memos(drop):
    drop.holds("n.zip", zipped({"deep/Orders.DBF": TABLE, "deep/ORDERS.dbt": memo(b"mine"), "orders.dbt": memo(b"no")}))
    [one] = drop.found("n.zip!**/*.DBF")
    assert (one.name, texts(one)) == ("in/n.zip!deep/Orders.DBF", ["mine"])


def test_an_archive_of_a_table_and_its_memos_is_one_file(drop):
    drop.holds("n.zip", zipped({"a.dbf": TABLE, "a.dbt": memo(b"text"), "a.cpg": b"UTF-8"}))
    [one] = drop.found("n.zip")
    assert (one.name, texts(one)) == ("in/n.zip!a.dbf", ["text"])


def test_a_table_on_a_server_has_its_memos(drop, remote):
    remote.put("a.dbf", TABLE)
    remote.put("A.DBT", memo(b"far away"))
    [one] = drop.found("*.dbf")
    assert texts(one) == ["far away"]
    before, version = one.fingerprint(), one.version
    remote.put("A.DBT", memo(b"changed now"))
    [one] = drop.found("*")
    assert texts(one) == ["changed now"]
    assert one.fingerprint() != before
    assert (one.version != version) == isinstance(remote.server, Store)


def test_a_location_that_is_one_file_has_its_memos(drop, remote):
    remote.put("a.dbf", TABLE)
    remote.put("a.dbt", memo(b"beside"))
    [one] = drop.found("anything", location=remote.location("a.dbf"))
    assert (one.name, texts(one)) == ("a.dbf", ["beside"])


def test_a_server_that_lists_nothing_is_asked_by_name(drop, web):
    for name, content in {"a.dbf": TABLE, "a.DBT": memo(b"asked for")}.items():
        (web.root / name).write_bytes(content)
    web.answer("/", 403)
    [one] = drop.found("a.dbf", location=f"{web.url}/")
    assert texts(one) == ["asked for"]


def test_a_server_that_has_whatever_it_is_asked_for_vouches_for_nothing(drop, web):
    (web.root / "a.dbf").write_bytes(TABLE)
    for path in ("/a.DBT", "/a.dbt", f"/a{siblings.NEVER}"):
        web.answer(path, 200, memo(b"not found"), Content_Type="text/html")
    web.answer("/", 403)
    [one] = drop.found("a.dbf", location=f"{web.url}/")
    assert texts(one) == [None]


def test_a_changed_memo_is_a_changed_file(drop):
    put(drop, a_dbf=TABLE)
    [bare] = drop.found("a.dbf")
    told = {bare.fingerprint()}
    for content in (b"one", b"two"):
        put(drop, a_dbt=memo(content))
        [one] = drop.found("a.dbf")
        assert texts(one) == [content.decode()]
        told.add(one.fingerprint())
    put(drop, a_cpg=b"1252")
    told |= {one.fingerprint() for one in drop.found("a.dbf")}
    assert len(told) == 4


def test_a_memo_is_no_file_of_its_own_beside_its_table(drop):
    put(drop, a_dbf=b"1", a_FPT=b"2", a_cpg=b"3", b_dbt=b"4", c_sas7bdat=b"5", c_sas7bcat=b"6", a_csv=b"7")
    drop.holds("FORMATS.sas7bcat", b"8")
    assert drop.names("*") == ["in/a.csv", "in/a.dbf", "in/b.dbt", "in/c.sas7bdat"]
    assert drop.names("*.FPT") == ["in/a.FPT"]
    drop.holds("n.zip", zipped({"a.dbf": b"1", "a.dbt": b"2", "b.dbt": b"3"}))
    assert drop.names("n.zip!*") == ["in/n.zip!a.dbf", "in/n.zip!b.dbt"]
    assert drop.names("n.zip!a.dbt") == ["in/n.zip!a.dbt"]


def test_what_was_packed_one_by_one_still_belongs_together(drop):
    drop.holds("a.dbf.gz", gzip.compress(TABLE))
    drop.holds("a.dbt.gz", gzip.compress(memo(b"packed")))
    [one] = drop.found("*")
    assert (one.name, texts(one)) == ("in/a.dbf.gz!a.dbf", ["packed"])


def test_of_two_memos_the_one_that_is_spelled_alike_is_read(drop):
    put(drop, a_dbf=TABLE, a_dbt=memo(b"small"), A_DBF=TABLE, A_DBT=memo(b"large"))
    assert {one.name: texts(one) for one in drop.found("*")} == {"in/A.DBF": ["large"], "in/a.dbf": ["small"]}


def test_a_memo_that_cannot_be_read_refuses_its_table_by_name(drop):
    put(drop, a_dbf=TABLE)
    os.mkfifo(drop.folder / "in" / "a.dbt")
    assert drop.refusal("*.dbf").startswith("'a.dbt', which belongs to it: it is a pipe")
    drop.holds("n.zip", zipped({"b.dbf": TABLE, "b.dbt.gz": gzip.compress(memo(b"x"))[:-9]}))
    assert drop.refusal("n.zip").startswith("'b.dbt.gz', which belongs to it: it is cut")


def test_a_memo_that_leads_out_of_the_place_stops_the_dataset(drop):
    put(drop, a_dbf=TABLE)
    (drop.folder / "outside").write_bytes(memo(b"secret"))
    (drop.folder / "in" / "a.dbt").symlink_to(drop.folder / "outside")
    with pytest.raises(SourceUnreadable, match="leads outside"):
        drop.found("*.dbf")


def test_a_memo_that_changes_while_it_is_read_is_refused(drop):
    put(drop, a_dbf=TABLE, a_dbt=memo(b"text"))
    [one] = drop.found("*.dbf")
    with pytest.raises(FileRefused, match="it changed while it was read"), one.fetched():
        put(drop, a_dbt=memo(b"other text"))


def test_a_table_waits_for_a_memo_that_is_still_being_written(drop, monkeypatch):
    monkeypatch.delenv("LANDBRIDGE_SETTLED_AFTER", raising=False)
    put(drop, a_dbf=TABLE, a_dbt=memo(b"text"))
    os.utime(drop.folder / "in" / "a.dbf", (1, 1))
    found = drop.found("*.dbf")
    ready, [told] = settled(found, drop.source(), wait=lambda _: put(drop, a_dbt=memo(b"more text")))
    assert (ready, told.rule, told.evidence) == ([], "file-still-written", {"file": "in/a.dbf"})
    ready, _ = settled(drop.found("*.dbf"), drop.source(), now=lambda: time.time() + 60)
    assert [one.name for one in ready] == ["in/a.dbf"]


def test_a_look_at_a_folder_tells_that_a_memo_changed(drop):
    put(drop, a_dbf=TABLE, a_dbt=memo(b"text"))
    [before] = lying(drop.source(), drop.dataset("*"), folder=drop.folder)
    put(drop, a_dbt=memo(b"more text"))
    [after] = lying(drop.source(), drop.dataset("*"), folder=drop.folder)
    assert before.entry == after.entry
    assert before.state != after.state


def test_a_location_that_is_one_file_waits_for_its_marker(drop, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_SETTLED_AFTER", "0")
    put(drop, a_csv=b"1")
    source = drop.source(location="in/a.csv", marker="{name}.done")
    for marker in (False, True):
        if marker:
            drop.holds("a.csv.done")
        ready, _ = settled(drop.found("anything", location="in/a.csv", marker="{name}.done"), source)
        assert [one.name for one in ready] == (["in/a.csv"] if marker else [])


def test_all_that_the_formats_look_for_comes_with_a_table():
    assert {(main, (memo,)) for main, memo in memos.CONTAINERS.items()} <= set(siblings.ENDINGS.items())
    assert set(memos.SUFFIXES) <= set(siblings.ENDINGS[".dbf"])


@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b/a", "b/formats"]), ENDINGS).map("".join), unique=True))
def test_every_file_is_read_by_itself_or_with_the_one_that_it_belongs_to(paths):
    told = siblings.families(paths, paths)
    alone = siblings.without(paths, told)
    belonging = {path for one in told.values() for path in one.values()}
    assert set(alone) | belonging == set(paths)
    assert not set(alone) & belonging
    for main, beside in told.items():
        assert main not in beside.values()
        assert all(main.rpartition("/")[0] == path.rpartition("/")[0] for path in beside.values())

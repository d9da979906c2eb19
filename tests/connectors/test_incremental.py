"""Reading a table again: only what changed comes, and what is held afterwards is what a full read would give."""

import sqlite3

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import connectors
from catalog.errors import SourceUnreadable
from catalog.models import Incremental
from connectors.batch import Since, settled
from pipelines.merging import folded, merged

FIELDS = {"k": "integer", "v": "string", "stamp": "integer"}


class Held:
    """A dataset that is read again and again, and the rows held of it."""

    def __init__(self, told, mode, column="", overlap=""):
        self.told, self.rows, self.cursor = told, told.folder / "held.parquet", None
        how = Incremental(mode=mode, column=column, overlap=overlap)
        self.dataset = told.dataset.model_copy(update={"incremental": how})

    def read(self):
        """The batches of the next read, taken into what is held."""
        since = Since(self.cursor, self.rows) if self.cursor else None
        batches = settled(connectors.read(self.told.source, self.dataset, folder=self.told.folder, since=since))
        self.cursor = batches[-1].cursor
        if batches[0].whole:
            pl.concat([batch.frame for batch in batches]).write_parquet(self.rows)
        else:
            target = self.rows.with_suffix(".new")
            merged(self.rows, folded([(batch.frame, batch.gone) for batch in batches]), target)
            target.replace(self.rows)
        self.equals_a_full_read()
        return batches

    def fetched(self):
        """The keys whose rows came, and whether everything did."""
        batches = self.read()
        frame = pl.concat([batch.frame for batch in batches])
        return sorted(frame["k"].to_list()), batches[0].whole

    def equals_a_full_read(self):
        want = self.told.frame().drop("_position")
        got = pl.read_parquet(self.rows).drop("_position", "_row_hash", strict=False)
        assert_frame_equal(got, want, check_row_order=False)


@pytest.fixture
def things(server):
    """A table of five rows, stamped 10 to 50."""
    rows = [(str(number), f"'v{number}'", str(number * 10)) for number in range(1, 6)]
    return server.table("k int PRIMARY KEY, v varchar(20), stamp int", *rows)


def _held(server, mode, **how):
    return Held(server.export(FIELDS, key="k"), mode, **how)


def test_nothing_changed_brings_nothing(things):
    for mode, how in (("watermark", {"column": "stamp"}), ("keys", {})):
        held = _held(things, mode, **how)
        assert held.fetched() == ([1, 2, 3, 4, 5], True)
        keys, whole = held.fetched()
        assert (keys, whole) == ([5] if mode == "watermark" else [], False), (
            "the highest stamp may be that of others too"
        )


def test_a_watermark_brings_what_is_newer_and_sees_what_is_gone(things):
    held = _held(things, "watermark", column="stamp")
    held.read()
    things.run("UPDATE landbridge_things SET v = 'new', stamp = 60 WHERE k = 2",
               "DELETE FROM landbridge_things WHERE k = 4",
               "INSERT INTO landbridge_things VALUES (9, NULL, 61)")  # fmt: skip
    assert held.fetched() == ([2, 5, 9], False)


def test_a_clock_that_was_set_back_loses_nothing(things):
    held = _held(things, "watermark", column="stamp")
    held.read()
    things.run("UPDATE landbridge_things SET v = 'back', stamp = 3 WHERE k = 5")
    assert held.fetched() == ([5], False)
    things.run("UPDATE landbridge_things SET v = 'none', stamp = NULL WHERE k = 1")
    assert 1 in held.fetched()[0]


def test_an_overlap_brings_rows_that_were_stamped_alike(things):
    held = _held(things, "watermark", column="stamp", overlap="20")
    held.read()
    things.run("UPDATE landbridge_things SET v = 'same stamp' WHERE k = 3")
    assert held.fetched() == ([3, 4, 5], False)


def test_the_hash_of_a_row_tells_any_change_and_null_from_empty(things):
    held = _held(things, "keys")
    held.read()
    things.run("UPDATE landbridge_things SET v = '' WHERE k = 1", "UPDATE landbridge_things SET k = 8 WHERE k = 2",
               "DELETE FROM landbridge_things WHERE k = 3")  # fmt: skip
    assert held.fetched() == ([1, 8], False)
    things.run("UPDATE landbridge_things SET v = NULL WHERE k = 1")
    assert held.fetched() == ([1], False)


@pytest.mark.parametrize(("mode", "column"), [("watermark", "stamp"), ("keys", "")])
def test_a_repeated_or_absent_key_is_refused_in_one_line(server, mode, column):
    server.table("k int, v varchar(20), stamp int", ("1", "'a'", "1"), ("2", "'b'", "2"))
    held = _held(server, mode, column=column)
    held.read()
    server.run("INSERT INTO landbridge_things VALUES (2, 'c', 3)")
    before = held.cursor
    with pytest.raises(SourceUnreadable, match=r"repeat the key .*mode full"):
        held.read()
    server.run("UPDATE landbridge_things SET k = NULL WHERE v = 'c'")
    with pytest.raises(SourceUnreadable, match=r"1 rows have no key"):
        held.read()
    assert held.cursor == before


def test_another_key_mode_or_column_means_that_everything_is_read(things):
    held = _held(things, "keys")
    held.read()
    held.dataset = held.dataset.model_copy(update={"incremental": Incremental(mode="watermark", column="stamp")})
    assert held.fetched()[1] is True
    assert held.fetched()[1] is False
    things.run("ALTER TABLE landbridge_things ADD w int")
    assert held.fetched()[1] is True


def test_a_value_that_makes_its_column_text_is_read_with_the_whole_column_and_so_is_its_repair(postgresql):
    postgresql.table("k int PRIMARY KEY, v date, stamp int", ("1", "'2024-01-05'", "1"), ("2", "NULL", "2"))
    held = _held(postgresql, "keys")
    held.read()
    postgresql.run("UPDATE landbridge_things SET v = 'infinity' WHERE k = 2")
    assert pl.concat([batch.frame for batch in _again(held)])["v"].to_list() == ["2024-01-05", "infinity"]
    postgresql.run("UPDATE landbridge_things SET v = '2024-01-07' WHERE k = 1")
    assert held.fetched() == ([1], False), "text stays text while the odd value is there"
    postgresql.run("UPDATE landbridge_things SET v = NULL WHERE k = 2")
    assert held.fetched() == ([1, 2], True)


def _again(held):
    """A change whose types differ cannot be merged; the raw stage then reads everything, as here."""
    since = Since(held.cursor, held.rows)
    changed = settled(connectors.read(held.told.source, held.dataset, folder=held.told.folder, since=since))
    assert changed[0].whole or changed[0].frame.schema["v"] == pl.String()
    held.cursor = None
    return held.read()


def test_keys_of_any_kind_are_found_again(server):
    odd = ["''", "'a''b'", "'50%'", "'; DROP TABLE x; --'", "'ü🙂'", "' '"]
    if server.name == "postgresql":
        server.table("k text PRIMARY KEY, v varchar(20), stamp int", *((key, "'v'", "1") for key in odd))
    else:
        server.table("k varchar(40) COLLATE utf8mb4_nopad_bin PRIMARY KEY, v varchar(20), stamp int",
                     *((key, "'v'", "1") for key in odd))  # fmt: skip
    held = Held(server.export(FIELDS | {"k": "string"}, key="k"), "keys")
    held.read()
    server.run("UPDATE landbridge_things SET v = 'w'")
    assert len(held.fetched()[0]) == len(odd)


@pytest.mark.parametrize(
    ("kind", "literal"),
    [("uuid", "'123e4567-e89b-12d3-a456-426655440000'"), ("date", "'2024-01-05'"), ("numeric(20,5)", "1.50000"),
     ("timestamptz", "'2024-07-01 10:00:00.5+02'"), ("bytea", r"'\x00ff'"), ("boolean", "true"), ("inet", "'10.0.0.1'"),
     ("double precision", "0.1")],
)  # fmt: skip
def test_a_key_of_any_type_of_postgresql_is_found_again(postgresql, kind, literal):
    postgresql.table(f"k {kind} PRIMARY KEY, v text, stamp int", (literal, "'a'", "1"))
    held = Held(postgresql.export(FIELDS, key="k"), "keys")
    held.read()
    postgresql.run("UPDATE landbridge_things SET v = 'b'")
    batches = held.read()
    assert [batch.whole for batch in batches] == [False] * len(batches)
    assert sum(batch.frame.height for batch in batches) == 1


@pytest.mark.parametrize(
    ("kind", "literal"),
    [("uuid", "'123e4567-e89b-12d3-a456-426655440000'"), ("date", "'2024-01-05'"), ("decimal(20,5)", "1.5"),
     ("datetime(6)", "'2024-07-01 10:00:00.5'"), ("timestamp", "'2024-07-01 10:00:00'"), ("binary(2)", "x'00ff'"),
     ("bigint unsigned", "18446744073709551615"), ("bit(9)", "b'101010101'")],
)  # fmt: skip
def test_a_key_of_any_type_of_mariadb_is_found_again(mariadb, kind, literal):
    mariadb.table(f"k {kind} PRIMARY KEY, v text, stamp int", (literal, "'a'", "1"))
    held = Held(mariadb.export(FIELDS, key="k"), "keys")
    held.read()
    mariadb.run("UPDATE landbridge_things SET v = 'b'")
    batches = held.read()
    assert [batch.whole for batch in batches] == [False] * len(batches)
    assert sum(batch.frame.height for batch in batches) == 1


def test_sqlite_has_no_hash_so_its_rows_are_all_read_and_a_watermark_serves(tmp_path, export):
    database = sqlite3.connect(tmp_path / "a.db")
    database.executescript("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT, stamp TEXT); INSERT INTO t VALUES"
                           " (1, 'a', '2024-01-01 10:00:00'), (2, 'b', '2024-01-02 10:00:00')")  # fmt: skip
    told = export("sql", "t", FIELDS, key="k", location="sqlite:///a.db")
    keys, stamped = Held(told, "keys"), Held(told, "watermark", column="stamp", overlap="1h")
    stamped.rows = tmp_path / "stamped.parquet"
    for held in (keys, stamped):
        held.read()
    database.executescript("UPDATE t SET v = 'c', stamp = '2024-01-01 11:00:00' WHERE k = 1")
    assert keys.fetched() == ([1, 2], True)
    assert stamped.fetched() == ([1, 2], False)
    database.close()


def test_an_overlap_that_cannot_be_taken_off_is_refused(things):
    held = _held(things, "watermark", column="stamp", overlap="1d")
    held.read()
    with pytest.raises(SourceUnreadable, match="overlap of '1d' cannot be taken off 'stamp'"):
        held.read()


def test_a_watermark_that_is_no_column_is_refused(things):
    with pytest.raises(SourceUnreadable, match="'changed', by which changes are known, is no column"):
        _held(things, "watermark", column="changed").read()

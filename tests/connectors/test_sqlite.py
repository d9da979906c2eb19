import sqlite3

import polars as pl
import pytest

from catalog.errors import SourceUnreachable, SourceUnreadable


@pytest.fixture
def sqlite(export, tmp_path):
    """`sqlite(*statements)` fills a database; its table `t` is read."""

    def filled(*statements, physical="t", fields=("v",), key=None, **habits):
        database = sqlite3.connect(tmp_path / "a.db")
        for statement in statements:
            database.execute(*statement) if isinstance(statement, tuple) else database.execute(statement)
        database.commit()
        database.close()
        return export(
            "sql", physical, dict.fromkeys(fields, "string"), location="sqlite:///a.db", key=key, **habits
        )  # fmt: skip

    return filled


@pytest.mark.parametrize(
    ("declared", "literals", "dtype", "values"),
    [
        ("INTEGER", ("9223372036854775807", "NULL"), pl.Int64(), [2**63 - 1, None]),
        ("INTEGER", ("1", "'x'", "2.5", "X'00ff'", "NULL"), pl.String(), ["1", "x", "2.5", "X'00FF'", None]),
        ("NUMERIC(12,2)", ("1", "0.5"), pl.Float64(), [1.0, 0.5]),
        ("NUMERIC(12,2)", ("9007199254740993", "0.5"), pl.String(), ["9007199254740993", "0.5"]),
        ("DECIMAL(30,20)", ("1e-12",), pl.Float64(), [1e-12]),
        ("REAL", ("0.1",), pl.Float64(), [0.1]),
        ("BOOLEAN", ("1", "0", "2"), pl.Int64(), [1, 0, 2]),
        ("DATE", ("'0000-00-00'", "'2024-02-30'", "'01-JAN-13'"), pl.String(),
         ["0000-00-00", "2024-02-30", "01-JAN-13"]),
        ("DATETIME", ("'2024-01-01 10:11:12'", "'2024-01-01T10:11:12Z'"), pl.String(),
         ["2024-01-01 10:11:12", "2024-01-01T10:11:12Z"]),
        ("BLOB", ("X'00ff'",), pl.Binary(), [b"\x00\xff"]),
        ("TEXT", ("'a ' || char(0) || 'é'",), pl.String(), ["a \0é"]),
        ("", ("1",), pl.Int64(), [1]),
        ("INTEGER", ("NULL",), pl.Int64(), [None]),
    ],
)  # fmt: skip
def test_what_a_column_holds_decides_its_type_and_no_value_changes(sqlite, declared, literals, dtype, values):
    told = sqlite(f"CREATE TABLE t (v {declared})", *(f"INSERT INTO t VALUES ({one})" for one in literals))
    assert told.frame().schema["v"] == dtype
    assert told.frame()["v"].to_list() == values


def test_rows_come_in_key_order_in_bounded_batches_with_their_ordinals(sqlite):
    rows = [("INSERT INTO t VALUES (?)", (number,)) for number in reversed(range(25))]
    told = sqlite("CREATE TABLE t (v INTEGER)", *rows, key="v", batch_rows=10)
    assert [batch.frame.height for batch in told.batches()] == [10, 10, 5]
    assert told.rows() == [(number,) for number in range(25)]
    assert told.positions() == list(range(1, 26))
    assert told.frame()["_location"].unique().to_list() == ["t"]


def test_an_empty_table_gives_one_empty_batch_with_the_types_that_rows_would_have(sqlite):
    frame = sqlite("CREATE TABLE t (v DATE, n NUMERIC(5,2), s VARCHAR(3))").frame()
    assert frame.height == 0
    assert list(frame.schema.values())[:3] == [pl.String(), pl.Float64(), pl.String()]


def test_names_may_be_reserved_words_and_hold_blanks(sqlite):
    told = sqlite('CREATE TABLE "Order Details" ("select" INTEGER, "a b" TEXT, "x""y" TEXT)',
                  "INSERT INTO \"Order Details\" VALUES (1, 'x', 'y')", physical="Order Details",
                  fields=("select", "a b"))  # fmt: skip
    assert told.frame().columns[:3] == ["select", "a b", 'x"y']
    assert told.rows() == [(1, "x", "y")]


def test_a_view_is_read_and_a_name_may_carry_its_schema(sqlite):
    told = sqlite("CREATE TABLE t (v TEXT)", "INSERT INTO t VALUES ('x')",
                  "CREATE VIEW w AS SELECT v || 'y' AS v FROM t",
                  physical="w")  # fmt: skip
    assert told.rows() == [("xy",)]
    assert sqlite(physical="main.t").rows() == [("x",)]


def test_a_table_that_changes_meanwhile_is_seen_as_it_was_at_the_beginning(sqlite, tmp_path):
    import connectors

    rows = [("INSERT INTO t VALUES (?)", (number,)) for number in range(20)]
    told = sqlite("PRAGMA journal_mode=WAL", "CREATE TABLE t (v INTEGER)", *rows, key="v", batch_rows=5)
    reading = connectors.read(told.source, told.dataset, folder=told.folder)
    first = next(reading)
    with sqlite3.connect(tmp_path / "a.db") as writer:
        writer.execute("UPDATE t SET v = 'changed' WHERE v > 10")
    writer.close()
    assert pl.concat([first.frame, *(batch.frame for batch in reading)])["v"].to_list() == list(range(20))


def test_the_database_is_opened_read_only_and_a_misspelled_one_is_not_made(export, tmp_path):
    with pytest.raises(SourceUnreachable, match="unable to open database file"):
        export("sql", "t", {"v": "string"}, location="sqlite:///typo.db").batches()
    assert not (tmp_path / "typo.db").exists()


def test_a_path_may_hold_any_sign(export, tmp_path):
    odd = tmp_path / "a b#c?d%20é"
    odd.mkdir()
    database = sqlite3.connect(odd / "a.db")
    database.execute("CREATE TABLE t AS SELECT 1 AS v")
    database.close()
    told = export("sql", "t", {"v": "string"}, location="sqlite:///a.db")
    told.folder = odd
    assert told.rows() == [(1,)]


def test_a_file_that_is_no_database_is_one_line(export):
    told = export("sql", "t", {"v": "string"}, location="sqlite:///in/a.csv").holds("no database, " * 100)
    with pytest.raises((SourceUnreachable, SourceUnreadable), match="file is not a database") as caught:
        told.batches()
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_named(sqlite):
    with pytest.raises(SourceUnreadable, match="there is no table 'gone'"):
        sqlite("CREATE TABLE t (v)", physical="gone").batches()


def test_text_that_is_not_utf_8_is_refused_without_the_value(sqlite):
    told = sqlite("CREATE TABLE t (v TEXT)", "INSERT INTO t VALUES (CAST(X'736563726574E9' AS TEXT))")
    with pytest.raises(SourceUnreadable, match="a text of it is not UTF-8") as caught:
        told.batches()
    assert "secret" not in str(caught.value)


def test_a_column_named_like_provenance_is_refused(sqlite):
    with pytest.raises(SourceUnreadable, match="taken by provenance"):
        sqlite("CREATE TABLE t (_position INTEGER)").batches()

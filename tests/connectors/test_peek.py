"""Peeking: what a file holds, without a project, to the last digit and in bounded pieces."""

import json
import sqlite3
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import connectors
from catalog.errors import FileRefused
from connectors.formats.tables import Limits
from connectors.peeking import peek
from connectors.peeking.spelling import as_texts, json_lines


def _rows(frame):
    text = b"".join(json_lines(frame)).decode()
    return [json.loads(line, parse_float=Decimal) for line in text.split("\n") if line]


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "stock.parquet"
    pl.DataFrame(
        {"sku": ["A", "B", "C"], "price": [Decimal("1.50"), None, Decimal("99999999999999999.99")]}
    ).write_parquet(path)
    return path


def test_a_frame_is_one_call_away(parquet):
    frame = connectors.peek(parquet).frame(rows=2)
    assert frame.columns == ["sku", "price"]
    assert frame["sku"].to_list() == ["A", "B"]


def test_a_peek_tells_its_form_and_its_columns(parquet):
    with peek("stock.parquet", folder=parquet.parent) as told:
        assert (told.format, told.meta["size"]) == ("parquet", parquet.stat().st_size)
        assert [(one.name, one.declared, one.type) for one in told.columns] == [
            ("sku", "large_string", pl.String()), ("price", "decimal128(38, 2)", pl.Decimal(38, 2)),
        ]  # fmt: skip


def test_rows_are_read_anew_each_time_and_end_where_they_were_told_to(parquet):
    told = peek(parquet, rows=2)
    assert [sum(piece.frame.height for piece in told.pieces()) for _ in range(2)] == [2, 2]
    assert list(told.texts()) == [["sku", "price"], ("A", "1.50"), ("B", None)]


def test_pieces_are_no_larger_than_asked_for(parquet):
    told = peek(parquet, limits=Limits(batch_rows=1))
    assert [piece.frame.height for piece in told.pieces() if piece.frame.height] == [1, 1, 1]


def test_decimals_keep_their_digits_and_nested_values_stay_nested():
    frame = pl.DataFrame({
        "price": [Decimal("1.50")], "parts": [[{"weight": Decimal("12345678901234567890.123"), "raw": b"\x00\xff"}]],
    })  # fmt: skip
    text = b"".join(json_lines(frame)).decode()
    assert text == '{"price":1.50,"parts":[{"weight":12345678901234567890.123,"raw":"00ff"}]}\n'


def test_what_json_has_no_word_for_is_null_hex_or_iso():
    frame = pl.DataFrame({
        "x": [float("nan"), float("inf"), 0.1], "b": [b"\x00\xff", None, b""], "d": [date(2020, 2, 29)] * 3,
        "at": [datetime(2020, 1, 1, 1, 2, 3)] * 3, "zoned": [datetime(2020, 1, 1, tzinfo=UTC)] * 3,
        "t": [time(1, 2, 3)] * 3,
    })  # fmt: skip
    first, second, third = _rows(frame)
    assert [first["x"], second["x"], third["x"]] == [None, None, Decimal("0.1")]
    assert [first["b"], second["b"], third["b"]] == ["00ff", None, ""]
    assert (first["d"], first["at"], first["zoned"]) == (
        "2020-02-29", "2020-01-01T01:02:03", "2020-01-01T00:00:00+00:00",
    )  # fmt: skip
    assert first["t"] == "01:02:03"


def test_a_nested_value_that_is_null_is_null_and_not_a_struct_of_nulls():
    frame = pl.DataFrame({"s": [{"p": Decimal("1.0"), "b": b"\x01"}, None], "l": [[Decimal("2.0"), None], None]})
    assert _rows(frame)[1] == {"s": None, "l": None}
    assert list(as_texts(frame)) == [('{"p":1.0,"b":"01"}', "[2.0,null]"), (None, None)]


VALUES = st.one_of(st.none(), st.text(max_size=8))
NUMBERS = st.one_of(
    st.none(), st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VALUES, NUMBERS, st.lists(NUMBERS, max_size=3)), max_size=6))
def test_rows_come_back_from_json_as_they_were(rows):
    schema = {"t": pl.String(), "n": pl.Decimal(38, 3), "l": pl.List(pl.Decimal(38, 3))}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    assert [tuple(row.values()) for row in _rows(frame)] == frame.rows()


def test_a_table_of_a_database_is_peeked_by_its_url(tmp_path):
    with sqlite3.connect(tmp_path / "till.db") as database:
        database.execute("CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT)")
        database.execute("CREATE TABLE items (name TEXT)")
        database.execute("INSERT INTO sales VALUES (1, 'rope')")
    database.close()
    told = peek(f"sqlite:///{tmp_path / 'till.db'}", table="sales")
    assert told.meta["tables"] == ["items", "sales"]
    assert told.frame().rows() == [(1, "rope")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"table": "tabel"}, "there is no table 'tabel' in it"),
        ({"format": "parqet"}, "Did you mean 'parquet'?"),
        ({"options": {"no_such": 1}}, "no option 'no_such'"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(parquet, words, said):
    with pytest.raises(FileRefused, match=said):
        peek(parquet, **words)


def test_the_elements_of_a_list_can_be_the_rows(tmp_path):
    orders = pl.DataFrame({"no": [1, 2], "lines": [[{"item": "rope"}, {"item": "nail"}], [{"item": "saw"}]]})
    orders.write_parquet(tmp_path / "orders.parquet")
    told = peek(tmp_path / "orders.parquet", options={"rows": "lines"})
    assert told.frame().rows() == [(1, "rope"), (1, "nail"), (2, "saw")]


def test_the_first_file_of_a_folder_that_can_be_read_is_shown_and_another_can_be_chosen(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 cut")
    for name in ("b", "c"):
        pl.DataFrame({name: [1]}).write_parquet(tmp_path / f"{name}.parquet")
    assert peek(tmp_path).frame().columns == ["b"]
    assert peek(tmp_path, table="c.parquet").frame().columns == ["c"]
    assert len(peek(tmp_path).meta["files"]) == 3


def test_members_of_an_archive_are_peeked_and_their_copies_go_with_the_peek(tmp_path):
    pl.DataFrame({"n": [1]}).write_parquet(tmp_path / "n.parquet")
    with zipfile.ZipFile(tmp_path / "night.zip", "w") as archive:
        archive.write(tmp_path / "n.parquet", "in/n.parquet")
    for location in ("night.zip", "night.zip!in/n.parquet", "night.zip!**/*.parquet"):
        assert peek(location, folder=tmp_path).frame().rows() == [(1,)]


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileRefused, match="no such file"):
        peek("nothing.csv", folder=tmp_path)

from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import SourceUnreadable

ROW = {
    "i": 2**62, "u": 2**63, "f": 0.1, "d": Decimal("1.2345678901234567890"), "b": True, "s": "é", "x": b"\x00\xff",
    "day": date(2024, 2, 29), "at": datetime(2024, 1, 1, 12, 0, 0, 1, tzinfo=UTC), "t": time(1, 2, 3, 4),
    "l": [1, 2], "n": None,
}  # fmt: skip
TYPES = {
    "i": pl.Int64(), "u": pl.UInt64(), "f": pl.Float64(), "d": pl.Decimal(38, 19), "b": pl.Boolean(), "s": pl.String(),
    "x": pl.Binary(), "day": pl.Date(), "at": pl.Datetime("us", "UTC"), "t": pl.Time(),
    "l": pl.List(pl.Int64), "n": pl.Int32(),
}  # fmt: skip


@pytest.fixture
def parquet(export):
    """A Parquet export of one or more tables."""

    def made(*tables, fields=("i",), **habits):
        told = export("parquet", "*.parquet", dict.fromkeys(fields, "string"), **habits)
        for number, table in enumerate(tables):
            pq.write_table(table, told.folder / "in" / f"{number}.parquet")
        return told

    return made


def test_types_and_values_are_those_of_the_file(parquet):
    told = parquet(pl.DataFrame([ROW], schema=TYPES).to_arrow())
    assert {name: told.frame().schema[name] for name in TYPES} == TYPES
    assert told.frame().select(*TYPES).row(0, named=True) == ROW


def test_files_with_other_column_orders_and_narrower_types_fall_into_the_same_columns(parquet):
    told = parquet(pa.table({"i": pa.array([1], pa.int32()), "s": ["a"]}), pa.table({"s": ["b"], "i": [2**40]}))
    assert told.rows() == [(1, "a"), (2**40, "b")]


def test_a_column_that_one_file_lacks_is_null_there_and_blocks_where_it_was_promised(parquet):
    told = parquet(pa.table({"i": [1], "s": ["a"]}), pa.table({"s": ["b"]}), fields=("i", "s"))
    assert told.rows() == [(1, "a"), (None, "b")]
    assert told.rules() == {"drift/missing-columns": True}


def test_files_whose_types_do_not_meet_are_refused(parquet):
    with pytest.raises(SourceUnreadable, match="different types"):
        parquet(pa.table({"i": [1]}), pa.table({"i": ["x"]})).batches()


def test_a_value_that_the_common_type_cannot_hold_is_refused_and_not_rounded(parquet):
    with pytest.raises(SourceUnreadable, match="declare different types: 'i' is Int64 and Float64"):
        parquet(pa.table({"i": [2**53 + 1]}), pa.table({"i": [0.5]})).batches()


def test_dictionaries_are_text(parquet):
    told = parquet(pa.table({"i": pa.array(["x", "y", "x"]).dictionary_encode()}), batch_rows=2)
    assert told.rows() == [("x",), ("y",), ("x",)]
    assert told.frame().schema["i"] == pl.String


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_a_file_that_is_cut_off_is_refused(parquet, cut):
    told = parquet(pa.table({"i": list(range(1000))}))
    path = told.folder / "in" / "0.parquet"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(SourceUnreadable, match=r"0.parquet': it is not a whole Parquet file"):
        told.batches()


def test_a_damaged_page_is_refused(parquet):
    told = parquet(pa.table({"i": [str(number) * 9 for number in range(5000)]}))
    path = told.folder / "in" / "0.parquet"
    content = bytearray(path.read_bytes())
    content[100:2000] = b"\xff" * 1900
    path.write_bytes(content)
    with pytest.raises(SourceUnreadable):
        told.batches()


def test_a_file_without_rows_gives_one_empty_batch_with_the_columns(parquet):
    frame = parquet(pa.table({"i": pa.array([], pa.int64())})).frame()
    assert frame.schema["i"] == pl.Int64
    assert frame.height == 0


def test_batches_are_bounded_and_rows_are_numbered(parquet):
    told = parquet(pa.table({"i": list(range(25))}), batch_rows=10)
    assert [batch.frame.height for batch in told.batches()] == [10, 10, 5]
    assert told.positions() == list(range(1, 26))


def test_a_column_named_like_provenance_or_named_twice_is_refused(parquet):
    with pytest.raises(SourceUnreadable, match="taken by provenance"):
        parquet(pa.table({"_location": ["x"]})).batches()
    with pytest.raises(SourceUnreadable, match="twice"):
        parquet(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["i", "i"])).batches()

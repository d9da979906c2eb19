import contextlib
from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import parquet
from connectors.formats.tables import File, Limits

USUAL = Limits()
ROW = {
    "i": 2**62, "u": 2**63, "f": 0.1, "d": Decimal("1.2345678901234567890"), "b": True, "s": "é", "x": b"\x00\xff",
    "day": date(2024, 2, 29), "at": datetime(2024, 1, 1, 12, 0, 0, 1, tzinfo=UTC), "t": time(1, 2, 3, 4),
    "l": [1, 2], "o": {"a": [{"b": 1}]}, "n": None,
}  # fmt: skip
TYPES = {
    "i": pl.Int64(), "u": pl.UInt64(), "f": pl.Float64(), "d": pl.Decimal(38, 19), "b": pl.Boolean(), "s": pl.String(),
    "x": pl.Binary(), "day": pl.Date(), "at": pl.Datetime("us", "UTC"), "t": pl.Time(), "l": pl.List(pl.Int64),
    "o": pl.Struct({"a": pl.List(pl.Struct({"b": pl.Int64}))}), "n": pl.Int32(),
}  # fmt: skip


@pytest.fixture
def opened(tmp_path):
    """The one table of a Parquet file that holds an Arrow table."""

    def made(table, limits=USUAL, **habits):
        pq.write_table(table, tmp_path / "a.parquet", **habits)
        return parquet.tables(File(tmp_path / "a.parquet", "a.parquet"), parquet.Options(), limits=limits)[0]

    return made


def frame(table):
    return pl.concat([piece.frame for piece in table.pieces()])


def test_types_and_values_are_those_of_the_file(opened):
    told = opened(pl.DataFrame([ROW], schema=TYPES).to_arrow())
    assert dict(told.schema) == TYPES
    assert frame(told).drop("_position").row(0, named=True) == ROW
    assert told.declared["day"] == "date32[day]"


def test_dictionaries_are_text_also_inside_lists(opened):
    words = pa.array(["x", "y", "x"]).dictionary_encode()
    told = opened(pa.table({"d": words, "l": pa.ListArray.from_arrays([0, 1, 1, 3], words)}))
    assert frame(told).drop("_position").rows() == [("x", ["x"]), ("y", []), ("x", ["y", "x"])]


def test_a_map_is_a_list_of_keys_and_values(opened):
    told = opened(pa.table({"m": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64()))}))
    assert frame(told)["m"].to_list() == [[{"key": "a", "value": 1}], None]


def test_decimals_of_more_digits_than_frames_hold_are_exact_text_and_noticed(opened):
    value = Decimal("1234567890123456789012345678901234567890123.45")
    told = opened(pa.table({"d": pa.array([value], pa.decimal256(60, 2))}))
    assert frame(told)["d"].to_list() == [str(value)]
    assert [one.rule for one in told.noticed] == ["wide-decimals"]


def test_a_type_that_frames_do_not_have_is_refused_by_name():
    from connectors.formats.arrow_frames import frame_schema

    with pytest.raises(FileRefused, match="'gap' is of the type month_day_nano_interval"):
        frame_schema(pa.schema({"gap": pa.month_day_nano_interval()}))


@given(cut=st.integers(min_value=1, max_value=3000))
@settings(max_examples=40, deadline=None)
def test_a_file_that_is_cut_off_is_refused(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "a.parquet"
    pq.write_table(pa.table({"i": list(range(300)), "s": [str(number) for number in range(300)]}), path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(FileRefused, match=r"not a whole Parquet file|is empty"):
        frame(parquet.tables(File(path, "a.parquet"), parquet.Options(), limits=Limits())[0])


@given(at=st.integers(min_value=4, max_value=2000), byte=st.integers(min_value=0, max_value=255))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path_factory, at, byte):
    path = tmp_path_factory.mktemp("damaged") / "a.parquet"
    pq.write_table(pl.DataFrame([ROW] * 3, schema=TYPES).to_arrow(), path)
    content = bytearray(path.read_bytes())
    content[at % len(content)] = byte
    path.write_bytes(content)
    with contextlib.suppress(FileRefused):
        frame(parquet.tables(File(path, "a.parquet"), parquet.Options(), limits=Limits())[0])


def test_text_of_other_bytes_is_refused_and_not_handed_over_as_text(opened):
    offsets = pa.array([0, 2], pa.int32()).buffers()[1]
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])
    with pytest.raises(FileRefused):
        frame(opened(pa.table({"s": broken})))


def test_an_encrypted_file_is_refused_as_such(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PARE" + b"\0" * 40 + b"PARE")
    file = File(tmp_path / "a.parquet", "a.parquet")
    assert parquet.recognises(file.head(), file)
    with pytest.raises(FileRefused, match="encrypted"):
        parquet.tables(file, parquet.Options(), limits=Limits())


def test_a_file_without_rows_gives_one_empty_piece_with_the_columns(opened):
    pieces = list(opened(pa.table({"i": pa.array([], pa.int64())})).pieces())
    assert [piece.frame.schema for piece in pieces] == [pl.Schema({"i": pl.Int64, "_position": pl.Int64})]


def test_pieces_are_bounded_and_rows_are_numbered(opened):
    told = opened(pa.table({"i": list(range(25))}), Limits(batch_rows=10))
    assert [piece.frame.height for piece in told.pieces()] == [10, 10, 5]
    assert frame(told)["_position"].to_list() == list(range(1, 26))


def test_a_value_larger_than_a_cell_may_be_is_refused(opened):
    with pytest.raises(FileRefused, match="a value of column 's' is larger than 1,000 bytes"):
        frame(opened(pa.table({"s": ["x" * 2000]}), Limits(cell_bytes=1000)))


def test_names_taken_by_provenance_or_given_twice_are_refused_and_an_empty_one_gets_its_position(opened):
    with pytest.raises(FileRefused, match="taken by provenance"):
        opened(pa.table({"_location": ["x"]}))
    with pytest.raises(FileRefused, match="twice"):
        opened(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["i", "i"]))
    told = opened(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["i", ""]))
    assert told.schema.names() == ["i", "column_2"]
    assert [one.rule for one in told.noticed] == ["unnamed-columns"]

import contextlib

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import arrow
from connectors.formats.tables import File, Limits

USUAL = Limits()
TABLE = pa.table({
    "i": list(range(25)), "s": ["é"] * 25, "d": pa.array(["x", None] * 12 + ["y"]).dictionary_encode(),
    "l": [[{"a": 1}]] * 25,
})  # fmt: skip


def as_file(table, path):
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def as_stream(table, path):
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


def as_feather(table, path):
    pyarrow.feather.write_feather(table, str(path), compression="lz4")


WRITERS = [as_file, as_stream, as_feather]


@pytest.fixture(params=WRITERS)
def opened(request, tmp_path):
    """The one table of a file, in each of the forms that Arrow has."""

    def made(table=TABLE, limits=USUAL):
        request.param(table, tmp_path / "a")
        file = File(tmp_path / "a", "a.bin")
        assert arrow.recognises(file.head(), file)
        return arrow.tables(file, arrow.Options(), limits=limits)[0]

    return made


def frame(table):
    return pl.concat([piece.frame for piece in table.pieces()])


def test_types_and_values_are_those_of_the_file(opened):
    told = opened()
    schema = pl.Schema({"i": pl.Int64, "s": pl.String, "d": pl.String, "l": pl.List(pl.Struct({"a": pl.Int64}))})
    assert told.schema == schema
    assert frame(told).row(0) == (0, "é", "x", [{"a": 1}], 1)


def test_pieces_are_bounded_and_read_anew_with_each_call(opened):
    told = opened(limits=Limits(batch_rows=10))
    assert [piece.frame.height for piece in told.pieces()] == [10, 10, 5]
    assert frame(told)["_position"].to_list() == list(range(1, 26))


def test_a_file_without_rows_gives_one_empty_piece(opened):
    assert frame(opened(TABLE.slice(0, 0))).shape == (0, 5)


def test_run_lengths_text_views_and_extensions_are_plain_values(tmp_path):
    table = pa.table({
        "r": pa.RunEndEncodedArray.from_arrays([2], ["x"]), "v": pa.array(["a", "b"], pa.string_view()),
        "u": pa.array([b"0" * 16] * 2, pa.uuid()),
    })  # fmt: skip
    as_file(table, tmp_path / "a")
    told = arrow.tables(File(tmp_path / "a", "a"), arrow.Options(), limits=Limits())[0]
    assert frame(told).rows() == [("x", "a", b"0" * 16, 1), ("x", "b", b"0" * 16, 2)]


@pytest.mark.parametrize("write", WRITERS)
@given(cut=st.integers(min_value=9, max_value=3000))
@settings(max_examples=20, deadline=None)
def test_a_file_that_is_cut_off_is_refused_also_where_whole_batches_are_left(tmp_path_factory, write, cut):
    path = tmp_path_factory.mktemp("cut") / "a"
    write(TABLE, path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(FileRefused):
        frame(arrow.tables(File(path, "a"), arrow.Options(), limits=Limits())[0])


@pytest.mark.parametrize("write", WRITERS)
@given(at=st.integers(min_value=0, max_value=4000), byte=st.integers(min_value=0, max_value=255))
@settings(max_examples=30, deadline=None)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path_factory, write, at, byte):
    path = tmp_path_factory.mktemp("damaged") / "a"
    write(TABLE, path)
    content = bytearray(path.read_bytes())
    content[at % len(content)] = byte
    path.write_bytes(content)
    with contextlib.suppress(FileRefused):
        frame(arrow.tables(File(path, "a"), arrow.Options(), limits=Limits())[0])


def test_a_stream_that_was_cut_between_two_batches_is_told(tmp_path):
    as_stream(TABLE, tmp_path / "a")
    for cut, rules in ((0, []), (8, ["no-end-mark"])):
        (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes()[: -cut or None])
        table = arrow.tables(File(tmp_path / "b", "b"), arrow.Options(), limits=Limits())[0]
        assert [one.rule for one in table.noticed] == rules


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"FEA1" + b"\0" * 40 + b"FEA1", b"ARROW1", b"\xff\xff\xff\xff"])
def test_what_is_no_arrow_file_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileRefused):
        arrow.tables(File(tmp_path / "a", "a"), arrow.Options(), limits=Limits())

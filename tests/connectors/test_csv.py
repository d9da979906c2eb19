"""CSV exports through the connector: what a source declares, several files of a dataset, and rejects.

How a file is read is tested in tests/connectors/formats/test_csv_*.py.
"""

import tracemalloc

import polars as pl
import pytest

import connectors
from catalog.errors import SourceUnreachable, SourceUnreadable
from catalog.models import Field, Place
from connectors.formats import text_blocks

AB = {"a": "string", "b": "string"}


@pytest.fixture
def csv(export):
    """A CSV export with columns a and b, holding `content`."""
    return lambda content, fields=AB, physical="a.csv", **habits: export("csv", physical, fields, **habits).holds(
        content
    )


@pytest.fixture(params=[4 * 1024 * 1024, 7])
def any_block(request, monkeypatch):
    """Once in one block and once in blocks of a few bytes: where a block ends must make no difference."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", request.param)


def test_every_line_is_a_row_with_its_number(csv, any_block):
    told = csv("a,b\n1,x\n2,y\n")
    assert told.rows() == [("1", "x"), ("2", "y")]
    assert told.positions() == [2, 3]
    assert told.frame()["_location"].unique().to_list() == ["in/a.csv"]


def test_the_declared_separator_quote_and_encoding_are_used(csv, any_block):
    told = csv("a;b\n'x;y';Zoë\n".encode("cp1252"), separator=";", quote="'", encoding="cp1252")
    assert told.rows() == [("x;y", "Zoë")]


def test_without_a_quote_declared_quotes_are_text(csv):
    assert csv('a,b\n"x,y"\n', quote="").rows() == [('"x', 'y"')]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(csv, any_block, encoding):
    assert csv("a,b\né,漢\n".encode(encoding)).rows() == [("é", "漢")]


@pytest.mark.parametrize("encoding", ["utf-16-be", "shift_jis", "gb18030", "cp500", "iso2022_jp"])
def test_encodings_of_more_than_one_byte_are_split_by_characters(csv, any_block, encoding):
    text = "a,b\nx,y\n" if encoding == "cp500" else "a,b\n表,ソ\n"
    assert csv(text.encode(encoding), encoding=encoding).rows() == [tuple(text.split("\n")[1].split(","))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_ragged_line_is_a_reject_with_its_number_whatever_ends_lines(csv, any_block, end):
    told = csv(end.join(["a,b", "1,x", "2,y,z", "3,w"]))
    assert told.rows() == [("1", "x"), ("3", "w")]
    assert told.rejects() == [(3, "3 cells where the header has 2")]


@pytest.mark.parametrize("quoted", ["", '"q",r\n'])
def test_a_line_with_bytes_of_another_encoding_is_a_reject_alone(csv, any_block, quoted):
    told = csv(b"a,b\n1,x\n2,\xff\xfe\n3,y\n" + quoted.encode(), encoding="utf-8")
    assert [row for row in told.rows() if row[0] != "q"] == [("1", "x"), ("3", "y")]
    assert told.rejects() == [(3, "not utf-8 text")]


def test_half_a_character_of_utf_16_is_a_reject(csv):
    told = csv("a,b\n1,".encode("utf-16-le") + b"\x00\xd8\n\x00" + "2,y\n".encode("utf-16-le"), encoding="utf-16-le")
    assert told.rows() == [("2", "y")]
    assert told.rejects() == [(2, "not utf-16-le text")]


def test_a_quote_that_is_never_closed_rejects_its_line_alone(csv, any_block):
    told = csv('a,b\n1,x\n2,"y\n3,z\n4,w\n')
    assert told.rows() == [("1", "x"), ("3", "z"), ("4", "w")]
    assert told.rejects() == [(3, "broken quoting: a quote is never closed")]


def test_a_header_alone_gives_one_empty_batch_with_the_columns(csv):
    told = csv("a,b\n")
    assert told.frame().columns == ["a", "b", "_location", "_position"]
    assert told.rows() == []


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "\r\n"])
def test_a_file_that_holds_nothing_is_refused(csv, content):
    with pytest.raises(SourceUnreadable, match=r"'in/a.csv': the file is empty"):
        csv(content).batches()


@pytest.mark.parametrize(
    ("header", "told"),
    [("_position,b", "taken by provenance"), ('"a,b"c,d', "not quoted"), ("Größe,b", "not utf-8 text")],
)
def test_a_header_that_names_no_columns_is_refused_in_one_line(csv, header, told):
    with pytest.raises(SourceUnreadable, match=told) as caught:
        csv(f"{header}\n1,2\n3,4\n".encode("cp1252"), encoding="utf-8").batches()
    assert "in/a.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_with_other_column_orders_fall_into_the_same_columns(csv):
    told = csv("a,b\n1,x\n", physical="*.csv").holds("b,a\ny,2\n", "b.csv")
    assert told.rows() == [("1", "x"), ("2", "y")]
    assert told.frame()["_location"].to_list() == ["in/a.csv", "in/b.csv"]


def test_a_column_that_one_file_lacks_is_null_there_and_blocks_where_it_was_promised(csv):
    told = csv("a,b\n1,x\n", physical="*.csv").holds("a,c\n2,z\n", "b.csv")
    assert told.rows() == [("1", "x", None), ("2", None, "z")]
    assert told.rules() == {"drift/missing-columns": True, "drift/new-columns": False}


def test_batches_are_bounded(csv):
    told = csv("a,b\n" + "1,x\n" * 25, batch_rows=10)
    assert [batch.frame.height for batch in told.batches()] == [10, 10, 5]
    assert csv('a,b\n"1",x\n' * 1 + '"1",x\n' * 24, batch_rows=10).frame().height == 25


@pytest.mark.parametrize("row", ["1,x\n", '1,"x\ny"\n'])
def test_a_file_ten_times_larger_takes_the_same_memory(csv, monkeypatch, row):
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr("connectors.formats.delimited.sampling.SAMPLE_CHARACTERS", 10_000)
    monkeypatch.setattr("connectors.formats.delimited.sampling.HEAD_CHARACTERS", 5_000)
    peaks, counts = [], []
    for rows in (10_000, 100_000):
        told = csv("a,b\n" + row * rows, batch_bytes=50_000)
        tracemalloc.start()
        counts.append(sum(one.frame.height for one in connectors.read(told.source, told.dataset, folder=told.folder)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert counts == [10_000, 100_000]
    assert peaks[1] < 1.5 * peaks[0]


def test_rejected_lines_of_personal_data_keep_no_text(csv):
    told = csv("a,b\n1,x,secret\n2,y\n")
    assert told.batches()[0].rejects["text"].to_list() == ["1,x,secret"]
    person = Field(name="c", physical_name="c", type="string", personal=True, place=Place(file="x"))
    told.dataset = told.dataset.model_copy(update={"fields": (*told.dataset.fields, person)})
    assert told.batches()[0].rejects["text"].to_list() == [None]


def test_a_file_that_is_not_there_is_unreachable(export):
    with pytest.raises(SourceUnreachable, match=r"no file matches 'a.csv'"):
        export("csv", "a.csv", AB).batches()


def test_every_column_is_text(csv):
    frame = csv("a,b\n007,1.50\n").frame()
    assert frame.schema["a"] == frame.schema["b"] == pl.String
    assert frame.row(0)[:2] == ("007", "1.50")

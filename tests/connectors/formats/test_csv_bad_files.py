"""Delimited files that are empty, binary, hostile or half another encoding: refused or rejected, in one clear line."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import text_blocks
from connectors.formats.tables import Limits
from tests.connectors.formats.delimited_under_test import Delimited

SCRAPS = [
    b",", b";", b'"', b"'", b"\n", b"\r", b"\r\n", b"\t", b"|", b"\0", b"\x1a", b"\xff", b"\xfe", b"\xef\xbb\xbf", b"a",
    b"1", b"2019", b" ", b"#", b"\\", b"\xc3\xa9", b"+|", b"&|\n", b"sep=", b'""', b"a,b\n", b"\x1b$B", b"\x80",
    b"Source: x",
]  # fmt: skip


@pytest.fixture
def csv_file(tmp_path):
    return lambda content, **options: Delimited(tmp_path, content, **options)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "\r\n", "\0" * 300, ",,,\n,,,\n", ",\n", '""\n""\n', "\x1a"])
def test_a_file_that_holds_nothing_is_refused(csv_file, content):
    with pytest.raises(FileRefused) as caught:
        csv_file(content)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("encoding", ["nope", "base64", "rot13", "undefined"])
def test_an_encoding_that_is_none_is_refused(csv_file, encoding):
    with pytest.raises(FileRefused, match="encoding"):
        csv_file("a,b\n1,2\n", encoding=encoding).rows()


@pytest.mark.parametrize("name", ["_location", "_position"])
def test_a_column_with_a_name_of_provenance_is_refused(csv_file, name):
    with pytest.raises(FileRefused, match=name):
        csv_file(f"{name},b\n1,2\n")


@pytest.mark.parametrize("content", ['"a"x,b\n', '"a,b"c,d\n1,2\n3,4\n'])
def test_a_header_with_broken_quotes_is_refused(csv_file, content):
    with pytest.raises(FileRefused, match="the header is not quoted"):
        csv_file(content)


def test_a_stray_quote_in_a_header_that_reads_one_way_only_is_part_of_a_name_and_told(csv_file):
    told = csv_file('"a,b,"c, d"\n1,2,3\n4,5,6\n')
    assert (told.columns, told.rows()) == (['"a', "b", "c, d"], [("1", "2", "3"), ("4", "5", "6")])
    assert "header-mended" in told.noticed()


def test_a_title_with_broken_quotes_is_no_header(csv_file):
    assert csv_file('"Report" of May\nid,n,m\n1,2,3\n4,5,6\n').columns == ["id", "n", "m"]


def test_a_header_of_another_encoding_is_refused(csv_file):
    with pytest.raises(FileRefused, match="the header is not utf-8 text"):
        csv_file("Größe,b\n1,2\n".encode("cp1252"), encoding="utf-8")


def test_a_line_of_absurd_length_is_a_reject_and_the_next_is_a_row(csv_file, monkeypatch):
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 16)
    told = csv_file("a,b\n1," + "x" * 4_000 + "\n2,y\n", limits=Limits(cell_bytes=50))
    assert told.rows() == [("2", "y")]
    assert told.rejects() == [(2, "longer than 50 characters")]


def test_a_file_of_one_endless_line_takes_no_memory_for_it(csv_file, monkeypatch):
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 1_000)
    with pytest.raises(FileRefused, match="too long"):
        csv_file("x" * 100_000, limits=Limits(cell_bytes=500))


def test_an_open_quote_takes_no_more_lines_than_a_line_may_be_long(csv_file, monkeypatch):
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 64)
    told = csv_file('a,b\n1,"open\n' + "2,y\n" * 500, limits=Limits(cell_bytes=200))
    assert len(told.rows()) == 500
    assert told.rejects() == [(2, "broken quoting: a quote is never closed")]


def test_lines_of_another_encoding_are_rejects_in_a_file_of_utf_8(csv_file):
    told = csv_file("a,b\n1,é\n2,à\n3,ü\n4,ö\n5,ñ\n".encode() + b"6,\xff\xfe\n7,x\n")
    assert [row[0] for row in told.rows()] == ["1", "2", "3", "4", "5", "7"]
    assert told.rejects() == [(7, "not utf-8 text")]
    assert "encoding-mixed" in told.noticed()


def test_a_broken_line_inside_a_quoted_cell_takes_its_record_along(csv_file):
    told = csv_file(b'a,b\n1,"x\n\xff\ny"\n2,z\n', encoding="utf-8")
    assert (told.rows(), told.rejects()) == ([("2", "z")], [(2, "not utf-8 text")])


def test_a_message_holds_no_value_of_a_row(csv_file):
    told = csv_file('a,b\n1,secret,x\n2,"secret"y\n3,ok\n')
    assert len(told.rejects()) == 2
    assert all("secret" not in why for _, why in told.rejects())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(SCRAPS), max_size=50) | st.lists(st.binary(max_size=40), max_size=4))
def test_whatever_the_bytes_only_a_refusal_comes(tmp_path, scraps):
    try:
        told = Delimited(tmp_path, b"".join(scraps))
        for table in told.tables:
            positions = [at for piece in table.pieces() for at in piece.frame["_position"]]
            assert positions == sorted(set(positions))
            list(table.texts())
    except FileRefused as refused:
        assert refused.remedy

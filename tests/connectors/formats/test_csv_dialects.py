"""Dialects of delimited files: detected where nothing is declared, used where something is."""

import json

import pytest

from catalog.errors import FileRefused
from connectors.formats.delimited import recognises
from connectors.formats.tables import File
from tests.connectors.formats.delimited_under_test import Delimited


@pytest.fixture
def csv_file(tmp_path):
    return lambda content, **options: Delimited(tmp_path, content, **options)


ROWS = [("id", "name", "amount"), ("1", "Ann Lee", "2.50"), ("2", "Bob", "17.00"), ("3", "Cy", "")]


@pytest.mark.parametrize(
    "separator", [",", ";", "\t", "|", "~", "^", "\x01", "\x1f", "||", "+|", "::", ", ", "|~|", "¦", "§"]
)
def test_the_separator_is_found(csv_file, separator):
    told = csv_file("".join(separator.join(row) + "\n" for row in ROWS))
    assert told.meta["delimiter"] == separator
    assert [tuple(told.columns), *told.rows()] == ROWS


@pytest.mark.parametrize("separator", ["%", "!", "@", "#", "&", "$", "~", "^", "¬", "¤", "·"])
def test_any_punctuation_that_splits_every_line_alike_separates(csv_file, separator):
    told = csv_file("".join(separator.join([*row, "10:30", "http://a.b/c, d"]) + "\n" for row in ROWS))
    assert (told.meta["delimiter"], len(told.columns), len(told.rejects())) == (separator, 5, 0)


def test_a_password_file_is_separated_by_colons(csv_file):
    lines = [f"u{at}:x:{at}:{at}:User {at},,,:/home/u{at}:/bin/sh\n" for at in range(20, 40)]
    told = csv_file("root:x:0:0:root:/root:/bin/bash\nbin:x:13:13:bin:/bin:/bin/sh\n" + "".join(lines))
    assert (told.meta["delimiter"], len(told.columns), told.meta["preamble_lines"]) == (":", 7, 0)


@pytest.mark.parametrize(
    "content",
    [
        "time\n10:00:00\n11:00:00\n",
        "url\nhttp://a.b/c\nhttp://d.e/f\n",
        "day\n2024-01-01\n2024-01-02\n",
        "mail\na@b.c\nd@e.f\n",
    ],
)
def test_signs_within_a_value_separate_nothing(csv_file, content):
    assert len(csv_file(content).columns) == 1


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ", ", "||"])
def test_quotes_around_everything_hide_no_separator(csv_file, width, separator):
    rows = [tuple(f"{sign}{at}" for at in range(width)) for sign in ("h, ", "x; ", "y|", "z")]
    told = csv_file("".join(separator.join(f'"{cell}"' for cell in row) + "\n" for row in rows))
    assert [tuple(told.columns), *told.rows()] == rows


def test_decimal_commas_do_not_hide_a_semicolon(csv_file):
    assert csv_file("a;b\n1,5;2\n2,7;3\n").rows() == [("1,5", "2"), ("2,7", "3")]


def test_times_are_no_cells_between_colons(csv_file):
    assert csv_file("time;temp\n10:00;1,5\n10:05;1,7\n").columns == ["time", "temp"]


def test_records_may_end_with_signs_before_the_line_end_and_hold_line_ends(csv_file):
    told = csv_file("a+|b+|c&|\n1+|x\ny+|3&|\n2+|w+|4&|\n")
    assert (told.meta["delimiter"], told.meta["record_separator"]) == ("+|", "&|\n")
    assert told.rows() == [("1", "x\ny", "3"), ("2", "w", "4")]
    assert told.positions() == [2, 3]


def test_the_first_line_of_a_spreadsheet_names_the_separator(csv_file):
    told = csv_file("sep=;\r\na;b\r\n1,2;3\r\n")
    assert (told.columns, told.rows()) == (["a", "b"], [("1,2", "3")])


def test_apostrophes_may_be_the_quotes(csv_file):
    told = csv_file("'id','text'\n'1','a,b'\n'2','c'\n")
    assert (told.meta["quote"], told.rows()) == ("'", [("1", "a,b"), ("2", "c")])


def test_apostrophes_in_words_are_no_quotes(csv_file):
    assert csv_file("id,text\n1,it's\n2,that's\n").rows() == [("1", "it's"), ("2", "that's")]


def test_a_backslash_may_escape_a_quote_and_is_text_elsewhere(csv_file):
    told = csv_file('id,t\n1,"a\\"b, c"\n2,"d\\e"\n')
    assert (told.meta["escape"], told.rows()) == ("\\", [("1", 'a"b, c'), ("2", "d\\e")])


def test_a_path_that_ends_with_a_backslash_escapes_nothing(csv_file):
    assert csv_file('id,path\n1,"C:\\dir\\"\n2,"D:\\x"\n').rows() == [("1", "C:\\dir\\"), ("2", "D:\\x")]


def test_quotes_that_quote_nothing_are_text(csv_file):
    told = csv_file('id\ttext\n1\t"unbalanced\n2\tok\n3\t"two" words\n')
    assert told.rows() == [("1", '"unbalanced'), ("2", "ok"), ("3", '"two" words')]


def test_what_is_declared_is_used(csv_file):
    assert csv_file("a;b\n'x;y';z\n", separator=";", quote="'").rows() == [("x;y", "z")]
    assert csv_file('a,b\n"x,y"\n', quote="", separator=",").rows() == [('"x', 'y"')]
    assert csv_file("a,b\n1,2\n", header_lines=0).rows() == [("a", "b"), ("1", "2")]
    assert csv_file("a,b\n#1,2\n3,4\n", comment="#").rows() == [("3", "4")]
    assert csv_file("junk,\nmore\na,b\n1,2\nend\n", skip_lines=2, footer_lines=1, header_lines=1).rows() == [("1", "2")]
    assert csv_file("a,b\n1,x\ry\n", record_end="\n").rows() == [("1", "x\ry")]


def test_one_line_of_prose_has_one_column(csv_file):
    assert csv_file("just text without anything\nand another line of it here\n").columns == [
        "just text without anything"
    ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"whatever", True),
        ("a.tsv", b"one\ttwo\n", True),
        ("a.dat", b"a,b\n1,2\n3,4\n", True),
        ("a.dat", "a;b\n1;2\n".encode("utf-16"), True),
        ("a.dat", "Größe;b\n1;2\n".encode("cp1252"), True),
        ("a.json", b"1,2\n3,4\n5,6\n", False),
        ("a.txt", b"a,b\n1,2\n3,4\n", True),
        ("a.txt", b"Just one line, with a comma\n", False),
        ("a.txt", b"INSERT INTO a VALUES (1, 'x');\n" * 9, False),
        ("a.txt", b"import os, sys\nimport re, io\ndef a(b, c):\n    return b, c\n", False),
        ("a.txt", b"- one, two\n- three, four\n- five, six\n", False),
        ("a.txt", b"[a, b]\n<x, y>\n", False),
        ("a", b"Dear Sir,\n\nthank you for it.\nYours\n", False),
        ("a.dat", b"one column\nonly\n", False),
        ("a.csv", bytes(range(256)) * 4, False),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", False),
        ("a.csv", b"", False),
    ],
)
def test_text_with_cells_or_a_telling_name_is_recognised(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    assert recognises(content, File(tmp_path / name, name)) is told


def test_a_file_of_sentences_holds_no_table(csv_file):
    text = "We met, as agreed, on Monday.\nIt rained.\nNobody came\nexcept us, and the dog, the cat, a bird.\n" * 8
    with pytest.raises(FileRefused, match="no table of rows is found"):
        csv_file(text)
    assert csv_file(text, separator="|", header_lines=0).columns == ["column_1"]


def test_a_table_that_is_not_there_is_refused(csv_file):
    with pytest.raises(FileRefused, match="it has 1 tables, and number 3 is wanted"):
        csv_file("a,b\n1,2\n", table=3)


def test_what_was_detected_is_told_as_json(csv_file):
    meta = csv_file("Report\n\na;b\n1;2\n3;4\n\nSource: us\n").meta
    assert json.loads(json.dumps(meta)) == dict(meta)
    assert (meta["preamble_lines"], meta["header_lines"], meta["footer_lines"]) == (2, 1, 2)
    assert (meta["format"], meta["encoding"], meta["delimiter"], meta["quote"]) == ("csv", "utf-8", ";", '"')

import zipfile

import pytest

from catalog.errors import FileRefused
from connectors.formats import documents
from connectors.formats.documents.blocks import Block, Document, heading, table
from connectors.formats.tables import File, Limits


@pytest.fixture
def opened(tmp_path):
    """The two tables of a document: itself, and its blocks."""

    def made(content, name, **options):
        path = tmp_path / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return documents.tables(File(path, name), documents.Options(**options), limits=Limits())

    return made


def only_row(table):
    (piece,) = table.pieces()
    return piece.frame.row(0, named=True)


def test_a_text_file_is_a_row_whose_title_is_its_name(opened):
    whole, blocks = opened("First.\nStill first.\n\nSecond.\n", "deep/field-notes.txt")
    row = only_row(whole)
    assert (row["path"], row["title"], row["format"]) == ("deep/field-notes.txt", "field notes", "text")
    assert row["text"] == "First.\nStill first.\n\nSecond."
    (piece,) = blocks.pieces()
    assert piece.frame["text"].to_list() == ["First.\nStill first.", "Second."]
    assert piece.frame["_position"].to_list() == [1, 2]


def test_blocks_know_the_headings_above_them():
    blocks = [
        heading("A", 1),
        Block("paragraph", "x"),
        heading("B", 2),
        Block("list", "- y"),
        heading("C", 1),
        table([["z"]]),
    ]
    assert [path for _, path in Document("x", blocks).paths()] == ["", "A", "A", "A > B", "", "C"]


def test_markdown_marks_pages_and_keeps_items_of_a_list_together():
    blocks = [heading("A", 9), Block("list", "- x", page=1), Block("list", "- y", 1, 1), Block("code", "z", page=2)]
    assert Document("x", blocks).text(page_markers=True) == "###### A\n\n- x\n  - y\n\n<!-- page 2 -->\n\n```\nz\n```"
    assert "page" not in Document("x", blocks).text(page_markers=False)


def test_a_cell_cannot_break_the_table_it_stands_in():
    assert table([["a|b", "c\nd"], ["e"]]).text == "| a\\|b | c d |\n| --- | --- |\n| e |  |"


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.pdf", "empty"),
        (b"\0" * 500, "a.txt", "no text|blanks|is empty"),
        (b"{\\rtf1 text}", "a.rtf", "Rich Text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.doc", "before 2007"),
        (b" \n \n", "a.txt", "no text|blanks"),
        ("Text.".encode("utf-16")[:-1], "a.txt", "no whole utf-16-le text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.docx", "encrypted"),
        (b"PK\x03\x04 cut", "a.docx", "whole Office"),
        (b"PK\x03\x04 cut", "a.zip", "are not read"),
    ],
)  # fmt: skip
def test_what_is_no_document_with_text_is_refused(opened, content, name, reason):
    with pytest.raises(FileRefused, match=reason):
        opened(content, name)


def test_a_value_larger_than_a_cell_may_be_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x" * 5000)
    with pytest.raises(FileRefused, match="larger than 1,000 bytes"):
        documents.tables(File(tmp_path / "a.txt", "a.txt"), documents.Options(), limits=Limits(cell_bytes=1000))


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"%PDF-1.4", True), (b"\n%PDF-1.4", True), (b"<!DOCTYPE html><p>", True), (b"\xef\xbb\xbf <HTML>", True),
        (b"<!-- x --><html>", True), (b"{\\rtf1", True), (b"<htmlx>", False), (b"<root/>", False),
        (b"PK\x03\x04", False),
        (b"text", False),
    ],
)  # fmt: skip
def test_documents_are_recognised_by_their_beginning(tmp_path, content, known):
    (tmp_path / "a").write_bytes(content)
    file = File(tmp_path / "a", "a")
    assert documents.recognises(file.head(), file) is known


def test_a_package_is_recognised_by_its_parts(tmp_path):
    for part, known in (("word/document.xml", True), ("ppt/presentation.xml", True), ("xl/workbook.xml", False)):
        with zipfile.ZipFile(tmp_path / "a", "w") as archive:
            archive.writestr(part, "x")
        file = File(tmp_path / "a", "a")
        assert documents.recognises(file.head(), file) is known

import io
import random
import zipfile
from pathlib import Path

import pytest

from catalog.errors import FileRefused
from connectors.formats import documents
from connectors.formats.tables import File, Limits

docx = pytest.importorskip("docx")
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHARED = Path(__file__).parents[4] / "shared" / "data" / "docs" / "markitdown"


@pytest.fixture
def opened(tmp_path):
    """The row and the blocks of a Word document."""

    def made(document, **options):
        path = tmp_path / "a.docx"
        if isinstance(document, bytes):
            path.write_bytes(document)
        else:
            document.save(path)
        whole, blocks = documents.tables(File(path, "a.docx"), documents.Options(**options), limits=Limits())
        (row,), (told,) = whole.pieces(), blocks.pieces()
        return row.frame.row(0, named=True), told.frame.select("kind", "level", "heading_path", "text").rows()

    return made


def with_xml(*paragraphs):
    """A document whose body has paragraphs of these runs."""
    from docx.oxml import parse_xml

    document = docx.Document()
    for one in paragraphs:
        document.element.body.insert(-1, parse_xml(f"<w:p {W}>{one}</w:p>"))
    return document


def test_headings_lists_and_paragraphs_come_in_their_order_with_their_place(opened):
    document = docx.Document()
    document.add_heading("Manual", 0)
    document.add_heading("Setup", 1)
    document.add_paragraph("Open the box.")
    for style in ("List Bullet", "List Number", "List Number"):
        document.add_paragraph("Item", style=style)
    document.add_heading("Power", 2)
    document.core_properties.author = "Ada"
    row, blocks = opened(document)
    assert (row["title"], row["author"], row["format"], row["pages"]) == ("Manual", "Ada", "docx", None)
    assert blocks == [
        ("heading", 1, "", "Manual"), ("heading", 1, "", "Setup"), ("paragraph", 0, "Setup", "Open the box."),
        ("list", 0, "Setup", "- Item"), ("list", 0, "Setup", "1. Item"), ("list", 0, "Setup", "2. Item"),
        ("heading", 2, "Setup", "Power"),
    ]  # fmt: skip


def test_a_merged_cell_is_told_in_every_row_and_column_it_spans(opened):
    document = docx.Document()
    table = document.add_table(3, 3)
    for at, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"{at}"
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 2).merge(table.cell(2, 2)).text = "tall"
    _, blocks = opened(document)
    assert blocks[0][3] == "| wide | wide | 2 |\n| --- | --- | --- |\n| 3 | 4 | tall |\n| 6 | 7 | tall |"


def test_tracked_changes_are_accepted_and_hidden_text_is_left_out(opened):
    _, blocks = opened(with_xml(
        '<w:r><w:t xml:space="preserve">keep </w:t></w:r><w:ins><w:r><w:t>new</w:t></w:r></w:ins>'
        "<w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>"
        "<w:r><w:noBreakHyphen/><w:t>x</w:t><w:br/><w:t>y</w:t></w:r>"
    ))  # fmt: skip
    assert [text for *_, text in blocks] == ["keep new-x\ny"]


def test_a_text_box_is_read_once(opened):
    box = "<w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent>"
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    _, blocks = opened(with_xml(
        f"<w:r><w:t>beside</w:t></w:r><w:r><mc:AlternateContent {mc}><mc:Choice Requires='x'>{box}</mc:Choice>"
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r>"
    ))  # fmt: skip
    assert [text for *_, text in blocks] == ["beside", "boxed"]


def test_headers_and_footers_stay_or_are_left_out_as_declared(opened):
    document = docx.Document()
    document.add_paragraph("Text.")
    document.sections[0].header.paragraphs[0].text = "Confidential"
    assert [text for *_, text in opened(document)[1]] == ["Confidential", "Text."]
    assert [text for *_, text in opened(document, running=False)[1]] == ["Text."]


def repacked(saved, **parts):
    """The bytes of a document with parts replaced."""
    source, target = io.BytesIO(), io.BytesIO()
    saved.save(source)
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, parts.get(name.rpartition("/")[2].partition(".")[0], before.read(name)))
    return target.getvalue()


def test_a_zip_bomb_and_an_entity_bomb_are_refused(opened):
    bomb = f"<w:document {W}><w:body><w:p><w:r><w:t>{' ' * 40_000_000}</w:t></w:r></w:p></w:body></w:document>"
    with pytest.raises(FileRefused, match=r"larger than .* when unpacked"):
        opened(repacked(docx.Document(), document=bomb))
    entities = f'<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><w:document {W}><w:body/></w:document>'
    with pytest.raises(FileRefused, match="document type"):
        opened(repacked(docx.Document(), document=entities))


def test_a_document_without_text_is_refused(opened):
    with pytest.raises(FileRefused, match="no text"):
        opened(docx.Document())


def test_a_document_that_is_cut_or_damaged_is_refused_or_read_and_nothing_else(opened):
    document = docx.Document()
    document.add_paragraph("Text.")
    content = repacked(document)
    draw = random.Random(7)
    with pytest.raises(FileRefused, match="whole Office"):
        opened(content[:-100])
    for _ in range(40):
        damaged = bytearray(content)
        for _ in range(20):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            opened(bytes(damaged))
        except FileRefused:
            continue


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not on this machine")
def test_a_real_document_has_its_headings_and_its_table():
    path = SHARED / "test.docx"
    _, blocks = documents.tables(File(path, path.name), documents.Options(), limits=Limits())
    (piece,) = blocks.pieces()
    kinds = piece.frame["kind"].to_list()
    assert (kinds.count("heading"), kinds.count("table")) == (4, 1)

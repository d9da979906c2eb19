import pytest

from catalog.errors import FileRefused
from connectors.formats import documents
from connectors.formats.tables import File, Limits

pptx = pytest.importorskip("pptx")


@pytest.fixture
def opened(tmp_path):
    """The row and the blocks of a presentation."""

    def made(slides):
        slides.save(tmp_path / "a.pptx")
        file = File(tmp_path / "a.pptx", "a.pptx")
        whole, blocks = documents.tables(file, documents.Options(), limits=Limits())
        (row,), (told,) = whole.pieces(), blocks.pieces()
        return (
            row.frame.row(0, named=True),
            told.frame.select("page", "kind", "heading_path", "text").rows(),
            whole.noticed,
        )

    return made


def test_a_slide_is_a_page_with_its_title_items_and_notes(opened):
    slides = pptx.Presentation()
    first = slides.slides.add_slide(slides.slide_layouts[1])
    first.shapes.title.text, first.placeholders[1].text = "Welcome", "One\nTwo"
    first.notes_slide.notes_text_frame.text = "Say hello."
    row, blocks, _ = opened(slides)
    assert (row["title"], row["pages"], row["format"]) == ("Welcome", 1, "pptx")
    assert blocks == [
        (1, "heading", "", "Welcome"), (1, "list", "Welcome", "- One"), (1, "list", "Welcome", "- Two"),
        (1, "paragraph", "Welcome", "Notes: Say hello."),
    ]  # fmt: skip


def test_tables_and_text_boxes_come_in_the_order_of_their_places(opened):
    slides = pptx.Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[6])
    slide.shapes.add_textbox(0, 5_000_000, 100, 100).text_frame.text = "below"
    table = slide.shapes.add_table(2, 2, 0, 1_000_000, 3_000_000, 1_000_000).table
    for at, cell in enumerate(table.iter_cells()):
        cell.text = str(at)
    table.cell(0, 0).merge(table.cell(0, 1))
    _, blocks, _ = opened(slides)
    assert [(kind, text) for _, kind, _, text in blocks] == [
        ("table", "| 0 1 |  |\n| --- | --- |\n| 2 | 3 |"), ("paragraph", "below")
    ]  # fmt: skip


def test_hidden_slides_are_read_and_told(opened):
    slides = pptx.Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[5])
    slide.shapes.title.text = "Old"
    slide._element.set("show", "0")
    row, _, noticed = opened(slides)
    assert (row["text"], [one.rule for one in noticed]) == ("# Old", ["hidden-slides"])


def test_slides_without_text_are_refused(opened):
    slides = pptx.Presentation()
    slides.slides.add_slide(slides.slide_layouts[6])
    with pytest.raises(FileRefused, match="no text"):
        opened(slides)

import random
from pathlib import Path

import pytest

from catalog.errors import FileRefused
from connectors.formats import documents
from connectors.formats.tables import File, Limits

pytest.importorskip("pypdfium2")
SHARED = Path(__file__).parents[4] / "shared" / "data" / "docs" / "markitdown"


def pdf(*pages, outline=""):
    """The bytes of a PDF; a page is a list of (left, bottom, size, text), in bold where the text begins with `!`."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    objects += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} >>" for name in ("Helvetica", "Helvetica-Bold", "Courier")
    ]
    fonts = "<< /F0 3 0 R /F1 4 0 R /F2 5 0 R >>"
    kids = []
    for page in pages:
        stream = ""
        for left, bottom, size, text in page:
            font = {"!": 1, "~": 2}.get(text[:1], 0)
            text = text[1:] if font else text
            shown = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
            stream += f"BT /F{font} {size} Tf {left} {bottom} Td ({shown}) Tj ET\n"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}endstream")
        kids.append(len(objects) + 1)
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {len(objects)} 0 R "
                       f"/Resources << /Font {fonts} >> >>")  # fmt: skip
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] >>"
    told, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(told))
        told += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(places) + 1} /Root 1 0 R >>\n"
    return told + f"{end}startxref\n{len(told)}\n%%EOF\n".encode()


def prose(left, top, lines, *, width=40, size=10):
    return [(left, top - 12 * at, size, ("word " * width)[: width - at % 3].strip() + ".") for at in range(lines)]


@pytest.fixture
def opened(tmp_path):
    """The row, the blocks and the noticed of a PDF."""

    def made(content, **options):
        (tmp_path / "a.pdf").write_bytes(content)
        file = File(tmp_path / "a.pdf", "a.pdf")
        whole, blocks = documents.tables(file, documents.Options(**options), limits=Limits())
        (row,), (told,) = whole.pieces(), blocks.pieces()
        return row.frame.row(0, named=True), told.frame.select("page", "kind", "level", "text").rows(), whole.noticed

    return made


def test_large_text_is_a_heading_and_lines_are_paragraphs(opened):
    row, blocks, _ = opened(pdf(
        [(50, 750, 20, "Manual"), (50, 700, 14, "Setup"), (50, 670, 10, "Open the box and take"),
         (50, 658, 10, "everything out."),
         (50, 620, 10, "Then start with all of the other things that there are.")],
        [(50, 750, 10, "The end of the manual is here, on the second page of it.")],
    ))  # fmt: skip
    assert (row["title"], row["pages"], row["format"]) == ("Manual", 2, "pdf")
    assert [(page, kind, level) for page, kind, level, _ in blocks] == [
        (1, "heading", 1), (1, "heading", 2), (1, "paragraph", 0), (1, "paragraph", 0), (2, "paragraph", 0)
    ]  # fmt: skip
    assert "<!-- page 2 -->" in row["text"]


def test_cells_below_each_other_are_a_table(opened):
    cells = [("Part", "Count", "Price"), ("Bolt M8", "12", "1.50"), ("Nut", "7", "0.20")]
    page = [(50 + 150 * at, 700 - 14 * line, 10, cell) for line, row in enumerate(cells) for at, cell in enumerate(row)]
    _, blocks, _ = opened(pdf(page))
    assert blocks == [
        (1, "table", 0, "| Part | Count | Price |\n| --- | --- | --- |\n| Bolt M8 | 12 | 1.50 |\n| Nut | 7 | 0.20 |")
    ]


def test_columns_of_prose_are_read_one_after_the_other(opened):
    left = [(50, 700 - 12 * at, 10, f"left column line number {at:02} of the text") for at in range(8)]
    right = [(320, 700 - 12 * at, 10, f"right column line number {at:02} of the text") for at in range(8)]
    row, _, _ = opened(pdf([(50, 730, 10, "A line across both of the columns of the page, from end to end of it.")]
                           + [piece for pair in zip(left, right, strict=True) for piece in pair]))  # fmt: skip
    assert row["text"].index("left column line number 07") < row["text"].index("right column line number 00")


def test_items_and_numbers_are_lists(opened):
    _, blocks, _ = opened(
        pdf([(50, 700, 10, "- first thing"), (50, 686, 10, "- second thing"), (50, 672, 10, "1. third thing")])
    )
    assert [(kind, text) for _, kind, _, text in blocks] == [
        ("list", "- first thing"), ("list", "- second thing"), ("list", "1. third thing")
    ]  # fmt: skip


def test_a_word_that_a_lines_end_parts_is_whole_and_a_hyphen_of_its_own_stays(opened):
    lines = [
        "The machine needs regular main-",
        "tenance and a well-known chat-",
        "optimized guide; chat is optimized by the guide.",
    ]
    row, _, _ = opened(pdf([(50, 700 - 12 * at, 10, line) for at, line in enumerate(lines)]))
    assert "regular maintenance and a well-known chat-optimized guide" in row["text"].replace("\n", " ")


def test_lines_that_pages_repeat_are_told_and_left_out_where_declared(opened):
    pages = [[(50, 780, 8, "Secret manual"), *prose(50, 700, 3, width=60 + number), (300, 20, 8, f"Page {number} of 4")]
             for number in range(1, 5)]  # fmt: skip
    row, _, noticed = opened(pdf(*pages))
    assert row["text"].count("Secret manual") == 4
    assert [(one.rule, one.count) for one in noticed] == [("running-lines", 8)]
    row, _, _ = opened(pdf(*pages), running=False)
    assert "Secret" not in row["text"]
    assert "Page" not in row["text"]


def test_a_page_is_never_an_empty_success(opened, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("L", (200, 200), 255).save(tmp_path / "scan.pdf")
    with pytest.raises(FileRefused, match="needs OCR: none of its 1 pages has text"):
        opened((tmp_path / "scan.pdf").read_bytes())
    with pytest.raises(FileRefused, match="blank"):
        opened(pdf([]))


def test_pages_that_are_pictures_among_others_are_told_with_their_numbers(opened, tmp_path):
    pillow, pypdf = pytest.importorskip("PIL.Image"), pytest.importorskip("pypdf")
    pillow.new("L", (200, 200), 255).save(tmp_path / "scan.pdf")
    (tmp_path / "text.pdf").write_bytes(pdf([(50, 700, 10, "Text on the first page.")]))
    writer = pypdf.PdfWriter()
    for name in ("text.pdf", "scan.pdf"):
        writer.append(tmp_path / name)
    writer.write(tmp_path / "both.pdf")
    _, _, noticed = opened((tmp_path / "both.pdf").read_bytes())
    assert [(one.rule, one.severity, one.evidence) for one in noticed] == [("needs-ocr", "critical", {"pages": [2]})]


def test_a_stamp_on_a_scan_is_not_taken_for_its_text(opened, tmp_path):
    pillow, pypdf = pytest.importorskip("PIL.Image"), pytest.importorskip("pypdf")
    pillow.new("L", (600, 800), 255).save(tmp_path / "scan.pdf")
    (tmp_path / "stamp.pdf").write_bytes(pdf([(50, 20, 8, "Scanned by device 7")]))
    writer = pypdf.PdfWriter(tmp_path / "scan.pdf")
    writer.pages[0].merge_page(pypdf.PdfReader(tmp_path / "stamp.pdf").pages[0])
    writer.write(tmp_path / "both.pdf")
    row, _, noticed = opened((tmp_path / "both.pdf").read_bytes())
    assert (row["text"], [one.rule for one in noticed]) == ("Scanned by device 7", ["needs-ocr"])


def test_an_encrypted_file_is_refused_as_such(opened, tmp_path):
    pypdf = pytest.importorskip("pypdf")
    (tmp_path / "plain.pdf").write_bytes(pdf([(50, 700, 10, "Text.")]))
    writer = pypdf.PdfWriter(tmp_path / "plain.pdf")
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    with pytest.raises(FileRefused, match="encrypted"):
        opened((tmp_path / "locked.pdf").read_bytes())


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"%PDF-1.4\n", "cut off"), (pdf([(50, 700, 10, "Text.")])[:-80], "cut off"),
     (b"%PDF-1.4\nrubbish\n%%EOF", "not a whole PDF"),
     (pdf(), "no pages|not a whole PDF")],
)  # fmt: skip
def test_a_file_that_is_cut_or_has_no_page_is_refused(opened, content, reason):
    with pytest.raises(FileRefused, match=reason):
        opened(content)


def test_a_damaged_file_is_read_or_refused_and_nothing_else(opened):
    content, draw = pdf([(50, 700, 10, "Text.")], [(50, 700, 10, "More.")]), random.Random(5)
    for _ in range(40):
        damaged = bytearray(content)
        for _ in range(10):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            opened(bytes(damaged))
        except FileRefused:
            continue


def test_the_picture_of_a_text_is_recognised_where_that_is_declared(opened, tmp_path):
    pytest.importorskip("rapidocr")
    image, font = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageFont")
    from PIL import ImageDraw

    picture = image.new("L", (1000, 300), 255)
    ImageDraw.Draw(picture).text((60, 100), "Replace the filter", fill=0, font=font.load_default(size=64))
    picture.save(tmp_path / "scan.pdf", resolution=200)
    row, _, noticed = opened((tmp_path / "scan.pdf").read_bytes(), ocr=True)
    assert "replace the filter" in row["text"].lower()
    assert [one.rule for one in noticed] == []


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not on this machine")
def test_a_real_form_has_its_tables():
    path = SHARED / "movie-theater-booking-2024.pdf"
    _, blocks = documents.tables(File(path, path.name), documents.Options(), limits=Limits())
    (piece,) = blocks.pieces()
    tables = piece.frame.filter(piece.frame["kind"] == "table")["text"].to_list()
    assert any("| Start Date | End Date | # Shows | Gross Amount | Net Amount |" in one for one in tables)
    assert len(tables) >= 7

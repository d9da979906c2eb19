"""Workbooks that cannot be read are refused in one line; nothing else ever leaves the reader."""

import contextlib
import io
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import excel
from connectors.formats.tables import File, Limits
from tests.connectors.formats.excel_under_test import DATA, one, rewritten, rows, rules, tables, written

ROWS = [["a", "b"], [1, "x"], [2, "y"]]
SHEET = "xl/worksheets/sheet1.xml"


def kept(path, content):
    path.write_bytes(content)
    return File(path, path.name)


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("a.xlsx", b"", "empty"),
    ("a.xlsx", bytes(5000), "NULs"),
    ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "HTML page"),
    ("a.xls", b"id;name\n1;Ada\n", "text with separators"),
    ("a.xls", b"{\\rtf1 hello}", "RTF"),
    ("a.xls", b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "no sheet"),
    ("a.xls", b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><a>', "damaged"),
    ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "damaged"),
    ("a.xlsx", b"PK\x03\x04" + bytes(100), "damaged"),
])  # fmt: skip
def test_what_is_no_workbook_is_refused_by_what_it_is(tmp_path, name, content, reason):
    with pytest.raises(FileRefused, match=reason):
        excel.tables(kept(tmp_path / name, content), excel.Options(), limits=Limits())


@pytest.mark.parametrize("content", [b"<html><table></table></html>", b"id;name\n1;Ada\n", b"%PDF-1.4", b"plain"])
def test_text_that_is_named_xls_is_left_to_its_own_format(tmp_path, content):
    file = kept(tmp_path / "a.xls", content)
    assert not excel.recognises(file.head(), file)


def test_a_workbook_is_recognised_whatever_its_name(tmp_path):
    path = written(tmp_path / "a.xlsx", {"S": ROWS})
    file = File(path, "report.dat")
    assert excel.recognises(file.head(), file)


def test_another_zip_archive_is_no_workbook(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    file = File(tmp_path / "a.zip", "a.zip")
    assert not excel.recognises(file.head(), file)


def test_a_cut_workbook_is_recognised_and_refused(tmp_path):
    content = written(tmp_path / "a.xlsx", {"S": ROWS}).read_bytes()
    file = kept(tmp_path / "b.xlsx", content[: len(content) // 2])
    assert excel.recognises(file.head(), file)
    with pytest.raises(FileRefused, match="cut off"):
        excel.tables(file, excel.Options(), limits=Limits())


def test_two_cells_far_apart_are_refused_before_they_take_memory(tmp_path):
    path = written(tmp_path / "a.xlsx", {"S": [["a"], lambda sheet, _: sheet.write(1_048_575, 16_383, 1)]})
    with pytest.raises(FileRefused, match="more cells than are read"):
        one(path)


@pytest.mark.parametrize("change", [
    lambda text: text.replace(b'r="B2"', b"r='XFD1048576'"),
    lambda text: text.replace(b'r="B2"', b'r = "XFD1048576"'),
    lambda text: text.replace(b'r="B2"', b'r="XFD1048576"'),
    lambda text: text.replace(b"<c r=", b"<c\n r=").replace(b'r="B2"', b'r="XFD1048576"'),
])  # fmt: skip
def test_a_cell_that_claims_another_row_is_refused_however_it_is_spelled(tmp_path, change):
    path = rewritten(written(tmp_path / "a.xlsx", {"S": ROWS}), SHEET, change)
    with pytest.raises(FileRefused, match="more cells than are read"):
        one(path)


@pytest.mark.parametrize("spelled", [b'uniqueCount="4294967295"', b"uniqueCount = '4294967295'"])
def test_a_count_of_texts_that_cannot_be_is_refused_before_it_takes_memory(tmp_path, spelled):
    path = written(tmp_path / "a.xlsx", {"S": ROWS})
    with pytest.raises(FileRefused, match="counts more texts"):
        one(rewritten(path, "xl/sharedStrings.xml", lambda text: text.replace(b'uniqueCount="4"', spelled)))


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
def test_an_extent_of_an_old_workbook_that_cannot_be_is_refused_before_it_takes_memory(tmp_path):
    content = bytearray(next(DATA.glob("excel/**/iris-excel-xls.xls")).read_bytes())
    extent = content.index(b"\x00\x02\x0e\x00")
    content[extent + 4 : extent + 16] = b"\0\0\0\0\xff\xff\xff\xff\0\0\xff\xff"
    with pytest.raises(FileRefused, match="more cells than are read"):
        excel.tables(kept(tmp_path / "a.xls", content), excel.Options(), limits=Limits())


def test_a_bomb_of_parts_is_refused_by_its_declared_size(tmp_path):
    path = written(tmp_path / "a.xlsx", {"S": ROWS})
    content = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb:
        for name in source.namelist():
            bomb.writestr(name, source.read(name))
        with bomb.open("xl/sharedStrings2.xml", "w", force_zip64=True) as part:
            for _ in range(300):
                part.write(bytes(2**20))
    with pytest.raises(FileRefused, match="unpacks to"):
        excel.tables(kept(tmp_path / "b.xlsx", content.getvalue()), excel.Options(), limits=Limits())


def test_empty_sheets_are_refused_by_name(tmp_path):
    with pytest.raises(FileRefused, match="'Uno', 'Due'"):
        one(written(tmp_path / "a.xlsx", {"Uno": [], "Due": []}))


def test_an_unknown_table_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(FileRefused, match="its sheets are 'S'"):
        one(written(tmp_path / "a.xlsx", {"S": ROWS}), table="T")


def test_an_unknown_sheet_of_a_range_is_refused(tmp_path):
    path = written(tmp_path / "a.xlsx", {"S": ROWS})
    with pytest.raises(FileRefused, match="no sheet 'T'"):
        one(path, table="T!A1:B2")
    assert list(tables(path, table="S!A1:B2")) == ["S!A1:B2"]


def test_a_damaged_sheet_is_told_and_the_others_are_read(tmp_path):
    path = written(tmp_path / "a.xlsx", {"Good": ROWS, "Bad": ROWS})
    found = tables(rewritten(path, "xl/worksheets/sheet2.xml", lambda text: text[:300]))
    assert list(found) == ["Good"]
    assert rules(found["Good"])["sheets-unreadable"].severity == "critical"


def test_a_column_named_like_provenance_is_refused(tmp_path):
    with pytest.raises(FileRefused, match="_position"):
        one(written(tmp_path / "a.xlsx", {"S": [["_position", "b"], [1, 2]]}))


def test_an_encrypted_workbook_is_refused(tmp_path):
    file = kept(tmp_path / "a.xlsx", compound_file({"EncryptedPackage": b"x" * 5000, "EncryptionInfo": b"y" * 5000}))
    assert excel.recognises(file.head(), file)
    with pytest.raises(FileRefused, match="password"):
        excel.tables(file, excel.Options(), limits=Limits())


def compound_file(streams):
    """A compound file of version 3 with streams of at least 4,096 bytes each."""
    sector, chains, content = 512, [], b""
    for data in streams.values():
        padded = data + bytes(-len(data) % sector)
        chains.append((len(content) // sector, len(padded) // sector, len(data)))
        content += padded
    directory = [entry("Root Entry", 5, 0xFFFFFFFE, 0)]
    directory += [entry(name, 2, start, size) for name, (start, _, size) in zip(streams, chains, strict=True)]
    directory += [bytes(128)] * (-len(directory) % 4)
    table = [0xFFFFFFFF] * 128
    for start, count, _ in chains:
        table[start : start + count] = [*range(start + 1, start + count), 0xFFFFFFFE]
    first = len(content) // sector
    pages = len(directory) // 4
    table[first : first + pages] = [*range(first + 1, first + pages), 0xFFFFFFFE]
    table[first + pages] = 0xFFFFFFFD
    numbers = lambda *values: b"".join(value.to_bytes(4, "little") for value in values)  # noqa: E731
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0" + bytes(6)
    header += numbers(0, 1, first, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, first + pages) + b"\xff" * 432
    return header[:512] + content + b"".join(directory) + numbers(*table)


def entry(name, kind, start, size):
    text = name.encode("utf-16-le") + b"\0\0"
    told = text.ljust(64, b"\0") + len(text).to_bytes(2, "little") + bytes([kind, 1]) + b"\xff" * 12 + bytes(36)
    return told + start.to_bytes(4, "little") + size.to_bytes(8, "little")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_damaged_bytes_are_read_or_refused(seed, tmp_path_factory):
    draw = random.Random(seed)
    path = written(tmp_path_factory.mktemp("damage") / "a.xlsx", {"S": ROWS})
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 5, 50])):
        content[draw.randrange(len(content))] = draw.randrange(256)
    path.write_bytes(content[: draw.choice([len(content), draw.randrange(len(content))])])
    file = File(path, path.name)
    excel.recognises(file.head(), file)
    with contextlib.suppress(FileRefused):
        for table in excel.tables(file, excel.Options(), limits=Limits()):
            list(table.pieces())
            list(table.texts())


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
def test_all_real_workbooks_are_recognised_and_read():
    paths = sorted(DATA.glob("excel/**/*.xls*"))
    for path in paths:
        file = File(path, path.name)
        assert excel.recognises(file.head(), file), path.name
        assert excel.tables(file, excel.Options(), limits=Limits()), path.name
    assert len(paths) >= 30


def test_a_damaged_first_sheet_takes_nothing_from_the_one_that_is_asked_for(tmp_path):
    path = written(tmp_path / "two.xlsx", {"Broken": [["id"], [1]], "Good": [["id", "sum"], [2, 3.5]]})
    rewritten(path, SHEET, lambda part: part[: len(part) // 2])

    assert rows(one(path, table="Good")) == [(2, 3.5)]

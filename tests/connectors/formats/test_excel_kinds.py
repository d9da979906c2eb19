"""The other kinds of workbooks: binary ones and OpenDocument, with what they say beside the cells' values."""

import datetime
import struct
import zipfile

import pytest

from catalog.errors import FileRefused
from tests.connectors.formats.excel_under_test import one, rows, rules, tables

NAMESPACES = " ".join(f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for short, name in [
    ("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"),
]) + ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'  # fmt: skip
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def open_document(path, sheets):
    """An OpenDocument spreadsheet of `{sheet: rows as XML}`."""
    told = "".join(f'<table:table table:name="{name}">{rows_}</table:table>' for name, rows_ in sheets.items())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f"<office:document-content {NAMESPACES}><office:body>"
            f"<office:spreadsheet>{told}</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def text(value, **attributes):
    told = "".join(f' table:{name.replace("_", "-")}="{said}"' for name, said in attributes.items())
    return f'<table:table-cell office:value-type="string"{told}><text:p>{value}</text:p></table:table-cell>'


def number(value):
    return f'<table:table-cell office:value-type="float" office:value="{value}"/>'


def row(*cells, attributes=""):
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def test_an_open_document_has_its_values_and_marks(tmp_path):
    day = '<table:table-cell office:value-type="date" office:date-value="2024-01-02"/>'
    failed = ('<table:table-cell table:formula="of:=1/0" office:value-type="string" office:string-value="" '
              'calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell>')  # fmt: skip
    path = open_document(tmp_path / "a.ods", {"S": "".join([
        row(text("a"), text("b"), text("c")), row(number(1), day, text("x")),
        row(number(2), day, failed, attributes='table:visibility="filter"'),
    ])})  # fmt: skip
    table = one(path)
    assert rows(table)[0] == (1, datetime.date(2024, 1, 2), "x")
    assert rows(table)[1][2] is None
    assert rules(table)["error-cells"].evidence == {"cells": ["C3"]}
    assert rules(table)["hidden-rows"].evidence == {"rows": [3]}


def test_groups_of_an_open_documents_header_are_joined(tmp_path):
    covered, wide_ = "<table:covered-table-cell/>", {"number_columns_spanned": 2}
    path = open_document(tmp_path / "a.ods", {"S": "".join([
        row(text("k"), text("sales", **wide_), covered, text("cost", **wide_), covered),
        row(text(""), text("plan"), text("real"), text("plan"), text("real")), row(*map(number, range(5))),
    ])})  # fmt: skip
    assert list(one(path).schema) == ["k", "sales plan", "sales real", "cost plan", "cost real"]


def test_an_open_document_that_repeats_a_cell_without_end_is_refused(tmp_path):
    bomb = row(text("a", number_columns_repeated=16384), attributes='table:number-rows-repeated="1048576"')
    with pytest.raises(FileRefused, match="more cells than are read"):
        one(open_document(tmp_path / "a.ods", {"S": bomb}))


def test_an_open_documents_blank_end_does_not_count(tmp_path):
    blank = row(
        '<table:table-cell table:number-columns-repeated="16384"/>', attributes='table:number-rows-repeated="1048000"'
    )
    path = open_document(tmp_path / "a.ods", {"S": row(text("a"), text("b")) + row(number(1), number(2)) + blank})
    assert rows(one(path)) == [(1, 2)]


def record(kind, content=b""):
    """A record of a binary workbook."""
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length = len(content)
    sizes = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
    return head + sizes + content


def wide(value):
    return struct.pack("<I", len(value)) + value.encode("utf-16-le")


def binary_row(number_, *, hidden=False):
    return record(0, struct.pack("<IIHBB", number_, 0, 300, 0, 0x10 if hidden else 0) + bytes(5))


def binary_cell(kind, column, content):
    return record(kind, struct.pack("<II", column, 0) + content)


def binary_workbook(path, cells, after=b""):
    """A binary workbook of one sheet, `S`."""
    book = record(131) + record(153, struct.pack("<I", 0) + bytes(8)) + record(143)
    book += record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("S")) + record(144) + record(132)
    sheet = (
        record(129)
        + record(148, struct.pack("<IIII", 0, 2, 0, 1))
        + record(145)
        + cells
        + record(146)
        + after
        + record(130)
    )
    link = f'<Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.bin"/>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
        )
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/worksheets/sheet1.bin", sheet)
        archive.writestr("xl/_rels/workbook.bin.rels", '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxml'
                         f'formats.org/package/2006/relationships">{link}</Relationships>')  # fmt: skip
    return path


def test_a_binary_workbook_has_its_values_and_marks(tmp_path):
    cells = binary_row(0) + binary_cell(6, 0, wide("a")) + binary_cell(6, 1, wide("b"))
    cells += binary_row(1, hidden=True) + binary_cell(5, 0, struct.pack("<d", 1.5)) + binary_cell(3, 1, b"\x2a")
    cells += binary_row(2) + binary_cell(5, 0, struct.pack("<d", 2.5)) + binary_cell(5, 1, struct.pack("<d", 4))
    table = one(binary_workbook(tmp_path / "a.xlsb", cells))
    assert rows(table) == [(1.5, None), (2.5, 4)]
    assert rules(table)["error-cells"].evidence == {"cells": ["B2"]}
    assert rules(table)["hidden-rows"].evidence == {"rows": [2]}


def test_a_binary_workbook_of_two_cells_far_apart_is_refused(tmp_path):
    cells = binary_row(0) + binary_cell(6, 0, wide("a")) + binary_row(1_048_575) + binary_cell(6, 16_383, wide("b"))
    with pytest.raises(FileRefused, match="more cells than are read"):
        tables(binary_workbook(tmp_path / "a.xlsb", cells))


def spreadsheet_2003(path, told, *, encoding="utf-8"):
    """An XML Spreadsheet of Excel 2003 with one sheet, `S`."""
    namespace = "urn:schemas-microsoft-com:office:spreadsheet"
    sheet = f'<ss:Worksheet ss:Name="S"><ss:Table>{told}</ss:Table></ss:Worksheet>'
    head = f'<?xml version="1.0" encoding="{encoding}"?><?mso-application progid="Excel.Sheet"?>'
    content = f'{head}<ss:Workbook xmlns:ss="{namespace}">{sheet}</ss:Workbook>'
    path.write_bytes(content.encode(encoding))
    return path


def data(value, kind="String", attributes=""):
    return f'<ss:Cell {attributes}><ss:Data ss:Type="{kind}">{value}</ss:Data></ss:Cell>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_xml_spreadsheet_under_the_name_of_a_workbook_is_read(tmp_path, encoding):
    told = f"<ss:Row>{data('k')}{data('n')}{data('d')}{data('ö')}</ss:Row>"
    day = data("2024-01-02T00:00:00.000", "DateTime")
    told += f"<ss:Row>{data('a')}{data('1.5', 'Number')}{day}{data('1', 'Boolean')}</ss:Row>"
    failed = data("#N/A", "Error", "ss:Index='2'")
    told += f"<ss:Row ss:Index='5' ss:Hidden='1'>{data('b')}{failed}</ss:Row>"
    table = one(spreadsheet_2003(tmp_path / "a.xls", told, encoding=encoding))
    assert list(table.schema) == ["k", "n", "d", "ö"]
    assert rows(table) == [("a", 1.5, datetime.date(2024, 1, 2), True), ("b", None, None, None)]
    assert rules(table)["error-cells"].evidence == {"cells": ["B5"]}
    assert rules(table)["hidden-rows"].evidence == {"rows": [5]}


def test_an_xml_spreadsheet_of_two_cells_far_apart_is_refused(tmp_path):
    far = data("b", attributes="ss:Index='16384'")
    told = f"<ss:Row>{data('a')}</ss:Row><ss:Row ss:Index='1048576'>{far}</ss:Row>"
    with pytest.raises(FileRefused, match="more cells than are read"):
        one(spreadsheet_2003(tmp_path / "a.xls", told))

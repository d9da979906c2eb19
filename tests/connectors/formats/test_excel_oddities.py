"""What a spreadsheet does to values is told with the cells' addresses, never with their values."""

import struct
from datetime import date

import pytest

from catalog.errors import FileRefused
from tests.connectors.formats.excel_under_test import DATA, one, positions, rewritten, rows, rules, tables, written

SHEET = "xl/worksheets/sheet1.xml"


def test_hidden_rows_columns_and_sheets_are_read_and_told(tmp_path):
    def hide(sheet, _):
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column(1, 1, None, None, {"hidden": True})

    path = written(tmp_path / "a.xlsx", {
        "S": [["a", "b"], [1, 2], [3, 4], hide], "H": [["x"], [1], lambda sheet, _: sheet.hide()],
    })  # fmt: skip
    found = tables(path)
    assert list(found) == ["S", "H"]
    assert rules(found["S"])["hidden-rows"].evidence == {"rows": [3]}
    assert rules(found["S"])["hidden-columns"].evidence == {"columns": ["B"]}
    assert "H" in rules(found["S"])["hidden-sheets"].message
    skipped = tables(path, hidden="skip")
    assert (list(skipped), rows(skipped["S"])) == (["S"], [(1,)])


def test_a_sheet_of_hidden_columns_alone_has_no_table_left(tmp_path):
    def hide(sheet, _):
        sheet.set_column(0, 1, None, None, {"hidden": True})

    path = written(tmp_path / "a.xlsx", {"S": [["a", "b"], [1, 2], hide], "T": [["c"], [3]]})
    assert list(tables(path, hidden="skip")) == ["T"]
    alone = written(tmp_path / "b.xlsx", {"S": [["a", "b"], [1, 2], hide]})
    with pytest.raises(FileRefused):
        tables(alone, hidden="skip")


def test_error_cells_are_null_and_told(tmp_path):
    def failed(sheet, _):
        sheet.write_formula("B2", "=1/0", None, "#DIV/0!")

    table = one(written(tmp_path / "a.xlsx", {"S": [["a", "b"], [1], [2, 3], failed]}))
    assert rows(table) == [(1, None), (2, 3)]
    told = rules(table)["error-cells"]
    assert told.evidence == {"cells": ["B2"]}
    assert "#DIV/0!" in told.message


def test_formulas_that_were_never_calculated_are_told(tmp_path):
    def blank(sheet, _):
        sheet.write_formula("B2", "=A2+1", None, "")

    table = one(written(tmp_path / "a.xlsx", {"S": [["a", "b"], [1], [2, 3], blank]}))
    assert rules(table)["formulas-uncalculated"].evidence == {"cells": ["B2"]}


def test_codes_that_are_shown_with_leading_zeros_are_told(tmp_path):
    def padded(sheet, formats):
        sheet.write_number("B2", 1234, formats["padded"])

    table = one(written(tmp_path / "a.xlsx", {"S": [["a", "b"], ["x", 1], ["y", 56789], padded]}))
    assert rules(table)["leading-zeros-lost"].evidence["cells"] == ["B2"]


@pytest.mark.parametrize(("rule", "name", "values", "cells"), [
    ("dates-mangled", "gene", ["TP53", "BRCA1", date(2024, 3, 1), "MYC"], ["B4"]),
    ("dates-mangled", "size", [1.5, 2.5, date(2024, 5, 1), 3.5], ["B4"]),
    ("dates-in-two-orders", "day", [date(2024, 3, 2), "31/12/2024", date(2024, 5, 1)], ["B2", "B4"]),
    ("dates-as-text", "day", ["31.12.2024", "1.2.2024"], ["B2", "B3"]),
    ("serial-numbers", "order_date", [45292, 45293], ["B2", "B3"]),
    ("times-as-fractions", "start time", [0.25, 0.5], ["B2", "B3"]),
    ("numbers-as-text", "amount", [1, "2", 3], ["B3"]),
    ("leading-zeros-lost", "code", ["01234", 5678], ["B3"]),
    ("leading-zeros-lost", "zip", [12345, 1234, 54321], ["B3"]),
    ("digits-lost", "card", [4111111111111111, 5], ["B2"]),
])  # fmt: skip
def test_mangled_values_are_told_with_their_cells(tmp_path, rule, name, values, cells):
    table = one(written(tmp_path / "a.xlsx", {"S": [["k", name], *[["x", value] for value in values]]}))
    told = rules(table)[rule]
    assert told.evidence["cells"] == cells
    assert not any(str(value) in told.message for value in values if isinstance(value, str) and len(value) > 2)


def test_an_ordinary_table_has_nothing_to_tell(tmp_path):
    path = written(tmp_path / "a.xlsx", {"S": [["id", "name", "born"], [1, "Ada", date(1980, 1, 2)], [2, "Bob", None]]})
    assert not one(path).noticed


@pytest.mark.parametrize("respelled", [
    lambda text: text.replace(b'"', b"'"),
    lambda text: text.replace(b"><", b">\n  <"),
    lambda text: text.replace(b' r="', b'\tr = "'),
])  # fmt: skip
def test_marks_are_found_however_the_xml_is_spelled(tmp_path, respelled):
    def failed(sheet, _):
        sheet.write_formula("B2", "=1/0", None, "#DIV/0!")
        sheet.set_row(2, None, None, {"hidden": True})

    path = written(tmp_path / "a.xlsx", {"S": [["a", "b"], [1], [2, 3], failed]})
    table = one(rewritten(path, SHEET, respelled))
    assert rules(table)["error-cells"].evidence == {"cells": ["B2"]}
    assert rules(table)["hidden-rows"].count == 1
    assert positions(table) == [2, 3]


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
def test_errors_and_hidden_rows_of_old_workbooks_are_told(tmp_path):
    content = bytearray(next(DATA.glob("excel/**/iris-excel-xls.xls")).read_bytes())
    row = content.index(b"\x08\x02\x10\x00" + struct.pack("<H", 3))
    content[row + 4 + 12] |= 0x20
    cell = content.index(b"\x03\x02\x0e\x00")  # a number of 14 bytes becomes an error of 8, and something of 2
    at = struct.unpack_from("<HH", content, cell + 4)
    content[cell : cell + 18] = (
        b"\x05\x02\x08\x00" + content[cell + 4 : cell + 10] + b"\x2a\x01" + b"\x34\x12\x02\x00\0\0"
    )
    (tmp_path / "a.xls").write_bytes(content)
    told = rules(one(tmp_path / "a.xls"))
    assert told["hidden-rows"].evidence == {"rows": [4]}
    assert told["error-cells"].evidence == {"cells": [f"{'ABCDE'[at[1]]}{at[0] + 1}"]}
    assert "#N/A" in told["error-cells"].message


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
def test_gene_symbols_that_became_dates_in_a_real_paper_are_found():
    path = next(DATA.glob("pipeline/**/*-mmc7.xlsx"))
    told = rules(tables(path, table="A-predicted neoantigen")["A-predicted neoantigen"])["dates-mangled"]
    assert (told.count, told.evidence["cells"][0]) == (20, "J377")

"""Where the tables of a sheet lie, and what their columns are called."""

from datetime import date

import pytest

from tests.connectors.formats.excel_under_test import DATA, one, positions, rows, rules, tables, written

ORDERS = [["id", "customer", "amount"], [1, "Ada", 5.5], [2, "Bob", 7.5], [3, "Cy", 9.5]]


def test_title_rows_above_the_header_are_not_read_and_told(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["Orders of May"], ["as of 2024-05-31"], [], *ORDERS]}))
    assert list(table.schema) == ["id", "customer", "amount"]
    assert rules(table)["title-rows"].evidence == {"rows": [1, 2]}
    assert table.meta["title"] == "Orders of May as of 2024-05-31"


def test_title_rows_directly_above_the_header_are_not_read(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["Orders of May"], *ORDERS]}))
    assert (list(table.schema), positions(table)) == (["id", "customer", "amount"], [3, 4, 5])


def test_notes_below_a_table_are_rejects(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [*ORDERS, [], ["Source: the old system"]]}))
    first = next(iter(table.pieces()))
    assert first.frame.height == 3
    assert first.rejects == [(6, "a note below the table, not one of its rows", "Source: the old system")]


def test_blank_rows_inside_a_table_do_not_end_it(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [*ORDERS[:3], [], ORDERS[3]]}))
    assert positions(table) == [2, 3, 5]


def test_a_second_table_below_has_a_name_of_its_own(tmp_path):
    found = tables(written(tmp_path / "a.xlsx", {"S": [*ORDERS, [], ["rate", "from"], [1.5, date(2024, 1, 1)]]}))
    assert list(found) == ["S", "S!A6:B7"]
    assert rows(found["S!A6:B7"]) == [(1.5, date(2024, 1, 1))]


def test_tables_side_by_side_are_two(tmp_path):
    right = [["code", "text"], ["a", "open"], ["b", "closed"]]
    side = [[*left, None, *(right[at] if at < len(right) else [])] for at, left in enumerate(ORDERS)]
    found = tables(written(tmp_path / "a.xlsx", {"S": side}))
    assert {name: list(table.schema) for name, table in found.items()} == {
        "S": ["id", "customer", "amount"], "S!E1:F3": ["code", "text"],
    }  # fmt: skip


def test_a_blank_column_inside_a_table_stays_in_it(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["a", None, "c"], [1, None, 2], [3, None, 4]]}))
    assert list(table.schema) == ["a", "column_2", "c"]
    assert rules(table)["unnamed-columns"].count == 1


def test_the_largest_table_of_a_sheet_comes_first_and_has_its_name(tmp_path):
    found = tables(written(tmp_path / "a.xlsx", {"S": [["key", "value"], ["unit", 1], [], [], *ORDERS]}))
    assert list(found) == ["S", "S!A1:B2"]
    assert list(found["S"].schema) == ["id", "customer", "amount"]


def test_a_cover_sheet_comes_after_the_others(tmp_path):
    found = tables(written(tmp_path / "a.xlsx", {"README": [["Sheet", "what"], ["S", "orders"]], "S": ORDERS}))
    assert list(found) == ["S", "README"]


def test_repeated_names_are_told_apart(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["a", "a", "a_2"], [1, 2, 3]]}))
    assert list(table.schema) == ["a", "a_3", "a_2"]
    assert rules(table)["repeated-names"].count == 1


def test_lines_of_a_header_with_merged_groups_are_joined(tmp_path):
    def merged(sheet, formats):
        sheet.merge_range("A1:A2", "region", formats["plain"])
        sheet.merge_range("B1:C1", "sales", formats["plain"])
        sheet.merge_range("D1:E1", "cost", formats["plain"])

    rows_ = [merged, [None, "plan", "real", "plan", "real"], ["north", 1, 2, 3, 4]]
    table = one(written(tmp_path / "a.xlsx", {"S": rows_}))
    assert list(table.schema) == ["region", "sales plan", "sales real", "cost plan", "cost real"]
    assert rules(table)["header-joined"].count == 2


def test_groups_above_years_reach_over_the_blanks_to_their_right(tmp_path):
    rows_ = [[None, "sales", None, "cost", None], ["region", 2023, 2024, 2023, 2024], ["north", 1, 2, 3, 4]]
    table = one(written(tmp_path / "a.xlsx", {"S": rows_}))
    assert list(table.schema) == ["region", "sales 2023", "sales 2024", "cost 2023", "cost 2024"]


def test_years_name_columns(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["region", 2023, 2024], ["north", 1, 2], ["south", 3, 4]]}))
    assert list(table.schema) == ["region", "2023", "2024"]


def test_a_line_of_units_belongs_to_the_header(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["depth", "speed"], ["(m)", "[km/h]"], [1, 2]]}))
    assert list(table.schema) == ["depth (m)", "speed [km/h]"]


def test_a_table_without_a_header_keeps_its_first_row(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [[1, "x"], [2, "y"]]}))
    assert (list(table.schema), rows(table)) == (["column_1", "column_2"], [(1, "x"), (2, "y")])
    assert "no-header" in rules(table)


def test_a_header_that_is_said_again_is_no_row(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [*ORDERS[:3], ORDERS[0], ORDERS[3]]}))
    assert positions(table) == [2, 3, 5]
    assert rules(table)["repeated-header"].evidence == {"rows": [4]}


def test_a_row_of_totals_is_told_and_may_be_left_out(tmp_path):
    path = written(tmp_path / "a.xlsx", {"S": [*ORDERS, ["Total", None, 22.5]]})
    kept = one(path)
    assert (positions(kept)[-1], rules(kept)["totals-row"].evidence) == (5, {"rows": [5]})
    assert positions(one(path, totals="skip")) == [2, 3, 4]


def test_a_table_that_the_workbook_declares_is_read_as_declared(tmp_path):
    def listed(sheet, _):
        columns = [{"header": "p", "total_string": "Sum"}, {"header": "q", "total_function": "sum"}]
        sheet.add_table("C3:D6", {"data": [["x", 2], ["y", 4]], "total_row": True, "columns": columns, "name": "Sales"})

    table = one(written(tmp_path / "a.xlsx", {"S": [["a remark"], listed]}))
    assert rows(table) == [("x", 2), ("y", 4)]
    assert (table.meta["declared_table"], rules(table)["totals-row"].count) == ("Sales", 1)


@pytest.mark.parametrize(("options", "names", "count"), [
    ({"range": "B2:C4"}, ["Ada", "5.5"], 2),
    ({"skip_rows": 1, "header_rows": 0}, ["column_1", "column_2", "column_3"], 3),
    ({"header_rows": 2}, ["id 1", "customer Ada", "amount 5.5"], 2),
    ({"table": "S!A1:B3"}, ["id", "customer"], 2),
])  # fmt: skip
def test_what_is_declared_is_not_guessed(tmp_path, options, names, count):
    options = {"header_rows": 1, **options}
    table = one(written(tmp_path / "a.xlsx", {"S": ORDERS}), **options)
    assert (list(table.schema), len(rows(table))) == (names, count)


def test_a_merged_cells_value_may_fill_all_its_cells(tmp_path):
    def merged(sheet, formats):
        sheet.merge_range("A2:A3", "north", formats["plain"])

    path = written(tmp_path / "a.xlsx", {"S": [["region", "n"], [None, 1], [None, 2], ["south", 3], merged]})
    assert [row[0] for row in rows(one(path))] == ["north", None, "south"]
    assert [row[0] for row in rows(one(path, merged="fill"))] == ["north", "north", "south"]
    assert rules(one(path))["merged-cells"].count == 1


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
@pytest.mark.parametrize(("name", "where", "columns"), [
    ("deaths.xls", "A5:F15", ["Name", "Profession", "Age", "Has kids", "Date of birth", "Date of death"]),
    ("clippy.xls", "A1:B5", ["name", "value"]),
    ("Ekaterinburg_IP_9.xlsx", "A4:K2195", None),
    ("los-angeles-arrests-xlsx.xlsx", "A3:AJ196", None),
    ("geometry.xlsx", "B3:D6", ["var1", "var2", "var3"]),
    ("list_type.xlsx", "A1:A7", ["var1"]),
    ("type-me.xlsx", "A1:B11", ["maybe boolean?", "description"]),
])  # fmt: skip
def test_real_sheets_with_titles_and_notes_are_laid_out_right(name, where, columns):
    table = one(next(DATA.glob(f"excel/**/{name}")))
    assert table.meta["range"] == where
    assert columns is None or list(table.schema) == columns


def test_with_a_declared_header_a_wider_block_below_belongs_to_the_table(tmp_path):
    rows_ = [["a", "b"], [1, 2], [], [3, 4, 5]]
    table = one(written(tmp_path / "a.xlsx", {"S": rows_}), header_rows=1)
    assert list(table.schema) == ["a", "b", "column_3"]
    assert rows(table) == [(1, 2, None), (3, 4, 5)]

from decimal import Decimal

import polars as pl
import pytest

from catalog.errors import FileRefused
from connectors.filing.flattening import exploded, flat_schema, flattened

NESTED = pl.DataFrame({
    "id": [1, 2, 3],
    "buyer": [{"name": "Ann", "at": {"city": "Ulm"}}, {"name": "Bo", "at": {"city": None}}, None],
    "lines": [[{"sku": "a", "price": Decimal("1.50")}, {"sku": "b", "price": None}], [], None],
})  # fmt: skip


def test_a_leaf_of_a_struct_is_a_column_named_by_its_path():
    told = flattened(NESTED)
    assert told.columns == ["id", "buyer.name", "buyer.at.city", "lines"]
    assert told["buyer.at.city"].to_list() == ["Ulm", None, None]


def test_a_list_is_json_text_with_its_numbers_exact():
    assert flattened(NESTED)["lines"].to_list() == [
        '[{"sku": "a", "price": "1.50"}, {"sku": "b", "price": null}]', "[]", None,
    ]  # fmt: skip


def test_the_elements_of_a_list_become_the_rows_with_the_columns_around_them():
    told = flattened(exploded(NESTED, "lines"))
    assert told.select("id", "lines.sku").rows() == [(1, "a"), (1, "b"), (2, None), (3, None)]


def test_a_list_inside_a_struct_is_found_by_its_path():
    frame = pl.DataFrame({"order": [{"no": 7, "lines": [1, 2]}]})
    assert exploded(frame, "order.lines").to_dicts() == [
        {"order.no": 7, "order.lines": 1},
        {"order.no": 7, "order.lines": 2},
    ]


@pytest.mark.parametrize("path", ["nothing", "id", "buyer", "buyer.age"])
def test_a_path_where_no_list_stands_is_refused(path):
    with pytest.raises(FileRefused, match=f"'{path}'"):
        exploded(NESTED, path)


def test_a_column_that_is_wanted_whole_stays_nested():
    assert flattened(NESTED, whole=["buyer", "lines"]).columns == ["id", "buyer", "lines"]


def test_the_schema_is_that_of_the_flattened_rows():
    assert flat_schema(NESTED.schema, "lines") == flattened(exploded(NESTED, "lines")).schema

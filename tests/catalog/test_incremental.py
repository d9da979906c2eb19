"""How a contract says that a table is read again, and what is told where it says it wrongly."""

import pytest

from catalog import load_project
from catalog.errors import ProjectError
from catalog.models import Incremental


@pytest.fixture
def orders_read(shop):
    """`orders_read(value)`: the shop's orders are to be read again in this way."""

    def written(value):
        shop.write("datasets/orders.odcs.yaml", shop.orders(incremental=value))
        return load_project(shop.folder).datasets["orders"]

    return written


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"mode": "keys"}, Incremental(mode="keys")),
        ({"mode": "watermark", "column": "CHANGED", "overlap": "1h"}, Incremental(mode="watermark", column="CHANGED",
                                                                                  overlap="1h")),
        ({"mode": "watermark", "column": "N", "overlap": "100"}, Incremental(mode="watermark", column="N",
                                                                             overlap="100")),
        ({"mode": "feed", "slot": "mine"}, Incremental(mode="feed", slot="mine")),
    ],
)  # fmt: skip
def test_a_mode_is_read_with_what_belongs_to_it(orders_read, value, read):
    assert orders_read(value).incremental == read


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"mode": "sometimes"}, "'mode' cannot be 'sometimes'."),
        ({"mode": "watermark"}, "mode 'watermark' needs a column."),
        ({"mode": "keys", "column": "X"}, "'column' has no meaning in mode 'keys'. Allowed beside it: nothing."),
        ({"mode": "feed", "slot": "Not A Name"}, "'Not A Name' is no name."),
        ({"mode": "watermark", "column": "X", "overlap": "soon"}, "'soon' is no duration."),
        ({}, "the key 'mode' is missing."),
    ],
)
def test_a_fault_is_told_with_its_line(orders_read, value, words):
    with pytest.raises(ProjectError) as caught:
        orders_read(value)
    assert words in str(caught.value)
    assert "datasets/orders.odcs.yaml:" in str(caught.value)

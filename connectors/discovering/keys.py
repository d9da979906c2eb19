"""Find what names a row: the declared key, a declared unique set, or columns that are unique in all rows looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from typing import Any

from connectors.discovering.profiles import ColumnProfile, TableProfile
from connectors.discovering.words import one_of, words

WIDEST_KEY = 3  # columns; more are no key that anybody meant
TRIED = 300  # sets of columns that are tried
LONGEST = 80  # characters of a text that may name a row
FEWEST_ROWS = 2  # one row is unique whatever it holds
KEY_WORDS = {
    "id",
    "key",
    "code",
    "no",
    "nr",
    "num",
    "number",
    "uuid",
    "guid",
    "sku",
    "isbn",
    "iso",
    "pk",
    "ref",
    "kuerzel",
}


def declared_key(table: TableProfile) -> tuple[str, ...]:
    """The primary key, else the smallest unique set without a null in the rows looked at; empty where there is none."""
    if table.primary_key:
        return table.primary_key
    filled = {column.name for column in table.columns if not column.nullable or (column.rows and not column.nulls)}
    return min((unique for unique in table.uniques if set(unique) <= filled), key=len, default=())


def found_key(values: Mapping[str, Sequence[Any]], columns: Sequence[ColumnProfile], table: str) -> tuple[str, ...]:
    """The fewest columns that are filled and unique in `values`, the likeliest first; empty where there are none.

    `values` holds the rows looked at, column by column.
    """
    rows = max((len(one) for one in values.values()), default=0)
    if rows < FEWEST_ROWS:
        return ()
    able = sorted(
        (one for one in columns if one.name in values and _may_name(one)), key=lambda one: _likeness(one, table)
    )
    order = [column.name for column in columns]
    for size in range(1, WIDEST_KEY + 1):
        for names in islice(combinations([one.name for one in able], size), TRIED):
            if len(set(zip(*(values[name] for name in names), strict=True))) == rows:
                return tuple(sorted(names, key=order.index))
    return ()


def _may_name(column: ColumnProfile) -> bool:
    if column.nulls or column.held in (None, "number", "binary", "boolean", "time"):
        return False
    return column.held != "string" or column.longest <= LONGEST


def _likeness(column: ColumnProfile, table: str) -> tuple[int, int]:
    """Small for a name such as `id` or `<table>_id`, and for whole numbers and short texts."""
    told = words(column.name)
    own = told in (("id",), (*one_of(table), "id"), (*one_of(table), "code"), (*one_of(table), "key"))
    named = 0 if own else 1 if told and told[-1] in KEY_WORDS else 2
    return (named, 0 if column.held in ("integer", "string") else 1)

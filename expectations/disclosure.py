"""Say what of a row may be told: nothing personal, masked or above internal reaches a finding, a log or the quarantine.

Where keys may not be told, rows are named by their place in the source, `location:position`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from catalog.models import Classification, Dataset, Field
from expectations.wording import as_text

HIDDEN = "***"
SAMPLES = 20  # keys a finding shows; the rest is in the quarantine or in the source
VALUE_SHOWN = 80  # characters of a value


def may_tell(field: Field) -> bool:
    """Whether a field's values may stand in findings, which operators read without the roles of the dataset."""
    return not field.personal and field.mask is None and field.classification <= Classification.internal


def tellable(dataset: Dataset, names: Iterable[str]) -> bool:
    """Whether all the named fields may be told; a name the contract does not know may not."""
    told = {field.name for field in dataset.fields if may_tell(field)}
    return all(name in told for name in names)


def secrets(dataset: Dataset) -> tuple[str, ...]:
    """The fields whose values may not be told."""
    return tuple(field.name for field in dataset.fields if not may_tell(field))


def told_key(dataset: Dataset) -> pl.Expr:
    """`_key`, or `***` where a part of the key may not be told."""
    key = pl.col("_key")
    return key if tellable(dataset, dataset.key) else pl.when(key.is_not_null()).then(pl.lit(HIDDEN)).alias("_key")


def row_names(rows: pl.DataFrame, dataset: Dataset) -> tuple[str, ...]:
    """Names of the first rows: their keys, or their places where a key is absent or may not be told."""
    position = pl.col("_position").cast(pl.String).fill_null("")
    place = pl.concat_str([pl.col("_location").fill_null(""), position], separator=":")
    name = pl.coalesce("_key", place) if tellable(dataset, dataset.key) else place
    return tuple(rows.head(SAMPLES).select(name.alias("name")).to_series().to_list())


def told_value(schema: pl.Schema, dataset: Dataset, names: Iterable[str]) -> pl.Expr:
    """The values of some fields as one short text, or `***` where one of them may not be told; null stays null."""
    names = list(names)
    if not tellable(dataset, names):
        present = pl.any_horizontal(pl.col(name).is_not_null() for name in names)
        return pl.when(present).then(pl.lit(HIDDEN))
    texts = [as_text(schema, name) for name in names]
    if len(texts) == 1:
        return texts[0].str.slice(0, VALUE_SHOWN)
    return pl.concat_str([text.fill_null("") for text in texts], separator=" | ").str.slice(0, VALUE_SHOWN)


def told_rows(rows: pl.DataFrame, dataset: Dataset, names: Iterable[str], *, limit: int) -> list[dict[str, Any]]:
    """The first rows as JSON-ready mappings of `_key` and those named fields that may be told."""
    shown = [name for name in dict.fromkeys(names) if name in rows.columns and tellable(dataset, [name])]
    columns = [as_text(rows.schema, name).str.slice(0, VALUE_SHOWN).alias(name) for name in shown]
    return rows.head(limit).select(told_key(dataset), *columns).to_dicts()

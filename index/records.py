"""Single records: a published document by its name, and a ready row by its key, as far as the caller may see.

A row shows what its contract allows and lists the names of what it withholds, so that withheld is not taken for absent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from catalog.access import may_see
from catalog.models import Dataset, Field, Principal
from index.access import may_see_row, readable_by
from index.labels import field_level
from index.masking import mask
from index.schema import READABLE
from index.searching import discreet, visible_because
from index.store import Tables, read_table


def get_document(store: Tables, principal: Principal, document_id: str) -> dict[str, Any] | None:
    """A published document whole, all its passages in order; None where it is absent or not the caller's to see."""
    from lancedb.expr import col, lit

    with discreet():
        where = (col("document_id") == lit(document_id)) & readable_by(principal)
        found = read_table(store.live(), READABLE, where).sort("ordinal")
    rows = [row for row in found.iter_rows(named=True) if may_see_row(principal, row)]
    if not rows:
        return None
    first = rows[0]
    kept = ("document_id", "dataset", "kind", "key", "title", "gaps")
    cited = ("source", "dataset", "location", "key")
    return {
        **{name: first[name] for name in kept},
        "urn": first["document_id"],
        "text": _whole([row["text"] for row in rows]),
        "passages": [{"breadcrumb": row["breadcrumb"], "text": row["text"]} for row in rows],
        "citation": {**{name: first[name] for name in cited}, "urn": first["document_id"]},
        "visible_because": visible_because(principal, first),
    }


def _whole(passages: list[str]) -> str:
    """The passages as one text, without the sentences that a passage tells again from the one before it."""
    from index.chunking import without_overlap

    return "\n\n".join(without_overlap(text, before) for before, text in zip(["", *passages], passages, strict=False))


def read_rows(path: Path, dataset: Dataset, principal: Principal, key: str, mask_key: bytes) -> dict[str, Any] | None:
    """The ready row with the key `key`, masked: its values, and under `withheld` the fields above the caller.

    None where there is no such row, no ready file, or no field the caller may see.
    """
    seen = [field for field in dataset.fields if _may_see_field(principal, dataset, field)]
    if not seen or not path.is_file():
        return None
    rows = _rows_of(path, dataset, key, mask_key)
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    return {
        "dataset": dataset.name,
        "key": key,
        "values": {field.name: row[field.name] for field in seen if field.name in row},
        "withheld": [field.name for field in dataset.fields if field not in seen],
        "location": row["_location"],
        "position": row["_position"],
    }


def _may_see_field(principal: Principal, dataset: Dataset, field: Field) -> bool:
    return may_see(principal, int(field_level(dataset, field.name)), dataset.roles)


def _rows_of(path: Path, dataset: Dataset, key: str, mask_key: bytes) -> pl.DataFrame:
    """The masked rows with this key. A key that holds a masked field is itself known only masked."""
    key_is_masked = any(dataset.field(name).mask for name in dataset.key)
    if not key_is_masked:
        return mask(pl.scan_parquet(path).filter(pl.col("_key") == key).collect(), dataset, mask_key)
    # only for such datasets the whole file is read: a token cannot be turned back into the value to look for
    return mask(pl.read_parquet(path), dataset, mask_key).filter(pl.col("_key") == key)

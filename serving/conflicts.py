"""What systems say differently about one record, who wins and why, as far as a caller may see every side of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from catalog.home import Home
from catalog.models import Dataset, Principal, Project
from catalog.published import served_under
from index.masking import pseudonyms
from serving.models import Claim, Conflict
from serving.visibility import visible_fields


def conflicts_of(
    key: str, *, dataset: Dataset, principal: Principal, project: Project, home: Home, mask_key: bytes
) -> tuple[Conflict, ...]:
    """The contested fields of the published row `key`, in the order of the contract.

    A conflict of which the caller may not see the own field, or no system that says what wins, is told as withheld;
    losing values that they may not see are left out, and `withheld` says so. A masked value is nobody's to see here.
    """
    path = home.published_settled(dataset.name)
    if not path.is_file():
        return ()
    rows = _rows(pl.scan_parquet(path), dataset, key, mask_key)
    sees = _sight(principal, project, home)
    order = {field.name: place for place, field in enumerate(dataset.fields)}
    told = [_told(row, dataset, sees) for row in rows.iter_rows(named=True) if row["field"] in order]
    return tuple(sorted(told, key=lambda one: order[one.field]))


def _rows(settled: pl.LazyFrame, dataset: Dataset, key: str, mask_key: bytes) -> pl.DataFrame:
    """The entries of one key; a key that holds a masked field is known to callers by its token only."""
    if not any(dataset.field(name).mask for name in dataset.key):
        return settled.filter(pl.col("key") == key).collect()
    entries = settled.collect()
    return entries.filter(pseudonyms(entries["key"], "key", mask_key) == key)


def _sight(principal: Principal, project: Project, home: Home) -> Callable[[str, str], bool]:
    """Whether the caller may see the unmasked values of a dataset's field, by the stricter of both its contracts."""
    known: dict[str, frozenset[str]] = {}

    def fields(name: str) -> frozenset[str]:
        declared = project.datasets.get(name)
        served = served_under(home, declared) if declared else None
        seen = visible_fields(principal, served) if served else ()
        return frozenset(field.name for field in seen if field.mask is None)

    def sees(name: str, field: str) -> bool:
        if name not in known:
            known[name] = fields(name)
        return field in known[name]

    return sees


def _told(row: Mapping[str, Any], dataset: Dataset, sees: Callable[[str, str], bool]) -> Conflict:
    field = row["field"]
    backers = [one["source"] for one in row["backers"] or () if sees(one["source"], one["field"])]
    decided = row["winner_source"] is not None
    if not sees(dataset.name, field) or (decided and not backers):
        return Conflict(field=field, withheld=True)
    losers = [one for one in row["losers"] or () if one["value"] is not None and sees(one["source"], one["field"])]
    winner = row["winner_source"] if row["winner_source"] in backers else next(iter(backers), "")
    return Conflict(
        field=field,
        value=row["value"],
        winner=winner,
        reason=row["reason"],
        losers=tuple(Claim(source=one["source"], value=one["value"]) for one in losers),
        more=row["more"] or 0,
        withheld=len(losers) < len(row["losers"] or ()),
    )

"""What a record is part of: the entity, its other records, and the values it is known by, as far as a caller may see.

The entity's files only say where each golden value stands; the value itself is read from the published row, masked and
judged like any other, so nothing is told here that the record itself would not tell.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import polars as pl

import index
from catalog.entity_models import Entity
from catalog.home import Home
from catalog.models import Dataset, Principal, Project
from catalog.published import served_under
from serving.models import EntityRecord, GoldenValue
from serving.visibility import may_see_key, visible_fields

LISTED = 50  # members; a longer chain is a finding
_UNGUESSABLE = secrets.token_bytes(32)


def entity_of(urn: str, *, principal: Principal, project: Project, home: Home) -> EntityRecord | None:
    """The entity of a record; None where it is part of none, or `principal` may not see the record's key.

    Where several entities claim the record, the first by name is told.
    """
    dataset, _, key = urn.removeprefix(project.urn("", "")[:-1]).partition(":")
    seen = _seen(principal, project, home)
    if dataset not in seen or urn != project.urn(dataset, key):
        return None
    for entity in (project.entities[name] for name in sorted(project.entities)):
        members = _members(entity, dataset, key, home)
        if members is not None:
            return _told(entity, members, seen, principal=principal, project=project, home=home)
    return None


def _seen(principal: Principal, project: Project, home: Home) -> dict[str, Dataset]:
    """The datasets whose keys the caller may see, under the contract they are served under."""
    named = {name for entity in project.entities.values() for name in entity.datasets}
    served = {name: served_under(home, project.datasets[name]) for name in sorted(named)}
    return {name: one for name, one in served.items() if one is not None and may_see_key(principal, one)}


def _members(entity: Entity, dataset: str, key: str, home: Home) -> pl.DataFrame | None:
    """All records of the entity that the record belongs to; `told` is a key as URNs name it."""
    path = home.entity(entity.name, "members")
    if dataset not in entity.datasets or not path.exists():
        return None
    rows = pl.scan_parquet(path)
    met = rows.filter((pl.col("dataset") == dataset) & (pl.col("told") == key)).select("entity_id").collect()
    return None if met.is_empty() else rows.filter(pl.col("entity_id") == met["entity_id"][0]).collect()


def _told(
    entity: Entity, members: pl.DataFrame, seen: Mapping[str, Dataset], *, principal: Principal, project: Project,
    home: Home,
) -> EntityRecord:  # fmt: skip
    entity_id = members["entity_id"][0]
    shown = members.filter(pl.col("dataset").is_in(list(seen))).head(LISTED)
    urns = tuple(project.urn(dataset, key) for dataset, key in shown.select("dataset", "told").iter_rows())
    golden = _golden(entity, members, seen, principal=principal, project=project, home=home)
    return EntityRecord(
        id=entity_id, name=entity.name, title=entity.title, members=urns, golden=golden,
        withheld=tuple(_withheld(entity, seen, principal, golden)),
    )  # fmt: skip


def _golden(
    entity: Entity, members: pl.DataFrame, seen: Mapping[str, Dataset], *, principal: Principal, project: Project,
    home: Home,
) -> dict[str, GoldenValue]:  # fmt: skip
    path = home.entity(entity.name, "golden")
    if not path.exists():
        return {}
    chosen = pl.scan_parquet(path).filter(pl.col("entity_id") == members["entity_id"][0]).collect()
    chosen = chosen.join(members.select("dataset", "key", "told"), on=["dataset", "key"], how="inner")
    declared = {one.name for one in entity.golden}
    rows: dict[tuple[str, str], Mapping[str, Any]] = {}
    golden: dict[str, GoldenValue] = {}
    for one in chosen.iter_rows(named=True):
        dataset, key, name = one["dataset"], one["told"], one["field"]
        if name not in declared or dataset not in seen:
            continue
        if (dataset, key) not in rows:
            rows[dataset, key] = _row(home, seen[dataset], principal, key)
        value = rows[dataset, key].get(one["source_field"])
        if value is not None:
            golden[name] = GoldenValue(value=value, source=project.urn(dataset, key), reason=one["reason"])
    return golden


def _row(home: Home, dataset: Dataset, principal: Principal, key: str) -> Mapping[str, Any]:
    """The published values of a record that the caller may see, masked where the contract masks them."""
    mask_key = home.known_mask_key() or _UNGUESSABLE
    row = index.read_rows(home.published(dataset.name), dataset, principal, key, mask_key)
    return {} if row is None else row["values"]


def _withheld(
    entity: Entity, seen: Mapping[str, Dataset], principal: Principal, golden: Mapping[str, GoldenValue]
) -> list[str]:
    """Golden fields that are not told and that some field above the caller may feed, whether it does or not."""
    visible = {(name, field.name) for name, one in seen.items() for field in visible_fields(principal, one)}
    return [one.name for one in entity.golden if one.name not in golden and not visible.issuperset(one.sources)]

"""Carry out what a contract's drift mode says: before a read, while rows come, and when they are made ready.

The raw manifest remembers two things: `shape`, what was last accepted, and `drift`, what the rows that were taken bear:
`new` columns that nobody described, `doubted` ones of a changed type, and the `columns` as they were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import connectors
from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Field, Source
from connectors.batch import Batch
from connectors.differences import unnamed
from connectors.drifting import TOLD_ONCE, Drift, drift_of
from connectors.shapes import Shape, accepted, promised_fields
from ledger import Finding
from pipelines.site import Site

PROVENANCE = ("_location", "_position", "_row_hash")


def observed(site: Site, source: Source, dataset: Dataset, last: Mapping[str, Any]) -> Drift:
    """Look at the source's shape before any row is read. `last` is the raw manifest, empty where there is none.

    Raises what `connectors.read` raises.
    """
    shape = connectors.shape(source, dataset, folder=site.project.folder, known=last.get("cursor"))
    before = Shape.model_validate(last["shape"]) if last.get("shape") else None
    return drift_of(source, dataset, shape, before)


def as_agreed(source: Source, dataset: Dataset, seen: Drift) -> Drift:
    """The drift as it is once a person accepts what was seen: compared with the contract alone.

    It still blocks where nobody can accept, as where a column of the key is gone.
    """
    return drift_of(source, dataset, seen.shape, accepted(seen.shape, dataset))


def asked(dataset: Dataset, drift: Drift) -> Dataset:
    """The contract to read with: where rows with a new column are set aside, a reader must hand the column over."""
    if dataset.drift != "quarantine" or not drift.new:
        return dataset
    more = tuple(Field(name=name, physical_name=name, type="string", place=dataset.place) for name in drift.new)
    return dataset.model_copy(update={"fields": (*dataset.fields, *more)})


def watched(batches: Iterable[Batch], source: Source, dataset: Dataset, drift: Drift) -> Iterator[Batch]:
    """The batches as the mode takes them: `discard` leaves out what the contract does not name.

    Raises SourceUnreadable where the columns are not those that were looked at before: they changed meanwhile.
    """
    held, promised = drift.shape.named(), promised_fields(dataset)
    must = {name for name in promised if name in held} | (set(drift.new) if dataset.drift == "quarantine" else set())
    left_out = unnamed(dataset, drift.shape) if dataset.drift == "discard" else []
    for batch in batches:
        names = set(batch.frame.columns) - set(PROVENANCE)
        changed = sorted((must - names) | (names - set(held) - set(promised)))
        if changed:
            raise SourceUnreadable(
                source.name, dataset.name, f"its columns changed while it was read: {', '.join(changed[:8])}",
                "Run again when the change is done; the last good rows stay.",
            )  # fmt: skip
        yield replace(batch, frame=batch.frame.drop(left_out, strict=False)) if left_out else batch


def remembered(drift: Drift) -> dict[str, Any]:
    """What the raw manifest keeps, once the rows are taken."""
    told = {"new": list(drift.new), "doubted": list(drift.doubted), "columns": _columns(drift)}
    return {"shape": drift.kept.model_dump(mode="json"), "drift": told}


def same_columns(drift: Drift, last: Mapping[str, Any]) -> bool:
    """Whether the rows of the last read have the columns of now; if not, what changed since is not enough to read."""
    before = last.get("drift", {}).get("columns")
    return before is not None and before == _columns(drift)


def lasting(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that stay true as long as the source stays as it is; a harmless change is told by one read only."""
    return [finding for finding in findings if finding.rule not in TOLD_ONCE]


def as_taken(dataset: Dataset, raw: Mapping[str, Any]) -> Dataset:
    """The contract to make rows ready with: in doubted columns, the mode says what becomes of an unreadable value."""
    doubted = set(raw.get("drift", {}).get("doubted", ()))
    if not doubted or dataset.drift not in ("discard", "quarantine"):
        return dataset
    fate = {"on_bad_value": "discard_value" if dataset.drift == "discard" else "quarantine_row"}
    fields = tuple(
        field.model_copy(update=fate) if field.physical_name in doubted and field.combine is None else field
        for field in dataset.fields
    )
    return dataset.model_copy(update={"fields": fields})


def undescribed(dataset: Dataset, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The new columns whose rows go to quarantine."""
    return tuple(raw.get("drift", {}).get("new", ())) if dataset.drift == "quarantine" else ()


def _columns(drift: Drift) -> list[list[str]]:
    return sorted([column.name, column.type] for column in drift.shape.named().values())

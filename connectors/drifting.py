"""What a source holds against its contract and against what it held last time, as findings, one for each kind of drift.

The contract's mode decides what follows: `evolve` takes what it can and tells, `freeze` takes nothing, `discard` leaves
out what drifted, `quarantine` sets the rows aside that carry it. A changed key, and a column that must be there and is
not, block in every mode. `docs/drift.md` has the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.errors import SourceError
from catalog.models import Dataset, DriftMode, Place, Source
from connectors.differences import Difference, Kind, differences, new_columns, settled
from connectors.shapes import Shape, promised_fields
from ledger.models import Finding, Severity

TOLD_ONCE = frozenset({"drift/widened-columns"})  # harmless: told by the read that saw it, then accepted
SHOWN = 8  # columns that a message names
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")  # what YAML takes as text without quotes
BOOLEANS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # words that YAML does not

WHAT: dict[Kind, str] = {
    "new-columns": "holds columns the contract does not know",
    "missing-columns": "lacks columns the contract promises",
    "renamed-columns": "lacks columns the contract promises, and new ones may be they",
    "widened-columns": "declares columns wider than before",
    "narrowed-columns": "declares columns narrower than before",
    "retyped-columns": "declares columns of another type",
    "key": "tells its rows apart by other columns",
    "unique": "no longer promises that these are unique",
}
_TAKEN = "They are read as before."
FATE: dict[Kind, dict[DriftMode, str]] = {
    "new-columns": {
        "evolve": "They are kept with the raw rows and not used.", "discard": "They are not taken.",
        "quarantine": "Rows with a value in them go to quarantine.",
    },
    "missing-columns": dict.fromkeys(("evolve", "discard", "quarantine"), "They read as null."),
    "renamed-columns": {
        "evolve": "The old ones read as null.", "discard": "The old ones read as null, the new ones are not taken.",
        "quarantine": "The old ones read as null; rows with a value in the new ones go to quarantine.",
    },
    "widened-columns": dict.fromkeys(("evolve", "discard", "quarantine"), _TAKEN),
    "narrowed-columns": {
        "evolve": f"{_TAKEN} What the source cut off is lost there.",
        "discard": "A value that cannot be read as promised reads as null.",
        "quarantine": "A row whose value cannot be read as promised goes to quarantine.",
    },
    "retyped-columns": {
        "evolve": _TAKEN, "discard": "A value that cannot be read as promised reads as null.",
        "quarantine": "A row whose value cannot be read as promised goes to quarantine.",
    },
    "key": {},
    "unique": dict.fromkeys(("evolve", "discard", "quarantine"), "The rows are taken."),
}  # fmt: skip
HELD = "Nothing is taken; the last good rows stay."


@dataclass(frozen=True)
class Drift:
    """What a source is like against its contract and its accepted shape, and what a read must do about it.

    `kept` is the shape to keep as accepted once the rows are taken. `new` are columns that neither the contract names
    nor a person accepted, `doubted` promised ones whose type holds less or something else.
    """

    findings: tuple[Finding, ...]
    shape: Shape
    kept: Shape
    new: tuple[str, ...]
    doubted: tuple[str, ...]

    @property
    def blocked(self) -> bool:
        """Whether no row may be taken."""
        return any(finding.blocking for finding in self.findings)


def drift_of(source: Source, dataset: Dataset, shape: Shape, last: Shape | None) -> Drift:
    """Hold a shape against the contract and the shape last accepted, None where nothing ever was."""
    found = differences(dataset, shape, last)
    kinds = [kind for kind in WHAT if any(one.kind == kind for one in found)]
    findings = [_finding(kind, [one for one in found if one.kind == kind], source, dataset) for kind in kinds]
    doubted = [one.column for one in found if one.kind in ("narrowed-columns", "retyped-columns")]
    return Drift(
        findings=tuple(findings), shape=shape, kept=settled(dataset, shape, last, found),
        new=tuple(new_columns(dataset, shape, last)), doubted=tuple(doubted),
    )  # fmt: skip


def drift_findings(source: Source, dataset: Dataset, shape: Shape, last: Shape | None = None) -> list[Finding]:
    """Findings of stage `raw`, one for each kind of drift."""
    return list(drift_of(source, dataset, shape, last).findings)


def _finding(kind: Kind, found: Sequence[Difference], source: Source, dataset: Dataset) -> Finding:
    mode = dataset.drift
    blocking = mode == "freeze" or any(one.blocks for one in found)
    listed = [_told(one, dataset) for one in found]
    fate = HELD if blocking else FATE[kind][mode]
    return Finding(
        rule=f"drift/{kind}", dataset=dataset.name, stage="raw", severity=_severity(kind, mode, blocking),
        count=len(found), unit="columns", sample_keys=tuple(one.column for one in found[:20]),
        message=f"{dataset.physical_name} {WHAT[kind]}: {'; '.join(listed[:SHOWN])}. {fate}",
        evidence={"mode": mode, "changes": [_change(one) for one in found]},
        owner=source.owner or dataset.owner, remedy=_remedy(kind, found, source, dataset), blocking=blocking,
    )  # fmt: skip


def _severity(kind: Kind, mode: DriftMode, blocking: bool) -> Severity:
    if blocking:
        return "critical"
    if kind == "widened-columns" or (kind == "new-columns" and mode != "quarantine"):
        return "info"
    return "warning"


def _change(one: Difference) -> dict[str, str]:
    signs = {"signs": ", ".join(one.signs)} if one.signs else {}
    return {"column": one.column, "before": one.before, "now": one.now, **signs}


def _told(one: Difference, dataset: Dataset) -> str:
    """One difference in a few words."""
    if one.kind == "new-columns":
        return one.column
    if one.kind == "missing-columns":
        names = ", ".join(field.name for field in promised_fields(dataset).get(one.column, ()))
        return f"{one.column} ({names})" if names else one.column
    if one.kind == "renamed-columns":
        return f"{one.column}, perhaps now {one.other} ({', '.join(one.signs)})"
    if one.kind == "key":
        return f"{one.before} before, {one.now} now, {one.column} in the contract"
    return one.column if one.kind == "unique" else f"{one.column} was {one.before} and is {one.now}"


def _remedy(kind: Kind, found: Sequence[Difference], source: Source, dataset: Dataset) -> str:
    """What the owner does so that the finding goes: in the contract, at the source, or by accepting what is there."""
    owner = source.owner or dataset.owner or "the owner of the source"
    accept = f"landbridge run --accept {dataset.name}"
    places = ", ".join(dict.fromkeys(_place(one, dataset) for one in found))
    if kind == "new-columns":
        return f"Describe them in {dataset.place.file}, or accept that they are left out: {accept}"
    if kind == "renamed-columns":
        lines = [f"`physicalName: {_yaml(one.other)}` at {_place(one, dataset)}" for one in found]
        return f"If they were renamed, write {'; '.join(lines)}. Otherwise ask {owner} to restore them."
    if kind == "missing-columns":
        after = "" if any(one.blocks for one in found) else f", or accept that they are gone: {accept}"
        return f"Ask {owner} to restore them, or take them out of the contract ({places}){after}"
    if kind == "key":
        return f"Correct primaryKey in the contract ({places}), or, if its key still holds: {accept}"
    if kind == "unique":
        return f"Settle it with {owner}; if it is right: {accept}"
    return f"Settle it with {owner}; then write logicalType and physicalType as they are now ({places}), or {accept}"


def _place(one: Difference, dataset: Dataset) -> str:
    """Where the contract speaks of a column."""
    for name in (one.column, *one.column.split(", ")):
        for field in promised_fields(dataset).get(name, ()):
            return _at(field.place)
    return _at(dataset.place)


def _at(place: Place) -> str:
    return f"{place.file}:{place.line}"


def _yaml(name: str) -> str:
    return name if PLAIN.fullmatch(name) and name.lower() not in BOOLEANS else json.dumps(name, ensure_ascii=False)


def unreadable_finding(error: SourceError, source: Source, dataset: Dataset) -> Finding:
    """See `connectors.unreadable`."""
    return Finding(
        rule="source-readable",
        dataset=dataset.name,
        stage="raw",
        severity="critical",
        count=0,
        message=f"Source '{source.name}': {error.detail.rstrip('.')}.",
        owner=source.owner or dataset.owner,
        remedy=error.remedy or "Restore the source; the last good index keeps serving.",
        blocking=True,
    )

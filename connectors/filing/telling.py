"""What was noticed in files, as findings of their dataset: one for each rule, whatever the number of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalog.errors import FileRefused, SourceUnreadable
from catalog.models import Dataset, Source
from connectors.formats.tables import Noticed
from ledger.models import Finding

RANK = {"info": 0, "warning": 1, "critical": 2}
SAMPLED = 20
STAY = " Its rows of last time stay."


def noticed_findings(noticed: Iterable[tuple[str, Noticed]], source: Source, dataset: Dataset) -> tuple[Finding, ...]:
    """One finding for each rule, from (location, what was noticed there)."""
    by_rule: dict[str, list[tuple[str, Noticed]]] = {}
    for place, one in noticed:
        by_rule.setdefault(one.rule, []).append((place, one))
    return tuple(_finding(rule, told, source, dataset) for rule, told in sorted(by_rule.items()))


def broken_findings(
    refused: Mapping[str, tuple[str, str, bool]], source: Source, dataset: Dataset
) -> tuple[Finding, ...]:
    """One finding for each file that gave no rows, from its location: reason, remedy, and whether its old rows stay."""
    return tuple(
        Finding(
            rule=f"file-readable/{place}", dataset=dataset.name, stage="raw", severity="critical", count=1,
            unit="files", message=f"'{place}' cannot be read: {reason.rstrip('.')}.{STAY if held else ''}",
            sample_keys=(place,), evidence={"reason": reason}, owner=source.owner or dataset.owner,
            remedy=remedy or "Ask for the file again.", blocking=source.broken_files == "block",
        )
        for place, (reason, remedy, held) in refused.items()
    )  # fmt: skip


def unreadable(name: str, error: FileRefused, source: Source, dataset: Dataset, count: int) -> SourceUnreadable:
    """Not one of `count` files can be read."""
    more = f" (and {count - 1} more files like it)" if count > 1 else ""
    return SourceUnreadable(
        source.name, dataset.name, f"'{name}': {error.what.rstrip('.')}{more}",
        error.remedy or "Ask for the export again; the last good rows stay.",
    )  # fmt: skip


def as_json(noticed: Sequence[Noticed]) -> list[dict[str, Any]]:
    """What was noticed, as it is kept between reads."""
    return [
        {"rule": one.rule, "message": one.message, "severity": one.severity, "count": one.count, "unit": one.unit,
         "remedy": one.remedy, "evidence": dict(one.evidence)}
        for one in noticed
    ]  # fmt: skip


def from_json(told: Iterable[Mapping[str, Any]]) -> list[Noticed]:
    """What was kept."""
    return [Noticed(**one) for one in told]


def _finding(rule: str, told: Sequence[tuple[str, Noticed]], source: Source, dataset: Dataset) -> Finding:
    places = list(dict.fromkeys(place for place, _ in told))
    first = told[0][1]
    worst = max((one for _, one in told), key=lambda one: RANK[one.severity])
    where = f" In '{places[0]}'." if len(places) == 1 else f" In {len(places)} files."
    message = first.message[:1].upper() + first.message[1:].rstrip(".")
    return Finding(
        rule=rule, dataset=dataset.name, stage="raw", severity=worst.severity, count=sum(one.count for _, one in told),
        unit=first.unit, message=f"{message}.{where}", sample_keys=tuple(places[:SAMPLED]),
        evidence={"files": {place: dict(one.evidence) for place, one in told[:SAMPLED] if one.evidence}},
        owner=source.owner or dataset.owner, remedy=first.remedy,
    )  # fmt: skip

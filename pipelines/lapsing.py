"""Tell the decisions about quarantined rows that could not be carried out; none falls away unsaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from catalog.models import Dataset
from expectations.disclosure import row_names
from expectations.wording import rows as rows_text
from ledger import Finding
from ledger.models import Severity
from pipelines.fixing import Fix
from pipelines.settling import Settled

LAPSED = "quarantine-decision-lapsed"
IMPOSSIBLE = "quarantine-fix-impossible"
FOREIGN = "quarantine-decisions-unrecognised"


def decisions_that_fail(
    settled: Settled,
    impossible: Sequence[Fix],
    taken: pl.DataFrame,
    quarantined: pl.DataFrame,
    dataset: Dataset,
    mark: str,
    last: Mapping[str, Any],
) -> Iterator[Finding]:
    """Findings about decisions. `taken` are the rows before any fix, `last` the manifest of the check before.

    A changed row that passes now, and a mask key that was changed, are told once, by the check that meets them first.
    """
    held = set(quarantined["id"].to_list())
    again = [number for row_id, number in settled.lapsed.items() if row_id in held]
    before = set(last.get("applied", ()))
    passing = [number for row_id, number in settled.lapsed.items() if row_id in before - held]
    if again or passing:
        yield _lapsed(again, passing, taken, dataset)
    if impossible:
        yield _impossible(impossible, taken, dataset)
    if settled.foreign and last.get("key_mark") != mark:
        yield _foreign(settled.foreign, dataset)


def _lapsed(again: Sequence[int], passing: Sequence[int], taken: pl.DataFrame, dataset: Dataset) -> Finding:
    count = len(again) + len(passing)
    message = (
        f"{rows_text(count)} changed at the source after a person decided about them, so that the decisions no longer "
        f"apply: {len(again):,} are in quarantine again, {len(passing):,} pass now without a decision."
    )
    rows = taken[[*again, *passing]]
    evidence: dict[str, object] = {"in_quarantine_again": len(again), "pass_now": len(passing)}
    remedy = "Look at the rows and decide anew: landbridge quarantine list." if again else "Nothing, if they are right."
    return _finding(LAPSED, rows, message, evidence, remedy, dataset, severity="warning" if again else "info")


def _impossible(impossible: Sequence[Fix], taken: pl.DataFrame, dataset: Dataset) -> Finding:
    columns = sorted({fix.column or "a field that is gone" for fix in impossible})
    rows = taken[sorted({fix.row for fix in impossible})]
    message = (
        f"{rows_text(rows.height)} could not be fixed: the source has no such column any more, or one of a type that "
        f"cannot hold the new value: {', '.join(columns)}."
    )
    remedy = "Fix them again, in the spelling that the source has now: landbridge quarantine fix."
    return _finding(IMPOSSIBLE, rows, message, {"columns": columns}, remedy, dataset)


def _foreign(count: int, dataset: Dataset) -> Finding:
    message = (
        f"{count:,} decisions about rows in quarantine were made under another mask key, so that nobody can tell "
        "which rows they are about; they do not apply."
    )
    remedy = "Give the old key back (LANDBRIDGE_MASK_KEY, or mask.key in the home), or decide anew."
    finding = _finding(FOREIGN, pl.DataFrame(), message, {}, remedy, dataset)
    return finding.model_copy(update={"count": count, "unit": "decisions"})


def _finding(
    rule: str,
    rows: pl.DataFrame,
    message: str,
    evidence: dict[str, object],
    remedy: str,
    dataset: Dataset,
    *,
    severity: Severity = "warning",
) -> Finding:
    return Finding(
        rule=rule,
        dataset=dataset.name,
        stage="ready",
        severity=severity,
        count=rows.height,
        message=message,
        sample_keys=row_names(rows, dataset) if rows.height else (),
        evidence=evidence,
        owner=dataset.owner,
        remedy=remedy,
    )

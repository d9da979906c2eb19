"""Let people's decisions about single rows count in a check: who passes in spite of a rule, and who stays out.

A rule is judged as if there were no decisions; only then the rows that a person released are taken off what breaks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from catalog.models import Dataset
from expectations.disclosure import row_names
from expectations.outcomes import Judged
from expectations.quarantine import ROW, Cause
from expectations.unread import NEW_COLUMNS, unread_causes
from expectations.wording import rows as rows_text
from ledger import Finding

REJECTED = "rejected-by-decision"
RELEASED = "released-by-decision"
READABLE = "-readable"  # as `expectations.unread` calls the promise that a field can be read

Spared = Mapping[str, pl.Series]


@dataclass(frozen=True)
class Decided:
    """Decisions about rows of one frame, which are named by their numbers in it, from 0.

    `released` rows, by the name of a rule, pass although they break it; `rejected` rows are set aside whatever they
    keep.
    """

    released: Mapping[str, Sequence[int]] = field(default_factory=dict)
    rejected: Sequence[int] = ()


def spared(rows: pl.DataFrame, judged: Sequence[Judged], dataset: Dataset, decided: Decided) -> Spared:
    """The rows that break a rule and were released from it, by rule."""
    if not decided.released:
        return {}
    broken = {one.rule.name: one.failing for one in judged if one.quarantines and one.failing is not None}
    broken |= {cause.rule: cause.rows for cause in unread_causes(rows, dataset)}
    marks = {rule: broken[rule] & _among(rows, numbers) for rule, numbers in decided.released.items() if rule in broken}
    return {rule: mark for rule, mark in marks.items() if mark.any()}


def excused(judged: Judged, spared: Spared) -> Judged:
    """The judgement without the rows that were released from the rule."""
    mark = spared.get(judged.rule.name)
    if mark is None or judged.failing is None:
        return judged
    failing = judged.failing & ~mark
    return replace(judged, failing=failing, count=int(failing.sum()), broken=bool(failing.any()))


def without_faults(frame: pl.DataFrame, decided: Decided) -> pl.DataFrame:
    """The frame without the faults of rows that were released from them: what could not be read stays null."""
    for rule, numbers in decided.released.items():
        if rule != NEW_COLUMNS and not rule.endswith(READABLE):
            continue
        name = pl.element().struct.field("field")
        same = name.str.starts_with(f"{NEW_COLUMNS}/") if rule == NEW_COLUMNS else name + READABLE == rule
        left = pl.col("_faults").list.eval(pl.element().filter(~same))
        released = pl.col(ROW).is_in(list(numbers))
        frame = frame.with_columns(pl.when(released).then(left).otherwise(pl.col("_faults")).alias("_faults"))
    return frame


def rejected_cause(rows: pl.DataFrame, decided: Decided) -> Iterator[Cause]:
    """The rows that a person rejected, as a reason to set them aside."""
    if decided.rejected:
        yield Cause(REJECTED, (), _among(rows, decided.rejected), "a person decided that the row stays out")


def decision_findings(rows: pl.DataFrame, spared: Spared, dataset: Dataset, decided: Decided) -> Iterator[Finding]:
    """How many rows pass, and how many stay out, because a person said so."""
    passing = rows.filter(pl.any_horizontal(spared.values())) if spared else rows.clear()
    rules = {rule: int(mark.sum()) for rule, mark in spared.items()}
    if passing.height:
        what = f"{rows_text(passing.height)} of {rows.height:,} pass in spite of a rule, by a person's decision."
        yield _finding(RELEASED, passing, what, {"rules": rules}, dataset)
    out = rows.filter(_among(rows, decided.rejected)) if decided.rejected else rows.clear()
    if out.height:
        what = f"{rows_text(out.height)} of {rows.height:,} stay in quarantine for good, by a person's decision."
        yield _finding(REJECTED, out, what, {}, dataset)


def _among(rows: pl.DataFrame, numbers: Sequence[int]) -> pl.Series:
    return rows[ROW].is_in(list(numbers))


def _finding(rule: str, rows: pl.DataFrame, message: str, evidence: dict[str, object], dataset: Dataset) -> Finding:
    return Finding(
        rule=rule,
        dataset=dataset.name,
        stage="ready",
        severity="info",
        count=rows.height,
        message=message,
        sample_keys=row_names(rows, dataset),
        evidence=evidence,
        owner=dataset.owner,
        remedy=f"landbridge quarantine list {dataset.name} --all shows who decided what.",
    )

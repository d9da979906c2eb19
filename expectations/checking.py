"""Check ready rows against their contract: what passes, what is set aside, what is found, whether it may be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from catalog.models import Dataset, Severity
from expectations.decided import (
    REJECTED,
    Decided,
    decision_findings,
    excused,
    rejected_cause,
    spared,
    without_faults,
)
from expectations.disclosure import HIDDEN, SAMPLES, row_names
from expectations.judging import judge
from expectations.outcomes import Judged
from expectations.quarantine import ROW, Cause, set_aside
from expectations.reports import Report
from expectations.results import result_of
from expectations.telling import fields_of, finding_of, promise
from expectations.unread import unread_causes, unread_findings
from expectations.wording import listed
from expectations.wording import rows as rows_text
from ledger import Finding

OUT_OF_SCOPE = ("filtered", "discarded")  # a discarded row is out of scope by the contract's own word
KEY_PRESENT = "primary-key-present"
KEY_REPEATS = "primary-key-repeats"
PRESENT = "rows-present"
THRESHOLD = "quarantine-threshold"


def check(frame: pl.DataFrame, dataset: Dataset, decided: Decided | None = None, *, folder: Path = Path()) -> Report:
    """Hold a normalized frame against its contract.

    Rules speak about the rows whose `_outcome` is `ready`; a row without a value breaks only `not_null`. Every row ends
    in exactly one place: frame.height == passed + quarantined + filtered + duplicate. What people `decided` about rows
    counts after the judgement. `folder` is the project's, where its own modules lie. Raises
    ValueError for a frame that `pipelines.normalize` did not make.
    """
    decided = decided or Decided()
    filtered, duplicate, frame, rows = _split(frame)
    told = judge(rows, dataset, folder)
    free = spared(rows, told, dataset, decided)
    judged = [excused(one, free) for one in told]
    frame, rows = without_faults(frame, decided), without_faults(rows, decided)
    causes = [cause for cause in _causes(rows, dataset, judged, decided) if cause.rows.any()]
    passed, quarantined = set_aside(rows, causes, dataset)
    told_of = [finding_of(one, rows, dataset) for one in judged]
    findings = [
        *_presence(frame, rows, passed, dataset),
        *_threshold(rows, quarantined, dataset),
        *_keys(frame, rows, dataset),
        *unread_findings(frame, dataset),
        *filter(None, told_of),
        *decision_findings(rows, free, dataset, decided),
    ]
    blocked = any(finding.blocking for finding in findings)
    return Report(
        passed=passed,
        quarantined=quarantined,
        findings=tuple(findings),
        verdict="block" if blocked else "quarantine" if quarantined.height else "pass",
        filtered=filtered,
        duplicate=duplicate,
        results=tuple(
            result_of(one, finding, dataset, read=rows.height) for one, finding in zip(judged, told_of, strict=True)
        ),
    )


def _split(frame: pl.DataFrame) -> tuple[int, int, pl.DataFrame, pl.DataFrame]:
    """How many rows are out of scope and how many doubles; all rows, numbered, and those the rules speak about."""
    absent = {"_key", "_location", "_position", "_outcome", "_faults"} - set(frame.columns)
    if absent:
        raise ValueError(f"the frame lacks {', '.join(sorted(absent))}: normalize it first")
    frame, outcome = frame.with_row_index(ROW), frame["_outcome"]
    filtered, duplicate = int(outcome.is_in(OUT_OF_SCOPE).sum()), int((outcome == "duplicate").sum())
    rows = frame.filter(pl.col("_outcome") == "ready") if filtered + duplicate else frame
    if not rows["_outcome"].eq("ready").all() or filtered + duplicate + rows.height != frame.height:
        raise ValueError("the frame holds an _outcome other than ready, filtered, duplicate and discarded")
    return filtered, duplicate, frame, rows


def _causes(rows: pl.DataFrame, dataset: Dataset, judged: Sequence[Judged], decided: Decided) -> Iterator[Cause]:
    if dataset.key:
        yield Cause(
            KEY_PRESENT, dataset.key, rows["_key"].is_null(), "a row without its key cannot be told from others"
        )
    yield from unread_causes(rows, dataset)
    for one in judged:
        if one.quarantines and one.failing is not None:
            yield Cause(one.rule.name, fields_of(one.rule), one.failing, promise(one.rule))
    yield from rejected_cause(rows, decided)


def _presence(frame: pl.DataFrame, rows: pl.DataFrame, passed: pl.DataFrame, dataset: Dataset) -> Iterator[Finding]:
    """Zero rows are never green."""
    if passed.height:
        return
    why = "The source gave no rows." if frame.is_empty() else f"None of {rows_text(frame.height)} is usable."
    if frame.height and rows.is_empty():
        why = f"None of {rows_text(frame.height)} is in scope."
    yield _about_dataset(
        PRESENT,
        dataset,
        count=frame.height,
        message=f"{why} The last good version stays.",
        evidence={"read": frame.height, "in_scope": rows.height, "passed": 0},
        remedy="Ask the owner of the source for a complete delivery, or correct the contract.",
        blocking=True,
    )


def _threshold(rows: pl.DataFrame, quarantined: pl.DataFrame, dataset: Dataset) -> Iterator[Finding]:
    """Too many rows set aside; not those that a person looked at and rejected one by one."""
    quarantined = quarantined.filter(~pl.col("rules").list.contains(REJECTED))
    share = quarantined.height / rows.height if rows.height else 0.0
    if share <= dataset.quarantine_threshold:
        return
    rules = quarantined["rules"].explode().value_counts(sort=True).head(5)
    yield _about_dataset(
        THRESHOLD,
        dataset,
        count=quarantined.height,
        message=f"{rows_text(quarantined.height)} of {rows.height:,} ({share:.2%}) would go to quarantine, more than "
        f"the {dataset.quarantine_threshold:.2%} allowed. The last good version stays.",
        evidence={
            "share": share,
            "threshold": dataset.quarantine_threshold,
            "in_scope": rows.height,
            "rules": dict(rules.iter_rows()),
        },
        remedy="Find what changed at the source; raise landbridge.quarantineThreshold only if so many are usual.",
        sample_keys=tuple(key for key in quarantined["_key"].head(SAMPLES).to_list() if key not in (None, HIDDEN)),
        blocking=True,
    )


def _keys(frame: pl.DataFrame, rows: pl.DataFrame, dataset: Dataset) -> Iterator[Finding]:
    """Rows without a key, and rows whose key comes again."""
    key = listed(dataset.key) if dataset.key else ""
    nameless = rows.filter(pl.col("_key").is_null())
    if nameless.height and dataset.key:
        yield _about_dataset(
            KEY_PRESENT,
            dataset,
            count=nameless.height,
            message=f"{rows_text(nameless.height)} of {rows.height:,} lack their key ({key}); they are in quarantine.",
            evidence={"share": nameless.height / rows.height, "columns": list(dataset.key)},
            remedy="Have the source fill its key.",
            sample_keys=row_names(nameless, dataset),
        )
    doubles = frame.filter(pl.col("_outcome") == "duplicate")
    if doubles.height:
        yield _about_dataset(
            KEY_REPEATS,
            dataset,
            count=doubles.height,
            message=f"{rows_text(doubles.height)} of {frame.height:,} repeat a key ({key}); the last one counts.",
            evidence={"share": doubles.height / frame.height, "columns": list(dataset.key)},
            remedy="Ask the source which row holds; if rows are versions, the last one is used.",
            sample_keys=tuple(dict.fromkeys(row_names(doubles, dataset))),
            severity="warning",
        )


def _about_dataset(
    rule: str,
    dataset: Dataset,
    *,
    count: int,
    message: str,
    evidence: dict[str, object],
    remedy: str,
    sample_keys: tuple[str, ...] = (),
    severity: Severity = "critical",
    blocking: bool = False,
) -> Finding:
    return Finding(
        rule=rule,
        dataset=dataset.name,
        stage="ready",
        severity=severity,
        count=count,
        message=message,
        sample_keys=sample_keys,
        evidence=evidence,
        owner=dataset.owner,
        remedy=remedy,
        blocking=blocking,
    )

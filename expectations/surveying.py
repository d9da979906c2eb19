"""Look across systems for what is referenced and absent, missing, missing in time, or contradictory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from catalog.models import Dataset, GapKind, GapRule, Project
from expectations.absences import missing_value
from expectations.across import Seen, Systems, gap
from expectations.conflicts import conflict
from expectations.orphans import missing_reference
from expectations.periods import missing_period
from expectations.reports import KNOWN, GapReport

_KINDS: dict[GapKind, Callable[[GapRule, Dataset, Systems], Seen]] = {
    "missing_reference": missing_reference,
    "missing_value": missing_value,
    "missing_period": missing_period,
    "conflict": conflict,
}


def gaps(project: Project, frames: Mapping[str, pl.DataFrame]) -> GapReport:
    """Evaluate every gap rule of the project over the ready rows in `frames`, by dataset name.

    A rule that lacks a dataset's rows, or cannot be evaluated, is a finding too: nobody knows whether that gap is open.
    """
    systems = Systems(project, frames)
    seen = [
        _seen(rule, dataset, systems) for _, dataset in sorted(project.datasets.items()) for rule in dataset.gap_rules
    ]
    known = [frame for one in seen for frame in one.known]
    return GapReport(
        findings=tuple(finding for one in seen for finding in one.findings),
        known=pl.concat([pl.DataFrame(schema=KNOWN), *known]).unique().sort(list(KNOWN)),
    )


def _seen(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    absent = [name for name in _needed(rule, dataset) if name not in systems.frames]
    if absent:
        return _unevaluated(rule, dataset, f"there are no ready rows of {', '.join(absent)}", {"absent": absent})
    try:
        return _KINDS[rule.kind](rule, dataset, systems)
    except ValueError as error:  # of the rule's own words
        return _unevaluated(rule, dataset, str(error), {"error": str(error)})
    except pl.exceptions.PolarsError as error:  # its text may quote values
        kind = type(error).__name__
        return _unevaluated(rule, dataset, f"the comparison failed ({kind})", {"error": kind})


def _needed(rule: GapRule, dataset: Dataset) -> Iterable[str]:
    return dict.fromkeys(filter(None, (dataset.name, rule.to_dataset)))


def _unevaluated(rule: GapRule, dataset: Dataset, reason: str, facts: dict[str, object]) -> Seen:
    message = f"not evaluated, so nobody knows whether this gap is open: {reason}."
    evidence = {"status": "not evaluated", **facts}
    place = f"{rule.place.file}:{rule.place.line}"
    urgent = rule.model_copy(
        update={"severity": "critical", "remedy": f"Bring the rows that are lacking, or correct the rule at {place}."}
    )
    return Seen([gap(urgent, dataset, count=0, message=message, evidence=evidence)])

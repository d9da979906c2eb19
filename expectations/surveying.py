"""Look across systems for what is referenced and absent, missing, out of step, out of shape, or contradictory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import polars as pl

from catalog.models import Dataset, GapKind, GapRule, Project
from expectations.absences import missing_value
from expectations.across import Seen, Systems, gap
from expectations.conflicts import conflict
from expectations.coverage import missing_entity
from expectations.looked_at import Frame, columns_of_gaps, held
from expectations.mixtures import mixed_format
from expectations.orphans import missing_reference
from expectations.periods import missing_period
from expectations.reports import KNOWN, GapReport
from expectations.segments import segment_coverage
from expectations.sequences import missing_sequence
from expectations.settled_rows import settled_rows
from expectations.settling_rules import Settling
from expectations.staleness import stale_field
from ledger import Finding

_Judge = Callable[[GapRule, Dataset, Systems], Seen]
_KINDS: Mapping[GapKind, _Judge] = {
    "missing_reference": missing_reference,
    "missing_value": missing_value,
    "missing_period": missing_period,
    "missing_entity": missing_entity,
    "missing_sequence": missing_sequence,
    "stale_field": stale_field,
    "segment_coverage": segment_coverage,
    "mixed_format": mixed_format,
}


def gaps(project: Project, frames: Mapping[str, Frame]) -> GapReport:
    """Evaluate every gap rule of the project over the ready rows in `frames`, by dataset name.

    Of lazy frames only a portion of the columns that a rule looks at is in memory, and what the rule found. A rule that
    lacks a dataset's rows or a column's values, or cannot be evaluated, is a finding too: nobody knows whether that gap
    is open.
    """
    rules = [(dataset, rule) for _, dataset in sorted(project.datasets.items()) for rule in dataset.gap_rules]
    conflicts, settled, unconverged = _conflicts(project, rules, frames)
    seen = [
        conflicts.pop(0)
        if rule.kind == "conflict"
        else _seen(rule, dataset, _systems(project, [(dataset, rule)], frames))
        for dataset, rule in rules
    ]
    known = [frame for one in seen for frame in one.known]
    return GapReport(
        findings=(*(finding for one in seen for finding in one.findings), *unconverged),
        known=pl.concat([pl.DataFrame(schema=KNOWN), *known]).unique().sort(list(KNOWN)),
        settled=settled,
    )


def _systems(project: Project, rules: Sequence[tuple[Dataset, GapRule]], frames: Mapping[str, Frame]) -> Systems:
    """What some rules look at."""
    scans = {name: rows.lazy() for name, rows in frames.items()}
    return Systems(project, held(frames, columns_of_gaps(project, rules)), scans)


def _conflicts(
    project: Project, rules: Sequence[tuple[Dataset, GapRule]], frames: Mapping[str, Frame]
) -> tuple[list[Seen], pl.DataFrame, list[Finding]]:
    """What each conflict rule found, in their order; the settled values; facts that were not settled to the end."""
    comparing = [(dataset, rule) for dataset, rule in rules if rule.kind == "conflict"]
    systems = _systems(project, comparing, frames)
    settling = Settling(systems)
    compare = partial(conflict, settling=settling)
    seen = [_seen(rule, dataset, systems, compare) for dataset, rule in comparing]
    settled = settled_rows(settling.outcomes, systems.frames, project)
    return seen, settled, list(_unconverged(settling, project))


def _unconverged(settling: Settling, project: Project) -> Iterator[Finding]:
    """Facts whose learning did not come to rest: what reliability decided there is not the last word."""
    for outcome in settling.outcomes:
        if not outcome.converged:
            one = outcome.fact.declared[0]
            what = f"what the systems are worth did not settle in {outcome.rounds} rounds, for {outcome.fact.name}."
            yield gap(one.rule, project.datasets[one.dataset], name=f"{one.rule.name}/{one.compared.field}/unconverged",
                      count=1, unit="facts", message=what, evidence={"rounds": outcome.rounds})  # fmt: skip


def _seen(rule: GapRule, dataset: Dataset, systems: Systems, judge: _Judge | None = None) -> Seen:
    absent = [name for name in _needed(rule, dataset) if _rowless(systems, name)]
    if absent:
        return _unevaluated(rule, dataset, f"there are no ready rows of {', '.join(absent)}", {"absent": absent})
    lacking = [pair for pair in _read(rule, dataset) if pair[1] not in systems.frames[pair[0]].columns]
    if lacking:
        return _without_columns(rule, dataset, lacking, "the rows have no column")
    blank = [pair for pair in _compared(rule, dataset) if _blank(systems, *pair)]
    if blank:
        return _without_columns(rule, dataset, blank, "no row has a value of")
    try:
        seen = (judge or _KINDS[rule.kind])(rule, dataset, systems)
    except ValueError as error:  # of the rule's own words
        return _unevaluated(rule, dataset, str(error), {"error": str(error)})
    except pl.exceptions.PolarsError as error:  # its text may quote values
        kind = type(error).__name__
        return _unevaluated(rule, dataset, f"the comparison failed ({kind})", {"error": kind})
    return Seen([*seen.findings, *_blank_comparisons(rule, dataset, systems)], seen.known)


def _read(rule: GapRule, dataset: Dataset) -> list[tuple[str, str]]:
    """The (dataset, field) pairs that a rule reads; a further register may be absent, and the evidence says so."""
    left = {*rule.also_in, *_dated(rule, dataset)}
    return [pair for pair in rule.named(dataset.name) if pair not in left or pair in _joined(rule, dataset)]


def _dated(rule: GapRule, dataset: Dataset) -> list[tuple[str, str]]:
    """Fields of a conflict that date what is said; without them it is judged, and only recency is not."""
    pairs = [(dataset.name, rule.changed), (rule.to_dataset, rule.their_changed)] if rule.kind == "conflict" else []
    return [pair for pair in pairs if pair[1]]


def _compared(rule: GapRule, dataset: Dataset) -> list[tuple[str, str]]:
    """Those of them without a single value of which nothing can be told.

    Not the field whose absence is the gap, and not the fields of a conflict, which are compared one by one.
    """
    told = {(dataset.name, rule.field)} if rule.kind == "missing_value" else {
        pair for one in rule.compare for pair in ((dataset.name, one.field), (rule.to_dataset, one.other))
        if pair not in _joined(rule, dataset)
    }  # fmt: skip
    return [pair for pair in _read(rule, dataset) if pair not in told]


def _joined(rule: GapRule, dataset: Dataset) -> set[tuple[str, str]]:
    return {pair for ours, theirs in rule.on for pair in ((dataset.name, ours), (rule.to_dataset, theirs))}


def _needed(rule: GapRule, dataset: Dataset) -> Iterable[str]:
    return dict.fromkeys([dataset.name, *(name for name, _ in _read(rule, dataset))])


def _rowless(systems: Systems, name: str) -> bool:
    return name not in systems.frames or not systems.frames[name].height


def _has_column(systems: Systems, name: str, field: str) -> bool:
    return field in systems.frames[name].columns


def _blank(systems: Systems, name: str, field: str) -> bool:
    return systems.frames[name].is_blank(field)


def _blank_comparisons(rule: GapRule, dataset: Dataset, systems: Systems) -> Iterable[Finding]:
    """Compared fields that one side has lost, which is no agreement, and times without which nothing is newer."""
    lost = [pair for pair in _dated(rule, dataset) if not _has_column(systems, *pair) or _blank(systems, *pair)]
    if lost:
        name = f"{rule.name}/changed"
        yield from _without_columns(rule, dataset, lost, "recency cannot tell, as no row has a value of", name=name
                                    ).findings  # fmt: skip
    for one in rule.compare:
        pairs = ((dataset.name, one.field), (rule.to_dataset, one.other))
        blank = [pair for pair in pairs if _blank(systems, *pair)]
        if blank:
            name = f"{rule.name}/{one.field}"
            yield from _without_columns(rule, dataset, blank, "no row has a value of", name=name).findings


def _without_columns(
    rule: GapRule, dataset: Dataset, pairs: Sequence[tuple[str, str]], reason: str, *, name: str = ""
) -> Seen:
    columns = [f"{of}.{field}" for of, field in pairs]
    return _unevaluated(rule, dataset, f"{reason} {', '.join(columns)}", {"columns": columns}, name=name)


def _unevaluated(rule: GapRule, dataset: Dataset, reason: str, facts: dict[str, object], *, name: str = "") -> Seen:
    message = f"not evaluated, so nobody knows whether this gap is open: {reason}."
    evidence = {"status": "not evaluated", **facts}
    place = f"{rule.place.file}:{rule.place.line}"
    urgent = rule.model_copy(
        update={"severity": "critical", "remedy": f"Bring the rows that are lacking, or correct the rule at {place}."}
    )
    return Seen([gap(urgent, dataset, name=name, count=0, message=message, evidence=evidence)])

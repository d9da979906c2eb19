"""Try what the rows speak for: as words of a contract, then over the rows, so that what is suggested is true today."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from catalog.errors import Problem
from catalog.extensions import GapShape
from catalog.gap_rules import gap_rule
from catalog.models import Dataset, GapRule, Project
from catalog.settling_faults import settling_faults
from catalog.shapes import shaped
from catalog.yaml_lines import parse_part
from expectations.looked_at import Frame
from expectations.suggesting.looks import Look
from expectations.suggesting.peers import between
from expectations.suggesting.proposals import Proposal, Suggestion, free_name, names_taken
from expectations.suggesting.references import references
from expectations.suggesting.series import periods, sequences
from expectations.suggesting.values import absences, formats
from expectations.surveying import gaps
from ledger import Finding

SEVERITY = "info"  # until somebody has looked at it
_SIGHTS: tuple[Callable[[Look, Dataset], Iterator[Proposal]], ...] = (
    references, between, periods, sequences, absences, formats,
)  # fmt: skip


def suggested(
    project: Project, frames: Mapping[str, Frame], *, datasets: Collection[str] | None = None
) -> tuple[Suggestion, ...]:
    """The gap rules that the ready rows in `frames`, by dataset name, speak for and that no contract declares.

    Only for `datasets`, where they are given; the others are still looked at as their peers. Each rule was read as a
    contract's words and evaluated over all rows: one that could not be judged is not suggested. A dataset without rows
    gives none. The same rows give the same suggestions.
    """
    look = Look(project, frames)
    wanted = [one for one in look.datasets if datasets is None or one.name in datasets]
    return tuple(one for dataset in wanted for one in _of(look, dataset, project, frames))


def _of(look: Look, dataset: Dataset, project: Project, frames: Mapping[str, Frame]) -> Iterator[Suggestion]:
    taken = names_taken(dataset)
    for proposal in (one for sight in _SIGHTS for one in sight(look, dataset)):
        names = set(taken)
        name = free_name(proposal.about, names)
        words = {"name": name, "kind": proposal.kind, **proposal.words, "severity": SEVERITY}
        rule = rule_of(words, dataset, project)
        found = _tried(rule, dataset, project, frames) if rule is not None else None
        if found is None or not (found or proposal.guards):
            continue
        taken = names
        unit, count = found[0].unit if found else "rows", sum(one.count for one in found)
        sure = proposal.confidence
        if sure is None:
            sure = max(0.0, 1 - count / look.height(dataset.name))
        yield Suggestion(dataset.name, proposal.kind, words, proposal.reason, found=count, findings=len(found),
                         unit=unit, measured=proposal.measured, confidence=sure)  # fmt: skip


def rule_of(words: Mapping[str, Any], dataset: Dataset, project: Project) -> GapRule | None:
    """The rule that these words mean in a contract; None where the contract would not be read with them."""
    faults: list[Problem] = []
    part = parse_part(json.dumps(words), file=dataset.place.file, found=faults)
    shape = shaped(GapShape, part, found=faults) if part is not None else None
    rule = gap_rule(shape, part, found=faults) if shape is not None and part is not None else None
    if rule is None or faults or (rule.kind == "conflict" and _contradicts(rule, dataset, project)):
        return None
    return rule


def _contradicts(rule: GapRule, dataset: Dataset, project: Project) -> bool:
    """Whether conflict rules, which settle a fact together, contradict each other once this one is added."""
    added = dataset.model_copy(update={"gap_rules": (*dataset.gap_rules, rule)})
    datasets = {**project.datasets, dataset.name: added}
    return any(
        True
        for one in datasets.values()
        for declared in one.gap_rules
        if declared.kind == "conflict"
        for _ in settling_faults(one.name, declared, datasets)
    )


def _tried(rule: GapRule, dataset: Dataset, project: Project, frames: Mapping[str, Frame]) -> list[Finding] | None:
    """What the rule would report, were it the only one; None where it cannot be judged."""
    bare = {name: one.model_copy(update={"gap_rules": ()}) for name, one in project.datasets.items()}
    bare[dataset.name] = dataset.model_copy(update={"gap_rules": (rule,)})
    found = gaps(project.model_copy(update={"datasets": bare}), frames).findings
    if any(one.evidence.get("status") == "not evaluated" for one in found):
        return None
    return list(found)

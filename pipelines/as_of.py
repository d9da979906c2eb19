"""Say of gaps what was not looked at in this run: of what time the rows are that a rule was held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.models import Project
from expectations.results import RuleResult
from ledger import Finding
from pipelines.standing import Stop


def with_as_of(finding: Finding, project: Project, stopped: Mapping[str, Stop]) -> Finding:
    """The finding with the time of the rows it speaks of, where a dataset that its rule names stopped."""
    stops = _named(finding.dataset, finding.rule, project, stopped)
    if not stops:
        return finding
    evidence = finding.evidence | {"as_of": {one.dataset: one.as_of or None for one in stops}}
    return finding.model_copy(update={"evidence": evidence, "message": f"{finding.message} {_sentence(stops)}"})


def told_as_of(
    results: Iterable[RuleResult], project: Project, stopped: Mapping[str, Stop], judged_at: Mapping[str, str]
) -> tuple[RuleResult, ...]:
    """The results of gap rules; `judged_at` has the time of the last judgement of datasets that were not judged anew.

    A rule of such a dataset that found nothing is `unjudged`: what nobody looked at does not pass.
    """
    return tuple(_told(one, project, stopped, judged_at) for one in results)


def is_of_a_rule(finding: Finding, project: Project) -> bool:
    """Whether a gap rule of its dataset found it."""
    return any(rule.name == _rule(finding.rule) for rule in project.datasets[finding.dataset].gap_rules)


def _told(
    one: RuleResult, project: Project, stopped: Mapping[str, Stop], judged_at: Mapping[str, str]
) -> RuleResult:  # fmt: skip
    at = judged_at.get(one.dataset)
    if at is None:
        stops = [] if one.verdict != "passed" else _named(one.dataset, one.rule, project, stopped)
        return one.model_copy(update={"message": f"{one.message} {_sentence(stops)}"}) if stops else one
    what = f"Not judged in this run, since '{one.dataset}' is held; judged last on {at[:16].replace('T', ' ')} UTC"
    if one.verdict == "passed":
        return one.model_copy(update={"verdict": "unjudged", "message": f"{what}, when no gap was found."})
    return one.model_copy(update={"message": f"{one.message} {what}."})


def _named(dataset: str, rule: str, project: Project, stopped: Mapping[str, Stop]) -> list[Stop]:
    """The datasets that stopped among those that a rule names."""
    rules = [one for one in project.datasets[dataset].gap_rules if one.name == _rule(rule)]
    names = {name for one in rules for name, _ in one.named(dataset)}
    return [stop for name, stop in sorted(stopped.items()) if name in names]


def _rule(name: str) -> str:
    """A rule makes its findings under its own name, or under this and a column."""
    return name.partition("/")[0]


def _sentence(stops: Iterable[Stop]) -> str:
    return f"Held: {'; '.join(one.told for one in stops)}."

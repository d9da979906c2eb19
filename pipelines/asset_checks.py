"""Dagster's asset checks of a project: one for each rule of a contract and for each gap rule, and what became of it.

Specs and results take their names from the same pure function, so that every spec gets its result.
"""
# No `from __future__ import annotations` here: Dagster reads annotations as they stand.

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from catalog.models import Dataset, Project
from expectations.check_report import preview
from expectations.freshness import PREFIX
from expectations.results import RuleResult
from ledger import Finding
from pipelines import metadata
from pipelines.site import Site
from pipelines.stages.gaps import Known
from pipelines.stages.ready import Ready

CONTRACT = "contract"  # the check that sums up a dataset's rules
NO_OPEN_GAPS = "no_open_gaps"
KEYS_SHOWN = 5
_OUTCOMES = {"failed": "The data break the rule.", "passed": "The rule holds."}
_UNKNOWN = {
    "errored": "The rule could not be evaluated: it is the rule that is at fault, and nobody knows about the data.",
    "unjudged": "There was nothing to hold the rule against.",
}


def check_names(rules: Iterable[str], *, taken: Iterable[str] = ()) -> dict[str, str]:
    """The name of each rule's check: letters, digits and `_`, unique and none of `taken`, the same for the same rules.

    Rules whose names are the same but for punctuation are numbered in their order.
    """
    used, names = set(taken), {}
    for rule in rules:
        wanted = re.sub(r"[^A-Za-z0-9_]+", "_", rule) or "rule"
        name, number = wanted, 1
        while name in used:
            number += 1
            name = f"{wanted}_{number}"
        used.add(name)
        names[rule] = name
    return names


def contract_specs(dataset: Dataset) -> list[dg.AssetCheckSpec]:
    """The checks of `ready/<dataset>`: the summary first, then one for each rule and each promised age."""
    key, names = ["ready", dataset.name], _contract_names(dataset)
    summary = dg.AssetCheckSpec(
        CONTRACT,
        asset=key,
        blocking=True,
        description=f"{len(dataset.rules)} rules of the contract, checked by Great Expectations. "
        "A broken dataset rule blocks; a broken row rule sends rows to quarantine.",
    )
    rules = [
        dg.AssetCheckSpec(names[rule.name], asset=key, blocking=True, description=rule.description or None,
                          metadata=_declared(rule.name, rule.place.file, rule.place.line))
        for rule in dataset.rules
    ]  # fmt: skip
    ages = [
        dg.AssetCheckSpec(names[PREFIX + one.field], asset=key,
                          description=f"The newest '{one.field}' must not be older than {one.max_age}.",
                          metadata=_declared(PREFIX + one.field, one.place.file, one.place.line))
        for one in dataset.field_freshness
    ]  # fmt: skip
    return [summary, *rules, *ages]


def contract_results(dataset: Dataset, made: Ready) -> Iterator[dg.AssetCheckResult]:
    """A result for every spec of the rules; a rule that nothing is known of is an error."""
    names = _contract_names(dataset)
    yield from _results(["ready", dataset.name], names, {one.rule: one for one in made.results})


def contract_unjudged(dataset: Dataset, why: str) -> Iterator[dg.AssetCheckResult]:
    """A result for every spec of a dataset that was not looked at: none of them is green."""
    for name in (CONTRACT, *_contract_names(dataset).values()):
        yield unjudged(["ready", dataset.name], name, why)


def unjudged(key: list[str], name: str, why: str) -> dg.AssetCheckResult:
    """A check that had nothing to look at."""
    warn = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(asset_key=key, check_name=name, passed=False, severity=warn, description=why)


def gap_specs(project: Project) -> list[dg.AssetCheckSpec]:
    """The checks of `gaps`: the summary first, then `<dataset>__<rule>` for each gap rule."""
    names = _gap_names(project)
    summary = dg.AssetCheckSpec(
        NO_OPEN_GAPS, asset=["gaps"], description="A gap is never green: each one is a warning."
    )
    rules = [
        dg.AssetCheckSpec(names[_gap_key(dataset.name, rule.name)], asset=["gaps"], description=rule.title or None,
                          metadata=_declared(rule.name, rule.place.file, rule.place.line))
        for dataset in project.datasets.values() for rule in dataset.gap_rules
    ]  # fmt: skip
    return [summary, *rules]


def gap_check_results(project: Project, known: Known) -> Iterator[dg.AssetCheckResult]:
    """A result for every gap rule."""
    found = {_gap_key(one.dataset, one.rule): one for one in known.results}
    yield from _results(["gaps"], _gap_names(project), found)


def of_stage(
    name: str,
    key: list[str],
    findings: tuple[Finding, ...] | list[Finding],
    *,
    passed: bool,
    held: bool = False,
    more: Mapping[str, Any] | None = None,
    site: Site | None = None,
) -> dg.AssetCheckResult:
    """A failed check is an ERROR where a finding blocks, else a WARN; passed checks still list what was found.

    What is `held` is a WARN, too: nothing failed, a person is asked.
    """
    blocking = any(finding.blocking for finding in findings) and not held
    stops = [finding.message for finding in findings if finding.blocking]
    return dg.AssetCheckResult(
        description=stops[0] if stops else None,
        passed=passed and not any(finding.severity == "critical" and finding.blocking for finding in findings),
        asset_key=key,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata={**metadata.of_findings(findings, site), **(more or {})},
    )


def of_check_report(site: Site, dataset: Dataset, made: Ready) -> dict[str, Any]:
    """Where the report page of a dataset's check lies, and its short form."""
    return _of_report(str(site.home.check_report(dataset.name)), made.results)


def of_gap_report(site: Site, known: Known) -> dict[str, Any]:
    """Where the report page of the gaps lies, and its short form."""
    return _of_report(str(site.home.gap_report), known.results)


def _of_report(path: str, results: Sequence[RuleResult]) -> dict[str, Any]:
    return {"report": dg.MetadataValue.path(path), "rules": dg.MetadataValue.md(preview(results))}


def _contract_names(dataset: Dataset) -> dict[str, str]:
    rules = [*(rule.name for rule in dataset.rules), *(PREFIX + one.field for one in dataset.field_freshness)]
    return check_names(rules, taken=[CONTRACT])


def _gap_names(project: Project) -> dict[str, str]:
    keys = [_gap_key(one.name, rule.name) for one in project.datasets.values() for rule in one.gap_rules]
    return check_names(sorted(keys), taken=[NO_OPEN_GAPS])


def _gap_key(dataset: str, rule: str) -> str:
    return f"{dataset}__{rule}"


def _declared(rule: str, file: str, line: int) -> dict[str, Any]:
    return {"rule": rule, "declared_at": f"{file}:{line}"}


def _results(
    key: list[str], names: Mapping[str, str], found: Mapping[str, RuleResult]
) -> Iterator[dg.AssetCheckResult]:
    for rule, name in names.items():
        one = found.get(rule)
        yield _lost(key, name, rule) if one is None else _result(key, name, one)


def _result(key: list[str], name: str, one: RuleResult) -> dg.AssetCheckResult:
    error = one.blocking or one.verdict == "errored" or (one.kind != "freshness" and _grave_gap(key, one))
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=one.verdict == "passed",
        severity=dg.AssetCheckSeverity.ERROR if error else dg.AssetCheckSeverity.WARN,
        description=one.message,
        metadata=_shown(one),
    )


def _grave_gap(key: list[str], one: RuleResult) -> bool:
    return key == ["gaps"] and one.severity == "critical"


def _lost(key: list[str], name: str, rule: str) -> dg.AssetCheckResult:
    """A rule without a result, as after a change of the contract in the middle of a run."""
    what = f"There is no result of '{rule}', so nobody knows whether it holds."
    error = dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(asset_key=key, check_name=name, passed=False, severity=error, description=what)


def _shown(one: RuleResult) -> dict[str, Any]:
    """What the UI shows beside the outcome; empty parts are left out."""
    told: dict[str, Any] = {
        "outcome": f"{one.verdict}. {_OUTCOMES.get(one.verdict) or _UNKNOWN[one.verdict]}",
        "expected": one.expected,
        "count": one.count,
        "unit": one.unit if one.count else "",
        "rows_spoken_about": one.subject,
        "share": one.share,
        "observed": one.observed,
        "columns": ", ".join(one.fields),
        "sample_keys": ", ".join(one.sample_keys[:KEYS_SHOWN]),
        "description": one.description,
        "severity": one.severity,
        "action": one.action,
        "owner": one.owner,
        "remedy": one.remedy,
        "declared_at": one.place,
    }
    return {name: value for name, value in told.items() if value is not None and value != ""}

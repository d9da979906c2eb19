"""Tell broken rules as findings: how many rows, which, what was promised, who owns it, what to do."""

from __future__ import annotations

import re
from numbers import Real
from typing import Any

import polars as pl

from catalog.models import Dataset, Rule
from expectations.disclosure import row_names, secrets, tellable, told_value
from expectations.outcomes import Judged
from expectations.wording import rows as rows_text
from ledger import Finding

SHOWN = 5  # different values in the evidence
LISTED = 8  # allowed values in a message


def finding_of(judged: Judged, rows: pl.DataFrame, dataset: Dataset) -> Finding | None:
    """The finding of one rule; None where it holds."""
    if judged.error:
        return _errored(judged, dataset)
    if judged.counts:
        return _disagreed(judged, dataset, judged.counts)
    return _broken(judged, rows, dataset) if judged.broken else None


def fields_of(rule: Rule) -> tuple[str, ...]:
    """The fields a rule speaks about."""
    if rule.kind == "unique":
        return tuple(rule.arguments["fields"])
    kwargs = rule.arguments.get("kwargs", {})
    listed = kwargs.get("column_list") or ()
    named = [rule.field, *(kwargs.get(key) for key in ("column", "column_A", "column_B")), *listed]
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str)))


def promise(rule: Rule) -> str:
    """What the rule asks for, in words."""
    given, name = rule.arguments, f"'{rule.field}'"
    match rule.kind:
        case "not_null":
            return f"{name} must have a value"
        case "unique":
            names = ", ".join(f"'{one}'" for one in given["fields"])
            return f"{names} must be unique" + (" together" if len(given["fields"]) > 1 else "")
        case "functional_dependency":
            names = ", ".join(f"'{one}'" for one in given["fields"])
            return f"{name} must be the same in all rows of the same {names}"
        case "in_set":
            values = [str(value) for value in given["values"]]
            more = f" or {len(values) - LISTED} more" if len(values) > LISTED else ""
            return f"{name} must be one of {', '.join(values[:LISTED])}{more}"
        case "pattern":
            return f"{name} must {'not ' if given.get('negate') else ''}match {given['regex']}"
        case "range":
            return f"{name} must be {_ends(given)}"
        case "length":
            return f"{name} must be {_ends(given)} characters long"
        case "row_count":
            return f"the number of rows must be {_ends(given)}"
        case "sql":
            return f"the value of the query must be {_ends(given)}"
        case _:
            return f"{given['type']} must hold" + (f" for {', '.join(fields_of(rule))}" if fields_of(rule) else "")


def _ends(given: dict[str, Any]) -> str:
    low, high = given.get("min"), given.get("max")
    if low is None or high is None:
        return f"{low} or more" if high is None else f"{high} or less"
    return str(low) if low == high else f"from {low} to {high}"


def _broken(judged: Judged, rows: pl.DataFrame, dataset: Dataset) -> Finding:
    rule = judged.rule
    evidence: dict[str, Any] = {"expected": promise(rule), "columns": list(fields_of(rule))}
    if rule.description:
        evidence["description"] = rule.description
    if judged.failing is None:
        return _dataset_wide(judged, dataset, evidence)
    bad = rows.filter(judged.failing)
    evidence["share"] = bad.height / judged.subject if judged.subject else 1.0
    evidence |= _values(bad, rule, dataset)
    return _finding(
        rule,
        dataset,
        count=bad.height,
        message=f"{rows_text(bad.height)} of {judged.subject:,} break '{rule.name}': {promise(rule)}.",
        sample_keys=row_names(bad, dataset),
        evidence=evidence,
        blocking=rule.action == "block",
    )


def _dataset_wide(judged: Judged, dataset: Dataset, evidence: dict[str, Any]) -> Finding:
    """A rule about the whole dataset; one that asks to quarantine moves no rows, and blocks where it is critical."""
    rule = judged.rule
    blocking = rule.action == "block" or (rule.action == "quarantine" and rule.severity == "critical")
    if rule.tolerance is not None and judged.count is not None and judged.subject:
        share = judged.count / judged.subject
        evidence |= {"share": share, "tolerance": rule.tolerance}
        seen = f"{rows_text(judged.count)} of {judged.subject:,} ({share:.2%}) break '{rule.name}', more than the "
        message = f"{seen}{rule.tolerance:.2%} allowed: {promise(rule)}."
        return _finding(rule, dataset, count=judged.count, message=message, evidence=evidence, blocking=blocking)
    observed = observed_of(judged, dataset)
    evidence["observed"] = observed
    message = f"'{rule.name}' does not hold: {promise(rule)}; it is {'unknown' if observed is None else observed}."
    if rule.kind == "row_count":
        return _finding(rule, dataset, count=judged.subject, message=message, evidence=evidence, blocking=blocking)
    return _finding(rule, dataset, count=1, unit="checks", message=message, evidence=evidence, blocking=blocking)


def observed_of(judged: Judged, dataset: Dataset) -> Any:
    """What the rule saw, where it may be told: a value over the dataset may be one person's."""
    rule = judged.rule
    hidden = set(secrets(dataset))
    words = set(re.findall(r"\w+", str(rule.arguments).casefold()))
    everything = rule.kind == "sql" and "*" in str(rule.arguments.get("query")).replace("count(*)", "")
    if hidden & set(fields_of(rule)) or {name.casefold() for name in hidden} & words or (everything and hidden):
        return "withheld"
    observed = judged.observed
    if observed is None or isinstance(observed, bool | int | str):
        return observed
    if isinstance(observed, Real):
        return float(observed)
    if hidden and not fields_of(rule):
        return "withheld"
    return str(observed)


def _values(bad: pl.DataFrame, rule: Rule, dataset: Dataset) -> dict[str, Any]:
    """The most frequent failing values, where they may be told."""
    names = fields_of(rule)
    if rule.kind == "not_null" or not names or not tellable(dataset, names):
        return {}
    values = bad.select(told_value(bad.schema, dataset, names).alias("value")).to_series()
    return {"values": values.value_counts(sort=True).head(SHOWN).to_series().to_list()}


def _errored(judged: Judged, dataset: Dataset) -> Finding:
    reason = judged.error
    if judged.quotes_rows and secrets(dataset):  # a database error quotes the value it stumbled on
        reason = f"{reason.split(')')[0].lstrip('(')[:60]}" if reason.startswith("(") else "an error of the engine"
        reason += " (text withheld, since the dataset holds values that may not be told)"
    rule = judged.rule.model_copy(update={"severity": "critical", "remedy": judged.rule.remedy or _mend(judged.rule)})
    return _finding(
        rule,
        dataset,
        count=1,
        unit="checks",
        message=f"'{rule.name}' could not be evaluated, so nobody knows whether it holds: {reason.rstrip('.')}.",
        evidence={"status": "errored", "error": reason, "expected": promise(rule)},
        blocking=True,
    )


def _disagreed(judged: Judged, dataset: Dataset, counts: tuple[int, int]) -> Finding:
    rule = judged.rule.model_copy(update={"severity": "critical", "remedy": _mend(judged.rule)})
    library, polars = counts
    return _finding(
        rule,
        dataset,
        count=abs(library - polars),
        message=f"Two implementations disagree on '{rule.name}': Great Expectations counts {rows_text(library)}, "
        f"the list of failing rows has {polars:,}.",
        evidence={"status": "disagreed", "great_expectations": library, "listed": polars, "expected": promise(rule)},
        blocking=True,
    )


def _mend(rule: Rule) -> str:
    return f"Correct the rule at {rule.place.file}:{rule.place.line}; until then nothing of the dataset is used."


def _finding(rule: Rule, dataset: Dataset, *, count: int, message: str, evidence: dict[str, Any], blocking: bool,
             unit: str = "rows", sample_keys: tuple[str, ...] = ()) -> Finding:  # fmt: skip
    place = f"{rule.place.file}:{rule.place.line}"
    return Finding(
        rule=rule.name,
        dataset=dataset.name,
        stage="ready",
        severity=rule.severity,
        count=count,
        unit=unit,
        message=message,
        sample_keys=sample_keys,
        evidence=evidence,
        owner=dataset.owner,
        remedy=rule.remedy or f"Correct the rows at the source, or the promise at {place} if it no longer holds.",
        blocking=blocking,
    )

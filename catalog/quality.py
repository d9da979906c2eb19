"""Read ODCS `quality` rules: library metrics, SQL and Great Expectations implementations, with their limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.custom_rules import EXPECTATIONS, custom_arguments, library_expectations, tolerance_of
from catalog.errors import Problem
from catalog.extensions import DependencyShape, RuleExtensions, gather
from catalog.limits import Limits, limits_of, whole
from catalog.models import Action, Rule, RuleKind, Severity
from catalog.names import did_you_mean, shown
from catalog.patterns import engine_fault
from catalog.plugins import offered
from catalog.shapes import shaped
from catalog.yaml_lines import Part, parse_part

_SEVERITIES: Mapping[str, Severity] = {
    "critical": "critical",
    "error": "critical",
    "warning": "warning",
    "info": "info",
}
_ENGINES = ("greatexpectations", "gx", "landbridge")
_EXPECTATION = re.compile(r"expect_[a-z0-9_]+")
_ROWWISE = re.compile(
    r"expect_(?:column_values_(?!to_be_of_type|to_be_in_type_list)|column_value_lengths_|column_pair_values_"
    r"|compound_columns_|multicolumn_|select_column_values_)\w+"
)
_ARGUMENTS = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern", "minimum", "maximum"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}
_DIMENSIONS = {
    "not_null": "completeness",
    "unique": "uniqueness",
    "in_set": "conformity",
    "pattern": "conformity",
    "range": "conformity",
    "length": "conformity",
    "row_count": "coverage",
    "functional_dependency": "consistency",
}


@dataclass(frozen=True)
class Draft:
    """A rule before it has its name and its action."""

    kind: RuleKind
    arguments: dict[str, Any]
    field: str | None
    tolerance: float | None = None
    rowwise: bool = True
    part_name: str = ""  # what is put behind the written name, where one entry makes several rules


def rule(  # one place where a rule gets its defaults
    draft: Draft,
    part: Part,
    *,
    name: str,
    severity: Severity = "critical",
    action: Action | None = None,
    dimension: str = "",
    description: str = "",
) -> Rule:
    """A rule with the action it takes when nobody chose one: rows are quarantined, a critical dataset rule blocks."""
    default: Action = "quarantine" if draft.rowwise else "block" if severity == "critical" else "report"
    return Rule(
        name=name,
        kind=draft.kind,
        field=draft.field,
        arguments=draft.arguments,
        tolerance=draft.tolerance,
        severity=severity,
        action=action or default,
        dimension=dimension or _DIMENSIONS.get(draft.kind, ""),
        description=description,
        place=part.place,
    )


def quality_rules(part: Part, *, field: str | None, null_values: Iterable[str], found: list[Problem]) -> list[Rule]:
    """The rules of one entry of `quality`, with the name that was written or an empty one; faults go to `found`."""
    before = len(found)
    drafts = _drafts(part, field, tuple(null_values), found)
    shape = shaped(RuleExtensions, gather(part, RuleExtensions, found=found), found=found)
    severity = _severity(part.get("severity"), found)
    action = shape.action if shape else None
    if action == "quarantine" and any(not draft.rowwise for draft in drafts):
        what = "a rule about the whole dataset names no rows to quarantine."
        found.append(part.problem(what, "Use block or report, or 'mustBe: 0'."))
    if len(found) > before:
        return []
    return [
        rule(
            draft,
            part,
            name=_name(part, draft),
            severity=severity,
            action=action,
            dimension=part.get("dimension").value or "",
            description=part.get("description").value or "",
        )
        for draft in drafts
    ]


def _name(part: Part, draft: Draft) -> str:
    """The written name, with its part behind it where one entry makes several rules; empty where none is written."""
    written = part.get("name").value or ""
    return f"{written}-{draft.part_name}" if written and draft.part_name else written


def pattern_fault(part: Part, pattern: str) -> Problem | None:
    """That `pattern` is no regular expression, or one that the engines do not run, as a fault of `part`."""
    fault = engine_fault(pattern)
    return part.problem(f"{shown(pattern)} {fault.what}.", fault.remedy) if fault else None


def _severity(part: Part, found: list[Problem]) -> Severity:
    if part.value is not None and part.value not in _SEVERITIES:
        found.append(part.problem(f"'severity' cannot be {shown(part.value)}.", "Write critical, warning or info."))
    return _SEVERITIES.get(part.value, "critical")


def _drafts(part: Part, field: str | None, null_values: tuple[str, ...], found: list[Problem]) -> list[Draft]:
    kind = part.get("type").value or ("library" if part.get("metric").value else None)
    match kind:
        case "library":
            return _metric(part, field, null_values, found)
        case "sql":
            return _sql(part, field, found)
        case "custom":
            return _expectation(part, field, found)
        case "text":
            return []  # for people; ODCS says it is not run
        case _:
            found.append(part.problem("a quality rule without 'metric' or 'type'.", "Add 'metric: ...'."))
            return []


def _metric(part: Part, field: str | None, null_values: tuple[str, ...], found: list[Problem]) -> list[Draft]:
    metric = part.get("metric").value
    limits = limits_of(part, found)
    for key, value in part.get("arguments").entries():
        if key not in _ARGUMENTS[metric]:
            hint = did_you_mean(key, _ARGUMENTS[metric])
            found.append(value.problem(f"'{key}' is no argument of {metric}.", hint or "Remove it."))
    if metric == "rowCount":
        if field is not None:
            found.append(part.problem("rowCount counts rows, not values.", "Move it to the schema's 'quality'."))
        least, most = (None, None) if limits is None else (limits.least, limits.most)
        return [Draft("row_count", whole(least, most), None, rowwise=False)]
    promises = _promises(part, metric, field, null_values, found)
    drafts = [_tolerated(draft, part, limits, found) for draft in promises] if limits else []
    return [draft for draft in drafts if draft is not None]


def _promises(
    part: Part, metric: str, field: str | None, null_values: tuple[str, ...], found: list[Problem]
) -> list[Draft]:
    """What holds for each value, before a limit allows exceptions."""
    given = part.get("arguments")
    if metric == "duplicateValues":
        names = given.get("properties").value or ([field] if field else None)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            found.append(part.problem("duplicateValues lacks 'properties'.", "Add arguments: {properties: [a, b]}."))
            return []
        return [Draft("unique", {"fields": tuple(names)}, field)]
    if field is None:
        found.append(part.problem(f"{metric} speaks about one property.", "Move it to that property's 'quality'."))
        return []
    if metric in ("nullValues", "missingValues"):
        for value in given.get("missingValues").items():
            if value.value is not None and str(value.value).strip() and str(value.value) not in null_values:
                remedy = f"Add {shown(str(value.value))} to landbridge.nullValues of '{field}'."
                found.append(value.problem(f"{shown(value.value)} is not read as a missing value.", remedy))
        return [Draft("not_null", {}, field)]
    return _validity(part, given, field, found)


def _validity(part: Part, given: Part, field: str, found: list[Problem]) -> list[Draft]:
    drafts = []
    values, pattern = given.get("validValues"), given.get("pattern")
    if isinstance(values.value, list) and values.value and all(map(_is_scalar, values.value)):
        drafts.append(Draft("in_set", {"values": tuple(values.value)}, field))
    elif values.value is not None:
        found.append(values.problem("'validValues' must be a list of values.", "Write [a, b]."))
    if isinstance(pattern.value, str):
        found.extend(filter(None, [pattern_fault(pattern, pattern.value)]))
        drafts.append(Draft("pattern", {"regex": pattern.value}, field))
    elif pattern.value is not None:
        found.append(pattern.problem("'pattern' must be text.", "Put it in quotes."))
    ends = {key: given.get(name).value for key, name in (("min", "minimum"), ("max", "maximum"))}
    if not all(end is None or (_is_scalar(end) and not isinstance(end, bool)) for end in ends.values()):
        found.append(given.problem("'minimum' and 'maximum' must be numbers, or dates as text.", "Write maximum: 9."))
    elif any(end is not None for end in ends.values()):
        drafts.append(Draft("range", ends, field))
    if not given.value:
        found.append(
            part.problem("invalidValues lacks 'arguments'.", "Add arguments: {validValues: [a, b]}, or pattern.")
        )
    return drafts


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _tolerated(draft: Draft, part: Part, limits: Limits, found: list[Problem]) -> Draft | None:
    """A promise with its limit: rows by name, a share, or a number of rows."""
    unit = part.get("unit").value or "rows"
    if unit not in ("rows", "percent"):
        found.append(part.get("unit").problem(f"'unit' cannot be {shown(unit)}.", "Write rows or percent."))
        return None
    if limits.least not in (None, 0) or limits.most is None:
        found.append(
            part.problem("a limit that asks for failures.", "Use mustBe: 0, mustBeLessThan or mustBeLessOrEqualTo.")
        )
        return None
    if limits.most < (0 if unit == "percent" else 1):
        if limits.most < 0:
            found.append(part.problem("a limit below zero can never hold.", "Use mustBe: 0."))
        return draft
    if unit == "percent":
        share = limits.most / 100
        return draft if share == 0 else Draft(draft.kind, draft.arguments, draft.field, min(share, 1.0), rowwise=False)
    counted = _counting(draft)
    if counted is None:
        found.append(part.problem("a pattern is judged by share, not by rows.", "Write unit: percent."))
        return None
    return Draft("sql", {"query": counted, **whole(0, limits.most)}, draft.field, rowwise=False)


def _counting(draft: Draft) -> str | None:
    """SQL that counts the rows that break a promise."""
    column = _quoted(draft.field or "")
    match draft.kind:
        case "not_null":
            test = f"{column} IS NULL"
        case "in_set":
            test = f"{column} NOT IN ({', '.join(map(_literal, draft.arguments['values']))})"
        case "range":
            ends = (("<", draft.arguments["min"]), (">", draft.arguments["max"]))
            test = " OR ".join(f"{column} {sign} {_literal(end)}" for sign, end in ends if end is not None)
        case "unique":
            keys = ", ".join(map(_quoted, draft.arguments["fields"]))
            inner = f"SELECT count(*) OVER (PARTITION BY {keys}) AS alike FROM {{batch}}"  # noqa: S608 - names are linked
            return f"SELECT count(*) FROM ({inner}) AS rows_ WHERE alike > 1"  # noqa: S608
        case _:
            return None
    return f"SELECT count(*) FROM {{batch}} WHERE {test}"  # noqa: S608 - the contract's own names and values


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def _sql(part: Part, field: str | None, found: list[Problem]) -> list[Draft]:
    query = part.get("query")
    if "{batch}" not in query.value:
        found.append(query.problem("the query does not read the table {batch}.", "Write FROM {batch}."))
    limits = limits_of(part, found)
    arguments = {"query": query.value, "min": limits.least, "max": limits.most} if limits else {}
    return [Draft("sql", arguments, field, rowwise=False)]


def _expectation(part: Part, field: str | None, found: list[Problem]) -> list[Draft]:
    engine = part.get("engine")
    named = re.sub(r"[-_ ]", "", str(engine.value)).casefold()
    if named not in _ENGINES:
        remedy = "Use engine: greatExpectations or landbridge, or 'type: text' for a rule that is not run here."
        found.append(engine.problem(f"the engine {shown(engine.value)} is not run here.", remedy))
        return []
    implementation: Part | None = part.get("implementation")
    if implementation is not None and isinstance(implementation.value, str):
        text, line = implementation.value, implementation.line
        implementation = parse_part(text, file=part.file, found=found, after_line=line)
    if implementation is None:
        return []
    if named != "landbridge":
        return _implemented(implementation, field, found)
    if implementation.get("type").value == "functional_dependency":
        return _dependencies(implementation, field, found)
    arguments = custom_arguments(implementation, field, found)
    if arguments is None:
        return []
    tolerance = tolerance_of(implementation, found)
    return [Draft("custom", arguments, field or _column(arguments["kwargs"]), tolerance, rowwise=tolerance is None)]


def _dependencies(part: Part, field: str | None, found: list[Problem]) -> list[Draft]:
    """One rule for each field that others determine."""
    shape = shaped(DependencyShape, part, found=found)
    if shape is None:
        return []
    fields, determined = tuple(shape.fields), shape.determines or ([field] if field is not None else [])
    if not determined:
        found.append(part.problem("the rule does not say what the fields determine.", "Add determines: [city]."))
    for name in determined:
        if name in fields:
            found.append(part.get("determines").problem(f"'{name}' always determines itself.", "Name other fields."))
    several = len(determined) > 1
    return [
        Draft("functional_dependency", {"fields": fields}, name, part_name=name if several else "")
        for name in determined
    ]


def _implemented(part: Part, field: str | None, found: list[Problem]) -> list[Draft]:
    for key, value in part.entries():
        if key not in ("type", "kwargs", "meta"):
            found.append(value.problem(f"unknown key {shown(key)}.", did_you_mean(key, ("type", "kwargs", "meta"))))
    name, kwargs = part.get("type"), part.get("kwargs")
    if not isinstance(name.value, str) or not _EXPECTATION.fullmatch(name.value):
        found.append(name.problem("an implementation lacks its 'type'.", "Write type: expect_column_values_to_..."))
        return []
    if not isinstance(kwargs.value, dict | None):
        found.append(kwargs.problem("'kwargs' must be a mapping.", "Write kwargs: {column: name}."))
        return []
    given = dict(kwargs.value or {})
    if field is not None and name.value.startswith("expect_column_") and "pair" not in name.value:
        given.setdefault("column", field)
    before = len(found)
    tolerance = tolerance_of(part, found)
    found.extend(_expectation_faults(name, kwargs))
    if len(found) > before:
        return []
    rowwise = bool(_ROWWISE.fullmatch(name.value)) and tolerance is None
    arguments = {"type": name.value, "kwargs": given}
    return [Draft("expectation", arguments, field or _column(given), tolerance, rowwise=rowwise)]


def _expectation_faults(name: Part, kwargs: Part) -> Iterator[Problem]:
    """An expectation that the library does not have, and a pattern that no engine can run."""
    known = library_expectations()
    if known and name.value not in known and not offered(EXPECTATIONS):  # a plug-in may bring its own
        yield name.problem(f"Great Expectations has no '{name.value}'.", did_you_mean(name.value, known))
    regex = kwargs.get("regex")
    if isinstance(regex.value, str) and (fault := pattern_fault(regex, regex.value)) is not None:
        yield fault


def _column(kwargs: Mapping[str, Any]) -> str | None:
    column = kwargs.get("column")
    return column if isinstance(column, str) else None

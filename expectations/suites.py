"""Turn the rules of a contract into Great Expectations expectations, each carrying its rule's name.

The library's own expectation is used where it takes the values as the contract means them; the rest (patterns, and
values it would turn into floats or cut to dates) becomes an `UnexpectedRowsExpectation` in DuckDB's SQL.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, ClassVar

from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.expectations import registry
from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation
from great_expectations.expectations.expectation import Expectation

from catalog.models import Dataset, Field, Rule
from catalog.names import did_you_mean
from expectations.dependencies import departing_sql
from expectations.literals import RuleFault, bound, members, quoted, sql
from expectations.outcomes import META


class CountedRowsExpectation(UnexpectedRowsExpectation):
    """A query whose rows are counted and not fetched; the library's own runs it twice, and Polars names the rows."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> Any:
        told = {"unexpected_rows_query.table": [], **metrics}
        return super()._validate(told, runtime_configuration, execution_engine)


EXACT = 2**53  # whole numbers up to here are exact as a float, which is what the library makes of a limit

_REGEX = {"expect_column_values_to_match_regex": False, "expect_column_values_to_not_match_regex": True}
_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")  # what SQLAlchemy would take for a parameter


def as_plain(rule: Rule) -> Rule:
    """An expectation that Polars can judge too as the plain rule it is; others unchanged.

    The library has no regex for DuckDB, and does not list the rows of compound columns.
    """
    if rule.kind != "expectation":
        return rule
    name, kwargs = rule.arguments["type"], rule.arguments["kwargs"]
    if name in _REGEX and set(kwargs) <= {"column", "regex", "mostly"}:
        arguments = {"regex": kwargs.get("regex", ""), "negate": _REGEX[name]}
        return rule.model_copy(update={"kind": "pattern", "field": kwargs.get("column"), "arguments": arguments})
    if name == "expect_compound_columns_to_be_unique" and set(kwargs) <= {"column_list", "ignore_row_if", "mostly"}:
        arguments = {"fields": tuple(kwargs.get("column_list", ()))}
        return rule.model_copy(update={"kind": "unique", "arguments": arguments})
    return rule


def expectation_of(rule: Rule, dataset: Dataset) -> Expectation:
    """The expectation of one rule. Raises RuleFault where there can be none."""
    if rule.kind == "expectation":
        return _as_written(rule)
    if rule.kind == "row_count":
        return _made("expect_table_row_count_to_be_between", rule, **_ends(rule))
    if rule.kind == "unique":
        return _unique(rule, dataset)
    if rule.kind == "sql":
        return _scalar(rule)
    if rule.kind == "functional_dependency" and rule.field is not None:
        query = departing_sql(rule.arguments["fields"], rule.field)
        return CountedRowsExpectation(unexpected_rows_query=query, meta={META: rule.name})
    if rule.field is None:
        raise RuleFault(f"a {rule.kind} rule needs a field")
    try:
        return _BY_FIELD[rule.kind](rule, dataset.field(rule.field))
    except KeyError:
        raise RuleFault(f"'{rule.field}' is no field of '{dataset.name}'") from None


def _made(name: str, rule: Rule, **kwargs: Any) -> Expectation:
    """An expectation by its library name; what the library refuses is a fault of the rule."""
    if name not in registry.list_registered_expectation_implementations():
        hint = did_you_mean(name, registry.list_registered_expectation_implementations())
        raise RuleFault(f"Great Expectations has no '{name}'. {hint}".strip())
    kind = registry.get_expectation_impl(name)
    if inspect.isabstract(kind):
        raise RuleFault(f"'{name}' is no expectation that can run")
    try:
        return kind(meta={META: rule.name}, **kwargs)
    except (ValueError, TypeError) as error:  # pydantic's ValidationError is a ValueError; it quotes the contract only
        reason = " ".join(str(error).split())
        raise RuleFault(f"Great Expectations refuses {name}: {reason}") from None


def _as_written(rule: Rule) -> Expectation:
    kwargs = dict(rule.arguments["kwargs"])
    taken = sorted({"meta", "batch_id"} & set(kwargs))
    if taken:
        raise RuleFault(f"'{taken[0]}' is set by the check itself")
    return _made(rule.arguments["type"], rule, **kwargs)


def _unique(rule: Rule, dataset: Dataset) -> Expectation:
    names = list(rule.arguments["fields"])
    if not names or not set(names) <= {field.name for field in dataset.fields}:
        raise RuleFault(f"{names} are not all fields of '{dataset.name}'")
    if len(names) == 1:
        return _made("expect_column_values_to_be_unique", rule, column=names[0])
    ignore = "any_value_is_missing"  # as a unique constraint in SQL does
    return _made("expect_compound_columns_to_be_unique", rule, column_list=names, ignore_row_if=ignore)


def _not_null(rule: Rule, field: Field) -> Expectation:
    return _made("expect_column_values_to_not_be_null", rule, column=field.name)


def _in_set(rule: Rule, field: Field) -> Expectation:
    allowed = members(rule.arguments["values"], field)
    if allowed and field.type in ("string", "integer", "boolean"):
        return _made("expect_column_values_to_be_in_set", rule, column=field.name, value_set=allowed)
    listed = ", ".join(sql(value, scale=field.scale) for value in allowed)
    return _rows(rule, field, f"{quoted(field.name)} NOT IN ({listed})" if allowed else "TRUE")


def _range(rule: Rule, field: Field) -> Expectation:
    ends = {end: bound(value, field, end) for end in ("min", "max") if (value := rule.arguments.get(end)) is not None}
    if ends and (
        field.type == "date" or all(isinstance(end, int | float) and abs(end) <= EXACT for end in ends.values())
    ):
        limits = {f"{end}_value": value for end, value in ends.items()}
        return _made("expect_column_values_to_be_between", rule, column=field.name, **limits)
    signs = {"min": "<", "max": ">"}
    tests = [f"{quoted(field.name)} {signs[end]} {sql(value, scale=field.scale)}" for end, value in ends.items()]
    return _rows(rule, field, " OR ".join(tests) or "FALSE")


def _length(rule: Rule, field: Field) -> Expectation:
    return _made("expect_column_value_lengths_to_be_between", rule, column=field.name, **_ends(rule))


def _pattern(rule: Rule, field: Field) -> Expectation:
    match = f"regexp_matches(CAST({quoted(field.name)} AS VARCHAR), {sql(rule.arguments['regex'])})"
    return _rows(rule, field, match if rule.arguments.get("negate") else f"NOT {match}")


def _ends(rule: Rule) -> dict[str, Any]:
    return {f"{end}_value": rule.arguments.get(end) for end in ("min", "max")}


def _rows(rule: Rule, field: Field, test: str) -> Expectation:
    """Rows with a value that fails `test`."""
    query = f"SELECT 1 AS failing FROM {{batch}} WHERE {quoted(field.name)} IS NOT NULL AND ({test})"  # noqa: S608
    return CountedRowsExpectation(unexpected_rows_query=query, meta={META: rule.name})


def _scalar(rule: Rule) -> Expectation:
    """The contract's query as one value that must lie between the limits; no value is a failure, several an error."""
    query = rule.arguments["query"].strip().rstrip("; \t\n")
    query = query.replace("{batch}", "contract_rows").replace("{", "{{").replace("}", "}}")
    limits = [
        f"value {sign} {sql(float(end) if isinstance(end, float) else int(end))}"
        for sign, end in (("<", rule.arguments.get("min")), (">", rule.arguments.get("max")))
        if end is not None
    ]
    judged = (
        "SELECT value FROM (WITH contract_rows AS (SELECT * FROM {batch}) SELECT ("  # noqa: S608 - a contract's query
        + _BIND.sub(r"\:", query)
        + "\n) AS value) AS judged WHERE "
        + " OR ".join(["value IS NULL", *limits])
    )
    return UnexpectedRowsExpectation(unexpected_rows_query=judged, meta={META: rule.name})


_BY_FIELD: dict[str, Callable[[Rule, Field], Expectation]] = {
    "not_null": _not_null,
    "in_set": _in_set,
    "range": _range,
    "length": _length,
    "pattern": _pattern,
}

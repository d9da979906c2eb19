"""What a contract promises becomes rules with unique names, the right action and the right limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import load_project
from catalog.errors import Problem
from catalog.models import Rule

Spoil = Callable[..., Path]
Problems = Callable[[Path], tuple[Problem, ...]]
TRIPS = "datasets/trips.odcs.yaml"
NULLS = "metric: nullValues\n            mustBeLessThan: 5\n            unit: percent"
COUNT = "{metric: rowCount, mustBeGreaterThan: 0, name: enough}"


def rules(folder: Path) -> dict[str, Rule]:
    return {rule.name: rule for rule in load_project(folder).datasets["trips"].rules}


def test_every_promise_of_the_contract_is_a_rule_with_its_own_name(folder: Path) -> None:
    assert list(rules(folder)) == [
        "primary-key",
        "id-required",
        "port-pattern",
        "port-length",
        "day-range",
        "weight-not-null",
        "weight-range",
        "state-in-set",
        "enough",
        "expectation",
    ]


def test_a_row_rule_quarantines_and_a_critical_dataset_rule_blocks(folder: Path) -> None:
    found = rules(folder)
    assert (found["weight-range"].action, found["weight-range"].tolerance) == ("quarantine", None)
    assert found["weight-not-null"].action == "block"
    assert found["weight-not-null"].tolerance == pytest.approx(0.05)
    assert (found["enough"].action, found["enough"].arguments) == ("block", {"min": 1, "max": None})


def test_a_dataset_rule_that_is_not_critical_reports(spoil: Spoil) -> None:
    folder = spoil(TRIPS, COUNT, COUNT.replace("name", "severity: warning, name"))
    assert rules(folder)["enough"].action == "report"


def test_a_chosen_action_wins(spoil: Spoil) -> None:
    chosen = "mustBe: 0\n            customProperties: [{property: landbridge.action, value: report}]"
    assert rules(spoil(TRIPS, "mustBe: 0", chosen))["weight-range"].action == "report"


def test_a_rule_about_the_whole_dataset_cannot_quarantine(spoil: Spoil, problems: Problems) -> None:
    chosen = COUNT.replace("name", "customProperties: [{property: landbridge.action, value: quarantine}], name")
    (told,) = problems(spoil(TRIPS, COUNT, chosen))
    assert "names no rows to quarantine" in told.what


def test_a_limit_in_rows_is_counted_by_sql(spoil: Spoil) -> None:
    rule = rules(spoil(TRIPS, NULLS, "metric: nullValues\n            mustBeLessThan: 5"))["weight-sql"]
    assert rule.arguments == {"query": 'SELECT count(*) FROM {batch} WHERE "weight" IS NULL', "min": 0, "max": 4}
    assert (rule.kind, rule.action) == ("sql", "block")


@pytest.mark.parametrize(
    ("limit", "least", "most"),
    [
        ("mustBe: 7", 7, 7),
        ("mustBeGreaterThan: 7", 8, None),
        ("mustBeGreaterOrEqualTo: 7", 7, None),
        ("mustBeLessThan: 7", None, 6),
        ("mustBeLessOrEqualTo: 7", None, 7),
        ("mustBeBetween: [2, 7]", 2, 7),
    ],
)
def test_an_operator_becomes_limits_with_both_ends_included(
    spoil: Spoil, limit: str, least: int | None, most: int | None
) -> None:
    folder = spoil(TRIPS, "mustBeGreaterThan: 0", limit)
    assert rules(folder)["enough"].arguments == {"min": least, "max": most}


def test_an_implementation_may_be_yaml_text_and_its_faults_have_lines(spoil: Spoil, problems: Problems) -> None:
    text = (
        "implementation: |\n          type: expect_column_max_to_be_between\n"
        "          kwargs: {column: weight, max_value: 9}\n"
    )
    old = (
        "implementation:\n          type: expect_column_pair_values_a_to_be_greater_than_b\n"
        "          kwargs: {column_A: left_at, column_B: day}\n"
    )
    rule = rules(spoil(TRIPS, old, text))["weight-expectation"]
    assert rule.arguments["kwargs"] == {"column": "weight", "max_value": 9}
    assert rule.action == "block"
    (told,) = problems(spoil(TRIPS, "          kwargs: {column: weight", "          kwarg: {column: weight"))
    assert (told.line, told.what) == (64, "unknown key 'kwarg'.")


def test_mostly_makes_an_expectation_a_dataset_rule(spoil: Spoil) -> None:
    rule = rules(spoil(TRIPS, "column_B: day}", "column_B: day, mostly: 0.9}"))["expectation"]
    assert (rule.tolerance, rule.action) == (0.1, "block")


def test_two_rules_with_one_written_name_are_a_fault(spoil: Spoil, problems: Problems) -> None:
    (told,) = problems(spoil(TRIPS, COUNT, f"{COUNT}\n      - {COUNT}"))
    assert str(told) == f"{TRIPS}:60: the rule 'enough' stands on line 59 already. Give each rule its own name."


def test_derived_names_are_numbered_where_they_meet(spoil: Spoil) -> None:
    first = "metric: invalidValues\n            arguments: {maximum: 5000}\n            mustBe: 0"
    twice = f"{first}\n          - metric: invalidValues"
    assert {"weight-range", "weight-range-2"} <= set(rules(spoil(TRIPS, "metric: invalidValues", twice)))


def test_a_missing_value_that_is_not_read_as_one_is_a_fault(spoil: Spoil, problems: Problems) -> None:
    new = "metric: missingValues\n            arguments: {missingValues: [NA, '?']}\n            mustBe: 0"
    (told,) = problems(spoil(TRIPS, NULLS, new))
    assert told.remedy == "Add '?' to landbridge.nullValues of 'weight'."


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mustBe: 0", "mustBe: []", "'mustBe' must be a number, not []."),
        ("minimum: 0, maximum", "minimum: [0], maximum", "'minimum' and 'maximum' must be numbers"),
        ("{minimum: 0, maximum: 1000}", "{validValues: [[a]]}", "'validValues' must be a list of values."),
        ("mustBe: 0", "mustNotBe: 0", "the limit cannot be checked here."),
        ("mustBe: 0", "mustBeGreaterThan: 3", "a limit that asks for failures."),
        (COUNT, "{type: sql, query: SELECT 1 FROM x, mustBe: 0}", "does not read the table {batch}"),
        (COUNT, "{description: be good}", "a quality rule without 'metric' or 'type'."),
        (COUNT, "{metric: nullValues, mustBe: 0}", "speaks about one property"),
        (COUNT, COUNT.replace("name", "severity: fatal, name"), "'severity' cannot be 'fatal'."),
        ("maxLength: 3", "maxLength: 3, minLength: 4", "the minimum is above the maximum"),
        ("tags: [personal]", "logicalTypeOptions: {multipleOf: 2}", "'multipleOf' is not checked here."),
    ],
)
def test_a_promise_nobody_would_check_is_a_fault(
    spoil: Spoil, problems: Problems, old: str, new: str, words: str
) -> None:
    (told,) = problems(spoil(TRIPS, old, new))
    assert words in told.what
    assert told.remedy


DEPENDENCY = "{name: of-port, type: custom, engine: landbridge, implementation: {type: functional_dependency, %s}}"


def dependent(spoil: Spoil, implementation: str) -> Path:
    return spoil(TRIPS, COUNT, f"{COUNT}\n      - {DEPENDENCY % implementation}")


def test_a_dependency_is_a_rule_for_each_field_that_is_determined(spoil: Spoil) -> None:
    found = rules(dependent(spoil, "fields: [port], determines: [state, weight]"))
    told = {name: one for name, one in found.items() if one.kind == "functional_dependency"}
    assert list(told) == ["of-port-state", "of-port-weight"]
    assert (told["of-port-state"].field, told["of-port-state"].arguments) == ("state", {"fields": ("port",)})
    assert (told["of-port-state"].action, told["of-port-state"].dimension) == ("quarantine", "consistency")


@pytest.mark.parametrize(
    ("implementation", "what"),
    [
        ("fields: [prt], determines: [state]", "'prt' is not a property of 'trips'. Did you mean 'port'?"),
        ("fields: [port], determines: [stat]", "'stat' is not a property of 'trips'. Did you mean 'state'?"),
        ("fields: [port], determine: [state]", "unknown key 'determine'. Did you mean 'determines'?"),
        ("fields: [port], determines: [port]", "'port' always determines itself."),
        ("fields: [port]", "does not say what the fields determine."),
    ],
)
def test_a_dependency_on_what_is_not_there_is_a_fault(
    spoil: Spoil, problems: Problems, implementation: str, what: str
) -> None:
    assert any(what in f"{one.what} {one.remedy}" for one in problems(dependent(spoil, implementation)))

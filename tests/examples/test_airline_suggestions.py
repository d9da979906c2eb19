"""The airline example without its gap rules: looking at its rows finds most of what its owners declared."""

import pytest

from catalog import load_project
from expectations.suggesting import suggested


@pytest.fixture(scope="module")
def told(small_original, rows):
    """What is suggested for 2,000 flights and all else; told apart by dataset, kind and the first field."""
    project = load_project(small_original)
    declared = {name: dataset.gap_rules for name, dataset in project.datasets.items()}
    bare = {name: one.model_copy(update={"gap_rules": ()}) for name, one in project.datasets.items()}
    frames = {name: rows(small_original, name) for name in project.datasets}
    found = suggested(project.model_copy(update={"datasets": bare}), frames)
    return declared, {(one.dataset, one.kind, _about(one.rule)): one for one in found}


def _about(rule):
    return rule.get("field") or rule.get("with") or rule["fields"][0]


def test_six_of_the_seven_declared_rules_are_found_again(told):
    declared, found = told
    wanted = {(name, rule.kind, rule.field or (rule.to_dataset if rule.kind == "conflict" else rule.fields[0]))
              for name, rules in declared.items() for rule in rules}  # fmt: skip
    assert len(wanted) == 7
    # that a flight has no tail number is said by its contract already: landbridge.expected
    assert wanted - set(found) == {("flights", "missing_value", "tail_number")}


def test_they_say_what_the_owners_wrote(told):
    _, found = told
    assert found["weather", "missing_period", "observed_at"].rule["every"] == "1h"
    assert found["weather", "missing_period", "observed_at"].rule["per"] == ["station"]
    compared = found["airports", "conflict", "facilities"].rule["compare"]
    assert [one["field"] for one in compared] == ["latitude", "longitude", "elevation", "time_zone"]
    assert found["flights", "missing_reference", "destination"].rule["to"] == ["airports.code"]
    assert found["flights", "missing_reference", "tail_number"].found > 0


def test_nothing_is_said_of_people_beyond_the_reference_their_contract_declares(told):
    assert {key for key in told[1] if key[0] == "crew"} == {("crew", "missing_reference", "base")}

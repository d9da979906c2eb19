"""What conflict rules say of settling is read with its lines, and what contradicts other rules is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import load_project
from catalog.errors import Problem
from catalog.settlements import families, settlements

Spoil = Callable[..., Path]
Problems = Callable[[Path], tuple[Problem, ...]]
TRIPS, PORTS = "datasets/trips.odcs.yaml", "datasets/ports.odcs.yaml"
RECORD = "        systemOfRecord: ports\n"
LINE = 101  # of RECORD
PEERS = "      - {name: city, logicalType: string, classification: public}\n"
TIMES = PEERS + "      - {name: opened, logicalType: date}\n      - {name: touched, logicalType: timestamp}\n"


def test_one_order_holds_for_all_fields_and_a_field_may_have_its_own(spoil: Spoil) -> None:
    other = "compare: [{field: weight, other: height, tolerance: 10, systemOfRecord: trips}]"
    folder = spoil(TRIPS, "compare: [{field: weight, other: height, tolerance: 10}]", other)
    spoil(TRIPS, "systemOfRecord: ports", "systemOfRecord: [ports, trips]")
    rule = load_project(folder).datasets["trips"].gap_rules[-1]
    assert rule.system_of_record == ("ports", "trips")
    assert rule.record_of(rule.compare[0]) == ("trips",)


def test_a_rule_is_one_fact_of_two_claimants(spoil: Spoil) -> None:
    (fact,) = settlements(load_project(spoil(TRIPS, RECORD, RECORD)).datasets)
    assert [(one.dataset, one.field, one.on) for one in fact.claimants] == [
        ("ports", "height", ("code",)), ("trips", "weight", ("port",)),
    ]  # fmt: skip
    assert (fact.record, fact.tolerance, families([fact])) == (("ports",), 10.0, ((fact,),))


WRONG = [
    ("systemOfRecord: [ports, us]", LINE, "'us' is neither of the two systems. Write trips or ports."),
    ("systemOfRecord: [ports, ports]", LINE, "'systemOfRecord' names a system twice."),
    ("systemOfRecord: []", LINE, "'systemOfRecord' names nobody."),
    ("systemOfRecord: 4", LINE, "'systemOfRecord' must be a list, not a whole number."),
    ("changed: day", LINE, "'changed' stands without 'theirChanged'"),
    ("theirChanged: opened", LINE, "'theirChanged' stands without 'changed'"),
    ("changed: dya\n        theirChanged: opened", LINE, "'dya' is not a property of 'trips'. Did you mean 'day'?"),
    ("changed: day\n        theirChanged: opend", LINE + 1, "'opend' is not a property of 'ports'"),
    ("changed: day\n        theirChanged: city", LINE + 1, "'ports.city' is string, and an age is counted in time."),
    ("changed: day\n        theirChanged: touched", LINE + 1, "Give both the same logicalType"),
]


@pytest.mark.parametrize(("written", "line", "words"), WRONG, ids=[one[2][:40] for one in WRONG])
def test_a_fault_of_settling_is_told_with_its_line(
    spoil: Spoil, problems: Problems, written: str, line: int, words: str
) -> None:
    spoil(PORTS, PEERS, TIMES)
    told = [str(one) for one in problems(spoil(TRIPS, RECORD, f"        {written}\n"))]
    assert [one for one in told if one.startswith(f"{TRIPS}:{line}: ") and words in one], told


AGAIN = """\
      - name: again
        kind: conflict
        with: ports
        on: {port: code}
        compare: [{field: weight, other: height}]
"""


def test_two_rules_about_one_fact_must_not_declare_different_orders(spoil: Spoil, problems: Problems) -> None:
    (told,) = problems(spoil(TRIPS, RECORD, f"{RECORD}{AGAIN}        systemOfRecord: trips\n"))
    assert str(told).startswith(f"{TRIPS}:{LINE + 6}: ")
    assert f"'registers-disagree' ({TRIPS}:96) declares ports. Declare one order of systems in both." in str(told)


def test_two_rules_about_one_fact_are_one_with_the_order_and_the_times_that_one_declares(spoil: Spoil) -> None:
    spoil(PORTS, PEERS, TIMES)
    dated = "        changed: day\n        theirChanged: opened\n"
    (fact,) = settlements(load_project(spoil(TRIPS, RECORD, f"{RECORD}{AGAIN}{dated}")).datasets)
    assert {one.changed for one in fact.claimants} == {"day", "opened"}
    assert (fact.record, fact.tolerance, len(fact.declared)) == (("ports",), 0.0, 2)


def test_the_same_rows_must_not_be_dated_by_two_fields(spoil: Spoil, problems: Problems) -> None:
    spoil(PORTS, PEERS, TIMES.replace("touched, logicalType: timestamp", "closed, logicalType: date"))
    dated = "        changed: day\n        theirChanged: {}\n"
    told = problems(spoil(TRIPS, RECORD, RECORD + dated.format("opened") + AGAIN + dated.format("closed")))
    assert [f"{one.file}:{one.line}" for one in told] == [f"{TRIPS}:{LINE + 9}"]
    assert "'closed' dates what 'opened' dates in 'registers-disagree'" in str(told[0])

"""Gap rules in a contract: each kind is read with its keys; what is lacking or contradicts is told with its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from catalog import load_project
from catalog.durations import about_seconds
from catalog.errors import Problem
from catalog.extensions import ContractExtensions, gather
from catalog.gap_rules import _ALLOWED, _NEEDED, gap_rule
from catalog.models import GapRule
from catalog.shapes import shaped
from catalog.yaml_lines import parse_part

Spoil = Callable[..., Path]
Problems = Callable[[Path], tuple[Problem, ...]]
TRIPS, PORTS = "datasets/trips.odcs.yaml", "datasets/ports.odcs.yaml"
GAPS = "  - property: landbridge.gaps\n    value:\n"
FIRST = 92  # the line of the first gap rule
PEERS = "      - {name: city, logicalType: string, classification: public}\n"
TIMES = PEERS + "      - {name: opened, logicalType: date}\n      - {name: touched, logicalType: timestamp}\n"


@pytest.fixture
def written(spoil: Spoil) -> Callable[[str], Path]:
    """The project with one more gap rule of trips, and ports with times of their own."""

    def write(rule: str) -> Path:
        spoil(PORTS, PEERS, TIMES)
        return spoil(TRIPS, GAPS, f"{GAPS}      - {{name: one, {rule}}}\n")

    return write


@pytest.fixture
def rule(written: Callable[[str], Path]) -> Callable[[str], GapRule]:
    def read(text: str) -> GapRule:
        return load_project(written(text)).datasets["trips"].gap_rules[0]

    return read


def test_a_reference_is_read_with_its_direction_and_its_windows(rule: Callable[[str], GapRule]) -> None:
    told = rule(
        "kind: missing_reference, fields: [port], to: [ports.code], direction: both, lateFrom: left_at, "
        "theirLateFrom: opened, lateness: 2d12h"
    )
    assert (told.direction, told.late_from, told.their_late_from) == ("both", "left_at", "opened")
    assert told.lateness == "2d12h"
    assert about_seconds(told.lateness) == 216_000
    assert set(told.named("trips")) == {
        ("trips", "port"), ("trips", "left_at"), ("ports", "code"), ("ports", "opened"),
    }  # fmt: skip


def test_an_entity_is_read_with_its_systems_and_who_is_promised(rule: Callable[[str], GapRule]) -> None:
    told = rule("kind: missing_entity, fields: [port], systems: [ports.code, records.tail], where: {state: [open, 7]}")
    assert told.systems == (("ports", "code"), ("records", "tail"))
    assert told.where == {"state": ("open", "7")}
    assert ("trips", "state") in told.named("trips")
    assert ("records", "tail") in told.named("trips")


def test_a_calendar_is_read_with_its_holidays(rule: Callable[[str], GapRule]) -> None:
    told = rule("kind: missing_period, field: day, every: 1d, calendar: weekdays, holidays: ports.opened")
    assert (told.calendar, told.holidays) == ("weekdays", ("ports", "opened"))
    assert ("ports", "opened") in told.named("trips")


def test_a_stale_field_is_read_with_both_moments(rule: Callable[[str], GapRule]) -> None:
    told = rule(
        "kind: stale_field, with: ports, on: {port: code}, changed: left_at, theirChanged: touched, maxAge: 30d, "
        "field: weight"
    )
    assert (told.to_dataset, told.on, told.changed, told.their_changed, told.max_age, told.field) == (
        "ports", (("port", "code"),), "left_at", "touched", "30d", "weight",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: missing_sequence, field: id, per: [port]", {"field": "id", "per": ("port",)}),
        ("kind: segment_coverage, field: weight, per: [port]", {"min_rows": 20, "max_share": 0.0}),
        (
            "kind: segment_coverage, field: weight, per: [port], minRows: 5, maxShare: 0.1",
            {"min_rows": 5, "max_share": 0.1},
        ),
        ("kind: mixed_format, field: port", {"field": "port", "severity": "warning"}),
        ("kind: missing_reference, fields: [port], to: [ports.code]", {"direction": "forward", "lateness": ""}),
    ],
)
def test_what_is_not_said_has_a_default(rule: Callable[[str], GapRule], text: str, expected: dict[str, object]) -> None:
    told = rule(text).model_dump()
    assert {name: told[name] for name in expected} == expected


REFERENCE = "kind: missing_reference, fields: [port], to: [ports.code]"
STALE = "kind: stale_field, with: ports, on: {port: code}, changed: left_at, theirChanged: touched, maxAge: 30d"
SPOILED = [
    # a gap rule; words that must be in the one problem
    ("kind: missing_entity, fields: [port]", "gap rule 'one' lacks 'systems'. A missing_entity rule needs fields and"),
    ("kind: missing_sequence", "gap rule 'one' lacks 'field'."),
    ("kind: segment_coverage, field: weight", "gap rule 'one' lacks 'per'."),
    ("kind: mixed_format", "gap rule 'one' lacks 'field'."),
    (STALE.replace(", maxAge: 30d", ""), "gap rule 'one' lacks 'maxAge'. A stale_field rule needs with and on and"),
    ("kind: mixed_format, field: port, per: [state]", "'per' means nothing for a mixed_format rule. It reads field."),
    ("kind: missing_sequence, field: id, every: 1d", "'every' means nothing for a missing_sequence rule."),
    ("kind: missing_value, field: port, minRows: 3", "'minRows' means nothing for a missing_value rule."),
    ("kind: missing_sequences, field: id", "'kind' cannot be 'missing_sequences'. Did you mean 'missing_sequence'?"),
    (f"{REFERENCE}, direction: backwards", "'direction' cannot be 'backwards'. Did you mean 'backward'?"),
    (f"{REFERENCE}, lateness: 2d", "'lateness' stands without the moment it counts from. Add 'lateFrom:"),
    (f"{REFERENCE}, lateFrom: left_at", "'lateFrom' stands without 'lateness'. Add 'lateness: 2d'"),
    (f"{REFERENCE}, lateFrom: left_at, lateness: soon", "'soon' is no duration."),
    (f"{REFERENCE}, lateFrom: leftat, lateness: 1d", "'leftat' is not a property of 'trips'. Did you mean 'left_at'?"),
    (f"{REFERENCE}, lateFrom: weight, lateness: 1d", "'trips.weight' is number, and an age is counted in time."),
    (
        f"{REFERENCE}, direction: backward, lateFrom: left_at, lateness: 1d",
        "'lateFrom' dates rows that 'direction: backward' does not judge. Write 'direction: both'",
    ),
    (f"{REFERENCE}, theirLateFrom: opened, lateness: 1d", "'theirLateFrom' dates rows that 'direction: forward'"),
    (f"{REFERENCE}, direction: both, theirLateFrom: open, lateness: 1d", "'open' is not a property of 'ports'."),
    (f"{REFERENCE}, direction: both, theirLateFrom: city, lateness: 1d", "'ports.city' is string, and an age"),
    (f"{REFERENCE}, direction: backward, alsoIn: [records.tail]", "'direction: backward' looks for none."),
    ("kind: missing_entity, fields: [prot], systems: [ports.code]", "'prot' is not a property of 'trips'."),
    ("kind: missing_entity, fields: [port], systems: [prots.code]", "there is no dataset 'prots'. Did you mean"),
    ("kind: missing_entity, fields: [port], systems: [ports.cod]", "'cod' is not a property of 'ports'."),
    ("kind: missing_entity, fields: [port], systems: [ports]", "'ports' is no reference. Write dataset.field"),
    ("kind: missing_entity, fields: [port], systems: [ports.height]", "Give both the same logicalType"),
    ("kind: missing_entity, fields: [port], systems: [ports.code, ports.code]", "'systems' names a field twice."),
    (
        "kind: missing_entity, fields: [port], systems: [ports.code, ports.city]",
        "'systems' names 2 of 'ports', and the entity has 1 in 'fields'.",
    ),
    ("kind: missing_entity, fields: [port], systems: [trips.state]", "'trips' promises the entities itself"),
    ("kind: missing_entity, fields: [port], systems: [ports.code], where: {stat: [a]}", "'stat' is not a property"),
    ("kind: missing_entity, fields: [port], systems: [ports.code], where: {state: []}", "'where' keeps no row"),
    ("kind: missing_sequence, field: weight", "'weight' is number, and a sequence counts in whole numbers."),
    ("kind: missing_sequence, field: id, per: [id]", "'id' cannot be its own group. Name other fields under 'per'."),
    ("kind: segment_coverage, field: weight, per: [port, port]", "'per' names a field twice."),
    ("kind: segment_coverage, field: weight, per: [port], minRows: 0", "greater than or equal to 1"),
    ("kind: segment_coverage, field: weight, per: [port], maxShare: 5", "less than or equal to 1"),
    ("kind: mixed_format, field: weight", "'weight' is number, and only text is in a format. Name a text."),
    ("kind: missing_period, field: day, every: 1w, calendar: weekdays", "'every: 1w' is longer than a day."),
    ("kind: missing_period, field: day, every: 25h, holidays: ports.opened", "'holidays' closes days, and"),
    ("kind: missing_period, field: day, every: 1d, calendar: workdays", "'calendar' cannot be 'workdays'."),
    ("kind: missing_period, field: day, every: 1d, holidays: ports.city", "'ports.city' is string, and holidays are"),
    ("kind: missing_period, field: day, every: 1d, holidays: ports.close", "'close' is not a property of 'ports'."),
    ("kind: missing_period, field: day, every: 1d, holidays: prots.opened", "there is no dataset 'prots'."),
    (STALE.replace("with: ports", "with: prots"), "there is no dataset 'prots'. Did you mean 'ports'?"),
    (STALE.replace("touched", "touchd"), "'touchd' is not a property of 'ports'. Did you mean 'touched'?"),
    (STALE.replace("touched", "city"), "'ports.city' is string, and an age is counted in time."),
    (STALE.replace("touched", "opened"), "'left_at' is timestamp and 'ports.opened' is date."),
    (STALE.replace("left_at", "state"), "'trips.state' is string, and an age is counted in time."),
    (STALE.replace("{port: code}", "{prot: code}"), "'prot' is not a property of 'trips'. Did you mean 'port'?"),
]


@pytest.mark.parametrize(("rule", "words"), SPOILED, ids=[f"{one[0][6:40]}:{one[1][:30]}" for one in SPOILED])
def test_a_gap_rule_that_cannot_be_meant_is_told_with_its_line_and_remedy(
    written: Callable[[str], Path], problems: Problems, rule: str, words: str
) -> None:
    told = [str(problem) for problem in problems(written(rule))]
    assert [one for one in told if one.startswith(f"{TRIPS}:{FIRST + 1}: ") and words in one], "\n".join(told)
    assert len(told) == 1, "\n".join(told)  # one fault does not cascade


PAGE = Path(__file__).parents[2] / "docs" / "readiness" / "gaps.md"


@pytest.mark.parametrize(("place", "count"), [(0, 7), (1, 1)], ids=["declared", "suggested"])
def test_the_rules_that_the_documents_show_are_rules(place: int, count: int) -> None:
    found: list[Problem] = []
    block = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[place]
    whole = "customProperties:\n- {property: landbridge.source, value: ops}\n" + dedent(re.sub(r"^#.*\n", "", block))
    part = parse_part(whole, file="docs/readiness/gaps.md", found=found)
    assert part is not None
    extensions = gather(part, ContractExtensions, found=found)
    shape = shaped(ContractExtensions, extensions, found=found)
    assert shape is not None
    rules = [gap_rule(one, at, found=found) for one, at in zip(shape.gaps, extensions.get("gaps").items(), strict=True)]
    assert found == []
    assert len(rules) == count


def test_the_documents_tell_every_kind_with_its_keys() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|([^|]*)\|$", PAGE.read_text(), re.MULTILINE)
    told = {kind: (re.findall(r"`(\w+)`", needs), set(re.findall(r"`(\w+)`", may))) for kind, needs, may in rows}
    assert told == {kind: (list(_NEEDED[kind]), set(_ALLOWED[kind])) for kind in _NEEDED}

"""YAML is read strictly, with lines, and nothing hostile exhausts the reader."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Problem
from catalog.yaml_lines import Part, parse_part


def read(text: str) -> Part:
    found: list[Problem] = []
    part = parse_part(text, file="a.yaml", found=found)
    assert part is not None, found
    return part


def refused(text: str) -> Problem:
    found: list[Problem] = []
    assert parse_part(text, file="a.yaml", found=found) is None
    return found[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("2024-01-31", "2024-01-31"),
        ("007", "007"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("9" * 30, "9" * 30),
        (".inf", ".inf"),
        ("7", 7),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("~", None),
        ("", None),
        ("'7'", "7"),
        ("!!str 7", "7"),
        ("|\n  7", "7"),
    ],
)
def test_scalars_follow_yaml_1_2_and_what_is_doubtful_stays_text(text: str, value: Any) -> None:
    assert read(f"a: {text}").value == {"a": value}


def test_a_key_called_on_is_text() -> None:
    assert read("on: {off: no}").value == {"on": {"off": "no"}}


def test_every_value_knows_its_line() -> None:
    part = read("a: 1\nb:\n  - x\n  - c: 2\n    d: 3\n")
    assert [part.get(*steps).line for steps in (("a",), ("b",), ("b", 0), ("b", 1, "d"))] == [1, 2, 3, 5]
    assert part.get("b", 1, "absent", "deeper").line == 4


def test_an_alias_repeats_a_value() -> None:
    assert read("a: &x [1, 2]\nb: *x").value == {"a": [1, 2], "b": [1, 2]}


def test_aliases_that_explode_are_refused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "once aliases are expanded" in refused("\n".join(rows)).what


def test_an_alias_that_contains_itself_is_refused() -> None:
    assert refused("a: &x\n  - *x").what == "an alias refers to something that contains it."


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 5_000, "- " * 5_000])
def test_deep_nesting_is_refused_before_it_hurts(text: str) -> None:
    assert "nested more than 64 deep" in refused(text).what


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2", 2, "the key 'a' stands on line 1 already."),
        ("a: {b: 1}\nc:\n  d: 1\n  d: 2", 4, "the key 'd' stands on line 3 already."),
        ("a:\n\t- b", 2, "a tab stands where YAML wants spaces."),
        ("a: 1\n---\nb: 2", 2, "a second YAML document begins here."),
        ("a: 1\nb: !!python/object:os.system x", 2, "has no meaning here."),
        ("a: 1\n? [b]\n: c", 2, "a key must be one word"),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, "merge keys"),
        ("a: 1\nb: \x07", 2, "the control character"),
        ("a: *nowhere", 1, "bad YAML"),
        ("a: 'b", 1, "bad YAML"),
    ],
)
def test_what_yaml_forbids_is_told_with_its_line(text: str, line: int, words: str) -> None:
    problem = refused(text)
    assert (problem.line, words in problem.what, bool(problem.remedy)) == (line, True, True), problem


@given(st.text())
def test_any_text_reads_or_is_refused_with_a_problem(text: str) -> None:
    found: list[Problem] = []
    part = parse_part(text, file="a.yaml", found=found)
    assert (part is None) == bool(found)

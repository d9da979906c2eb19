"""The ages a contract promises: of the source's read, and of single fields that an element names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from catalog import load_project
from catalog.errors import Problem

Spoil = Callable[..., Path]
Problems = Callable[[Path], tuple[Problem, ...]]
TRIPS = "datasets/trips.odcs.yaml"
AGE = "  - {property: freshness, value: 26, unit: h}\n"


def test_an_element_promises_the_age_of_a_field_and_the_rest_that_of_the_read(spoil: Spoil) -> None:
    more = "  - {property: latency, value: 3, unit: d, element: trips.day}\n"
    strict = "  - {property: freshness, value: 2, unit: d, element: 'trips.day, trips'}\n"
    trips = load_project(spoil(TRIPS, AGE, AGE + more + strict)).datasets["trips"]
    assert trips.freshness == timedelta(hours=26)
    assert [(one.field, one.max_age) for one in trips.field_freshness] == [("day", timedelta(days=2))]


@pytest.mark.parametrize(
    ("element", "what"),
    [
        ("trips.dya", "'trips' has no field 'dya'. Did you mean 'day'?"),
        ("trips.port", "'port' is string, and only a date or a timestamp has an age."),
        ("ports.code", "'element' names 'ports', which is not this dataset."),
    ],
)
def test_an_element_without_an_age_is_a_fault_on_its_line(
    spoil: Spoil, problems: Problems, element: str, what: str
) -> None:
    entry = f"  - {{property: freshness, value: 2, unit: d, element: {element}}}\n"
    (told,) = problems(spoil(TRIPS, AGE, AGE + entry))
    assert what in f"{told.what} {told.remedy}"
    assert (told.file, told.line > 0) == (TRIPS, True)

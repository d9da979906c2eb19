"""The age of a field: by its newest value up to now, whatever the clock says; unknown is not fresh."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from catalog.models import FieldFreshness, Place
from expectations.freshness import freshness, told_age

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PLACE = Place(file="datasets/trips.odcs.yaml", line=9)


def aged(make, values, *, hours=24, kind="timestamp", **habits):
    promise = FieldFreshness(field="seen", max_age=timedelta(hours=hours), place=PLACE)
    dataset = make.contract(make.field("seen", kind, **habits), field_freshness=(promise,))
    dtype = pl.Date if kind == "date" else pl.Datetime("us", "UTC")
    frame = None if values is None else pl.DataFrame({"seen": pl.Series(values, dtype=dtype)})
    return freshness(frame, dataset, NOW)


@pytest.mark.parametrize(("age", "verdict"), [(24, "passed"), (25, "failed")])
def test_the_newest_value_must_not_be_older_than_promised(make, age, verdict):
    old = NOW - timedelta(days=300)
    told = aged(make, [old, NOW - timedelta(hours=age), None])
    (one,) = told.results
    assert (one.rule, one.verdict, one.place) == ("freshness/seen", verdict, "datasets/trips.odcs.yaml:9")
    assert [(one.severity, one.blocking) for one in told.findings] == [("warning", False)] * (verdict == "failed")


def test_a_plan_for_the_future_does_not_make_old_data_new(make):
    (one,) = aged(make, [NOW - timedelta(days=3), NOW + timedelta(days=300)]).results
    assert (one.verdict, one.observed) == ("failed", "3 d")


@pytest.mark.parametrize(("day", "verdict"), [(9, "passed"), (8, "failed")])
def test_a_date_counts_from_the_end_of_its_day(make, day, verdict):
    (one,) = aged(make, [date(2026, 3, day)], hours=24, kind="date").results
    assert one.verdict == verdict


@pytest.mark.parametrize("values", [None, [], [None], [NOW + timedelta(days=1)]])
def test_an_age_that_nobody_knows_is_a_critical_finding_and_no_pass(make, values):
    told = aged(make, values)
    assert [one.verdict for one in told.results] == ["unjudged"]
    assert [(one.rule, one.severity) for one in told.findings] == [("freshness/seen", "critical")]


def test_the_moment_of_a_personal_field_is_not_told(make):
    told = aged(make, [datetime(2026, 3, 1, 7, 31, tzinfo=UTC)], personal=True)
    assert "2026-03-01" not in f"{told.results}{told.findings}"


def test_ages_are_told_in_their_two_largest_units():
    assert [told_age(timedelta(minutes=one)) for one in (0, 12, 60, 1500, 4380)] == [
        "0 min", "12 min", "1 h", "1 d 1 h", "3 d 1 h",
    ]  # fmt: skip

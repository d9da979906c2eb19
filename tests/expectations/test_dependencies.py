"""A value that others determine is the same in all rows of a group, and the row that departs from it is named."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import check

TEXT = st.one_of(st.none(), st.sampled_from(["a", "b", "A", "é", ""]))
ROWS = st.lists(st.tuples(TEXT, TEXT, st.one_of(st.none(), st.integers(0, 2))), min_size=1, max_size=25)


@pytest.fixture(scope="module")
def town(make):
    """Zip codes that determine a city, as text; `options` are of the city."""

    def build(**options):
        rule = make.rule("functional_dependency", "city", name="city-of-zip", fields=("zip",))
        return make.contract(make.field("zip"), make.field("city", **options), rules=(rule,))

    return build


def found(report):
    return {one.rule: one for one in report.findings}


def test_the_row_that_departs_from_most_of_its_group_is_set_aside_and_named(make, town):
    rows = make.rows(town(), zip=["1", "1", "1", "2"], city=["Kiel", "Kxel", "Kiel", "Bonn"])
    report = check(rows, town())
    assert report.quarantined.select("_key", "rule", "field", "value").rows() == [("2", "city-of-zip", "city", "Kxel")]
    finding = found(report)["city-of-zip"]
    assert (finding.count, finding.sample_keys, finding.evidence["values"]) == (1, ("2",), ["Kxel"])
    assert finding.message == "1 row of 4 break 'city-of-zip': 'city' must be the same in all rows of the same 'zip'."


def test_where_two_values_are_as_frequent_nobody_is_right(make, town):
    rows = make.rows(town(), zip=["1", "1", "2", "2", "2"], city=["Kiel", "Bonn", "Kiel", "Kiel", "Bonn"])
    assert check(rows, town()).quarantined["_key"].to_list() == ["1", "2", "5"]


def test_a_row_without_a_value_or_without_its_group_is_not_judged(make, town):
    rows = make.rows(town(), zip=["1", "1", None, None], city=["Kiel", None, "Bonn", "Kiel"])
    assert check(rows, town()).verdict == "pass"


def test_a_personal_value_that_departs_is_not_told(make, town):
    dataset = town(personal=True)
    report = check(make.rows(dataset, zip=["1"] * 3, city=["Kiel", "Secret", "Kiel"]), dataset)
    told = json.dumps([one.model_dump(mode="json") for one in report.findings]) + report.quarantined.write_json()
    assert report.quarantined.height == 1
    assert "Secret" not in told


@settings(deadline=None, max_examples=40)
@given(rows=ROWS)
def test_great_expectations_counts_the_rows_that_polars_names(make, rows):
    rule = make.rule("functional_dependency", "n", name="n", fields=("left", "Right"))
    dataset = make.contract(make.field("left"), make.field("Right"), make.field("n", "integer"), rules=(rule,))
    columns = pl.DataFrame(rows, schema={"left": pl.String, "Right": pl.String, "n": pl.Int64}, orient="row")
    report = check(make.rows(dataset, **columns.to_dict()), dataset)
    assert not [one for one in report.findings if one.evidence.get("status") in ("errored", "disagreed")]
    named = set(report.quarantined["_position"])
    assert len(named) == _departing(rows)


def _departing(rows):
    """The law, written for rows: all but the holders of the one most frequent value."""
    groups = {}
    for left, right, number in rows:
        left, right = left or None, right or None  # an empty text is no value
        if None not in (left, right, number):
            groups.setdefault((left, right), []).append(number)
    counts = [[values.count(one) for one in set(values)] for values in groups.values()]
    return sum(sum(one) - (max(one) if one.count(max(one)) == 1 else 0) for one in counts)

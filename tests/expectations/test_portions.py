"""Rules that look at rows in portions find what they would find in all rows at once."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import expectations
from catalog.models import ConflictField
from expectations import claimed, portions
from expectations.settling import settle

SYSTEMS = ("crm", "erp", "web")
SAID = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["Bonn", "bonn ", "Kiel", None])), max_size=20)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(portions, "PORTION", 3)


def rows_of(numbers):
    return portions.Rows(pl.LazyFrame({"n": pl.Series(numbers, dtype=pl.Int64)}))


def test_portions_are_small_and_make_up_all_rows(small):
    parts = list(rows_of(range(7)).portions())
    assert [part.height for part in parts] == [3, 3, 1]
    assert pl.concat(parts).select(portions.ROW, "n").rows() == [(number, number) for number in range(7)]


def test_rows_that_are_none_are_one_empty_portion(small):
    assert [part.shape for part in rows_of([]).portions()] == [(0, 2)]


def test_of_the_rows_of_a_key_the_first_is_kept_across_portions(small):
    frame = pl.LazyFrame({"k": list("abcabcd"), "v": range(7)})
    kept = portions.Rows(frame).first(lambda rows: rows.drop(portions.ROW), ["k"])
    assert kept.rows() == [("a", 0), ("b", 1), ("c", 2), ("d", 6)]


def test_values_are_found_by_the_number_of_their_row(small):
    found = rows_of([10, 11, 12, 13, 14]).at(pl.Series([4, 1, 4]), "n")
    assert found.rows() == [(1, 11), (4, 14)]


@settings(max_examples=40, deadline=None)
@given(numbers=st.lists(st.integers(-30, 30), min_size=2, max_size=40))
def test_numbers_that_are_left_out_are_the_same_in_portions(make, numbers):
    rule = make.gap("missing_sequence", field="number")
    dataset = make.contract(make.field("number", "integer"), gap_rules=(rule,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portions, "PORTION", 3)
        found = expectations.gaps(make.project(dataset), {"trips": make.rows(dataset, number=numbers)}).findings
    absent = set(range(min(numbers), max(numbers))) - set(numbers)
    assert sum(one.count for one in found) == len(absent)
    assert all(one.evidence["seen"] == len(set(numbers)) for one in found)


@settings(max_examples=25, deadline=None)
@given(said=st.tuples(SAID, SAID, SAID))
def test_entities_of_which_all_say_the_same_are_counted_and_change_nothing_else(make, said):
    """The reference takes every word for a claim."""
    compare = (ConflictField(field="city", other="city"),)
    fields = (make.field("key"), make.field("city"))
    rules = [
        make.gap("conflict", name=name, to_dataset=name, on=(("key", "key"),), compare=compare) for name in SYSTEMS[1:]
    ]
    crm = make.contract(*fields, name="crm", gap_rules=tuple(rules))
    project = make.project(crm, *(make.contract(*fields, name=name) for name in SYSTEMS[1:]))
    columns = {name: list(zip(*rows, strict=True)) or [(), ()] for name, rows in zip(SYSTEMS, said, strict=True)}
    frames = {
        name: make.rows(
            project.datasets[name], key=pl.Series(key, dtype=pl.String), city=pl.Series(city, dtype=pl.String)
        )
        for name, (key, city) in columns.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claimed, "TOGETHER", 10)
        counted = expectations.gaps(project, frames)
        patch.setattr(claimed, "_links", lambda present: True)
        whole = expectations.gaps(project, frames)
    assert counted.findings == whole.findings
    likely = pl.col("probability").round(9)  # sums in another order
    assert counted.settled.with_columns(likely).equals(whole.settled.with_columns(likely))


def test_what_a_system_is_worth_is_learned_from_counted_cells_as_from_told_ones():
    def told(entity, **values):
        return [(entity, "city", source, value, None) for source, value in values.items()]

    schema = {"entity": pl.String, "field": pl.String, "source": pl.String, "value": pl.String, "at": pl.Datetime("us")}
    apart = [*told("x", crm="Bonn", erp="Kiel", web="Bonn"), *told("y", crm="Ulm", erp="Bonn")]
    alike = [row for number in range(50) for row in told(f"{number}", crm="Bonn", erp="Bonn")]
    whole = settle(pl.DataFrame([*apart, *alike], schema, orient="row"))
    standing = pl.DataFrame([*apart, *alike[:2]], schema, orient="row")
    counts = pl.DataFrame({"field": ["city"], "sources": [["crm", "erp"]], "cells": [49]})
    counted, left_out = settle(standing, alike=counts), settle(standing)
    score = pl.col("score").round(9)
    assert counted.reliability.select("source", score).equals(whole.reliability.select("source", score))
    assert not left_out.reliability.select("source", score).equals(whole.reliability.select("source", score))
    confidence = pl.col("confidence").round(9)
    mine = counted.winners.with_columns(confidence)
    assert mine.join(whole.winners.with_columns(confidence), on=mine.columns, how="anti", nulls_equal=True).is_empty()

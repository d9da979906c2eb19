"""Claims of several systems: who wins by which rule, what is kept of the others, and what cannot be decided."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import Refusal
from expectations.settling import settle

SCHEMA = {"entity": pl.String, "field": pl.String, "source": pl.String, "value": pl.String, "at": pl.Datetime("us")}
FRAMES = ("winners", "losers", "reliability", "copies", "silent")
JANUARY, JUNE = datetime(2025, 1, 1), datetime(2025, 6, 1)


def claims(*rows):
    """Rows of entity, source, value and, where it is known, the moment; all of the field `city`."""
    told = [(entity, "city", source, value, *(at or [None])) for entity, source, value, *at in rows]
    return pl.DataFrame(told, schema=SCHEMA, orient="row")


def won(settled):
    return {row["entity"]: (row["value"], row["reason"]) for row in settled.winners.to_dicts()}


def lost(settled):
    return [tuple(row) for row in settled.losers.select("entity", "source", "value", "reason").iter_rows()]


def test_what_all_say_is_agreed_and_nobody_loses():
    settled = settle(claims(("1", "crm", "Bonn"), ("1", "erp", "Bonn"), ("2", "crm", "Kiel")))
    assert won(settled) == {"1": ("Bonn", "agreed"), "2": ("Kiel", "agreed")}
    assert settled.winners["sources"].to_list() == [["crm", "erp"], ["crm"]]
    assert settled.losers.is_empty()


def test_the_system_of_record_wins_against_any_number_of_others():
    rows = [("1", name, "Köln") for name in "abcde"]
    settled = settle(claims(("1", "crm", "Bonn"), *rows), record={"city": ["crm"]})
    assert won(settled) == {"1": ("Bonn", "system of record")}
    assert lost(settled) == [("1", name, "Köln", "system of record") for name in "abcde"]
    assert settled.winners["confidence"][0] < 0.5, "what the others know speaks against it, and is told"


def test_the_next_system_of_record_decides_where_the_first_says_nothing():
    told = claims(("1", "erp", "Kiel"), ("1", "web", "Bonn"), ("2", "crm", "Köln"), ("2", "erp", "Kiel"))
    settled = settle(told, record={"city": ["crm", "erp"]})
    assert won(settled) == {"1": ("Kiel", "system of record"), "2": ("Köln", "system of record")}


def test_a_system_of_record_that_says_nothing_of_its_field_is_named():
    settled = settle(claims(("1", "crm", "Bonn")), record={"city": ["erp", "crm"], "tel": ["crm"]})
    assert settled.silent.rows() == [("city", "erp"), ("tel", "crm")]


def test_a_null_value_claims_nothing():
    settled = settle(claims(("1", "crm", None), ("1", "erp", "Bonn")), record={"city": ["crm"]})
    assert won(settled) == {"1": ("Bonn", "agreed")}
    assert settled.reliability["source"].to_list() == ["erp"]


def test_two_sources_nothing_is_known_of_are_settled_by_the_newest_word():
    settled = settle(claims(("1", "crm", "Bonn", JANUARY), ("1", "erp", "Kiel", JUNE)))
    assert won(settled) == {"1": ("Kiel", "recency")}
    assert lost(settled) == [("1", "crm", "Bonn", "recency")]


def test_a_known_moment_is_newer_than_an_unknown_one():
    assert won(settle(claims(("1", "crm", "Bonn", JANUARY), ("1", "erp", "Kiel")))) == {"1": ("Bonn", "recency")}


@pytest.mark.parametrize("moment", [(), (JUNE,)])
def test_what_nothing_decides_stays_unsettled_with_all_values(moment):
    settled = settle(claims(("1", "crm", "Bonn", *moment), ("1", "erp", "Kiel", *moment)))
    assert settled.winners.rows() == [("1", "city", None, [], "unsettled", None)]
    assert lost(settled) == [("1", "crm", "Bonn", "unsettled"), ("1", "erp", "Kiel", "unsettled")]


def test_a_claim_in_only_one_system_says_nothing_of_its_reliability():
    alone = [(f"only {number}", "crm", "Bonn") for number in range(50)]
    settled = settle(claims(*alone, ("1", "crm", "Bonn", JANUARY), ("1", "erp", "Kiel", JUNE), ("2", "web", "Ulm")))
    assert won(settled)["1"] == ("Kiel", "recency")
    scores = {row["source"]: (row["score"], row["claims"], row["compared"]) for row in settled.reliability.to_dicts()}
    assert scores["web"] == (None, 1, 0)
    assert scores["crm"][0] == pytest.approx(scores["erp"][0])
    assert scores["crm"][1:] == (51, 1)


def test_the_source_that_others_bear_out_wins_where_it_stands_alone():
    borne_out = [(f"e{number}", source, "Bonn") for number in range(30) for source in ("good", "third")]
    often_wrong = [(f"e{number}", "poor", "Bonn" if number % 3 else "Ulm") for number in range(30)]
    settled = settle(claims(*borne_out, *often_wrong, ("x", "good", "Kiel", JANUARY), ("x", "poor", "Köln", JUNE)))
    assert won(settled)["x"] == ("Kiel", "reliability")
    scores = dict(settled.reliability.select("source", "score").iter_rows())
    assert scores["good"] > scores["poor"] + 0.2


def copied(*, independent, copies, cells=200, values=50, seed=3):
    """Claims of sources that err on their own in a quarter, and of copies of one that errs in half; and the truth."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(values, size=cells)

    def erring(share):
        wrong = (truth + draw.integers(1, values, cells)) % values
        return np.where(draw.random(cells) < share, wrong, truth)

    said = {f"own {number}": erring(0.25) for number in range(independent)}
    said |= dict.fromkeys((f"copy {number}" for number in range(copies)), erring(0.5))
    told = claims(*((str(at), name, f"v{value}") for name, column in said.items() for at, value in enumerate(column)))
    return told, claims(*((str(at), "truth", f"v{value}") for at, value in enumerate(truth)))


def right(winners, truth):
    return winners.join(truth, on=["entity", "value"], how="semi").height / truth.height


def test_sources_that_copy_each_others_errors_do_not_outvote_independent_ones():
    told, truth = copied(independent=5, copies=4)
    settled = settle(told)
    votes = told.group_by("entity", "value").len().sort("len", "value", descending=True).unique("entity", keep="first")
    assert right(settled.winners, truth) > 0.95
    assert right(votes, truth) < 0.8
    names = [f"copy {number}" for number in range(4)]
    pairs = settled.copies.select("source", "other").rows()
    assert pairs == [(one, other) for one in names for other in names if one < other]


def test_independent_sources_are_not_taken_for_copies():
    told, truth = copied(independent=6, copies=1)
    settled = settle(told)
    assert settled.copies.is_empty()
    assert right(settled.winners, truth) > 0.9


def test_claims_beyond_what_fits_one_table_are_settled_alike(monkeypatch):
    told, _ = copied(independent=5, copies=4)
    whole = settle(told)
    monkeypatch.setattr("expectations.settling.copying.BLOCK", 90)
    parts = settle(told)
    assert parts.winners.drop("confidence").equals(whole.winners.drop("confidence"))
    assert parts.winners["confidence"].to_list() == pytest.approx(whole.winners["confidence"].to_list())
    assert parts.copies.drop("probability").equals(whole.copies.drop("probability"))


def test_sources_too_many_to_be_compared_still_vote(monkeypatch):
    monkeypatch.setattr("expectations.settling.copying.WATCHED", 2)
    told, truth = copied(independent=8, copies=1)
    settled = settle(told)
    assert right(settled.winners, truth) > 0.95
    assert settled.reliability["source"].n_unique() == 9


def test_of_one_sources_claims_the_newest_stands_and_the_others_are_superseded():
    told = claims(("1", "crm", "Bonn", JANUARY), ("1", "crm", "Kiel", JUNE), ("1", "crm", "Kiel", JANUARY))
    settled = settle(told, record={"city": ["crm"]})
    assert won(settled) == {"1": ("Kiel", "agreed")}
    assert lost(settled) == [("1", "crm", "Bonn", "superseded")]


def test_a_system_of_record_that_contradicts_itself_leaves_it_to_the_others():
    told = claims(("1", "crm", "Bonn"), ("1", "crm", "Kiel"), ("1", "erp", "Kiel"), ("1", "web", "Ulm"))
    settled = settle(told, record={"city": ["crm"]})
    assert won(settled) == {"1": ("Kiel", "reliability")}
    assert lost(settled) == [("1", "crm", "Bonn", "reliability"), ("1", "web", "Ulm", "system of record")]


def test_case_and_blanks_are_no_difference_unless_they_are_said_to_be():
    told = claims(("1", "crm", "New  York "), ("1", "erp", "new york"), ("1", "web", "new york"))
    assert won(settle(told)) == {"1": ("new york", "agreed")}
    assert won(settle(told, fold=False)) == {"1": ("new york", "reliability")}


def test_numbers_within_the_tolerance_are_one_value_told_as_most_tell_it():
    told = claims(("1", "a", "10.00"), ("1", "b", "10.02"), ("1", "c", "10.02"), ("1", "d", "12"), ("1", "e", "n/a"))
    settled = settle(told, tolerance={"city": 0.02})
    assert won(settled) == {"1": ("10.02", "reliability")}
    assert settled.winners["sources"].to_list() == [["a", "b", "c"]]
    assert {value for _, _, value, _ in lost(settled)} == {"12", "n/a"}


def test_small_steps_do_not_chain_numbers_that_are_far_apart():
    told = claims(*(("1", f"s{step}", f"{step / 10}") for step in range(6)))
    settled = settle(told, tolerance={"city": 0.1})
    groups = 6 - len(settled.losers.filter(pl.col("reason") != "unsettled"))
    assert won(settled)["1"][1] == "unsettled"
    assert groups == 6, "three groups of two"


def test_no_claims_settle_to_nothing():
    for told in (claims(), claims(("1", "crm", None)), claims(("1", "crm", "x")).clear().cast({"at": pl.Null})):
        settled = settle(told, record={"city": ["crm"]}, tolerance={"city": 1.0})
        assert all(getattr(settled, name).is_empty() for name in ("winners", "losers", "reliability", "copies"))
        assert settled.converged


@pytest.mark.parametrize("at", [date(2025, 6, 1), datetime(2025, 6, 1, tzinfo=UTC), None])
def test_moments_may_be_days_or_have_a_zone_or_be_absent(at):
    told = pl.DataFrame({"entity": ["1"], "field": ["city"], "source": ["crm"], "value": ["Bonn"], "at": [at]})
    assert won(settle(told)) == {"1": ("Bonn", "agreed")}


@pytest.mark.parametrize(
    ("told", "options", "said"),
    [
        (claims().drop("at", "source"), {}, "lack the column source, at"),
        (claims().cast({"value": pl.Int64}), {}, "column value of claims is Int64"),
        (claims().cast({"at": pl.String}), {}, "column at of claims is String"),
        (claims(("1", None, "x"), (None, "crm", "x")), {}, "1 claims have no entity"),
        (claims(), {"record": {"city": "crm"}}, r"Give a list: \['crm'\]"),
        (claims(), {"tolerance": {"city": -1.0}}, "tolerance of city is -1.0"),
        (claims(), {"tolerance": {"city": float("nan")}}, "tolerance of city is nan"),
        (claims(), {"margin": 1.0}, "margin is 1.0"),
    ],
)
def test_claims_of_another_form_are_refused_with_the_remedy(told, options, said):
    with pytest.raises(Refusal, match=said):
        settle(told, **options)


CLAIM = st.tuples(
    st.sampled_from("12345"), st.sampled_from(["city", "price"]), st.sampled_from(["crm", "erp", "web", "old"]),
    st.sampled_from(["1", "1.05", "1.1", "Bonn", "bonn ", "Kiel", None]), st.sampled_from([None, JANUARY, JUNE]),
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(CLAIM, max_size=25), draw=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, draw):
    mixed = draw.sample(rows, len(rows))
    options = {"record": {"city": ["erp", "crm"]}, "tolerance": {"price": 0.05}}
    one, other = (settle(pl.DataFrame(told, SCHEMA, orient="row"), **options) for told in (rows, mixed))
    for name in FRAMES:
        assert getattr(one, name).equals(getattr(other, name)), name


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(CLAIM, max_size=25))
def test_every_cell_is_settled_once_and_every_claim_backs_a_winner_or_is_a_loser(rows):
    told = pl.DataFrame(rows, SCHEMA, orient="row").drop_nulls("value")
    settled = settle(told, record={"city": ["erp"]})
    cells = {(entity, field) for entity, field in told.select("entity", "field").iter_rows()}
    assert sorted(settled.winners.select("entity", "field").iter_rows()) == sorted(cells)
    backing = settled.winners.explode("sources").select("entity", "field", source="sources")
    accounted = pl.concat([backing, settled.losers.select("entity", "field", "source")])
    assert told.join(accounted, on=["entity", "field", "source"], how="anti").is_empty()
    decided = settled.winners.filter(pl.col("reason") != "unsettled")
    assert decided["confidence"].is_between(0, 1).all()
    assert decided["value"].null_count() == 0


def test_the_page_on_conflicts_shows_what_its_example_prints(capsys):
    page = (Path(__file__).parents[2] / "docs" / "readiness" / "conflicts.md").read_text()
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", page, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out == printed

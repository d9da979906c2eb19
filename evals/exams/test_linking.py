"""Two pairs of catalogues are linked by the plan suggested for them, better than by words they share."""

import statistics

import polars as pl
import pytest

from evals.linking import DATA, SETS, jaccard, known, labels, linked, people, reached, score
from expectations.linking import link, suggested

pytestmark = pytest.mark.exam
there = pytest.mark.skipif(not DATA.is_dir(), reason="needs the files of ../shared/data")
# What was measured, less a margin: F1 without labels, and the median with 200 of them.
LOWEST = {"restaurants": (0.83, 0.83), "publications": (0.98, 0.985)}


@there
@pytest.mark.parametrize("name", SETS)
def test_catalogues_are_linked_better_than_by_shared_words(name):
    one = known(name)
    plan = suggested(one.left, one.right, one_to_one=True)
    rival = score(jaccard(one), one.truth).f1
    alone = score(linked(link(one.left, one.right, plan)), one.truth).f1
    taught = [score(linked(link(one.left, one.right, plan, labels=labels(one, plan, seed))), one.truth).f1
              for seed in range(3)]  # fmt: skip
    assert alone > max(rival, LOWEST[name][0])
    assert statistics.median(taught) > max(rival, LOWEST[name][1])


@there
@pytest.mark.parametrize("name", SETS)
def test_blocking_loses_no_match_and_spares_most_pairs(name):
    one = known(name)
    recall, candidates, pairs = reached(one, suggested(one.left, one.right))
    assert recall > 0.99
    assert candidates < pairs / 20


@there
def test_a_link_between_publications_is_taken_back_by_one_row():
    one = known("publications")
    plan = suggested(one.left, one.right, one_to_one=True)
    (wrong,) = linked(link(one.left, one.right, plan)).head(1).rows()
    decisions = pl.DataFrame([(*wrong, False)], schema=["left", "right", "same"], orient="row")
    assert wrong not in linked(link(one.left, one.right, plan, decisions=decisions)).rows()


def test_synthetic_people_are_found_again_though_their_records_are_spoiled():
    one = people(50_000)
    found = score(linked(link(one.left, one.right, suggested(one.left, one.right))), one.truth)
    assert found.precision > 0.98
    assert found.recall > 0.95

"""Where the truth is known, claims are settled better than by counting votes, and declared records carry.

Run by `make exam`; it takes about a minute on two cores.
"""

from statistics import median

import pytest

from evals.settling import measured, world

pytestmark = pytest.mark.exam
SEEDS, HALVES, ENTITIES = 3, 15, 500
VOTES, LEARNED, RECORDED = "majority", "settle, nothing declared", "settle, declared records"
ALL, HALF, KEPT = "all sources", "half of them", "half, records kept"


@pytest.fixture(scope="module")
def scores():
    return measured(seeds=SEEDS, halves=HALVES, entities=ENTITIES)


def test_a_third_of_the_claims_is_wrong():
    one = world(0, entities=ENTITIES)
    known = one.claims.join(one.truth, on=["entity", "field"])
    assert 0.28 < (known["value"] != known["true"]).mean() < 0.4


def test_with_all_sources_every_set_is_settled_better_than_by_votes(scores):
    assert len(scores[LEARNED][ALL]) == SEEDS
    assert all(ours > votes for ours, votes in zip(scores[LEARNED][ALL], scores[VOTES][ALL], strict=True))


def test_with_half_of_the_sources_it_is_better_at_the_median_and_at_worst(scores):
    assert len(scores[LEARNED][HALF]) == HALVES
    assert median(scores[LEARNED][HALF]) > median(scores[VOTES][HALF]) + 0.03
    assert min(scores[LEARNED][HALF]) > min(scores[VOTES][HALF])


@pytest.mark.parametrize("sources", [ALL, KEPT])
def test_two_declared_records_per_field_reach_95_percent(scores, sources):
    assert median(scores[RECORDED][sources]) >= 0.95

"""The estate is the same for the same seed, holds what was planted, and its exam can be failed."""

from collections import Counter

import polars as pl
import pytest

from evals.estate import Planted, whole
from evals.planting import KINDS, damaged
from evals.readiness import OTHER, examined, judged

SMALL = 0.15


def test_forty_gaps_in_a_small_estate_are_found_and_nothing_else(tmp_path):
    exam = examined(tmp_path / "utility", 5, gaps=44, scale=SMALL)
    assert exam.clean == ()
    assert [(one.kind, one.found, one.told) for one in exam.lines] == [(kind, 4, 4) for kind in KINDS]


def test_the_same_seed_makes_the_same_estate_and_the_same_gaps():
    one, other = (damaged(whole(3, scale=SMALL), 3, gaps=33) for _ in range(2))
    assert one.planted == other.planted
    assert all(one.frames[name].equals(other.frames[name]) for name in one.frames)
    assert one.planted != damaged(whole(4, scale=SMALL), 4, gaps=33).planted


def test_planting_leaves_the_whole_estate_as_it_is_and_gives_each_gap_its_own_key():
    estate = whole(1, scale=SMALL)
    before = {name: frame.clone() for name, frame in estate.frames.items()}
    spoilt = damaged(estate, 1, gaps=66)
    assert all(estate.frames[name].equals(frame) for name, frame in before.items())
    assert set(Counter(spoilt.planted).values()) == {1}
    assert Counter(one.kind for one in spoilt.planted) == dict.fromkeys(KINDS, 6)


def test_more_gaps_than_there_is_ground_are_refused():
    with pytest.raises(ValueError, match="make the estate larger"):
        damaged(whole(1, scale=SMALL), 1, gaps=4000)


def test_what_is_missed_and_what_is_told_wrongly_both_count():
    estate = whole(1, scale=SMALL)
    kind = KINDS[0]
    estate.planted.extend(Planted(kind, "visits", key) for key in ("V1", "V2"))
    seen = [Planted(kind, "visits", "V1"), Planted(kind, "visits", "V3"), Planted(OTHER, "sites", "x #0")]
    ours, other = judged(estate, seen, [kind])
    assert (ours.planted, ours.found, ours.told, ours.recall, ours.precision) == (2, 1, 2, 0.5, 0.5)
    assert (other.kind, other.precision) == (OTHER, 0.0)


def test_the_whole_estate_holds_what_looks_like_a_gap():
    frames = whole(1, scale=SMALL).frames
    strangers = frames["visits"].filter(~pl.col("meter").is_in(frames["meters"]["METER"].to_list()))
    assert strangers.height == 12, "visits of meters that may still be taken up"
    assert frames["customers"].height > frames["accounts"].height, "closed customers without an account"
    assert frames["meters"].height > frames["sites"].height, "new meters that stand nowhere yet"

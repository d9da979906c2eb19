"""What is written anew is bounded in each publication, so that the disk is; what is served stays right meanwhile."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from catalog.models import IndexPlan
from evals.synthetic_chunks import DATASET, Clustered, chunks_of
from index import Query, index_stats, publish, reconcile, search
from index.housekeeping import DELETED, FRAGMENTS, OVERDUE, fragment_rows
from index.weighing import weight_of

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 4_096
NO_HISTORY = IndexPlan(history=timedelta(0))


class Nights:
    """A table of chunks whose texts change from night to night."""

    def __init__(self, store, dataset):
        self.store, self.dataset, self.embedder = store, dataset, Clustered(128)
        self.ages, self.rng, self.number = np.zeros(ROWS, dtype=np.int64), np.random.default_rng(3), 0

    def pass_by(self, changed=0, **more):
        """One night, in which so many texts change; the version that is live then."""
        self.ages[self.rng.choice(len(self.ages), changed, replace=False)] += 1
        return self.bring(chunks_of(self.ages), **more)

    def bring(self, chunks, *, plan=NO_HISTORY, run=""):
        self.number += not run
        with self.store.writer():
            self.store.begin()
            change = reconcile(
                self.store, chunks, dataset=self.dataset, embedder=lambda: self.embedder, allow_deletes=True
            )
            now = MIDNIGHT + timedelta(days=self.number)
            return publish(self.store, change.version, plan=plan, now=now, run=run)

    @property
    def weight(self):
        return weight_of(self.store.live())

    @property
    def taken(self):
        """The bytes of all kept versions."""
        files = {}
        for version in self.store.versions:
            files |= weight_of(self.store.at(version)).files
        return sum(files.values())

    def written_anew(self, before):
        """The share of the rows of the version before whose fragments are gone."""
        kept = self.weight.files
        return sum(one.live for one in before.pieces if not one.sizes.keys() & kept.keys()) / before.rows


@pytest.fixture
def nights(store, new_dataset):
    return Nights(store, new_dataset(DATASET, [], []))


def deleted(weight):
    return 1 - weight.rows / sum(one.physical for one in weight.pieces)


def test_what_is_loaded_is_cut_into_fragments_that_can_be_written_anew_one_by_one(nights):
    nights.pass_by()
    sizes = [one.physical for one in nights.weight.pieces]
    assert sum(sizes) == ROWS and len(sizes) == FRAGMENTS
    assert max(sizes) <= 2 * fragment_rows(ROWS)
    assert len(nights.weight.indices) == 6 and all(len(one.segments) == 1 for one in nights.weight.indices)


def test_the_fragments_with_most_deletions_are_written_anew_and_no_more_than_a_portion(nights):
    nights.pass_by()
    chunks = chunks_of(nights.ages).with_row_index("row")
    nights.bring(chunks.filter(pl.col("row") % 16 != 0).drop("row"))  # one in sixteen everywhere
    before = nights.weight
    assert deleted(before) == 1 / 16
    left = chunks.filter((pl.col("row") % 16 != 0) & ((pl.col("row") % 3 != 0) | (pl.col("row") >= 768)))
    nights.bring(left.drop("row"))  # and a third of the first rows
    assert 0 < nights.written_anew(before) < 0.25  # a sixth, and what went of it in this very night
    assert max(one.deleted for one in nights.weight.pieces) == 1 / 16


@pytest.mark.parametrize("kind", ["exact", "ivf_sq"])
def test_live_and_previous_take_no_more_than_the_disk_told_night_by_night(nights, kind):
    plan = IndexPlan(kind=kind, history=timedelta(0))
    nights.pass_by(plan=plan)
    held = []
    for _ in range(16):
        before = nights.weight
        nights.pass_by(ROWS // 50, plan=plan)
        held.append(sum((before.files | nights.weight.files).values()) / nights.weight.fresh)
        assert deleted(nights.weight) < OVERDUE
        assert nights.written_anew(before) < 0.2
    assert 1.2 < max(held) < 1.42


def test_many_publications_of_one_run_take_no_more_disk_than_one(nights):
    first = nights.pass_by()
    taken = []
    for _ in range(10):
        nights.pass_by(ROWS // 50, run="one")  # within minutes: readers may hold each of them
        assert nights.store.tag("previous") == first
        taken.append(nights.taken / nights.weight.fresh)
    assert len(nights.store.versions) == 11
    assert max(taken) < 1.42


def test_what_was_written_anew_is_found_and_no_row_is_lost_or_doubled(nights, project, insider):
    for _ in range(8):
        nights.pass_by(ROWS // 20)
    told = nights.store.read(["key", "text"], at="live").sort("key")
    assert told.equals(chunks_of(nights.ages).select("key", "text").sort("key"))
    known = project.model_copy(update={"datasets": {DATASET: nights.dataset}})
    for key in ("P0000000", "P0001234", f"P{ROWS - 1:07}"):
        query = Query(text=key, principal=insider)
        assert search(query, store=nights.store, embedder=nights.embedder, project=known).hits[0].key == key


def test_without_room_on_the_disk_nothing_is_written_anew_until_too_much_is_deleted(nights, monkeypatch):
    monkeypatch.setattr("index.housekeeping.DISK", 1.0)
    nights.pass_by()
    first = nights.weight
    seen = []
    while not nights.written_anew(first):
        nights.pass_by(ROWS // 25)
        seen.append(deleted(nights.weight))
        assert len(seen) < 12
    assert max(seen) > DELETED * 1.5


def test_a_fragment_too_large_for_a_portion_is_cut_once_too_much_of_it_is_deleted(nights, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("index.housekeeping.FRAGMENTS", 1)  # as earlier releases wrote them
        nights.pass_by()
    assert [one.physical for one in nights.weight.pieces] == [ROWS]
    for _ in range(7):
        nights.pass_by(ROWS // 25)
    assert max(one.physical for one in nights.weight.pieces) <= 2 * fragment_rows(ROWS)


def test_many_small_fragments_are_merged_though_nothing_is_deleted(nights):
    all_rows = chunks_of(nights.ages)
    for count in range(2_000, 2_000 + 18 * 10, 10):
        nights.bring(all_rows.head(count))
    assert index_stats(nights.store).fragments <= FRAGMENTS + 6
    assert nights.weight.rows == 2_170


def test_an_index_that_holds_too_much_of_rows_that_are_gone_is_merged(nights, monkeypatch):
    monkeypatch.setattr("index.housekeeping.STALE", 0.002)
    nights.pass_by()
    (built,) = (one for one in nights.weight.indices if one.name == "search_text_idx")
    for _ in range(6):
        nights.pass_by(ROWS // 25)
    (kept,) = (one for one in nights.weight.indices if one.name == "search_text_idx")
    assert not built.segments.keys() & kept.segments.keys()
    assert nights.store.read(["text"], at="live").height == ROWS


def test_history_gives_way_to_what_is_written_anew_and_previous_never_does(nights):
    plan, made = IndexPlan(), []
    for _ in range(8):
        made.append(nights.pass_by(ROWS // 25, plan=plan))
        assert nights.store.tag("previous") == (made[-2] if len(made) > 1 else None)
        assert {*made[-2:]} <= {*nights.store.versions}
        if len(nights.store.versions) > 2:
            assert nights.taken <= (1 + plan.history_disk) * nights.weight.fresh
    assert len(nights.store.versions) < 8

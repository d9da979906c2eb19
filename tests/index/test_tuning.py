"""The vector index fits what it holds: built by choice, trained anew when it forgets, and kept in few segments."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from catalog.models import IndexPlan
from evals.synthetic_chunks import DATASET, chunks_of
from index import Query, Reader, index_stats, publish, reconcile, search, tuning
from index.probing import tuned_search
from index.testing import HashEmbedder

POOR = ({"probes": 1, "refine": 50, "ef": 100},)  # one partition of two: what lies across their border is missed
OLD, NEW = 300, 600


class Regions(HashEmbedder):
    """Old texts lie in two places left and right of a border, new ones around a third place that it cuts through."""

    def embed(self, texts, *, progress=None):
        made = np.stack([np.random.default_rng(list(text.encode())).normal(0, 0.05, self.dimension) for text in texts])
        new = np.array(["age1" in text for text in texts])
        side = np.array([1 if sum(text.encode()) % 2 else -1 for text in texts])
        made[new, 2] += 1
        made[~new, 0] += 1
        made[~new, 1] += 0.4 * side[~new]
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def bring(store, new_dataset):
    """Bring so many chunks, and publish them."""

    def one(count, *, embedder, plan):
        text = pl.format("{} age{}", "text", (pl.int_range(pl.len()) >= OLD).cast(pl.Int8))
        chunks = chunks_of(np.zeros(count, dtype=np.int64)).with_columns(text.alias("text"))
        with store.writer():
            store.begin()
            dataset = new_dataset(DATASET, [], [])
            change = reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder, allow_deletes=True)
            return publish(store, change.version, plan=plan)

    return one


def two_partitions(kind):
    from lancedb.index import IvfSq

    return IvfSq(distance_type="cosine", num_partitions=2)


@pytest.fixture
def poor(monkeypatch):
    """No way to look further than into one of two partitions."""
    monkeypatch.setattr("index.tuning.LADDER", POOR)
    monkeypatch.setattr("index.probing.LADDER", POOR)
    monkeypatch.setattr("index.tuning._vector_index", two_partitions)


def test_an_index_whose_recall_fell_below_the_plan_is_trained_anew_and_that_one_is_published(bring, store, poor):
    plan, embedder = IndexPlan(kind="ivf_sq"), Regions()
    bring(OLD, embedder=embedder, plan=plan)
    before = Reader(store).serving()
    assert (before.parameters.trained_on, before.parameters.recall) == (OLD, 1.0)
    bring(OLD + NEW, embedder=embedder, plan=plan)
    served = Reader(store).serving()
    assert served.parameters.trained_on == OLD + NEW and served.parameters.recall >= plan.recall
    assert served.parameters.segments == tuning.segments_of(served.table), "what was measured is what is served"
    assert not {*served.parameters.segments} & {*before.parameters.segments}
    assert {part.unindexed for part in index_stats(store).indices if part.column == tuning.VECTOR} == {0}


def test_an_index_whose_recall_is_still_what_the_plan_says_is_extended_and_not_trained_anew(bring, store, poor):
    plan, embedder = IndexPlan(kind="ivf_sq", recall=0.3), Regions()
    bring(OLD, embedder=embedder, plan=plan)
    bring(OLD + NEW, embedder=embedder, plan=plan)
    parameters = Reader(store).serving().parameters
    assert parameters.trained_on == OLD and 0.3 <= parameters.recall < IndexPlan().recall
    assert len(parameters.segments) == 2


def test_hnsw_is_built_measured_and_searched_where_the_plan_says_so(bring, store, new_dataset, project, insider):
    known = project.model_copy(
        update={"index": IndexPlan(kind="hnsw_sq"), "datasets": {DATASET: new_dataset(DATASET, [], [])}}
    )
    embedder = Regions()
    bring(OLD + NEW, embedder=embedder, plan=known.index)
    table, parameters = Reader(store).serving()
    assert (parameters.kind, tuning.present_kind(table), parameters.queries) == ("hnsw_sq", "hnsw_sq", 50)
    assert parameters.recall >= known.index.recall
    (kind,) = (part.kind for part in index_stats(store).indices if part.column == tuning.VECTOR)
    assert kind == "IVF_HNSW_SQ"
    looked = tuned_search(table.search(embedder.embed(["age1"])[0], vector_column_name="vector"), parameters, limit=3)
    assert "ANNSubIndex" in looked.explain_plan()
    for limit in (1, 50):
        query = Query(text="P0000123", principal=insider, limit=limit)
        answer = search(query, store=store, embedder=embedder, project=known)
        assert answer.hits[0].key == "P0000123" and len(answer.hits) == limit


def test_of_many_segments_the_newest_are_merged_and_the_large_one_stays(bring, store, monkeypatch):
    monkeypatch.setattr("index.tuning.SEGMENTS", 4)
    monkeypatch.setattr("index.tuning.TAIL", 10)
    seen = []
    for count in range(600, 760, 20):
        bring(count, embedder=HashEmbedder(), plan=IndexPlan())
        table = store.live().to_lance()
        seen.append([str(part.uuid) for part in table.describe_indices()[0].segments])
    assert max(len(one) for one in seen) == 4
    assert all(one[0] == seen[0][0] for one in seen)
    assert min(len(after) - len(before) for before, after in pairwise(seen)) < 0

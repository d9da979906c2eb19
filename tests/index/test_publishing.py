"""Nothing is served before its gates are green; history is kept as declared; one writes while the next one waits."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from catalog.errors import IndexStoreError
from catalog.models import IndexPlan
from index import (
    PublicationStopped,
    Query,
    Reader,
    Snapshot,
    Store,
    accounting,
    found_by_name,
    index_stats,
    publish,
    reconcile,
    search,
    tuning,
    version_as_of,
)
from index.locking import FileLock
from index.publications import publications
from index.testing import HashEmbedder

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
IVF = IndexPlan(kind="ivf_sq")


class Spread(HashEmbedder):
    """Vectors without any structure: the hardest case for an index, and each text has its own."""

    def embed(self, texts, *, progress=None):
        made = [np.random.default_rng(abs(hash(text)) % 2**32).normal(size=self.dimension) for text in texts]
        vectors = np.asarray(made, dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fleet(frames, count, model="737"):
    one = frames["aircraft"].head(1)
    numbers = pl.DataFrame({"n": [f"N{n}XY" for n in range(count)]})
    rows = one.drop("tail_number", "_key").join(numbers, how="cross")
    rows = rows.with_columns(pl.col("n").alias("tail_number"), pl.col("n").alias("_key"), pl.lit(model).alias("model"))
    return {**frames, "aircraft": rows.drop("n").select(frames["aircraft"].columns)}


@pytest.fixture
def bring(project, store, embedder, chunks_of):
    """Bring the fleet into the newest version, and publish it."""

    def one(frames, *, embedder=embedder, **more):
        with store.writer():
            store.begin()
            chunks, dataset = chunks_of("aircraft", frames), project.datasets["aircraft"]
            change = reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder, allow_deletes=True)
            return publish(store, change.version, **more)

    return one


def test_a_red_gate_leaves_what_is_live_and_the_next_run_goes_on_from_there(bring, store, project, frames, chunks_of):
    live = bring(frames)
    dataset = project.datasets["aircraft"]
    gate = accounting(chunks_of("aircraft", frames), dataset, store)
    with pytest.raises(PublicationStopped, match="does not hold what it must") as stopped:
        bring({**frames, "aircraft": frames["aircraft"].head(1)}, gates=[gate])
    assert [finding.rule for finding in stopped.value.findings] == ["accounting"]
    assert store.tag("live") == live
    assert store.read(["key"], at="live").height == 3
    bring(fleet(frames, 5))
    assert store.read(["key"], at="live").height == 5


def test_a_version_after_which_another_writer_committed_is_not_published(bring, store, project, frames, chunks_of):
    live = bring(frames)
    chunks, dataset = chunks_of("aircraft", fleet(frames, 4)), project.datasets["aircraft"]
    change = reconcile(store, chunks, dataset=dataset, embedder=HashEmbedder)
    Store(store.uri).latest().to_lance().delete("key = 'N0XY'")
    with pytest.raises(IndexStoreError, match=f"version {change.version} is not the newest .* run again"):
        publish(store, change.version)
    assert store.tag("live") == live and store.read(["key"], at="live").height == 3
    bring(fleet(frames, 4))
    assert store.read(["key"], at="live").height == 4, "the next run puts it right"


def test_parameters_are_raised_until_the_recall_is_reached_and_kept_with_the_version(bring, store, frames, monkeypatch):
    poor, sure = {"probes": 1, "refine": 1, "ef": 10}, tuning.LADDER[-1]
    monkeypatch.setattr("index.tuning.LADDER", (poor, sure))
    monkeypatch.setattr("index.probing.LADDER", (poor, sure))
    monkeypatch.setattr("index.tuning._vector_index", _many_partitions)
    bring(fleet(frames, 3_000), embedder=Spread(), plan=IVF)
    found = Reader(store).serving().parameters
    assert found.probes == sure["probes"] and found.recall >= IVF.recall and found.queries == 50


def test_an_index_that_forgets_is_not_published(bring, store, frames, monkeypatch):
    poor = ({"probes": 1, "refine": 1, "ef": 10},)
    monkeypatch.setattr("index.tuning.LADDER", poor)
    monkeypatch.setattr("index.probing.LADDER", poor)
    monkeypatch.setattr("index.tuning._vector_index", _many_partitions)
    with pytest.raises(PublicationStopped, match="exact look finds") as stopped:
        bring(fleet(frames, 3_000), embedder=Spread(), plan=IVF)
    (finding,) = stopped.value.findings
    assert (finding.rule, finding.blocking) == ("index-recall", True)
    assert "kind: exact" in finding.remedy and finding.evidence["recall"] < IVF.recall
    assert store.tag("live") is None


def _many_partitions(kind):
    from lancedb.index import IvfSq

    return IvfSq(distance_type="cosine", num_partitions=40)


def test_documents_that_do_not_answer_to_their_own_name_stop_the_publication(store, project, frames, chunks_of):
    class Deaf(HashEmbedder):
        def embed_queries(self, texts):
            return -np.ones((len(texts), self.dimension), dtype=np.float32) / np.sqrt(self.dimension)

    dataset, chunks = project.datasets["aircraft"], chunks_of("aircraft", frames)
    nameless = chunks.with_columns(pl.lit([], dtype=pl.List(pl.String)).alias("keys"))
    change = reconcile(store, nameless, dataset=dataset, embedder=Deaf)
    assert found_by_name(dataset, project)(Snapshot(store, change.version)) == (), "by words and stored vectors"
    with pytest.raises(PublicationStopped, match="3 of 3 documents of 'aircraft' are not found"):
        publish(store, change.version, gates=[found_by_name(dataset, project, embedder=Deaf())])
    assert store.tag("live") is None


def test_the_kind_of_index_follows_the_size_and_does_not_flap(bring, store, frames):
    plan = IndexPlan(exact_up_to=300)
    kinds = []
    for count in (290, 310, 290, 200):
        bring(fleet(frames, count), plan=plan)
        kinds.append(Reader(store).serving().parameters.kind)
    assert kinds == ["exact", "ivf_sq", "ivf_sq", "exact"]


def test_few_new_rows_wait_beside_the_indices_and_are_found_all_the_same(bring, store, project, frames, insider):
    bring(fleet(frames, 400))
    before = {part.column: part.segments for part in index_stats(store).indices}
    bring(fleet(frames, 410))
    told = index_stats(store)
    assert {part.column: part.segments for part in told.indices} == before
    assert {part.unindexed for part in told.indices} == {10}
    query = Query(text="N409XY", principal=insider)
    assert search(query, store=store, embedder=HashEmbedder(), project=project).hits[0].key == "N409XY"
    bring(fleet(frames, 700))
    told = index_stats(store)
    assert {part.unindexed for part in told.indices} == {0}


def test_a_version_is_asked_as_of_then_with_the_same_hits(bring, store, project, frames, insider):
    def ask(tables):
        query = Query(text="which aircraft is a 737", principal=insider)
        return [hit.text for hit in search(query, store=tables, embedder=HashEmbedder(), project=project).hits]

    first = bring(fleet(frames, 4), now=MIDNIGHT)
    then = ask(store)
    bring(fleet(frames, 4, model="A350"), now=MIDNIGHT + timedelta(days=1))
    assert ask(store) != then
    assert ask(Snapshot(store, first)) == then
    assert version_as_of(store, MIDNIGHT + timedelta(hours=23)) == first
    with pytest.raises(IndexStoreError, match="is not kept"):
        version_as_of(store, MIDNIGHT - timedelta(seconds=1))


def test_publications_older_than_the_history_are_forgotten_and_live_and_previous_never(bring, store, frames):
    plan = IndexPlan(history=timedelta(days=3), history_disk=100)
    made = [bring(fleet(frames, 10 + night), plan=plan, now=MIDNIGHT + timedelta(days=night)) for night in range(8)]
    # live since the 8th, previous, and what was live within the three days before
    assert [one.version for one in publications(store)] == made[3:]
    assert store.versions == tuple(made[3:])
    rare = bring(fleet(frames, 30), plan=plan, now=MIDNIGHT + timedelta(days=300))
    assert store.versions == (made[-1], rare)


def test_history_that_takes_too_much_disk_is_forgotten(bring, store, frames):
    plan = IndexPlan(history_disk=0)
    made = [
        bring(fleet(frames, 300, model=f"M{night}"), plan=plan, now=MIDNIGHT + timedelta(days=night))
        for night in range(4)
    ]
    assert store.versions == tuple(made[-2:])


def test_a_clock_that_was_set_back_prunes_nothing_that_was_just_served(bring, store, frames):
    plan = IndexPlan(history=timedelta(days=3), history_disk=100)
    days = (0, 1, -400, -399)
    made = [bring(fleet(frames, 10 + n), plan=plan, now=MIDNIGHT + timedelta(days=day)) for n, day in enumerate(days)]
    assert store.versions == tuple(made)
    moments = [one.moments[-1] for one in publications(store)]
    assert moments == sorted(moments)
    assert version_as_of(store, MIDNIGHT + timedelta(days=2)) == made[-1]


def test_files_that_a_killed_run_left_are_removed_with_the_next_publication(bring, store, frames):
    bring(frames)
    orphan = Path(store.uri) / "chunks.lance" / "data" / "left-behind.lance"
    orphan.write_bytes(b"half a file")
    bring(fleet(frames, 5))
    assert not orphan.exists()


def test_a_second_run_waits_for_the_first_and_is_told_for_whom(store):
    told, done = [], []
    other = Store(store.uri)

    def write():
        with other.writer(run="second", waiting=lambda holder, waited: told.append(holder)):
            done.append("second")

    with store.writer(run="first"):
        waiting = threading.Thread(target=write)
        waiting.start()
        while not told:
            waiting.join(0.01)
        done.append("first")
    waiting.join(10)
    assert done == ["first", "second"]
    assert told[0].run == "first" and "run first (process" in str(told[0])


def test_a_store_that_may_not_be_written_is_told_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(IndexStoreError, match="right to write"),
        FileLock(tmp_path / "file" / "lock").hold(run="", patience=0),
    ):
        pass


def test_damaged_files_are_told_and_the_live_version_is_left_alone(bring, store, frames):
    bring(frames)
    for path in (Path(store.uri) / "chunks.lance" / "_versions").glob("*"):
        path.write_bytes(b"\x00" * 20)
    with pytest.raises(IndexStoreError, match=r"does not work: .* delete the"):
        Store(store.uri).tag("live")


def test_the_figures_of_the_index_are_those_of_its_files(bring, store, frames):
    first = bring(fleet(frames, 300))
    second = bring(fleet(frames, 280))
    told = index_stats(store)
    assert (told.version, told.rows, told.documents, told.model) == (second, 280, 280, "hashed-words@1")
    assert told.deleted_rows in (0, 20) and told.bytes_of_raw_vectors == 280 * 64 * 4
    assert [(one.version, one.tags) for one in told.kept] == [(first, ("previous",)), (second, ("live",))]
    files = [path for path in Path(store.uri).rglob("*") if path.is_file()]
    assert told.bytes_on_disk == sum(path.stat().st_size for path in files)

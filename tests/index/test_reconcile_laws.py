"""Target state, nothing half-done, cost follows change, the circuit breaker, accounting to the chunk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import index.writing as writing
from catalog.errors import IndexStoreError
from catalog.models import Project
from index import Change, Reader, Store, covered, publish, reconcile, rollback, verify
from index.testing import HashEmbedder

Frames = dict[str, pl.DataFrame]
Build = Callable[..., Change]


def many(frames: Frames, count: int) -> Frames:
    aircraft = pl.concat(
        frames["aircraft"]
        .head(1)
        .with_columns(
            pl.lit(f"N{n}XY").alias("tail_number"),
            pl.lit(f"N{n}XY").alias("_key"),
            pl.lit(n, dtype=pl.Int64).alias("_position"),
        )
        for n in range(count)
    )
    return {**frames, "aircraft": aircraft}


def live_keys(store: Store) -> list[str]:
    return store.read(["key"], at="live")["key"].sort().to_list()


def test_without_a_change_nothing_is_embedded_and_no_version_is_made(
    build: Build, store: Store, embedder: HashEmbedder, frames: Frames
) -> None:
    build("aircraft", frames)
    before, asked = store.versions, len(embedder.embedded)
    again = build("aircraft", frames)
    assert (again.any, again.unchanged, again.embedded) == (False, 3, 0)
    assert (store.versions, len(embedder.embedded)) == (before, asked)


def test_without_a_change_the_model_is_not_even_loaded(
    build: Build, store: Store, project: Project, frames: Frames, chunks_of: Callable[..., pl.DataFrame]
) -> None:
    build("aircraft", frames)

    def loaded() -> HashEmbedder:
        raise AssertionError("the model was loaded")

    change = reconcile(store, chunks_of("aircraft", frames), dataset=project.datasets["aircraft"], embedder=loaded)
    assert not change.any


def test_rows_of_much_text_or_long_vectors_are_merged_in_smaller_portions(
    build: Build, store: Store, embedder: HashEmbedder, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    build("aircraft", frames)
    before = store.version
    monkeypatch.setattr(writing, "PORTION_BYTES", 5_000)  # a few rows
    change = build("aircraft", many(frames, 40))
    assert store.read(["id"])["id"].n_unique() == change.added + change.changed + change.unchanged
    assert store.version - before >= 4, "a commit for each portion"
    assert len(embedder.embedded) == len(set(embedder.embedded)), "no text is embedded twice"


def test_only_what_changed_is_embedded_again(
    build: Build, store: Store, embedder: HashEmbedder, frames: Frames
) -> None:
    build("aircraft", many(frames, 40))
    del embedder.embedded[:]
    tail = pl.col("tail_number")
    changed = many(frames, 40)["aircraft"].with_columns(
        pl.when(tail == "N7XY").then(pl.lit("A350")).otherwise(pl.col("model")).alias("model")
    )
    gone = changed.filter(tail != "N8XY")
    new = frames["aircraft"].filter(tail == "N9ZZ")
    change = build("aircraft", {**frames, "aircraft": pl.concat([gone, new])})
    assert (change.added, change.changed, change.deleted, change.embedded) == (1, 1, 1, 2)
    assert len(embedder.embedded) == 2
    assert "N8XY" not in live_keys(store) and "N9ZZ" in live_keys(store)


def test_a_moved_row_keeps_its_vector(build: Build, store: Store, embedder: HashEmbedder, frames: Frames) -> None:
    build("aircraft", frames)
    before = store.read(["id", "vector"], at="live").sort("id")
    del embedder.embedded[:]
    moved = frames["aircraft"].with_columns(pl.col("_position") + 100)
    change = build("aircraft", {**frames, "aircraft": moved})
    assert (change.changed, change.embedded, embedder.embedded) == (3, 0, [])
    assert store.read(["location"], at="live")["location"].sort()[0] == "ops.csv:102"
    assert store.read(["id", "vector"], at="live").sort("id").equals(before)


def test_what_vanished_at_the_source_is_gone_from_the_index(build: Build, store: Store, frames: Frames) -> None:
    build("aircraft", frames)
    build("aircraft", {**frames, "aircraft": frames["aircraft"].head(1)})
    assert live_keys(store) == ["N1AA"]


def test_too_many_deletions_change_nothing_and_are_told(build: Build, store: Store, frames: Frames) -> None:
    build("aircraft", many(frames, 40))
    before = store.versions
    held = build("aircraft", many(frames, 30))
    assert held.held and not held.any
    (finding,) = held.findings
    assert (finding.rule, finding.blocking, finding.count, finding.stage) == ("deletion-threshold", True, 10, "indexed")
    assert finding.evidence["live"] == 40
    assert store.versions == before and len(live_keys(store)) == 40


def test_a_person_may_allow_the_deletions(
    build: Build,
    store: Store,
    project: Project,
    embedder: HashEmbedder,
    frames: Frames,
    chunks_of: Callable[..., pl.DataFrame],
) -> None:
    build("aircraft", many(frames, 40))
    chunks = chunks_of("aircraft", many(frames, 30))
    dataset = project.datasets["aircraft"]
    change = reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder, allow_deletes=True)
    assert (change.held, change.deleted) == (False, 10)


def test_a_run_that_broke_off_after_writing_is_forgotten(
    build: Build,
    store: Store,
    project: Project,
    embedder: HashEmbedder,
    frames: Frames,
    chunks_of: Callable[..., pl.DataFrame],
) -> None:
    build("aircraft", frames)
    fewer = chunks_of("aircraft", {**frames, "aircraft": frames["aircraft"].head(1)})
    reconcile(store, fewer, dataset=project.datasets["aircraft"], embedder=lambda: embedder)  # and never published
    assert live_keys(store) == ["N1AA", "N2BB", "N9ZZ"]
    store.begin()
    assert store.chunk_state("aircraft").height == 3
    assert store.tag("live") == store.version
    assert not build("aircraft", frames).any


def test_a_first_run_that_broke_off_leaves_nothing(
    store: Store, project: Project, embedder: HashEmbedder, frames: Frames, chunks_of: Callable[..., pl.DataFrame]
) -> None:
    chunks = chunks_of("aircraft", frames)
    reconcile(store, chunks, dataset=project.datasets["aircraft"], embedder=lambda: embedder)
    assert store.live() is None
    store.begin()
    assert not store.exists


def test_a_first_write_that_was_killed_before_its_first_version_is_no_index(
    build: Build, store: Store, frames: Frames, tmp_path: Path
) -> None:
    (tmp_path / "index" / "chunks.lance" / "data").mkdir(parents=True)
    (tmp_path / "index" / "chunks.lance" / "data" / "orphan.lance").write_bytes(b"half")
    assert store.latest() is None
    build("aircraft", frames)
    assert live_keys(store) == ["N1AA", "N2BB", "N9ZZ"]


def test_a_killed_writer_leaves_the_live_version_and_frees_the_lock(build: Build, store: Store, frames: Frames) -> None:
    build("aircraft", frames)
    script = (
        "import os, signal, sys; from index import Store; s = Store(sys.argv[1]);\n"
        "with s.writer():\n    s.latest().to_lance().delete('true'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", script, store.uri], cwd=root, check=False)
    assert ended.returncode == -9
    assert store.chunk_state("aircraft").is_empty()
    assert live_keys(store) == ["N1AA", "N2BB", "N9ZZ"]
    assert not build("aircraft", frames).any
    assert store.chunk_state("aircraft").height == 3


def test_a_second_writer_is_told_to_wait(store: Store) -> None:
    other = Store(store.uri)
    with store.writer(), pytest.raises(IndexStoreError, match="another run is writing"), other.writer(patience=0):
        pass
    with other.writer():
        pass


def test_an_older_version_cannot_be_published(build: Build, store: Store, frames: Frames) -> None:
    build("aircraft", frames)
    with pytest.raises(IndexStoreError, match="not the newest"):
        publish(store, 1)


def test_rollback_goes_back_and_forth(build: Build, store: Store, frames: Frames) -> None:
    build("aircraft", frames)
    build("aircraft", {**frames, "aircraft": frames["aircraft"].head(2)})
    rollback(store)
    assert len(live_keys(store)) == 3
    rollback(store)
    assert len(live_keys(store)) == 2


def test_a_reader_sees_a_publish_after_its_interval_and_not_before(build: Build, store: Store, frames: Frames) -> None:
    build("aircraft", frames)
    slow, quick = Reader(store, every=3600), Reader(store, every=0)
    for reader in (slow, quick):
        table = reader.live()
        assert table is not None and table.count_rows() == 3
    build("aircraft", {**frames, "aircraft": frames["aircraft"].head(2)})
    assert [reader.live().count_rows() for reader in (slow, quick)] == [3, 2]  # type: ignore[union-attr]


@pytest.mark.parametrize("place", ["latest", "live"])
def test_one_deleted_chunk_breaks_the_accounting_and_is_named(
    build: Build,
    store: Store,
    project: Project,
    frames: Frames,
    chunks_of: Callable[..., pl.DataFrame],
    place: str,
) -> None:
    build("aircraft", frames)
    expected, dataset = chunks_of("aircraft", frames), project.datasets["aircraft"]
    assert verify(store, expected, dataset) == ()
    assert covered(store, "aircraft") == 3
    table = store.latest()
    assert table is not None
    table.to_lance().delete("key = 'N2BB'")
    if place == "live":
        store.set_tag("live", store.version)
    (finding,) = verify(store, expected, dataset)
    assert (finding.rule, finding.severity, finding.blocking) == ("accounting", "critical", True)
    assert finding.sample_keys == ("N2BB",)
    assert finding.evidence["chunks"][place] == {"missing": 1, "extra": 0, "changed": 0}


def test_extra_and_changed_chunks_break_the_accounting_too(
    build: Build, store: Store, project: Project, frames: Frames, chunks_of: Callable[..., pl.DataFrame]
) -> None:
    build("aircraft", frames)
    less = {**frames, "aircraft": frames["aircraft"].head(2).with_columns(pl.lit("other").alias("model"))}
    (finding,) = verify(store, chunks_of("aircraft", less), project.datasets["aircraft"], at="live")
    assert finding.evidence["chunks"] == {"live": {"missing": 0, "extra": 1, "changed": 2}}


def test_a_new_text_under_another_model_brings_the_whole_index_to_it(
    build: Build, store: Store, project: Project, frames: Frames, chunks_of: Callable[..., pl.DataFrame]
) -> None:
    build("aircraft", frames)
    other = HashEmbedder(dimension=32, name="another@2")
    chunks = chunks_of("flights", frames)
    change = reconcile(store, chunks, dataset=project.datasets["flights"], embedder=lambda: other)
    assert store.model == "another@2"
    assert change.embedded == len(other.embedded) == store.latest().count_rows()
    assert store.live().schema.field("vector").type.list_size == 64, "what is served stays as it is"


def test_an_emptied_dataset_is_published_only_where_a_person_agreed(
    build: Build,
    store: Store,
    project: Project,
    embedder: HashEmbedder,
    frames: Frames,
    chunks_of: Callable[..., pl.DataFrame],
) -> None:
    build("aircraft", frames)
    nothing = {**frames, "aircraft": frames["aircraft"].clear()}
    assert build("aircraft", nothing).held, "be it ever so small"
    dataset, chunks = project.datasets["aircraft"], chunks_of("aircraft", nothing)
    change = reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder, allow_deletes=True)
    publish(store, change.version)
    assert live_keys(store) == []

"""Another model: the index is built anew beside the one that is served, and moves in one step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from catalog.errors import IndexStoreError
from catalog.models import IndexPlan, Principal, Project
from index import (
    Answer,
    Change,
    Embedders,
    Query,
    Reader,
    Store,
    VectorCache,
    publish,
    reconcile,
    reindex,
    rollback,
    search,
)
from index.embed import Progress
from index.runtimes import Vectors
from index.testing import HashEmbedder

Build = Callable[..., Change]
Frames = dict[str, pl.DataFrame]
Asker = Callable[[Store | Reader], Answer]
ROOT = Path(__file__).parents[2]
OTHER = "another@2"
KILLED = """
import os, signal, sys
from pathlib import Path
from index import Store, VectorCache, reindex
from index.testing import HashEmbedder
import index.reindexing as reindexing
import index.vector_cache as cache

reindexing.ROWS = 2
kept = cache.VectorCache.put
def put(self, *told, **named):
    kept(self, *told, **named)
    os.kill(os.getpid(), signal.SIGKILL)
cache.VectorCache.put = put
folder = Path(sys.argv[1])
reindex(Store(folder / "index"), HashEmbedder(dimension=32, name="another@2"), cache=VectorCache(folder / "vectors.db"))
"""


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "vectors.db")


@pytest.fixture
def ask(project: Project, insider: Principal) -> Asker:
    by_name = {
        "hashed-words@1": HashEmbedder(),
        OTHER: HashEmbedder(dimension=32, name=OTHER),
    }

    def one(store: Store | Reader) -> Answer:
        query = Query(text="which model is N1AA?", principal=insider)
        return search(query, store=store, embedder=Embedders(by_name.__getitem__), project=project)

    return one


def test_the_old_version_is_served_by_its_own_model_until_the_new_one_is_published(
    build: Build, store: Store, frames: Frames, ask: Asker
) -> None:
    build("aircraft", frames)
    before = ask(store)
    reader = Reader(store, every=0.0)
    assert ask(reader).index_version == before.index_version
    assert reindex(store, HashEmbedder(dimension=32, name=OTHER)) == 3
    assert ask(reader).index_version == before.index_version
    version = publish(store, store.version)
    after = ask(reader)
    assert after.index_version == version > before.index_version
    assert after.hits[0].document_id == before.hits[0].document_id
    assert store.live().schema.field("vector").type.list_size == 32


def test_a_rollback_goes_back_across_the_change_of_models(
    build: Build, store: Store, frames: Frames, ask: Asker
) -> None:
    build("aircraft", frames)
    before = ask(store)
    reindex(store, HashEmbedder(dimension=32, name=OTHER))
    publish(store, store.version)
    rollback(store)
    assert before.hits
    assert [hit.document_id for hit in ask(store).hits] == [hit.document_id for hit in before.hits]
    assert ask(store).index_version == before.index_version


def test_a_vector_index_is_built_anew_for_vectors_of_another_length(
    store: Store,
    project: Project,
    embedder: HashEmbedder,
    frames: Frames,
    new_frame: Callable[..., pl.DataFrame],
    chunks_of: Callable[..., pl.DataFrame],
) -> None:
    plan, many = IndexPlan(kind="ivf_sq"), range(600)
    columns = {
        "tail_number": [f"N{n}" for n in many],
        "model": [f"make {n}" for n in many],
        "year_built": [1990 + n % 30 for n in many],
        "owner": [None for _ in many],
    }
    chunks = chunks_of("aircraft", {**frames, "aircraft": new_frame(columns, "tail_number")}, known=None)
    reconcile(store, chunks, dataset=project.datasets["aircraft"], embedder=lambda: embedder)
    publish(store, store.version, plan=plan)
    before = store.serving().parameters
    reindex(store, HashEmbedder(dimension=48, name=OTHER))
    publish(store, store.version, plan=plan)
    table, after = store.serving()
    assert before.kind == after.kind == "ivf_sq"
    assert after.recall >= plan.recall
    assert [index.columns for index in table.list_indices() if index.index_type.upper().startswith("IVF")] == [
        ["vector"]
    ]


def test_the_same_model_writes_nothing(build: Build, store: Store, frames: Frames, embedder: HashEmbedder) -> None:
    build("aircraft", frames)
    version = store.version
    assert reindex(store, embedder) == 0
    assert store.version == version


def test_progress_is_told_while_a_portion_is_embedded(build: Build, store: Store, frames: Frames) -> None:
    build("aircraft", frames)
    other, heard = HashEmbedder(dimension=32, name=OTHER), list[tuple[int, int]]()
    plain = other.embed

    def slowly(texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        for done in range(len(texts)):
            if progress:
                progress(done + 1, len(texts))
        return plain(texts)

    other.embed = slowly  # type: ignore[method-assign]
    reindex(store, other, progress=lambda done, total: heard.append((done, total)))
    assert heard[:3] == [(1, 3), (2, 3), (3, 3)]


def test_everything_but_the_vectors_stays_as_it_was(build: Build, store: Store, frames: Frames) -> None:
    for name in ("aircraft", "airports", "flights"):
        build(name, frames)
    columns = [name for name in store.latest().schema.names if name != "vector"]
    before = store.read(columns).sort("id")
    reindex(store, HashEmbedder(dimension=32, name=OTHER))
    assert store.read(columns).sort("id").equals(before)


def test_a_killed_change_of_models_is_served_as_before_and_goes_on_from_where_it_was(
    build: Build, store: Store, frames: Frames, ask: Asker, tmp_path: Path, cache: VectorCache
) -> None:
    build("aircraft", frames)
    before = ask(store)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert ask(store).index_version == before.index_version
    store.begin()
    other = HashEmbedder(dimension=32, name=OTHER)
    assert 0 < reindex(store, other, cache=cache) == len(other.embedded) < 3
    assert ask(store).index_version == before.index_version
    publish(store, store.version)
    assert store.model == OTHER


def test_a_version_that_was_not_published_is_forgotten_by_the_next_run(
    build: Build, store: Store, frames: Frames, cache: VectorCache
) -> None:
    build("aircraft", frames)
    reindex(store, HashEmbedder(dimension=32, name=OTHER), cache=cache)
    store.begin()
    assert store.model == "hashed-words@1"
    again = HashEmbedder(dimension=32, name=OTHER)
    assert reindex(store, again, cache=cache) == 0
    assert store.model == OTHER
    assert not again.embedded


def test_a_model_whose_vectors_have_another_length_than_it_says_changes_nothing(
    build: Build, store: Store, frames: Frames, ask: Asker
) -> None:
    build("aircraft", frames)
    before = ask(store)
    lying = HashEmbedder(dimension=32, name=OTHER)
    lying.embed = lambda texts, progress=None: HashEmbedder(dimension=31).embed(texts)  # type: ignore[method-assign]
    with pytest.raises(IndexStoreError, match="could not be brought to the model another@2"):
        reindex(store, lying)
    assert ask(store).index_version == before.index_version


def test_a_model_that_is_gone_is_told_to_the_asker(
    build: Build, store: Store, frames: Frames, project: Project
) -> None:
    from index import load_embedder

    build("aircraft", frames)
    query = Query(text="737", principal=Principal(name="one"))
    gone = Embedders(lambda named: load_embedder("no-such-model", Path(os.devnull), named=named))
    with pytest.raises(IndexStoreError, match="which is not here any more"):
        search(query, store=store, embedder=gone, project=project)

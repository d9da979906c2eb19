"""The memory of vectors: what was embedded is not embedded again, and what is damaged is not believed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from catalog.models import Project
from index import Change, Store, VectorCache, publish, reconcile
from index.testing import HashEmbedder
from index.vector_cache import embed_once

ROOT = Path(__file__).parents[2]
MODEL = "hashed-words@1"
Frames = dict[str, pl.DataFrame]
KILLED = """
import os, signal, sys
from pathlib import Path
from index import VectorCache
from index.testing import HashEmbedder
cache = VectorCache(Path(sys.argv[1]))
for number in range(1000):
    texts = [f"text {number} {n}" for n in range(50)]
    cache.put("hashed-words@1", texts, HashEmbedder().embed(texts))
    if number == 20:
        print("going", flush=True)
"""


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "cache" / "vectors.db")


def filled(cache: VectorCache, texts: list[str], model: str = MODEL) -> np.ndarray:
    vectors = HashEmbedder().embed(texts)
    cache.put(model, texts, vectors)
    return vectors


def test_a_vector_comes_back_bit_for_bit_under_its_own_model_only(cache: VectorCache) -> None:
    texts = [f"text {n}" for n in range(1200)]
    vectors = filled(cache, texts)
    found = cache.get(MODEL, 64, texts)
    assert np.array_equal(np.stack([found[text] for text in texts]), vectors)
    assert cache.get("hashed-words@2", 64, texts) == {}
    assert cache.get(MODEL, 32, texts) == {}, "of another dimension"


def test_only_what_is_not_known_is_embedded(cache: VectorCache) -> None:
    filled(cache, ["a", "b"])
    embedder, heard = HashEmbedder(), []
    told = embed_once(embedder, "abc", "abc", cache=cache, progress=lambda done, total: heard.append((done, total)))
    assert embedder.embedded == ["c"]
    assert (sorted(told[0]), told[1]) == (["a", "b", "c"], 1)
    assert heard[-1] == (3, 3)


@pytest.mark.parametrize("what", ["vector = zeroblob(256)", "vector = x'00'", "cut = 1", "seal = x'0011223344556677'"])
def test_a_damaged_entry_is_not_believed(cache: VectorCache, what: str) -> None:
    filled(cache, ["a", "b"])
    with sqlite3.connect(cache.path) as database:
        database.execute(f"UPDATE vectors SET {what} WHERE text_hash = 'a'")
    assert list(cache.get(MODEL, 64, ["a", "b"])) == ["b"]


def test_a_file_that_is_no_database_is_made_anew(cache: VectorCache) -> None:
    cache.path.parent.mkdir()
    cache.path.write_bytes(b"no database at all, but long enough to be looked at " * 40)
    assert cache.get(MODEL, 64, ["a"]) == {}
    filled(cache, ["a"])
    assert list(cache.get(MODEL, 64, ["a"])) == ["a"]


def test_beyond_its_size_it_forgets_what_was_used_longest_ago(cache: VectorCache) -> None:
    cache.max_bytes = 100 * 64 * 4
    filled(cache, [f"old {n}" for n in range(60)])
    filled(cache, [f"new {n}" for n in range(60)])
    cache.get(MODEL, 64, [f"old {n}" for n in range(10)])
    assert cache.evict() == 30
    assert len(cache.get(MODEL, 64, [f"old {n}" for n in range(60)])) == 30
    assert len(cache.get(MODEL, 64, [f"old {n}" for n in range(10)])) == 10
    assert len(cache.get(MODEL, 64, [f"new {n}" for n in range(60)])) == 60
    assert cache.evict() == 0


def test_cut_texts_are_remembered(cache: VectorCache) -> None:
    cache.put(MODEL, ["a", "b"], HashEmbedder().embed(["a", "b"]), frozenset({"b"}))
    assert cache.cut(MODEL, ["a", "b", "c"]) == {"b"}


def test_a_kill_leaves_whole_portions_and_a_cache_that_works(cache: VectorCache) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(cache.path)], cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert len(cache.get(MODEL, 64, [f"text 3 {n}" for n in range(50)])) == 50, "read while it is written"
        os.kill(writer.pid, signal.SIGKILL)
    kept = [len(cache.get(MODEL, 64, [f"text {number} {n}" for n in range(50)])) for number in range(0, 1000, 7)]
    assert set(kept) <= {0, 50}
    assert kept[2] == 50
    filled(cache, ["a"])
    assert list(cache.get(MODEL, 64, ["a"])) == ["a"]


def test_a_text_that_comes_back_or_that_another_dataset_tells_is_not_embedded_again(
    store: Store, project: Project, frames: Frames, chunks_of: Callable[..., pl.DataFrame], cache: VectorCache
) -> None:
    def bring(frame: pl.DataFrame) -> Change:
        chunks = chunks_of("aircraft", {**frames, "aircraft": frame})
        change = reconcile(
            store, chunks, dataset=project.datasets["aircraft"], embedder=HashEmbedder, cache=cache, allow_deletes=True
        )
        publish(store, change.version)
        return change

    first = bring(frames["aircraft"])
    fewer = bring(frames["aircraft"].head(1))
    again = bring(frames["aircraft"])
    assert (first.embedded, fewer.deleted, again.added, again.embedded) == (3, 2, 2, 0)

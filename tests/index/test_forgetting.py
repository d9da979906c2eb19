"""The vector of a deleted text is forgotten with the last version that holds it, and not before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import polars as pl
import pytest

from catalog.models import IndexPlan, Project
from index import Change, Store, VectorCache, forget, publish, reconcile, rollback
from index.testing import HashEmbedder

Frames = dict[str, pl.DataFrame]
Bring = Callable[..., Change]
NO_HISTORY = IndexPlan(history=timedelta(0), history_disk=0.0)
MODEL = HashEmbedder().name


class Night:
    """One run for a dataset after the other, each a day later; what is not published was killed before."""

    def __init__(self, project: Project, store: Store, path: Path, chunks_of: Callable[..., pl.DataFrame]) -> None:
        self.project, self.store, self.path, self.chunks_of = project, store, path, chunks_of
        self.plan = NO_HISTORY
        self.days = count()

    def run(self, name: str, frames: Frames, *, killed: bool = False) -> Change:
        cache = VectorCache(self.path, owner=name)
        with self.store.writer():
            self.store.begin()
            change = reconcile(
                self.store, self.chunks_of(name, frames), dataset=self.project.datasets[name],
                embedder=HashEmbedder, cache=cache, allow_deletes=True,
            )  # fmt: skip
            if not killed:
                now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=next(self.days))
                publish(self.store, change.version, plan=self.plan, now=now)
                forget(self.store, cache)
        return change

    def known(self, name: str, frames: Frames) -> int:
        """How many of the texts of these rows have a vector in the cache."""
        scratch = Store(self.path.parent / f"scratch-{next(self.days)}")
        made = reconcile(
            scratch, self.chunks_of(name, frames), dataset=self.project.datasets[name],
            embedder=HashEmbedder, cache=None, allow_deletes=True,
        )  # fmt: skip
        hashes = scratch.chunk_state(name)["text_hash"].to_list()
        assert made.added == len(hashes)
        return len(VectorCache(self.path).get(MODEL, HashEmbedder().dimension, hashes))


@pytest.fixture
def night(project: Project, store: Store, tmp_path: Path, chunks_of: Callable[..., pl.DataFrame]) -> Night:
    return Night(project, store, tmp_path / "vectors.db", chunks_of)


def rows(frames: Frames, start: int, length: int) -> Frames:
    return {**frames, "aircraft": frames["aircraft"].slice(start, length)}


def test_a_deleted_text_is_forgotten_once_no_version_can_be_gone_back_to_that_holds_it(
    night: Night, frames: Frames
) -> None:
    night.run("aircraft", frames)
    night.run("aircraft", rows(frames, 0, 2))
    assert night.known("aircraft", rows(frames, 2, 1)) == 1, "a rollback would serve it again"
    night.run("airports", frames)
    night.run("flights", frames)
    assert night.known("aircraft", rows(frames, 2, 1)) == 0
    assert night.known("aircraft", rows(frames, 0, 2)) == 2, "what is served is kept"


def test_a_version_that_can_be_asked_as_of_then_keeps_its_texts(night: Night, frames: Frames) -> None:
    night.plan = IndexPlan(history=timedelta(days=300), history_disk=100.0)
    night.run("aircraft", frames)
    night.run("aircraft", rows(frames, 0, 2))
    for name in ("airports", "flights"):
        night.run(name, frames)
    assert night.known("aircraft", rows(frames, 2, 1)) == 1


def test_after_a_rollback_the_texts_of_both_versions_are_kept(night: Night, store: Store, frames: Frames) -> None:
    night.run("aircraft", frames)
    night.run("aircraft", rows(frames, 0, 2))
    rollback(store)
    assert forget(store, VectorCache(night.path, owner="aircraft")) == 0
    assert night.known("aircraft", frames) == 3


def test_what_a_killed_run_embedded_is_kept_until_its_own_dataset_is_published(night: Night, frames: Frames) -> None:
    night.run("airports", frames)
    night.run("aircraft", frames, killed=True)
    night.run("flights", frames)
    assert night.known("aircraft", frames) == 3, "flights were published, and aircraft still wait"
    assert night.run("aircraft", rows(frames, 0, 2)).embedded == 0
    assert night.known("aircraft", rows(frames, 2, 1)) == 0, "by then its row was gone"


def test_nothing_that_was_forgotten_is_left_in_the_file(night: Night, frames: Frames) -> None:
    night.run("aircraft", frames)
    text_hash = night.store.chunk_state("aircraft").sort("key")["text_hash"][2]
    for name, some in (("aircraft", rows(frames, 0, 2)), ("airports", frames), ("flights", frames)):
        night.run(name, some)
    left = [path.read_bytes() for path in night.path.parent.glob("vectors.db*")]
    assert left
    assert not any(text_hash.encode() in content for content in left)

"""The book of publications: what one run publishes is one step back, whatever moment the run was killed at."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from catalog.errors import IndexStoreError
from catalog.models import Project
from index import Store, publish, reconcile, rollback, version_as_of, version_before
from index.publications import publications
from index.testing import HashEmbedder

Frames = dict[str, pl.DataFrame]
Bring = Callable[..., int]


@pytest.fixture
def bring(project: Project, store: Store, embedder: HashEmbedder, chunks_of: Callable[..., pl.DataFrame]) -> Bring:
    """Publish datasets one after another as one run, with the aircraft of a model; the number of the last version."""

    def one(frames: Frames, model: str, *names: str, run: str) -> int:
        rows = {**frames, "aircraft": frames["aircraft"].with_columns(pl.lit(model).alias("model"))}
        version = 0
        for name in names:
            with store.writer():
                store.begin()
                dataset = project.datasets[name]
                change = reconcile(store, chunks_of(name, rows), dataset=dataset, embedder=lambda: embedder)
                version = publish(store, change.version, run=run)
        return version

    return one


def told(store: Store) -> list[str]:
    return store.read(["id", "text"], at="live").sort("id")["text"].to_list()


def test_what_one_run_publishes_is_one_step_back(bring: Bring, store: Store, frames: Frames) -> None:
    first = bring(frames, "737", "aircraft", "airports", run="r1")
    before = told(store)
    second = bring(frames, "747", "aircraft", "flights", run="r2")
    assert (store.tag("previous"), version_before(store)) == (first, first)
    assert rollback(store) == first and told(store) == before
    assert rollback(store) == second and told(store) != before


def test_after_a_first_run_there_is_nothing_to_go_back_to(bring: Bring, store: Store, frames: Frames) -> None:
    bring(frames, "737", "aircraft", "airports", run="r1")
    assert (store.tag("previous"), version_before(store)) == (None, None)
    with pytest.raises(IndexStoreError, match="no run before"):
        rollback(store)


def test_publications_of_no_run_are_each_one_step(bring: Bring, store: Store, frames: Frames) -> None:
    first = bring(frames, "737", "aircraft", run="")
    bring(frames, "737", "airports", run="")
    assert rollback(store) == first


def test_a_run_that_takes_turns_with_another_takes_back_nothing_of_the_other(
    bring: Bring, store: Store, frames: Frames
) -> None:
    bring(frames, "737", "aircraft", run="r1")
    other = bring(frames, "737", "airports", run="r2")
    bring(frames, "747", "aircraft", run="r1")
    assert rollback(store) == other


def test_a_run_that_goes_on_after_a_rollback_is_taken_back_to_where_it_was_rolled_back_to(
    bring: Bring, store: Store, frames: Frames
) -> None:
    first = bring(frames, "737", "aircraft", "airports", run="r1")
    before = told(store)
    bring(frames, "747", "aircraft", run="r2")
    assert rollback(store) == first
    bring(frames, "737", "flights", run="r2")
    assert told(store) != before
    rollback(store)
    assert told(store) == before


@pytest.mark.parametrize("tag", ["live", "previous"])
def test_a_run_killed_before_it_moves_a_tag_leaves_the_way_back(
    bring: Bring, store: Store, frames: Frames, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    bring(frames, "737", "aircraft", run="r1")
    first = told(store)
    bring(frames, "747", "aircraft", run="r2")
    second = told(store)
    moved = Store.set_tag

    def killed(self: Store, name: str, version: int) -> None:
        if name == tag:
            raise KeyboardInterrupt
        moved(self, name, version)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Store, "set_tag", killed)
        bring(frames, "757", "aircraft", "airports", run="r3")
    assert (told(store) == second) == (tag == "live")
    rollback(store)
    assert told(store) == (first if tag == "live" else second)


def test_content_that_gets_another_number_keeps_its_run_and_its_way_back(
    bring: Bring, store: Store, frames: Frames
) -> None:
    bring(frames, "737", "aircraft", run="r1")
    before = told(store)
    bring(frames, "747", "aircraft", run="r2")
    store.latest().to_lance().delete("true")  # type: ignore[union-attr]  # a run that was killed before it published
    bring(frames, "747", "airports", run="r2")
    rollback(store)
    assert told(store) == before


def test_the_way_back_is_never_pruned_while_a_run_publishes_often(bring: Bring, store: Store, frames: Frames) -> None:
    first = bring(frames, "737", "aircraft", run="r1")
    for model in ("747", "757", "767", "777"):
        bring(frames, model, "aircraft", "airports", run="r2")
    assert first in store.versions
    assert [version_as_of(store, one.version) for one in publications(store)] == [
        one.version for one in publications(store)
    ]
    assert rollback(store) == first

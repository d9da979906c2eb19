"""Keep beside each published version of the index what goes with it, so that a rollback moves all of it at once.

Records are read from files beside the index: the rows as published, how conflicts about them were settled, the
contract, the manifest. Each publication links them under its version; a rollback links them back.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from catalog.errors import ContractBlocked, IndexStoreError
from catalog.home import Home
from catalog.models import Dataset
from catalog.published import contract_path
from ledger import Finding
from pipelines.site import Site
from pipelines.store import keep, read_json, write_json

if TYPE_CHECKING:
    from index import Change, Embedder, Store


@dataclass(frozen=True)
class RolledBack:
    """What is served now, and what was served before."""

    version: int
    before: int
    datasets: tuple[str, ...]


def publish(
    site: Site,
    store: Store,
    chunks: pl.DataFrame,
    change: Change,
    *,
    told: Sequence[Finding],
    embedder: Embedder | None,
    run_id: str,
) -> int:
    """Publish what a run brought into the index, if every gate is green; the version that is live then.

    ContractBlocked where a gate is red: its findings stand beside what is `told` already, and the live version stays.
    """
    import index

    dataset: Dataset = site.dataset(change.dataset)
    gates = (
        index.accounting(chunks, dataset, store),
        index.found_by_name(dataset, site.project, embedder=embedder),
    )
    try:
        return index.publish(store, change.version, plan=site.project.index, gates=gates, now=site.clock())
    except index.PublicationStopped as stopped:
        found = [one.model_copy(update={"dataset": dataset.name}) for one in stopped.findings]
        site.ledger.record_findings(run_id, dataset.name, "indexed", [*told, *found], site.clock())
        rules = [one.rule for one in found if one.blocking]
        raise ContractBlocked(dataset.name, rules, f"{found[0].message} {found[0].remedy}") from stopped


def keep_publication(site: Site, version: int, *, store: Store) -> None:
    """Link what is published now under `version`, and drop what lies under versions that the store forgot."""
    kept: Collection[int] = set(store.versions)
    folder = _folder(site.home, version)
    for name in site.project.datasets:
        for part, path in _parts(site.home, name):
            if path.exists():
                keep(path, folder / part / path.name)
    for other in folder.parent.glob("*"):
        if other.name.isdecimal() and int(other.name) not in kept:
            shutil.rmtree(other, ignore_errors=True)


def index_metadata(site: Site) -> dict[str, int | float | str]:
    """What the published index holds and costs, for the page of the asset; nothing before the first publication."""
    import index

    store = index.Store(site.home.index)
    if store.tag("live") is None:
        return {}
    told = index.index_stats(store)
    found = told.parameters
    figures: dict[str, int | float | str] = {
        "index/kind": found.kind,
        "index/rows": told.rows,
        "index/unindexed_rows": max((part.unindexed for part in told.indices), default=0),
        "index/versions": told.versions,
        "index/fragments": told.fragments,
        "index/deleted_rows": told.deleted_rows,
        "index/bytes_live": told.bytes_live,
        "index/bytes_on_disk": told.bytes_on_disk,
        "index/bytes_of_raw_vectors": told.bytes_of_raw_vectors,
    }
    return figures if found.recall is None else figures | {"index/recall_at_10": found.recall}


def roll_back(site: Site, *, run_id: str) -> RolledBack:
    """Serve the version published before, with its rows, contracts and times; the next run goes forward from there.

    IndexStoreError where there is none. A rollback that was killed half-way is finished by the next one or by a run.
    """
    import index

    with site.alone():
        finish(site, run_id=run_id)
        store = index.Store(site.home.index)
        live, previous = store.tag("live"), store.tag("previous")
        if live is None or previous is None:
            raise IndexStoreError("there is no earlier published version", "Only a second publication makes one.")
        write_json({"to": previous, "from": live}, _intent(site.home))
        index.rollback(store, now=site.clock())
        return RolledBack(previous, live, finish(site, run_id=run_id))


def finish(site: Site, *, run_id: str) -> tuple[str, ...]:
    """Link back what belongs to the version that a rollback goes to; the datasets that it moved."""
    import index

    home, told = site.home, read_json(_intent(site.home))
    if not told:
        return ()
    store = index.Store(home.index)
    if store.tag("live") == told["from"]:  # killed before the tag moved
        index.rollback(store, now=site.clock())
    moved = tuple(name for name in site.project.datasets if _restore(site, name, told["to"], run_id=run_id))
    _intent(home).unlink(missing_ok=True)
    return moved


def _restore(site: Site, name: str, version: int, *, run_id: str) -> bool:
    """One dataset as it was published under `version`; whether that differs from what was there."""
    folder, home = _folder(site.home, version), site.home
    now, then = read_json(home.manifest("indexed", name)), folder / "indexed" / f"{name}.json"
    if now.get("memo") == read_json(then).get("memo"):
        return False  # it was read again since, and nothing was found changed: that stays true
    for part, path in _parts(home, name):
        kept = folder / part / path.name
        if kept.exists():
            keep(kept, path)
        else:
            path.unlink(missing_ok=True)
    manifest = read_json(home.manifest("indexed", name))
    if manifest:
        as_of = datetime.fromisoformat(manifest["as_of"])
        site.ledger.record_state(
            name, "indexed", checked_at=as_of, fingerprint=manifest["memo"], changed=True, run_id=run_id
        )
    return True


def _parts(home: Home, name: str) -> Iterator[tuple[str, Path]]:
    """The files that go with a published version, each with the folder it is kept in."""
    yield "published", home.published(name)
    yield "published", home.published_settled(name)
    yield "published", contract_path(home, name)
    yield "expected", home.chunks(name)
    yield "indexed", home.manifest("indexed", name)


def _folder(home: Home, version: int) -> Path:
    return home.folder / "versions" / str(version)


def _intent(home: Home) -> Path:
    """Where a rollback under way is written down."""
    return home.folder / "versions" / "rollback.json"

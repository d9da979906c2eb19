"""Lay beside each version of the index what goes with it: so an answer rests on one version, and a rollback moves all.

Records are read from files beside the index: the rows as published, how conflicts about them were settled, the
contract, the manifest. They lie under a version before it is served. The home itself holds those of the live version,
which the next run begins from; `settle` brings them there, also after a rollback or a kill.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from catalog.errors import ContractBlocked, IndexStoreError
from catalog.home import Home
from catalog.models import Dataset
from catalog.published import contract_path
from index.cards import CATALOG
from ledger import Finding
from ledger.models import EVERYWHERE
from pipelines.contract_versions import keep_contract
from pipelines.site import Site
from pipelines.store import keep, read_json, write_frame, write_json

if TYPE_CHECKING:
    from index import Embedder, Store

EXPECTED = ("id", "hash", "document_id", "key", "rows", "told")  # what is kept of each chunk


@dataclass(frozen=True)
class Brought:
    """What a run made of one dataset: its manifest, and its chunks, None where they stay as published.

    Its ready rows, what was settled about them, and its contract go with it.
    """

    dataset: Dataset
    manifest: Mapping[str, Any]
    chunks: pl.DataFrame | None = None


@dataclass(frozen=True)
class RolledBack:
    """What is served now, what was served before, and the datasets whose rows and contracts went back, too."""

    version: int
    before: int
    datasets: tuple[str, ...]


def begin(site: Site, store: Store) -> None:
    """Forget what a broken-off run left; see `Store.begin`."""
    store.begin(moving=partial(_lay_anew, site))


def publish(
    site: Site,
    store: Store,
    brought: Brought,
    version: int,
    *,
    told: Sequence[Finding] = (),
    embedder: Embedder | None,
    run_id: str,
) -> None:
    """Publish what a run brought into the index as `version`, if every gate is green.

    ContractBlocked where a gate is red: its findings stand beside what is `told` already, and the live version stays.
    """
    import index

    dataset = brought.dataset
    if store.tag("live") == version:
        stand(site, brought, version, run_id=run_id, changed=True)
        return
    gates = [index.found_by_name(dataset, site.project, embedder=embedder)]
    if brought.chunks is not None:
        gates.insert(0, index.accounting(brought.chunks, dataset, store))
    try:
        live = index.publish(
            store, version, plan=site.project.index, gates=gates, now=site.clock(), run=run_id,
            beside=partial(_lay_anew, site, brought=brought),
        )  # fmt: skip
    except index.PublicationStopped as stopped:
        name = EVERYWHERE if dataset.name == CATALOG else dataset.name
        found = [one.model_copy(update={"dataset": name}) for one in stopped.findings]
        site.ledger.record_findings(run_id, name, "indexed", [*told, *found], site.clock())
        rules = [one.rule for one in found if one.blocking]
        raise ContractBlocked(dataset.name, rules, f"{found[0].message} {found[0].remedy}") from stopped
    _take(site, dataset.name, live, run_id=run_id, changed=True)
    write_json({"version": live}, _settled_at(site.home))
    _sweep(site.home, store)


def stand(site: Site, brought: Brought, version: int, *, run_id: str, changed: bool) -> None:
    """Let what was brought go with the live `version`, whose documents stay as they are."""
    _lay(site, version, brought)
    _take(site, brought.dataset.name, version, run_id=run_id, changed=changed)


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
    """Serve what was live before the last run, with its rows, contracts and times; the next run goes on from there.

    IndexStoreError where there was no run before. Killed half-way, it is finished by the next one or by a run.
    """
    import index

    with site.alone():
        store = index.Store(site.home.index)
        settle(site, store, run_id=run_id)
        live = store.tag("live")
        if live is None:
            raise IndexStoreError("nothing is published yet", "Run the pipeline: landbridge run.")
        version = index.rollback(store, now=site.clock())
        return RolledBack(version, live, settle(site, store, run_id=run_id))


def settle(site: Site, store: Store, *, run_id: str) -> tuple[str, ...]:
    """Let the files in the home be those of the version that is served; the datasets that this moved."""
    home, live = site.home, store.tag("live")
    if live is None or read_json(_settled_at(home)).get("version") == live:
        return ()
    then = home.at(live)
    if not then.publication.is_dir():  # an old home, or another machine published it
        return ()
    moved = [name for name in _names(site) if _memo(home, name) != _memo(then, name)]
    for name in moved:
        _take(site, name, live, run_id=run_id, changed=True)
    write_json({"version": live}, _settled_at(home))
    return tuple(name for name in moved if name != CATALOG)


def _memo(home: Home, name: str) -> object:
    """What the published documents of a dataset were made of. The same: it was read again since, and that stays so."""
    return read_json(home.manifest("indexed", name)).get("memo")


def _lay_anew(site: Site, version: int, brought: Brought | None = None) -> None:
    """Lay beside a version that is not served yet what goes with it, whatever a killed run left there."""
    _settled_at(site.home).unlink(missing_ok=True)
    shutil.rmtree(site.home.at(version).publication, ignore_errors=True)
    _lay(site, version, brought)


def _lay(site: Site, version: int, brought: Brought | None) -> None:
    """Lay beside a version what was brought; where nothing lies there, also what is published of all else."""
    then = site.home.at(version)
    folder = then.publication
    if folder.is_dir():
        if brought is not None:
            _write(site, brought, version, then)
        return
    half = replace(then, beside=folder.with_name(f".{version}.tmp"))
    shutil.rmtree(half.publication, ignore_errors=True)
    half.publication.mkdir(parents=True)
    for name in _names(site):
        for path, kept in zip(_parts(site.home, name), _parts(half, name), strict=True):
            if path.exists():
                keep(path, kept)
    if brought is not None:
        _write(site, brought, version, half)
    half.publication.rename(folder)


def _write(site: Site, brought: Brought, version: int, to: Home) -> None:
    dataset, home, name = brought.dataset, site.home, brought.dataset.name
    if name != CATALOG:
        keep(home.ready(name), to.published(name))
        if home.settled(name).exists():
            keep(home.settled(name), to.published_settled(name))
        keep_contract(to, dataset)
    if brought.chunks is not None:
        write_frame(brought.chunks.select(f"^({'|'.join(EXPECTED)})$"), to.chunks(name))
    write_json({**brought.manifest, "version": version}, to.manifest("indexed", name))


def _take(site: Site, name: str, version: int, *, run_id: str, changed: bool) -> None:
    """Let the files of one dataset in the home be those that go with a version."""
    home = site.home
    for kept, path in zip(_parts(home.at(version), name), _parts(home, name), strict=True):
        if kept.exists():
            keep(kept, path)
        else:
            path.unlink(missing_ok=True)
    manifest = read_json(home.manifest("indexed", name))
    if manifest and name != CATALOG:
        as_of = datetime.fromisoformat(manifest["as_of"])
        site.ledger.record_state(
            name, "indexed", checked_at=as_of, fingerprint=manifest["memo"], changed=changed, run_id=run_id
        )


def _sweep(home: Home, store: Store) -> None:
    """Drop what lies beside versions that the store forgot, and what killed runs left half-made."""
    kept = {str(version) for version in store.versions}
    for other in (home.folder / "versions").iterdir():
        if other.is_dir() and other.name not in kept:
            shutil.rmtree(other, ignore_errors=True)


def _names(site: Site) -> tuple[str, ...]:
    return (*site.project.datasets, CATALOG)


def _parts(home: Home, name: str) -> tuple[Path, ...]:
    """The files that go with a published version. The manifest comes last: it tells that the others are there."""
    return (
        home.published(name), home.published_settled(name), contract_path(home, name), home.chunks(name),
        home.manifest("indexed", name),
    )  # fmt: skip


def _settled_at(home: Home) -> Path:
    """Where it is written down of which version the files in the home are; absent while they are being moved."""
    return home.folder / "versions" / "settled.json"

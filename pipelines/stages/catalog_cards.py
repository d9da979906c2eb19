"""Keep the cards of the catalog in the index: what data there are, as documents that agents find like any other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import polars as pl

from index.cards import CATALOG as NAME
from ledger.models import EVERYWHERE
from pipelines.embedding import cache_of, embedder_of
from pipelines.progress import tell
from pipelines.publications import Brought, begin, publish, settle
from pipelines.site import Site, one_at_a_time
from pipelines.store import fingerprint, read_json

STAGE = "indexed"


@dataclass(frozen=True)
class Cards:
    """What a run did to the cards, in passages."""

    documents: int
    added: int
    changed: int
    deleted: int
    embedded: int
    version: int


@one_at_a_time
def make_cards(site: Site, *, run_id: str) -> Cards:
    """Render the cards of all datasets and terms, and publish what changed. No change: no model, no new version.

    They are no rows of any dataset, so no accounting counts them. They are few: what the index holds is compared each
    time. ContractBlocked where a gate is red; the cards that are live stay.
    """
    import index

    home, store = site.home, index.Store(site.home.index)
    settle(site, store, run_id=run_id)
    chunks = index.render_cards(site.project, rows=_rows(site), tokens=index.tokens_of(site.project.model, home.models))
    documents = chunks["document_id"].n_unique()
    cache, embed, dataset = cache_of(site, NAME), partial(embedder_of, site), index.catalog_dataset()
    with store.writer(run=run_id):
        begin(site, store)
        change = index.reconcile(store, chunks, dataset=dataset, allow_deletes=True, embedder=embed, cache=cache)
        memo = fingerprint(*chunks.sort("id").select("id", "hash").rows())
        if change.any or read_json(home.manifest(STAGE, NAME)).get("memo") != memo:
            manifest = {"memo": memo, "run_id": run_id, "documents": documents}
            probing = embed() if change.embedded else None
            publish(
                site, store, Brought(dataset, manifest, chunks), change.version, embedder=probing, run_id=run_id
            )  # fmt: skip
            index.forget(store, cache)
    site.ledger.record_findings(run_id, EVERYWHERE, STAGE, [], site.clock())
    tell(STAGE, NAME, documents, documents)
    version = store.tag("live") or 0
    return Cards(documents, change.added, change.changed, change.deleted, change.embedded, version)


def _rows(site: Site) -> dict[str, int]:
    """The accepted rows of each dataset that has any; of one that is blocked those of its last good run."""
    paths = {name: site.home.ready(name) for name in site.project.datasets}
    return {
        name: int(pl.scan_parquet(path).select(pl.len()).collect().item())
        for name, path in paths.items()
        if path.exists()
    }

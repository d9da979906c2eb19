"""Keep the cards of the catalog in the index: what data there are, as documents that agents find like any other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import polars as pl

from pipelines.embedding import cache_of, embedder_of
from pipelines.progress import tell
from pipelines.publications import keep_publication
from pipelines.site import Site, one_at_a_time

STAGE, NAME = "indexed", "_catalog"


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
def make_cards(site: Site) -> Cards:
    """Render the cards of all datasets and terms, and publish what changed. No change: no model, no new version.

    They are no rows of any dataset, so no accounting counts them. They are few: what the index holds is compared each
    time, so that cards which a rollback took away come back.
    """
    import index

    home, store = site.home, index.Store(site.home.index)
    chunks = index.render_cards(site.project, rows=_rows(site), tokens=index.tokens_of(site.project.model, home.models))
    documents = chunks["document_id"].n_unique()
    cache = cache_of(site, NAME)
    with store.writer():
        store.begin()
        change = index.reconcile(
            store, chunks, dataset=index.catalog_dataset(), allow_deletes=True,
            embedder=partial(embedder_of, site), cache=cache,
        )  # fmt: skip
        version = index.publish(store, change.version, plan=site.project.index) if change.any else change.version
    if change.any:
        keep_publication(site, version, store=store)
        index.forget(store, cache)
    tell(STAGE, NAME, documents, documents)
    return Cards(documents, change.added, change.changed, change.deleted, change.embedded, version)


def _rows(site: Site) -> dict[str, int]:
    """The accepted rows of each dataset that has any; of one that is blocked those of its last good run."""
    paths = {name: site.home.ready(name) for name in site.project.datasets}
    return {
        name: int(pl.scan_parquet(path).select(pl.len()).collect().item())
        for name, path in paths.items()
        if path.exists()
    }

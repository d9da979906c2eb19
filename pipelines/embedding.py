"""Tell publishing about the embedding model: whether it is another by now, and which texts it cannot read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from catalog.models import Dataset
from ledger import Finding
from pipelines.site import Site

if TYPE_CHECKING:
    from index import Embedder, Store, VectorCache

SAMPLE = 20


def cache_of(site: Site, owner: str) -> VectorCache:
    """The vectors that were made before, of all datasets; those made now wait for the publication of `owner`."""
    import index

    return index.VectorCache(site.home.vectors, owner=owner)


def embedder_of(site: Site) -> Embedder:
    """The project's model, loaded."""
    import index

    return index.load_embedder(site.project.model, site.home.models)


def is_other_model(site: Site, store: Store) -> bool:
    """Whether the index holds vectors of another model or revision than the project's; nothing is loaded for it."""
    import index

    return store.model is not None and not index.is_current(site.project.model, site.home.models, store.model)


def cut_findings(store: Store, dataset: Dataset, cache: VectorCache) -> list[Finding]:
    """The warning about passages whose end is not in their vector, because the model reads no further."""
    state, model = store.chunk_state(dataset.name), store.model
    if model is None or state.is_empty():
        return []
    cut = state.filter(pl.col("text_hash").is_in(list(cache.cut(model, state["text_hash"].to_list()))))
    if cut.is_empty():
        return []
    keys = cut.sort("key")["key"].unique(maintain_order=True)
    return [Finding(
        rule="text-cut", dataset=dataset.name, stage="indexed", severity="warning", count=cut.height, unit="passages",
        message=(
            f"{cut.height:,} of {state.height:,} passages are longer than the model {model.partition('@')[0]} reads. "
            "Words find them whole; by meaning they are found by their beginning only."
        ),
        sample_keys=tuple(str(key) for key in keys.head(SAMPLE)), evidence={"model": model, "passages": state.height},
        owner=dataset.owner, blocking=False, remedy="Let chunks be shorter, or name a model that reads more.",
    )]  # fmt: skip

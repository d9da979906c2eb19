"""Rows into documents, chunks and vectors; questions into cited hits. All is loaded when first named.

No module here is named like what it exports: importing `index.search` would put the module in the function's place.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.access import Filter as Filter
    from index.answers import Answer as Answer
    from index.answers import Citation as Citation
    from index.answers import Hit as Hit
    from index.answers import Query as Query
    from index.cards import catalog_dataset as catalog_dataset
    from index.cards import render_cards as render_cards
    from index.embed import Embedder as Embedder
    from index.embed import is_current as is_current
    from index.embed import load_embedder as load_embedder
    from index.forgetting import forget as forget
    from index.known_items import found_by_name as found_by_name
    from index.masking import mask as mask
    from index.publications import version_as_of as version_as_of
    from index.publications import version_before as version_before
    from index.publishing import PublicationStopped as PublicationStopped
    from index.publishing import accounting as accounting
    from index.publishing import covered as covered
    from index.publishing import publish as publish
    from index.publishing import rollback as rollback
    from index.publishing import verify as verify
    from index.reading import Reader as Reader
    from index.reading import Snapshot as Snapshot
    from index.reconciling import Change as Change
    from index.reconciling import reconcile as reconcile
    from index.reconciling import too_many_deletions as too_many_deletions
    from index.records import get_document as get_document
    from index.records import read_rows as read_rows
    from index.reindexing import Embedders as Embedders
    from index.reindexing import published_model as published_model
    from index.reindexing import reindex as reindex
    from index.rendering import chunked as chunked
    from index.rendering import documents as documents
    from index.rendering import refuse_doubles as refuse_doubles
    from index.rendering import render as render
    from index.sampling import sample_documents as sample_documents
    from index.schema import CHUNKS as CHUNKS
    from index.searching import search as search
    from index.stats import IndexStats as IndexStats
    from index.stats import index_stats as index_stats
    from index.store import Store as Store
    from index.tokens import Tokens as Tokens
    from index.tokens import tokens_of as tokens_of
    from index.vector_cache import VectorCache as VectorCache

_HOMES = {
    "access": ("Filter",),
    "cards": ("catalog_dataset", "render_cards"),
    "embed": ("Embedder", "is_current", "load_embedder"),
    "forgetting": ("forget",),
    "known_items": ("found_by_name",),
    "publications": ("version_as_of", "version_before"),
    "publishing": ("PublicationStopped", "accounting", "covered", "publish", "rollback", "verify"),
    "reading": ("Reader", "Snapshot"),
    "reconciling": ("Change", "reconcile", "too_many_deletions"),
    "records": ("get_document", "read_rows"),
    "reindexing": ("Embedders", "published_model", "reindex"),
    "rendering": ("chunked", "documents", "refuse_doubles", "render"),
    "sampling": ("sample_documents",),
    "answers": ("Answer", "Citation", "Hit", "Query"),
    "searching": ("search",),
    "stats": ("IndexStats", "index_stats"),
    "schema": ("CHUNKS",),
    "store": ("Store",),
    "tokens": ("Tokens", "tokens_of"),
    "masking": ("mask",),
    "vector_cache": ("VectorCache",),
}
_NAMES = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_NAMES)


def __getattr__(name: str) -> object:
    if name not in _NAMES:
        raise AttributeError(f"module 'index' has no attribute '{name}'")
    return getattr(import_module(f"index.{_NAMES[name]}"), name)

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
    from index.embed import Embedder as Embedder
    from index.embed import load_embedder as load_embedder
    from index.masking import mask as mask
    from index.publishing import covered as covered
    from index.publishing import publish as publish
    from index.publishing import rollback as rollback
    from index.publishing import verify as verify
    from index.reconciling import Change as Change
    from index.reconciling import reconcile as reconcile
    from index.records import get_document as get_document
    from index.records import read_rows as read_rows
    from index.rendering import render as render
    from index.sampling import sample_documents as sample_documents
    from index.searching import search as search
    from index.store import Reader as Reader
    from index.store import Store as Store

_HOMES = {
    "access": ("Filter",),
    "embed": ("Embedder", "load_embedder"),
    "publishing": ("covered", "publish", "rollback", "verify"),
    "reconciling": ("Change", "reconcile"),
    "records": ("get_document", "read_rows"),
    "rendering": ("render",),
    "sampling": ("sample_documents",),
    "answers": ("Answer", "Citation", "Hit", "Query"),
    "searching": ("search",),
    "store": ("Reader", "Store"),
    "masking": ("mask",),
}
_NAMES = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_NAMES)


def __getattr__(name: str) -> object:
    if name not in _NAMES:
        raise AttributeError(f"module 'index' has no attribute '{name}'")
    return getattr(import_module(f"index.{_NAMES[name]}"), name)

"""Take some published documents of a dataset, always the same ones, so that questions can be made of them."""

from __future__ import annotations

import hashlib

import polars as pl

from index.searching import discreet
from index.store import Tables, read_table


def sample_documents(store: Tables, dataset: str, *, limit: int) -> pl.DataFrame:
    """Up to `limit` published documents: document_id, title, text of the first passage, keys, and keys_are_its_own.

    Which ones is told by a hash of the dataset's and the document's name: others coming or going change few of them.
    Empty where nothing of the dataset is published.
    """
    from lancedb.expr import col, lit

    first = (col("dataset") == lit(dataset)) & (col("ordinal") == lit(0))
    with discreet():
        table = store.live()
        named = read_table(table, ["document_id", "keys"], first)
        named = named.with_columns(pl.col("keys").list.sort().list.join("\x1f").alias("_keys"))
        own = (pl.col("_keys") != "") & pl.col("_keys").is_unique()
        named = named.with_columns(own.fill_null(False).alias("keys_are_its_own"))
        # a loop over names: Polars' own hash may change between versions, and the sample with it
        order = [_place(dataset, name) for name in named["document_id"].to_list()]
        chosen = named.with_columns(pl.Series("_order", order, dtype=pl.String)).sort("_order").head(limit)
        wanted = first & col("document_id").isin([lit(name) for name in chosen["document_id"].to_list()] or [lit("")])
        told = read_table(table, ["document_id", "title", "text"], wanted)
    both = chosen.join(told, on="document_id", how="inner", maintain_order="left")
    return both.select("document_id", "title", "text", "keys", "keys_are_its_own")


def _place(dataset: str, document_id: str) -> str:
    return hashlib.sha256(f"{dataset}\x1f{document_id}".encode()).hexdigest()

"""What is stored of each chunk: the columns of the table, those a reader is given, and the marks of the model."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

SEPARATOR = "\x1f"  # around every role and key in the text forms that filters look into

CHUNKS: dict[str, Any] = {
    "id": pl.String,
    "document_id": pl.String,
    "dataset": pl.String,
    "kind": pl.String,
    "key": pl.String,
    "ordinal": pl.Int32,
    "title": pl.String,
    "text": pl.String,
    "breadcrumb": pl.String,
    "source": pl.String,
    "location": pl.String,
    "classification": pl.Int8,
    "roles": pl.List(pl.String),
    "keys": pl.List(pl.String),
    "rows": pl.Int64,
    "gaps": pl.List(pl.String),
    "hash": pl.String,
}
READABLE = tuple(CHUNKS)  # what a reader is given; never the vector
STATE = ("id", "hash", "document_id", "key", "rows", "text_hash")
MODEL, DIMENSION = b"landbridge.model", b"landbridge.dimension"


def stored_schema(dimension: int, model: str) -> pa.Schema:
    """The table's schema: the chunk's columns, what searching needs, and the model the vectors came from."""
    texts, lists = pa.string(), pa.list_(pa.string())
    types = {"ordinal": pa.int32(), "classification": pa.int8(), "rows": pa.int64()}
    types |= dict.fromkeys(("roles", "keys", "gaps"), lists)
    fields = [pa.field(name, types.get(name, texts)) for name in CHUNKS]
    # search_text is what is embedded and indexed; *_text are lists as text, because filter expressions know no lists
    fields += [pa.field(name, texts) for name in ("search_text", "text_hash", "roles_text", "keys_text")]
    fields.append(pa.field("vector", pa.list_(pa.float32(), dimension)))
    return pa.schema(fields, metadata={MODEL: model.encode(), DIMENSION: str(dimension).encode()})

"""Replace what a contract masks before any text is made of it, so that no document, vector, log or error holds it.

A pseudonym is a keyed BLAKE2b hash (RFC 7693) of 128 bits: the same value gives the same token, and without the key
nobody can compute one from a guessed value.
"""

from __future__ import annotations

import base64
import hashlib

import polars as pl

from catalog.models import Dataset, Field, Mask
from index.wording import as_text

RAW = "_raw."  # prefix of the hidden, unmasked copies that joins inside rendering need
REDACTED = "[redacted]"


def mask(frame: pl.DataFrame, dataset: Dataset, key: bytes, *, keep_raw: bool = False) -> pl.DataFrame:
    """The frame with every masked field replaced, and `_key` too where a masked field is part of the primary key.

    `keep_raw` adds the plain values as text under `_raw.<name>`: only for joins, never for output.
    """
    masked = [field for field in dataset.fields if field.mask and field.name in frame.columns]
    raws = [as_text(frame.schema, field.name).alias(RAW + field.name) for field in masked]
    columns = [_masked(frame, field, field.mask, key) for field in masked if field.mask]
    if "_key" in frame.columns and any(field.name in dataset.key for field in masked):
        raws.append(pl.col("_key").alias(RAW + "_key"))
        # a pseudonym whatever the mask of the parts is: a redacted key would make one record of all
        columns.append(pseudonyms(frame["_key"], "key", key))
    return frame.with_columns(raws if keep_raw else []).with_columns(columns)


def pseudonyms(values: pl.Series, name: str, key: bytes) -> pl.Series:
    """`tok_<name>_<26 characters>` for every value; null stays null."""
    # a loop over the distinct values only: Polars has no keyed cryptographic hash
    known = {value: pseudonym(value, name, key) for value in values.unique().drop_nulls().to_list()}
    old = pl.Series(list(known.keys()), dtype=pl.String)
    new = pl.Series(list(known.values()), dtype=pl.String)
    return values.replace_strict(old, new, default=None, return_dtype=pl.String).alias(values.name)


def pseudonym(value: str, name: str, key: bytes) -> str:
    """The token of one value of the field `name`."""
    digest = hashlib.blake2b(f"{name}\x1f{value}".encode(), digest_size=16, key=key[:64]).digest()
    return f"tok_{name}_{base64.b32encode(digest).decode().rstrip('=').lower()}"


def _masked(frame: pl.DataFrame, field: Field, how: Mask, key: bytes) -> pl.Series:
    text = as_text(frame.schema, field.name)
    if how == "pseudonym":
        return pseudonyms(frame.select(text).to_series(), field.name, key)
    column = pl.col(field.name)
    expressions: dict[str, pl.Expr] = {
        "redact": pl.when(column.is_not_null()).then(pl.lit(REDACTED)),
        "drop": pl.repeat(None, pl.len(), dtype=pl.String),
        # of a value of four characters or fewer the last four would be all of it
        "last4": pl.when(text.str.len_chars() > 4)
        .then("****" + text.str.tail(4))
        .when(text.is_not_null())
        .then(pl.lit("****")),
        "year": text.str.extract(r"(\d{4})", 1),
    }
    return frame.select(expressions[how].alias(field.name)).to_series()

"""Access's types, and columns from the texts that mdbtools writes values as."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

LINE = re.compile(r"^\t\[(?P<name>.*)\]\t+(?P<type>[^\t]*?)(?P<required> NOT NULL)?,? *$")
STAMP = "%Y-%m-%d %H:%M:%S"
MONEY = pl.Decimal(19, 4)
NUMERIC = re.compile(r"^(?:Numeric|Decimal)\s*(?:\((\d+),\s*(\d+)\))?", re.IGNORECASE)
KINDS: dict[str, pl.DataType] = {
    "boolean": pl.Boolean(), "byte": pl.Int64(), "integer": pl.Int64(), "long integer": pl.Int64(),
    "bigint": pl.Int64(), "big integer": pl.Int64(), "currency": MONEY, "single": pl.Float32(), "double": pl.Float64(),
    "datetime": pl.Datetime("us"), "ole": pl.Binary(), "binary": pl.Binary(),
}  # fmt: skip


def declarations(schema: str) -> dict[str, str]:
    """The columns of one table and their types in Access's words, from what `mdb-schema` writes."""
    lines = (LINE.match(line) for line in schema.splitlines())
    return {found["name"]: found["type"].strip() for found in lines if found}


def kind_of(declared: str) -> pl.DataType:
    """The type of a column's values in frames; text where the type is not known."""
    if found := NUMERIC.match(declared):
        return pl.Decimal(38, int(found[2] or 0))
    return KINDS.get(re.sub(r"\s*\(.*\)$", "", declared).lower(), pl.String())


def column(name: str, texts: Sequence[str | None], kind: pl.DataType) -> tuple[pl.Series, int]:
    """The values, and how many texts are none of their type (null)."""
    said = pl.Series(name, texts, dtype=pl.String)
    if kind == pl.String:
        return said, 0
    told = _typed(said, kind)
    return told, told.null_count() - said.null_count()


def _typed(said: pl.Series, kind: pl.DataType) -> pl.Series:
    if kind == pl.Boolean:
        return said.replace_strict({"0": False, "1": True}, default=None, return_dtype=pl.Boolean)
    if kind == pl.Binary:
        return said.str.decode("hex", strict=False)
    if isinstance(kind, pl.Datetime):
        return said.str.to_datetime(STAMP, strict=False, time_unit="us")
    return said.cast(kind, strict=False)

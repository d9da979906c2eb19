"""Columns from a block of records: each field is a slice of every record, read in one go.

What does not read as its field's type is null, and counted: a date such as `NotAYear`, stars where a number did not
fit. Blanks and NULs are null.
"""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from connectors.formats.dbf.headers import Field

Block = npt.NDArray[np.uint8]  # records by bytes

EXACT_DIGITS = 18  # of whole numbers that always fit Int64
WIDE = pl.Decimal(38, 0)
MONEY = pl.Decimal(19, 4)
JULIAN_EPOCH = 2_440_588  # the Julian day of 1970-01-01
JULIAN_DAYS = (1_721_426, 5_373_484)  # the years 1 to 9999
DAY_MS = 86_400_000
BLANKS = "\0 "


@dataclass
class Faults:
    """Values that could not be read, by rule and column."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, rule: str, column: str, count: Any) -> None:
        """Count some."""
        if count:
            self.counts[rule, column] += int(count)


def kind_of(one: Field, is_foxpro: bool) -> pl.DataType:
    """The type of a field's values in frames. Memos' are told where they are read."""
    if one.type in "NF":
        if one.decimals or one.type == "F":
            return pl.Float64()
        return pl.Int64() if one.length <= EXACT_DIGITS else WIDE
    if one.type == "B":
        return pl.Float64() if is_foxpro else pl.Binary()
    told: dict[str, pl.DataType] = {
        "D": pl.Date(), "L": pl.Boolean(), "I": pl.Int64(), "+": pl.Int64(), "Y": MONEY, "T": pl.Datetime("ms"),
        "@": pl.Datetime("ms"), "O": pl.Float64(), "G": pl.Binary(), "P": pl.Binary(), "Q": pl.Binary(),
        "W": pl.Binary(),
    }  # fmt: skip
    return told.get(one.type, pl.String())


def column(name: str, one: Field, block: Block, encoding: str, kind: pl.DataType, faults: Faults) -> pl.Series:
    """The values of a field that is no memo."""
    cells = np.ascontiguousarray(block[:, one.start : one.start + one.length])
    if one.type in "NF":
        return _numbers(name, cells, kind, faults)
    if one.type == "D":
        return _dates(name, cells, faults)
    if one.type == "L":
        return _logicals(name, cells, faults)
    if one.type in "I+":
        return pl.Series(name, cells[:, :4].copy().view("<i4").ravel(), dtype=pl.Int64)
    if one.type in "BO" and kind == pl.Float64:
        return pl.Series(name, cells[:, :8].copy().view("<f8").ravel(), dtype=pl.Float64)
    if one.type == "Y":
        return _money(name, cells)
    if one.type in "T@":
        return _timestamps(name, cells, faults)
    if kind == pl.Binary:
        return _binary(name, cells)
    return texts(name, cells, encoding, faults)


def texts(name: str, cells: Block, encoding: str, faults: Faults) -> pl.Series:
    """Fixed-width texts without the blanks and NULs that fill them up; an empty one is null."""
    if not cells.size or int(cells.max()) < 128:
        told = _ascii(name, cells)
    else:
        told = pl.Series(name, _decoded(cells, encoding), dtype=pl.String)
        faults.add("text-undecodable", name, told.str.contains("\ufffd", literal=True).sum())
    told = told.str.strip_chars_end(BLANKS)
    return told.set(told == "", None)


def _ascii(name: str, cells: Block) -> pl.Series:
    count, width = cells.shape
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, pa.py_buffer(cells.tobytes())])
    series = pl.from_arrow(pa.chunked_array([fixed.cast(pa.binary()).cast(pa.string())]))
    assert isinstance(series, pl.Series)  # noqa: S101 - an array becomes a series
    return series.alias(name)


def _decoded(cells: Block, encoding: str) -> list[str]:
    """The texts, in a loop, because a codec decodes one text at a time; of one byte a character, all at once."""
    count, width = cells.shape
    whole = cells.tobytes()
    text = whole.decode(encoding, "replace")
    if len(text) == len(whole) and codecs.lookup(encoding).name not in ("utf-8",):
        return [text[at : at + width] for at in range(0, count * width, width)]
    parts = (whole[at : at + width].rstrip(b"\0 ") for at in range(0, count * width, width))
    return [part.decode(encoding, "replace") for part in parts]


def _numbers(name: str, cells: Block, kind: pl.DataType, faults: Faults) -> pl.Series:
    """Numbers that are written as text; stars stand for one that did not fit its field."""
    safe = np.where(cells < 128, cells, ord("?")).astype(np.uint8)
    said = _ascii(name, safe).str.strip_chars(" \0\t")
    said = said.set(said == "", None)
    faults.add("number-overflow", name, said.str.contains("*", literal=True).sum())
    said = said.str.replace(",", ".", literal=True)
    if kind.is_float():
        told = said.cast(pl.Float64, strict=False)
        told = told.set(told.is_nan() | told.is_infinite(), None)
    else:
        whole = said.str.replace(r"\.0*$", "").str.strip_prefix("+")
        told = whole.set(~whole.str.contains(r"^-?\d+$"), None).cast(kind, strict=False)
    bad = told.is_null() & said.is_not_null() & ~said.str.contains("*", literal=True)
    faults.add("value-unreadable", name, bad.sum())
    return told


def _dates(name: str, cells: Block, faults: Faults) -> pl.Series:
    safe = np.where(cells[:, :8] < 128, cells[:, :8], ord("?")).astype(np.uint8)
    said = _ascii(name, safe).str.strip_chars(BLANKS)
    said = said.set(said.str.contains("^0*$"), None)
    told = said.str.to_date("%Y%m%d", strict=False, exact=True)
    told = told.set(~said.str.contains(r"^\d{8}$"), None)
    faults.add("value-unreadable", name, (told.is_null() & said.is_not_null()).sum())
    return told


def _logicals(name: str, cells: Block, faults: Faults) -> pl.Series:
    letters = cells[:, 0]
    true, false = np.isin(letters, list(b"TtYy1")), np.isin(letters, list(b"FfNn0"))
    unknown = np.isin(letters, list(b"? \0"))
    faults.add("value-unreadable", name, np.count_nonzero(~(true | false | unknown)))
    return pl.Series(name, true, dtype=pl.Boolean).set(pl.Series(~(true | false)), None)


def _money(name: str, cells: Block) -> pl.Series:
    """Visual FoxPro's currency: whole ten-thousandths in eight bytes."""
    low = cells[:, :8].copy().view("<i8").ravel()
    both = np.stack([low, low >> 63], axis=1)  # a decimal of 16 bytes, its sign carried on
    told = pa.Array.from_buffers(pa.decimal128(19, 4), len(low), [None, pa.py_buffer(both.tobytes())])
    series = pl.from_arrow(pa.chunked_array([told]))
    assert isinstance(series, pl.Series)  # noqa: S101 - an array becomes a series
    return series.alias(name).cast(MONEY)


def _timestamps(name: str, cells: Block, faults: Faults) -> pl.Series:
    """A Julian day and the milliseconds since midnight, four bytes each."""
    parts = cells[:, :8].copy().view("<u4").reshape(-1, 2).astype(np.int64)
    days, milliseconds = parts[:, 0], parts[:, 1]
    blank = (days == 0) | (cells[:, :8] == 0x20).all(axis=1)
    bad = ~blank & ((days < JULIAN_DAYS[0]) | (days > JULIAN_DAYS[1]) | (milliseconds > DAY_MS))
    faults.add("value-unreadable", name, np.count_nonzero(bad))
    stamps = np.where(blank | bad, 0, (days - JULIAN_EPOCH) * DAY_MS + milliseconds)
    return pl.Series(name, stamps).set(pl.Series(blank | bad), None).cast(pl.Datetime("ms"))


def _binary(name: str, cells: Block) -> pl.Series:
    count, width = cells.shape
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, pa.py_buffer(cells.tobytes())])
    series = pl.from_arrow(pa.chunked_array([fixed.cast(pa.binary())]))
    assert isinstance(series, pl.Series)  # noqa: S101 - an array becomes a series
    return series.alias(name)

"""How fast the values of a mainframe's records are decoded: megabytes a core-second, by usage and for a record of all.

    python -m evals.bench_mainframe_values [records]

The records are made here, from a seed; each figure is the best and the median of five, in the time of the process. The
rival is Python itself, one value after another, for the usages that a few lines of it read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

import numpy as np
import polars as pl

from connectors.formats.mainframe.decoding import decode_checked, dtype_of
from connectors.formats.mainframe.encoding import encode
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.integers import Bytes

RECORDS = 200_000
ROUNDS = 5
RIVALS = 20_000  # records that the rival reads
PORTION = 11_000  # records of the mixed record at a time: about 16 MB
WORDS = ("LONDON", "ACME TRADING LTD", "", "42 HIGH STREET", "X")
UMLAUTS = ("KÖLN", "MÜLLER GMBH", "", "STRASSE 42", "ß")


@dataclass(frozen=True)
class Item:
    """A kind of item, and how its file is written."""

    name: str
    field: FieldType
    reading: Reading = Reading()  # noqa: RUF009 - it is frozen


ITEMS = (
    Item("text, 30 bytes", FieldType("text", 30)),
    Item("text, 30 bytes, umlauts (cp1141)", FieldType("text", 30), Reading(code_page="cp1141")),
    Item("text, 30 bytes, ASCII", FieldType("text", 30), Reading(encoding="ascii")),
    Item("national, 40 bytes", FieldType("national", 40)),
    Item("zoned 9(8)", FieldType("zoned", 8, 8)),
    Item("zoned S9(15)V99", FieldType("zoned", 17, 17, 2, signed=True)),
    Item("zoned S9(31)", FieldType("zoned", 31, 31, signed=True)),
    Item("zoned 9(8), blank-padded", FieldType("zoned", 8, 8)),
    Item("packed S9(7)", FieldType("packed", 4, 7, signed=True)),
    Item("packed S9(13)V99", FieldType("packed", 8, 15, 2, signed=True)),
    Item("packed S9(31)", FieldType("packed", 16, 31, signed=True)),
    Item("binary S9(9)", FieldType("binary", 4, 9, signed=True)),
    Item("binary S9(16)V99", FieldType("binary", 8, 18, 2, signed=True)),
    Item("binary S9(37)", FieldType("binary", 16, 37, signed=True)),
    Item("float, IBM", FieldType("float", 4)),
    Item("double, IBM", FieldType("double", 8)),
)
MIX = (0, 0, 0, 4, 5, 6, 8, 9, 9, 10, 11, 12, 13, 14, 15)  # of ITEMS; about a third of the bytes is text


def made(item: Item, count: int, rng: np.random.Generator) -> Bytes:
    """Bytes of an item for so many records, as `encode` writes them."""
    dtype = dtype_of(item.field)
    if dtype == pl.String:
        words = UMLAUTS if "umlauts" in item.name else WORDS
        return encode(
            pl.Series([words[place] for place in rng.integers(0, len(words), count)]), item.field, item.reading
        )
    if dtype.is_float():
        return encode(pl.Series(rng.normal(0, 1e6, count)).cast(dtype), item.field, item.reading)
    if "blank" in item.name:
        return np.stack(
            [np.frombuffer(f"{value:8d}".encode("cp037"), np.uint8) for value in rng.integers(0, 10**6, count)]
        )
    most = 10 ** min(item.field.digits, 18)
    values = pl.Series(rng.integers(-most if item.field.signed else 0, most, count))
    if isinstance(dtype, pl.Decimal):
        values = values.cast(pl.Decimal(38, 0)) / 10**dtype.scale if dtype.scale else values
    return encode(values.cast(dtype), item.field, item.reading)


def one_by_one(raw: Bytes, item: Item) -> list[str | Decimal] | None:
    """The rival. None for usages that it does not read."""
    data, length = raw.tobytes(), item.field.length
    values = (data[start : start + length] for start in range(0, len(data), length))
    if item.field.usage == "text" and item.reading.encoding == "ebcdic":
        return [value.decode(item.reading.code_page).strip() for value in values]
    if item.field.usage == "packed":
        written = (value.hex() for value in values)
        return [Decimal(("-" if text[-1] == "d" else "") + text[:-1]).scaleb(-item.field.scale) for text in written]
    if item.field.usage == "binary" and item.field.length <= 8:
        return [Decimal(int.from_bytes(value, signed=True)).scaleb(-item.field.scale) for value in values]
    return None


def rates(work: Callable[[], object], size: int) -> tuple[float, float]:
    """Megabytes a second: the best and the median of the rounds."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return size / 1e6 / min(seconds), size / 1e6 / median(seconds)


def mixed(count: int, rng: np.random.Generator) -> tuple[Bytes, Sequence[tuple[int, Item]]]:
    """Records of about 1,500 bytes with every usage, and where each item begins."""
    chosen = [ITEMS[place] for place in MIX] * 7
    starts = np.cumsum([0, *(item.field.length for item in chosen)]).tolist()
    records = np.empty((count, starts[-1]), np.uint8)
    for start, item in zip(starts, chosen, strict=False):
        records[:, start : start + item.field.length] = made(item, count, rng)
    return records, list(zip(starts, chosen, strict=False))


def main(count: int = RECORDS) -> None:
    """Print the figures as a table."""
    rng = np.random.default_rng(1)
    print("| item | MB a core-second: best | median | rival: best |\n|---|---:|---:|---:|")
    for item in ITEMS:
        raw = made(item, count, rng)
        best, middle = rates(lambda raw=raw, item=item: decode_checked(raw, item.field, item.reading), raw.size)  # type: ignore[misc]  # bound now
        rival = ""
        if one_by_one(raw[:1], item) is not None:
            rival = f"{rates(lambda raw=raw, item=item: one_by_one(raw[:RIVALS], item), raw[:RIVALS].size)[0]:,.0f}"  # type: ignore[misc]  # bound now
        print(f"| {item.name} | {best:,.0f} | {middle:,.0f} | {rival} |")
    records, items = mixed(PORTION, rng)

    def whole() -> None:
        for start, item in items:
            decode_checked(records[:, start : start + item.field.length], item.field, item.reading)

    best, middle = rates(whole, records.size)
    print(f"| a record of {records.shape[1]:,} bytes, {len(items)} items | {best:,.0f} | {middle:,.0f} | |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)

"""A dBase table's records, block by block: deleted ones left out, nulls and memos looked up, faults counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from catalog.errors import FileRefused
from connectors.formats.dbf import memos
from connectors.formats.dbf.columns import Block, Faults, column, kind_of
from connectors.formats.dbf.encodings import Told, encoding_of
from connectors.formats.dbf.headers import AGAIN, BINARY, NULLABLE, SYSTEM, Field, Header, header_of
from connectors.formats.dbf.sampling import is_memo, pointers_of, sample_of
from connectors.formats.slices import refuse_reserved, refuse_too_large, sliced
from connectors.formats.tables import File, Limits, Noticed, Piece, empty

DELETED, END = ord("*"), 0x1A
KNOWN = "CNFDLMGPBIYTVQW0@+O"
FAULTS = {
    "value-unreadable": ("values do not read as their field's type and are read as unknown", "warning"),
    "number-overflow": ("stars stand for numbers that did not fit their field; they are unknown", "warning"),
    "text-undecodable": ("texts hold bytes that the encoding does not have; a mark stands for each", "warning"),
    "memo-unreadable": ("pointers lead to no memo, or to one that is cut or too large; it is unknown", "warning"),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """A table that was looked at and can be read. `names` are the columns' names, by field."""

    file: File
    header: Header
    encoding: Told
    with_deleted: bool
    limits: Limits
    names: tuple[str, ...]
    memo: Path | None
    noticed: tuple[Noticed, ...]

    @classmethod
    def of(cls, file: File, encoding: str, with_deleted: bool, limits: Limits) -> Reading:
        """Look at a file. Raises FileRefused where it cannot be read whole."""
        header = header_of(file.head())
        _refuse_cut(file, header)
        memo = memos.memo_file(file.path, header)
        told = encoding_of(header, file.path, encoding, lambda: sample_of(file, header, memo))
        fields = _visible(header)
        names = _names([_renamed(field.name, told.name) for field in fields])
        refuse_reserved(names)
        noticed = [*told.noticed, *_about(file, header, fields, names, memo)]
        return cls(file, header, told, with_deleted, limits, tuple(names), memo, tuple(noticed))

    @property
    def fields(self) -> list[Field]:
        """The fields that are columns."""
        return _visible(self.header)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The columns' types."""
        kinds = (_kind(field, self.header) for field in self.fields)
        return dict(zip(self.names, kinds, strict=True))

    @property
    def declared(self) -> dict[str, str]:
        """The columns' types as the header declares them."""
        return dict(zip(self.names, (field.declared for field in self.fields), strict=True))

    @property
    def meta(self) -> dict[str, Any]:
        """What the header and the folder show."""
        return {
            "format": "dbf", "version": f"0x{self.header.version:02x}", "records": self.header.records,
            "encoding": self.encoding.name, "encoding_from": self.encoding.source,
            "memo": self.memo.suffix.lower() if self.memo else "",
        }  # fmt: skip

    def pieces(self) -> Iterator[Piece]:
        """The rows in order. Raises FileRefused where the file changed, or a value is too large."""
        faults, deleted, told = Faults(), 0, False
        with memos.opened(self.memo, self.header) as memo:
            for first, block in self._blocks():
                kept = np.arange(len(block)) if self.with_deleted else np.flatnonzero(block[:, 0] != DELETED)
                deleted += len(block) - len(kept)
                for frame in self._frames(block[kept], first + kept, memo, faults):
                    refuse_too_large(frame, self.limits)
                    told = True
                    yield Piece(frame)
        found = list(_found(faults, deleted))  # only the end tells
        if found or not told:
            yield Piece(empty(pl.Schema(self.schema)).frame, noticed=found)

    def _blocks(self) -> Iterator[tuple[int, Block]]:
        """Records as bytes, with the number of the first, from 1."""
        width = self.header.record_bytes
        at_once = max(1, min(self.limits.batch_rows, self.limits.batch_bytes // (2 * width)))
        with self.file.path.open("rb") as file:
            file.seek(self.header.header_bytes)
            for first in range(0, self.header.records, at_once):
                count = min(at_once, self.header.records - first)
                content = file.read(count * width)
                if len(content) < count * width:
                    raise _cut(self.header)
                block = np.frombuffer(content, dtype=np.uint8).reshape(count, width)
                if (block[:, 0] == END).any():
                    raise _cut(self.header)
                yield first + 1, block

    def _frames(self, block: Block, positions: Any, memo: memos.Memos | None, faults: Faults) -> Iterator[pl.DataFrame]:
        """The block's rows as frames that the limits allow."""
        pointers = {name: pointers_of(field, block) for name, field in self._memo_fields()}
        stretches: Sequence[tuple[int, int]] = [(0, len(block))]
        if memo is not None and pointers:
            stretches = list(memos.portions(memo, list(pointers.values()), self.limits.batch_bytes))
        for start, end in stretches:
            if start < end:
                some = {name: blocks[start:end] for name, blocks in pointers.items()}
                frame = self._frame(block[start:end], positions[start:end], some, memo, faults)
                yield from sliced(frame, self.limits)

    def _frame(
        self, block: Block, positions: Any, pointers: dict[str, list[int]], memo: memos.Memos | None, faults: Faults
    ) -> pl.DataFrame:
        nulls = _NullFlags(self.header, block)
        series = []
        for name, field in zip(self.names, self.fields, strict=True):
            kind = _kind(field, self.header)
            if name in pointers:
                told = self._memos(name, kind, pointers[name], memo, faults)
            else:
                cells = nulls.shortened(field, block)
                told = column(name, field, cells, self.encoding.name, kind, faults)
            series.append(nulls.applied(field, told))
        return pl.DataFrame([*series, pl.Series("_position", positions, dtype=pl.Int64)])

    def _memo_fields(self) -> Iterator[tuple[str, Field]]:
        for name, field in zip(self.names, self.fields, strict=True):
            if is_memo(field, self.header):
                yield name, field

    def _memos(
        self, name: str, kind: pl.DataType, blocks: list[int], memo: memos.Memos | None, faults: Faults
    ) -> pl.Series:
        """A memo field's values; a loop, because each lies elsewhere."""
        longest = self.limits.cell_bytes
        values = [memo.value(block, longest) if memo is not None and block > 0 else None for block in blocks]
        if memo is not None:
            faults.add("memo-unreadable", name, sum(v is None for v, at in zip(values, blocks, strict=True) if at != 0))
        if kind == pl.Binary:
            return pl.Series(name, values, dtype=pl.Binary)
        texts = [None if value is None else value.decode(self.encoding.name, "replace") for value in values]
        faults.add("text-undecodable", name, sum(text is not None and "\ufffd" in text for text in texts))
        return pl.Series(name, texts, dtype=pl.String)


class _NullFlags:
    """Visual FoxPro's hidden field `_NullFlags`: which values are null, and which texts do not fill their field."""

    def __init__(self, header: Header, block: Block) -> None:
        self._nulls: dict[str, Any] = {}
        self._short: dict[str, Any] = {}
        flags = next((field for field in header.fields if field.type == "0"), None)
        if flags is None:
            return
        bits = np.unpackbits(block[:, flags.start : flags.start + flags.length], axis=1, bitorder="little")
        at = 0
        for field in header.fields:
            for marked, found in ((field.type in "VQ", self._short), (bool(field.flags & NULLABLE), self._nulls)):
                if marked and at < bits.shape[1]:
                    found[field.name] = bits[:, at].astype(bool)
                    at += 1

    def shortened(self, field: Field, block: Block) -> Block:
        """The block with what lies behind a shorter text blanked out; the field's last byte tells its length."""
        short = self._short.get(field.name)
        if short is None or not short.any():
            return block
        changed = block.copy()
        cells = changed[:, field.start : field.start + field.length]
        beyond = np.arange(field.length) >= cells[:, -1:].astype(int)
        cells[short[:, None] & beyond] = 0
        return changed

    def applied(self, field: Field, series: pl.Series) -> pl.Series:
        """The column with its nulls."""
        nulls = self._nulls.get(field.name)
        return series if nulls is None or not nulls.any() else series.set(pl.Series(nulls), None)


def _visible(header: Header) -> list[Field]:
    return [field for field in header.fields if field.type != "0" and not field.flags & SYSTEM]


def _kind(field: Field, header: Header) -> pl.DataType:
    if field.type == "M":
        return pl.Binary() if field.flags & BINARY else pl.String()
    return kind_of(field, header.is_foxpro)


def _renamed(name: str, encoding: str) -> str:
    return name.encode("latin-1").decode(encoding, "replace")


def _names(names: Sequence[str]) -> list[str]:
    told: list[str] = []
    for at, name in enumerate(names, start=1):
        wanted, again = name or f"column_{at}", 2
        unique = wanted
        while unique in told or (unique != name and unique in names):
            unique, again = f"{wanted}_{again}", again + 1
        told.append(unique)
    return told


def _about(file: File, header: Header, fields: list[Field], names: list[str], memo: Path | None) -> Iterator[Noticed]:
    """What is odd before a record is read."""
    changed = sum(name != field.name for name, field in zip(names, fields, strict=True) if field.name.isascii())
    if changed:
        yield Noticed("columns-renamed", "columns without a name of their own got one", count=changed, unit="columns")
    unknown = [name for name, field in zip(names, fields, strict=True) if field.type not in KNOWN]
    if unknown:
        message = f"fields of an unknown type are read as text: {', '.join(unknown)}"
        yield Noticed("unknown-types", message, count=len(unknown), unit="columns")
    lost = [name for name, field in zip(names, fields, strict=True) if is_memo(field, header)]
    if lost and memo is None:
        message = f"the memo file is not beside the table: {', '.join(lost)} are unknown"
        yield Noticed(
            "memo-file-missing", message, count=len(lost), unit="columns", remedy="Deliver the .fpt or .dbt file."
        )
    more = (file.size - header.header_bytes) // header.record_bytes - header.records
    if more > 0 and _begins_record(file, header):
        message = "records lie behind the last one that the header counts, and are not read"
        yield Noticed("records-uncounted", message, count=more, remedy="Pack or reindex the table where it comes from.")


def _begins_record(file: File, header: Header) -> bool:
    with file.path.open("rb") as content:
        content.seek(header.header_bytes + header.records * header.record_bytes)
        return content.read(1) in (b" ", b"*")


def _found(faults: Faults, deleted: int) -> Iterator[Noticed]:
    """What the records showed."""
    if deleted:
        message = "records that are marked as deleted are left out"
        yield Noticed("deleted-records", message, "info", deleted, remedy="Say with `deleted` whether they are read.")
    for rule, (message, _) in FAULTS.items():
        told = {column: count for (found, column), count in faults.counts.items() if found == rule}
        if told:
            where = f"{message}: {', '.join(told)}"
            yield Noticed(rule, where, count=sum(told.values()), unit="values", evidence={"columns": told})


def _refuse_cut(file: File, header: Header) -> None:
    if header.header_bytes + header.records * header.record_bytes > file.size:
        raise _cut(header)


def _cut(header: Header) -> FileRefused:
    return FileRefused(f"it was cut off: its header counts {header.records:,} records, and fewer are there", AGAIN)

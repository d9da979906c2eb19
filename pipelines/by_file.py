"""Bring the raw rows of a dataset of files up to date: those of unchanged files are copied, in the files' new order.

Rows of one file stand together, in the file that is held as in the one with what is new. Nothing is held but a row
group of each and what waits to be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_AT_ONCE = 50_000  # of a row group that is written
BYTES_AT_ONCE = 16 * 2**20
ROWS_JOINED = 1_000  # of files that stay, copied at once: ten thousand files of a row each are ten pieces
LOCATION = "_location"


@dataclass(frozen=True)
class Span:
    """Rows of a row group that follow each other, from 0."""

    group: int
    start: int
    count: int


class Portions:
    """A Parquet file that gathers small tables to row groups of a sensible size."""

    def __init__(self, target: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(target, schema, compression="zstd", compression_level=1)
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self.rows = self._held = self._size = 0

    def write(self, table: pa.Table) -> None:
        """Write a table, now or with those that follow."""
        if not table.num_rows:
            return
        self._waiting.append(table.cast(self._schema))
        self.rows += table.num_rows
        self._held += table.num_rows
        self._size += table.nbytes
        if self._held >= ROWS_AT_ONCE or self._size >= BYTES_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write what waits, and end the file."""
        self._flush()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting, self._held, self._size = [], 0, 0


def woven(base: Path, fresh: Path, target: Path, *, kept: Mapping[str, str], order: Sequence[str]) -> int:
    """Write the rows of the files in `order` to `target`: from `base` where they are kept, else from `fresh`.

    `kept` maps the `_location` that rows have in `base` to the one they get. How many rows there are is returned.
    """
    former = {new: old for old, new in kept.items()}
    with _Rows(base) as held, _Rows(fresh) as new, Portions(target, pq.read_schema(base)) as portions:
        for rows, span, name in _joined(_spans(held, new, former, order)):
            table = rows.read(span)
            portions.write(_under(table, name) if name else table)
    return portions.rows


def _spans(
    held: _Rows, new: _Rows, former: Mapping[str, str], order: Sequence[str]
) -> Iterator[tuple[_Rows, Span, str]]:
    """The rows of the files in their order, with the location that they get where it is another one."""
    for name in order:
        rows, known = (held, former[name]) if name in former else (new, name)
        for span in rows.of(known):
            yield rows, span, name if known != name else ""


def _joined(told: Iterator[tuple[_Rows, Span, str]]) -> Iterator[tuple[_Rows, Span, str]]:
    """The same with fewer, longer spans: neighbours in one row group that stay as they are."""
    waiting: tuple[_Rows, Span, str] | None = None
    for rows, span, name in told:
        if waiting is not None and not name and waiting[0] is rows and not waiting[2]:
            joined = _together(waiting[1], span)
            if joined is not None:
                waiting = (rows, joined, "")
                continue
        if waiting is not None:
            yield waiting
        waiting = (rows, span, name)
    if waiting is not None:
        yield waiting


def _together(one: Span, other: Span) -> Span | None:
    """Both as one span; None where they are not neighbours, or too many rows to be gathered well."""
    apart = one.group != other.group or one.start + one.count != other.start
    count = one.count + other.count
    return None if apart or count > ROWS_JOINED else Span(one.group, one.start, count)


def same_columns(one: Path, other: Path) -> bool:
    """Whether two Parquet files have the same columns in the same order, of the same types."""
    return list(pl.read_parquet_schema(one).items()) == list(pl.read_parquet_schema(other).items())


class _Rows:
    """The rows of a Parquet file by their location; the row group that was read last is held."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path, pre_buffer=False)
        self._spans = self._found()
        self._last: tuple[int, pa.Table] | None = None

    def of(self, location: str) -> Sequence[Span]:
        """Where the rows of a location are."""
        return self._spans.get(location, ())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _found(self) -> dict[str, list[Span]]:
        spans: dict[str, list[Span]] = {}
        for at in range(self._file.num_row_groups):
            column = self._file.read_row_group(at, columns=[LOCATION])[LOCATION].combine_chunks()
            for location, begin, count in _runs(column):
                spans.setdefault(location, []).append(Span(at, begin, count))
        return spans

    def read(self, span: Span) -> pa.Table:
        """These rows."""
        if self._last is None or self._last[0] != span.group:
            self._last = (span.group, self._file.read_row_group(span.group))
        return self._last[1].slice(span.start, span.count)


def _runs(column: pa.Array) -> Iterator[tuple[str, int, int]]:
    """Equal values that follow each other: the value, where they begin, how many they are."""
    told = pl.Series(column).rle().struct.unnest()
    start = 0
    for count, value in told.iter_rows():
        yield value, start, count
        start += count


def _under(table: pa.Table, name: str) -> pa.Table:
    """The rows under another location."""
    at = table.schema.get_field_index(LOCATION)
    names = pl.repeat(name, table.num_rows, dtype=pl.String, eager=True).to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.set_column(at, table.schema.field(at), names.cast(table.schema.field(at).type))

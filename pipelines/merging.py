"""Bring the raw rows of a dataset up to date with what changed, in one pass over them and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from connectors.bounding import owned

ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Changes:
    """Rows that are new or changed, each key once, and the keys that are gone."""

    upserts: pl.DataFrame
    gone: pl.DataFrame

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not self.upserts.height and not self.gone.height


def folded(parts: Sequence[tuple[pl.DataFrame, pl.DataFrame]]) -> Changes:
    """Parts of a change, each (rows, keys gone), in their order: what was told last of a key holds."""
    keys = parts[0][1].columns
    told = pl.concat(
        [
            pl.concat([rows.with_columns(_gone=False), gone.with_columns(_gone=True)], how="diagonal")
            for rows, gone in parts
        ],
        how="vertical",
    )
    last = told.unique(subset=keys, keep="last", maintain_order=True)
    return Changes(last.filter(~pl.col("_gone")).drop("_gone"), last.filter(pl.col("_gone")).select(keys))


def fits(base: Path, changes: Changes) -> bool:
    """Whether the changed rows have the columns and types of those that are held."""
    held = dict(pl.read_parquet_schema(base))
    told = dict(changes.upserts.schema)
    return all(told.get(name) == kind for name, kind in held.items())


def held_of(base: Path, keys: pl.DataFrame) -> pl.DataFrame:
    """The rows of `base` that have one of the keys, as their source gave them."""
    none = pl.DataFrame(schema=pl.read_parquet_schema(base))
    told = (owned(batch.join(keys, on=keys.columns, how="semi")) for batch in _batches(base) if keys.height)
    return pl.concat([none, *told]).drop("_location", "_position")


def merged(base: Path, changes: Changes, target: Path) -> int:
    """Write the rows of `base` with the changes applied to `target`; how many there are.

    A changed row stays where it was, a new one comes behind, and ordinals count anew. Both files are Parquet with the
    source's columns, `_location` and `_position`; nothing of `changes` but the columns of `base` is written.
    """
    keys, schema = changes.gone.columns, pq.read_schema(base)
    touched = pl.concat([changes.upserts.select(keys), changes.gone])
    position, seen = 1, [changes.gone.clear()]
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=1) as writer:
        for held in _batches(base):
            here = held.select(keys).with_row_index("_at").join(changes.upserts, on=keys, how="inner")
            rest = held.with_row_index("_at").join(touched, on=keys, how="anti")
            seen.append(owned(here.select(keys)))
            rows = pl.concat([rest, here.select(rest.columns)]).sort("_at") if here.height else rest
            position = _written(writer, rows.drop("_at"), position)
        fresh = changes.upserts.join(pl.concat(seen), on=keys, how="anti").select(schema.names)
        for part in fresh.iter_slices(ROWS_AT_ONCE):
            position = _written(writer, part, position)
    return position - 1


def _batches(base: Path) -> Iterator[pl.DataFrame]:
    """The rows of a file in portions, without reading ahead."""
    file = pq.ParquetFile(base, pre_buffer=False)
    for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
        yield _framed(batch)


def _framed(batch: object) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("a batch of rows became a column")
    return frame


def _written(writer: pq.ParquetWriter, rows: pl.DataFrame, position: int) -> int:
    ordinals = pl.int_range(position, position + rows.height, dtype=pl.Int64, eager=True).alias("_position")
    table = rows.with_columns(ordinals).to_arrow(compat_level=pl.CompatLevel.oldest())
    writer.write_table(table.cast(writer.schema))
    return position + rows.height

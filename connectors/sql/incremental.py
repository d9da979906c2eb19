"""Read a table again after the first time: find the keys that were touched, then fetch their rows as they are now.

Whichever way the touched keys are found, what is told of them is the table's present state: a row that is there is new
or changed, one that is not is gone. So telling a key twice does no harm, types are decided as ever, and after each
read the rows held equal a full read. The ways:

- watermark: the table's pairs of key and watermark are compared with those held. That shows what is new, gone, or has
  another stamp, also an older one (a clock set back). Rows from the highest stamp held, less the overlap, are fetched
  whatever their stamp says, because a clock may give several changes one stamp.
- keys: the same with the database's own hash of each row in place of the watermark.
- feed: the database's change log (`connectors.sql.feeds`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from sqlalchemy import Connection, FromClause, and_, or_

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.batch import Batch, Since
from connectors.bounding import owned
from connectors.files import refuse_reserved
from connectors.shapes import key_columns
from connectors.sql.dialects import Dialect
from connectors.sql.engines import connected, dialect_at
from connectors.sql.overlap import recent
from connectors.sql.tables import reflected, relation_of
from connectors.sql.types import Carried
from connectors.sql.whole import numbered, rows, whole

HASH = "_row_hash"  # the database's own hash of a row, held beside it
MOST_TOUCHED = 200_000  # keys; where more were touched, everything is read
KEYS_AT_ONCE = 2_000  # keys in one statement
PART = 500_000  # rows compared at once


def changed(source: Source, dataset: Dataset, *, folder: Path, since: Since | None) -> Iterator[Batch]:
    """All rows, or, where what is held is known and can be built on, what changed since."""
    mode = dataset.incremental.mode
    if mode == "feed":
        yield from _fed(source, dataset, folder, since)
        return
    with connected(source, dataset, folder) as connection:
        relation = relation_of(connection, source, dataset)
        _refuse(relation, source, dataset)
        if mode == "full":
            yield from whole(connection, source, dataset, relation)
            return
        marks = _marks(connection, relation, source, dataset)
        held = _held(connection, relation, dataset, since)
        touched = None if held is None else _compared(connection, relation, source, dataset, marks, held)
        cursor = {"mode": mode, "key": list(key_columns(dataset)), "mark": marks.name}
        if held is None or touched is None:
            yield from _with_cursor(whole(connection, source, dataset, relation, extra=marks.extra), cursor)
        else:
            yield from _fetched(connection, relation, source, dataset, touched, held, cursor, extra=marks.extra)


def _fed(source: Source, dataset: Dataset, folder: Path, since: Since | None) -> Iterator[Batch]:
    """By the change log. The log is asked before the snapshot begins, so that nothing lies between the two."""
    from connectors.sql import feeds

    with connected(source, dataset, folder, fresh=True) as connection:
        if dataset.query:
            raise SourceUnreadable(
                source.name, dataset.name, "a query has no change log", "Choose the mode keys or watermark."
            )
        table = reflected(connection, dataset)
        _refuse(table, source, dataset)
        held = _held(connection, table, dataset, since)
    why = ""
    if held is not None:
        told = feeds.touched(
            source, dataset, table, held.cursor["feed"],
            folder=folder, schema={name: held.schema[name] for name in held.keys}, limit=MOST_TOUCHED,
        )  # fmt: skip
        why = told.why
        if told.keys is not None and told.keys.null_count().sum_horizontal().item():
            why = "rows without a key were touched"
        elif told.keys is not None:
            with connected(source, dataset, folder, fresh=True) as connection:
                cursor = {"mode": "feed", "key": list(held.keys), "mark": "", "feed": told.cursor}
                yield from _fetched(connection, table, source, dataset, told.keys, held, cursor)
            return
    cursor = {"mode": "feed", "key": list(key_columns(dataset)), "mark": ""}
    cursor["feed"] = feeds.begin(source, dataset, table, folder=folder)
    with connected(source, dataset, folder, fresh=True) as connection:
        batches = whole(connection, source, dataset, reflected(connection, dataset))
        told_why = f"; {why}" if why else ""
        yield from _with_cursor((replace(one, path=one.path + told_why) for one in batches), cursor)


@dataclass(frozen=True)
class _Held:
    """What is held of the dataset, and can be built on."""

    cursor: dict[str, Any]
    rows: Path
    keys: tuple[str, ...]
    schema: dict[str, pl.DataType]
    text: frozenset[str]  # columns that are text although their declared type is not


@dataclass(frozen=True)
class _Marks:
    """The column whose difference tells that a row changed: one of the table's, or the database's hash."""

    name: str
    extra: tuple[Carried, ...] = ()


def _refuse(relation: FromClause, source: Source, dataset: Dataset) -> None:
    """Refuse what cannot be read, or not in this mode."""
    names = [str(column.name) for column in relation.columns]
    refuse_reserved(names, source, dataset, "the table")
    refuse_reserved([name for name in names if name == HASH], source, dataset, "the table")
    if dataset.incremental.mode == "full":
        return
    if not key_columns(dataset):
        raise SourceUnreadable(
            source.name, dataset.name, "changes are known by the primary key, and the contract names none",
            f"Say primaryKey at its columns in {dataset.place.file}, or read it in mode full.",
        )  # fmt: skip
    missing = [name for name in (*key_columns(dataset), dataset.incremental.column) if name and name not in names]
    if missing:
        raise SourceUnreadable(
            source.name, dataset.name, f"'{missing[0]}', by which changes are known, is no column of it",
            f"Correct the key or landbridge.incremental in {dataset.place.file}.",
        )  # fmt: skip


def _marks(connection: Connection, relation: FromClause, source: Source, dataset: Dataset) -> _Marks:
    if dataset.incremental.mode == "watermark":
        return _Marks(dataset.incremental.column)
    dialect = dialect_at(connection)
    hashed = dialect.row_hash(list(relation.columns))
    return _Marks(HASH, () if hashed is None else (Carried(HASH, hashed, pl.String()),))


def _held(connection: Connection, relation: FromClause, dataset: Dataset, since: Since | None) -> _Held | None:
    """What is held, unless the key, the mode, the columns or their types are no longer what they were."""
    if since is None or not since.rows.exists():
        return None
    keys, cursor = tuple(key_columns(dataset)), dict(since.cursor)
    if cursor.get("mode") != dataset.incremental.mode or tuple(cursor.get("key", ())) != keys:
        return None
    if dataset.incremental.mode == "watermark" and cursor.get("mark") != dataset.incremental.column:
        return None
    schema = dict(pl.read_parquet_schema(since.rows))
    dialect = dialect_at(connection)
    columns = dialect.carried(connection, relation, text=(), blobs={})
    if set(schema) - {"_location", "_position", HASH} != {one.name for one in columns}:
        return None
    text = frozenset(
        one.name for one in columns if schema[one.name] == pl.String() and one.dtype not in (pl.String(), pl.Binary())
    )
    if text and not text <= dialect.doubts(connection, relation, [one for one in columns if one.name in text]):
        return None  # the values that made them text are gone
    return _Held(cursor, since.rows, keys, schema, text)


def _with_cursor(batches: Iterator[Batch], cursor: dict[str, Any]) -> Iterator[Batch]:
    """The batches, the last of them with the cursor."""
    last: Batch | None = None
    for batch in batches:
        if last is not None:
            yield last
        last = batch
    if last is not None:
        yield replace(last, cursor=cursor)


def _compared(
    connection: Connection, relation: FromClause, source: Source, dataset: Dataset, marks: _Marks, held: _Held
) -> pl.DataFrame | None:
    """Keys whose mark differs from the one held, that are new or gone, or recent; None where they are too many.

    The pairs are spooled to a file and compared in parts by a hash of the key, so that memory does not grow with them.
    """
    if marks.name not in held.schema:
        return None
    wanted = [*held.keys, *([] if marks.extra else [marks.name])]
    names = list(dict.fromkeys([*held.keys, marks.name]))
    with tempfile.TemporaryDirectory() as place:
        spool = Path(place) / "pairs.parquet"
        count = _spooled(spool, connection, relation, source, dataset, wanted, marks.extra, held.text & set(names))
        if dict(pl.read_parquet_schema(spool)) != {name: held.schema[name] for name in names}:
            return None
        parts = max(1, -(-count // PART))
        edge = None if marks.extra else recent(held.rows, marks.name, source, dataset)
        told: list[pl.DataFrame] = []
        for part in range(parts):
            mine = (pl.struct(held.keys).hash(seed=0) % parts) == part
            there = pl.scan_parquet(spool).filter(mine).collect(engine="streaming")
            here = pl.scan_parquet(held.rows).select(names).filter(mine).collect(engine="streaming")
            _refuse_repeated(there, source, dataset, held.keys)
            if any(_unclear(here, held.keys)):
                return None
            told.append(owned(_differing(there, here, held.keys, marks.name, edge)))
            if sum(one.height for one in told) > MOST_TOUCHED:
                return None
        return pl.concat(told)


def _spooled(
    spool: Path,
    connection: Connection,
    relation: FromClause,
    source: Source,
    dataset: Dataset,
    names: Sequence[str],
    extra: Sequence[Carried],
    text: frozenset[str],
) -> int:
    """Write the pairs of key and mark to a file; how many there are."""
    count, writer = 0, None
    try:
        for told in rows(connection, source, dataset, relation, names=names, extra=extra, text=text):
            if told.anew and writer is not None:
                writer.close()
                count, writer = 0, None
            columns = list(dict.fromkeys([*names, *(one.name for one in extra)]))
            table = told.frame.select(columns).to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(spool, table.schema, compression="zstd", compression_level=1)
            writer.write_table(table)
            count += told.frame.height
    finally:
        if writer is not None:
            writer.close()
    return count


def _refuse_repeated(pairs: pl.DataFrame, source: Source, dataset: Dataset, keys: Sequence[str]) -> None:
    """A key that names several rows, or none, cannot tell which of them changed."""
    absent, twice = _unclear(pairs, keys)
    if absent or twice:
        what = f"{absent:,} rows have no key" if absent else f"{twice:,} rows repeat the key of another"
        raise SourceUnreadable(
            source.name, dataset.name, f"{what} ({', '.join(keys)}), so changes cannot be told apart",
            f"Correct the primary key in {dataset.place.file}, or read it in mode full.",
        )  # fmt: skip


def _unclear(pairs: pl.DataFrame, keys: Sequence[str]) -> tuple[int, int]:
    """How many rows have no key, and how many repeat one."""
    absent = pairs.filter(pl.any_horizontal(pl.col(keys).is_null())).height
    return absent, pairs.height - pairs.select(keys).unique().height


def _differing(
    there: pl.DataFrame, here: pl.DataFrame, keys: Sequence[str], mark: str, edge: pl.Expr | None
) -> pl.DataFrame:
    """Keys that are only on one side, whose marks differ, or that are recent."""
    if mark in keys:
        both = there.join(here, on=list(keys), how="anti"), here.join(there, on=list(keys), how="anti")
        told = pl.concat([one.select(keys) for one in both])
    else:
        joined = there.join(here, on=list(keys), how="full", coalesce=True, suffix="_held", maintain_order="left_right")
        alone = joined.join(there.select(keys), on=list(keys), how="anti").select(keys)
        new = there.join(here.select(keys), on=list(keys), how="anti").select(keys)
        odd = joined.filter(pl.col(mark).ne_missing(pl.col(f"{mark}_held"))).select(keys)
        told = pl.concat([odd, alone, new])
    if edge is not None:
        told = pl.concat([told, there.filter(edge).select(keys)])
    return told.unique(maintain_order=True)


def _fetched(
    connection: Connection,
    relation: FromClause,
    source: Source,
    dataset: Dataset,
    touched: pl.DataFrame,
    held: _Held,
    cursor: dict[str, Any],
    *,
    extra: Sequence[Carried] = (),
) -> Iterator[Batch]:
    """The rows of the touched keys as they are now, and the keys that are no longer there."""
    dialect, none = dialect_at(connection), touched.clear()
    empty = pl.DataFrame(schema=held.schema).drop("_location", "_position")
    path = "nothing touched"
    for at in range(0, touched.height, KEYS_AT_ONCE):
        keys = touched.slice(at, KEYS_AT_ONCE)
        frames: list[pl.DataFrame] = []
        for told in rows(
            connection, source, dataset, relation,
            where=_among(relation, keys, dialect), extra=extra, text=held.text,
        ):  # fmt: skip
            frames = [told.frame] if told.anew else [*frames, told.frame]
            path = told.path
        found = pl.concat(frames).join(keys, on=keys.columns, how="semi")
        _refuse_repeated(found, source, dataset, keys.columns)
        gone = keys.join(found.select(keys.columns), on=keys.columns, how="anti")
        yield Batch(numbered(found, dataset, 1), whole=False, gone=gone, path=path)
    yield Batch(numbered(empty, dataset, 1), whole=False, gone=none, path=path, cursor=cursor)


def _among(relation: FromClause, keys: pl.DataFrame, dialect: Dialect) -> Any:
    """The condition that a row's key is one of these."""
    if keys.width == 1:
        column = relation.c[keys.columns[0]]
        return column.in_([dialect.literal(column, value) for value in keys.to_series()])
    columns = [relation.c[name] for name in keys.columns]
    return or_(
        *(
            and_(*(one == dialect.literal(one, value) for one, value in zip(columns, row, strict=True)))
            for row in keys.iter_rows()
        )
    )

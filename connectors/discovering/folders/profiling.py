"""Look at rows of a group of files: as many as asked for, from its beginning and its end, through its connector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from catalog.errors import SourceError
from catalog.models import Dataset, Place, Source
from connectors.discovering.columns import profiled_column
from connectors.discovering.folders.grouping import BY_ENDING, Group
from connectors.discovering.keys import declared_key, found_key
from connectors.discovering.profiles import ColumnProfile, Family, LeftOut, TableProfile
from connectors.discovering.spellings import spelled_column

COUNTED = 1_000_000  # rows; a larger table is told as "more than"
BYTES = 64 * 2**20  # of the rows looked at, about
PATH = "path"  # the column that names a document
PROVENANCE = ("_location", "_position")
_HERE = Place(file="--from")
_FAMILIES: tuple[tuple[type[pl.DataType], Family], ...] = (
    (pl.Boolean, "boolean"), (pl.Datetime, "timestamp"), (pl.Date, "date"), (pl.Time, "time"), (pl.Binary, "binary"),
    (pl.Decimal, "number"), (pl.Float64, "number"), (pl.Float32, "number"),
)  # fmt: skip


@dataclass(frozen=True)
class Looked:
    """A table, and the values of its key as texts, if it is one column of few enough rows."""

    table: TableProfile
    keys: Mapping[str, frozenset[str]]


def looked_at(group: Group, place: Path, *, sample: int, keyless: bool) -> Looked | LeftOut:
    """The table with its profile, or why it gets no contract."""
    try:
        source, dataset = declared_as(group, place)
        rows, count, types = _rows(source, dataset, place, sample)
        table = _profiled(group, rows, count, types)
        key = declared_key(table) or table.found_key
        values = _key_values(source, dataset, place, key, rows, table) if key else None
    except SourceError as error:
        return LeftOut(name=group.path, reason=f"cannot be read: {error.detail}", remedy=error.remedy)
    if values is None and table.found_key:
        table = table.model_copy(update={"found_key": ()})
    if not keyless and (reason := _lacking(table)):
        return LeftOut(name=group.path, reason=reason[0], remedy=reason[1])
    return Looked(table, {key[0]: values} if values is not None and len(key) == 1 else {})


def declared_as(group: Group, place: Path) -> tuple[Source, Dataset]:
    """The group as a source and a dataset that promises nothing yet."""
    settings = {name: value for name, value in group.settings.items() if name != "options"}
    source = Source(
        name="files", kind=group.kind, location=str((place.parent if place.is_file() else place) / group.folder),
        settled_after=0.0, options=group.settings.get("options", {}), place=_HERE, **settings,
    )  # fmt: skip
    dataset = Dataset(
        name="files", version="1.0.0", title="", source="files", physical_name=group.below, fields=(), fingerprint="",
        place=_HERE,
    )  # fmt: skip
    return source, dataset


def _lacking(table: TableProfile) -> tuple[str, str] | None:
    """Why a table gets no contract, and what would change that."""
    if not table.rows:
        return (
            "holds no rows",
            "Run this again when it has some; a contract promises rows, and a run would wait for them.",
        )
    if not (declared_key(table) or table.found_key):
        what = "none is looked for in so many rows" if table.more else "no columns are unique and filled"
        return f"has no key, and {what}", "Ask for an export with a column that numbers or names its rows."
    return None


def _frames(source: Source, dataset: Dataset, place: Path) -> Iterator[pl.DataFrame]:
    import connectors

    with closing(connectors.read(source, dataset, folder=place if place.is_dir() else place.parent)) as batches:
        for batch in batches:
            yield batch.frame.drop(PROVENANCE)


def _rows(
    source: Source, dataset: Dataset, place: Path, sample: int
) -> tuple[pl.DataFrame, int, Mapping[str, str]]:  # fmt: skip
    """Rows from both ends, how many there are (counting stops at COUNTED), and the declared types."""
    import connectors

    types = connectors.shape(source, dataset, folder=place if place.is_dir() else place.parent).columns
    first: list[pl.DataFrame] = []
    last: list[pl.DataFrame] = []
    held = count = 0
    for frame in _frames(source, dataset, place):
        count += frame.height
        room = _room(frame, sample if not last else sample // 2, held)
        first.append(frame.head(room))
        held += first[-1].height
        if frame.height > room:
            last = [*last, frame.slice(room)]
            last = [pl.concat(last).tail(max(sample - held, sample // 2))]
        if count > COUNTED:
            break
    front = pl.concat(first)
    back = pl.concat(last).tail(max(0, sample - front.height) or sample // 2) if last else front.clear()
    whole = pl.concat([front.head(sample - back.height), back]) if back.height else front
    return whole, count, {one.name: one.type for one in types}


def _room(frame: pl.DataFrame, sample: int, held: int) -> int:
    """How many rows of a piece are still kept."""
    wide = max(1, int(frame.estimated_size()) // max(frame.height, 1))
    return max(0, min(sample, BYTES // wide) - held)


def _profiled(group: Group, rows: pl.DataFrame, count: int, types: Mapping[str, str]) -> TableProfile:
    columns: list[ColumnProfile] = []
    values: dict[str, Sequence[Any]] = {}
    whole = rows.height == count
    for name, dtype in rows.schema.items():
        column, values[name] = _column(rows[name], types.get(name, ""), dtype, whole=whole)
        columns.append(column)
    key = (PATH,) if group.kind in BY_ENDING and PATH in rows.columns else ()
    return TableProfile(
        name=group.name, path=group.path, below=group.below, rows=min(count, COUNTED), more=count > COUNTED,
        whole=whole, columns=tuple(columns), primary_key=key,
        found_key=() if key else found_key(values, columns, group.name),
    )  # fmt: skip


def _column(values: pl.Series, told: str, dtype: pl.DataType, *, whole: bool) -> tuple[ColumnProfile, Sequence[Any]]:
    """One column with what its values show."""
    declared = "" if told == "text" else told
    column = ColumnProfile(name=values.name, declared=declared, whole=whole)
    if dtype == pl.String and not declared:
        return spelled_column(column, values.to_list())
    family = (
        "integer" if dtype.is_integer() else next((one for kind, one in _FAMILIES if isinstance(dtype, kind)), None)
    )
    column = column.model_copy(update={
        "family": family or "string", "scale": dtype.scale if isinstance(dtype, pl.Decimal) else None,
    })  # fmt: skip
    native = values.to_list() if not dtype.is_nested() and dtype != pl.Binary else []
    return profiled_column(column, native), native


def _key_values(
    source: Source, dataset: Dataset, place: Path, key: Sequence[str], rows: pl.DataFrame, table: TableProfile
) -> frozenset[str] | None:
    """The key's values as texts (of several columns joined), or None where it is not unique in all rows."""
    if table.more:
        return None
    frames = iter([rows]) if table.whole else _frames(source, dataset, place)
    joined = pl.concat_str([pl.col(name).cast(pl.String).str.strip_chars() for name in key], separator="\x1f")
    told = pl.concat([frame.select(joined.alias("key")) for frame in frames])["key"]
    different = frozenset(told.drop_nulls())
    return different if len(different) == told.len() else None

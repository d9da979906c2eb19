"""Parquet files, in row batches, with the types the files declare."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.batch import Batch
from connectors.bounding import bounded
from connectors.files import common_columns, files_of, location_of, opened, refuse_reserved


def read(source: Source, dataset: Dataset, *, folder: Path) -> Iterator[Batch]:
    """Rows of all files; nested values are handed over as they are.

    All batches have the columns of all files. Where files declare different types, the wider one holds for all; raises
    SourceUnreadable where there is none, or where a value does not fit into it unchanged.
    """
    files = files_of(source, dataset, folder=folder)
    schema = _schema(source, dataset, files)
    refuse_reserved(schema.names, source, dataset, "the file")
    for path in files:
        place = location_of(path, folder=folder)
        position, yielded = 1, False
        with _readable(path, source, dataset), opened(path, source, dataset) as handle, pq.ParquetFile(handle) as file:
            for batch in file.iter_batches(batch_size=_rows_at_once(file, source)):
                for frame in bounded(_frame(pa.Table.from_batches([batch]), schema), source):
                    yield Batch(_placed(frame, place, position))
                    position, yielded = position + frame.height, True
        if not yielded:
            yield Batch(_placed(_frame(schema.empty_table(), schema), place, 1))


def columns(source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
    """Columns with their Arrow types: a promised one only where every file has it, a new one where any has it."""
    files = files_of(source, dataset, folder=folder)
    schema = _schema(source, dataset, files)
    held = [_declared(source, dataset, path).names for path in files]
    return {name: str(schema.field(name).type) for name in common_columns(dataset, held)}


def _declared(source: Source, dataset: Dataset, path: Path) -> pa.Schema:
    with _readable(path, source, dataset), opened(path, source, dataset) as handle, pq.ParquetFile(handle) as file:
        declared = file.schema_arrow.remove_metadata()
    repeated = [name for name in declared.names if declared.names.count(name) > 1]
    if repeated:
        raise SourceUnreadable(
            source.name, dataset.name, f"'{path.name}' names the column '{repeated[0]}' twice", "Ask for one each."
        )
    plain = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in declared
    ]
    return pa.schema([field.with_nullable(True) for field in plain])


def _schema(source: Source, dataset: Dataset, files: list[Path]) -> pa.Schema:
    """One schema for all files."""
    declared = [_declared(source, dataset, path) for path in files]
    try:
        return pa.unify_schemas(declared, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise SourceUnreadable(
            source.name, dataset.name, f"its files declare different types: {str(error).splitlines()[0]}",
            "Ask for exports of one layout, or declare a dataset for each.",
        ) from None  # fmt: skip


def _frame(table: pa.Table, schema: pa.Schema) -> pl.DataFrame:
    present = {name: table[name] for name in table.column_names}
    whole = pa.table(
        {
            field.name: present[field.name].cast(field.type)
            if field.name in present
            else pa.nulls(table.num_rows, field.type)
            for field in schema
        }
    )
    frame = pl.from_arrow(whole)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table becomes a frame
    return frame


def _rows_at_once(file: pq.ParquetFile, source: Source) -> int:
    """As many rows as a batch may hold, by the size that the file's row groups declare."""
    groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    widest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=0.0)
    return max(1, min(source.batch_rows, int(source.batch_bytes / max(widest, 1.0))))


def _placed(frame: pl.DataFrame, place: str, position: int) -> pl.DataFrame:
    numbers = pl.int_range(position, position + frame.height, dtype=pl.Int64, eager=True)
    return frame.with_columns(pl.lit(place, pl.String).alias("_location"), numbers.alias("_position"))


@contextmanager
def _readable(path: Path, source: Source, dataset: Dataset) -> Iterator[None]:
    """What Arrow cannot read is one line that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        what = f"'{path.name}' is not a whole Parquet file of one layout"
        raise SourceUnreadable(source.name, dataset.name, what, "Ask for the export again.") from error

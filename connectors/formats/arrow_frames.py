"""Arrow's tables as frames: types as they are declared, dictionaries unpacked, and whatever is damaged refused.

Types are those of the Arrow columnar format (arrow.apache.org/docs/format/Columnar.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import FileRefused
from connectors.formats.slices import refuse_reserved, refuse_too_large, sliced
from connectors.formats.tables import Limits, Noticed, Piece, empty

WIDEST_DECIMAL = 38  # digits that a frame's decimals hold; more are carried as text


def declared(schema: pa.Schema) -> dict[str, str]:
    """The columns and their types in the file's own words. Raises FileRefused for names that cannot be told apart."""
    names = schema.names
    repeated = [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
    if repeated:
        raise FileRefused(f"it names the column '{repeated[0]}' twice", "Ask for one each.")
    refuse_reserved(names)
    return {name: str(field.type) for name, field in zip(named(schema), schema, strict=True)}


def named(schema: pa.Schema) -> list[str]:
    """The columns' names; one that the file leaves empty gets its position."""
    taken = set(schema.names)
    told = []
    for at, name in enumerate(schema.names, start=1):
        while not name or (name in told):
            name = f"column_{at}" if f"column_{at}" not in taken else f"column_{at}_2"
        told.append(name)
    return told


def noticed(schema: pa.Schema) -> list[Noticed]:
    """What is odd about the columns."""
    unnamed = sum(not name for name in schema.names)
    wide = [field.name for field in schema if _is_too_wide(field.type)]
    told = []
    if unnamed:
        message = "columns without a name are called by their position"
        told.append(Noticed("unnamed-columns", message, count=unnamed, unit="columns"))
    if wide:
        message = f"decimals of more than {WIDEST_DECIMAL} digits are carried as text"
        told.append(Noticed("wide-decimals", message, "info", count=len(wide), unit="columns"))
    return told


def frame_schema(schema: pa.Schema) -> pl.Schema:
    """The columns' types in frames. Raises FileRefused for a type that frames do not have."""
    for field in schema:
        if _is_foreign(field.type):
            raise FileRefused(
                f"column '{field.name}' is of the type {field.type}, which is not carried",
                "Ask for the export without it, or as text.",
            )
    return _frame(schema.empty_table()).schema


def pieces(batches: Iterator[pa.RecordBatch], schema: pl.Schema, limits: Limits) -> Iterator[Piece]:
    """The rows of record batches, in order; at least one piece."""
    position = 1
    for batch in batches:
        batch.validate(full=True)  # offsets and texts of a damaged file would lead outside its memory
        for frame in sliced(_frame(pa.Table.from_batches([batch])), limits):
            if not frame.height:
                continue
            refuse_too_large(frame, limits)
            numbers = pl.int_range(position, position + frame.height, dtype=pl.Int64, eager=True)
            yield Piece(frame.with_columns(numbers.alias("_position")))
            position += frame.height
    if position == 1:
        yield empty(schema)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """What Arrow cannot read is refused. `what` is the kind of file, `Parquet`."""
    try:
        yield
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError, EOFError, UnicodeDecodeError) as error:
        raise refused(what, error) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # Polars' answer to names that are no text; no Exception
            raise
        raise refused(what, RuntimeError()) from None


def refused(what: str, error: Exception) -> FileRefused:
    """The refusal that an error of Arrow's stands for; its text is not told, because it may hold a value."""
    if isinstance(error, pa.ArrowNotImplementedError):
        return FileRefused(f"the {what} file holds types that are not carried", "Ask for it with plainer columns.")
    if "crypt" in str(error).lower():
        return FileRefused(f"the {what} file is encrypted", "Ask for it without encryption.")
    return FileRefused(f"it is not a whole {what} file: it was cut off or damaged", "Ask for the export again.")


def _frame(table: pa.Table) -> pl.DataFrame:
    plain = [column if (to := _plain(column.type)) == column.type else _cast(column, to) for column in table.columns]
    return _framed(pa.table(plain, names=named(table.schema)))


def _framed(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table becomes a frame
    return frame


def _cast(column: pa.ChunkedArray, to: pa.DataType) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if pa.types.is_run_end_encoded(column.type):
        chunks = [pc.run_end_decode(chunk) for chunk in column.chunks]
        column = pa.chunked_array(chunks, column.type.value_type)
    return column if column.type == to else column.cast(to)


def _is_foreign(kind: pa.DataType) -> bool:
    """Whether frames have nothing like the type, at any depth."""
    is_ = pa.types
    if is_.is_union(kind) or is_.is_interval(kind) or is_.is_list_view(kind) or is_.is_large_list_view(kind):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return _is_foreign(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _is_foreign(kind.value_type)
    return any(_is_foreign(kind.field(at).type) for at in range(kind.num_fields))


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without dictionaries, run lengths, extensions and digits that frames do not have, at any depth."""
    is_ = pa.types
    if is_.is_dictionary(kind) or is_.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if _is_too_wide(kind):
        return pa.string()
    if is_.is_decimal256(kind):
        return pa.decimal128(kind.precision, kind.scale)
    if is_.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    if is_.is_map(kind):
        entry = [pa.field("key", _plain(kind.key_type), nullable=False), pa.field("value", _plain(kind.item_type))]
        return pa.list_(pa.struct(entry))
    if is_.is_large_list(kind):
        return pa.large_list(_plain_item(kind))
    if is_.is_fixed_size_list(kind):
        return pa.list_(_plain_item(kind), kind.list_size)
    return pa.list_(_plain_item(kind)) if is_.is_list(kind) else kind


def _plain_item(kind: Any) -> pa.Field:
    field: pa.Field = kind.value_field
    return field.with_type(_plain(field.type))


def _is_too_wide(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal256(kind)) and kind.precision > WIDEST_DECIMAL

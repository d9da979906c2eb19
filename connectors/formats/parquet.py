"""Parquet files: row group by row group, with the types that the file declares; nested values as they are.

The format is Apache Parquet (parquet.apache.org/docs/file-format). A file is read in memory that does not grow with it:
column chunks come through a buffer, rows in batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from connectors.formats.tables import File, FormatOptions, Limits, Piece, Table

if TYPE_CHECKING:
    import pyarrow.parquet as pq

WHAT = "Parquet"
MARKS = (b"PAR1", b"PARE")  # the second begins a file whose footer is encrypted
BUFFER_BYTES = 1024 * 1024  # of a column chunk that are held at once


class Options(FormatOptions):
    """Nothing needs to be declared: a Parquet file declares itself."""


def recognises(head: bytes, file: File) -> bool:
    """Whether a file begins with Parquet's mark."""
    return head.startswith(MARKS)


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table of the file. Raises FileRefused where it is cut, damaged, encrypted or names a column twice."""
    from connectors.formats.arrow_frames import declared, frame_schema, noticed, pieces, readable

    with readable(WHAT), _opened(file) as parquet:
        declaration = parquet.schema_arrow.remove_metadata()
        named, schema = declared(declaration), frame_schema(declaration)
        rows_at_once = _rows_at_once(parquet, limits)
        meta: dict[str, Any] = {
            "format": "parquet",
            "rows": parquet.metadata.num_rows,
            "row_groups": parquet.metadata.num_row_groups,
            "written_by": parquet.metadata.created_by or "",
        }

    def read() -> Iterator[Piece]:
        with readable(WHAT), _opened(file) as parquet:
            yield from pieces(parquet.iter_batches(batch_size=rows_at_once), schema, limits)

    return [Table("table", schema, named, read, meta, noticed(declaration))]


def _opened(file: File) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    return pq.ParquetFile(file.path, buffer_size=BUFFER_BYTES)


def _rows_at_once(parquet: pq.ParquetFile, limits: Limits) -> int:
    """As many rows as a piece may hold, by the size that the file's row groups declare."""
    groups = [parquet.metadata.row_group(at) for at in range(parquet.metadata.num_row_groups)]
    widest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows > 0), default=0.0)
    return max(1, min(limits.batch_rows, int(limits.batch_bytes / max(widest, 1.0))))

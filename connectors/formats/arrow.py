"""Arrow's own files: IPC file (also called Feather version 2) and IPC stream, with the types that they declare.

The formats are those of arrow.apache.org/docs/format/Columnar.html (serialization and interprocess communication). One
record batch is held at a time; its writer chose how large it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from catalog.errors import FileRefused
from connectors.formats.tables import File, FormatOptions, Limits, Noticed, Piece, Table

if TYPE_CHECKING:
    import pyarrow as pa

WHAT = "Arrow"
FILE = b"ARROW1"
STREAM = b"\xff\xff\xff\xff"  # since Arrow 0.15; then the length of the schema's message
END = b"\xff\xff\xff\xff\0\0\0\0"  # of a stream, since Arrow 0.15
FEATHER_1 = b"FEA1"
LONGEST_SCHEMA = 16 * 1024 * 1024


class Options(FormatOptions):
    """Nothing needs to be declared: an Arrow file declares itself."""


def recognises(head: bytes, file: File) -> bool:
    """Whether a file begins with the mark of an IPC file, or with the schema of a stream."""
    return head.startswith((FILE, FEATHER_1)) or (
        head.startswith(STREAM) and 0 < int.from_bytes(head[4:8], "little", signed=True) < LONGEST_SCHEMA
    )


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table of the file. Raises FileRefused where it is cut, damaged, or of a version that is gone."""
    from connectors.formats.arrow_frames import declared, frame_schema, noticed, pieces, readable

    head = file.head(len(FILE))
    if head.startswith(FEATHER_1):
        raise FileRefused("it is a Feather file of version 1", "Write it anew as Feather version 2, or as Parquet.")
    with readable(WHAT), _opened(file) as reader:
        declaration = reader.schema.remove_metadata()
        named, schema = declared(declaration), frame_schema(declaration)
    meta: dict[str, Any] = {"format": "arrow", "form": "file" if head == FILE else "stream"}

    def read() -> Iterator[Piece]:
        with readable(WHAT), _opened(file) as reader:
            yield from pieces(_batches(reader), schema, limits)

    return [Table("table", schema, named, read, meta, [*noticed(declaration), *_unended(file, meta["form"])])]


def _unended(file: File, form: str) -> list[Noticed]:
    """A stream may end without a mark, says the specification; one that was cut between two batches does, too."""
    with file.path.open("rb") as content:
        content.seek(max(0, file.size - len(END)))
        if form == "file" or content.read() == END:
            return []
    message = "the stream has no mark at its end: it may have been cut between two batches"
    return [Noticed("no-end-mark", message, unit="files", remedy="Compare the number of rows with the sender's.")]


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    """A reader of record batches. Mapped into memory, a length that leads beyond the end of the file is an error."""
    import pyarrow as pa

    if not file.size:
        raise FileRefused("the file is empty", "Ask for the export again.")
    with pa.memory_map(str(file.path)) as content:
        is_file = content.read(len(FILE)) == FILE
        content.seek(0)
        with (pa.ipc.open_file if is_file else pa.ipc.open_stream)(content) as reader:
            yield reader


def _batches(reader: Any) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
    else:
        yield from reader

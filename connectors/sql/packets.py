"""Read a SELECT of MariaDB or MySQL column by column, straight from the rows the server sends as text.

pymysql makes Python values cell by cell, about 4 microseconds each. Here only the rows are walked in Python; the
cells of a column are found in all rows at once and handed to Polars as views into what was received, nothing copied.
The layout: MariaDB's documentation, "Result Set Packets", row in text format, length-encoded strings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pymysql
from sqlalchemy import Connection, Select
from sqlalchemy.exc import DBAPIError

from catalog.models import Source
from connectors.sql.ahead import framed
from connectors.sql.texts import typed
from connectors.sql.types import Carried, Misfit, Oversized, shortest

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

WHOLE = 0xFFFFFF  # a packet of this many bytes goes on in the next one
EOF, ERROR, NULL = 0xFE, 0xFF, 0xFB
SHORTEST_ROW = 9  # a packet that begins with 0xFE and is shorter than this ends the rows
INLINE = 12  # bytes of a text that a view holds itself; of a longer one it holds four, and its place
VIEW = np.dtype([("length", "<u4"), ("text", f"V{INLINE}")])
KEPT = (np.tri(INLINE + 1, INLINE, -1, dtype=np.uint8) * 0xFF).view(f"V{INLINE}")[:, 0]  # by a text's length
ROWS_AT_ONCE = 16_384  # as many as a processor's cache holds: the bytes of a row are visited column after column
CHUNK = 2**18  # bytes asked of the socket at once
PADDING = bytes(16)  # behind a portion, so that a cell's first bytes can be read in one go
LOST = 2013  # the error number of a lost connection


def fits(connection: Connection) -> bool:
    """Whether the driver is pymysql with the parts that are read here."""
    driver = connection.connection.driver_connection
    return isinstance(driver, pymysql.connections.Connection) and all(
        hasattr(driver, part) for part in ("_rfile", "_next_seq_id", "_execute_command")
    )


def received(
    connection: Connection, statement: Select[Any], columns: Sequence[Carried], source: Source
) -> Iterator[pl.DataFrame]:
    """Frames of at most `batch_rows` rows and about `batch_bytes` of text.

    Raises Misfit where a column holds a value outside of its type, after the rest of the rows has been let pass: the
    connection and its snapshot go on. Raises Oversized before a row larger than `cell_bytes` is held.
    """
    told = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor(pymysql.cursors.SSCursor)
    try:
        cursor.execute(str(told).replace("%%", "%"))
        portions = _portions(driver, source)
        frames = framed(portions, lambda told: _frame(*told, columns))
        while True:
            try:
                frame = next(frames, None)
            except (Misfit, pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException):
                for _ in portions:  # the connection goes on; an interrupt does not wait for them
                    pass
                raise
            if frame is None:
                break
            yield frame
    except pymysql.MySQLError as error:
        raise DBAPIError.instance(  # as SQLAlchemy itself would raise it
            None, None, error, pymysql.MySQLError, connection_invalidated=not driver.open, dialect=connection.dialect
        ) from None  # fmt: skip
    finally:
        if driver._result is not None and driver._result.unbuffered_active:
            driver._result.unbuffered_active = False
            driver._force_close()  # the rest of the rows is on its way, and nobody wants it


def _portions(driver: Any, source: Source) -> Iterator[tuple[Places, bytearray]]:
    """Where each row begins in the bytes beside it, which end with PADDING.

    A loop over rows, because where one begins is known only from where the one before ended.
    """
    most, size = source.batch_rows, source.batch_bytes
    buffer, at, sequence = bytearray(), 0, driver._next_seq_id
    starts: list[int] = []
    while True:
        held = len(buffer) - 4
        while at <= held:
            length = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
            if length > held - at or length >= WHOLE:
                break
            first = buffer[at + 4]
            if buffer[at + 3] != sequence or (first >= EOF and (first == ERROR or length < SHORTEST_ROW)):
                break
            starts.append(at + 4)
            at += 4 + length
            sequence = (sequence + 1) % 256
            if at >= size or len(starts) >= most:
                break
        driver._next_seq_id = sequence
        if starts and (at >= size or len(starts) >= most):
            rest = buffer[at:]
            buffer[at:] = PADDING
            yield np.array(starts, dtype=np.int64), buffer
            buffer, at, starts = rest, 0, []
        elif at > held or length > held - at or length >= WHOLE:
            if at <= held and length >= WHOLE:
                if starts:
                    yield np.array(starts, dtype=np.int64), buffer[:at] + PADDING
                row, buffer = _large(driver, buffer[at:], source)
                yield np.zeros(1, dtype=np.int64), row + PADDING
                at, starts, sequence = 0, [], driver._next_seq_id
            elif at <= held and length > source.cell_bytes:
                driver._force_close()  # nobody wants the rest
                raise Oversized(length)
            else:
                buffer += _more(driver)
        else:
            if starts:
                yield np.array(starts, dtype=np.int64), buffer[:at] + PADDING
            _end(driver, bytes(buffer[at + 4 : at + 4 + length]), buffer[at + 3])
            return


def _large(driver: Any, buffer: bytearray, source: Source) -> tuple[bytearray, bytearray]:
    """A row that takes several packets, and what was received behind it."""
    row, at = bytearray(), 0
    while True:
        while len(buffer) - at < 4:
            buffer += _more(driver)
        length = int.from_bytes(buffer[at : at + 3], "little")
        if len(row) + length > source.cell_bytes:
            driver._force_close()
            raise Oversized(len(row) + length)
        if buffer[at + 3] != driver._next_seq_id:
            raise _lost(driver)
        while len(buffer) - at < 4 + length:
            buffer += _more(driver)
        row += buffer[at + 4 : at + 4 + length]
        driver._next_seq_id = (driver._next_seq_id + 1) % 256
        at += 4 + length
        if length < WHOLE:
            return row, buffer[at:]


def _end(driver: Any, packet: bytes, sequence: int) -> None:
    """The packet behind the last row: the end, or the error that came instead."""
    if sequence != driver._next_seq_id:
        raise _lost(driver)
    driver._next_seq_id = (sequence + 1) % 256
    driver._result.unbuffered_active = False
    driver._result.connection = None
    if packet[0] == ERROR:
        pymysql.err.raise_mysql_exception(packet)


def _more(driver: Any) -> bytes:
    """What the socket has, at least one byte."""
    try:
        piece = driver._rfile.read1(CHUNK)
    except OSError:
        piece = b""
    if not piece:
        raise _lost(driver)
    return bytes(piece)


def _lost(driver: Any) -> pymysql.err.OperationalError:
    driver._force_close()
    return pymysql.err.OperationalError(LOST, "Lost connection to the server during the query")


def _frame(starts: Places, portion: bytearray, columns: Sequence[Carried]) -> pl.DataFrame:
    """The rows of a portion, each column in its type."""
    data, buffer = np.frombuffer(portion, dtype=np.uint8), pa.py_buffer(portion)
    twelve = np.ndarray(len(portion) - INLINE + 1, f"V{INLINE}", portion, strides=(1,))
    views = np.empty((len(columns), len(starts)), dtype=VIEW)
    nulls = np.empty((len(columns), len(starts)), dtype=np.bool_)
    for row in range(0, len(starts), ROWS_AT_ONCE):
        at, rows = starts[row : row + ROWS_AT_ONCE], slice(row, row + ROWS_AT_ONCE)
        for column in range(len(columns)):
            nulls[column, rows], begin, length = _cells(data, at)
            _view(views[column, rows], begin, length, twelve)
            at = begin + length
    told = [_column(column, nulls[at], views[at], buffer) for at, column in enumerate(columns)]
    frame = typed(pl.DataFrame(told), columns)
    single = [column.name for column in columns if column.single]
    return frame.with_columns([shortest(frame[name]) for name in single]) if single else frame


def _cells(data: Bytes, at: Places) -> tuple[npt.NDArray[np.bool_], Places, Places]:
    """Which cells that begin at these places are NULL, and where each one's text begins and how long it is."""
    head = data[at]
    null = head == NULL
    length = head.astype(np.int64)
    length[null] = 0
    begin = at + 1
    if head.max() > NULL:
        for mark, width in ((0xFC, 2), (0xFD, 3), (0xFE, 8)):  # the length stands in so many bytes behind the mark
            long = np.flatnonzero(head == mark)
            if long.size:
                length[long] = sum(data[at[long] + 1 + byte].astype(np.int64) << 8 * byte for byte in range(width))
                begin[long] += width
    return null, begin, length


def _view(views: npt.NDArray[Any], begin: Places, length: Places, twelve: npt.NDArray[Any]) -> None:
    """Fill in the views of texts: the length, then the text itself where it is short, else its head and its place.

    `twelve` is the twelve bytes from each place on. The layout: Arrow's columnar format, "Variable-size Binary View
    Layout".
    """
    views["length"], views["text"] = length, twelve[begin]
    words = views.view("<u4").reshape(len(views), 4)
    if length.min() < INLINE:
        words[:, 1:] &= KEPT[np.minimum(length, INLINE)].view("<u4").reshape(len(views), 3)
    if length.max() > INLINE:
        long = length > INLINE
        words[:, 2], words[:, 3] = np.where(long, 0, words[:, 2]), np.where(long, begin, words[:, 3])


def _column(column: Carried, null: npt.NDArray[np.bool_], views: npt.NDArray[Any], buffer: pa.Buffer) -> pl.Series:
    """A column of text, whose views point into the buffer."""
    valid = pa.py_buffer(np.packbits(~null, bitorder="little")) if null.any() else None
    kind = pa.binary_view() if column.dtype == pl.Binary() else pa.string_view()
    cells = pa.Array.from_buffers(kind, len(views), [valid, pa.py_buffer(views), buffer])
    cells.validate(full=True)
    return pl.Series(column.name, pl.from_arrow(cells))

"""Follow the binary log of MySQL or MariaDB over an ordinary connection, as a replica that asks and does not wait.

Formats: MySQL's documentation, "Binary Log Event" and "COM_BINLOG_DUMP"; MariaDB's, "Replication Protocol". Rows are
left as they are: `connectors.sql.feeds.images` takes the keys out of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from struct import pack, unpack_from
from typing import Any, NamedTuple
from uuid import UUID

from connectors.sql.feeds.keys import Unclear

QUERY, ROTATE, FORMAT, TABLE_MAP = 2, 4, 15, 19
WRITE, UPDATE, DELETE = (20, 23, 30), (21, 24, 31), (22, 25, 32)  # of three versions
INCIDENT, XA_PREPARE, PARTIAL_UPDATE, PAYLOAD, HEARTBEAT = 26, 38, 39, 40, 27
GTID, ANONYMOUS_GTID, MARIADB_GTID = 33, 34, 162
BEGINS = (GTID, ANONYMOUS_GTID, MARIADB_GTID)  # a transaction
QUERY_COMPRESSED = 165
COMPRESSED = {166: 23, 167: 24, 168: 25, 169: 30, 170: 31, 171: 32}  # MariaDB's, and the rows they hold
COM_BINLOG_DUMP, END_AT_END = 0x12, 1
HEADER = 19  # bytes of an event
CHECKSUM = 4
FURTHEST = 2**32  # bytes into a file that a replica can ask for


class Event(NamedTuple):
    """One event: its kind, its file, where it ends there (0: the server made it up), its second, its body."""

    kind: int
    file: str
    end: int
    second: int
    body: bytes


def events(connection: Any, server: int, file: str, position: int) -> Iterator[Event]:
    """Events from a position on, up to the log's end; `server` is the number we go by as a replica.

    The driver raises its own errors, 1236 among them where the log no longer holds the position.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET @master_binlog_checksum = @@global.binlog_checksum, @mariadb_slave_capability = 4")
        cursor.execute("SET @source_binlog_checksum = @@global.binlog_checksum")  # its name since MySQL 8.0.26
    # the driver has no word for a replica's request, and lends its own way of sending one
    connection._execute_command(COM_BINLOG_DUMP, pack("<IHI", position, END_AT_END, server) + file.encode())
    trailer, made_up = 0, None  # bytes of checksum behind an event of the file, and behind one the server makes up
    while True:
        packet = connection._read_packet()
        if packet.is_eof_packet():
            return
        data = packet.get_all_data()[1:]
        second, kind, _, _, end, _ = unpack_from("<IBIIIH", data)
        body = data[HEADER:]
        if kind == FORMAT:
            trailer = CHECKSUM if body[-5] == 1 else 0  # the algorithm, before a checksum that is always there
        elif kind == ROTATE and end == 0 and made_up is None:
            made_up = len(body) - 8 - len(file.encode())
        behind = (made_up or 0) if end == 0 and kind == ROTATE else trailer
        body = body[: len(body) - behind] if behind and kind != FORMAT else body
        if kind == ROTATE:
            yield Event(kind, file, end, second, body)
            file = body[8:].decode()
            continue
        yield Event(kind, file, end, second, body)


def statement(kind: int, body: bytes) -> tuple[str, str]:
    """The database that a QUERY event was said in, and its text."""
    _, _, size, _, variables = unpack_from("<IIBHH", body)
    at = 13 + variables
    text = body[at + size + 1 :]
    if kind == QUERY_COMPRESSED:
        text = inflated(text)
    return body[at : at + size].decode(), text.decode("utf-8", errors="backslashreplace")


def gtid(body: bytes) -> str:
    """The transaction's number in a GTID event of MySQL."""
    return f"{UUID(bytes=body[1:17])}:{int.from_bytes(body[17:25], 'little')}"


def inflated(data: bytes) -> bytes:
    """What MariaDB compressed: a byte of algorithm and length of the length, the length, and zlib's bytes."""
    if not data[0] & 0x80 or data[0] & 0x70:
        raise Unclear("the binary log is compressed in a way that is not known")
    size = data[0] & 0x07
    return zlib.decompress(data[1 + size :])

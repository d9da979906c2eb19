"""Take the key out of MySQL's row images, going over the other columns by their length.

Format: MySQL's documentation, "Table_map_event" and "Rows_event". What a column means (sign, character set) is not in
the log by default; `connectors.sql.feeds.columns` knows it from the table itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import unpack_from
from typing import NamedTuple

from connectors.sql.feeds import binlog
from connectors.sql.feeds.keys import Distinct, Raw, Unclear

FIXED = {1: 1, 2: 2, 3: 4, 6: 0, 7: 4, 8: 8, 9: 3, 10: 3, 11: 3, 12: 8, 13: 1, 14: 3}
FLOAT, DOUBLE, VARCHAR, BIT, TIMESTAMP2, DATETIME2, TIME2 = 4, 5, 15, 16, 17, 18, 19
BLOB_COMPRESSED, VARCHAR_COMPRESSED, VECTOR, JSON, DECIMAL = 140, 141, 242, 245, 246
BLOBS, VAR_STRING, STRING, GEOMETRY = (249, 250, 251, 252), 253, 254, 255
ENUM, SET = 247, 248
ONE_BYTE = (FLOAT, DOUBLE, TIMESTAMP2, DATETIME2, TIME2, BLOB_COMPRESSED, VECTOR, JSON, *BLOBS, GEOMETRY)
TWO_BYTES = (VARCHAR, BIT, VARCHAR_COMPRESSED, DECIMAL, VAR_STRING, STRING, ENUM, SET)
WHOLE = {TIMESTAMP2: 4, DATETIME2: 5, TIME2: 3}  # bytes before the fraction
PACKED = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)  # bytes of so many decimal digits
SECOND_VERSION = 30  # of the rows events, which carry data of their own behind the flags


class Step(NamedTuple):
    """How a column is gone over: `size` bytes, or as many as `prefix` bytes in front of it say."""

    size: int
    prefix: int


class Layout(NamedTuple):
    """A table as a TABLE_MAP event shows it. `types` are (type, first and second byte of what goes with it)."""

    number: int
    types: tuple[tuple[int, int, int], ...]
    steps: tuple[Step, ...]


def named(body: bytes) -> tuple[str, str]:
    """The schema and the table of a TABLE_MAP event."""
    schema = body[9 : 9 + body[8]]
    at = 9 + body[8] + 1
    return schema.decode(), body[at + 1 : at + 1 + body[at]].decode()


def layout(body: bytes) -> Layout:
    """Read a TABLE_MAP event."""
    at = 9 + body[8] + 1
    at += body[at] + 2
    count, at = _length(body, at)
    kinds, at = body[at : at + count], at + count
    _, at = _length(body, at)
    types = []
    for kind in kinds:
        size = 1 if kind in ONE_BYTE else 2 if kind in TWO_BYTES else 0
        if not size and kind not in FIXED:
            raise Unclear(f"the binary log holds a column of type {kind}, which is not known")
        types.append((kind, body[at] if size else 0, body[at + 1] if size == 2 else 0))
        at += size
    return Layout(table_number(body), tuple(types), tuple(_step(*one) for one in types))


def table_number(body: bytes) -> int:
    """Which TABLE_MAP a rows event goes with."""
    return int.from_bytes(body[:6], "little")


def tell(event: binlog.Event, places: Sequence[int], known: Layout, keys: Distinct) -> None:
    """Put the keys of all rows of a rows event, before and after, into `keys`."""
    kind = binlog.COMPRESSED.get(event.kind, event.kind)
    body, at = event.body, 8
    if kind >= SECOND_VERSION:
        at += unpack_from("<H", body, at)[0]
    count, at = _length(body, at)
    size = (count + 7) // 8
    shown = [int.from_bytes(body[at : at + size], "little")]
    at += size
    if kind in binlog.UPDATE:
        shown.append(int.from_bytes(body[at : at + size], "little"))
        at += size
    if event.kind in binlog.COMPRESSED:
        body, at = binlog.inflated(body[at:]), 0
    if count != len(known.steps):
        raise Unclear("the binary log holds a row of another form than its table")
    first, *others = [_Image(known.steps, places, present, count) for present in shown]
    if first.absent:
        raise Unclear("the binary log leaves the key out: its binlog_row_image is too small")
    while at < len(body):
        before, at = first.read(body, at)
        keys.add(before)
        for image in others:
            after, at = image.read(body, at)
            keys.add(image.over(before, after))


class _Image:
    """How rows with one set of present columns are read."""

    def __init__(self, steps: Sequence[Step], places: Sequence[int], present: int, count: int) -> None:
        self.order = [place for place in range(count) if present >> place & 1]
        self.steps = [(*steps[place], place) for place in self.order]
        self.places = places
        self.absent = {place for place in places if not present >> place & 1}
        self.nulls = (len(self.order) + 7) // 8

    def read(self, body: bytes, at: int) -> tuple[Raw, int]:
        """The key, and where the row ends."""
        nulls = int.from_bytes(body[at : at + self.nulls], "little")
        at += self.nulls
        found: dict[int, bytes] = {}
        wanted = self.places
        for bit, (size, prefix, place) in enumerate(self.steps):
            if nulls and nulls >> bit & 1:
                continue
            if prefix:
                size = int.from_bytes(body[at : at + prefix], "little")
                at += prefix
            if place in wanted:
                found[place] = body[at : at + size]
            at += size
        if at > len(body):
            raise Unclear("the binary log holds a row that ends too early")
        return tuple(found.get(place) for place in wanted), at

    def over(self, before: Raw, after: Raw) -> Raw:
        """The key after a change: what the image leaves out is as it was."""
        if not self.absent:
            return after
        pairs = zip(self.places, before, after, strict=True)
        return tuple(old if place in self.absent else new for place, old, new in pairs)


def _step(kind: int, first: int, second: int) -> Step:
    if kind in FIXED:
        return Step(FIXED[kind], 0)
    if kind in (FLOAT, DOUBLE):
        return Step(first, 0)
    if kind in WHOLE:
        return Step(WHOLE[kind] + (first + 1) // 2, 0)
    if kind in (VARCHAR, VARCHAR_COMPRESSED, VAR_STRING):
        return Step(0, 2 if first + 256 * second > 255 else 1)
    if kind == BIT:
        return Step(second + (first > 0), 0)
    if kind == DECIMAL:
        return Step(_digits(first - second) + _digits(second), 0)
    if kind in (ENUM, SET):
        return Step(second, 0)
    if kind == STRING:
        # the longest length of a CHAR has two bits in the byte of the type that it really is
        if first & 0x30 != 0x30:
            return Step(0, 2 if (((first & 0x30) ^ 0x30) << 4) + second > 255 else 1)
        return Step(second, 0) if first in (ENUM, SET) else Step(0, 1)
    return Step(0, first)


def _digits(count: int) -> int:
    return 4 * (count // 9) + PACKED[count % 9]


def _length(body: bytes, at: int) -> tuple[int, int]:
    """A length-encoded number, and where it ends."""
    size = {252: 2, 253: 3, 254: 8}.get(body[at], 0)
    return (int.from_bytes(body[at + 1 : at + 1 + size], "little") if size else body[at]), at + 1 + size

"""Decode what PostgreSQL's output plug-in `pgoutput` says of one table, as far as its keys.

Format: PostgreSQL's documentation, "Logical Replication Message Formats", protocol version 1. Values come as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import unpack_from

from connectors.sql.feeds.keys import Distinct, Raw, Unclear

INSERT, UPDATE, DELETE, TRUNCATE, RELATION, BEGIN = (ord(letter) for letter in "IUDTRB")
NEW, OLD, KEY = (ord(letter) for letter in "NOK")
NULL, UNCHANGED, TEXT, BINARY = (ord(letter) for letter in "nutb")
Column = bytes | None | int  # UNCHANGED: a long value that the change left alone, and is not told


class Cut(Exception):
    """A message was cut before its key ended."""


class Decoder:
    """Messages in, keys into `keys`: of the relations named by `tables` (their OIDs) and the columns `names`."""

    def __init__(self, tables: set[int], names: Sequence[str], keys: Distinct) -> None:
        self.tables, self.names, self.keys = tables, names, keys
        self.transactions: int = 0
        self.transaction: int = 0  # its 32-bit number
        self._places: dict[int, list[int]] = {}

    def tell(self, message: bytes) -> None:
        """Take one message in; `Unclear` where the whole table must be read, `Cut` where the message was cut."""
        kind = message[0]
        if kind == BEGIN:
            self.transaction = unpack_from(">I", message, 17)[0]
            self.transactions += 1
        elif kind in (INSERT, UPDATE, DELETE):
            relation = unpack_from(">I", message, 1)[0]
            if relation in self.tables:
                self._row(kind, message, self._places[relation])
        elif kind == RELATION:
            self._relation(message)
        elif kind == TRUNCATE:
            count = unpack_from(">I", message, 1)[0]
            if self.tables & set(unpack_from(f">{count}I", message, 6)):
                raise Unclear("the table was emptied by TRUNCATE")

    def _row(self, kind: int, message: bytes, places: list[int]) -> None:
        which, at = message[5], 6
        old: list[Column] | None = None
        if which in (OLD, KEY):
            old, at = _columns(message, at, places, whole=kind == UPDATE)
            self.keys.add(_key(old, None))
            if kind == DELETE:
                return
            which, at = message[at], at + 1
        if which != NEW:
            raise Unclear("the change log holds a row in a form that is not known")
        new, _ = _columns(message, at, places, whole=False)
        self.keys.add(_key(new, old))

    def _relation(self, message: bytes) -> None:
        relation = unpack_from(">I", message, 1)[0]
        if relation not in self.tables:
            return
        at = message.index(b"\0", 5) + 1  # the schema
        at = message.index(b"\0", at) + 1  # the table
        count = unpack_from(">h", message, at + 1)[0]  # behind one byte of replica identity
        at, found = at + 3, {}
        for place in range(count):
            end = message.index(b"\0", at + 1)
            found[message[at + 1 : end].decode()] = place
            at = end + 9  # type and modifier
        lacking = [name for name in self.names if name not in found]
        if lacking:
            raise Unclear(f"the change log does not tell the column '{lacking[0]}'")
        self._places[relation] = [found[name] for name in self.names]


def _columns(message: bytes, at: int, places: list[int], *, whole: bool) -> tuple[list[Column], int]:
    """The values at `places`, and where the tuple ends if it is gone through as a whole."""
    count = unpack_from(">h", message, at)[0]
    at += 2
    last, size = count if whole else max(places) + 1, len(message)
    held: list[Column] = []
    for _ in range(last):
        if at >= size:
            raise Cut
        kind = message[at]
        at += 1
        if kind in (TEXT, BINARY):
            if at + 4 > size:
                raise Cut
            end = at + 4 + int.from_bytes(message[at : at + 4], "big")
            if end > size:
                raise Cut
            held.append(message[at + 4 : end])
            at = end
        else:
            held.append(None if kind == NULL else UNCHANGED)
    return [held[place] for place in places], at


def _key(told: list[Column], old: list[Column] | None) -> Raw:
    key: list[bytes | None] = []
    for place, value in enumerate(told):
        one = old[place] if isinstance(value, int) and old else value
        if isinstance(one, int):
            raise Unclear("the change log leaves out a long key that did not change")
        key.append(one)
    return tuple(key)

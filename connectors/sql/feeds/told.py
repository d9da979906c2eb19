"""Go through a binary log's events and hold what they tell of one table: keys, or why these do not suffice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connectors.sql.feeds import binlog, images
from connectors.sql.feeds.keys import Distinct, Unclear

SMALL_TALK = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|GRANT|REVOKE|ANALYZE|FLUSH)\b", re.IGNORECASE)
DISTRIBUTED = re.compile(r"\s*XA\s+(START|END|COMMIT|ROLLBACK)\s+(\S+)", re.IGNORECASE)


class Watched(NamedTuple):
    """The table whose changes count."""

    schema: str
    table: str
    folded: bool  # the server writes names in lower case
    columns: int

    def holds(self, schema: str, table: str) -> bool:
        """Whether these are its names."""
        pair, told = (self.schema, self.table), (schema, table)
        return pair == told or (self.folded and tuple(map(str.lower, pair)) == tuple(map(str.lower, told)))

    def concerned(self, schema: str, text: str) -> bool:
        """Whether a statement may be about it: it says the table's name where it means this schema, or drops it."""
        here = self.holds(schema, self.table) or _says(text, self.schema)
        drops = re.match(r"\s*DROP\s+(DATABASE|SCHEMA)\b", text, re.IGNORECASE)
        return here and (_says(text, self.table) or bool(drops and _says(text, self.schema)))


class Told:
    """What the events told so far: `keys`, the last transaction, and where the next call may begin."""

    def __init__(self, watched: Watched, places: Sequence[int], keys: Distinct) -> None:
        self.watched, self.places, self.keys = watched, places, keys
        self.made = 0  # the second the file was made: another file of the same name is another log
        self.last = ""  # the number of the last transaction that touched the table, where MySQL numbers them
        self.open: set[str] = set()  # distributed transactions that were prepared before the first cursor
        self._layouts: dict[int, images.Layout] = {}
        self._prepared: dict[str, tuple[str, int]] = {}  # distributed transactions not ended yet: where they begin
        self._began = self._at = self._until = ("", 0)
        self._number = ""
        self._touching = False
        self._branch = ""

    def start(self, file: str, position: int, made: int, *, until: tuple[str, int]) -> None:
        """Where the events begin, in the file made at that second, and where to stop."""
        self._at = self._began = (file, position)
        self.made, self._until = made, until

    def kept(self) -> tuple[str, int]:
        """Where the next call begins: the end, or before a distributed transaction of the table that is not ended."""
        return next(iter(self._prepared.values()), self._until)

    def follow(self, events: Iterator[binlog.Event]) -> None:
        """Take events in up to the end; `Unclear` where the whole table must be read."""
        first = True
        for event in events:
            if event.kind == binlog.FORMAT:
                if first and event.second != self.made:
                    raise Unclear("the binary log was begun anew since the last read")
                first, self.made = False, event.second
                self._layouts.clear()
            elif event.kind == binlog.ROTATE:
                if event.end:
                    self._at = (event.body[8:].decode(), int.from_bytes(event.body[:8], "little"))
                continue
            elif event.end:
                self._take(event)
            if event.end:
                self._at = (event.file, event.end)
            if self._at[0] == self._until[0] and self._at[1] >= self._until[1] and not first:
                return

    def _take(self, event: binlog.Event) -> None:
        kind = binlog.COMPRESSED.get(event.kind, event.kind)
        if kind in binlog.BEGINS:
            self._began, self._touching, self._branch = self._at, False, ""
            self._number = binlog.gtid(event.body) if kind == binlog.GTID else ""
        elif kind == binlog.TABLE_MAP:
            self._map(event.body)
        elif kind in (*binlog.WRITE, *binlog.UPDATE, *binlog.DELETE, binlog.PARTIAL_UPDATE):
            known = self._layouts.get(images.table_number(event.body))
            if known is None:
                return
            if kind == binlog.PARTIAL_UPDATE:
                raise Unclear("the binary log tells only parts of rows: its binlog_row_value_options are set")
            self._touching, self.last = True, self._number or "unnumbered"
            images.tell(event, self.places, known, self.keys)
        elif kind in (binlog.QUERY, binlog.QUERY_COMPRESSED):
            self._statement(*binlog.statement(kind, event.body))
        elif kind == binlog.XA_PREPARE and self._touching:
            self._prepared[self._branch] = self._began
        elif kind == binlog.PAYLOAD:
            raise Unclear("the binary log is compressed as a whole: binlog_transaction_compression is on")
        elif kind == binlog.INCIDENT:
            raise Unclear("the binary log says that it lost changes")

    def _map(self, body: bytes) -> None:
        schema, table = images.named(body)
        if not self.watched.holds(schema, table):
            self._layouts.pop(images.table_number(body), None)
            return
        known = images.layout(body)
        if len(known.types) < self.watched.columns:
            raise Unclear("the table was altered")
        self._layouts[known.number] = known

    def _statement(self, schema: str, text: str) -> None:
        branch = DISTRIBUTED.match(text)
        if branch:
            what, self._branch = branch[1].upper(), branch[2].upper()
            if what in ("COMMIT", "ROLLBACK"):
                self._prepared.pop(self._branch, None)
                if self._branch in self.open:
                    raise Unclear("a distributed transaction ended that was prepared before the last whole read")
        elif not SMALL_TALK.match(text) and self.watched.concerned(schema, text):
            raise Unclear("a statement altered or emptied the table, or changed rows without telling which")


def _says(text: str, name: str) -> bool:
    quoted = re.escape(name.replace("`", "``"))
    return re.search(rf"(?<![\w$]){quoted}(?![\w$])", text, re.IGNORECASE) is not None

"""Tables that were opened to see their columns and hold their rows already, kept until the rows are read.

A workbook tells its columns' types only when all of its cells were seen, so that looking at it costs as much as reading
it. What is kept is bounded in bytes over all files, is given out once, and is known by content and declaration.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from connectors.formats.tables import Table

MOST_BYTES = 32 * 2**20  # of rows over all tables kept by one process: what a source may hand over at once by default

Key = tuple[str, ...]


class Held:
    """The tables; where they are too large together, those that have waited longest are let go."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._lock = most, threading.Lock()
        self._tables: OrderedDict[Key, Table] = OrderedDict()

    def put(self, key: Key, table: Table) -> None:
        """Keep a table, unless it reads its file anew for its rows, or is too large."""
        if not 0 < table.held <= self._most:
            return
        with self._lock:
            self._tables.pop(key, None)
            self._tables[key] = table
            while sum(one.held for one in self._tables.values()) > self._most:
                self._tables.popitem(last=False)

    def take(self, key: Key) -> Table | None:
        """The table, which is kept no longer; None where there is none."""
        with self._lock:
            return self._tables.pop(key, None)


HELD = Held()

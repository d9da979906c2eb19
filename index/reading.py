"""Read what is published: always the newest publication, or one version whatever is published meanwhile."""

from __future__ import annotations

import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING

from index.publications import LIVE
from index.store import Serving, Store
from index.tuning import parameters_of

if TYPE_CHECKING:
    from lancedb.table import LanceTable

RECHECK_SECONDS = 5.0  # how long a reader may serve the version before the newest publish


class Reader:
    """The published table, held open for many questions; looks for a newer publish every few seconds."""

    def __init__(self, store: Store, *, every: float = RECHECK_SECONDS) -> None:
        self.store, self.every = store, every
        self._lock = threading.Lock()
        self._serving: Serving | None = None
        self._checked = float("-inf")

    def serving(self) -> Serving | None:
        """The version at `live`, at most `every` seconds behind the newest publish. Ask once for each answer."""
        with self._lock:
            if time.monotonic() - self._checked >= self.every:
                tagged = self.store.tag(LIVE)
                if self._serving is None or tagged != int(self._serving.table.version):
                    self._serving = self.store.serving()
                self._checked = time.monotonic()
            return self._serving

    def live(self) -> LanceTable | None:
        """The same, without the parameters."""
        serving = self.serving()
        return None if serving is None else serving.table


class Snapshot:
    """One version of a store, whatever is published meanwhile: staged to be probed, or asked as of then.

    IndexStoreError where the version is not kept.
    """

    def __init__(self, store: Store, version: int) -> None:
        self._version = store.at(version)
        self.number, self.parameters = version, parameters_of(self._version)

    @cached_property
    def _serving(self) -> Serving:
        return Serving(self._version.table(), self.parameters)

    def serving(self) -> Serving:
        """The version, opened to be searched when it is first asked."""
        return self._serving

    def live(self) -> LanceTable:
        """The same, without the parameters."""
        return self._serving.table

"""How a lost connection is tried again: so many times as the source says, after pauses that grow."""

from __future__ import annotations

import time

from catalog.errors import SourceUnreachable
from catalog.models import Source
from connectors.sql.engines import Interrupted

PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a lost connection is tried again; doubled each time


class Patience:
    """What is left of a source's `retries` while something is read of it.

    A server that does not answer at all is tried again only if it did before: then it may be on its way back.
    """

    def __init__(self, source: Source) -> None:
        self._left, self._pause, self._answered = source.retries, PAUSE, False

    def bear(self, error: SourceUnreachable) -> None:
        """Wait before the next attempt; the error is raised where trying again makes no sense, or has not helped."""
        self._answered = self._answered or isinstance(error, Interrupted)
        if not self._left or not self._answered:
            raise error
        time.sleep(min(self._pause, LONGEST_PAUSE))
        self._left, self._pause = self._left - 1, self._pause * 2

"""Let a few questions work at once and a few more wait; refuse the rest at once rather than queue without end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread

from catalog.errors import LandbridgeError

AT_ONCE = 8  # throughput was measured to be flat beyond 8 clients on two cores; the rest is queueing
WAITING = 64  # at about 100 answers a second that is under a second of waiting
RETRY_AFTER = 1  # second

T = TypeVar("T")


class Busy(LandbridgeError):
    """Too many questions wait already."""

    def __str__(self) -> str:
        return "Too many questions are waiting. Ask again in a second."


class Gate:
    """One per server, shared by all doors. Work runs on threads, so that the event loop stays free."""

    def __init__(self, *, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self.most = at_once + waiting
        self._inside = 0
        self._limiter = anyio.CapacityLimiter(at_once)

    async def run(self, work: Callable[..., T], *arguments: object, **options: object) -> T:
        """The result of `work`, on a thread. Raises Busy where too many wait already."""
        if self._inside >= self.most:
            raise Busy
        self._inside += 1
        try:
            return await anyio.to_thread.run_sync(partial(work, *arguments, **options), limiter=self._limiter)
        finally:
            self._inside -= 1

"""Turn what was received into frames in a second thread, while the database sends the next portion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import polars as pl

Portion = TypeVar("Portion")


def framed(portions: Iterator[Portion], frame: Callable[[Portion], pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frame of each portion, in their order; at most one portion is received before its turn.

    What `frame` raises comes when its portion's turn does. `portions` are received by the caller's thread alone.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="frames") as other:
        before: Future[pl.DataFrame] | None = None
        for portion in portions:
            begun = other.submit(frame, portion)
            if before is not None:
                yield before.result()
            before = begun
        if before is not None:
            yield before.result()

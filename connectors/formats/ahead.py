"""Work on the next blocks of a file while one of them is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 3  # blocks that are worked on while another is used
SMALL_PORTION = 2**20  # bytes read at once; of smaller ones one is held after the other, for memory is scarce


def ahead(items: Iterator[A], work: Callable[[A], B], *, portion: int) -> Iterator[tuple[A, B]]:
    """Each item with what `work` makes of it, in order; what it raises comes out where its item would.

    Items are taken by the thread that asks for results, and worked on by others, at most AHEAD at once; one by one
    where the portions they are made of are smaller than SMALL_PORTION.
    """
    if portion < SMALL_PORTION:
        for item in items:
            yield item, work(item)
        return
    waiting: deque[tuple[A, Future[B]]] = deque()
    with ThreadPoolExecutor(AHEAD, thread_name_prefix="ahead") as threads:
        for item in items:
            waiting.append((item, threads.submit(work, item)))
            if len(waiting) > AHEAD:
                yield _done(*waiting.popleft())
        while waiting:
            yield _done(*waiting.popleft())


def _done(item: A, work: Future[B]) -> tuple[A, B]:
    return item, work.result()

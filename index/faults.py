"""Tell the store's own faults in one line with a remedy: damaged files, absent rights, a full disk, an object store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.errors import IndexStoreError
from index.object_storage import fault_of

_IN_RUST = re.compile(r",? /\S+\.rs:\d+:\d+")  # the line of the store's own source where a fault was noticed


def fault_told(uri: str, error: BaseException) -> IndexStoreError:
    """What the store says of damaged files, absent rights or a full disk, in its first words, and what to do."""
    known = fault_of(error) if "://" in uri else None
    if known is not None:
        return IndexStoreError(f"the index at {uri} does not work: {known[0]}", known[1])
    told = _IN_RUST.sub("", str(error).splitlines()[0])[:200] if str(error) else type(error).__name__
    return IndexStoreError(
        f"the index at {uri} does not work: {told}",
        "See that the disk has room and that this user may read and write there. If files are damaged, delete the "
        "index folder and run again: it is rebuilt from the ready rows.",
    )


@contextmanager
def faults_told(uri: str) -> Iterator[None]:
    """Raise IndexStoreError for what the store throws inside the block; see `fault_told`."""
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        raise fault_told(uri, error) from error

"""Forget the vectors of texts that no kept version of the index holds any more: what was deleted is gone everywhere.

A version is kept while it is live, can be rolled back to or be asked as of then. What a killed run embedded is in no
version yet; it stays until its dataset is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from index.store import Store
from index.vector_cache import VectorCache

if TYPE_CHECKING:
    from index.version import Version

DIGITS = 15  # hexadecimal, of a hash of 64: what fits a number of 64 bits; two texts in a million share none
ROWS = 65_536  # hashes in memory as text at once


def forget(store: Store, cache: VectorCache) -> int:
    """Forget what no kept version holds, once the cache's owner was published; how many vectors.

    In memory are 8 bytes for each text that is kept.
    """
    known = _kept(store)

    def is_kept(hashes: Sequence[str]) -> Sequence[bool]:
        numbers = _numbers(pl.Series(hashes, dtype=pl.String))
        at = np.searchsorted(known, numbers)
        found = np.append(known, -1)[at] == numbers
        return [bool(one) for one in found]

    return cache.forget(is_kept)


def _kept(store: Store) -> NDArray[np.int64]:
    """The beginnings of the hashes of all texts that are kept, sorted."""
    parts = [np.zeros(0, dtype=np.int64)]
    for fragment in _fragments(store):
        for batch in fragment.scanner(columns=["text_hash"], batch_size=ROWS).to_batches():
            parts.append(_numbers(pl.Series(batch["text_hash"].to_pylist(), dtype=pl.String)))
    return np.unique(np.concatenate(parts))


def _fragments(store: Store) -> Iterator[Any]:
    """Each fragment of any kept version once, as it is where fewest of its rows are deleted."""
    fullest: dict[tuple[str, ...], Any] = {}
    for version in store.versions:
        table: Version = store.at(version)
        lance: Any = table.to_lance()
        for fragment in lance.get_fragments():
            files = tuple(file.path for file in fragment.data_files())
            known = fullest.get(files)
            if known is None or fragment.num_deletions < known.num_deletions:
                fullest[files] = fragment
    yield from fullest.values()


def _numbers(hashes: pl.Series) -> NDArray[np.int64]:
    """The beginnings of hashes as numbers; -2, which no hash has, for what is none."""
    told = hashes.str.slice(0, DIGITS).str.to_integer(base=16, strict=False).fill_null(-2)
    numbers: NDArray[np.int64] = told.cast(pl.Int64).to_numpy()
    return numbers

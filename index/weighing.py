"""Weigh a version of the index: the bytes of its files, and what the same content would take if it were built fresh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index.version import Version


@dataclass(frozen=True, eq=False)
class Piece:
    """A fragment: the rows written into it, those that are not deleted, and the bytes of its files by name."""

    fragment: Any
    physical: int
    live: int
    sizes: dict[str, int]

    @property
    def deleted(self) -> float:
        """The share of deleted rows."""
        return 1 - self.live / self.physical


@dataclass(frozen=True)
class IndexPart:
    """An index: its segments with their bytes, oldest first, and about the bytes of it that are of rows still there."""

    name: str
    segments: dict[str, int]
    fresh: float

    @property
    def stale(self) -> float:
        """Bytes of it that are of rows that were deleted or written anew elsewhere."""
        return sum(self.segments.values()) - self.fresh


@dataclass(frozen=True)
class Weight:
    """All of one version."""

    pieces: tuple[Piece, ...]
    indices: tuple[IndexPart, ...]

    @property
    def rows(self) -> int:
        """Rows that are not deleted."""
        return sum(one.live for one in self.pieces)

    @property
    def files(self) -> dict[str, int]:
        """Bytes of each file, by name; a segment of an index counts as one."""
        segments = {f"_indices/{name}": size for one in self.indices for name, size in one.segments.items()}
        return {name: size for one in self.pieces for name, size in one.sizes.items()} | segments

    @property
    def fresh(self) -> float:
        """About the bytes of the same content built fresh: nothing of rows that are gone."""
        data = sum(sum(one.sizes.values()) * one.live / one.physical for one in self.pieces)
        return data + sum(one.fresh for one in self.indices)


def weight_of(table: Version) -> Weight:
    """Read from the version's own books, not from the disk."""
    lance: Any = table.to_lance()
    pieces = tuple(_piece(fragment) for fragment in lance.get_fragments())
    live = {one.fragment.fragment_id: one.live for one in pieces}
    return Weight(pieces, tuple(_index_part(index, live) for index in lance.describe_indices()))


def _piece(fragment: Any) -> Piece:
    sizes = {f"data/{file.path}": int(file.file_size_bytes or 0) for file in fragment.data_files()}
    return Piece(fragment, fragment.physical_rows, fragment.physical_rows - fragment.num_deletions, sizes)


def _index_part(index: Any, live: dict[int, int]) -> IndexPart:
    """The densest segment tells what a row takes: where rows of a segment are gone, those left seem to take more."""
    sizes = {str(one.uuid): int(one.size_bytes or 0) for one in index.segments}
    rows = [sum(live.get(number, 0) for number in one.fragment_ids) for one in index.segments]
    row = min((size / count for size, count in zip(sizes.values(), rows, strict=True) if count), default=0.0)
    return IndexPart(index.name, sizes, row * sum(rows))

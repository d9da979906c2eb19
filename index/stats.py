"""Tell what the index holds and what it costs: rows, versions, indices, measured recall, bytes by part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from catalog.errors import IndexStoreError
from catalog.index_place import ObjectPlace
from index.faults import faults_told
from index.object_storage import object_sizes
from index.publications import LIVE, PREVIOUS, publications
from index.schema import DIMENSION, MODEL
from index.store import Store
from index.tuning import Parameters, parameters_of
from index.weighing import weight_of

if TYPE_CHECKING:
    from index.version import Version

FLOAT = 4  # bytes


class IndexPart(BaseModel):
    """One index of the table: `unindexed` rows are found by a look at each."""

    model_config = ConfigDict(frozen=True)

    column: str
    kind: str
    rows: int
    unindexed: int
    segments: int


class Kept(BaseModel):
    """A version that may be served, rolled back to or asked as of then; `since` is when it last became live."""

    model_config = ConfigDict(frozen=True)

    version: int
    tags: tuple[str, ...] = ()
    since: datetime | None = None


class IndexStats(BaseModel):
    """The live version, or the newest where nothing is published; bytes are of the whole store."""

    model_config = ConfigDict(frozen=True)

    version: int
    model: str
    dimension: int
    rows: int
    documents: int
    fragments: int
    deleted_rows: int
    parameters: Parameters
    indices: tuple[IndexPart, ...]
    versions: int
    kept: tuple[Kept, ...]
    bytes_live: int
    bytes_by_part: dict[str, int]
    bytes_of_raw_vectors: int

    @property
    def bytes_on_disk(self) -> int:
        """All files of the store."""
        return sum(self.bytes_by_part.values())


def index_stats(store: Store) -> IndexStats:
    """What the store holds. IndexStoreError before the first write."""
    table = store.published() or store.latest()
    if table is None:
        raise IndexStoreError("there is no index yet", "Run the pipeline: landbridge run.")
    lance: Any = table.to_lance()
    fragments = list(lance.get_fragments())
    metadata, rows = table.schema.metadata or {}, table.count_rows()
    dimension = int(metadata.get(DIMENSION, b"0"))
    return IndexStats(
        version=table.version,
        model=metadata.get(MODEL, b"").decode(),
        dimension=dimension,
        rows=rows,
        documents=lance.count_rows(filter="ordinal = 0"),
        fragments=len(fragments),
        deleted_rows=sum(one.num_deletions for one in fragments),
        parameters=parameters_of(table),
        indices=tuple(_parts(table)),
        versions=len(store.versions),
        kept=_kept(store),
        bytes_live=sum(weight_of(table).files.values()),
        bytes_by_part=_bytes_by_part(store),
        bytes_of_raw_vectors=rows * dimension * FLOAT,
    )


def _parts(table: Version) -> list[IndexPart]:
    lance, parts = table.to_lance(), []
    for index in lance.describe_indices():
        stats = lance.stats.index_stats(index.name)
        parts.append(
            IndexPart(
                column=index.field_names[0], kind=stats["index_type"].upper(), rows=stats["num_indexed_rows"],
                unindexed=stats["num_unindexed_rows"], segments=stats["num_segments"],
            )
        )  # fmt: skip
    return sorted(parts, key=lambda part: part.column)


def _kept(store: Store) -> tuple[Kept, ...]:
    names: dict[int, list[str]] = {}
    for name in (LIVE, PREVIOUS):
        version = store.tag(name)
        if version is not None:
            names.setdefault(version, []).append(name)
    since = {one.version: max(one.moments) for one in publications(store)}
    return tuple(
        Kept(version=version, tags=tuple(names.get(version, ())), since=since.get(version))
        for version in sorted({*names, *since})
    )


def _bytes_by_part(store: Store) -> dict[str, int]:
    """Bytes by what files are for: data, indices, deletions, and the books of versions."""
    told = {"data": "data", "_indices": "indices", "_deletions": "deletions"}
    sizes: dict[str, int] = {}
    with faults_told(store.uri):
        for name, size in _files(store.place):
            below = name.split("/")[1:2]
            part = told.get(below[0] if below else "", "versions")
            sizes[part] = sizes.get(part, 0) + size
    return dict(sorted(sizes.items()))


def _files(place: Path | ObjectPlace) -> Iterator[tuple[str, int]]:
    """Name below the place, and bytes, of each file."""
    if isinstance(place, ObjectPlace):
        yield from object_sizes(place)
        return
    for path in place.rglob("*"):
        if path.is_file():
            yield path.relative_to(place).as_posix(), path.stat().st_size

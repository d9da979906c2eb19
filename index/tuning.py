"""Choose the indices that fit the table's size, build what is missing, and extend them by what is new.

What searches are to use of them, and the recall that was measured so, is written into the version itself: a version
that is rolled back to, or asked as of then, is searched as it was when it was published.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from catalog.models import IndexPlan

if TYPE_CHECKING:
    from index.version import Version

Kind = Literal["exact", "ivf_sq", "hnsw_sq"]
VECTOR = "vector"
# role and key lists have no index: filter expressions know no list functions
SCALAR = ("search_text", "keys_text", "id", "document_id", "dataset", "classification")
CONFIG = "landbridge.search"  # the key in the version's own configuration
SHRINK = 0.8  # of exact_up_to: a table that goes back and forth over the limit is not rebuilt each night
OUTGROWN = 4.0  # times the rows it was trained on, or a quarter of them: then the partitions no longer fit
TAIL = 256  # rows that no index covers: 256 cost a question in words about 1.5 ms (6 us each, measured at 60,000)
SEGMENTS = 12  # parts of one index: each costs a little per question; above, the newest are merged
FEW = 8  # segments that hold together at most this part of an index are merged: a merge writes them anew
ALL = 10_000  # partitions to probe: more than any index has, so all of them


class Parameters(BaseModel):
    """How the vectors of one version are searched, and what was measured with that."""

    model_config = ConfigDict(frozen=True)

    kind: Kind = "exact"
    probes: int = 50
    refine: int = 10
    ef: int = 200  # of HNSW only
    trained_on: int = 0  # rows, when the vector index was built
    recall: float | None = None  # recall@10 against the exact look; None: never measured, as with `exact`
    queries: int = 0  # it was measured with
    measured_at: int = 0  # the version
    segments: tuple[str, ...] = ()  # of the vector index, when it was measured


# from cheap to sure; the last looks at every vector and refines widely
LADDER = (
    {"probes": 20, "refine": 5, "ef": 100},
    {"probes": 50, "refine": 10, "ef": 200},
    {"probes": 100, "refine": 20, "ef": 400},
    {"probes": ALL, "refine": 50, "ef": 800},
)


def parameters_of(table: Version) -> Parameters:
    """What the version of this handle is to be searched with; of versions without a word of it, the old constants."""
    lance: Any = table.to_lance()
    told = lance.config().get(CONFIG)
    if told is not None:
        return Parameters.model_validate_json(told)
    return Parameters(kind=present_kind(table))


def write_parameters(table: Version, parameters: Parameters) -> None:
    """Make a new version, of the same content, that says how it is to be searched."""
    lance: Any = table.to_lance()
    lance.update_config({CONFIG: json.dumps(parameters.model_dump(mode="json"))})
    table.checkout_latest()


def tuned(table: Version, plan: IndexPlan, *, retrain: bool = False) -> Parameters:
    """Build the indices that are missing or no longer fit, and extend the others; the parameters to begin with.

    An empty table has nothing to index. `retrain` builds the vector index anew, also where its size still fits.
    """
    rows, known = table.count_rows(), parameters_of(table)
    if not rows:
        return Parameters()
    present = {index.field_names[0]: index.name for index in table.to_lance().describe_indices()}
    for column in SCALAR:
        if column not in present:
            table.create_index(column, _scalar_index(column))
    if retrain or not fits(table, plan):
        if VECTOR in present:
            table.to_lance().drop_index(present[VECTOR])
        kind = wanted_kind(rows, plan, known.kind)
        if kind != "exact":
            table.create_index(VECTOR, _vector_index(kind))
        known = Parameters(kind=kind, trained_on=rows, **LADDER[0])
    extend(table)
    return known


def fits(table: Version, plan: IndexPlan) -> bool:
    """Whether the vector index, or that there is none, is right for the table as it is now."""
    rows, known = table.count_rows(), parameters_of(table)
    present = VECTOR in {
        index.field_names[0] for index in table.to_lance().describe_indices()
    }  # a rewritten table has none left
    right = wanted_kind(rows, plan, known.kind) == known.kind and (known.kind != "exact") == present
    return right and not _outgrown(rows, known)


def wanted_kind(rows: int, plan: IndexPlan, present: Kind) -> Kind:
    """The kind of vector index for a table of this size; what is there stays a while below the limit."""
    if plan.kind != "auto":
        return plan.kind if rows else "exact"
    limit = plan.exact_up_to * (SHRINK if present != "exact" else 1)
    return "ivf_sq" if rows > limit else "exact"


def extend(table: Version) -> None:
    """Cover new rows, if they are more than a few, by a further segment of each index; of many, merge the newest.

    A segment of 1 % costs a hundredth of a rewrite. Rows that no index covers are found all the same: by a look at all.
    """
    lance: Any = table.to_lance()
    told = [lance.stats.index_stats(index.name) for index in lance.describe_indices()]
    tail = max((one["num_unindexed_rows"] for one in told), default=0)
    sizes = {index.name: [part.size_bytes or 0 for part in index.segments] for index in lance.describe_indices()}
    merged = {name: _newest_few(parts) for name, parts in sizes.items() if len(parts) >= SEGMENTS}
    if tail > TAIL and (others := [name for name in sizes if name not in merged]):
        lance.optimize.optimize_indices(index_names=others, num_indices_to_merge=0)
    for name, count in merged.items():
        lance.optimize.optimize_indices(index_names=[name], num_indices_to_merge=count)
    table.checkout_latest()


def present_kind(table: Version) -> Kind:
    """The kind of the vector index that is there."""
    kinds: dict[str, Kind] = {"IVF_SQ": "ivf_sq", "IVF_HNSW_SQ": "hnsw_sq"}
    for index in table.to_lance().describe_indices():
        if VECTOR in index.field_names:
            return kinds.get(index.index_type, "ivf_sq")
    return "exact"


def segments_of(table: Version) -> tuple[str, ...]:
    """The names of the parts of the vector index: as long as they are the same, so is the index."""
    lance: Any = table.to_lance()
    indices = [index for index in lance.describe_indices() if VECTOR in index.field_names]
    return tuple(sorted(str(part.uuid) for index in indices for part in index.segments))


def _newest_few(sizes: Sequence[int]) -> int:
    """How many of the newest segments to merge: two, or more while they are a small part of the index."""
    small = sum(1 for size in accumulate(reversed(sizes)) if size * FEW <= sum(sizes))
    return max(2, small)


def _outgrown(rows: int, known: Parameters) -> bool:
    if known.kind == "exact" or not known.trained_on:
        return False
    return rows > known.trained_on * OUTGROWN or rows * OUTGROWN < known.trained_on


def _vector_index(kind: Kind) -> Any:
    from lancedb.index import HnswSq, IvfSq

    return HnswSq(distance_type="cosine") if kind == "hnsw_sq" else IvfSq(distance_type="cosine")


def _scalar_index(column: str) -> Any:
    """Its configuration."""
    from lancedb.index import FTS, Bitmap, BTree

    if column == "search_text":
        return FTS(stem=True, remove_stop_words=True, with_position=False)
    if column == "keys_text":  # keys are codes: whole, unstemmed, between blanks
        return FTS(
            base_tokenizer="whitespace", stem=False, remove_stop_words=False, ascii_folding=False, max_token_length=128
        )
    return Bitmap() if column in ("dataset", "classification") else BTree()

"""Choose the indices that fit the table's size, build what is missing, and extend them by what is new.

What searches are to use of them, and the recall that was measured so, is written into the version itself: a version
that is rolled back to, or asked as of then, is searched as it was when it was published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from catalog.models import IndexPlan

if TYPE_CHECKING:
    from lancedb.table import LanceTable

Kind = Literal["exact", "ivf_sq", "hnsw_sq"]
VECTOR = "vector"
CONFIG = "landbridge.search"  # the key in the version's own configuration
SHRINK = 0.8  # of exact_up_to: a table that goes back and forth over the limit is not rebuilt each night
OUTGROWN = 4.0  # times the rows it was trained on, or a quarter of them: then the partitions no longer fit
TAIL = 256  # rows that no index covers: 256 cost a question in words about 1.5 ms (6 us each, measured at 60,000)
SEGMENTS = 8  # parts of one index: each costs a little per question, merging them costs a rewrite of the index
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


def parameters_of(table: LanceTable) -> Parameters:
    """What the version of this handle is to be searched with; of versions without a word of it, the old constants."""
    lance: Any = table.to_lance()
    told = lance.config().get(CONFIG)
    if told is not None:
        return Parameters.model_validate_json(told)
    return Parameters(kind=present_kind(table))


def write_parameters(table: LanceTable, parameters: Parameters) -> None:
    """Make a new version, of the same content, that says how it is to be searched."""
    lance: Any = table.to_lance()
    lance.update_config({CONFIG: json.dumps(parameters.model_dump(mode="json"))})
    newest(table)


def newest(table: LanceTable) -> None:
    """Bring the handle to what was committed beside it."""
    handle: Any = table  # its method has no types
    handle.checkout_latest()


def tuned(table: LanceTable, plan: IndexPlan, *, retrain: bool = False) -> Parameters:
    """Build the indices that are missing or no longer fit, and extend the others; the parameters to begin with.

    An empty table has nothing to index. `retrain` builds the vector index anew, also where its size still fits.
    """
    rows, known = table.count_rows(), parameters_of(table)
    if not rows:
        return Parameters()
    present = {next(iter(index.columns)): index.name for index in table.list_indices()}
    for column, config in _scalar_indices():
        if column not in present:
            table.create_index(column, config=config)
    kind = wanted_kind(rows, plan, known.kind)
    built = known.kind if (known.kind == "exact") != (VECTOR in present) else None  # a rewritten table has none left
    if kind != built or retrain or _outgrown(rows, known):
        if VECTOR in present:
            table.drop_index(present[VECTOR])
        if kind != "exact":
            table.create_index(VECTOR, config=_vector_index(kind))
        known = Parameters(kind=kind, trained_on=rows, **LADDER[0])
    extend(table)
    return known


def wanted_kind(rows: int, plan: IndexPlan, present: Kind) -> Kind:
    """The kind of vector index for a table of this size; what is there stays a while below the limit."""
    if plan.kind != "auto":
        return plan.kind if rows else "exact"
    limit = plan.exact_up_to * (SHRINK if present != "exact" else 1)
    return "ivf_sq" if rows > limit else "exact"


def extend(table: LanceTable) -> None:
    """Cover new rows, if they are more than a few, by a further segment of each index; merge the segments once many.

    A segment of 1 % costs a hundredth of a rewrite. Rows that no index covers are found all the same: by a look at all.
    """
    told = [table.index_stats(index.name) for index in table.list_indices()]
    stats = [one for one in told if one is not None]
    segments = max((one.num_indices or 1 for one in stats), default=0)
    tail = max((one.num_unindexed_rows for one in stats), default=0)
    if tail <= TAIL and segments < SEGMENTS:
        return
    lance: Any = table.to_lance()
    lance.optimize.optimize_indices(num_indices_to_merge=segments if segments >= SEGMENTS else 0)
    newest(table)


def present_kind(table: LanceTable) -> Kind:
    """The kind of the vector index that is there."""
    kinds: dict[str, Kind] = {"IvfSq": "ivf_sq", "IvfHnswSq": "hnsw_sq"}
    for index in table.list_indices():
        if VECTOR in index.columns:
            return kinds.get(index.index_type, "ivf_sq")
    return "exact"


def segments_of(table: LanceTable) -> tuple[str, ...]:
    """The names of the parts of the vector index: as long as they are the same, so is the index."""
    lance: Any = table.to_lance()
    indices = [index for index in lance.describe_indices() if VECTOR in index.field_names]
    return tuple(sorted(str(part.uuid) for index in indices for part in index.segments))


def _outgrown(rows: int, known: Parameters) -> bool:
    if known.kind == "exact" or not known.trained_on:
        return False
    return rows > known.trained_on * OUTGROWN or rows * OUTGROWN < known.trained_on


def _vector_index(kind: Kind) -> Any:
    from lancedb.index import HnswSq, IvfSq

    return HnswSq(distance_type="cosine") if kind == "hnsw_sq" else IvfSq(distance_type="cosine")


def _scalar_indices() -> Iterator[tuple[str, Any]]:
    """Column and configuration. Role and key lists have none: filter expressions know no list functions."""
    from lancedb.index import FTS, Bitmap, BTree

    yield "search_text", FTS(stem=True, remove_stop_words=True, with_position=False)
    # keys are codes: whole, unstemmed, between blanks
    yield (
        "keys_text",
        FTS(
            base_tokenizer="whitespace", stem=False, remove_stop_words=False, ascii_folding=False, max_token_length=128
        ),
    )
    yield "id", BTree()
    yield "document_id", BTree()
    yield "dataset", Bitmap()
    yield "classification", Bitmap()

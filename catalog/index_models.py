"""What a project says of its index: how vectors are searched, how sure a publication must be, how long it is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from catalog.declaration import Declaration

IndexKind = Literal["auto", "exact", "ivf_sq", "hnsw_sq"]


class IndexPlan(Declaration):
    """How the index is built and published. Shares are of 0..1.

    `auto` looks at every vector up to `exact_up_to` chunks, which is always right, and builds IVF_SQ above. Nothing is
    published whose recall@10 against that exact look is below `recall`, or where less than `known_items` of a sample
    of documents are found by their own title. Earlier publications are kept for `history`, as long as all
    that is kept takes no more than `history_disk` above what an index built fresh would take.
    """

    kind: IndexKind = "auto"
    exact_up_to: int = 50_000  # measured: below, the exact look costs less than 50 ms and a filter beside it nothing
    recall: float = 0.98
    known_items: float = 0.8
    history: timedelta = timedelta(days=30)
    history_disk: float = 0.35

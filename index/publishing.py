"""Make the newest version of the index the answer: indices first, then the tags, then the sweeping.

Readers only ever follow the `live` tag, so everything before its move is invisible, and a kill anywhere leaves the last
published version served. `previous` stays for a rollback.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from catalog.errors import IndexStoreError
from catalog.models import Dataset
from index.store import LIVE, PREVIOUS, Store
from ledger.models import Finding

if TYPE_CHECKING:
    from lancedb.table import LanceTable

EXACT_UP_TO = 50_000  # rows: below, an exact scan is fast enough and always right
RETENTION = timedelta(hours=1)  # untagged versions are kept this long, for readers that still hold one
SAMPLE = 20


def publish(store: Store, version: int) -> int:
    """Index, tidy and publish `version`, which must be the newest; the number that is live afterwards.

    Publishing what is live already does nothing.
    """
    with store.writer():
        table = store.latest()
        if table is None:
            raise IndexStoreError("there is no index to publish", "Run the pipeline first.")
        if int(table.version) != version:
            raise IndexStoreError(
                f"version {version} is not the newest of the index any more ({table.version} is)",
                "Another run wrote in between; run again.",
            )
        live = store.tag(LIVE)
        if live == version:
            return version
        _prepare(table)
        newest = store.version
        if live is not None:
            store.set_tag(PREVIOUS, live)
        store.set_tag(LIVE, newest)
        sweep(store)
        return newest


def rollback(store: Store) -> int:
    """Serve the version published before; what was live becomes `previous`, so that a second rollback returns to it."""
    with store.writer():
        live, previous = store.tag(LIVE), store.tag(PREVIOUS)
        if live is None or previous is None:
            raise IndexStoreError("there is no earlier published version", "Only a second publish makes one.")
        store.set_tag(LIVE, previous)
        store.set_tag(PREVIOUS, live)
        return previous


def sweep(store: Store, *, older_than: timedelta = RETENTION) -> None:
    """Remove versions and files nobody points to any more; tagged versions stay."""
    table = store.latest()
    if table is not None:
        # the table's own optimize() refuses as soon as a tag holds an old version; Lance's has the switch
        table.to_lance().cleanup_old_versions(older_than=older_than, error_if_tagged_old_versions=False)


def verify(
    store: Store, expected: pl.DataFrame, dataset: Dataset, *, at: Literal["latest", "live", "both"] = "both"
) -> tuple[Finding, ...]:
    """Compare what the index holds of a dataset with what it must hold (id, hash, document_id, key, rows).

    Before a publish ask for `latest`; afterwards both must agree. Every missing, extra or changed chunk counts; the
    finding names their keys.
    """
    places: tuple[Literal["latest", "live"], ...] = ("latest", "live") if at == "both" else (at,)
    wrong = pl.concat([_differences(store, expected, dataset, place) for place in places])
    if wrong.is_empty():
        return ()
    keys = wrong["key"].unique(maintain_order=True).to_list()
    counts = {
        place: {kind: wrong.filter((pl.col("at") == place) & (pl.col("kind") == kind)).height for kind in KINDS}
        for place in places
    }
    told = ", ".join(f"{n} {kind} ({place})" for place, kinds in counts.items() for kind, n in kinds.items() if n)
    finding = Finding(
        rule="accounting",
        dataset=dataset.name,
        stage="indexed",
        severity="critical",
        count=wrong["id"].n_unique(),
        unit="chunks",
        message=f"The index does not hold what it must of '{dataset.name}': {told}.",
        sample_keys=tuple(str(key) for key in keys[:SAMPLE]),
        evidence={
            "chunks": counts,
            "expected_rows": int(expected["rows"].sum()),
            "covered_rows": covered(store, dataset.name),
        },
        owner=dataset.owner,
        remedy="Run the pipeline again: it writes what is missing and deletes what is too much.",
        blocking=True,
    )
    return (finding,)


def covered(store: Store, dataset: str) -> int:
    """Rows of a dataset that the published chunks cover."""
    return int(store.chunk_state(dataset, at="live")["rows"].sum())


KINDS = ("missing", "extra", "changed")


def _differences(store: Store, expected: pl.DataFrame, dataset: Dataset, at: Literal["latest", "live"]) -> pl.DataFrame:
    """One line per chunk that is not as it must be: id, key, kind, at."""
    state = store.chunk_state(dataset.name, at=at)
    ours, theirs = expected.select("id", "key", "hash"), state.select("id", "key", "hash")
    missing = ours.join(theirs, on="id", how="anti")
    extra = theirs.join(ours, on="id", how="anti")
    doubled = theirs.filter(pl.col("id").is_duplicated()).unique("id")
    changed = ours.join(theirs.select("id", pl.col("hash").alias("old")), on="id").filter(
        pl.col("hash") != pl.col("old")
    )
    return pl.concat(
        frame.select("id", "key", pl.lit(kind).alias("kind"), pl.lit(at).alias("at"))
        for kind, frame in (("missing", missing), ("extra", extra), ("extra", doubled), ("changed", changed))
    )


def _prepare(table: LanceTable) -> None:
    """Build the indices that are missing, then bring all of them up to the newest rows."""
    rows = table.count_rows()
    if not rows:
        return  # an empty table has nothing to index, and answers nothing
    present = {(next(iter(index.columns)), index.index_type) for index in table.list_indices()}
    columns = {column for column, _ in present}
    for column, config in _indices(rows).items():
        if column not in columns:
            table.create_index(column, config=config)
    table.optimize()


def _indices(rows: int) -> dict[str, Any]:
    """Column -> index configuration. Role and key lists have none: filter expressions know no list functions."""
    from lancedb.index import FTS, Bitmap, BTree, IvfSq

    wanted: dict[str, Any] = {
        "search_text": FTS(stem=True, remove_stop_words=True, with_position=False),
        # keys are codes: whole, unstemmed, between blanks
        "keys_text": FTS(
            base_tokenizer="whitespace", stem=False, remove_stop_words=False, ascii_folding=False, max_token_length=128
        ),
        "id": BTree(),
        "document_id": BTree(),
        "dataset": Bitmap(),
        "classification": Bitmap(),
    }
    return wanted | ({"vector": IvfSq(distance_type="cosine")} if rows > EXACT_UP_TO else {})

"""No caller ever gets a row that is not theirs, however rows, callers, indices and versions are mixed."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from catalog.access import may_see
from catalog.models import Classification, Dataset, Principal, Project
from index import Filter, Query, Store, publish, reconcile, search
from index.access import readable_by
from index.schema import CHUNKS
from index.store import read_table
from index.testing import HashEmbedder

ROLES = ("ops", "op", "crew", "o'ps", "*", "%", "a|b", "crew\x1fops")


def chunk(number: int, classification: int, roles: list[str], text: str = "wing flap") -> dict[str, object]:
    name = f"urn:d:{number}"
    return {
        **dict.fromkeys(CHUNKS, ""),
        "id": f"{name}#0",
        "document_id": name,
        "dataset": "aircraft",
        "key": str(number),
        "title": f"Row {number}",
        "text": f"{text} {number}",
        "ordinal": 0,
        "classification": classification,
        "roles": roles,
        "keys": [f"K{number % 5}X"],
        "rows": 1,
        "gaps": [],
        "hash": str(number),
    }


@pytest.fixture
def fill(store: Store, project: Project, embedder: HashEmbedder) -> Callable[[list[dict[str, object]]], None]:
    dataset: Dataset = project.datasets["aircraft"]

    def filled(rows: list[dict[str, object]]) -> None:
        chunks = pl.DataFrame(rows, schema=CHUNKS)
        change = reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder, allow_deletes=True)
        publish(store, change.version)

    return filled


def test_no_foreign_row_under_random_labels_and_callers(
    fill: Callable[..., None], store: Store, project: Project, embedder: HashEmbedder
) -> None:
    rng = random.Random(11)
    # a role that holds the separator cannot be told apart in the store: it must match nothing, so rows do not carry it
    rows = [chunk(n, rng.randint(0, 3), rng.sample(ROLES[:-1], rng.randint(0, 3))) for n in range(300)]
    fill(rows)
    open_project = project.model_copy(update={"min_similarity": -1.0})
    for n in range(60):
        roles = tuple(rng.sample(ROLES, rng.randint(0, 3)))
        caller = Principal(name=f"caller{n}", clearance=Classification(rng.randint(0, 3)), roles=roles)
        allowed = {str(row["key"]) for row in rows if may_see(caller, row["classification"], row["roles"])}  # type: ignore[arg-type]
        seen = set(read_table(store.live(), ["key"], readable_by(caller))["key"])
        assert seen == allowed  # the prefilter is the rule itself: no more, and no less
        text = rng.choice(["wing flap", "K1X", "wing K2X flap", "row 7"])
        answer = search(
            Query(text=text, principal=caller, limit=50), store=store, embedder=embedder, project=open_project
        )
        assert {hit.key for hit in answer.hits} <= allowed
        assert len(answer.hits) == min(50, len(allowed)) or text != "wing flap"


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("tail", ["none", "unindexed", "deleted"])
def test_the_one_permitted_row_is_found_and_no_other(
    fill: Callable[..., None], store: Store, embedder: HashEmbedder, *, indexed: bool, tail: str
) -> None:
    """The eighteen combinations that LanceDB has broken before: three searches, with and without index, three tails."""
    from lancedb.query import MatchQuery

    rows = [chunk(n, 3, ["crew"]) for n in range(400)]
    rows[399] = chunk(399, 1, ["ops"], text="tail rudder, far from the question")
    fill(rows)
    newest = store.latest()
    assert newest is not None
    lance = newest.to_lance()
    if not indexed:
        lance.drop_index("classification_idx")
    if tail == "unindexed":
        lance.insert(lance.to_table(limit=5).set_column(0, "id", [["new"] * 5]))
    elif tail == "deleted":
        lance.delete("key = '3'")
    table = newest.table()
    caller = Principal(name="c", clearance=Classification.internal, roles=("ops",))
    where = readable_by(caller)
    vector = embedder.embed(["wing flap"])[0]
    match = MatchQuery("wing rudder", "search_text")  # type: ignore[call-arg]
    found = {
        "vector": table.search(vector).where(where, prefilter=True),
        "text": table.search(match, query_type="fts").where(where, prefilter=True),
        "hybrid": table.search(query_type="hybrid").vector(vector).text("wing rudder").where(where, prefilter=True),
    }
    for name, query in found.items():
        assert [row["key"] for row in query.limit(10).to_list()] == ["399"], (name, indexed, tail)


def test_a_row_whose_labels_are_lost_is_nobodys(
    fill: Callable[..., None], store: Store, project: Project, embedder: HashEmbedder
) -> None:
    fill([chunk(1, 0, [])])
    table = store.latest()
    assert table is not None
    table.to_lance().update({"roles": "NULL"})
    store.set_tag("live", store.version)
    everyone = Principal(name="chief", clearance=Classification.restricted, roles=ROLES)
    answer = search(Query(text="wing flap", principal=everyone), store=store, embedder=embedder, project=project)
    assert answer.hits == ()


def test_filters_never_widen_what_a_caller_sees(
    fill: Callable[..., None], store: Store, project: Project, embedder: HashEmbedder
) -> None:
    fill([chunk(n, n % 4, ["crew"] if n % 2 else []) for n in range(60)])
    caller = Principal(name="c", clearance=Classification.internal)
    values = ("aircraft", "1", "urn:d:1", "' OR true --", "")
    for field, value in product(("dataset", "key", "document_id", "kind", "source"), values):
        query = Query(
            text="wing flap K1X",
            principal=caller,
            limit=50,
            filters=(Filter.model_validate({"field": field, "value": value}),),
        )
        hits = search(query, store=store, embedder=embedder, project=project).hits
        assert all(int(hit.key) % 4 == 0 for hit in hits)  # odd rows ask for a role; the others are public or too high


def test_vectors_are_of_length_one_and_leave_no_hit(
    fill: Callable[..., None], store: Store, project: Project, embedder: HashEmbedder, tmp_path: Path
) -> None:
    fill([chunk(1, 0, [])])
    stored = np.array(store.read(["vector"], at="live")["vector"].to_list())
    assert np.allclose(np.linalg.norm(stored, axis=1), 1.0)
    caller = Principal(name="c")
    answer = search(Query(text="wing flap", principal=caller), store=store, embedder=embedder, project=project)
    assert answer.known and "vector" not in answer.model_dump_json()

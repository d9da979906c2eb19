"""The gate of known items: some documents are looked for by their own title and key, and most of them must be found.

It asks the search that callers ask, in the staged version. Where the run loaded no model, the question is understood as
the passage itself was: then words, keys, labels and the vector index are examined, and the model is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from catalog.models import Classification, Dataset, Principal, Project
from index.answers import Query
from index.embed import Embedder, Progress, Vectors
from index.publishing import Gate
from index.reading import Snapshot
from index.sampling import sample_documents
from index.schema import MODEL
from index.searching import search
from index.store import read_table
from ledger.models import Finding

ASKED = 20  # documents of the dataset that changed: half a second
DEPTH = 10  # hits among which the document must be
LONGEST_TITLE = 300  # characters of a question


def found_by_name(dataset: Dataset, project: Project, *, embedder: Embedder | None = None) -> Gate:
    """A gate for `publish`: at least the plan's share of a sample of `dataset` answers to its own name."""

    def gate(staged: Snapshot) -> tuple[Finding, ...]:
        items = _items(staged, dataset)
        if not items:
            return ()
        reading = embedder or _Stored(staged, {str(item["question"]): str(item["document_id"]) for item in items})
        lost = [item for item in items if not _found(item, staged, dataset, project, reading)]
        share = 1 - len(lost) / len(items)
        return () if share >= project.index.known_items else (_finding(dataset, lost, len(items), project),)

    return gate


class _Stored:
    """An embedder that knows the questions of the gate only, each by the vector of the passage it asks for."""

    truncated = 0
    cut: tuple[int, ...] = ()

    def __init__(self, staged: Snapshot, wanted: Mapping[str, str]) -> None:
        from lancedb.expr import col, lit

        table = staged.live()
        self.name = (table.schema.metadata or {}).get(MODEL, b"").decode()
        self.dimension = int(table.schema.field("vector").type.list_size)
        first = (col("ordinal") == lit(0)) & col("document_id").isin([lit(one) for one in wanted.values()])
        rows = read_table(table, ["document_id", "vector"], first)
        vectors = dict(zip(rows["document_id"].to_list(), rows["vector"].to_list(), strict=True))
        self._vectors = {question: vectors[document] for question, document in wanted.items()}

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `index.embed.Embedder.embed`."""
        if progress:
            progress(len(texts), len(texts))
        return np.asarray([self._vectors[text] for text in texts], dtype=np.float32)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `index.embed.Embedder.embed_queries`."""
        return self.embed(texts)


def _items(staged: Snapshot, dataset: Dataset) -> list[dict[str, Any]]:
    """What is asked for: its name, its title, and the question, which names its key where only it has that."""
    items = []
    for row in sample_documents(staged, dataset.name, limit=ASKED).iter_rows(named=True):
        key = f" {row['keys'][0]}" if row["keys_are_its_own"] else ""
        question = " ".join(f"{row['title'][:LONGEST_TITLE]}{key}".replace("\x00", " ").split())
        if question:  # a document without a title and a key of its own has no name to ask for
            items.append({"document_id": row["document_id"], "title": row["title"], "question": question})
    return items


def _found(item: Mapping[str, Any], staged: Snapshot, dataset: Dataset, project: Project, embedder: Embedder) -> bool:
    everything = Principal(name="gate", clearance=Classification.restricted, roles=_roles(project))
    query = Query(text=item["question"], principal=everything, limit=DEPTH, datasets=(dataset.name,))
    hits = search(query, store=staged, embedder=embedder, project=project).hits
    # of documents that share a title each may stand for the other
    return any(hit.document_id == item["document_id"] or hit.title == item["title"] for hit in hits)


def _roles(project: Project) -> tuple[str, ...]:
    return tuple(sorted({role for dataset in project.datasets.values() for role in dataset.roles}))


def _finding(dataset: Dataset, lost: Sequence[Mapping[str, Any]], asked: int, project: Project) -> Finding:
    promised = project.index.known_items
    return Finding(
        rule="known-items", dataset=dataset.name, stage="indexed", severity="critical", count=len(lost),
        unit="documents", blocking=True, owner=dataset.owner,
        message=(
            f"{len(lost)} of {asked} documents of '{dataset.name}' are not found by their own title and key; "
            f"{promised:.0%} must be. The last good version stays."
        ),
        evidence={"asked": asked, "lost": len(lost), "promised": promised},
        remedy="See whether titles and keys tell the documents apart; how many must be found is `index: knownItems` "
        "in project.yaml.",
    )  # fmt: skip

"""Bring a LanceDB table to a folder of Markdown files with Landbridge's index alone, each file one passage.

    python with_landbridge.py FILES STATE PROJECT

What `landbridge run` does between ready rows and a published version, without what it checks before: documents are
told, those that are others are cut, the table is reconciled, and published past the gate that counts what it holds. A
second call on the same STATE does only what changed; that a model, a contract or our code changed a run would notice.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import polars as pl

import index
from catalog import load_project
from index.tokens import ESTIMATED

FILES, STATE, PROJECT = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
NAME, DOCUMENT = "passages", ["document_id", "told"]
KEPT = STATE / "told.parquet"  # what was published: id, hash, document_id, key, rows, and what its document told


def main() -> None:
    """Read, compare, embed what is new, write, publish."""
    STATE.mkdir(parents=True, exist_ok=True)
    project, models = load_project(PROJECT), STATE.parent / "models"
    dataset = project.datasets[NAME]
    told = index.documents(dataset, {NAME: _rows()}, project=project, known=None, mask_key=b"")
    before = pl.read_parquet(KEPT) if KEPT.exists() else pl.DataFrame(schema=dict.fromkeys(DOCUMENT, pl.String))
    stays, others = before.join(told, on=DOCUMENT, how="semi"), told.join(before, on=DOCUMENT, how="anti")
    if others.is_empty() and stays.height == before.height:
        return
    tokens = index.tokens_of(project.model, models) if others.height else ESTIMATED
    cut = index.chunked(others, dataset, project=project, tokens=tokens)
    cut = cut.join(others.select(DOCUMENT), on="document_id")
    chunks = pl.concat([cut, stays], how="diagonal").sort("id")
    store, cache = index.Store(STATE / "lance"), index.VectorCache(STATE / "vectors.sqlite", owner=NAME)
    with store.writer():
        store.begin()
        embedder = partial(index.load_embedder, project.model, models)
        change = index.reconcile(store, chunks, dataset=dataset, embedder=embedder, cache=cache)
        index.publish(store, change.version, plan=project.index, gates=[index.accounting(chunks, dataset, store)])
        chunks.select("id", "hash", "document_id", "key", "rows", "told").write_parquet(KEPT)
        index.forget(store, cache)


def _rows() -> pl.DataFrame:
    """A row per file, with where it comes from."""
    paths = sorted(FILES.glob("*.md"))
    names, texts = [path.name for path in paths], [path.read_text(encoding="utf-8") for path in paths]
    rows = pl.DataFrame({"path": names, "title": [path.stem for path in paths], "text": texts})
    return rows.with_columns(_key=pl.col("path"), _location=pl.col("path"), _position=pl.lit(1))


if __name__ == "__main__":
    main()

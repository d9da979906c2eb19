"""Bring a LanceDB table to a folder of Markdown files with CocoIndex, each file one passage, as its own example does.

    python with_cocoindex.py FILES STATE MODEL

Runs in an environment of its own (`cocoindex.txt`). A second call on the same STATE does only what changed.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cocoindex as coco
from cocoindex.connectors import lancedb, localfs
from cocoindex.ops.sentence_transformers import SentenceTransformerEmbedder
from cocoindex.resources.file import FileLike, PatternFilePathMatcher
from numpy.typing import NDArray

FILES, STATE, MODEL = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
STORE = coco.ContextKey[lancedb.LanceAsyncConnection]("store")
EMBEDDER = coco.ContextKey[SentenceTransformerEmbedder]("embedder")


@dataclass
class Passage:
    """A row of the table."""

    path: str
    text: str
    vector: Annotated[NDArray, EMBEDDER]  # type: ignore[type-arg]  # the library wants it bare


@coco.lifespan
async def opened(builder: coco.EnvironmentBuilder) -> AsyncIterator[None]:
    """Where the state and the table lie, and the model, which is loaded when a text is new."""
    builder.settings.db_path = STATE / "memory"
    builder.provide(STORE, await lancedb.connect_async(str(STATE / "lance")))
    builder.provide(EMBEDDER, SentenceTransformerEmbedder(MODEL, device="cpu"))
    yield


@coco.fn(memo=True)
async def indexed(file: FileLike, table: lancedb.TableTarget[Passage]) -> None:
    """One file as one row."""
    text = (await file.read_text()).strip()
    vector = await coco.use_context(EMBEDDER).embed(text)
    table.declare_row(row=Passage(path=str(file.file_path.path), text=text, vector=vector))


@coco.fn
async def whole(folder: Path) -> None:
    """Every file of the folder."""
    schema = await lancedb.TableSchema.from_class(Passage, primary_key=["path"])
    table = await lancedb.mount_table_target(STORE, "passages", schema)
    files = localfs.walk_dir(folder, path_matcher=PatternFilePathMatcher(included_patterns=["**/*.md"]))
    await coco.mount_each(indexed, files.items(), table)


if __name__ == "__main__":
    STATE.mkdir(parents=True, exist_ok=True)
    app = coco.App(coco.AppConfig(name="passages"), whole, folder=FILES)
    app.update_blocking()

"""Bring a LanceDB table to a folder of Markdown files with LlamaIndex's ingestion pipeline, each file one passage.

    python with_llama_index.py FILES STATE MODEL

Runs in an environment of its own (`llama_index.txt`). A second call on the same STATE does only what changed: documents
are upserted, and those that vanished deleted. Its cache of transformations is off, because it would keep every vector
again as text; files are read here, because its reader of folders costs more than reading them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from llama_index.core import Document
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.lancedb import LanceDBVectorStore

FILES, STATE, MODEL = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
BATCH = 32  # texts; its default, 10, costs more
KEPT = STATE / "documents.json"


class MendedStore(LanceDBVectorStore):
    """Its LanceDB store with a delete that LanceDB understands.

    As it comes (0.6.0) it writes the name in double quotes, which LanceDB 0.40 takes for a column's, so that every
    change or removal of a document ends the run.
    """

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        """Delete the rows of a document."""
        quoted = ref_doc_id.replace("'", "''")
        self.table.delete(f"{self.doc_id_key} = '{quoted}'")


def main() -> None:
    """Read, compare, embed what is new, write."""
    STATE.mkdir(parents=True, exist_ok=True)
    documents = [
        Document(id_=path.name, text=path.read_text(encoding="utf-8").strip()) for path in sorted(FILES.glob("*.md"))
    ]
    remembered = SimpleDocumentStore.from_persist_path(str(KEPT)) if KEPT.exists() else SimpleDocumentStore()
    embedder = HuggingFaceEmbedding(MODEL, device="cpu", embed_batch_size=BATCH)
    store = MendedStore(
        uri=str(STATE / "lance"), table_name="passages", mode="append" if KEPT.exists() else "overwrite"
    )
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(chunk_size=512, chunk_overlap=0), embedder],
        vector_store=store,
        docstore=remembered,
        docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
        disable_cache=True,
    )
    pipeline.run(documents=documents)
    remembered.persist(str(KEPT))


if __name__ == "__main__":
    main()

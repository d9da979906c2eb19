"""Keep the vectors of the questions that readiness asks again and again, so that only new questions are embedded.

These questions are made of published documents and of project.yaml; what visitors ask is never kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pipelines.site import Site
from pipelines.store import write_frame

if TYPE_CHECKING:
    from index import Embedder
    from index.embed import Progress
    from index.runtimes import Vectors

_SCHEMA = pl.Schema(
    {"model": pl.String(), "name": pl.String(), "read_as": pl.String(), "text": pl.String(),
     "vector": pl.List(pl.Float32())}
)  # fmt: skip


class KeptVectors:
    """An embedder that asks the model, and loads it, only for texts without a vector. `keep` writes what was used.

    A vector belongs to the name of the model as the index has it: another name in the index empties the memory.
    """

    def __init__(self, site: Site, load: Callable[[], Embedder], *, indexed_by: str) -> None:
        self._path = site.home.folder / "readiness" / "question_vectors.parquet"
        self._load, self._asked_for = load, site.project.model
        self._model: Embedder | None = None
        self.name, self.truncated = indexed_by, 0
        self.cut: tuple[int, ...] = ()
        self._vectors = self._read()
        self.dimension = len(next(iter(self._vectors.values()), ()))
        self._used: set[tuple[str, str]] = set()
        self._new = False
        if not self._vectors:
            self._loaded()

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `index.embed.Embedder.embed`."""
        return self._kept("text", texts, lambda new: self._loaded().embed(new, progress=progress))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `index.embed.Embedder.embed_queries`."""
        return self._kept("query", texts, lambda new: self._loaded().embed_queries(new))

    def _kept(self, read_as: str, texts: Sequence[str], make: Callable[[Sequence[str]], Vectors]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if (read_as, text) not in self._vectors]
        if new:
            self._vectors |= {(read_as, text): one for text, one in zip(new, make(new), strict=True)}
            self._new = True
        self._used.update((read_as, text) for text in texts)
        made = [self._vectors[read_as, text] for text in texts]
        return np.array(made, dtype=np.float32).reshape(len(texts), self.dimension)

    def keep(self, *, whole: bool) -> None:
        """Write the vectors; where all subjects were asked, those of other questions go."""
        kept = {about: one for about, one in self._vectors.items() if not whole or about in self._used}
        if self._new or len(kept) < len(self._vectors):
            rows = [
                (self._asked_for, self.name, *about, one.tolist()) for about, one in sorted(kept.items(), key=_about)
            ]
            write_frame(pl.DataFrame(rows, schema=_SCHEMA, orient="row"), self._path)
            self._new = False

    def _read(self) -> dict[tuple[str, str], Vectors]:
        if not self._path.exists():
            return {}
        rows = pl.read_parquet(self._path).filter(model=self._asked_for, name=self.name)
        told = rows.select("read_as", "text", "vector").iter_rows()
        return {(read_as, text): np.array(one, dtype=np.float32) for read_as, text, one in told}

    def _loaded(self) -> Embedder:
        """The model itself; from then on its own name counts, which the search compares with the index."""
        if self._model is None:
            self._model = self._load()
            if self._model.name != self.name:
                self._vectors.clear()
            self.name, self.dimension = self._model.name, self._model.dimension
        return self._model


def _about(pair: tuple[tuple[str, str], Vectors]) -> tuple[str, str]:
    return pair[0]

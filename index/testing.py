"""A test double for embedders: vectors from hashed words, so that texts that share words are near each other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from index.embed import Progress, Vectors


class HashEmbedder:
    """Deterministic, without a model: every word adds 1 to one of `dimension` places; then length 1."""

    def __init__(self, dimension: int = 64, *, name: str = "hashed-words@1") -> None:
        self.name = name
        self.dimension = dimension
        self.truncated = 0
        self.cut: tuple[int, ...] = ()
        self.embedded: list[str] = []  # what was asked, for tests that count the work

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `index.embed.Embedder.embed`."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.casefold()) or [""]:
                vectors[
                    row, int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest()) % self.dimension
                ] += 1
        self.embedded.extend(texts)
        if progress:
            progress(len(texts), len(texts))
        normalized: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return normalized

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `index.embed.Embedder.embed_queries`."""
        return self.embed(texts)

"""Chunks in any number whose vectors lie in clusters, for benchmarks of the index: no model, and the same each time.

As the noise is as strong as the signal, neighbours are hard to tell apart, as they are in real collections.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from index.embed import Progress, Vectors
from index.schema import CHUNKS

DATASET, HERE = "parts", "datasets/parts.odcs.yaml"
CLUSTERS = 2_000
WORDS, VOCABULARY = 40, 5_000  # of a text; Zipf-distributed, as words of a language are
TOPIC = re.compile(r"topic(\d+)")


class Clustered:
    """An embedder: a text lies near the centre of the topic it names, as far off as its own hash says."""

    name = "clustered@1"
    truncated = 0
    cut: tuple[int, ...] = ()

    def __init__(self, dimension: int = 384) -> None:
        self.dimension = dimension
        self._centres = np.random.default_rng(1).normal(size=(CLUSTERS, dimension)).astype(np.float32)

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `index.embed.Embedder.embed`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):  # a loop over texts: each has a generator of its own
            seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
            topic = TOPIC.search(text)
            centre = self._centres[int(topic.group(1)) % CLUSTERS] if topic else 0
            vectors[row] = centre + np.random.default_rng(seed).standard_normal(self.dimension, dtype=np.float32)
        if progress:
            progress(len(texts), len(texts))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `index.embed.Embedder.embed_queries`."""
        return self.embed(texts)


def chunks_of(ages: NDArray[np.int64], *, numbers: NDArray[np.int64] | None = None) -> pl.DataFrame:
    """One chunk for each number, else for 0, 1, ...; its text follows from its number and its age."""
    named = [int(number) for number in (range(len(ages)) if numbers is None else numbers)]
    texts = [text_of(number, int(age)) for number, age in zip(named, ages, strict=True)]
    keys = [f"P{number:07}" for number in named]
    frame = pl.DataFrame({"key": keys, "text": texts}).with_columns(
        pl.format("urn:landbridge:nights:parts:{}", "key").alias("document_id"),
        pl.format("{}#0", "key").alias("id"),
        pl.format("Part {}", "key").alias("title"),
        pl.concat_list("key").alias("keys"),
        pl.col("text").hash(seed=3).cast(pl.String).alias("hash"),
    )
    constant = {
        "dataset": DATASET, "kind": "part", "ordinal": 0, "breadcrumb": "", "source": "s", "location": HERE,
        "classification": 0, "rows": 1,
    }  # fmt: skip
    frame = frame.with_columns(*(pl.lit(value).alias(name) for name, value in constant.items()))
    empty = pl.lit([], dtype=pl.List(pl.String))
    frame = frame.with_columns(empty.alias("roles"), empty.alias("gaps"))
    return frame.select(pl.col(name).cast(kind) for name, kind in CHUNKS.items())


@lru_cache(100_000)
def text_of(number: int, age: int) -> str:
    """Forty words, the first of which names the topic."""
    rng = np.random.default_rng([number, age])
    words = np.minimum(rng.zipf(1.3, WORDS), VOCABULARY)
    return f"topic{number % CLUSTERS} " + " ".join(f"word{word}" for word in words)

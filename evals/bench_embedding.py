"""Measure embedding beside sentence-transformers: texts per CPU second, equal vectors, and what retrieval makes of it.

`python -m evals.bench_embedding CRANFIELD [--texts N] [--repeat N] [--chart FILE]`, with the folder of the Cranfield
collection (cran.all.1400, cran.qry, cranqrel). Both read the same texts in the same process, in alternating order; the
rival is `SentenceTransformer(model).encode(texts)` as it comes: 32 texts a batch, torch's own number of threads.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import index
from index.embed import Embedder
from index.runtimes import Vectors
from index.sentence_model import model_source

MODEL = "all-MiniLM-L6-v2"
LENGTHS = {"long (abstracts whole)": 0, "middle (70 words)": 70, "short (20 words)": 20}
DEPTH = 10
OURS, RIVAL = "landbridge", "sentence-transformers"


class Collection(NamedTuple):
    """Documents, questions, and how relevant each judged document is to each question (1 to 4)."""

    documents: list[str]
    questions: list[str]
    judged: Mapping[int, Mapping[int, int]]


def main(words: Sequence[str] | None = None) -> int:
    """Print the tables, and draw the rates."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cranfield", type=Path, help="folder of the collection")
    parser.add_argument("--texts", type=int, default=300, help="texts of each length (default 300)")
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--chart", type=Path, help="write the rates as SVG here")
    given = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real stream: rows are seen as they come
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer

    collection = read(given.cranfield)
    with tempfile.TemporaryDirectory() as place:
        ours = index.load_embedder(MODEL, Path(place))
        rival = SentenceTransformer(str(model_source(MODEL)), device="cpu")
        ours.embed(collection.documents[:40])
        rival.encode(collection.documents[:40])
        print(f"{getattr(ours, 'runtime', '')} {getattr(ours, 'precision', '')}, load {os.getloadavg()[0]:.1f}")
        rates = {
            name: _speed(name, _cut(collection.documents, size, given.texts), ours, rival, given.repeat)
            for name, size in LENGTHS.items()
        }
        _retrieval(collection, ours, rival)
    if given.chart:
        from evals.index_chart import Measure, bars, medians_of

        given.chart.write_text(
            bars([Measure("texts per CPU second", ",.1f", medians_of(rates, float))]), encoding="utf-8"
        )
    return 0


def _speed(name: str, texts: Sequence[str], ours: Embedder, rival: Any, repeat: int) -> dict[str, list[float]]:
    """Print one row: both rates, the ratio of each round, the lowest cosine of any text. The rates, by way."""
    ways: list[Callable[[], Vectors]] = [lambda: ours.embed(texts), lambda: _reference(rival, texts)]
    rates: list[list[float]] = [[], []]
    lowest = 1.0
    for turn in range(repeat):
        made: list[Vectors] = [np.empty(0, dtype=np.float32)] * 2
        for way in (0, 1) if turn % 2 else (1, 0):
            before = time.process_time()
            made[way] = ways[way]()
            rates[way].append(len(texts) / (time.process_time() - before))
        lowest = min(lowest, float(np.sum(made[0] * made[1], axis=1).min()))
    ratios = [fast / slow for fast, slow in zip(*rates, strict=True)]
    told = " | ".join(_spread(values, digits) for values, digits in ((rates[0], 0), (rates[1], 1), (ratios, 2)))
    print(f"| {name} | {told} | {lowest:.6f} | n={repeat}, {len(texts)} texts")
    return {OURS: rates[0], RIVAL: rates[1]}


def _retrieval(collection: Collection, ours: Embedder, rival: Any) -> None:
    """NDCG@10 of an exact search with the vectors of either."""
    answered = []
    for embed, ask in (
        (ours.embed, ours.embed_queries),
        (lambda texts: _reference(rival, texts), lambda texts: _reference(rival, texts)),
    ):
        documents, questions = embed(collection.documents), ask(collection.questions)
        answered.append((documents, ndcg(questions @ documents.T, collection.judged)))
    (mine, reached), (theirs, wanted) = answered
    lowest = float(np.sum(mine * theirs, axis=1).min())
    print(f"Cranfield, {len(collection.documents)} documents, {len(collection.questions)} questions: nDCG@10")
    print(f"  ours {reached:.4f}, {RIVAL} {wanted:.4f}, difference {reached - wanted:+.4f}")
    print(f"  lowest cosine of all documents {lowest:.6f}")


def _reference(rival: Any, texts: Sequence[str]) -> Vectors:
    return np.asarray(rival.encode(list(texts), normalize_embeddings=True), dtype=np.float32)


def read(folder: Path) -> Collection:
    """The collection as it was handed down: documents and questions by position, judged 1 (best) to 4."""
    documents = [
        " ".join(one.split("\n.W\n", 1)[1].split())
        for one in re.split(r"(?m)^\.I \d+\n", (folder / "cran.all.1400").read_text())[1:]
    ]
    questions = [
        " ".join(one.split(".W\n", 1)[1].split())
        for one in re.split(r"(?m)^\.I \d+\n", (folder / "cran.qry").read_text())[1:]
    ]
    judged: dict[int, dict[int, int]] = {}
    for line in (folder / "cranqrel").read_text().splitlines():
        question, document, grade = (int(word) for word in line.split()[:3])
        # 1 is a complete answer, 4 of minimum interest; 5 and -1 are none
        if 1 <= grade <= 4:
            judged.setdefault(question - 1, {})[document - 1] = 5 - grade
    return Collection(documents, questions, judged)


def ndcg(similarities: Vectors, judged: Mapping[int, Mapping[int, int]]) -> float:
    """The mean normalised discounted cumulative gain at 10 (Jarvelin and Kekalainen 2002), over judged questions."""
    gains = []
    for question, relevant in judged.items():
        found = np.argsort(-similarities[question], kind="stable")[:DEPTH]
        reached = sum(relevant.get(int(one), 0) / math.log2(rank + 2) for rank, one in enumerate(found))
        best = sorted(relevant.values(), reverse=True)[:DEPTH]
        gains.append(reached / sum(grade / math.log2(rank + 2) for rank, grade in enumerate(best)))
    return statistics.fmean(gains)


def _cut(documents: Sequence[str], size: int, count: int) -> list[str]:
    """Whole documents, or stretches of so many words of them; each text once."""
    if not size:
        return [text for text in documents if text][:count]
    words = " ".join(documents).split()
    return [" ".join(words[start : start + size]) for start in range(0, min(len(words), size * count), size)]


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())

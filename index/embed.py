"""Turn text into vectors: the named sentence model, run by the fastest runtime that proves equal to its reference.

The model is exported and proven once (`index.export`); afterwards a process needs neither torch nor
sentence-transformers.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.errors import IndexStoreError
from catalog.settings import load_settings
from index.runtimes import OPENERS, candidates, workers
from index.runtimes import Vectors as Vectors
from index.sentence_model import Prompts, model_source, prompts_of

if TYPE_CHECKING:
    from tokenizers import Encoding

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
RuntimeName = Literal["auto", "openvino", "onnxruntime", "sentence-transformers"]

TOKEN_BUDGET = 1024  # padded tokens in one batch: measured faster than any fixed number of rows
REFERENCE_WINDOW = 512  # texts between two words of progress
WINDOW = 8192  # texts that are tokenized at once, so that memory does not grow with their number
MIN_COSINE = 0.9999  # a runtime below it speaks another language than the reference
PLUGINS = "landbridge.embedders"  # entry-point group; each entry makes an Embedder when called


class Embedder(Protocol):
    """Anything that makes vectors of texts. `name` is the model and its revision; an index keeps to one name."""

    name: str
    dimension: int
    truncated: int  # texts cut at the model's length in the last call of embed
    cut: tuple[int, ...]  # the positions of these texts

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Float32 (len(texts), dimension), each row of length 1. `progress` hears (done, total)."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """The same of questions: some models read them behind another prompt than documents."""
        ...


class RuntimeEmbedder:
    """A prepared model on OpenVINO or onnxruntime: length-sorted batches, one single-threaded worker per core."""

    def __init__(self, folder: Path, *, runtime: str, precision: str) -> None:
        from tokenizers import Tokenizer

        about = json.loads((folder / "about.json").read_text())
        self.name: str = about["name"]
        self.dimension: int = about["dimension"]
        self.runtime, self.precision = runtime, precision
        self.truncated = 0
        self.cut: tuple[int, ...] = ()
        self._prompts = Prompts(**about.get("prompts", {}))
        self._padding = int(about.get("padding", 0))
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=about["max_length"])
        self._workers = workers()
        self._infer = OPENERS[runtime](folder / "model.onnx", precision, self._workers)
        # once in this thread alone: a binding sets itself up in its first call (pybind11's numpy tables), and two
        # threads that do so at once each wait for ever for what the other holds; seen with OpenVINO 2026.4
        self._infer(*_padded([self._tokenizer.encode("first")], self._padding))

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder.embed`."""
        vectors, cut = self._run([self._prompts.document + text for text in texts], progress)
        self.truncated, self.cut = len(cut), cut
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`."""
        return self._run([self._prompts.query + text for text in texts], None)[0]

    def _run(self, texts: Sequence[str], progress: Progress | None) -> tuple[Vectors, tuple[int, ...]]:
        """Vectors, and the positions of texts that were longer than the model reads."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        cut: list[int] = []

        def infer(batch: list[int], encodings: list[Encoding], start: int) -> list[int]:
            vectors[[start + one for one in batch]] = self._infer(
                *_padded([encodings[i] for i in batch], self._padding)
            )
            return batch

        done = 0
        with ThreadPoolExecutor(self._workers) as pool:
            for start in range(0, len(texts), WINDOW):
                encodings = self._tokenizer.encode_batch(list(texts[start : start + WINDOW]))
                cut += [start + n for n, encoding in enumerate(encodings) if encoding.overflowing]
                batches = list(_batches([len(encoding) for encoding in encodings]))
                for batch in pool.map(lambda one, held=encodings, at=start: infer(one, held, at), batches):
                    done += len(batch)
                    if progress:
                        progress(done, len(texts))
        return vectors, tuple(cut)


class ReferenceEmbedder:
    """The model on sentence-transformers itself, on the GPU where there is one: for what no runtime reproduces."""

    def __init__(self, source: str, *, name: str) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = SentenceTransformer(source, device=self.device)
        self.name = name
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.truncated = 0
        self.cut: tuple[int, ...] = ()
        self._prompts = prompts_of(Path(source))

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder.embed`."""
        limit = int(self._model.max_seq_length or 0)
        prompt, count = self._prompts.document, len(texts)
        vectors = np.zeros((count, self.dimension), dtype=np.float32)
        cut: list[int] = []
        for start in range(0, count, REFERENCE_WINDOW):
            some = texts[start : start + REFERENCE_WINDOW]
            lengths = [len(self._model.tokenizer(prompt + text, truncation=False)["input_ids"]) for text in some]
            cut += [start + n for n, length in enumerate(lengths) if limit and length > limit]
            vectors[start : start + len(some)] = self._encode(some, prompt)
            if progress:
                progress(start + len(some), count)
        self.truncated, self.cut = len(cut), tuple(cut)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`."""
        return self._encode(texts, self._prompts.query)

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        told = self._model.encode(list(texts), prompt=prompt, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(told, dtype=np.float32).reshape(len(texts), self.dimension)


def load_embedder(
    model: str, models_folder: Path, runtime: RuntimeName | None = None, *, named: str | None = None
) -> Embedder:
    """The embedder for `model`: a plug-in's name, a packaged model's, a local folder, or one in the Hugging Face cache.

    A model is prepared below `models_folder` on first use. `runtime` is what LANDBRIDGE_EMBEDDER says unless it is
    given. With `named`, name and revision as an index tells them, the model prepared under it, were it of yesterday.
    """
    plugged = _plugged(model)
    if plugged is not None and named in (None, plugged.name):
        return plugged
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from index import export

    runtime = runtime or load_settings().embedder
    source = model_source(model)
    folder = _folder(model, models_folder, source, named)
    about = json.loads((folder / "about.json").read_text())
    if about.get("not_exported"):
        log.warning(
            "the model %s runs on sentence-transformers, which is slower: it was not exported, because %s",
            about["name"], about["not_exported"],
        )  # fmt: skip
    elif runtime != "sentence-transformers":
        for name, precision in candidates(runtime):
            embedder = _proven(folder, name, precision)
            if embedder is not None:
                return embedder
    current = export.current_name(model, models_folder, source=source)
    if source is None or current != about["name"] or runtime not in ("auto", "sentence-transformers"):
        raise IndexStoreError(
            f"no runtime on this machine reproduces the model '{about['name']}'",
            "Install openvino or onnxruntime, or leave the runtime on 'auto'.",
        )
    return ReferenceEmbedder(str(source), name=about["name"])


def _folder(model: str, models_folder: Path, source: Path | None, named: str | None) -> Path:
    """The folder of the prepared model: today's, or the one that an index was built with."""
    from index import export

    if named is None:
        return export.prepared_folder(model, models_folder, source=source)
    folder = export.named_folder(named, models_folder)
    if folder is None and source is not None:
        export.prepared_folder(model, models_folder, source=source)  # the files of today may be those of the index
        folder = export.named_folder(named, models_folder)
    if folder is None:
        raise IndexStoreError(
            f"the index was built by the model {named}, which is not here any more",
            "Set 'model' in project.yaml back to it, or run again: every text is then embedded anew.",
        )
    return folder


def is_current(model: str, models_folder: Path, name: str) -> bool:
    """Whether an index of `name` is of the project's model and today's revision; no model of ours is loaded for it.

    Files that are others than when they were prepared count as another model. A plug-in is made, to be asked.
    """
    plugged = _plugged(model)
    if plugged is not None:
        return plugged.name == name
    from index import export

    return export.current_name(model, models_folder, source=model_source(model)) == name


def _plugged(model: str) -> Embedder | None:
    """The embedder that an installed distribution registers under this name."""
    for entry in entry_points(group=PLUGINS, name=model):
        try:
            embedder: Embedder = entry.load()()
        except Exception as error:
            owner = entry.dist.name if entry.dist else "an unknown distribution"
            raise IndexStoreError(
                f"the embedder '{model}' of {owner} does not load: {error}",
                f"Repair or remove {owner}, or name another model in project.yaml.",
            ) from error
        return embedder
    return None


def _proven(folder: Path, runtime: str, precision: str) -> RuntimeEmbedder | None:
    """The embedder, if its vectors equal the reference; the proof is kept in proof.json and not repeated."""
    from index import export

    proof = export.read_proof(folder, runtime, precision)
    if proof is not None and proof["min_cosine"] < MIN_COSINE:
        return None
    try:
        embedder = RuntimeEmbedder(folder, runtime=runtime, precision=precision)
    except ModuleNotFoundError:
        return None  # this runtime is not installed here; the next one is tried
    if proof is None:
        proof = export.prove(folder, embedder, runtime=runtime, precision=precision)
    return embedder if proof["min_cosine"] >= MIN_COSINE else None


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions in batches of similar length, each at most TOKEN_BUDGET padded tokens; longest first."""
    batch: list[int] = []
    widest = 0
    for position in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        widest = widest if batch else lengths[position]
        if batch and widest * (len(batch) + 1) > TOKEN_BUDGET:
            yield batch
            batch, widest = [], lengths[position]
        batch.append(position)
    if batch:
        yield batch


def _padded(encodings: Sequence[Encoding], padding: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask of one batch, padded to its longest text."""
    width = max(len(encoding) for encoding in encodings)
    ids = np.full((len(encodings), width), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding)] = encoding.ids
        mask[row, : len(encoding)] = 1
    return ids, mask

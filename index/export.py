"""Prepare a sentence model once: export it with pooling inside the graph, and prove every runtime against the original.

The only module that imports torch, and only while the exported file is absent. A prepared model is a folder:
model.onnx, tokenizer.json, about.json (name, dimension, max_length, sha), reference.npy (the original's vectors of
PROOF_TEXTS) and proof.json (what each runtime scored against them).
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.errors import IndexStoreError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from index.embed import Embedder

PROOF_TEXTS = (
    "Aircraft N123AB",
    "Boeing 737-800, built 2004, two engines, 189 seats.",
    "It flew 1,204 flights in 2013, most often to BOS (212), SJU (199) and MCO (144).",
    "Which destinations are missing from the operations list?",
    "Wind 12.6 kt from 240 degrees, visibility 10 miles, pressure 1012.4 hPa at 05:00 UTC.",
    "São Paulo, Zürich, Kraków and Reykjavík",
    "not recorded: year built, speed",
    "?",
    "De-icing: wait until the holdover time of the fluid is known, then tell the tower.",
    "EWR EWR EWR JFK LGA",
    "The registry says 1998; the maintenance system says 1999. The registry is the system of record.",
    "tok_tail_number_k2v7x4q",
    "Delays of more than three hours need a note of the duty manager, and a call to the station.",
    "| code | name |\n|---|---|\n| PSE | Mercedita |\n| BQN | Rafael Hernández |",
    "Every route from Newark to Honolulu is flown by one carrier. " * 12,
    "The crew roster is kept for one year; afterwards names are removed and only duty hours stay. " * 30,
)
NAMES = (["input_ids", "attention_mask"], ["sentence_embedding"])


def prepared_folder(model: str, models_folder: Path, *, source: Path | None) -> Path:
    """The folder of the prepared model, made now if it is absent or the model's weights are others than then."""
    folder = models_folder / re.sub(r"[^A-Za-z0-9._-]+", "-", Path(model).name)
    if source is None:
        if (folder / "about.json").is_file():
            return folder
        raise IndexStoreError(
            f"the embedding model '{model}' is not here",
            "Name a packaged model or a local model folder in project.yaml, under 'model'.",
        )
    if not (folder / "about.json").is_file() or _stamp(source) != _about(folder)["stamp"]:
        _prepare(model, source, folder)
    return folder


def read_proof(folder: Path, runtime: str, precision: str) -> dict[str, Any] | None:
    """What this runtime scored when it was proven; None if it never was."""
    path = folder / "proof.json"
    proofs: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else {}
    return proofs.get(f"{runtime}-{precision}")


def prove(folder: Path, embedder: Embedder, *, runtime: str, precision: str) -> dict[str, Any]:
    """Compare a runtime with the original's vectors, and write the result down."""
    reference = np.load(folder / "reference.npy")
    cosines = np.sum(reference * embedder.embed(PROOF_TEXTS), axis=1)
    proof = {
        "runtime": runtime,
        "precision": precision,
        "min_cosine": round(float(np.min(np.nan_to_num(cosines, nan=-1.0))), 6),
        "texts": len(PROOF_TEXTS),
        "model_sha": _about(folder)["sha"],
    }
    path = folder / "proof.json"
    proofs = json.loads(path.read_text()) if path.is_file() else {}
    _write_whole(path, json.dumps({**proofs, f"{runtime}-{precision}": proof}, indent=2))
    return proof


def _prepare(model: str, source: Path, folder: Path) -> None:
    """Export into a folder beside, then swap it in whole: a kill leaves the old one or none, never half of one."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        disable_progress_bar()  # type: ignore[no-untyped-call]  # its bar for loading weights would mix with ours
        reference = SentenceTransformer(str(source), device="cpu", model_kwargs={"attn_implementation": "eager"})
        vectors = reference.encode(list(PROOF_TEXTS), normalize_embeddings=True, show_progress_bar=False)
        np.save(made / "reference.npy", np.asarray(vectors, dtype=np.float32))
        shutil.copyfile(source / "tokenizer.json", made / "tokenizer.json")
        _export(reference, made / "model.onnx")
        sha = _digest(source)
        about = {
            "name": f"{Path(model).name}@{sha[:12]}",
            "dimension": int(vectors.shape[1]),
            "max_length": int(reference.max_seq_length or 512),
            "sha": sha,
            "stamp": _stamp(source),
        }
        (made / "about.json").write_text(json.dumps(about, indent=2))
        if folder.exists():
            shutil.rmtree(folder)
        made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _export(reference: SentenceTransformer, path: Path) -> None:
    """Write the transformer with mean pooling and normalisation inside the graph (inputs: ids and mask)."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self, transformer: Any) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2.0, dim=1)

    first: Any = reference[0]
    example = torch.ones((2, 8), dtype=torch.long)
    inputs, outputs = NAMES
    axes = {**{name: {0: "batch", 1: "tokens"} for name in inputs}, outputs[0]: {0: "batch"}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns about constants; the proof decides whether they matter
        torch.onnx.export(
            Pooled(first.auto_model).eval(),
            (example, example),
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def _about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / "about.json").read_text())
    return about


def _weights(source: Path) -> Path:
    found = sorted(source.glob("*.safetensors"))
    if not found or not (source / "tokenizer.json").is_file():
        raise IndexStoreError(f"'{source.name}' is no sentence model", "It needs model.safetensors and tokenizer.json.")
    return found[0]


def _stamp(source: Path) -> str:
    """A cheap sign that the weights are still the same file; hashing 90 MB at every start would be slow."""
    stat = _weights(source).stat()
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def _digest(source: Path) -> str:
    with _weights(source).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_whole(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as stream:
        stream.write(text)
    Path(stream.name).replace(path)

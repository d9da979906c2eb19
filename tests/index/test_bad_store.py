"""A damaged or locked store, a model that is gone or another: told in one line with the remedy, and nothing is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import index
from index.testing import HashEmbedder
from landbridge.cli import app
from pipelines.site import Site, utc_now

ROOT = Path(__file__).parents[2]
REMEDY = "If files are damaged, delete the index folder and run again: it is rebuilt from the ready rows."
# as root every file may be written, unless the process gives that power up: 1 is CAP_DAC_OVERRIDE, 2 the right to read
POWERLESS = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert libc.capget(header, sets) == 0
for at in (0, 1, 2):
    sets[at] &= ~(1 << 1 | 1 << 2)
assert libc.capset(header, sets) == 0
from landbridge.cli import app
app(sys.argv[1:])
"""


def told(shop: Any, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--project", str(shop.folder)], prog_name="landbridge")


def store_of(shop: Any) -> index.Store:
    return index.Store(shop.site().home.index)


def change(shop: Any) -> None:
    shop.orders_are([(number, f"C{1 + number % 4}", 3.5 * number) for number in range(1, 41)])


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "data halved": ("data/*", halved),
    "data zeroed": ("data/*", zeroed),
    "data gone": ("data/*", Path.unlink),
    "manifests halved": ("_versions/*.manifest", halved),
    "manifests zeroed": ("_versions/*.manifest", zeroed),
    "tag halved": ("_refs/tags/live.json", halved),
    "index halved": ("_indices/*/*", halved),
    "index zeroed": ("_indices/*/*", zeroed),
    "index gone": ("_indices/*/*", Path.unlink),
}


def damage(shop: Any, what: str) -> None:
    glob, spoil = DAMAGES[what]
    paths = [path for path in (Path(store_of(shop).uri) / "chunks.lance").glob(glob) if path.is_file()]
    assert paths
    for path in paths:
        spoil(path)


@pytest.mark.parametrize("what", DAMAGES)
def test_a_question_to_a_damaged_index_is_answered_by_one_line_with_the_remedy(ran: Any, what: str) -> None:
    damage(ran, what)
    done = told(ran, "ask", "Order 7 by C4")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "the index at " in done.stderr
    assert REMEDY in done.stderr
    assert ".rs:" not in done.stderr, "where in its own source the store noticed it"


@pytest.mark.parametrize(
    "what", ["data halved", *(pytest.param(one, marks=pytest.mark.exam) for one in ("index zeroed", "tag halved"))]
)
def test_a_run_on_a_damaged_index_says_so_and_its_remedy_brings_everything_back(ran: Any, what: str) -> None:
    damage(ran, what)
    change(ran)
    done = told(ran, "run")
    assert done.exit_code != 0
    faults = [line for line in done.stderr.splitlines() if "the index at " in line]
    assert faults
    assert all(REMEDY in line for line in faults)
    assert not [line for line in done.stderr.splitlines() if line.startswith("failed: ") and line not in faults]
    shutil.rmtree(store_of(ran).uri)
    assert told(ran, "run").exit_code == 0
    answer = json.loads(told(ran, "ask", "Order 7 by C4", "--json").stdout)
    assert "Order 7 by C4: 24.5." in answer["hits"][0]["text"]


@pytest.mark.parametrize("where", [pytest.param("index", marks=pytest.mark.exam), "index/chunks.lance/data"])
def test_a_run_that_may_not_write_the_store_says_so_and_what_is_live_stays(ran: Any, where: str) -> None:
    before, version = ran.live(), store_of(ran).tag("live")
    change(ran)
    top = ran.folder / ".landbridge" / where
    locked = [top, *(path for path in top.rglob("*"))]
    for path in locked:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        done = subprocess.run(
            [sys.executable, "-c", POWERLESS, "run", "--project", str(ran.folder)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
    finally:
        for path in locked:
            path.chmod(0o700 if path.is_dir() else 0o600)
    assert done.returncode in (1, 2), done.stderr
    assert "right to write" in done.stderr or "Permission denied" in done.stderr
    assert "this user may read and write there" in done.stderr or "Give this user" in done.stderr
    assert "Traceback" not in done.stderr
    assert (ran.live(), store_of(ran).tag("live")) == (before, version)


def test_a_model_that_is_not_here_is_named_with_the_remedy_and_what_is_live_stays(ran: Any) -> None:
    before, version = ran.live(), store_of(ran).tag("live")
    ran.write("project.yaml", {"name": "shop", "model": "no-such-model", "minSimilarity": 0.1})
    done = told(ran, "run")
    assert done.exit_code == 1
    assert (
        "failed: indexed/orders: the embedding model 'no-such-model' is not here. Name a packaged model" in done.stderr
    )
    asked = told(ran, "ask", "Order 7 by C4")
    assert (asked.exit_code, "Set 'model' in project.yaml back to it" in asked.stderr) == (2, True)
    ran.write("project.yaml", {"name": "shop", "model": "hashed-words", "minSimilarity": 0.1})
    assert (ran.live(), store_of(ran).tag("live")) == (before, version)
    assert told(ran, "ask", "Order 7 by C4").exit_code == 0


def test_a_model_of_another_dimension_under_another_name_brings_the_index_to_it(
    ran: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HashEmbedder.__init__, "__defaults__", (32,))
    monkeypatch.setattr(HashEmbedder.__init__, "__kwdefaults__", {"name": "hashed-words@2"})
    assert told(ran, "run").exit_code == 0
    assert told(ran, "ask", "Order 7 by C4").exit_code == 0
    assert store_of(ran).model == "hashed-words@2"


def test_a_model_of_another_dimension_under_the_same_name_is_refused_and_what_is_live_stays(
    ran: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = ran.live(), store_of(ran).tag("live")
    change(ran)
    with monkeypatch.context() as other:
        other.setattr(HashEmbedder.__init__, "__defaults__", (32,))
        done = told(ran, "run")
    assert done.exit_code == 1
    assert (
        "failed: indexed/orders: the model hashed-words@1 makes vectors of 32 numbers, and those of it in the index "
        "have 64. Give the other model another name or revision"
    ) in done.stderr
    assert (ran.live(), store_of(ran).tag("live")) == (before, version)
    assert told(ran, "run").exit_code == 0


def test_a_clock_that_was_set_back_a_year_publishes_what_is_new_and_forgets_nothing_that_was_live(
    ran: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, opened = store_of(ran).tag("live"), Site.open

    def a_year_ago(*given: Any, **named: Any) -> Site:
        return replace(opened(*given, **named), clock=lambda: utc_now() - timedelta(days=365))

    monkeypatch.setattr(Site, "open", a_year_ago)
    change(ran)
    assert told(ran, "run").exit_code == 0
    answer = json.loads(told(ran, "ask", "Order 7 by C4", "--json").stdout)
    assert "Order 7 by C4: 24.5." in answer["hits"][0]["text"]
    assert version in store_of(ran).versions

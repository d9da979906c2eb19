"""A run under another model, and texts that a model cannot read whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import index
from catalog import load_project
from index.testing import HashEmbedder
from pipelines.site import Site
from pipelines.stages import find_gaps, make_indexed, make_ready, pull, verify_indexed

ROOT = Path(__file__).parents[2]
NIGHT = """
import sys
from pathlib import Path
from catalog import load_project
from pipelines.site import Site
from pipelines.stages import find_gaps, make_indexed, make_ready, pull
site, names = Site.open(load_project(Path(sys.argv[1]))), ("customers", "orders")
for stage in (pull, make_ready):
    for name in names:
        stage(site, name, run_id=sys.argv[2])
find_gaps(site, run_id=sys.argv[2])
embedded = sum(make_indexed(site, name, run_id=sys.argv[2]).embedded for name in names)
assert embedded == int(sys.argv[3]), embedded
heavy = {"torch", "sentence_transformers", "transformers"} & set(sys.modules)
assert bool(heavy) == (sys.argv[2] == "first"), heavy
"""


@pytest.fixture
def site(shop):
    """The shop, read and published by its stages, without Dagster."""
    made = Site.open(load_project(shop.folder))
    names = ("customers", "orders")
    for stage in (pull, make_ready):
        for name in names:
            stage(made, name, run_id="first")
    find_gaps(made, run_id="first")
    for name in names:
        make_indexed(made, name, run_id="first")
    return made


def test_another_revision_brings_the_index_to_it_once_and_the_way_back_embeds_nothing(shop, site, monkeypatch):
    before, store = shop.live(), index.Store(site.home.index)
    version = store.tag("live")
    with monkeypatch.context() as patched:
        patched.setattr(HashEmbedder.__init__, "__kwdefaults__", {"name": "hashed-words@2"})
        made = make_indexed(site, "orders", run_id="second")
        assert made.embedded == 43, "those of all datasets"
        assert made.version > version
        assert index.published_model(store) == "hashed-words@2"
        assert shop.live() == before
        again = [make_indexed(site, name, run_id="third") for name in ("customers", "orders")]
        assert [one.embedded for one in again] == [0, 0]
        assert store.tag("live") == made.version
    back = make_indexed(site, "orders", run_id="fourth")
    assert back.embedded == 0
    assert index.published_model(store) == "hashed-words@1"


def test_passages_longer_than_the_model_reads_are_told_and_stay_told(site, monkeypatch):
    made = HashEmbedder.embed

    def embed(self, texts, *, progress=None):
        self.cut = tuple(n for n, text in enumerate(texts) if "by C2" in text)
        return made(self, texts, progress=progress)

    monkeypatch.setattr(HashEmbedder, "embed", embed)
    monkeypatch.setattr(HashEmbedder.__init__, "__kwdefaults__", {"name": "hashed-words@2"})
    told = make_indexed(site, "orders", run_id="second")
    assert [(one.rule, one.severity, one.count, one.blocking) for one in told.findings] == [
        ("text-cut", "warning", 10, False)
    ]
    assert told.findings[0].sample_keys[:2] == ("1", "13")
    assert told.truncated == 10
    make_indexed(site, "orders", run_id="third")
    _, findings = verify_indexed(site, "orders", run_id="third")
    assert [one.rule for one in findings] == ["text-cut"]
    assert not make_indexed(site, "customers", run_id="third").findings


@pytest.mark.exam
def test_after_the_first_run_neither_no_change_nor_a_small_one_imports_torch(shop):
    def night(run_id: str, embedded: int) -> None:
        ended = subprocess.run(
            [sys.executable, "-c", NIGHT, str(shop.folder), run_id, str(embedded)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr[-2000:]

    shop.write("project.yaml", {"name": "shop", "model": "all-MiniLM-L6-v2"})
    night("first", 43)
    night("second", 0)
    shop.orders_are([(number, f"C{1 + number % 4}", 999 if number == 7 else 10.5 * number) for number in range(1, 41)])
    night("third", 1)

"""A change tells again what it touches, and says why; what it does not touch stays as published."""

import random
import shutil
from dataclasses import replace

import pytest

import index.rendering as rendering
from catalog import load_project
from catalog.models import Definition
from evals.answerable import is_as_from_nothing, run
from evals.changing_shop import MAKERS, Declared, Item, Shop
from index import VectorCache
from index.testing import HashEmbedder
from pipelines.retelling import reasons
from pipelines.site import Site
from pipelines.stages import make_ready

ITEMS = [Item("K1", "bolt", "M1", 5, "Zeugnis-0001"), Item("K2", "pin", "M2", None, None)]
UNTOUCHED = "nothing that it is made of changed"


class Works:
    """A shop and its runs."""

    def __init__(self, folder):
        declared = Declared("sheet", levels=dict.fromkeys(Item._fields, "internal"), card=2, group=1)
        self.shop = Shop(folder, random.Random(0), declared, list(ITEMS))

    def site(self):
        self.shop.write()
        return Site.open(load_project(self.shop.folder))

    def run(self, **changes):
        version = self.shop.declared.version + bool(changes)
        self.shop.declared = replace(self.shop.declared, version=version, **changes)
        site = self.site()
        made = run(site, f"run-{version}")
        assert all(is_as_from_nothing(site, name) for name in site.project.datasets)
        return made


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first") / "shop"
    Works(folder).run()
    return folder


@pytest.fixture
def works(first, tmp_path):
    shutil.copytree(first, tmp_path / "shop")
    return Works(tmp_path / "shop")


def test_without_a_change_nothing_is_told_again(works):
    made = works.run()
    assert {one.why for one in made.values()} == {UNTOUCHED}


def test_a_changed_text_tells_the_documents_of_its_template_again_and_no_others(works):
    made = works.run(card=0)
    assert made["items"].why == "re-rendered 1 of 2 templates: 'card' because its text changed"
    assert (made["items"].changed, made["items"].embedded) == (2, 2)
    assert made["makers"].why == UNTOUCHED
    assert make_ready(works.site(), "items", run_id="again").why == UNTOUCHED, "no row is checked again for a text"


def test_a_changed_policy_labels_again_without_embedding(works):
    made = works.run(roles=("ops",))
    assert made["items"].why == (
        "re-rendered 2 of 2 templates: 'card' because the policy changed; 'maker' because the policy changed"
    )
    assert (made["items"].changed, made["items"].embedded) == (4, 0)


def test_a_changed_mask_embeds_the_texts_it_changes(works):
    made = works.run(mask="last4")
    assert (made["items"].changed, made["items"].embedded) == (1, 1)


def test_a_template_that_came_is_told_beside_those_that_stay(works):
    works.run(group=None)
    made = works.run(group=0)
    assert made["items"].why == "re-rendered 1 of 2 templates: 'maker' for the first time"
    assert (made["items"].added, made["items"].deleted) == (2, 0)


def test_rows_that_only_one_template_borrows_touch_that_one(works, monkeypatch):
    monkeypatch.setitem(MAKERS, "M1", "Another Name")
    made = works.run()
    assert made["items"].why == "re-rendered 1 of 2 templates: 'maker' because the rows of 'makers' changed"
    assert made["items"].embedded == 1


def test_of_a_changed_row_only_its_documents_are_cut_anew(works, monkeypatch):
    cut = []
    chunked = rendering.chunked
    monkeypatch.setattr(rendering, "chunked", lambda some, *_, **more: cut.append(some) or chunked(some, *_, **more))
    works.shop.items[0] = works.shop.items[0]._replace(name="screw")
    site = works.site()
    made = run(site, "one row")
    assert (cut[-1].select("kind", "key").rows(), made["items"].changed) == ([("card", "K1")], 1)
    assert is_as_from_nothing(site, "items")


def test_a_run_that_was_killed_before_it_wrote_down_what_it_published_is_not_believed(works):
    site = works.site()
    told = site.home.manifest("indexed", "items")
    before, declared = told.read_bytes(), works.shop.declared
    works.run(card=0)
    told.write_bytes(before)  # as a kill leaves it: the documents are of the new text, the memo is of the old one
    works.shop.declared = replace(declared, version=9)
    made = works.run(group=0)
    assert "'card' because what is published changed" in made["items"].why


def test_a_run_and_the_status_tell_what_was_processed_again_and_why(works):
    works.run(card=0)
    told = reasons(works.site())
    assert told["items"] == "checked for the first time; re-rendered 1 of 2 templates: 'card' because its text changed"
    assert reasons(works.site(), run_id="run-2") == {
        "items": "re-rendered 1 of 2 templates: 'card' because its text changed"
    }


def test_what_a_killed_run_embedded_of_rows_that_are_gone_again_is_forgotten_by_a_run_without_a_change(works):
    cache = VectorCache(works.site().home.vectors, owner="items")
    embedder = HashEmbedder()
    cache.put(embedder.name, ["0" * 64], embedder.embed(["a row that came and went"]))
    made = works.run()
    assert made["items"].why == UNTOUCHED
    assert cache.get(embedder.name, embedder.dimension, ["0" * 64]) == {}


def test_a_description_and_a_definition_touch_neither_rows_nor_documents(works):
    site = works.site()
    items = site.dataset("items")
    told = {"description": "told to people", "definitions": (Definition(url="https://wiki.example.org", type="x"),)}
    fields = tuple(field.model_copy(update=told) for field in items.fields)
    changed = items.model_copy(update={"fields": fields, "fingerprint": "other"})
    project = site.project.model_copy(update={"datasets": {**site.project.datasets, "items": changed}})
    made = run(replace(site, project=project), "described")
    assert made["items"].why == "re-rendered 0 of 2 templates"

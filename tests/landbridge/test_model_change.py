"""Another model in project.yaml, by the command line: planned, beside what is served, and once."""

import json

import pytest
from typer.testing import CliRunner

import index
from index.reindexing import model_of
from landbridge.cli import app
from pipelines import publications
from tests.index.tiny_models import save_tiny_model


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models that differ in the length of their vectors."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("models")
    return save_tiny_model(folder / "small"), save_tiny_model(folder / "smaller", dense=True, seed=1)


@pytest.fixture
def night(shop):
    """`landbridge run --json` under a model, as the command line tells it."""

    def one(model):
        shop.write("project.yaml", {"name": "shop", "model": str(model), "minSimilarity": 0.0})
        done = CliRunner().invoke(app, ["run", "--json", "--project", str(shop.folder)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return one


def ask(shop):
    """What `landbridge ask` answers."""
    words = ["ask", "Order 7", "--json", "--project", str(shop.folder)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def held(shop):
    """The live version: its number, its model, the length of its vectors, and its passages."""
    store = index.Store(shop.site().home.index)
    table = store.live()
    ids = store.read(["id", "hash"], at="live").sort("id")
    return int(table.version), model_of(table), table.schema.field("vector").type.list_size, ids


def test_a_change_of_models_answers_by_the_old_vectors_until_the_tag_moves_and_doubles_nothing(
    shop, night, models, monkeypatch
):
    first, second = models
    night(first)
    version, model, length, passages = held(shop)
    assert length == 32
    meanwhile, lay = [], publications._lay_anew

    def asked(site, number, brought=None):
        meanwhile.append((ask(shop), held(shop)[:3]))
        return lay(site, number, brought)

    with monkeypatch.context() as patched:
        patched.setattr(publications, "_lay_anew", asked)
        told = night(second)
    assert told["embedded"] == passages.height, "every passage once, whichever dataset came first"
    answer, serving = meanwhile[0]
    assert serving == (version, model, 32), "planned beside it: the old vectors answer"
    assert answer["known"] and answer["index_version"] == version
    now, other, length, after = held(shop)
    assert now > version and other != model and length == 16
    assert after["id"].is_unique().all() and after.equals(passages)
    answer = ask(shop)
    assert answer["known"] and answer["index_version"] == now
    again = night(second)
    assert (again["embedded"], again["index_version"]) == (0, now)
    publications.roll_back(shop.site(), run_id="back")
    assert held(shop)[:3] == (version, model, 32)
    assert ask(shop)["known"]

"""Entities at the command line: doubt is shown with its evidence, and a word about a pair has a name and a reason."""

import csv
import json

import pytest
from typer.testing import CliRunner

from landbridge.cli import app
from pipelines import stages
from pipelines.site import Site

FIRST = ("Ada", "Bert", "Carla", "Dora", "Emil", "Frida", "Gustav", "Hanna", "Ivo", "Jutta")
LAST = ("Abelson", "Brinkman", "Castellano", "Dijkstra")
PEOPLE = [(f"{FIRST[n % 10]} {LAST[n // 10]}", f"m{n}@example.org", f"Town {n % 7}") for n in range(40)]
DOUBTFUL = 8  # who moved


class Desk:
    """Customers in two files; the entity is matched by name, by a personal address for mail, and by town."""

    def __init__(self, shop):
        self.folder = shop.folder
        (shop.folder / "datasets" / "orders.odcs.yaml").unlink()
        for name, moved in (("customers", ""), ("debtors", "Elsewhere")):
            told = shop.customers() | {"id": f"shop.{name}", "name": name}
            told["schema"][0] |= {"name": name, "physicalName": f"{name}.csv"}
            documents = {"name": "record", "title": "{id}", "text": "{name} of {city|nowhere}."}
            told["customProperties"][-1]["value"] = [documents]
            shop.write(f"datasets/{name}.odcs.yaml", told)
            with (shop.folder / "systems" / f"{name}.csv").open("w", newline="") as file:
                rows = [
                    (f"{name[0]}{n}", who, mail, moved if moved and n == DOUBTFUL else town)
                    for n, (who, mail, town) in enumerate(PEOPLE)
                ]
                csv.writer(file).writerows([("ID", "NAME", "MAIL", "CITY"), *rows])
        (shop.folder / "entities").mkdir()
        shop.write("entities/customer.yaml", {
            "name": "customer", "owner": "team crew-data",
            "members": [{"dataset": "customers"}, {"dataset": "debtors"}],
            "match": {
                "fields": [{"name": one, "kind": kind, "in": {"customers": one, "debtors": one}}
                           for one, kind in (("name", "text"), ("email", "code"), ("city", "text"))],
                "blocking": [{"fields": ["name"], "by": "words"}],
            },
            "golden": {"name": {"from": ["customers.name", "debtors.name"]},
                       "email": {"from": ["customers.email", "debtors.email"]}},
        })  # fmt: skip

    def run(self):
        site = Site.open(self.folder)
        for name in ("customers", "debtors"):
            stages.pull(site, name, run_id="run")
            stages.make_ready(site, name, run_id="run")
        return stages.resolve_entities(site, run_id="run")

    def says(self, *words, code=0):
        done = CliRunner().invoke(app, ["entities", *words, "--project", str(self.folder)])
        assert done.exit_code == code, done.output
        return done.output

    def reads(self, *words):
        return json.loads(self.says(*words, "--json"))


@pytest.fixture
def desk(shop):
    made = Desk(shop)
    made.run()
    return made


def test_what_waits_is_shown_with_what_agrees_and_differs_and_hides_what_is_personal(desk):
    (one,) = desk.reads("review")
    assert (one["agree"], one["differ"]) == (["name", "email"], ["city"])
    assert one["left"] == {"dataset": "customers", "key": "c8",
                           "values": {"name": "Ivo Abelson", "email": "***", "city": "Town 1"}}  # fmt: skip
    told = desk.says("review")
    assert "Elsewhere" in told
    assert "example.org" not in told


def test_a_pair_that_is_accepted_waits_no_more_and_is_one_after_the_next_run(desk):
    (one,) = desk.reads("review")
    assert "landbridge run applies it" in desk.says("accept", one["pair"][:6], "--by", "Steward 1", "--reason", "moved")
    assert desk.reads("review") == []
    desk.run()
    told = desk.reads("show", "debtors:d8")
    assert [one["key"] for one in told["members"]] == ["c8", "d8"]
    assert [(one["way"], one["decision"]) for one in told["links"]] == [("decision", "link")]
    assert [(one["by"], one["reason"], one["same"]) for one in told["decisions"]] == [("Steward 1", "moved", True)]


def test_a_link_that_is_refused_is_taken_back_by_the_next_run(desk):
    (link,) = desk.reads("show", "customers:c3")["links"]
    desk.says("refuse", link["pair"], "--by", "Steward 1", "--reason", "two branches")
    desk.run()
    assert len(desk.reads("show", "customers:c3")["members"]) == 1


def test_an_entity_tells_whose_each_value_is_and_hides_what_is_personal(desk):
    told = desk.reads("show", "customers:c3")
    golden = {one["field"]: (one["value"], one["source"]) for one in told["golden"]}
    assert golden == {"name": ("Dora Abelson", "customers:c3"), "email": ("***", "customers:c3")}
    assert "Dora Abelson" in desk.says("show", told["id"])
    assert "example.org" not in desk.says("show", told["id"])


def test_the_list_counts_links_by_the_way_they_came_about(desk):
    (one,) = desk.reads("list")
    assert (one["records"], one["entities"], one["by_match"], one["waits"]) == (80, 41, 39, 1)
    assert "customer" in desk.says("list")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("accept", "nosuch", "--by", "S", "--reason", "r"), "no pair nosuch is known"),
        (("show", "nosuch"), "no entity nosuch is known"),
        (("review", "costumer"), "costumer: no such entity. There are customer."),
        (("show", "customer-"), "Give more of it"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(desk, words, told):
    assert told in desk.says(*words, code=2)


def test_a_word_without_a_reason_is_refused(desk):
    (one,) = desk.reads("review")
    assert "needs a reason" in desk.says("accept", one["pair"], "--by", "S", "--reason", " ", code=2)
    assert len(desk.reads("review")) == 1


def test_before_the_first_run_nothing_is_known(shop):
    assert "landbridge run" in Desk(shop).says("review", code=2)

"""What a run left behind becomes scores, a history that moves with the evidence, and a report."""

import json
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import polars as pl
import pytest

from catalog import load_project
from expectations.readiness import charts
from index.testing import HashEmbedder
from pipelines import stages
from pipelines.readiness_assets import minimum_checks, of_readiness, readiness_asset
from pipelines.site import Site, utc_now

HOSTILE = "<script>alert(1)</script>"
USE_CASES = [
    {"name": "desk", "title": f"Desk {HOSTILE}", "owner": "team crew-data", "datasets": ["orders", "customers"],
     "questions": [{"ask": "Order 7", "expect": "urn:landbridge:shop:orders:7"}, {"ask": "C2", "expect": "customers"}],
     "minimum": 95, "severity": "critical"},
]  # fmt: skip
NAMES = ("customers", "orders")
CUSTOMERS = [
    ("C1", "First Customer", "first@example.org", "Berlin"), ("C2", "Second Customer", "second@example.org", "Hamburg"),
    ("C3", "Third Customer", "third@example.org", ""),
]  # fmt: skip
ORDERS = [(number, f"C{1 + number % 4}", 10.5 * number) for number in range(1, 41)]


class Measured:
    """A shop with a use case, run by its stages, and the time."""

    def __init__(self, shop):
        self.shop = shop
        told = {"name": "shop", "model": "hashed-words", "minSimilarity": 0.1}
        shop.write("project.yaml", told | {"useCases": USE_CASES, "readiness": {"datasets": {"orders": 50}}})
        for name, contract in (("customers", shop.customers()), ("orders", shop.orders())):
            contract["slaProperties"] = [{"property": "freshness", "value": 26, "unit": "h"}]
            shop.write(f"datasets/{name}.odcs.yaml", contract)
        self.now = utc_now()
        self.embedders = []
        self.open()

    def open(self):
        self.site = replace(Site.open(self.shop.folder), clock=lambda: self.now)

    def run(self):
        for name in NAMES:
            stages.pull(self.site, name, run_id="r")
            stages.make_ready(self.site, name, run_id="r")
        stages.find_gaps(self.site, run_id="r")
        for name in NAMES:
            stages.make_indexed(self.site, name, run_id="r")

    def measure(self):
        return stages.measure_readiness(self.site, run_id="r", embedder=self.embedder)

    def embedder(self):
        self.embedders.append(HashEmbedder())
        return self.embedders[-1]

    @property
    def asked(self):
        return sum(len(one.embedded) for one in self.embedders)

    @property
    def history(self):
        return [one.subject for one in self.site.ledger.readiness_history()]

    def report(self, ending="html"):
        return self.site.home.readiness_report.with_suffix(f".{ending}").read_text()


@pytest.fixture
def measured(shop):
    return Measured(shop)


def test_everything_measured_is_scored_and_kept_once_until_the_evidence_moves(measured):
    measured.run()
    first = measured.measure()
    scores = {one.subject: one for one in first.scores}
    assert set(scores) == {"customers", "orders", "desk"}
    assert all(one.known and 0 < one.total < 100 for one in scores.values())
    assert first.moved == ("customers", "orders", "desk")
    asked = measured.asked
    assert asked == 3 + 40 + 2  # a question for each document, and those of the use case

    measured.now += timedelta(hours=1)
    again = measured.measure()
    assert (again.moved, measured.asked) == ((), asked), "an hour is no evidence, and nothing is asked twice"
    assert measured.history == ["customers", "orders", "desk"]

    measured.now += timedelta(hours=26)
    late = measured.measure()
    assert set(late.moved) == {"customers", "orders", "desk"}, "a promise that is over is"
    assert measured.asked == asked

    told = measured.report()
    assert HOSTILE not in told
    assert "<script" not in told
    assert told.index("What is missing") < told.index("<h2>Scores") < told.index("<h2>Trend")
    assert told.count("<svg") == 2
    assert "@example.org" not in told + measured.report("json")
    assert {one["subject"] for one in json.loads(measured.report("json"))["scores"]} == {"customers", "orders", "desk"}

    metadata = of_readiness(measured.site, late)
    assert [row.data["subject"] for row in metadata["scores"].records] == ["customers", "orders", "desk"]
    assert len(metadata["worst_blockers"].records) == 3


def test_a_chart_is_drawn_only_when_it_shows_something_else(measured, monkeypatch):
    drawn = []
    real = charts._svg
    monkeypatch.setattr(charts, "_svg", lambda shown, title: drawn.append(title) or real(shown, title))
    measured.run()
    measured.measure()
    first = measured.report()
    measured.now += timedelta(minutes=1)
    measured.measure()
    assert drawn == ["Scores"]
    assert measured.report().count("<svg") == first.count("<svg") == 1
    measured.now += timedelta(hours=27)
    measured.measure()
    measured.measure()
    assert drawn == ["Scores", "Scores", "Scores over time"]


def test_of_a_new_version_of_the_index_only_new_questions_are_embedded(measured):
    measured.run()
    measured.measure()
    asked = measured.asked
    measured.shop.orders_are([*ORDERS, (41, "C1", 5.0)])
    measured.open()
    measured.run()
    measured.measure()
    assert 0 < measured.asked - asked <= 5, "one order came, and the customer's count of orders is told in one document"
    again = measured.asked
    measured.shop.customers_are([("C1", "First Customer", "first@example.org", "Bonn"), *CUSTOMERS[1:]])
    measured.open()
    measured.run()
    loaded = len(measured.embedders)
    measured.measure()
    assert (measured.asked, len(measured.embedders)) == (again, loaded), "no question is new: no model is loaded"


def test_vectors_of_another_model_are_not_used(measured):
    measured.run()
    measured.measure()
    path = measured.site.home.folder / "readiness" / "question_vectors.parquet"
    pl.read_parquet(path).with_columns(name=pl.lit("another@1")).write_parquet(path)
    for name in (*NAMES, "desk"):
        measured.site.home.manifest("readiness", name).unlink()
    asked = measured.asked
    measured.measure()
    assert measured.asked == 2 * asked


def test_the_known_orphans_and_the_missing_city_are_what_completeness_lacks(measured):
    measured.run()
    scores = {one.subject: one for one in measured.measure().scores}
    told = [one.what for one in scores["orders"].blockers if one.dimension == "completeness"]
    assert any("10 rows of 40" in one for one in told)
    cities = [one for one in scores["customers"].blockers if one.dimension == "completeness"]
    assert [one.what for one in cities] == ["1 of 3 rows have no 'city'."]


def test_a_project_that_never_ran_is_scored_as_unknown(measured):
    made = measured.measure()
    assert not any(one.known for one in made.scores)
    assert measured.embedders == []
    assert "not measured" in measured.report()


def test_a_model_that_does_not_load_makes_retrievability_unknown_with_its_reason(measured):
    from catalog.errors import IndexStoreError

    def broken():
        raise IndexStoreError("the model is absent", "Install it.")

    measured.run()
    made = stages.measure_readiness(measured.site, run_id="r", embedder=broken)
    dimension = made.scores[0].dimension("retrievability")
    assert dimension.score is None
    assert "the model is absent" in dimension.unknown
    assert measured.measure().scores[0].dimension("retrievability").score is not None, "it is asked again"


def test_a_contract_that_changed_since_the_check_is_unknown_until_the_next_run(measured):
    measured.run()
    contract = measured.shop.orders()
    contract["version"] = "1.1.0"
    measured.shop.write("datasets/orders.odcs.yaml", contract)
    measured.open()
    orders = next(one for one in measured.measure().scores if one.subject == "orders")
    assert orders.dimension("validity").score is None
    assert orders.dimension("completeness").score is None


def test_records_whose_key_may_not_be_told_are_not_named(measured):
    contract = measured.shop.customers()
    contract["schema"][0]["properties"][0] |= {"classification": "confidential", "tags": ["personal"]}
    measured.shop.write("datasets/customers.odcs.yaml", contract)
    measured.open()
    measured.run()
    measured.measure()
    kept = json.loads(measured.site.home.manifest("readiness", "customers").read_text())
    assert {one["urn"] for one in kept["asked"]} == {"***"}


def test_the_asset_has_a_check_for_each_minimum_as_grave_as_declared(measured):
    project = load_project(measured.shop.folder)
    assert list(minimum_checks(project)) == ["orders", "desk"]
    measured.run()
    asset = readiness_asset(project)
    done = dg.materialize([asset], raise_on_error=False, instance=dg.DagsterInstance.ephemeral())
    found = {one.check_name: (one.passed, one.severity.value) for one in done.get_asset_check_evaluations()}
    assert found["readiness_minimum__orders"] == (True, "WARN")
    assert found["readiness_minimum__desk"] == (False, "ERROR")
    assert pl.read_json(measured.site.home.readiness_report.with_suffix(".json")).height == 1

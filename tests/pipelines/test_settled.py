"""What is settled is written with the gap report, and published with the rows it is about."""

import csv

import polars as pl
import pytest

from pipelines import stages
from tests.conftest import contract


def properties():
    return [
        {"name": "id", "physicalName": "ID", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1,
         "required": True, "classification": "public"},
        {"name": "city", "physicalName": "CITY", "logicalType": "string", "classification": "public"},
    ]  # fmt: skip


@pytest.fixture
def rivals(shop):
    """The shop, whose customers are known to a web shop too, which says otherwise of one city."""
    gap = {"name": "differ", "kind": "conflict", "with": "web", "on": {"id": "id"}, "systemOfRecord": "web",
           "compare": [{"field": "city", "other": "city"}]}  # fmt: skip
    shop.write("datasets/customers.odcs.yaml", shop.customers(gaps=[gap], deletionThreshold=1.0))
    documents = [{"name": "person", "title": "Web {id}", "text": "{id} in {city}. {known_gaps}"}]
    shop.write("datasets/web.odcs.yaml", contract("web", "crm", "web.csv", properties(), documents=documents))
    web_says(shop, "Bonn")
    return shop


def web_says(shop, city):
    with (shop.folder / "systems" / "web.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("ID", "CITY"), ("C1", city), ("C2", "Hamburg")])


def looked(shop):
    site = shop.site()
    for name in site.project.datasets:
        stages.pull(site, name, run_id="run")
        stages.make_ready(site, name, run_id="run")
    stages.find_gaps(site, run_id="run")
    return site


def told(path):
    return pl.read_parquet(path).select("dataset", "key", "field", "value", "winner_source", "reason").rows()


def test_what_was_settled_lies_with_the_gap_report_for_each_dataset(rivals):
    home = looked(rivals).home
    assert told(home.settled("customers")) == [("customers", "C1", "city", "Bonn", "web", "system of record")]
    assert told(home.settled("web")) == [("web", "C1", "city", "Bonn", "web", "system of record")]
    assert not home.settled("orders").exists()


def test_a_conflict_that_is_gone_leaves_nothing_settled(rivals):
    looked(rivals)
    web_says(rivals, "Berlin")
    assert told(looked(rivals).home.settled("customers")) == []


def test_what_is_published_keeps_what_was_settled_about_it(rivals):
    site = looked(rivals)
    stages.make_indexed(site, "customers", run_id="run")
    published = site.home.published_settled("customers")
    assert [one[3] for one in told(published)] == ["Bonn"]
    web_says(rivals, "Kiel")
    site = looked(rivals)
    assert [one[3] for one in told(site.home.settled("customers"))] == ["Kiel"]
    assert [one[3] for one in told(published)] == ["Bonn"], "until it is published"
    stages.make_indexed(site, "customers", run_id="run")
    assert [one[3] for one in told(published)] == ["Kiel"]

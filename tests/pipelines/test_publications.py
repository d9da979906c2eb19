"""A rollback moves the index and everything that goes with it, and the next run goes forward again."""

import polars as pl
import pytest

import index
from catalog.errors import ContractBlocked, IndexStoreError
from pipelines import publications, stages
from pipelines.store import read_json


def refresh(shop, city, *, run="run"):
    """One night in which the first customer lives in `city`."""
    shop.customers_are([("C1", "Ann", "ann@example.org", city), ("C2", "Bob", "bob@example.org", "Hamburg")])
    site = shop.site()
    for name in site.project.datasets:
        stages.pull(site, name, run_id=run)
        stages.make_ready(site, name, run_id=run)
    stages.find_gaps(site, run_id=run)
    for name in site.project.datasets:
        stages.make_indexed(site, name, run_id=run)
    return site


def served(site):
    """The city as the index, the published rows and the manifest tell it."""
    texts = index.Store(site.home.index).read(["dataset", "text"], at="live").filter(dataset="customers")
    rows = pl.read_parquet(site.home.published("customers"))
    return (
        texts["text"].to_list(),
        rows["city"].to_list(),
        read_json(site.home.manifest("indexed", "customers"))["memo"],
    )


@pytest.fixture
def two_nights(shop):
    first = served(refresh(shop, "Bonn"))
    site = refresh(shop, "Kiel")
    assert served(site) != first
    return shop, site, first


def test_a_rollback_moves_documents_rows_and_manifests_together(two_nights):
    _, site, first = two_nights
    done = publications.roll_back(site, run_id="back")
    assert done.datasets == ("customers",)
    assert served(site) == first
    assert index.Store(site.home.index).tag("live") == done.version


def test_the_run_after_a_rollback_goes_forward_from_there(two_nights):
    shop, site, _ = two_nights
    second = served(site)
    publications.roll_back(site, run_id="back")
    again = refresh(shop, "Kiel", run="third")
    assert served(again) == second
    account, findings = stages.verify_indexed(again, "customers", run_id="third")
    assert account.balanced and findings == ()


def test_a_rollback_that_was_killed_half_way_is_finished_by_the_next_run(two_nights, monkeypatch):
    _, site, first = two_nights
    monkeypatch.setattr(publications, "finish", lambda site, run_id: ())
    publications.roll_back(site, run_id="killed")
    monkeypatch.undo()
    assert served(site)[0] == first[0] and served(site)[1] != first[1]
    assert publications.finish(site, run_id="next") == ("customers",)
    assert served(site) == first


def test_before_the_second_publication_there_is_nothing_to_go_back_to(shop):
    with pytest.raises(IndexStoreError, match="no earlier published version"):
        publications.roll_back(shop.site(), run_id="back")


def test_a_red_gate_holds_the_dataset_and_is_told_as_a_finding(shop, monkeypatch):
    site = refresh(shop, "Bonn")
    before = served(site)
    monkeypatch.setattr("index.known_items._found", lambda *_: False)
    with pytest.raises(ContractBlocked, match="known-items"):
        refresh(shop, "Kiel", run="second")
    assert served(site) == before
    (finding,) = site.ledger.findings(dataset="customers", stage="indexed")
    assert (finding.rule, finding.blocking) == ("known-items", True)
    monkeypatch.undo()
    assert served(refresh(shop, "Kiel", run="third")) != before

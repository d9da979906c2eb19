"""The cards of the catalog come and go with the contracts, beside the datasets and their accounting."""

from __future__ import annotations

import polars as pl
import pytest

from catalog.errors import ContractBlocked
from index import Store
from ledger.models import EVERYWHERE
from pipelines import stages
from pipelines.publications import roll_back
from pipelines.site import Site
from pipelines.stages.catalog_cards import NAME
from pipelines.store import read_json


def test_cards_are_published_once_and_again_only_when_a_contract_changes(shop):
    first = stages.make_cards(Site.open(shop.folder), run_id="run")
    assert (first.documents, first.embedded > 0) == (2, True)
    again = stages.make_cards(Site.open(shop.folder), run_id="run")
    assert (again.added, again.changed, again.embedded, again.version) == (0, 0, 0, first.version)
    orders = shop.orders()
    orders["schema"][0]["businessName"] = "Purchases"
    shop.write("datasets/orders.odcs.yaml", orders)
    changed = stages.make_cards(Site.open(shop.folder), run_id="run")
    state = Store(Site.open(shop.folder).home.index).read(["id", "title"], at="live")
    assert {title for title in state["title"] if "orders" in title} == {"Dataset Purchases (orders)"}
    assert changed.added == changed.deleted == 0
    assert 0 < changed.changed < state.height


def test_a_contract_that_is_gone_takes_its_card_with_it(shop):
    stages.make_cards(Site.open(shop.folder), run_id="run")
    (shop.folder / "datasets" / "orders.odcs.yaml").unlink()
    customers = shop.customers()
    custom = next(one for one in customers["customProperties"] if one["property"] == "landbridge.documents")
    custom["value"] = [{"name": "customer", "title": "{name}", "text": "{name}"}]
    shop.write("datasets/customers.odcs.yaml", customers)
    assert stages.make_cards(Site.open(shop.folder), run_id="run").deleted > 0
    state = Store(Site.open(shop.folder).home.index).chunk_state(NAME, at="live")
    assert set(state["key"]) == {"customers"}


def test_a_refresh_publishes_the_cards_and_no_dataset_accounts_for_them(shop):
    site = Site.open(shop.folder)
    for stage in (stages.pull, stages.make_ready, stages.make_indexed):
        for name in sorted(site.project.datasets):
            stage(site, name, run_id="r1")
    stages.make_cards(site, run_id="run")
    for name in site.project.datasets:
        account, findings = stages.verify_indexed(site, name, run_id="r1")
        assert account.balanced
        assert not [one for one in findings if one.rule == "accounting"]
    about = Store(site.home.index).read(["key", "text"], at="live").filter(key="orders")
    assert any("fewer than a hundred rows" in text for text in about["text"])


def titled(shop, title):
    """The shop whose orders have another title, which their card tells."""
    orders = shop.orders()
    orders["schema"][0]["businessName"] = title
    shop.write("datasets/orders.odcs.yaml", orders)
    return Site.open(shop.folder)


def told(site):
    """The title of the card of the orders, the version that its manifest is of, and the passages that must be there."""
    titles = Store(site.home.index).read(["title"], at="live").filter(pl.col("title").str.contains("orders"))
    expected = pl.read_parquet(site.home.chunks(NAME))
    return titles["title"][0], read_json(site.home.manifest("indexed", NAME))["memo"], expected["hash"].to_list()


def test_cards_that_a_rollback_took_away_go_with_their_files_and_come_back_with_the_next_run(shop):
    stages.make_cards(Site.open(shop.folder), run_id="first")
    before = told(Site.open(shop.folder))
    site = titled(shop, "Purchases")
    stages.make_cards(site, run_id="second")
    after = told(site)
    assert (before[0], after[0]) == ("Dataset Orders (orders)", "Dataset Purchases (orders)")
    roll_back(site, run_id="back")
    assert told(site) == before
    assert stages.make_cards(site, run_id="third").changed > 0
    assert told(site) == after


@pytest.mark.parametrize("gate", ["index.known_items._found", "index.publishing._differences"])
def test_cards_that_do_not_pass_a_gate_are_not_published_and_it_is_told_until_they_do(shop, monkeypatch, gate):
    stages.make_cards(Site.open(shop.folder), run_id="first")
    before, site = told(Site.open(shop.folder)), titled(shop, "Purchases")
    lost = pl.DataFrame({"id": ["x"], "key": ["orders"], "kind": ["missing"], "at": ["latest"]})
    with monkeypatch.context() as patched, pytest.raises(ContractBlocked, match=f"'{NAME}'"):
        patched.setattr(gate, lambda *_: lost if "differences" in gate else False)
        stages.make_cards(site, run_id="second")
    assert told(site) == before
    (finding,) = site.ledger.findings(dataset=EVERYWHERE, stage="indexed")
    assert finding.blocking and finding.rule in ("known-items", "accounting")
    stages.make_cards(site, run_id="third")
    assert told(site) != before
    assert site.ledger.findings(dataset=EVERYWHERE, stage="indexed") == []


def test_cards_in_a_home_that_has_no_files_of_them_get_those_without_a_new_version(shop):
    made = stages.make_cards(Site.open(shop.folder), run_id="first")
    site = Site.open(shop.folder)
    site.home.manifest("indexed", NAME).unlink()
    assert stages.make_cards(site, run_id="second").version == made.version
    assert read_json(site.home.at(made.version).manifest("indexed", NAME))["run_id"] == "second"

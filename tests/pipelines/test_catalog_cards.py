"""The cards of the catalog come and go with the contracts, beside the datasets and their accounting."""

from __future__ import annotations

from index import Store
from pipelines import stages
from pipelines.site import Site
from pipelines.stages.catalog_cards import NAME


def test_cards_are_published_once_and_again_only_when_a_contract_changes(shop):
    first = stages.make_cards(Site.open(shop.folder))
    assert (first.documents, first.embedded > 0) == (2, True)
    again = stages.make_cards(Site.open(shop.folder))
    assert (again.added, again.changed, again.embedded, again.version) == (0, 0, 0, first.version)
    orders = shop.orders()
    orders["schema"][0]["businessName"] = "Purchases"
    shop.write("datasets/orders.odcs.yaml", orders)
    changed = stages.make_cards(Site.open(shop.folder))
    state = Store(Site.open(shop.folder).home.index).read(["id", "title"], at="live")
    assert {title for title in state["title"] if "orders" in title} == {"Dataset Purchases (orders)"}
    assert changed.added == changed.deleted == 0
    assert 0 < changed.changed < state.height


def test_a_contract_that_is_gone_takes_its_card_with_it(shop):
    stages.make_cards(Site.open(shop.folder))
    (shop.folder / "datasets" / "orders.odcs.yaml").unlink()
    customers = shop.customers()
    custom = next(one for one in customers["customProperties"] if one["property"] == "landbridge.documents")
    custom["value"] = [{"name": "customer", "title": "{name}", "text": "{name}"}]
    shop.write("datasets/customers.odcs.yaml", customers)
    assert stages.make_cards(Site.open(shop.folder)).deleted > 0
    state = Store(Site.open(shop.folder).home.index).chunk_state(NAME, at="live")
    assert set(state["key"]) == {"customers"}


def test_a_refresh_publishes_the_cards_and_no_dataset_accounts_for_them(shop):
    site = Site.open(shop.folder)
    for stage in (stages.pull, stages.make_ready, stages.make_indexed):
        for name in sorted(site.project.datasets):
            stage(site, name, run_id="r1")
    stages.make_cards(site)
    for name in site.project.datasets:
        account, findings = stages.verify_indexed(site, name, run_id="r1")
        assert account.balanced
        assert not [one for one in findings if one.rule == "accounting"]
    about = Store(site.home.index).read(["key", "text"], at="live").filter(key="orders")
    assert any("fewer than a hundred rows" in text for text in about["text"])


def test_cards_that_a_rollback_took_away_come_back(shop):
    site = Site.open(shop.folder)
    first = stages.make_cards(site)
    orders = shop.orders()
    orders["schema"][0]["businessName"] = "Purchases"
    shop.write("datasets/orders.odcs.yaml", orders)
    stages.make_cards(Site.open(shop.folder))
    store = Store(site.home.index)
    store.set_tag("live", first.version)
    stages.make_cards(Site.open(shop.folder))
    assert "Dataset Purchases (orders)" in store.read(["title"], at="live")["title"].to_list()

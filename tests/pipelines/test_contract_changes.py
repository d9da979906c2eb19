"""A run never publishes under a contract that breaks its readers unsaid; what is published stays in service."""

import json
import shutil

import polars as pl
import pytest

from catalog.errors import ContractBlocked
from catalog.published import contract_path, published_contract
from pipelines import stages
from pipelines.site import Site


class Desk:
    """The shop with its stages at hand."""

    def __init__(self, shop):
        self.shop = shop

    @property
    def site(self):
        return Site.open(self.shop.folder)

    def publish(self, *names):
        """All stages of the run, without Dagster; the errors that held a dataset, by name."""
        site, held = self.site, {}
        for name in ("customers", "orders"):
            stages.pull(site, name, run_id="run")
            stages.make_ready(site, name, run_id="run")
        stages.find_gaps(site, run_id="run")
        for name in names or ("customers", "orders"):
            try:
                stages.make_indexed(site, name, run_id="run")
            except ContractBlocked as error:
                held[name] = error
            else:
                stages.verify_indexed(site, name, run_id="run")
        return held

    def customers(self, version="1.0.0", *, change=lambda fields: None):
        told = self.shop.customers()
        told["version"] = version
        change(told["schema"][0]["properties"])
        self.shop.write("datasets/customers.odcs.yaml", told)

    def titles(self):
        """The titles of all documents that agents can be served now."""
        import index

        return sorted(index.Store(self.site.home.index).read(["title"], at="live")["title"])

    def contract(self, name="customers"):
        return published_contract(self.site.home, name)

    def findings(self, name="customers"):
        found = self.site.ledger.findings(dataset=name, stage="indexed")
        return {one.rule: one for one in found}


def unmasked(fields):
    del fields[2]["customProperties"]


def described(fields):
    fields[1]["description"] = "What they are called."


PUBLISHED = []  # the shop after its first run, made once


@pytest.fixture
def desk(shop, tmp_path):
    """The shop after its first run."""
    if not PUBLISHED:
        assert Desk(shop).publish() == {}
        PUBLISHED.append(shutil.copytree(shop.folder, tmp_path / "published"))
    shutil.copytree(PUBLISHED[0], shop.folder, dirs_exist_ok=True)
    return Desk(shop)


def test_the_contract_in_force_is_kept_beside_what_it_published(desk):
    path = contract_path(desk.site.home, "customers")
    assert path == desk.site.home.folder / "published" / "customers.contract.json"
    assert json.loads(path.read_text())["version"] == "1.0.0"
    assert desk.contract().fingerprint == desk.site.dataset("customers").fingerprint


def test_a_home_of_an_earlier_version_remembers_its_contract_with_the_next_quiet_run(desk):
    contract_path(desk.site.home, "customers").unlink()
    desk.publish()
    assert desk.contract().version == "1.0.0"


def test_a_mask_that_is_removed_unsaid_publishes_nothing_until_the_version_says_so(desk):
    before, rows = desk.titles(), pl.read_parquet(desk.site.home.published("customers"))
    desk.customers(change=unmasked)
    held = desk.publish()
    assert set(held) == {"customers"}
    assert (desk.titles(), desk.contract().field("email").mask) == (before, "pseudonym")
    assert pl.read_parquet(desk.site.home.published("customers")).equals(rows)
    finding = desk.findings()["contract-version"]
    assert (finding.blocking, finding.severity, finding.count) == (True, "critical", 1)
    assert "version: 2.0.0" in finding.remedy
    desk.customers("2.0.0", change=unmasked)
    assert desk.publish() == {}
    assert desk.contract().field("email").mask is None
    assert "Customer C1 first@example.org" in desk.titles()
    assert desk.findings() == {}


def test_a_dataset_that_tells_of_a_broken_contract_waits_as_well(desk):
    told = desk.shop.orders()
    told["schema"][0]["properties"].pop(2)
    told["customProperties"][1]["value"][0]["text"] = "Order {number} by {customer}. {known_gaps}"
    desk.shop.write("datasets/orders.odcs.yaml", told)
    held = desk.publish()
    assert held["customers"].rules == ("contract-version",)
    assert "tells of 'orders'" in desk.findings()["contract-version"].message
    assert [one["breaking"] for one in desk.findings("orders")["contract-version"].evidence["changes"]] == [
        "the field 'amount' (number) is removed."
    ]


def test_a_dataset_whose_gap_rules_name_a_broken_contract_waits_with_what_is_new_in_it(desk):
    desk.customers(change=unmasked)
    desk.shop.orders_are([(number, "C2", 1.0 * number) for number in range(1, 41)])
    assert set(desk.publish()) == {"customers", "orders"}
    assert "tells of 'customers'" in desk.findings("orders")["contract-version"].message


def test_taking_the_change_back_ends_the_hold(desk):
    desk.customers(change=unmasked)
    assert desk.publish()
    desk.customers()
    assert desk.publish() == {}
    assert (desk.findings(), desk.findings("orders")) == ({}, {})


def test_a_hold_stays_told_when_somebody_looks_at_the_index(desk):
    desk.customers(change=unmasked)
    desk.publish()
    stages.verify_indexed(desk.site, "customers", run_id="run")
    assert desk.findings()["contract-version"].blocking


def test_a_compatible_change_is_published_under_the_same_version(desk):
    desk.customers(change=described)
    assert desk.publish() == {}
    assert desk.contract().field("name").description == "What they are called."


def test_an_older_version_is_not_published_over_a_newer_one(desk):
    desk.customers("0.9.0")
    assert "customers" in desk.publish()
    assert desk.contract().version == "1.0.0"
    assert desk.findings()["contract-version"].message == "Version 0.9.0 is lower than 1.0.0, which is published."


def test_versions_without_an_order_pass_and_are_told_until_the_next_publish(desk):
    desk.customers("summer", change=unmasked)
    assert desk.publish() == {}
    assert desk.publish() == {}, "a quiet run"
    warning = desk.findings()["contract-version"]
    assert (warning.severity, warning.blocking) == ("warning", False)
    assert "they have no order" in warning.message
    desk.customers("summer", change=lambda fields: (unmasked(fields), described(fields)))
    desk.publish()
    assert desk.findings() == {}


def test_a_stored_contract_that_is_damaged_holds_the_change_and_not_the_quiet_run(desk):
    path = contract_path(desk.site.home, "customers")
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    desk.customers(change=described)
    assert "customers" in desk.publish("customers")
    assert "holds no contract that can be read" in desk.findings()["contract-version"].message
    path.write_text(whole)
    assert desk.publish() == {}


def test_the_whole_run_is_red_and_says_what_to_write(shop):
    assert shop.run().good
    told = shop.customers()
    told["schema"][0]["properties"].pop(1)
    told["customProperties"][1]["value"][0]["text"] = "{id} of {city|an unknown city}. {known_gaps}"
    shop.write("datasets/customers.odcs.yaml", told)
    report = shop.run()
    assert not report.good
    assert "customers" in report.blocked
    assert any("contract-version" in failure for failure in report.failures)
    (finding,) = (one for one in report.findings if one.rule == "contract-version" and one.dataset == "customers")
    assert finding.remedy.startswith("Write version: 2.0.0 or higher in datasets/customers.odcs.yaml")

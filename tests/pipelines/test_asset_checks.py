"""One Dagster check per rule: a valid unique name, the right severity, metadata to act on, and a result for each."""

import json
from datetime import UTC, datetime

import dagster as dg
from hypothesis import given
from hypothesis import strategies as st

from catalog import load_project
from pipelines import stages
from pipelines.asset_checks import (
    check_names,
    contract_results,
    contract_specs,
    gap_check_results,
    gap_specs,
    of_check_report,
)
from tests.conftest import Shop

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MAIL = "first@example.org"


def written(shop, *, quality=(), mail=(), freshness=None):
    told = Shop.customers(quarantineThreshold=0.9)
    told["schema"][0]["quality"] = list(quality)
    told["schema"][0]["properties"][2]["quality"] = list(mail)
    told["slaProperties"] = [freshness] if freshness else []
    if freshness:
        told["schema"][0]["properties"].append(
            {"name": "seen", "physicalName": "SEEN", "logicalType": "date", "classification": "public"}
        )
    shop.write("datasets/customers.odcs.yaml", told)
    return shop.site()


def ready(site):
    stages.pull(site, "customers", run_id="run")
    return site.dataset("customers"), stages.make_ready(site, "customers", run_id="run")


def told(results):
    return {one.check_name: one for one in results}


@given(st.lists(st.text(max_size=8), unique=True, max_size=20))
def test_every_rule_has_a_check_name_of_its_own_that_dagster_takes(rules):
    names = check_names(rules, taken=["contract"])
    assert list(names) == rules
    assert len({*names.values(), "contract"}) == len(rules) + 1
    for name in names.values():
        dg.AssetCheckSpec(name, asset="x")
    assert check_names(rules, taken=["contract"]) == names


def test_each_rule_is_a_check_of_the_ready_rows_and_has_a_result(shop):
    pattern = {"metric": "invalidValues", "arguments": {"pattern": "^first"}, "mustBe": 0, "name": "mail-shape"}
    few = {"metric": "rowCount", "mustBeGreaterThan": 9, "severity": "warning", "name": "enough rows"}
    odd = {"type": "sql", "query": "SELECT nonsense FROM {batch}", "mustBe": 0, "name": "odd"}
    site = written(shop, quality=[few], mail=[pattern])
    dataset, made = ready(site)
    specs = [spec.name for spec in contract_specs(dataset)]
    assert specs == ["contract", "primary_key", "id_required", "mail_shape", "enough_rows"]
    results = told(contract_results(dataset, made))
    assert list(results) == specs[1:]
    assert [one.passed for one in results.values()] == [True, True, False, False]
    shape = results["mail_shape"]
    assert shape.severity == dg.AssetCheckSeverity.WARN  # its rows are in quarantine, and the others go on
    assert shape.metadata["count"].value == 2
    assert shape.metadata["sample_keys"].text == "C2, C3"
    assert shape.metadata["declared_at"].text.startswith("datasets/customers.odcs.yaml:")
    assert shape.metadata["remedy"].text
    assert MAIL not in str(results) and "second@example.org" not in str(results)
    assert of_check_report(site, dataset, made)["report"].value.endswith("checks/customers.html")

    broken = written(shop, quality=[odd, few])
    dataset, made = ready(broken)
    results = told(contract_results(dataset, made))
    assert results["odd"].severity == dg.AssetCheckSeverity.ERROR
    assert results["odd"].metadata["outcome"].text.startswith("errored. The rule could not be evaluated")
    assert results["enough_rows"].severity == dg.AssetCheckSeverity.WARN


def test_a_check_that_is_skipped_has_the_results_of_the_last_one(shop):
    site = written(shop)
    _, first = ready(site)
    _, again = ready(site)
    assert (first.changed, again.changed) == (True, False)
    assert first.results == again.results
    assert len(first.results) == 2


def test_a_rule_without_a_result_is_an_error_and_no_pass(shop):
    site = written(shop)
    dataset, made = ready(site)
    results = contract_results(dataset, made.__class__(**{**vars(made), "results": ()}))
    assert {(one.passed, one.severity) for one in results} == {(False, dg.AssetCheckSeverity.ERROR)}


def test_data_that_do_not_change_grow_old_all_the_same(shop):
    promise = {"property": "freshness", "value": 2, "unit": "d", "element": "customers.seen"}
    (shop.folder / "systems" / "customers.csv").write_text("ID,NAME,MAIL,CITY,SEEN\nC1,A,m,Berlin,2026-03-09\n")
    site = written(shop, freshness=promise)
    early, late = (site.__class__(**{**vars(site), "clock": lambda day=day: NOW.replace(day=day)}) for day in (10, 20))
    dataset, fresh = ready(early)
    assert told(contract_results(dataset, fresh))["freshness_seen"].passed
    dataset, stale = ready(late)
    assert not stale.changed
    check = told(contract_results(dataset, stale))["freshness_seen"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert [one.rule for one in site.ledger.findings(dataset="customers", stage="ready")] == ["freshness/seen"]
    report = json.loads(site.home.check_report("customers").with_suffix(".json").read_text())
    assert [one["verdict"] for one in report["results"] if one["kind"] == "freshness"] == ["failed"]


def test_the_report_of_a_blocked_delivery_says_so(shop):
    few = {"metric": "rowCount", "mustBeGreaterThan": 9, "name": "enough"}
    site = written(shop, quality=[few])
    ready(site)
    page = site.home.check_report("customers").read_text()
    assert "block" in page
    assert MAIL not in page


def test_each_gap_rule_is_a_check_that_passes_where_no_gap_was_found(shop):
    site = shop.site()
    for name in ("customers", "orders"):
        stages.pull(site, name, run_id="run")
        stages.make_ready(site, name, run_id="run")
    known = stages.find_gaps(site, run_id="run")
    assert [spec.name for spec in gap_specs(site.project)] == ["no_open_gaps", "orders__order_without_customer"]
    (one,) = gap_check_results(site.project, known)
    assert (one.passed, one.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert one.metadata["count"].value == 10
    assert "orders / order-without-customer" in site.home.gap_report.read_text()
    assert stages.find_gaps(site, run_id="again").results == known.results


def test_three_hundred_rules_are_three_hundred_checks(shop):
    from pipelines.factory import definitions_for

    rules = [{"metric": "rowCount", "mustBeLessThan": 1000 + n, "name": f"below-{n}"} for n in range(300)]
    written(shop, quality=rules)
    graph = definitions_for(load_project(shop.folder)).resolve_asset_graph()
    assert len([key for key in graph.asset_check_keys if key.asset_key.path == ["ready", "customers"]]) == 303

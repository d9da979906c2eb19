"""What stops one dataset stops no other: the rest goes on, beside the last good rows of what stands."""

import dagster as dg
import polars as pl
import pytest

from pipelines import stages
from pipelines.deletions import will_wait
from pipelines.standing import stops_kept
from tests.conftest import CUSTOMERS, ORDERS

MORE = [*CUSTOMERS, ("C5", "Fifth Customer", "fifth@example.org", "Bremen")]
FEW = ORDERS[:20]


def bad(number):
    return (number, "C1", -5.0)


def down(shop):
    (shop.folder / "systems" / "till.db").unlink()


def dropped(shop):
    shop.orders_are(FEW)


def broken(shop):
    shop.orders_are([bad(number) if number % 2 else row for number, row in enumerate(ORDERS, 1)])


def exchanged(shop):
    shop.orders_are([*ORDERS[:20], *((number, "C1", 1.0) for number in range(51, 71))])


STOPS = pytest.mark.parametrize("stop", [down, dropped, broken, exchanged])


def orders_served(shop):
    return {urn: text for urn, text in shop.live().items() if ":orders:" in urn}


@STOPS
def test_the_others_are_published_and_tell_of_the_last_good_rows(shop, stop):
    shop.run()
    served, open_before = orders_served(shop), shop.site().ledger.findings(dataset="orders", stage="gaps")
    stop(shop)
    shop.customers_are(MORE)
    report = shop.run()
    assert (report.good, report.blocked) == (False, ("orders",))
    live = shop.live()
    assert "Fifth Customer" in live["urn:landbridge:shop:customers:C5"]
    assert "placed 10 orders" in live["urn:landbridge:shop:customers:C1"], "not those of the delivery that waits"
    assert orders_served(shop) == served
    assert shop.site().ledger.findings(dataset="orders", stage="gaps") == open_before
    assert shop.run().embedded == 0, "the same night again changes nothing"


def test_deletions_that_are_approved_are_told_everywhere_by_the_next_run(shop):
    from ledger.models import Approval

    shop.run()
    exchanged(shop)
    shop.run()
    site = shop.site()
    held = [one for one in site.ledger.held() if one.waits]
    site.ledger.approve(held, Approval(by="steward", reason="a new till", at=site.clock()))
    assert shop.run().good
    assert "placed 25 orders" in shop.live()["urn:landbridge:shop:customers:C1"]
    assert "urn:landbridge:shop:orders:51" in shop.live()
    assert stops_kept(shop.site()) == {}


def test_documents_are_rendered_to_foretell_a_hold_only_where_one_may_come(shop, monkeypatch):
    import index

    rendered = []
    real = index.render
    monkeypatch.setattr(index, "render", lambda *given, **named: rendered.append(1) or real(*given, **named))
    shop.run()

    def waits(rows):
        shop.orders_are(rows)
        stages.pull(shop.site(), "orders", run_id="r")
        stages.make_ready(shop.site(), "orders", run_id="r")
        rendered.clear()
        return will_wait(shop.site(), "orders", run_id="r"), len(rendered)

    assert waits(ORDERS[:-2]) == (False, 0)
    assert waits([*ORDERS[:20], *((number, "C1", 1.0) for number in range(51, 71))]) == (True, 1)
    contract = shop.orders()
    (told,) = [one for one in contract["customProperties"] if one["property"] == "landbridge.documents"]
    told["value"][0]["text"] = "Order {number}."
    shop.write("datasets/orders.odcs.yaml", contract)
    assert waits(ORDERS[:-2]) == (False, 1), "other templates may tell of fewer rows"


def test_a_rule_of_another_dataset_is_held_against_the_rows_that_stand_and_says_of_what_time(shop):
    contract = shop.customers(gaps=[{
        "name": "customer-without-order", "kind": "missing_reference", "fields": ["id"], "to": ["orders.customer"],
        "owner": "sales-data", "remedy": "Ask the till.",
    }])  # fmt: skip
    shop.write("datasets/customers.odcs.yaml", contract)
    shop.run()
    assert shop.site().ledger.findings(dataset="customers", stage="gaps") == []
    read = shop.site().ledger.states()[("orders", "raw")].checked_at
    dropped(shop)
    shop.customers_are(MORE)
    shop.run()
    (finding,) = shop.site().ledger.findings(dataset="customers", stage="gaps")
    assert finding.sample_keys == ("C5",)
    assert finding.evidence["as_of"]["orders"][:16] == read.isoformat()[:16]
    assert "Held: 'orders' stands as of" in finding.message


def test_a_rule_of_what_stands_does_not_pass_because_nobody_looked(shop):
    from pipelines import stages

    shop.customers_are([*CUSTOMERS, ("C4", "Fourth Customer", "fourth@example.org", "Berlin")])
    shop.run()
    dropped(shop)
    shop.run()
    (result,) = stages.find_gaps(shop.site(), run_id="look").results
    assert result.verdict == "unjudged"
    assert "judged last on" in result.message


def test_a_finding_of_what_stands_is_neither_resolved_nor_opened_again(shop):
    shop.run()
    (before,) = [one for one in shop.site().ledger.finding_history(dataset="orders") if one.finding.stage == "gaps"]
    dropped(shop)
    shop.customers_are([*CUSTOMERS, ("C4", "Fourth Customer", "fourth@example.org", "Berlin")])
    shop.run()
    (after,) = [one for one in shop.site().ledger.finding_history(dataset="orders") if one.finding.stage == "gaps"]
    assert after == before
    known = pl.read_parquet(shop.site().home.gaps).filter(dataset="orders")
    assert known.height, "its documents tell it as before"
    shop.orders_are(ORDERS)
    shop.run()
    (resolved,) = [one for one in shop.site().ledger.finding_history(dataset="orders") if one.finding.stage == "gaps"]
    assert resolved.state == "resolved"


def test_documents_that_tell_of_rows_never_accepted_wait_and_the_others_do_not(shop):
    down(shop)
    report = shop.run()
    assert report.blocked == ("customers", "orders")
    assert any("rows-told-of" in failure for failure in report.failures)
    shop.orders_are([bad(number) for number in range(1, 41)])
    shop.customers_are([])
    assert shop.run().blocked == ("customers", "orders")
    shop.orders_are(ORDERS)
    shop.customers_are(CUSTOMERS)
    assert shop.run().good


def test_a_dataset_that_nobody_tells_of_goes_on_in_the_very_first_run(shop):
    (shop.folder / "systems" / "customers.csv").unlink()
    report = shop.run()
    assert report.blocked == ("customers",)
    assert len(orders_served(shop)) == 40


@STOPS
def test_in_dagster_what_stands_is_observed_and_not_green_and_readiness_is_measured(shop, stop):
    shop.run()
    stop(shop)
    report = shop.run(kept=True)
    with dg.DagsterInstance.from_ref(dg.DagsterInstance.get().get_ref()) as instance:
        events = [one.dagster_event for one in instance.all_logs(report.run_id) if one.dagster_event]
        status = instance.get_run_by_id(report.run_id).status
    made = {one.asset_key.to_user_string() for one in events if one.is_step_materialization}
    seen = {one.asset_key.to_user_string() for one in events if one.event_type_value == "ASSET_OBSERVATION"}
    assert {"gaps", "readiness", "indexed/customers"} <= made
    assert "indexed/orders" in seen - made
    checks = [one.event_specific_data for one in events if one.event_type_value == "ASSET_CHECK_EVALUATION"]
    of_index = [one for one in checks if one.asset_key.path == ["indexed", "orders"]]
    assert {one.check_name for one in of_index} == {"accounting", "deletions"}
    assert not any(one.passed for one in of_index)
    assert status == (dg.DagsterRunStatus.FAILURE if stop is down else dg.DagsterRunStatus.SUCCESS)


def test_a_lost_column_turns_its_own_checks_red_and_the_others_are_published(shop):
    import sqlite3

    shop.write("datasets/orders.odcs.yaml", shop.orders(drift="freeze"))
    shop.run()
    with sqlite3.connect(shop.folder / "systems" / "till.db") as database:
        database.execute("ALTER TABLE ORD DROP COLUMN AMT")
    database.close()
    shop.customers_are(MORE)
    report = shop.run()
    assert report.status == "failed"
    assert report.failed_checks == ("raw/orders: source_keeps_its_promise",)
    assert report.blocked == ("orders",)
    assert "urn:landbridge:shop:customers:C5" in shop.live()

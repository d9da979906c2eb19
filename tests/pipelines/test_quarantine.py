"""A steward's decision changes what the next run does with one row, for as long as the row stays what it was."""

import csv
import json
from types import SimpleNamespace

import polars as pl
import pytest

from landbridge.quarantining import Verdict, decide
from pipelines import stages
from pipelines.metadata import of_ready
from pipelines.site import Site
from pipelines.workplace import backlog, held_rows

GOOD = [(str(number), f"mail{number}@example.org", "Berlin", str(number)) for number in range(1, 21)]


class Desk:
    """Customers in a file, some of whose visits cannot be read, and who works their quarantine.

    Only where a rule about the range is asked for has Great Expectations work to do, which takes a second.
    """

    def __init__(self, shop):
        self.shop = shop
        self.rules()
        self.rows_are(GOOD)

    def rules(self, minimum=None, threshold=0.5, **key):
        told = self.shop.customers(quarantineThreshold=threshold)
        fields = told["schema"][0]["properties"]
        fields[0] |= {"required": False} | key
        fields.append({"name": "visits", "physicalName": "VISITS", "logicalType": "integer"})
        if minimum is not None:
            fields[-1]["logicalTypeOptions"] = {"minimum": minimum}
        self.shop.write("datasets/customers.odcs.yaml", told)
        self.site = Site.open(self.shop.folder)

    def rows_are(self, rows):
        with (self.shop.folder / "systems" / "customers.csv").open("w", newline="") as file:
            lines = ((key, f"Customer {key}", *rest) for key, *rest in rows)
            csv.writer(file).writerows([("ID", "NAME", "MAIL", "CITY", "VISITS"), *lines])

    def bad(self, **visits):
        """The good rows, and of those named other visits: `k3="five"`."""
        self.rows_are([(*row[:3], visits.get(f"k{row[0]}", row[3])) for row in GOOD])

    def run(self):
        raw = stages.pull(self.site, "customers", run_id="run")
        self.ready = stages.make_ready(self.site, "customers", run_id="run")
        counts = (self.ready.rows, self.ready.quarantined, self.ready.filtered, self.ready.duplicate)
        assert raw.rows == sum(counts), "every row is accounted for"
        return self.ready.rows, self.ready.quarantined

    @property
    def open(self):
        return {one.key or f"at {one.position}": one for one in held_rows(self.site, "customers") if one.open}

    def findings(self):
        return {one.rule: one for one in self.ready.findings}

    def passed(self, field="visits"):
        return dict(pl.read_parquet(self.site.home.ready("customers")).select("id", field).iter_rows())

    def decide(self, key, kind, **told):
        row = next(one for one in held_rows(self.site, "customers") if one.key == key or f"at {one.position}" == key)
        return decide(self.site.project, row.id, Verdict(kind, by="Steward 1", reason="seen on paper", **told))


@pytest.fixture
def desk(shop):
    return Desk(shop)


def test_a_fix_changes_that_value_of_that_row_before_the_check(desk):
    desk.bad(k3="five", k4="five")
    assert desk.run() == (18, 2)
    desk.decide("3", "fix", field="visits", value="5")
    assert desk.run() == (19, 1), "a decision alone makes the next run check again"
    assert desk.passed()["3"] == 5
    assert [*desk.open] == ["4"]


def test_a_release_lets_that_row_pass_that_rule_and_is_told(desk):
    desk.rules(minimum=0)
    desk.bad(k3="-5", k4="-5")
    desk.run()
    desk.decide("3", "release")
    assert desk.run() == (19, 1)
    assert desk.passed()["3"] == -5
    found = desk.findings()
    assert (found["visits-range"].count, found["released-by-decision"].sample_keys) == (1, ("3",))
    desk.decide("4", "release")
    assert desk.run() == (20, 0)
    assert "visits-range" not in desk.findings()
    assert found["released-by-decision"].severity == "info"


def test_a_release_from_one_rule_is_none_from_another(desk):
    desk.rules(minimum=0)
    desk.rows_are([*GOOD[:19], ("20", "m", "Berlin", "twelve")])
    desk.run()
    assert desk.open["20"].rules == ("visits-readable",)
    desk.decide("20", "release", rules=("visits-readable",))
    assert desk.run() == (20, 0)
    assert desk.passed()["20"] is None, "what cannot be read passes as no value"
    desk.rows_are([*GOOD[:19], ("20", "m", "Berlin", "-12")])
    assert desk.run() == (19, 1)


def test_a_rejected_row_stays_out_and_counted_even_where_it_breaks_nothing_any_more(desk):
    desk.rules(minimum=0)
    desk.bad(k3="-5")
    desk.run()
    desk.decide("3", "reject")
    assert desk.open == {}, "it is open no longer from the moment it is rejected"
    assert desk.run() == (19, 1)
    desk.rules(minimum=-10)
    assert desk.run() == (19, 1)
    assert "visits-range" not in desk.findings()
    assert desk.findings()["rejected-by-decision"].sample_keys == ("3",)


def test_the_newest_decision_about_a_row_holds(desk):
    desk.bad(k3="five")
    desk.run()
    for kind, told, counts in (("reject", {}, (19, 1)), ("release", {}, (20, 0))):
        desk.decide("3", kind, **told)
        assert desk.run() == counts
    # a row that passes is no longer in quarantine: nobody can decide about it there


def test_a_source_or_a_rule_that_is_corrected_releases_without_a_decision(desk):
    desk.rules(minimum=0)
    desk.bad(k3="-5", k4="-5")
    desk.run()
    desk.bad(k4="-5")
    assert desk.run() == (19, 1)
    desk.rules(minimum=-10)
    assert desk.run() == (20, 0)
    seen = desk.site.ledger.sightings("customers", resolved_since=desk.site.clock().replace(year=2000))
    assert [one.outcome for one in seen] == ["cleared", "cleared"]


def test_a_row_that_changed_since_the_decision_is_open_again_and_that_is_a_finding(desk):
    desk.bad(k3="five")
    desk.run()
    desk.decide("3", "release")
    desk.run()
    desk.bad(k3="six")
    assert desk.run() == (19, 1)
    lapsed = desk.findings()["quarantine-decision-lapsed"]
    assert (lapsed.severity, lapsed.count, lapsed.sample_keys) == ("warning", 1, ("3",))
    desk.decide("3", "release")
    assert desk.run() == (20, 0)
    assert "quarantine-decision-lapsed" not in desk.findings()


def test_a_decided_row_that_the_source_made_right_is_told_once(desk):
    desk.bad(k3="five")
    desk.run()
    desk.decide("3", "fix", field="visits", value="7")
    desk.run()
    desk.bad(k3="5")
    assert desk.run() == (20, 0)
    assert desk.findings()["quarantine-decision-lapsed"].severity == "info"
    assert desk.passed()["3"] == 5, "the source's word holds"
    desk.bad(k3="5", k4="6")
    desk.run()
    assert "quarantine-decision-lapsed" not in desk.findings()


def test_a_row_without_its_key_is_fixed_where_it_stands(desk):
    desk.rows_are([*GOOD, ("", "lost@example.org", "Bremen", "1")])
    assert desk.run() == (20, 1)
    desk.decide("at 22", "fix", field="id", value="21")
    assert desk.run() == (21, 0)
    assert desk.passed()["21"] == 1


def test_another_row_in_the_place_of_a_decided_one_is_not_taken_for_it(desk):
    desk.rows_are([*GOOD, ("", "lost@example.org", "Bremen", "1")])
    desk.run()
    desk.decide("at 22", "fix", field="id", value="21")
    desk.rows_are([*GOOD, ("", "other@example.org", "Kiel", "9")])
    assert desk.run() == (20, 1)
    assert "quarantine-decision-lapsed" in desk.findings()


def test_a_decision_follows_its_row_when_rows_move(desk):
    desk.bad(k3="five")
    desk.run()
    desk.decide("3", "fix", field="visits", value="5")
    desk.rows_are([("0", "m", "Berlin", "0"), *((*r[:3], "five" if r[0] == "3" else r[3]) for r in GOOD[::-1])])
    assert desk.run() == (21, 0)
    assert desk.passed()["3"] == 5


def test_a_row_whose_key_may_not_be_told_is_found_again_and_told_by_nobody(desk):
    secret = {"classification": "restricted", "tags": ["personal"]}
    desk.rules(**secret)
    desk.bad(k3="five")
    desk.run()
    (one,) = desk.open.values()
    assert one.key == "***"
    decide(desk.site.project, one.id, Verdict("fix", by="Steward 1", reason="typo", field="visits", value="5"))
    desk.rows_are([(*row[:3], "five" if row[0] == "3" else row[3]) for row in GOOD[::-1]])
    assert desk.run() == (20, 0)
    (made,) = desk.site.ledger.quarantine_decisions("customers")
    assert made.key == "***"


def test_a_personal_value_of_a_fix_is_in_no_file_of_the_ledger(desk):
    desk.bad(k3="five")
    desk.run()
    desk.decide("3", "fix", field="email", value="planted.marker@example.org")
    assert desk.run() == (19, 1), "the visits are still wrong"
    desk.decide("3", "fix", field="visits", value="5")
    assert desk.run() == (20, 0)
    assert desk.passed("email")["3"] == "planted.marker@example.org"
    for file in desk.site.home.folder.glob("ledger.db*"):
        assert b"planted.marker" not in file.read_bytes()
    for stage in ("ready", "quarantine"):
        texts = [path.read_text() for path in (desk.site.home.folder / stage).glob("*.json")]
        assert not any("planted.marker" in text for text in texts)


def test_a_fix_that_the_column_can_hold_no_more_is_a_finding(desk):
    desk.bad(k3="five")
    desk.run()
    row = desk.open["3"]
    (made,) = desk.decide("3", "fix", field="visits", value="5")
    gone = made.model_copy(update={"field": "no_such_field"})
    desk.site.ledger.record_quarantine_decisions([gone])
    assert desk.run() == (20, 0), "the other fix is carried out"
    assert desk.findings()["quarantine-fix-impossible"].sample_keys == ("3",)
    assert row.id == made.row_id


def test_decisions_under_another_mask_key_do_not_apply_and_are_told_once(desk, monkeypatch):
    desk.bad(k3="five")
    desk.run()
    desk.decide("3", "release")
    monkeypatch.setenv("LANDBRIDGE_MASK_KEY", "another key")
    assert desk.run() == (19, 1)
    assert desk.findings()["quarantine-decisions-unrecognised"].count == 1
    assert desk.run() == (19, 1)


def test_too_many_bad_rows_block_and_decisions_bring_the_dataset_back(desk):
    desk.rules(threshold=0.1)
    desk.run()
    desk.bad(k3="five", k4="five", k5="five")
    desk.run()
    assert desk.ready.verdict == "block"
    assert len(desk.open) == 3
    desk.decide("3", "reject")
    assert desk.run() == (17, 3)
    assert desk.ready.verdict == "quarantine", "a row that a person rejected is no surprise to the threshold"


def test_a_delivery_that_blocks_lets_nobody_out_of_quarantine(desk):
    desk.bad(k3="five")
    desk.run()
    first = desk.open["3"].first_seen
    desk.rules(threshold=0.0)
    desk.rows_are([(*row[:3], "one") for row in GOOD])
    desk.run()
    assert desk.ready.verdict == "block"
    assert desk.open["3"].first_seen == first


def test_the_same_run_twice_says_the_same(desk):
    desk.bad(k3="five", k4="five")
    desk.run()
    desk.decide("3", "fix", field="visits", value="5")
    first = desk.run()
    file = desk.site.home.quarantine("customers").read_bytes()
    again = desk.run()
    assert (first, file) == (again, desk.site.home.quarantine("customers").read_bytes())
    assert not desk.ready.changed


def test_ages_and_times_to_release_are_told_by_rule_and_shown_in_the_ui(desk):
    desk.rules(minimum=0)
    desk.bad(k3="-5", k4="-5", k5="x")
    desk.run()
    desk.decide("3", "fix", field="visits", value="5")
    desk.decide("4", "reject")
    desk.run()
    told = {one.rule: one for one in backlog(desk.site, "customers")}
    assert (told["visits-readable"].open, told["visits-readable"].out) == (1, 0)
    assert (told["visits-range"].open, told["visits-range"].out) == (0, 1), "a reject is no release"
    assert told["visits-range"].median_to_release > told["visits-range"].median_to_release * 0
    shown = of_ready(desk.site, desk.site.dataset("customers"), desk.ready)["quarantine"].records
    assert [record.data["rule"] for record in shown] == ["visits-range", "visits-readable"]


def test_every_rule_that_a_row_breaks_is_kept_with_its_value(desk):
    desk.rules(minimum=0)
    desk.rows_are([*GOOD, ("", "lost@example.org", "Bremen", "-7")])
    desk.run()
    (row,) = pl.read_parquet(desk.site.home.quarantine("customers")).to_dicts()
    told = {one["rule"]: SimpleNamespace(**one) for one in row["breaches"]}
    assert told["visits-range"].value == "-7"
    assert told["primary-key-present"].value is None
    assert "lost@example.org" not in json.dumps(row)


def test_the_account_balances_through_a_whole_run_with_every_kind_of_decision(shop):
    shop.orders_are([(number, "C1", -5 if number in (3, 4, 5, 6) else 1) for number in range(1, 41)])
    assert shop.run().good
    site = shop.site()
    for row, kind in zip(held_rows(site, "orders"), ("fix", "release", "reject"), strict=False):
        told = {"field": "amount", "value": "5"} if kind == "fix" else {}
        decide(site.project, row.id, Verdict(kind, by="Steward 1", reason="seen on paper", **told))
    report = shop.run()
    assert report.good, report.failures
    account = shop.accounts()["orders"]
    assert (account.read, account.indexed, account.quarantined, account.balanced) == (40, 38, 2, True)
    assert [one.key for one in held_rows(site, "orders") if one.open] == ["6"]
    assert "urn:landbridge:shop:orders:4" in shop.live()

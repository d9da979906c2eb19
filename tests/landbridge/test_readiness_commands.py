"""`landbridge readiness` tells the last measurement, and `check --gate` refuses what is not ready."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from landbridge.cli import app
from landbridge.readiness_reporting import gate
from ledger import Finding
from ledger.models import ReadinessScore
from pipelines.site import Site

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
BLOCKER = {"dimension": "validity", "dataset": "orders", "what": "4 rows are in quarantine.", "points": 9.0,
           "owner": "team crew-data", "remedy": "Look at them."}  # fmt: skip


class Shelf:
    """A shop whose scores are put into the ledger, measured at T0."""

    def __init__(self, shop):
        self.shop = shop
        contract = shop.orders()
        contract["slaProperties"] = [{"property": "freshness", "value": 26, "unit": "h"}]
        shop.write("datasets/orders.odcs.yaml", contract)
        case = {"name": "desk", "datasets": ["orders"], "minimum": 80}
        shop.write("project.yaml", {"name": "shop", "model": "hashed-words", "useCases": [case]})
        self.site = Site.open(shop.folder)

    def put(self, subject, total, *, kind="dataset", mark="a", known=True, hours=0, contracts=None):
        at, names = T0 + timedelta(hours=hours), ("orders",) if kind == "use case" else (subject,)
        told = contracts or {name: self.site.project.datasets[name].fingerprint for name in names}
        dimensions = {"dimensions": [{"name": "validity", "score": total if known else None, "parts": []}],
                      "blockers": [BLOCKER], "contracts": told}  # fmt: skip
        self.site.ledger.record_readiness(
            [ReadinessScore(subject=subject, kind=kind, at=at, run_id="r", total=total, known=known,
                            dimensions=dimensions, fingerprint=mark)]
        )  # fmt: skip
        self.site.ledger.record_state(subject, "readiness", checked_at=at, fingerprint=mark, changed=True, run_id="r")

    def good(self):
        self.put("orders", 91)
        self.put("customers", 88)
        self.put("desk", 85, kind="use case")

    def gate(self, hours=1, minimum=None):
        from dataclasses import replace

        return gate(replace(self.site, clock=lambda: T0 + timedelta(hours=hours)), minimum)

    def says(self, *words, code=0):
        done = CliRunner().invoke(app, [*words, "--project", str(self.shop.folder)])
        assert done.exit_code == code, done.output
        return done.output


@pytest.fixture
def shelf(shop):
    return Shelf(shop)


def test_the_gate_passes_what_is_measured_recent_and_at_its_minimum(shelf):
    shelf.good()
    assert shelf.gate().faults == ()


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda one: one.put("desk", 79.9, kind="use case", mark="b"), "desk: 79.9 of 100; 80 are needed."),
        (lambda one: one.put("customers", 50, mark="b", known=False), "customers: not measured: validity."),
        (lambda one: one.put("orders", 91, mark="b", contracts={"orders": "?"}), "a contract changed since"),
        (lambda one: one.site.ledger.record_findings("r", "orders", "ready", [CRITICAL], T0), "'rows-lost' is open"),
    ],
)
def test_the_gate_does_not_pass_what_is_not_ready_and_says_why(shelf, spoil, fault):
    shelf.good()
    spoil(shelf)
    found = shelf.gate()
    assert not found.passed
    assert fault in "\n".join(found.faults)


CRITICAL = Finding(rule="rows-lost", dataset="orders", stage="ready", severity="critical", count=1, message="Lost.")


def test_the_gate_refuses_a_measurement_older_than_the_contract_allows(shelf):
    shelf.good()
    assert shelf.gate(hours=26).passed
    late = shelf.gate(hours=27)
    assert [one.split(":")[0] for one in late.faults] == ["desk", "orders"]  # customers promise no age
    assert "the contract allows 26 h" in late.faults[0]


def test_the_gate_refuses_what_was_never_measured(shelf):
    shelf.put("orders", 91)
    assert "desk: it was never measured. Run: landbridge run." in shelf.gate().faults


def test_a_minimum_at_the_command_line_holds_for_everything(shelf):
    shelf.good()
    assert shelf.gate(minimum=85).passed
    assert len(shelf.gate(minimum=90).faults) == 2


def test_check_gate_exits_1_with_the_costliest_blockers_their_owner_and_remedy(shelf):
    shelf.good()
    told = shelf.says("check", "--gate", code=1)  # measured long before today
    assert "readiness gate: not passed; measured 2026-03-01 12:00 UTC" in told
    assert told.count("remedy (team crew-data): Look at them.") == 3
    found = json.loads(shelf.says("check", "--gate", "--json", code=1))["gate"]
    assert (found["passed"], len(found["blockers"])) == (False, 3)


def test_check_without_the_gate_does_not_ask_for_scores(shelf):
    assert "gate" not in shelf.says("check")
    assert "--minimum: it belongs to --gate" in shelf.says("check", "--minimum", "80", code=2)


def test_scores_are_told_with_their_trend(shelf):
    shelf.good()
    shelf.put("orders", 93.5, mark="b", hours=1)
    shelf.put("customers", 80, mark="b", hours=1)
    told = {one["subject"]: one for one in json.loads(shelf.says("readiness", "--json"))}
    assert (told["orders"]["before"], told["orders"]["total"], told["desk"]["before"]) == (91, 93.5, None)
    lines = {line.split()[0]: line for line in shelf.says("readiness").splitlines() if line}
    assert "↑ 2.5" in lines["orders"]
    assert "↓ 8.0" in lines["customers"]
    assert " new " in lines["desk"]
    assert list(lines)[2] == "desk", "use cases come first"


def test_one_subject_is_told_with_its_measurements_and_blockers(shelf):
    shelf.good()
    told = shelf.says("readiness", "desk")
    assert "85.0 of 100, 80 are needed" in told
    assert "desk: 9.0 points of validity, in orders" in told


def test_a_subject_nobody_knows_is_bad_input(shelf):
    assert "Did you mean 'orders'?" in shelf.says("readiness", "order", code=2)


def test_before_the_first_run_nothing_is_green(shelf):
    assert "never measured" in shelf.says("readiness", code=1)


def test_measuring_by_hand_needs_no_run(shelf):
    shelf.says("readiness", "--measure")
    assert shelf.site.home.readiness_report.exists()

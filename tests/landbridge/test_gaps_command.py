"""`landbridge gaps` tells what is open, since when and whether it came back; what is resolved on demand."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from landbridge.cli import app
from ledger import Finding

NOW = datetime.now(UTC)


def finding(rule, stage="gaps", severity="warning", **more):
    return Finding(rule=rule, dataset="orders", stage=stage, severity=severity, count=3, owner="sales",
                   **{"message": "Told."} | more)  # fmt: skip


@pytest.fixture
def told(shop):
    """Ten days: `order-without-customer` came back a day ago, `late` is resolved, `lines-readable` is as ever."""
    ledger = shop.site().ledger
    mine, late = finding("order-without-customer"), finding("late")
    looks = [(10, [mine]), (8, [late]), (5, [late]), (3, []), (1, [mine])]
    for days, found in looks:
        ledger.record_findings("r", "orders", "gaps", found, NOW - timedelta(days=days))
    for days in (9, 2):
        lines = [finding("lines-readable", "raw"), finding("volume-drop", "raw", severity="info")]
        ledger.record_findings("r", "orders", "raw", lines, NOW - timedelta(days=days))
    ledger.record_findings("r", "orders", "ready", [finding("amount-range", "ready")], NOW)
    return shop


def gaps(shop, *words):
    done = CliRunner().invoke(app, ["gaps", "--project", str(shop.folder), *words])
    return done.exit_code, done.output


def rows(shop, *words):
    _, output = gaps(shop, "--json", *words)
    return {row["rule"]: row for row in json.loads(output)}


def test_open_gaps_are_told_with_state_age_and_kind(told):
    found = rows(told)
    assert set(found) == {"order-without-customer", "lines-readable", "volume-drop"}
    back, old = found["order-without-customer"], found["lines-readable"]
    assert (back["state"], back["kind"], back["reopened"]) == ("reopened", "orphan-reference", 1)
    assert back["first_seen"] == (NOW - timedelta(days=10)).isoformat()
    assert back["opened_at"] == (NOW - timedelta(days=1)).isoformat()
    assert back["age_seconds"] == pytest.approx(86_400, abs=3_600)  # the tests began a while ago
    assert (old["state"], old["kind"]) == ("open", "unreadable")
    assert "amount-range" in rows(told, "--all")


def test_a_person_reads_states_and_ages_in_columns(told):
    code, output = gaps(told)
    head, _, *lines = output.splitlines()
    assert head.split() == ["SEVERITY", "STATE", "AGE", "COUNT", "KIND", "GAP", "OWNER"]
    assert lines[0].split()[:4] == ["warning", "open", "9", "d"]
    assert lines[1].split()[:4] == ["warning", "reopened", "24", "h"]
    assert code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--state", "reopened"], {"order-without-customer"}),
        (["--state", "new"], set()),
        (["--state", "open"], {"lines-readable", "volume-drop"}),
        (["--state", "resolved"], {"late"}),
        (["--state", "resolved", "--since", "4d"], {"late"}),
        (["--state", "resolved", "--since", "36h"], set()),
        (["--state", "all", "--since", "36h"], {"order-without-customer", "lines-readable", "volume-drop"}),
        (["--state", "all"], {"order-without-customer", "lines-readable", "volume-drop", "late"}),
        (["--state", "withdrawn"], set()),
    ],
)
def test_states_are_chosen(told, words, expected):
    assert set(rows(told, *words)) == expected


def test_a_resolved_gap_fails_no_gate_and_an_open_one_does(told):
    assert gaps(told, "--fail-on", "warning")[0] == 1
    assert gaps(told, "--fail-on", "warning", "--state", "resolved")[0] == 0


def test_gaps_of_a_dataset_that_was_removed_are_withdrawn(told):
    (told.folder / "datasets" / "orders.odcs.yaml").unlink()
    told.write("datasets/customers.odcs.yaml", told.customers() | {"customProperties": [
        {"property": "landbridge.source", "value": "crm"}]})  # fmt: skip
    assert rows(told) == {}
    assert "order-without-customer" in rows(told, "--state", "withdrawn")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--state", "old"], "--state old: use new, open"),
        (["--since", "7d"], "add --state resolved"),
        (["--state", "resolved", "--since", "a week"], "is no duration"),
        (["--state", "resolved", "--since", ""], "is no duration"),
        (["--fail-on", "always"], "use critical, warning or never"),
    ],
)
def test_bad_options_are_refused_in_one_line(shop, words, told):
    code, output = gaps(shop, *words)
    assert code == 2
    assert told in output
    assert len(output.strip().splitlines()) == 1

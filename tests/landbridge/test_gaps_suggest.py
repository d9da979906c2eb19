"""`landbridge gaps --suggest` prints rules that can be pasted into contracts, and says where nothing was looked at."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from catalog import load_project
from landbridge.cli import app
from pipelines import stages

CITIES = ["Berlin", "Hamburg", "Bremen", "Mainz"]


def suggest(shop, *words):
    done = CliRunner().invoke(app, ["gaps", "--suggest", "--project", str(shop.folder), *words])
    return done.exit_code, done.stdout, done.stderr


def make_ready(shop, *names):
    site = shop.site()
    for name in names:
        stages.pull(site, name, run_id="run")
        stages.make_ready(site, name, run_id="run")
    return shop


@pytest.fixture
def busy(shop):
    """Sixty customers, one of them without a name, and orders of whom two are unknown; no gap rule is declared."""
    customers = [(f"C{n}", f"Name {n}" if n else "", f"mail{n}@example.org", CITIES[n % 4]) for n in range(60)]
    shop.customers_are(customers)
    shop.orders_are([(n, f"C{n % 62}", 10.5 * n) for n in range(1, 200)])
    contract = shop.orders()
    contract["customProperties"] = [one for one in contract["customProperties"] if one["property"] != "landbridge.gaps"]
    shop.write("datasets/orders.odcs.yaml", contract)
    return make_ready(shop, "customers", "orders")


def test_rules_are_printed_for_their_contracts_with_reason_and_count(busy):
    code, output, _ = suggest(busy)
    assert code == 0
    assert "# datasets/orders.odcs.yaml: add to customProperties\n  - property: landbridge.gaps" in output
    assert "Would report 6 rows today." in output
    assert "customer-not-in-customers" in output
    assert "mail" not in output


def test_what_is_printed_loads_as_the_contract_and_is_then_no_suggestion(busy):
    _, output, _ = suggest(busy, "--dataset", "orders")
    path = busy.folder / "datasets/orders.odcs.yaml"
    text = path.read_text()
    head, _, tail = text.partition("customProperties:\n")
    pasted = "".join(f"{line}\n" for line in output.splitlines())
    assert tail.startswith("- property")  # at the margin, where YAML wants the new entry as well
    moved = "".join(line.removeprefix("  ") + "\n" for line in pasted.splitlines())
    path.write_text(f"{head}customProperties:\n{moved}{tail}")
    rules = load_project(busy.folder).datasets["orders"].gap_rules
    assert [rule.kind for rule in rules] == ["missing_reference"]
    assert json.loads(suggest(busy, "--dataset", "orders", "--json")[1]) == []


def test_where_rules_are_declared_new_ones_are_entries_of_that_list(busy):
    contract = yaml.safe_load((busy.folder / "datasets/customers.odcs.yaml").read_text())
    rule = {"name": "name-format", "kind": "mixed_format", "field": "name"}
    contract["customProperties"].append({"property": "landbridge.gaps", "value": [rule]})
    busy.write("datasets/customers.odcs.yaml", contract)
    _, output, _ = suggest(busy, "--dataset", "customers")
    assert output.startswith("# datasets/customers.odcs.yaml: add to the value of landbridge.gaps\n      #")
    (entry,) = yaml.safe_load(output)
    assert (entry["kind"], entry["field"]) == ("missing_value", "name")


def test_programs_get_the_rule_with_what_was_measured(busy):
    (told,) = [one for one in json.loads(suggest(busy, "--json")[1]) if one["dataset"] == "orders"]
    assert set(told) == {
        "id",
        "confidence",
        "dataset",
        "kind",
        "rule",
        "reason",
        "found",
        "findings",
        "unit",
        "measured",
    }
    assert (told["id"], told["confidence"]) == ("orders/customer-not-in-customers", 0.9677)
    assert (told["found"], told["findings"], told["unit"]) == (6, 1, "rows")
    assert told["measured"]["included"] == pytest.approx(60 / 62)


def test_a_small_sound_shop_gets_nothing(shop):
    make_ready(shop, "customers", "orders")
    code, output, _ = suggest(shop)
    assert (code, output) == (0, "# No rule to suggest.\n")


def test_a_dataset_without_rows_is_named_and_fails(shop):
    make_ready(shop, "customers")
    code, _, errors = suggest(shop)
    assert code == 1
    assert "orders has no ready rows" in errors


def test_looking_changes_neither_contracts_nor_findings(busy):
    before = [path.read_bytes() for path in sorted((busy.folder / "datasets").iterdir())]
    suggest(busy)
    assert [path.read_bytes() for path in sorted((busy.folder / "datasets").iterdir())] == before
    assert not busy.site().ledger.findings(stage="gaps")


@pytest.mark.parametrize("words", [["--all"], ["--state", "open"], ["--state", "all", "--since", "7d"]])
def test_options_about_findings_are_refused_beside_it(shop, words):
    code, _, errors = suggest(shop, *words)
    assert code == 2
    assert "leave out --all, --state and --since" in errors

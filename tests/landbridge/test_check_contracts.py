"""`landbridge check` refuses what breaks the readers of a published dataset, with the diff and the remedy."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog import load_project
from catalog.published import contract_path
from landbridge.cli import app
from pipelines.contract_versions import keep_contract


def check(shop, *flags):
    return CliRunner().invoke(app, ["check", "--project", str(shop.folder), *flags])


def changed(shop, version="1.0.0", **field):
    """The contract of the customers with their city changed; a field without a name is removed."""
    told = shop.customers()
    told["version"] = version
    told["schema"][0]["properties"][3] |= field
    shop.write("datasets/customers.odcs.yaml", told)


@pytest.fixture
def published(shop):
    """The shop as if a run had published both datasets."""
    home = shop.site().home
    for dataset in load_project(shop.folder).datasets.values():
        keep_contract(home, dataset)
    return shop


def test_a_project_that_was_never_published_has_nothing_to_break(shop):
    changed(shop, logicalType="integer")
    done = check(shop)
    assert (done.exit_code, "contract-version" in done.output) == (0, False)


def test_the_published_contract_itself_passes_without_a_word(published):
    done = check(published)
    assert (done.exit_code, "No open findings." in done.output) == (0, True)


def test_a_breaking_change_is_refused_with_its_line_and_the_remedy(published):
    changed(published, logicalType="integer")
    done = check(published)
    assert done.exit_code == 1
    text = (published.folder / "datasets" / "customers.odcs.yaml").read_text().splitlines()
    line = next(number for number, told in enumerate(text, 1) if told.strip() == "- name: city")
    told = "the type of 'city' changes from string to integer."
    assert f"datasets/customers.odcs.yaml:{line}: breaking: {told}" in done.output.splitlines()
    assert "1 breaking change against version 1.0.0" in done.output
    assert "version: 2.0.0 or higher" in done.output


def test_a_new_major_version_carries_it_and_the_diff_is_still_told(published):
    changed(published, "2.0.0", logicalType="integer")
    done = check(published)
    assert (done.exit_code, ": breaking: the type of 'city'" in done.output) == (0, True)


def test_a_compatible_change_is_told_and_passes(published):
    changed(published, description="Where they live.")
    done = check(published)
    assert (done.exit_code, ": compatible: the description of 'city' changes." in done.output) == (0, True)


def test_access_that_widens_needs_a_new_version_too(published):
    told = published.customers()
    told["schema"][0]["properties"][2]["classification"] = "internal"
    published.write("datasets/customers.odcs.yaml", told)
    done = check(published)
    assert done.exit_code == 1
    assert ": widened access: 'email' is internal instead of restricted: more may see it." in done.output
    assert "1 change that widens access against version 1.0.0" in done.output


def test_access_that_narrows_is_never_refused(published):
    changed(published, classification="confidential")
    done = check(published)
    assert (done.exit_code, ": narrowed access: " in done.output) == (0, True)


def test_a_lower_version_is_refused_even_where_nothing_else_changes(published):
    changed(published, "0.9.0")
    done = check(published)
    assert (done.exit_code, "Version 0.9.0 is lower than 1.0.0, which is published." in done.output) == (1, True)


def test_versions_without_an_order_pass_with_a_warning(published):
    changed(published, "next spring", logicalType="integer")
    done = check(published)
    assert (done.exit_code, "WARNING   customers / contract-version" in done.output) == (0, True)


def test_a_program_gets_the_same_changes_as_json(published):
    changed(published, logicalType="integer", description="Where they live.")
    done = check(published, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    kinds = [(one["dataset"], one["kind"], one["subject"], one["effect"]) for one in told["changes"]]
    assert kinds == [
        ("customers", "type_changed", "city", "breaking"),
        ("customers", "described", "city", "compatible"),
    ]
    first = told["changes"][0]
    assert (first["before"], first["after"], first["breaking"]) == ("string", "integer", True)
    assert [one["rule"] for one in told["findings"]] == ["contract-version"]


def test_a_contract_that_vanished_is_told_unless_its_readers_were_told_before(published):
    told = published.customers()
    told["customProperties"][1]["value"][0] |= {"text": "{name}", "related": []}
    published.write("datasets/customers.odcs.yaml", told)
    orders = published.folder / "datasets" / "orders.odcs.yaml"
    path = contract_path(published.site().home, "orders")
    orders.unlink()
    done = check(published)
    assert (done.exit_code, "orders / contract-withdrawn" in done.output) == (1, True)
    path.write_text(path.read_text().replace('"active"', '"retired"'))
    assert "contract-withdrawn" not in check(published).output


def test_a_published_contract_that_cannot_be_read_is_a_finding_and_the_others_are_still_checked(published):
    contract_path(published.site().home, "orders").write_text("{")
    changed(published, logicalType="integer")
    done = check(published)
    assert done.exit_code == 1
    assert "orders.contract.json holds no contract that can be read" in " ".join(done.output.split())
    assert "breaking: the type of 'city'" in done.output


def test_the_page_about_contracts_shows_what_the_command_prints(published):
    customers, orders = published.customers(), published.orders()
    customers["schema"][0]["properties"][2]["classification"] = "internal"
    customers["schema"][0]["properties"][3]["logicalType"] = "integer"
    orders["schema"][0]["properties"][2]["logicalTypeOptions"]["minimum"] = -100
    orders["customProperties"][1]["value"][0]["text"] = "Order {number} by {customer}: {amount}."
    published.write("datasets/customers.odcs.yaml", customers)
    published.write("datasets/orders.odcs.yaml", orders)
    printed = [line for line in check(published).output.splitlines() if line.startswith("datasets/")]
    page = (Path(__file__).parents[2] / "docs" / "readiness" / "contracts.md").read_text()
    shown = page.split("```text\n")[1].split("```")[0].splitlines()
    assert [re.sub(r":\d+:", ":", line) for line in printed] == [re.sub(r":\d+:", ":", line) for line in shown]
    example = json.loads(page.split("```json\n")[1].split("```")[0])
    told = json.loads(check(published, "--json").stdout)["changes"]
    assert example | {"line": 0} in [one | {"line": 0} for one in told]

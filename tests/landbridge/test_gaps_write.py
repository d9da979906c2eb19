"""`landbridge gaps --suggest --write` adds chosen rules to contracts once, and never leaves a broken project."""

import pytest
import yaml
from typer.testing import CliRunner

from catalog import load_project
from catalog.errors import Refusal
from landbridge import gap_suggestions, gap_writing
from landbridge.cli import app
from landbridge.drafting.gap_merging import AddedRule, with_gap_rules
from pipelines import stages

ID = "orders/customer-not-in-customers"
RULE = {"name": "n", "kind": "mixed_format", "field": "a"}
HEAD = "# ours\nname: x  # the name\n"
BLOCK = "customProperties:\n  - {property: landbridge.source, value: s}  # mine\n"
SCHEMA = "# the table\nschema:\n  - name: x\n"
OLD = "      - {name: old, kind: mixed_format, field: b}  # keep\n"


def gaps(shop, *words):
    done = CliRunner().invoke(app, ["gaps", "--suggest", "--project", str(shop.folder), *words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def busy(shop):
    """Orders of whom some name no customer, without a gap rule, in a contract with its owner's comments."""
    shop.customers_are([(f"C{n}", f"Name {n}", f"mail{n}@example.org", "Bonn") for n in range(60)])
    shop.orders_are([(n, f"C{n % 62}", 10.5 * n) for n in range(1, 200)])
    contract = shop.orders()
    contract["customProperties"] = [one for one in contract["customProperties"] if one["property"] != "landbridge.gaps"]
    shop.write("datasets/orders.odcs.yaml", contract)
    path = shop.folder / "datasets/orders.odcs.yaml"
    path.write_text("# ours, do not touch\n" + path.read_text())
    site = shop.site()
    for name in ("customers", "orders"):
        stages.pull(site, name, run_id="run")
        stages.make_ready(site, name, run_id="run")
    return shop


def text(shop):
    return (shop.folder / "datasets/orders.odcs.yaml").read_text()


def test_a_chosen_rule_is_added_once_and_nothing_else_is_touched(busy):
    before = text(busy)
    code, output, _ = gaps(busy, "--write", "--only", ID)
    assert code == 0
    assert "+" in output and "wrote 1 rules into 1 files" in output
    added = [line for line in text(busy).splitlines() if line not in before.splitlines()]
    assert [line for line in before.splitlines() if line not in text(busy).splitlines()] == []
    assert any(line.strip().startswith("# suggestion: ") for line in added)
    assert [rule.name for rule in load_project(busy.folder).datasets["orders"].gap_rules] == [ID.partition("/")[2]]
    once = text(busy)
    code, _, errors = gaps(busy, "--write", "--only", ID)
    assert (code, text(busy)) == (2, once)
    assert "no such suggestion" in errors


def test_without_names_those_that_are_sure_enough_are_written(busy):
    assert "nothing to write" in gaps(busy, "--write", "--confidence", "0.99", "--dataset", "orders")[1]
    assert "wrote 1 rules" in gaps(busy, "--write", "--dataset", "orders")[1]
    assert "nothing to write" in gaps(busy, "--write", "--dataset", "orders")[1]


def test_a_dry_run_shows_the_change_and_writes_nothing(busy):
    before = text(busy)
    code, output, _ = gaps(busy, "--dry-run", "--only", ID)
    assert (code, text(busy)) == (0, before)
    assert "+++ b/datasets/orders.odcs.yaml" in output
    assert "repeat it with --write" in output


def test_a_contract_that_does_not_parse_is_refused(busy):
    path = busy.folder / "datasets/orders.odcs.yaml"
    path.write_text(text(busy) + "\n: [\n")
    broken = text(busy)
    code, _, errors = gaps(busy, "--write", "--only", ID)
    assert (code, text(busy)) == (2, broken)
    assert "datasets/orders.odcs.yaml" in errors


def test_where_a_written_rule_cannot_be_judged_what_stood_there_is_put_back(busy):
    project = load_project(busy.folder)
    rules = gap_writing.chosen(gap_suggestions.suggestions(project).found, only=[ID])
    files = gap_writing.changes(project, rules)
    before = text(busy)
    (busy.site().home.ready("customers")).unlink()
    with pytest.raises(Refusal, match=f"nothing was written.*{ID} cannot be judged"):
        gap_writing.write_judged(project, files, rules)
    assert text(busy) == before


@pytest.mark.parametrize("words", [["--write"], ["--only", ID], ["--confidence", "0.5"], ["--dry-run"]])
def test_its_options_belong_to_suggest(shop, words):
    done = CliRunner().invoke(app, ["gaps", "--project", str(shop.folder), *words])
    assert done.exit_code == 2
    assert "belong to --suggest" in done.stderr


@pytest.mark.parametrize(
    "contract",
    [
        HEAD + SCHEMA,
        HEAD + BLOCK + SCHEMA,
        HEAD + BLOCK + "  - property: landbridge.gaps\n    value:\n" + OLD + "    # the end\n" + SCHEMA,
        HEAD + SCHEMA + BLOCK.rstrip("\n"),
        (HEAD + BLOCK + SCHEMA).replace("\n", "\r\n"),
        HEAD + "customProperties:\n- property: landbridge.gaps\n  value:\n  - {name: old, kind: x}\n" + SCHEMA,
        HEAD + "customProperties: [{property: landbridge.gaps, value: [{name: old}]}]\n" + SCHEMA,
        HEAD + "customProperties:\n  - {property: landbridge.gaps, value: [{name: old}]}\n" + SCHEMA,
    ],
)
def test_a_rule_is_added_behind_the_others_in_every_layout(contract):
    told = with_gap_rules(contract, [AddedRule(RULE, ("suggestion: why",))])
    one, other = (dict(yaml.safe_load(text)) for text in (contract, told))
    custom = {entry["property"]: entry["value"] for entry in other.pop("customProperties")}
    held = {entry["property"]: entry["value"] for entry in one.pop("customProperties", [])}
    assert custom == held | {"landbridge.gaps": [*held.get("landbridge.gaps", []), RULE]}
    assert one == other
    assert all(remark in told for remark in ("# ours", "# the name", "# the table"))

"""The quarantine at the command line: open rows are listed, and a decision has a name and a reason."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from landbridge.cli import app
from pipelines import stages
from pipelines.site import Site

ROOT = Path(__file__).parents[2]
BAD = {3: "three", 4: "four"}  # visits that are no number


class Till:
    """The shop's customers, two of whom have a number of visits that nobody can read, at the command line."""

    def __init__(self, shop):
        self.folder = shop.folder
        told = shop.customers(quarantineThreshold=0.9)
        told["schema"][0]["properties"][0]["required"] = False
        told["schema"][0]["properties"].append(
            {"name": "visits", "physicalName": "VISITS", "logicalType": "integer", "classification": "public"}
        )
        shop.write("datasets/customers.odcs.yaml", told)
        self.rows_are([("C1", "One", "one@example.org", "7"), *((f"C{n}", "N", "m", BAD[n]) for n in BAD)])

    def rows_are(self, rows):
        with (self.folder / "systems" / "customers.csv").open("w", newline="") as file:
            lines = (("ID", "NAME", "MAIL", "VISITS", "CITY"), *((*row, "Berlin") for row in rows))
            csv.writer(file).writerows(lines)

    def run(self, *accept):
        site = Site.open(self.folder, accept=frozenset(accept))
        stages.pull(site, "customers", run_id="run")
        return stages.make_ready(site, "customers", run_id="run")

    def says(self, *words, code=0, given=""):
        done = CliRunner().invoke(app, ["quarantine", *words, "--project", str(self.folder)], input=given)
        assert done.exit_code == code, done.output
        return done.output

    def rows(self, *words):
        return json.loads(self.says("list", "--json", *words))


@pytest.fixture
def till(shop):
    made = Till(shop)
    made.run()
    return made


def test_open_rows_are_listed_with_rule_column_place_value_and_age(till):
    first, _ = till.rows()
    assert (first["key"], first["rule"], first["field"], first["value"], first["state"]) == (
        "C3", "visits-readable", "visits", "three", "open",
    )  # fmt: skip
    assert first["location"].endswith("customers.csv")
    assert first["age_seconds"] >= 0
    told = till.says("list", "customers")
    assert all(word in told for word in (first["id"][:10], "visits-readable", "three", "open"))
    assert "mail" not in told


def test_a_row_is_shown_with_its_rules_its_values_and_its_history(till):
    first, second = till.rows()
    till.says("release", first["id"], "--reason", "agreed", "--by", "Steward 1")
    told = json.loads(till.says("show", first["id"], "--json"))
    assert told["row"]["name"] == "N"
    assert "email" not in told["row"]
    assert [one["rule"] for one in told["breaches"]] == ["visits-readable"]
    assert [(one["kind"], one["by"], one["holds"]) for one in told["decisions"]] == [("release", "Steward 1", True)]
    text = till.says("show", first["id"][:6])
    assert "release visits-readable, by Steward 1: agreed" in text
    assert json.loads(till.says("show", second["id"], "--json"))["decisions"] == []


def test_decisions_wait_for_the_next_run_and_then_hold(till):
    first, second = till.rows()
    till.says("fix", first["id"], "--field", "visits", "--value", "3", "--reason", "typo")
    till.says("reject", second["id"], "--reason", "a test")
    assert [row["state"] for row in till.rows()] == ["waits for the next run"]
    made = till.run()
    assert (made.rows, made.quarantined) == (2, 1)
    assert till.rows() == []
    assert "Nothing" in till.says("list")
    assert [row["state"] for row in till.rows("--all")] == ["rejected"]


def test_the_summary_counts_by_rule(till):
    (told,) = json.loads(till.says("list", "--summary", "--json"))
    assert (told["dataset"], told["rule"], told["open"], told["out_in_90_days"]) == (
        "customers", "visits-readable", 2, 0,
    )  # fmt: skip
    assert told["median_to_release_seconds"] is None
    assert "visits-readable" in till.says("list", "--summary")


def test_a_value_is_read_from_input_and_a_confidential_one_is_never_shown(till):
    first, _ = till.rows()
    told = till.says(
        "fix", first["id"], "--field", "email", "--value", "-", "--reason", "typo", given="new@example.org\n"
    )
    told += till.says("show", first["id"]) + till.says("show", first["id"], "--json")
    assert "new@example.org" not in told
    assert json.loads(till.says("show", first["id"], "--json"))["decisions"][0]["value"] == "***"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("show", "nosuchid"), "no row in quarantine"),
        (("show", ""), "no row in quarantine"),
        (("list", "no-such"), "no such dataset"),
        (("reject", "ID", "--reason", "  "), "needs a reason"),
        (("reject", "ID", "--reason", "x", "--by", "n" * 256), "needs a name"),
        (("release", "ID", "--reason", "x", "--rule", "no-such"), "does not break no-such"),
        (("fix", "ID", "--reason", "x", "--field", "no-such", "--value", "1"), "no field no-such"),
        (("fix", "ID", "--reason", "x", "--field", "visits", "--value", "nine"), "not a integer"),
    ],
)
def test_what_makes_no_sense_is_exit_2_and_one_clear_line(till, words, what):
    row = till.rows()[0]["id"]
    told = till.says(*(row if word == "ID" else word for word in words), code=2)
    assert what in told
    assert len(told.strip().splitlines()) == 1
    assert till.rows()[0]["state"] == "open"


def test_a_beginning_that_two_rows_share_is_refused(till):
    letters = "0123456789abcdef"
    till.rows_are([("C1", "One", "m", "7"), *((f"K{n}", "N", "m", "x") for n in range(len(letters) + 1))])
    till.run("customers")
    firsts = [row["id"][0] for row in till.rows("--all")]
    shared = next(letter for letter in letters if firsts.count(letter) > 1)  # more rows than letters
    assert "Give more of it" in till.says("show", shared, code=2)


def test_a_row_without_its_key_cannot_be_released(till):
    till.rows_are([("C1", "One", "m", "7"), ("", "Nobody", "m", "8")])
    till.run("customers")
    (row,) = till.rows()
    assert "cannot be told from others" in till.says("release", row["id"], "--reason", "x", code=2)
    till.says("reject", row["id"], "--reason", "x")


def test_a_fix_for_a_row_that_the_source_told_anew_meanwhile_is_refused(till):
    row = till.rows()[0]["id"]
    till.rows_are([("C1", "One", "m", "7"), ("C3", "N", "m", "drei"), ("C4", "N", "m", "four")])
    stages.pull(Site.open(till.folder), "customers", run_id="run")
    told = till.says("fix", row, "--field", "visits", "--value", "3", "--reason", "typo", code=2)
    assert "landbridge run" in told


def test_before_the_first_run_nothing_is_in_quarantine(shop):
    done = CliRunner().invoke(app, ["quarantine", "list", "--project", str(shop.folder)])
    assert (done.exit_code, done.output.strip()) == (0, "Nothing is in quarantine.")


def test_help_of_the_group_loads_nothing_heavy():
    heavy = ("polars", "dagster", "sqlalchemy")
    code = (
        "import sys; from typer.testing import CliRunner; from landbridge.cli import app; "
        "assert CliRunner().invoke(app, ['quarantine', '--help']).exit_code == 0; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

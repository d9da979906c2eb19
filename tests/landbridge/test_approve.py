"""What a run held is shown at the command line, and approved with a name and a reason, or refused with one line."""

import json
import re

import pytest
from typer.testing import CliRunner

from catalog.errors import ChangeHeld
from landbridge.cli import app
from pipelines import stages
from pipelines.site import Site


class Till:
    """The shop's orders up to `raw`, at the command line; ids of runs are given."""

    def __init__(self, shop):
        self.shop = shop
        self.pull("first", range(1, 41))

    def pull(self, run_id, numbers=None):
        """Export these orders and pull; whether the pull was held."""
        if numbers is not None:
            self.shop.orders_are([(number, "C1", 1.0) for number in numbers])
        try:
            stages.pull(Site.open(self.shop.folder), "orders", run_id=run_id)
        except ChangeHeld:
            return True
        return False

    def says(self, *words, code=0, command="approve"):
        done = CliRunner().invoke(app, [command, *words, "--project", str(self.shop.folder)])
        assert done.exit_code == code, done.output
        return done.output

    def waiting(self):
        return json.loads(self.says("--list", "--json"))


@pytest.fixture
def till(shop):
    return Till(shop)


WHY = ("--reason", "a closed shop", "--by", "sales-data")


def test_what_waits_is_listed_with_numbers_age_and_owner(till):
    assert "Nothing waits" in till.says("--list")
    till.pull("a1b2c3d4e5", range(1, 11))
    table = till.says("--list")
    assert re.search(r"a1b2c3d4 +orders +volume-drop +40 +10 +rows +75.0% +0 min +sales-data +waits", table)
    (one,) = till.waiting()
    assert (one["before"], one["after"], one["share"], one["threshold"]) == (40, 10, 0.75, 0.15)
    assert one["sample_keys"][0] == "11"
    assert one["approve"] == "landbridge approve a1b2c3d4 --dataset orders --reason TEXT"


def test_an_approval_shows_what_it_is_about_and_the_next_run_takes_it(till):
    till.pull("a1b2c3d4e5", range(1, 11))
    told = till.says("a1b2", *WHY)
    assert "orders / volume-drop: 40 rows before, 10 after, 75.0% (15.0% allowed)" in told
    assert "keys: 11, 12" in told
    assert "approved by sales-data; landbridge run takes it" in told
    assert till.waiting()[0]["approved"]["reason"] == "a closed shop"
    assert not till.pull("next")
    assert till.waiting() == []


def test_an_approval_needs_a_reason(till):
    till.pull("a1b2c3d4e5", range(1, 11))
    assert "--reason" in till.says("a1b2", code=2)
    assert till.pull("next")


@pytest.mark.parametrize("run", ["zzz", "", "first"])
def test_a_run_that_held_nothing_is_bad_input(till, run):
    till.pull("a1b2c3d4e5", range(1, 11))
    assert "held anything" in till.says(run, *WHY, code=2)


def test_a_beginning_that_two_runs_share_is_bad_input_and_a_whole_id_is_not(till):
    till.pull("a1", range(1, 11))
    till.pull("a12")
    assert "2 runs begin with a" in till.says("a", *WHY, code=2)
    assert "approved" in till.says("a1", *WHY)


def test_a_dataset_that_the_run_did_not_hold_is_bad_input(till):
    till.pull("a1b2c3d4e5", range(1, 11))
    assert "held nothing of customers" in till.says("a1b2", "--dataset", "customers", *WHY, code=2)
    assert "It held orders." in till.says("a1b2", "--dataset", "nothing", *WHY, code=2)


def test_the_mail_of_last_night_approves_what_this_night_saw_again(till):
    till.pull("monday", range(1, 11))
    till.pull("tuesday")
    till.says("monday", *WHY)
    assert not till.pull("wednesday")


def test_what_a_later_run_made_obsolete_is_refused_with_what_happened(till):
    till.pull("monday", range(1, 11))
    till.pull("tuesday", range(1, 10))
    assert "run tuesday found other content on 20" in till.says("monday", *WHY, code=2)
    till.pull("thursday", range(1, 41))
    assert "the source was in order again when run thursday looked" in till.says("tuesday", *WHY, code=2)


def test_what_is_approved_or_taken_already_is_refused_with_who_and_when(till):
    till.pull("monday", range(1, 11))
    till.says("monday", *WHY)
    assert "was approved by sales-data on 20" in till.says("monday", *WHY, code=2)
    till.pull("tuesday")
    assert "run tuesday took it on 20" in till.says("monday", *WHY, code=2)


def test_an_empty_export_needs_its_own_word(till):
    till.pull("monday", [])
    assert till.waiting()[0]["approve"].endswith("--allow-empty")
    assert "nothing of orders would be left. If that is right, say so with --allow-empty." in till.says(
        "monday", *WHY, code=2
    )
    assert till.pull("tuesday")
    till.says("monday", "--allow-empty", *WHY)
    assert not till.pull("wednesday")


@pytest.mark.parametrize("words", [(), ("monday", "--list")])
def test_either_a_run_or_the_list(till, words):
    assert "--list" in till.says(*words, code=2)


def test_who_approves_is_the_user_of_the_machine_unless_told(till, monkeypatch):
    monkeypatch.setenv("LOGNAME", "night-shift")
    till.pull("monday", range(1, 11))
    assert "approved by night-shift" in till.says("monday", "--reason", "a closed shop")


def test_what_waits_stands_in_the_status_and_among_the_gaps_with_its_command(till):
    till.pull("a1b2c3d4e5", range(1, 11))
    status = json.loads(till.says("--json", command="status", code=1))
    assert [one["rule"] for one in status["held"]] == ["volume-drop"]
    assert "held for 0 min: orders / volume-drop" in till.says(command="status", code=1)
    (gap,) = json.loads(till.says("--json", command="gaps", code=1))
    assert "landbridge approve a1b2c3d4 --reason TEXT" in gap["remedy"]


def test_approve_and_run_takes_it_at_once(shop):
    """Whole runs: the only ones here."""
    shop.run()
    shop.orders_are([(number, "C1", 1.0) for number in range(1, 11)])
    report = shop.run()
    assert (report.status, report.failures, report.failed_checks) == ("held", (), ())
    done = CliRunner().invoke(
        app, ["approve", report.run_id[:8], *WHY, "--run", "--json", "--project", str(shop.folder)]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["status"], told["held"]) == ("success", [])
    assert len([urn for urn in shop.live() if ":orders:" in urn]) == 10

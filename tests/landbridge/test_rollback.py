"""`landbridge rollback` goes back a run, and says so where there is none before."""

import json

import pytest
from typer.testing import CliRunner

import index
from landbridge.cli import app


@pytest.fixture
def rollback(ran):
    def one(*more):
        return CliRunner().invoke(app, ["rollback", "--project", str(ran.folder), *more], catch_exceptions=False)

    return one


def test_after_the_first_run_it_is_refused_in_one_line(ran, rollback):
    before = ran.live()
    told = rollback()
    assert told.exit_code != 0
    assert "there is no run before the one that is served" in " ".join(told.stderr.split())
    assert ran.live() == before


def test_it_takes_back_the_run_and_a_second_one_returns(ran, rollback):
    before, store = ran.live(), index.Store(ran.site().home.index)
    first = store.tag("live")
    for name in ("orders", "customers"):
        store.latest().to_lance().delete(f"dataset = '{name}'")
        second = index.publish(store, store.version, run="second")
    told = json.loads(rollback("--json").stdout)
    assert (told["version"], told["before"]) == (first, second)
    assert ran.live() == before
    assert f"the run before is served, index version {second} and not {first}" in rollback().stdout
    assert ran.live() != before

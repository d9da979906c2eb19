"""`landbridge report`: where the pages of the last checks lie."""

import json
from pathlib import Path

from typer.testing import CliRunner

from landbridge.cli import app
from pipelines import stages


def says(shop, *words, code=0):
    done = CliRunner().invoke(app, ["report", *words, "--project", str(shop.folder)])
    assert done.exit_code == code, done.output
    return done.output


def test_each_report_is_told_with_its_verdict_and_its_files(shop):
    site = shop.site()
    for name in ("customers", "orders"):
        stages.pull(site, name, run_id="run")
        stages.make_ready(site, name, run_id="run")
    stages.find_gaps(site, run_id="run")
    told = json.loads(says(shop, "--json"))
    assert [(one["about"], one["verdict"], one["not_holding"]) for one in told] == [
        ("customers", "pass", 0), ("orders", "pass", 0), ("gaps across systems", "open", 1),
    ]  # fmt: skip
    assert all(Path(one["html"]).exists() and Path(one["json"]).exists() for one in told)
    assert "checks/orders.html" in says(shop, "orders")


def test_a_report_that_is_not_there_yet_is_a_failure_and_an_unknown_dataset_bad_input(shop):
    assert "no report yet: customers, orders (landbridge run)" in says(shop, code=1)
    assert "no such dataset" in says(shop, "nothing", code=2)

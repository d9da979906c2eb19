"""A night's drop of a thousand files with twenty broken ones: all good ones are in, each broken one is told with its
reason, and the run is green or blocked as the sources say. Run by `make exam`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.drops import FILES, ROWS, dropped, project

pytestmark = pytest.mark.exam
ROOT = Path(__file__).parents[2]
MEMORY = 1_500  # MiB at most, the whole run with Dagster


def _run(folder):
    """Exit code and report of one run, and the most memory that it took, in MiB."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LANDBRIDGE_", "DAGSTER_"))
    }
    report, said = folder / "report.json", folder / "said.txt"
    with report.open("wb") as stdout, said.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "landbridge", "run", "--project", str(folder), "--json"],
            cwd=ROOT, env=environment, stdout=stdout, stderr=stderr,
        )  # fmt: skip
        # of this child alone: RUSAGE_CHILDREN would tell the greatest of all that ever ran
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert "Traceback" not in said.read_text(), said.read_text()
    return process.returncode, json.loads(report.read_text()), usage.ru_maxrss // 1024


@pytest.fixture(scope="module")
def drop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    return folder, dropped(folder / "drop")


def _told(findings):
    return {
        finding["rule"].partition("/")[2]: finding
        for finding in findings
        if finding["rule"].startswith("file-readable/")
    }


def test_nine_hundred_and_eighty_are_in_and_twenty_are_told(drop, record_property):
    folder, told = drop
    code, report, peak = _run(project(folder / "reporting", folder / "drop", brokenFiles="report"))
    record_property("seconds", report["seconds"])
    record_property("peak_mib", peak)
    sys.stderr.write(f"\n1,000 files, {sum(FILES.values()) * ROWS:,} rows: {report['seconds']} s, peak {peak} MiB\n")
    broken = _told(report["findings"])
    named = {
        name
        for name in told.broken
        if any(place.endswith(Path(name).name) or f"{Path(name).name}!" in place for place in broken)
    }
    assert set(told.broken) - named == set(), "broken files that nothing is told of"
    assert len(broken) == len(told.broken), sorted(broken)
    assert all(finding["message"] and finding["remedy"] for finding in broken.values())
    indexed = {account["name"]: account["indexed"] for account in report["datasets"]}
    assert indexed == {f"{name}_rows": count * ROWS for name, count in FILES.items()}
    assert all(account["balanced"] for account in report["datasets"])
    assert code == 0, report["failures"] + report["failed_checks"]
    assert peak < MEMORY


def test_where_broken_files_block_exactly_their_datasets_are_red(drop):
    folder, told = drop
    code, report, _ = _run(project(folder / "blocking", folder / "drop", brokenFiles="block"))
    assert code == 1
    red = {f"{Path(name).parts[0]}_rows" for name in told.broken}
    assert {check.partition(":")[0] for check in report["failed_checks"]} == {f"raw/{name}" for name in red}
    assert red <= set(report["blocked"])

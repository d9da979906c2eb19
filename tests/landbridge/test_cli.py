"""The command line as its users meet it: exit codes, one clear line for every fault, documents that match."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from landbridge.cli import app

ROOT = Path(__file__).parents[2]
MARK = "<!-- generated: UPDATE_GOLDEN=1 make test -->\n"
COMMANDS = (
    "init", "check", "run", "approve", "ask", "serve", "dev", "status", "gaps", "readiness", "report", "quarantine",
    "quarantine list", "quarantine show", "quarantine fix", "quarantine release", "quarantine reject", "entities",
    "entities list", "entities show", "entities review", "entities accept", "entities refuse", "peek", "doctor",
    "forget-feed",
)  # fmt: skip


def _told(*words):
    """What a command answers that runs in this process."""
    return CliRunner().invoke(app, words, prog_name="landbridge", catch_exceptions=False)


def _landbridge(*words, folder=ROOT):
    """What a command answers in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LANDBRIDGE_")}
    return subprocess.run(
        [sys.executable, "-m", "landbridge", *words],
        cwd=folder, capture_output=True, text=True, env=environment | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def _help():
    runner = CliRunner()
    told = []
    for name in COMMANDS:
        text = runner.invoke(
            app, [*name.split(), "--help"], prog_name="landbridge", env={"COLUMNS": "100", "TERM": "dumb"}
        ).output
        text = re.sub(r"\s+$", "", re.sub(r"[ \t]+\n", "\n", text))
        told.append(f"### landbridge {name}\n```\n{text.strip()}\n```\n")
    return "\n".join(told)


def test_the_documented_help_is_the_help():
    path = ROOT / "docs" / "cli.md"
    head, _, documented = path.read_text().partition(MARK)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(head + MARK + "\n" + _help())
        return
    assert documented.strip() == _help().strip()


def test_help_loads_nothing_heavy():
    heavy = ("polars", "dagster", "lancedb", "torch", "sqlalchemy")
    code = f"import sys; from landbridge.cli import app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_without_a_project_is_bad_input_in_one_line(tmp_path):
    done = _landbridge("check", "--project", str(tmp_path))
    assert done.returncode == 2
    assert "project.yaml" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("ask", ""),
        ("ask", "x" * 100_000),
        ("ask", "anything", "--limit", "-1"),
        ("ask", "anything", "--as", "nobody-we-know"),
        ("gaps", "--dataset", "no-such"),
        ("gaps", "--fail-on", "sometimes"),
        ("peek", "no-such"),
        ("peek", "orders", "--rows", "0"),
        ("run", "--accept", "no-such"),
    ],
)
def test_bad_input_is_exit_2_and_one_clear_line(shop_folder, words):
    done = _told(*words, "--project", str(shop_folder))
    assert done.exit_code == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_byte_that_is_no_utf_8_is_exit_2_and_one_clear_line(shop_folder):
    done = _landbridge("ask", "caf\udce9", "--project", str(shop_folder))  # as the shell hands it over
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_asking_before_the_first_run_says_what_to_do(shop_folder):
    done = _landbridge("ask", "anything", "--project", str(shop_folder))
    assert done.returncode == 2
    assert "landbridge run" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_run_status_gaps_ask_and_peek_print_their_documented_shapes(shop_folder):
    run = _landbridge("run", "--project", str(shop_folder), "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert {"run_id", "status", "embedded", "index_version", "datasets", "findings", "failures", "blocked"} <= set(
        report
    )
    status = json.loads(_told("status", "--project", str(shop_folder), "--json").stdout)
    row = next(row for row in status["datasets"] if row["name"] == "orders")
    assert {"name", "read", "indexed", "quarantined", "filtered", "duplicate", "failed"} <= set(row)
    gaps = json.loads(_told("gaps", "--project", str(shop_folder), "--json").stdout)
    assert {"rule", "dataset", "count", "severity", "sample_keys", "evidence"} <= set(gaps[0])
    answer = json.loads(_landbridge("ask", "Order 7", "--project", str(shop_folder), "--json").stdout)
    assert answer["hits"][0]["citation"]["source"] == "till"
    peek = json.loads(_told("peek", "customers", "--project", str(shop_folder), "--json").stdout)
    assert peek["rows"][0]["MAIL"] == "***"
    table = _told("status", "--project", str(shop_folder))
    assert "orders" in table.stdout
    assert table.exit_code == 0


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_secret_without_a_value_is_bad_input_and_named(shop, command):
    shop.write("sources/till.yaml", {"name": "till", "kind": "sql", "location": "${env:NO_SUCH_TILL}"})
    done = _told(command, "--project", str(shop.folder))
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "the secret ${env:NO_SUCH_TILL} has no value here. Set the environment variable NO_SUCH_TILL."
    ]


@pytest.mark.usefixtures("ran")
def test_an_unknown_question_is_answered_with_not_known(shop):
    shop.write("project.yaml", {"name": "shop", "model": "hashed-words", "minSimilarity": 0.9})  # hashes collide
    done = _told("ask", "zzzz qqqq", "--project", str(shop.folder))
    assert done.exit_code == 0
    assert "Not known" in done.stdout


def test_the_commands_of_the_readme_exist():
    told = set(re.findall(r"^landbridge (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert told <= set(COMMANDS)
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make (\w+)`?", (ROOT / "README.md").read_text()):
        assert f"\n{target}:" in makefile


def test_forgetting_the_feed_of_a_dataset_that_has_none_is_refused_in_one_line(shop):
    done = _told("forget-feed", "orders", "--project", str(shop.folder))
    assert done.exit_code == 1
    assert "sqlite has no change log that is understood" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

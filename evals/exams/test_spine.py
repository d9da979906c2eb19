"""The whole way on the full example: counts to the row, no work without change, and every break named.

Run by `make exam`. It seeds its own copy of `examples/airline`, so nothing of the reader's is touched.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.exam
ROOT = Path(__file__).parents[2]
DATASETS = {"aircraft", "airlines", "airports", "crew", "facilities", "flights", "guides", "weather"}


class Airline:
    """A private copy of the example and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def landbridge(self, *words: str) -> tuple[int, object, str]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("LANDBRIDGE_", "DAGSTER_"))
        }
        done = subprocess.run(
            [sys.executable, "-m", "landbridge", *words, "--project", str(self.folder), "--json"],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def sql(self, *statements: str) -> None:
        with sqlite3.connect(self.folder / "systems" / "ops.db") as database:
            for statement in statements:
                database.execute(statement)
        database.close()


@pytest.fixture(scope="module")
def airline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("airline") / "airline"
    shutil.copytree(ROOT / "examples" / "airline", folder, ignore=shutil.ignore_patterns("systems", ".landbridge"))
    subprocess.run([sys.executable, str(folder / "seed.py")], check=True, timeout=300)
    one = Airline(folder)
    code, report, told = one.landbridge("run")
    assert code == 0, told
    one.first = report
    return one


def _gaps(airline):
    code, found, _ = airline.landbridge("gaps")
    assert code == 0
    return {finding["rule"]: finding for finding in found}


def test_every_row_of_every_dataset_is_accounted_for(airline):
    code, status, _ = airline.landbridge("status")
    assert code == 0
    rows = {row["name"]: row for row in status["datasets"]}
    assert set(rows) == DATASETS
    assert rows["flights"]["read"] == 336_776
    assert rows["aircraft"]["read"] == 3_322
    assert rows["airports"]["read"] == 1_458
    assert rows["weather"]["read"] == 26_115
    for row in rows.values():
        parts = ("indexed", "quarantined", "filtered", "duplicate", "failed")
        assert row["read"] == sum(row[part] for part in parts), row


def test_the_gap_report_holds_with_its_evidence(airline):
    gaps = _gaps(airline)
    unregistered = gaps["flights-without-registry-record"]
    assert unregistered["count"] == 50_094
    assert unregistered["evidence"]["distinct_keys"] == 721
    assert gaps["tail-number-missing"]["count"] == 2_512
    unlisted = gaps["destination-not-listed"]
    assert unlisted["count"] == 7_602
    assert set(unlisted["sample_keys"]) == {"SJU", "BQN", "STT", "PSE"}
    assert set(unlisted["evidence"]["known_elsewhere"]["facilities.code"]["keys"]) == {"SJU", "BQN", "STT", "PSE"}
    assert {rule for rule in gaps if rule.startswith("registers-disagree/")}
    assert any(finding["unit"] == "periods" and finding["count"] > 0 for finding in gaps.values())


def test_nothing_changed_means_no_text_embedded_and_no_new_version(airline):
    code, report, _ = airline.landbridge("run")
    assert code == 0
    assert report["embedded"] == 0
    assert report["index_version"] == airline.first["index_version"]


def test_the_question_about_san_juan_is_answered_with_cited_unregistered_aircraft(airline):
    _, answer, _ = airline.landbridge("ask", "Which aircraft flew to San Juan without a registry record?")
    assert answer["known"]
    told = [hit for hit in answer["hits"] if hit["kind"] == "unregistered_aircraft"]
    assert told
    assert all(hit["citation"]["source"] == "ops" for hit in told)
    assert all("San Juan" in hit["text"] for hit in told)


def test_ten_deleted_ten_changed_ten_added_flights_follow_and_little_is_embedded(airline):
    airline.sql(
        "DELETE FROM FLT_LEG WHERE rowid IN (SELECT rowid FROM FLT_LEG WHERE CARR='HA' ORDER BY rowid LIMIT 10)",
        "UPDATE FLT_LEG SET DEPDLY = 555 WHERE rowid IN "
        "(SELECT rowid FROM FLT_LEG WHERE CARR='AS' ORDER BY rowid LIMIT 10)",
        "INSERT INTO FLT_LEG SELECT FLTDT, CARR, FLTNO + 7000, TAILNO, ORIG, DEST, SCHDEP, ACTDEP, SCHARR, ACTARR, "
        "DEPDLY, ARRDLY, AIRTM, DISTMI FROM FLT_LEG WHERE CARR='F9' ORDER BY rowid LIMIT 10",
    )
    code, report, told = airline.landbridge("run")
    assert code == 0, told
    flights = next(row for row in report["datasets"] if row["name"] == "flights")
    assert flights["read"] == flights["indexed"] == 336_776
    assert (
        0 < report["embedded"] < 60
    )  # the routes, airlines and aircraft of at most 30 flights, of some 8,000 documents
    _, answer, _ = airline.landbridge("ask", "Hawaiian Airlines flights from JFK to Honolulu")
    assert "332 flights" in " ".join(hit["text"] for hit in answer["hits"]), answer


def test_a_chunk_deleted_behind_our_back_turns_the_check_red_with_its_key_and_the_next_run_heals_it(airline):
    import lancedb

    table = lancedb.connect(airline.folder / ".landbridge" / "index").open_table("chunks")
    table.delete("dataset = 'airlines' AND key = 'HA'")
    table.tags.update("live", table.version)
    code, report, told = airline.landbridge("run")
    assert code == 1
    assert any("airlines" in check for check in report["failed_checks"]), told
    broken = next(row for row in report["datasets"] if row["name"] == "airlines")
    assert "HA" in " ".join(broken["missing_keys"])
    code, report, told = airline.landbridge("run")
    assert code == 0, told


def test_a_database_that_is_down_is_one_clear_line_and_the_last_index_still_answers(airline):
    database = airline.folder / "systems" / "ops.db"
    database.rename(database.with_suffix(".away"))
    try:
        code, report, told = airline.landbridge("run")
        assert code == 1
        assert any("ops" in failure for failure in report["failures"]), told
        _, answer, _ = airline.landbridge("ask", "Hawaiian Airlines")
        assert answer["known"]
    finally:
        database.with_suffix(".away").rename(database)


def test_a_shifted_weather_column_blocks_and_the_last_index_still_answers(airline):
    path = airline.folder / "systems" / "weather" / "weather_hourly.csv"
    whole = path.read_bytes()
    header, rest = whole.split(b"\n", 1)
    shifted = b"\n".join(b"X;" + line.rsplit(b";", 1)[0] for line in rest.split(b"\n") if line)
    try:
        path.write_bytes(header + b"\n" + shifted + b"\n")
        code, report, told = airline.landbridge("run")
        assert code == 1
        assert "weather" in report["blocked"], told
        _, answer, _ = airline.landbridge("ask", "weather at JFK in January")
        assert answer["known"]
    finally:
        path.write_bytes(whole)


def test_a_truncated_registry_export_is_refused_and_names_what_is_missing(airline):
    path = airline.folder / "systems" / "registry" / "aircraft_registry.txt"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[: len(whole) // 2])
        code, report, told = airline.landbridge("run")
        assert code == 1
        (refused,) = [finding for finding in report["findings"] if finding["rule"] == "source-readable"]
        assert refused["dataset"] == "aircraft"
        assert "without a trailer" in refused["message"], told
        _, answer, _ = airline.landbridge("ask", "What do we know about N14228?")
        assert answer["hits"][0]["key"] == "N14228"
    finally:
        path.write_bytes(whole)
    code, _, told = airline.landbridge("run")
    assert code == 0, told

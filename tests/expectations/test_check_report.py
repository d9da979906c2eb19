"""Results of every rule, and the report made of them: complete, escaped, and without a value that may not be told."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import expectations
from catalog.models import Project, Source
from expectations.check_report import check_report, gap_report, preview
from expectations.results import gap_results

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


def checked(dataset, frame):
    report = expectations.check(frame, dataset)
    made = check_report(
        dataset,
        report.results,
        report.findings,
        verdict=report.verdict,
        rows={"read": frame.height, "ready": report.passed.height},
        checked_at=NOW,
    )
    return report, made


@pytest.fixture
def trips(make):
    rules = (
        make.rule("not_null", "x", name="there"),
        make.rule("in_set", "x", values=("a", "b"), tolerance=0.5, name="known"),
        make.rule("range", "n", min=0, max=5, action="block", name="small"),
        make.rule("row_count", min=3, max=None, action="block", name="enough"),
        make.rule("expectation", type="expect_column_values_to_be_nothing", kwargs={}, name="nonsense"),
    )
    return make.contract(make.field("x"), make.field("n", "integer"), rules=rules)


def test_every_rule_has_a_result_whether_it_holds_or_not(make, trips):
    report, _ = checked(trips, make.rows(trips, x=["a", None, "c"], n=[1, 7, 2]))
    told = {one.rule: (one.verdict, one.count, one.subject, one.blocking) for one in report.results}
    assert told == {
        "there": ("failed", 1, 3, False),
        "known": ("passed", 1, 2, False),
        "small": ("failed", 1, 3, True),
        "enough": ("passed", 0, None, False),
        "nonsense": ("errored", 1, None, True),
    }
    assert report.results[0].sample_keys == ("2",)
    assert report.results[1].share == pytest.approx(0.5)
    assert report.results[0].place == "datasets/trips.odcs.yaml:7"


def test_over_no_rows_no_rule_about_rows_is_called_kept(make, trips):
    frame = make.rows(trips, x=pl.Series([], dtype=pl.String), n=pl.Series([], dtype=pl.Int64))
    report, made = checked(trips, frame)
    told = {one.rule: one.verdict for one in report.results}
    assert told["there"] == told["known"] == told["small"] == "unjudged"
    assert told["enough"] == "failed"
    assert report.verdict == "block"
    assert "passed" not in made.html.split("<main>")[1].split("</dl>")[0]


def test_a_row_count_that_is_broken_counts_as_one_check_and_tells_the_rows_it_saw(make):
    rule = make.rule("row_count", min=9, max=None, action="block")
    dataset = make.contract(make.field("x"), rules=(rule,))
    report, _ = checked(dataset, make.rows(dataset, x=["a"]))
    (one,) = report.results
    assert (one.count, one.unit, one.observed) == (1, "checks", 1)


def test_the_report_tells_each_rule_with_its_outcome_its_keys_and_what_to_do(make, trips):
    _, made = checked(trips, make.rows(trips, x=["a", None, "c"], n=[1, 7, 2]))
    for told in ("block", "there", "errored", "33.3%", "datasets/trips.odcs.yaml:7", "the-owner", "Correct the rows"):
        assert told in made.html
    assert json.loads(json.dumps(made.json))["results"][0]["rule"] == "there"
    assert made.json["checked_at"] == "2026-03-01T02:00:00+00:00"
    assert "5 rules: 2 passed, 2 failed, 1 errored" in preview(checked(trips, make.rows(
        trips, x=["a", None, "c"], n=[1, 7, 2]))[0].results)  # fmt: skip


def test_names_titles_values_and_keys_that_look_like_markup_are_text(make):
    rules = (make.rule("in_set", "x", values=(HOSTILE,), name=HOSTILE),)
    dataset = make.contract(make.field("x"), rules=rules).model_copy(update={"title": HOSTILE, "owner": HOSTILE})
    report, made = checked(dataset, make.rows(dataset, x=[f"{HOSTILE}!"]))
    assert "<script" not in made.html
    assert "&lt;script&gt;" in made.html
    assert "<script" not in preview(report.results)


def test_no_value_and_no_key_that_may_not_be_told_stands_in_results_or_reports(make):
    secret = "someone@example.org"
    mail = make.field("mail", personal=True)
    rules = (
        make.rule("pattern", "mail", regex="^x$", name="shape"),
        make.rule("sql", query="SELECT max(mail) FROM {batch}", min=0, max=1, action="report", name="largest"),
        make.rule("expectation", "mail", type="expect_column_max_to_be_between", action="report",
                  kwargs={"column": "mail", "max_value": "a"}, name="top"),
    )  # fmt: skip
    dataset = make.contract(mail, rules=rules)
    report, made = checked(dataset, make.rows(dataset, mail=[secret, "other@example.org"]))
    assert report.verdict == "block"  # the query's text could not be compared with a number
    for text in (made.html, json.dumps(made.json), preview(report.results)):
        assert "example.org" not in text


def test_a_gap_rule_passes_only_where_nothing_was_found_in_its_name(make):
    rules = (
        make.gap("missing_value", name="x-there", field="x"),
        make.gap("missing_value", name="n-there", field="n"),
        make.gap("missing_reference", name="elsewhere", fields=("x",), to_dataset="ports", to_fields=("id",)),
    )
    trips = make.contract(make.field("x"), make.field("n", "integer"), gap_rules=rules)
    ports = make.contract(name="ports")
    project = make.project(trips, ports)
    frames = {"trips": make.rows(trips, x=["a", None], n=[1, 2])}
    findings = expectations.gaps(project, frames).findings
    told = {one.rule: one.verdict for one in gap_results(project, findings)}
    assert told == {"x-there": "failed", "n-there": "passed", "elsewhere": "errored"}


def test_the_gap_report_shows_the_rows_behind_each_gap(make):
    rule = make.gap("missing_value", name="x-there", field="x", title=HOSTILE, owner="harbour office")
    trips = make.contract(make.field("x"), gap_rules=(rule,))
    source = Source(name="files", kind="csv", location=".", place=rule.place)
    project = Project(name="harbour", folder=Path(), sources={"files": source}, datasets={"trips": trips})
    findings = expectations.gaps(project, {"trips": make.rows(trips, x=["a", None])}).findings
    made = gap_report(project, gap_results(project, findings), findings, checked_at=NOW)
    assert "<script" not in made.html
    assert "trips / x-there" in made.html
    assert "50.0%" in made.html
    assert "harbour office" in made.html
    assert [one["rule"] for one in made.json["results"]] == ["x-there"]


def test_a_report_without_gaps_says_so(make):
    made = gap_report(make.project(make.contract()), (), (), checked_at=NOW)
    assert "No gap is open." in made.html

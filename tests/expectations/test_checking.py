"""What passes, what is set aside, what is found: every kind of rule, the accounting, and what may not be told."""

import json
from datetime import date, time
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import expectations

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # a check takes 0.1 s: shrinking would take minutes

KINDS = [
    # kind, arguments, type of the field, a value that passes, a value that fails
    ("not_null", {}, "string", "a", None),
    ("in_set", {"values": ("a", "it's {b}: 5%")}, "string", "it's {b}: 5%", "c"),
    ("in_set", {"values": (1, 2)}, "integer", 1, 3),
    ("in_set", {"values": (True,)}, "boolean", True, False),
    ("in_set", {"values": ("2024-02-29",)}, "date", date(2024, 2, 29), date(2024, 3, 1)),
    ("pattern", {"regex": r"^(?:N|D)\d{2}$"}, "string", "N12", "x"),
    ("pattern", {"regex": r"\d"}, "string", "a1", "a\u0661"),
    ("pattern", {"regex": "^.b$"}, "string", "äb", "b\nb"),
    ("range", {"min": 0, "max": 9}, "integer", 9, 10),
    ("range", {"min": 0.5, "max": None}, "integer", 1, 0),
    ("range", {"min": 2**60 + 1, "max": None}, "integer", 2**60 + 1, 2**60),
    ("range", {"min": None, "max": 0.1}, "number", 0.1, 0.11),
    ("range", {"min": "2024-01-01", "max": "2024-12-31"}, "date", date(2024, 12, 31), date(2025, 1, 1)),
    (
        "range",
        {"min": "2024-01-01T02:30:00Z", "max": None},
        "timestamp",
        "2024-01-01T02:30:00Z",
        "2024-01-01T02:29:59Z",
    ),
    ("range", {"min": "06:00", "max": "22:00:00"}, "time", time(22), time(22, 0, 1)),
    ("range", {"min": "10", "max": "9"}, "string", "5", "91"),
    ("length", {"min": 2, "max": 3}, "string", "äöü", "äöüß"),
]


@pytest.mark.parametrize(("kind", "arguments", "type_", "good", "bad"), KINDS)
def test_a_row_rule_sets_aside_the_row_that_breaks_it_and_no_other(make, kind, arguments, type_, good, bad):
    dataset = make.contract(make.field("x", type_), rules=(make.rule(kind, "x", **arguments),))
    report = expectations.check(make.rows(dataset, x=pl.Series([good, bad, good])), dataset)
    assert report.passed["_key"].to_list() == ["1", "3"]
    assert report.quarantined["_key"].to_list() == ["2"]
    assert [(finding.rule, finding.count, finding.sample_keys) for finding in report.findings] == [
        (f"x-{kind}", 1, ("2",))
    ]
    assert report.verdict == "quarantine"


def test_exact_numbers_are_compared_exactly(make):
    price = make.field("price", "number", scale=2)
    rules = (
        make.rule("range", "price", min=0.10, max=99.995),
        make.rule("in_set", "price", values=(0.1, 0.105, 99.99), action="report"),
    )
    dataset = make.contract(price, rules=rules)
    report = expectations.check(make.rows(dataset, price=["0.10", "0.09", "99.99", "100.00", None]), dataset)
    assert report.quarantined["_key"].to_list() == ["2", "4"]
    assert {finding.rule: finding.count for finding in report.findings} == {"price-range": 2, "price-in_set": 2}
    assert report.passed["price"].to_list() == [Decimal("0.10"), Decimal("99.99"), None]


@pytest.mark.parametrize("kind", ["in_set", "pattern", "range", "length"])
def test_a_row_without_a_value_breaks_no_rule_but_not_null(make, kind):
    arguments = {"in_set": {"values": ("a",)}, "pattern": {"regex": "a"}, "range": {"min": "a"}, "length": {"min": 1}}
    dataset = make.contract(make.field("x"), rules=(make.rule(kind, "x", **arguments[kind]),))
    assert expectations.check(make.rows(dataset, x=["a", None]), dataset).verdict == "pass"


def test_all_rows_that_share_a_value_break_unique(make):
    rule = make.rule("unique", "x", fields=("x",))
    dataset = make.contract(make.field("x"), rules=(rule,))
    report = expectations.check(make.rows(dataset, x=["a", "b", "a", None, None]), dataset)
    assert report.quarantined["_key"].to_list() == ["1", "3"]


def test_fields_that_are_unique_together_may_repeat_apart_and_a_missing_part_is_no_repetition(make):
    rule = make.rule("unique", fields=("x", "y"))
    dataset = make.contract(make.field("x"), make.field("y"), rules=(rule,))
    frame = make.rows(dataset, x=["a", "a", "a", "b", "b"], y=["1", "2", "2", None, None])
    assert expectations.check(frame, dataset).quarantined["_key"].to_list() == ["2", "3"]


@pytest.mark.parametrize(("least", "verdict"), [(2, "pass"), (3, "block")])
def test_a_critical_row_count_blocks(make, least, verdict):
    dataset = make.contract(make.field("x"), rules=(make.rule("row_count", min=least, max=None, action="block"),))
    report = expectations.check(make.rows(dataset, x=["a", "b"]), dataset)
    assert report.verdict == verdict
    assert all(finding.blocking and finding.count == 2 for finding in report.findings)


SQL = [
    ("SELECT count(*) FROM {batch} b JOIN {batch} c USING (id) WHERE b.x LIKE 'a%'", 1, "pass"),
    ("SELECT count(*) FROM {batch} WHERE x LIKE 'a%';", 0, "block"),
    ("SELECT count(*) FROM {batch} WHERE regexp_matches(x, '(?:a){1}') -- two", 1, "pass"),
    ("SELECT max(length(x)) FROM {batch} WHERE x = 'nobody'", 9, "block"),  # no value is no pass
    ("SELECT id FROM {batch}", 9, "block"),  # two values are an error
    ("SELECT count(*) FROM {batch}, read_csv('/etc/hostname')", 9, "block"),  # nothing but the rows is read
    ("SELECT nonsense FROM {batch}", 9, "block"),
]


@pytest.mark.parametrize(("query", "most", "verdict"), SQL)
def test_a_query_of_the_contract_must_give_one_value_within_its_limits(make, query, most, verdict):
    rule = make.rule("sql", query=query, min=0, max=most, action="block")
    dataset = make.contract(make.field("x"), rules=(rule,))
    assert expectations.check(make.rows(dataset, x=["a", "b"]), dataset).verdict == verdict


@pytest.mark.parametrize(("bad", "verdict"), [(5, "pass"), (6, "block")])
@pytest.mark.parametrize(
    ("kind", "arguments"), [("not_null", {}), ("pattern", {"regex": "a"}), ("in_set", {"values": ("a",)})]
)
def test_with_a_tolerance_a_rule_judges_the_dataset_and_moves_no_row(make, kind, arguments, bad, verdict):
    dataset = make.contract(make.field("x"), rules=(make.rule(kind, "x", tolerance=0.05, **arguments),))
    values = [None if kind == "not_null" else "b"] * bad + ["a"] * (100 - bad)
    report = expectations.check(make.rows(dataset, x=values), dataset)
    assert (report.verdict, report.quarantined.height, report.passed.height) == (verdict, 0, 100)


EXPECTATIONS = [
    ("expect_column_value_lengths_to_equal", {"column": "x", "value": 1}, ["2"]),
    ("expect_column_values_to_match_regex", {"column": "x", "regex": "^.$"}, ["2"]),
    ("expect_column_values_to_not_match_regex", {"column": "x", "regex": "bb"}, ["2"]),
    ("expect_column_pair_values_to_be_equal", {"column_A": "x", "column_B": "y"}, ["3"]),
    ("expect_compound_columns_to_be_unique", {"column_list": ["x", "y"]}, ["1", "2"]),
    ("expect_select_column_values_to_be_unique_within_record", {"column_list": ["x", "y"]}, ["1", "2"]),
]


@pytest.mark.parametrize(("kind", "kwargs", "bad"), EXPECTATIONS)
def test_an_expectation_of_the_library_names_its_failing_rows(make, kind, kwargs, bad):
    rule = make.rule("expectation", kwargs.get("column"), type=kind, kwargs=kwargs)
    dataset = make.contract(make.field("x"), make.field("y"), rules=(rule,))
    values = {"x": ["a", "bb", "c"], "y": ["a", "bb", "d"]}
    if "compound" in kind:
        values = {"x": ["a", "a", "a"], "y": ["b", "b", "c"]}
    report = expectations.check(make.rows(dataset, **values), dataset)
    assert report.quarantined["_key"].to_list() == bad
    assert [finding.blocking for finding in report.findings] == [False]


def test_an_expectation_lists_all_its_failing_rows_and_not_only_the_first_twenty(make):
    kwargs = {"column": "x", "value": 1}
    rule = make.rule("expectation", "x", type="expect_column_value_lengths_to_equal", kwargs=kwargs)
    dataset = make.contract(make.field("x"), rules=(rule,))
    report = expectations.check(make.rows(dataset, x=["long"] * 300 + ["s"]), dataset)
    assert (report.quarantined.height, report.passed.height) == (300, 1)
    (finding,) = report.findings
    assert (finding.count, len(finding.sample_keys)) == (300, 20)


@pytest.mark.parametrize(("least", "verdict"), [(1, "pass"), (3, "block")])
def test_an_expectation_about_the_dataset_judges_it_and_tells_what_it_saw(make, least, verdict):
    kwargs = {"column": "n", "min_value": least}
    rule = make.rule("expectation", "n", type="expect_column_mean_to_be_between", kwargs=kwargs, action="block")
    dataset = make.contract(make.field("n", "number"), rules=(rule,))
    report = expectations.check(make.rows(dataset, n=[1.0, 2.0]), dataset)
    assert report.verdict == verdict
    assert [finding.evidence["observed"] for finding in report.findings] == ([1.5] if verdict == "block" else [])


CRASHES = [
    ("expect_column_values_to_be_in_set", {"column": "nowhere", "value_set": [1]}),
    ("expect_column_mean_to_be_between", {"column": "x", "min_value": 1}),
    ("expect_column_values_to_match_like_pattern", {"column": "x", "like_pattern": "a%"}),
    ("expect_colum_values_to_be_unique", {"column": "x"}),
    ("expect_column_values_to_be_unique", {"colunm": "x"}),
    ("expect_column_values_to_match_regex", {"column": "x", "regex": "(?=a)"}),
]


@pytest.mark.parametrize(("kind", "kwargs"), CRASHES)
def test_an_expectation_that_cannot_be_evaluated_is_an_error_that_blocks_and_takes_no_other_down(make, kind, kwargs):
    rules = (
        make.rule("expectation", "x", type=kind, kwargs=kwargs, severity="info", action="report", name="broken"),
        make.rule("length", "x", min=2, max=None, name="sound"),
        make.rule("pattern", "x", regex="b", name="sound too"),
    )
    dataset = make.contract(make.field("x"), rules=rules)
    report = expectations.check(make.rows(dataset, x=["ab", "a", "bb"]), dataset)
    found = {finding.rule: finding for finding in report.findings}
    assert (report.verdict, report.quarantined["_key"].to_list()) == ("block", ["2"])
    assert found["broken"].evidence["status"] == "errored"
    assert (found["broken"].severity, found["broken"].blocking) == ("critical", True)
    assert (found["sound"].count, found["sound too"].count) == (1, 1)


def test_a_misspelt_expectation_is_named_with_what_was_probably_meant(make):
    rule = make.rule("expectation", "x", type="expect_colum_values_to_be_unique", kwargs={"column": "x"})
    dataset = make.contract(make.field("x"), rules=(rule,))
    (finding,) = expectations.check(make.rows(dataset, x=["a"]), dataset).findings
    assert "Did you mean 'expect_column_values_to_be_unique'?" in finding.message


def test_two_counts_that_differ_block_whatever_the_severity(make, monkeypatch):
    from expectations import judging

    rule = make.rule("length", "x", min=2, max=None, severity="info", action="report")
    dataset = make.contract(make.field("x"), rules=(rule,))
    monkeypatch.setattr(judging, "failing", lambda rule, dataset: pl.col("x").is_not_null())
    report = expectations.check(make.rows(dataset, x=["ab", "a"]), dataset)
    (finding,) = report.findings
    assert "Two implementations disagree" in finding.message
    assert (finding.severity, finding.blocking, finding.evidence["great_expectations"], finding.evidence["listed"]) == (
        "critical", True, 1, 2,
    )  # fmt: skip


def test_a_rule_that_reports_leaves_the_row_and_one_that_blocks_blocks(make):
    rules = (
        make.rule("not_null", "x", action="report", severity="warning"),
        make.rule("not_null", "y", action="block"),
    )
    dataset = make.contract(make.field("x"), make.field("y"), rules=rules)
    report = expectations.check(make.rows(dataset, x=["a", None], y=["a", "b"]), dataset)
    assert (report.verdict, report.passed.height) == ("pass", 2)
    assert [(finding.rule, finding.severity) for finding in report.findings] == [("x-not_null", "warning")]
    assert expectations.check(make.rows(dataset, x=["a", "a"], y=["a", None]), dataset).verdict == "block"


def test_no_row_at_all_blocks_even_without_a_rule(make):
    dataset = make.contract(make.field("x"))
    report = expectations.check(make.rows(dataset, x=[], id=[]), dataset)
    assert (report.verdict, [finding.rule for finding in report.findings]) == ("block", ["rows-present"])


def test_rows_that_are_all_out_of_scope_block(make):
    dataset = make.contract(make.field("x"), keep={"x": ("A",)})
    report = expectations.check(make.rows(dataset, x=["a", "b"]), dataset)
    assert (report.verdict, report.filtered) == ("block", 2)
    assert report.findings[0].message == "None of 2 rows is in scope. The last good version stays."


@pytest.mark.parametrize(("bad", "verdict"), [(2, "quarantine"), (3, "block")])
def test_too_large_a_share_in_quarantine_blocks(make, bad, verdict):
    dataset = make.contract(make.field("x"), rules=(make.rule("not_null", "x"),), quarantine_threshold=0.2)
    report = expectations.check(make.rows(dataset, x=[None] * bad + ["a"] * (10 - bad)), dataset)
    assert report.verdict == verdict
    assert ("quarantine-threshold" in {finding.rule for finding in report.findings}) == (verdict == "block")


@pytest.mark.parametrize(
    ("mode", "passed", "quarantined", "filtered"),
    [("quarantine_row", ["1"], ["2"], 0), ("discard_value", ["1", "2"], [], 0), ("discard_row", ["1"], [], 1)],
)
def test_an_unreadable_value_goes_where_its_field_says_and_is_always_told(make, mode, passed, quarantined, filtered):
    dataset = make.contract(make.field("day", "date", on_bad_value=mode))
    report = expectations.check(make.rows(dataset, day=["2024-02-29", "2024-02-30"]), dataset)
    assert (report.passed["_key"].to_list(), report.quarantined["_key"].to_list(), report.filtered) == (
        passed, quarantined, filtered,
    )  # fmt: skip
    (finding,) = report.findings
    assert (finding.rule, finding.count, finding.evidence["values"]) == ("day-readable", 1, ["2024-02-30"])
    if quarantined:
        assert report.quarantined.select("rule", "field", "value", "reason").row(0) == (
            "day-readable", "day", "2024-02-30", "not a date",
        )  # fmt: skip


def test_an_unreadable_value_of_the_field_that_decides_the_scope_is_not_silently_out_of_scope(make):
    dataset = make.contract(make.field("n", "integer"), keep={"n": ("1",)})
    report = expectations.check(make.rows(dataset, n=["1", "2", "one"]), dataset)
    assert (report.passed.height, report.quarantined.height, report.filtered) == (1, 1, 1)
    assert [(finding.rule, finding.count) for finding in report.findings] == [("n-readable", 1)]


def test_a_row_without_its_key_is_in_quarantine_by_its_place(make):
    dataset = make.contract(make.field("x"))
    frame = make.rows(dataset, id=[1, None], x=["a", "b"], _location=["f.csv"] * 2, _position=[2, 3])
    report = expectations.check(frame, dataset)
    assert report.quarantined.select("rule", "_location", "_position").rows() == [("primary-key-present", "f.csv", 3)]
    assert report.findings[0].sample_keys == ("f.csv:3",)


def test_a_row_that_breaks_several_rules_is_set_aside_once_with_all_of_them(make):
    rules = (
        make.rule("length", "x", min=3, max=None),
        make.rule("pattern", "x", regex="^[a-z]+$"),
        make.rule("not_null", "y"),
    )
    dataset = make.contract(make.field("x"), make.field("y"), rules=rules)
    report = expectations.check(make.rows(dataset, x=["A1", "abc"], y=[None, "b"]), dataset)
    (row,) = report.quarantined.to_dicts()
    assert (row["rule"], row["rules"]) == ("x-length", ["x-length", "x-pattern", "y-not_null"])
    assert (row["field"], row["value"]) == ("x", "A1")
    assert json.loads(row["row"]) == {"id": "1", "x": "A1", "y": None}


def test_the_quarantine_survives_parquet(make, tmp_path):
    dataset = make.contract(make.field("x"), rules=(make.rule("not_null", "x"),))
    for values in (["a", None], ["a", "b"]):
        report = expectations.check(make.rows(dataset, x=values), dataset)
        report.quarantined.write_parquet(tmp_path / "q.parquet")
        assert pl.read_parquet(tmp_path / "q.parquet").equals(report.quarantined)
        assert pl.read_parquet(tmp_path / "q.parquet").schema == report.quarantined.schema


def test_what_passes_has_the_fields_of_the_contract_and_where_they_come_from(make):
    dataset = make.contract(make.field("x"))
    assert expectations.check(make.rows(dataset, x=["a"]), dataset).passed.columns == [
        "id", "x", "_location", "_position", "_key",
    ]  # fmt: skip


def test_a_finding_has_an_owner_a_remedy_a_share_and_values(make):
    dataset = make.contract(make.field("x"), rules=(make.rule("in_set", "x", values=("a",)),))
    (finding,) = expectations.check(make.rows(dataset, x=["a", "b", "b", "c"]), dataset).findings
    assert (finding.owner, finding.stage, finding.severity) == ("the-owner", "ready", "critical")
    assert "datasets/trips.odcs.yaml:7" in finding.remedy
    assert finding.evidence == {
        "expected": "'x' must be one of a", "columns": ["x"], "share": 0.75, "values": ["b", "c"],
    }  # fmt: skip
    assert finding.message == "3 rows of 4 break 'x-in_set': 'x' must be one of a."
    json.dumps(finding.model_dump(mode="json"))


SECRET = "first@example.org"
SECRETS = [{"personal": True}, {"mask": "pseudonym"}, {"classification": 2}, {"classification": 3, "mask": "drop"}]


@pytest.mark.parametrize("label", SECRETS)
def test_a_value_that_may_not_be_told_is_in_no_finding_and_not_in_the_quarantine(make, label, caplog, capfd):
    kwargs = {"column": "mail", "value_set": ["x"]}
    rules = (
        make.rule("pattern", "mail", regex="^x"),
        make.rule("in_set", "mail", values=("x",), tolerance=0.1),
        make.rule("unique", fields=("mail", "x")),
        make.rule("expectation", "mail", type="expect_column_values_to_be_in_set", kwargs=kwargs, name="listed"),
        make.rule(
            "expectation", "mail", type="expect_column_distinct_values_to_be_in_set", kwargs=kwargs, name="distinct"
        ),
        make.rule(
            "expectation", "mail", type="expect_column_mean_to_be_between", kwargs={"column": "mail", "min_value": 1}
        ),
        make.rule("sql", query="SELECT max(mail) FROM {batch}", min=0, max=1, name="max"),
        make.rule("sql", query="SELECT max(CAST(mail AS BIGINT)) FROM {batch}", min=0, max=1, name="cast"),
    )
    dataset = make.contract(make.field("mail", **label), make.field("x"), make.field("n", "integer"), rules=rules)
    frame = make.rows(dataset, mail=[SECRET, SECRET, None], x=["b", "b", "b"], n=["1", "2", "three"])
    report = expectations.check(frame, dataset)
    told = json.dumps([finding.model_dump(mode="json") for finding in report.findings])
    told += json.dumps(report.quarantined.to_dicts()) + caplog.text + "".join(capfd.readouterr())
    assert SECRET not in told
    assert report.quarantined["value"].to_list() == ["***", "***", "three"]
    assert not [record for record in caplog.records if SECRET in str(record.__dict__)]


def test_rows_are_named_by_their_place_where_the_key_is_personal(make):
    person = make.field("person", key_position=2, personal=True)
    dataset = make.contract(person, make.field("x"), rules=(make.rule("not_null", "x"),))
    report = expectations.check(
        make.rows(dataset, person=["Ada", "Ben"], x=["a", None], _location=["p.csv"] * 2), dataset
    )
    assert report.findings[0].sample_keys == ("p.csv:2",)
    assert report.quarantined["_key"].to_list() == ["***"]
    assert "Ben" not in str(report.quarantined.to_dicts())


def test_a_frame_that_was_not_normalized_is_refused(make):
    with pytest.raises(ValueError, match="normalize it first"):
        expectations.check(pl.DataFrame({"id": [1]}), make.contract())


CELLS = {
    "id": st.sampled_from(["1", "2", "3", "x", "", None]),
    "day": st.sampled_from(["2024-01-01", "32", None]),
    "n": st.sampled_from(["1", "x", None]),
    "scope": st.sampled_from(["in", "out", None]),
}


@settings(max_examples=40, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(st.fixed_dictionaries(CELLS), max_size=15))
def test_every_row_ends_in_exactly_one_place(make, data):
    rules = (make.rule("not_null", "day"), make.rule("in_set", "n", values=(1,)))
    fields = (make.field("day", "date"), make.field("n", "integer", on_bad_value="discard_row"), make.field("scope"))
    dataset = make.contract(*fields, rules=rules, keep={"scope": ("in",)})
    columns = {name: pl.Series([row[name] for row in data], dtype=pl.String) for name in CELLS}
    report = expectations.check(make.rows(dataset, **columns), dataset)
    assert len(data) == report.passed.height + report.quarantined.height + report.filtered + report.duplicate
    assert (report.verdict == "block") == any(finding.blocking for finding in report.findings)

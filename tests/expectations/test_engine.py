"""Great Expectations on DuckDB over Polars: it works, and counts what Polars and its own pandas engine count."""

import subprocess
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import expectations

ROOT = Path(__file__).parents[2]
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # a check takes 0.1 s: shrinking would take minutes
WORDS = ["", "a", "A", "äß", "0", "É", "\uff11", "\u0661", "a\nb", "a\n", "it's", "{x}", "%s", ":a", "\u00a0", "\u017f"]
PATTERNS = [
    r"^\w+$", r"\d", r"\s", "^.$", r"\ba\b", "[^a]", r"[\d-]", "(?i)É", "a|$", r"\W", ":a", "{x}", "a{1,2}", r"\p{Lu}",
    "(?i)s",
]  # fmt: skip
LETTERS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4)
TYPES = {
    "text": ("string", pl.String, st.one_of(LETTERS, st.sampled_from(WORDS))),
    "number": ("number", pl.Float64, st.one_of(st.floats(-2, 12), st.sampled_from([-0.0, 0.0, 9.0, 9.5]))),
    "whole": ("integer", pl.Int64, st.integers(-3, 12)),
    "exact": ("number", pl.Decimal(38, 2), st.decimals(-1, 12, places=2)),
    "day": ("date", pl.Date, st.dates(date(1999, 12, 29), date(2000, 1, 3))),
    "moment": ("timestamp", pl.Datetime("us"), st.datetimes(datetime(1999, 12, 31, 22), datetime(2000, 1, 1, 2))),
    "flag": ("boolean", pl.Boolean, st.booleans()),
    "clock": ("time", pl.Time, st.times()),
}  # fmt: skip
ROWS = st.fixed_dictionaries({name: st.one_of(st.none(), values) for name, (_, _, values) in TYPES.items()})
RANGES = {
    "number": (0, 9.5), "whole": (0.5, 9), "exact": (0.25, 9.999), "day": ("2000-01-01", None), "text": ("a", "b"),
    "moment": ("2000-01-01T00:00:00Z", "2000-01-01T02:00:00+01:00"), "clock": ("06:00", "18:30"),
}  # fmt: skip
SETS = {
    "text": ("a", "", "it's", "äß"), "whole": (1, 2), "exact": (1, 2.5), "number": (0.0, 9), "day": ("2000-01-01",),
    "flag": (True,), "moment": ("2000-01-01T00:00:00Z",), "clock": ("00:00",),
}  # fmt: skip


def _every_kind(make, pattern):
    rule = make.rule
    return (
        rule("not_null", "text"),
        rule("pattern", "text", regex=pattern),
        rule("length", "text", min=1, max=2),
        rule("unique", fields=("whole", "flag")),
        *(rule("unique", name, fields=(name,)) for name in TYPES),
        *(rule("range", name, min=low, max=high) for name, (low, high) in RANGES.items()),
        *(rule("in_set", name, values=values) for name, values in SETS.items()),
    )


def _any_rows(examples):
    """A test gets any rows and a pattern, so many times."""
    habits = {"deadline": None, "phases": QUICK, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
    rows = given(data=st.lists(ROWS, min_size=1, max_size=12), pattern=st.sampled_from(PATTERNS))
    return lambda test: settings(max_examples=examples, **habits)(rows(test))


@_any_rows(12)
def test_great_expectations_and_polars_count_the_same_over_any_rows(make, data, pattern):
    _counts_the_same(make, data, pattern)


@pytest.mark.exam
@_any_rows(200)
def test_great_expectations_and_polars_count_the_same_over_many_rows(make, data, pattern):
    _counts_the_same(make, data, pattern)


def _counts_the_same(make, data, pattern):
    fields = [make.field(name, kind, scale=2 if name == "exact" else None) for name, (kind, _, _) in TYPES.items()]
    dataset = make.contract(*fields, rules=_every_kind(make, pattern))
    columns = {name: pl.Series([row[name] for row in data], dtype=dtype) for name, (_, dtype, _) in TYPES.items()}
    blanks = columns["text"]  # normalize takes blank text as no value; here it stays
    frame = make.rows(dataset, **columns).with_columns(blanks.alias("text"))
    report = expectations.check(frame, dataset)
    assert [finding.message for finding in report.findings if finding.evidence.get("status")] == []
    assert report.passed.height + report.quarantined.height == len(data)


def test_on_the_held_connection_the_library_counts_and_without_it_every_expectation_fails():
    """When the second half fails, the library can do it by itself: `HeldConnectionEngine` may go."""
    from expectations.engine import gx, session

    expectation = gx.expectations.ExpectColumnValuesToNotBeNull(column="x", meta={"rule": "x"})
    with session(pl.DataFrame({"x": [1, None]})) as held:
        assert held.run([expectation])["x"].count == 1
    source = gx.get_context(mode="ephemeral").data_sources.add_sql("plain", connection_string="duckdb:///:memory:")
    batch = source.add_query_asset("rows", query="SELECT NULL AS x").add_batch_definition("all").get_batch()
    told = batch.validate(expectation)
    assert "list index out of range" in str(told.exception_info)
    assert not told.result


def test_a_suite_that_lost_an_expectation_is_an_error_and_not_a_pass(monkeypatch):
    from expectations.engine import gx, session

    whole = gx.ExpectationSuite
    monkeypatch.setattr(
        gx, "ExpectationSuite", lambda name, expectations: whole(name=name, expectations=expectations[1:])
    )
    two = [gx.expectations.ExpectTableRowCountToEqual(value=1, meta={"rule": name}) for name in ("a", "b")]
    with session(pl.DataFrame({"x": [1]})) as held:
        outcomes = held.run(two)
    assert {outcome.error for outcome in outcomes.values()} == {"the suite holds 1 of 2 expectations"}
    assert not any(outcome.success for outcome in outcomes.values())


def test_the_pandas_engine_of_the_library_counts_the_same(make):
    import great_expectations as gx

    values = {
        "text": ["a", "bb", None, "a", "ccc"], "whole": [1, 5, None, 9, 1], "number": [0.5, None, 2.5, 9.75, 1.0],
    }  # fmt: skip
    rules = (
        make.rule("not_null", "text"), make.rule("unique", "text", fields=("text",)),
        make.rule("in_set", "text", values=("a",)),
        make.rule("pattern", "text", regex="^[ab]+$"), make.rule("length", "text", min=1, max=2),
        make.rule("range", "whole", min=2, max=8), make.rule("range", "number", min=1, max=None),
        make.rule("unique", fields=("text", "whole")),
    )  # fmt: skip
    types = {"text": "string", "whole": "integer", "number": "number"}
    dataset = make.contract(*(make.field(name, kind) for name, kind in types.items()), rules=rules)
    ours = {
        finding.rule: finding.count for finding in expectations.check(make.rows(dataset, **values), dataset).findings
    }
    kinds = gx.expectations
    theirs = {
        "text-not_null": kinds.ExpectColumnValuesToNotBeNull(column="text"),
        "text-unique": kinds.ExpectColumnValuesToBeUnique(column="text"),
        "text-in_set": kinds.ExpectColumnValuesToBeInSet(column="text", value_set=["a"]),
        "text-pattern": kinds.ExpectColumnValuesToMatchRegex(column="text", regex="^[ab]+$"),
        "text-length": kinds.ExpectColumnValueLengthsToBeBetween(column="text", min_value=1, max_value=2),
        "whole-range": kinds.ExpectColumnValuesToBeBetween(column="whole", min_value=2, max_value=8),
        "number-range": kinds.ExpectColumnValuesToBeBetween(column="number", min_value=1),
        "dataset-unique": kinds.ExpectCompoundColumnsToBeUnique(column_list=["text", "whole"]),
    }
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    pandas = pl.DataFrame(values).to_pandas()
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pandas})
    for name, expectation in theirs.items():
        assert ours.get(name, 0) == batch.validate(expectation).result["unexpected_count"], name


def test_checking_prints_nothing_and_leaves_no_noise_at_exit(tmp_path):
    code = (
        "import polars as pl, expectations.engine as e\n"
        "x = e.gx.expectations.ExpectColumnValuesToMatchRegex(column='x', regex='a', meta={'rule': 'x'})\n"
        "with e.session(pl.DataFrame({'x': ['a', 'b']})) as held: assert 'Regex' in held.run([x])['x'].error\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_what_only_rules_about_distributions_need_is_loaded_with_the_first_of_them():
    code = (
        "import sys, polars as pl, expectations.engine as e, expectations.suites\n"
        "assert not {'scipy.stats', 'altair'} & {*sys.modules}\n"
        "from scipy import stats\n"
        "import altair\n"
        "assert callable(stats.entropy) and callable(altair.Chart)\n"
        "x = e.gx.expectations.ExpectColumnKLDivergenceToBeLessThan(column='x', threshold=0.1, meta={'rule': 'x'},\n"
        "    partition_object={'values': ['a', 'b'], 'weights': [0.5, 0.5]})\n"
        "with e.session(pl.DataFrame({'x': ['a', 'b']})) as held: told = held.run([x])['x']\n"
        "assert told.success and told.observed == 0, told\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_values_read_in_sentences_as_they_do_in_documents():
    from expectations.wording import as_text
    from index.wording import as_text as as_told

    frame = pl.DataFrame({
        "float": [1.0, -0.0, 0.1 + 0.2, None], "flag": [True, False, None, True],
        "day": [date(2024, 2, 29), None, None, None], "clock": [time(1, 2, 3), None, None, None],
        "moment": [datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC), None, None, None],
        "text": ["a", "", None, "b"], "whole": [1, None, 3, 4], "exact": [Decimal("1.50"), None, None, None],
    })  # fmt: skip
    for name in frame.columns:
        ours, theirs = (frame.select(one(frame.schema, name).alias("x")).to_series() for one in (as_text, as_told))
        assert ours.to_list() == theirs.to_list(), name

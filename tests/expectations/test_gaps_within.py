"""Gap kinds that look along one column: sequences, calendars, segments, mixed formats."""

import json
import math
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import expectations
from expectations.mixtures import MOJIBAKE
from expectations.segments import wilson_low

UNHURRIED = settings(deadline=None)  # the first example loads what the others use


@pytest.fixture
def survey(make):
    def run(*told):
        frames = {dataset.name: make.rows(dataset, **columns).drop("_outcome", "_faults") for dataset, columns in told}
        return expectations.gaps(make.project(*(dataset for dataset, _ in told)), frames)

    return run


@pytest.fixture
def look(make, survey):
    """The findings of one rule about the field `x` of one dataset, by the part behind the rule's name."""

    def run(kind, values, *, of="string", others=(), **given):
        columns = {"x": values, **dict(others)}
        gap = make.gap(kind, **{"field": "x", **given})
        dataset = make.contract(make.field("x", of), *(make.field(name) for name in dict(others)), gap_rules=(gap,))
        return {one.rule.partition("/")[2]: one for one in survey((dataset, columns)).findings}

    return run


def test_numbers_left_out_of_a_sequence_are_told_as_ranges(look):
    finding = look("missing_sequence", [101, 103, 108, 109, 103, None], of="integer")[""]
    assert (finding.count, finding.unit, finding.sample_keys) == (5, "numbers", ("102", "104"))
    assert finding.evidence["ranges"] == [{"range": "104-107", "numbers": 4}, {"range": "102", "numbers": 1}]
    assert (finding.evidence["seen"], finding.evidence["gaps"]) == (4, 2)
    assert finding.message == "5 numbers of 'x' between the first and the last have no row, in 2 gaps."


def test_the_digits_at_the_end_of_a_text_are_its_number(look):
    told = look("missing_sequence", ["INV-2024-0098", "INV-2024-0102", " INV-2024-0099 ", "void", "CR-0100"])
    assert told[""].count == 2
    assert told[""].evidence["ranges"] == [{"prefix": "INV-2024-", "range": "0100-0101", "numbers": 2}]
    assert told[""].sample_keys == ("INV-2024-0100",)
    assert (told["unread"].count, told["unread"].sample_keys) == (2, ("4", "5"))


def test_each_group_has_a_sequence_and_a_prefix_of_its_own(look):
    values, series = ["A1", "A3", "B7", "B8", "B10"], ["a", "a", "b", "b", None]
    finding = look("missing_sequence", values, others={"s": series}, per=("s",))[""]
    assert finding.evidence["ranges"] == [{"group": "a", "prefix": "A", "range": "2", "numbers": 1}]
    assert finding.sample_keys == ("a|A2",)
    assert finding.message.endswith("in 1 gaps, over 3 values of s.")


def test_the_finding_that_the_documents_show_is_what_is_found(make, survey):
    page = (Path(__file__).parents[2] / "docs" / "readiness" / "gaps.md").read_text()
    (shown,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    gap = make.gap("missing_sequence", name="invoice-numbers", field="invoice", per=("series",))
    dataset = make.contract(make.field("series"), make.field("invoice"), name="invoices", gap_rules=(gap,))
    (finding,) = survey((dataset, {"series": ["A"] * 3, "invoice": ["INV-0099", "INV-0102", "INV-0103"]})).findings
    told, expected = finding.model_dump(mode="json"), json.loads(shown)
    assert {name: told[name] for name in expected} == expected


@pytest.mark.parametrize("values", [["void", "x", "7"], ["A1", "B2", "C3"], [0, 2**62, -(2**62)]])
def test_what_is_no_sequence_is_no_pass(look, values):
    kind = "string" if isinstance(values[0], str) else "integer"
    finding = look("missing_sequence", values, of=kind)[""]
    assert (finding.severity, finding.evidence["status"]) == ("critical", "not evaluated")


@pytest.mark.parametrize("values", [[5], [5, 6, 7], [-1, 0, 1], [7, 7]])
def test_a_sequence_without_a_hole_is_no_finding(look, values):
    assert look("missing_sequence", values, of="integer") == {}


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(-30, 30), min_size=1))
def test_ranges_and_rows_together_make_the_whole_sequence(make, numbers):
    gap = make.gap("missing_sequence", field="x")
    dataset = make.contract(make.field("x", "integer"), gap_rules=(gap,))
    frames = {"trips": make.rows(dataset, x=sorted(numbers, key=abs))}
    findings = expectations.gaps(make.project(dataset), frames).findings
    whole = max(numbers) - min(numbers) + 1
    assert sum(one.count for one in findings) == whole - len(numbers)
    steps = sum(after - before > 1 for before, after in pairwise(sorted(numbers)))
    assert sum(one.evidence["gaps"] for one in findings) == steps


@pytest.fixture
def closing(make, survey):
    """Days without a row under a calendar; the days of the month January 2024, which begins on a Monday."""

    def run(days, holidays=(), *, of="date", **given):
        closed = ("closed", "day") if holidays else None
        gap = make.gap("missing_period", field="day", **{"every": "1d", "calendar": "weekdays", **given},
                       holidays=closed)  # fmt: skip
        ours = make.contract(make.field("day", of), gap_rules=(gap,))
        other = make.contract(make.field("day", "date"), name="closed")
        january = [date(2024, 1, day) for day in holidays]
        return survey((ours, {"day": days}), *([(other, {"day": january})] if holidays else [])).findings

    return run


def january(*days):
    return [date(2024, 1, day) for day in days]


def test_a_weekend_is_no_gap_and_a_range_leads_across_it(closing):
    assert closing(january(1, 2, 3, 4, 5, 8, 9)) == ()
    (finding,) = closing(january(1, 2, 3, 4, 9))
    assert (finding.count, finding.evidence["expected"], finding.evidence["calendar"]) == (2, 7, "weekdays")
    assert finding.evidence["groups"][0]["ranges"] == [{"from": "2024-01-05", "to": "2024-01-08", "periods": 2}]
    assert finding.sample_keys == ("2024-01-05",)


def test_a_row_on_a_closed_day_fills_no_open_one(closing):
    (finding,) = closing(january(1, 2, 3, 4, 6, 8))  # Saturday is there, Friday is not
    assert (finding.count, finding.sample_keys) == (1, ("2024-01-05",))


def test_rows_on_closed_days_only_still_span_the_days_between(closing):
    (finding,) = closing(january(6, 14))  # a Saturday, and the Sunday after the next
    assert (finding.count, finding.evidence["expected"]) == (5, 5)


def test_holidays_of_another_dataset_are_no_gaps(closing):
    assert closing(january(2, 3, 5, 8), holidays=(1, 4)) == ()
    (finding,) = closing(january(2, 6), holidays=(3, 4), calendar="all")
    assert (finding.count, finding.evidence["holidays"]) == (1, "closed.day")


def test_a_time_in_which_all_is_closed_cannot_be_judged(closing):
    (finding,) = closing(january(6, 7), start="2024-01-06", end="2024-01-07")
    assert finding.severity == "critical"
    assert "closed" in finding.message


def test_hours_of_a_closed_day_are_closed_too(closing):
    friday, monday = datetime(2024, 1, 5, 22, tzinfo=UTC), datetime(2024, 1, 8, 2, tzinfo=UTC)
    (finding,) = closing([friday, monday], of="timestamp", every="1h")
    assert (finding.count, finding.evidence["expected"]) == (3, 5)


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, 40), min_size=1), st.sets(st.integers(0, 40)))
def test_a_calendar_finds_what_counting_day_by_day_finds(make, present, closed):
    first = date(2024, 1, 1)
    gap = make.gap("missing_period", field="day", every="1d", calendar="weekdays", holidays=("off", "day"))
    ours, off = make.contract(make.field("day", "date"), gap_rules=(gap,)), make.contract(make.field("day", "date"),
                                                                                         name="off")  # fmt: skip
    holidays = [first + timedelta(day) for day in closed] or [first - timedelta(9)]
    frames = {"trips": make.rows(ours, day=[first + timedelta(day) for day in present]),
              "off": make.rows(off, day=holidays)}  # fmt: skip
    between = [first + timedelta(day) for day in range(min(present), max(present) + 1)]
    opened = [day for day in between if day.weekday() < 5 and day not in holidays]
    lacking = [day for day in opened if (day - first).days not in present]
    findings = expectations.gaps(make.project(ours, off), frames).findings
    if not opened:
        assert [one.severity for one in findings] == ["critical"]
        return
    assert sum(one.count for one in findings) == len(lacking)
    assert all(one.evidence["expected"] == len(opened) for one in findings)


def test_a_segment_is_a_gap_though_the_mean_is_good(look):
    values = [None] * 15 + ["v"] * 15 + ["v"] * 470 + [None, "v"]
    places = ["A"] * 30 + ["B"] * 470 + ["C", "C"]
    finding = look("segment_coverage", values, others={"p": places}, per=("p",), max_share=0.05)[""]
    assert (finding.count, finding.unit) == (15, "rows")
    assert finding.evidence["segments"] == [{"group": "A", "rows": 30, "missing": 15, "share": 0.5, "at_least": 0.3315}]
    assert (finding.evidence["judged"], finding.evidence["too_small"]) == (2, {"segments": 1, "rows": 2})
    assert finding.sample_keys[:2] == ("1", "2")
    assert finding.evidence["share"] == pytest.approx(16 / 502)


def test_a_segment_that_may_have_met_it_by_chance_is_no_gap(look):
    values, places = [None, *["v"] * 19], ["A"] * 20  # 5 % of 20 rows: the interval begins at 0.9 %
    assert look("segment_coverage", values, others={"p": places}, per=("p",), max_share=0.01) == {}
    assert look("segment_coverage", values, others={"p": places}, per=("p",), max_share=0.0)[""].count == 1


def test_segments_too_small_to_be_judged_are_no_pass(look):
    finding = look("segment_coverage", [None, "v"], others={"p": ["A", "B"]}, per=("p",))[""]
    assert (finding.severity, finding.count) == ("critical", 0)
    assert "no segment of p has 20 rows" in finding.message


def test_rows_without_a_segment_are_a_segment(look):
    values, places = [None] * 20 + ["v"] * 20, [None] * 20 + ["A"] * 20
    finding = look("segment_coverage", values, others={"p": places}, per=("p",))[""]
    assert (finding.count, finding.evidence["segments"][0]["group"]) == (20, "(none)")
    assert len(finding.sample_keys) == 20


@UNHURRIED
@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_lower_end_lies_where_the_score_test_puts_it(counted):
    """Wilson's interval holds every share that lies within z standard errors, taken at that share, of the seen one."""
    hits, of = counted
    low = pl.select(wilson_low(pl.lit(hits), pl.lit(of))).item()
    assert 0 <= low <= hits / of
    if hits:
        assert (hits / of - low) / math.sqrt(low * (1 - low) / of) == pytest.approx(1.959964, rel=1e-4)


MIXED = [
    # kind, the values that are told, the values that are not
    ("spreadsheet", ["Mar-22", "jun-93", "5-Jun", "1.23E+11"], ["0033-5720", "1474-905", "1234", "March", "12-Mai"]),
    ("day-month", ["12/25/2023", "1.31.99"], ["25/12/2023", "31.1.99", "13/1/2024", "3/4/2024"]),
    ("day-month", ["2023-25-12"], ["2023-12-25", "2023-11-30 08:00", "2023-04-05"]),
    ("decimal-mark", ["3,5", "1.234,5", "-0,25"], ["3.5", "1,234.5", "1,234", "0.25", "7"]),
    ("decimal-mark", ["3.5"], ["3,5", "0,25", "1.234"]),
    ("unit", ["12 oz", "12.0 oz.", "0.05%", "3m"], ["12", "12.0", "1,234.5", "-4", "12A", "5 of 7"]),
    ("unit", ["12"], ["12 oz", "16 oz", "A"]),
    ("mojibake", ["MÃ¼ller", "donâ€™t", "cafÃ©", "Â°C", "ÐŸÑ€Ð¸", "Å¡koda"],  # noqa: RUF001 - as it is misread
     ["Müller", "SÃO PAULO", "don’t", "22 °C", "Âge", "„Spaß“", "ELÄMÄ”", "«café…»", "Škoda"]),  # noqa: RUF001
    ("replacement-character", ["caf\N{REPLACEMENT CHARACTER}"], ["café"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "told", "fine"), MIXED, ids=[f"{one[0]}-{one[1][0]}" for one in MIXED])
def test_values_of_another_format_are_told_by_kind_with_their_rows(look, kind, told, fine):
    found = look("mixed_format", [*told, *fine, None])
    assert set(found) == {kind}
    assert found[kind].count == len(told)
    assert found[kind].sample_keys == tuple(str(row) for row in range(1, len(told) + 1))
    assert [row["x"] for row in found[kind].evidence["rows"]] == told[:5]


@pytest.mark.parametrize("values", [
    ["Mar-22", "Jun-93", "Apr-01"],  # months of years are its format
    ["25/12/2023", "31/1/2024", "3/4/2024"],
    ["3,5", "0,25"],
    ["12 oz", "16 oz"],
    ["1,234", "12,345", "1,234,567"],
    ["one word", "another"],
    [f"{number}{chr(65 + number % 26)}{chr(65 + number // 26)}" for number in range(30)] + ["12", *map(str, range(50))],
])  # fmt: skip
def test_a_column_of_one_format_is_no_finding(look, values):
    assert look("mixed_format", values) == {}


@UNHURRIED
@given(st.text(st.characters(min_codepoint=0xA1, max_codepoint=0x24F), min_size=2, max_size=12))
def test_text_read_in_the_wrong_code_page_is_recognized(text):
    """Of letters beyond ASCII up to U+024F; what Windows-1252 cannot show is no such accident."""
    misread = "".join(
        letter.encode().decode("cp1252", errors="ignore") if letter.encode()[0] in (0xC2, 0xC3) else letter
        for letter in text
    )
    whole = any(letter.encode()[0] in (0xC2, 0xC3) and len(letter.encode().decode("cp1252", "ignore")) == 2
                for letter in text)  # fmt: skip
    assert pl.Series([misread]).str.contains(MOJIBAKE).item() or not whole


def test_each_row_is_told_that_its_value_is_off(make, survey):
    gap = make.gap("mixed_format", field="issn")
    dataset = make.contract(make.field("issn", title="ISSN"), gap_rules=(gap,), documents=(make.document(),))
    report = survey((dataset, {"issn": ["0033-5720", "Mar-22", "1474-905X"]}))
    assert dict(report.known.select("key", "sentence").iter_rows()) == {
        "2": "ISSN looks as if a spreadsheet had changed it."
    }

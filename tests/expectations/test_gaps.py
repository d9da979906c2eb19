"""Gaps across systems: each kind with its evidence, what documents are told, and what may not be told."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

import expectations
from expectations.reports import KNOWN


@pytest.fixture
def survey(make):
    """Gap report of datasets with their columns; the frames are ready rows as a check lets them through."""

    def run(*told):
        frames = {dataset.name: make.rows(dataset, **columns).drop("_outcome", "_faults") for dataset, columns in told}
        return expectations.gaps(make.project(*(dataset for dataset, _ in told)), frames)

    return run


def known(report, dataset, scope):
    rows = report.known.filter((pl.col("dataset") == dataset) & (pl.col("scope") == scope))
    return dict(rows.select("key", "sentence").iter_rows())


@pytest.fixture
def ships(make):
    """A register of ships, kept by code, and another one."""
    code = make.field("code", title="Code")
    ships = make.contract(code, make.field("flag"), name="ships", documents=(make.document(),))
    lloyds = make.contract(code, make.field("flag"), name="lloyds", documents=(make.document(),))
    return ships, lloyds


def test_references_that_lead_nowhere_are_counted_by_row_and_by_key_with_what_another_register_says(
    make, survey, ships
):
    gap = make.gap(
        "missing_reference", fields=("ship",), to_dataset="ships", to_fields=("code",), also_in=(("lloyds", "code"),),
        owner="registry", remedy="Ask.", severity="info", title="Calls by unknown ships",
    )  # fmt: skip
    calls = make.contract(
        make.field("ship", title="Ship"), name="calls", gap_rules=(gap,), documents=(make.document("ship"),)
    )
    report = survey(
        (calls, {"ship": ["A", "X", "X", "Y", None]}),
        (ships[0], {"code": ["A", "B"], "flag": ["NL", "NL"]}),
        (ships[1], {"code": ["X", "A"], "flag": ["PA", "NL"]}),
    )
    (finding,) = report.findings
    assert (finding.rule, finding.dataset, finding.stage, finding.count, finding.unit) == (
        "the-gap",
        "calls",
        "gaps",
        3,
        "rows",
    )
    assert (finding.owner, finding.remedy, finding.severity, finding.blocking) == ("registry", "Ask.", "info", False)
    assert finding.sample_keys == ("X", "Y")
    assert finding.message == (
        "Calls by unknown ships: 3 rows of 4 have a ship that ships.code lacks: 2 different values."
    )
    assert finding.evidence["distinct_keys"] == 2
    assert finding.evidence["top_keys"] == [{"key": "X", "rows": 2}, {"key": "Y", "rows": 1}]
    assert finding.evidence["rows"][0] == {"_key": "2", "ship": "X", "id": "2"}
    assert finding.evidence["known_elsewhere"]["lloyds.code"] == {
        "count": 1, "of": 2, "keys": ["X"], "says": [{"_key": "1", "id": "1", "code": "X", "flag": "PA"}],
    }  # fmt: skip
    assert known(report, "calls", "value") == {
        "X": "Ship X has no record in Ships (ships.code), though 2 rows of Calls name it. "
        "Lloyds (lloyds.code) knows it.",
        "Y": "Ship Y has no record in Ships (ships.code), though 1 row of Calls names it.",
    }
    assert known(report, "lloyds", "row") == {
        "1": "Code X stands in 2 rows of Calls, but has no record in Ships (ships.code).",
    }


def test_where_documents_tell_of_one_row_the_row_is_told_of_its_own_reference(make, survey, ships):
    gap = make.gap("missing_reference", fields=("ship",), to_dataset="ships", to_fields=("code",))
    calls = make.contract(make.field("ship"), name="calls", gap_rules=(gap,), documents=(make.document(),))
    report = survey((calls, {"ship": ["A", "X"]}), (ships[0], {"code": ["A"], "flag": ["NL"]}))
    assert known(report, "calls", "row") == {"2": "Ship X has no record in Ships (ships.code)."}


def test_a_reference_of_several_fields_is_one_key(make, survey):
    quays = make.contract(make.field("port"), make.field("quay", "integer"), name="quays")
    gap = make.gap("missing_reference", fields=("port", "quay"), to_dataset="quays", to_fields=("port", "quay"))
    calls = make.contract(make.field("port"), make.field("quay", "integer"), name="calls", gap_rules=(gap,))
    (finding,) = survey(
        (calls, {"port": ["A", "A", None], "quay": [1, 2, 2]}), (quays, {"port": ["A", "B"], "quay": [1, 2]})
    ).findings
    assert (finding.count, finding.sample_keys) == (1, ("A|2",))


def test_whatever_is_complete_is_no_finding(make, survey, ships):
    gaps = (
        make.gap("missing_reference", fields=("ship",), to_dataset="ships", to_fields=("code",)),
        make.gap("missing_value", name="b", field="ship", max_share=0.5),
        make.gap("missing_period", name="c", field="day", every="1d"),
    )
    calls = make.contract(make.field("ship"), make.field("day", "date"), name="calls", gap_rules=gaps)
    days = [date(2024, 2, 28), date(2024, 2, 29)]
    report = survey((calls, {"ship": ["A", None], "day": days}), (ships[0], {"code": ["A"], "flag": ["NL"]}))
    assert report.findings == ()
    assert report.known.is_empty()
    assert dict(report.known.schema) == KNOWN


def test_a_dataset_that_has_no_ready_rows_is_a_finding_and_not_a_crash(make, survey, ships):
    gap = make.gap("missing_reference", fields=("ship",), to_dataset="ships", to_fields=("code",))
    calls = make.contract(make.field("ship"), name="calls", gap_rules=(gap,))
    frame = make.rows(calls, ship=["A"]).drop("_outcome", "_faults")
    (finding,) = expectations.gaps(make.project(calls, ships[0]), {"calls": frame}).findings
    assert (finding.severity, finding.evidence["absent"]) == ("critical", ["ships"])
    assert "nobody knows" in finding.message


def test_missing_values_are_told_with_their_share_where_they_are_and_what_is_missing_with_them(make, survey):
    gap = make.gap("missing_value", field="berth", max_share=0.25)
    fields = (make.field("berth", title="Berth"), make.field("port", title="Port"), make.field("pilot"))
    calls = make.contract(*fields, name="calls", gap_rules=(gap,), documents=(make.document("port"),))
    columns = {"berth": [None, None, "1", "2"], "port": ["A", "A", "A", "B"], "pilot": [None, None, "p", "q"]}
    report = survey((calls, columns))
    (finding,) = report.findings
    assert (finding.count, finding.sample_keys, finding.evidence["share"]) == (2, ("1", "2"), 0.5)
    assert finding.evidence["missing_together"] == {}  # pilot is null half of the time anyway
    assert finding.evidence["by"]["port"] == [{"value": "A", "missing": 2, "rows": 3}]
    assert known(report, "calls", "value") == {"A": "Berth is not recorded in 2 of 3 rows of Calls with Port A."}


HOURS = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(6)]


def test_missing_hours_are_told_as_ranges_per_group(make, survey):
    gap = make.gap("missing_period", field="at", every="1h", per=("station",), start="2024-01-01T00:00:00Z",
                   end="2024-01-01T05:00:00Z")  # fmt: skip
    fields = (make.field("station", title="Station"), make.field("at", "timestamp"))
    weather = make.contract(*fields, name="weather", gap_rules=(gap,), documents=(make.document("station"),))
    stations = ["A", "A", "A", "B", "B", "B", "B", "B"]
    times = [HOURS[1], HOURS[4] + timedelta(minutes=51), HOURS[4], *HOURS[:5]]
    report = survey((weather, {"station": stations, "at": times}))
    (finding,) = report.findings
    assert (finding.count, finding.unit, finding.evidence["expected"]) == (5, "periods", 12)
    assert finding.evidence["groups"] == [
        {"group": "A", "missing": 4, "gaps": 3, "ranges": [
            {"from": "2024-01-01 00:00 UTC", "to": "2024-01-01 00:00 UTC", "periods": 1},
            {"from": "2024-01-01 02:00 UTC", "to": "2024-01-01 03:00 UTC", "periods": 2},
            {"from": "2024-01-01 05:00 UTC", "to": "2024-01-01 05:00 UTC", "periods": 1}]},
        {"group": "B", "missing": 1, "gaps": 1, "ranges": [
            {"from": "2024-01-01 05:00 UTC", "to": "2024-01-01 05:00 UTC", "periods": 1}]},
    ]  # fmt: skip
    assert finding.sample_keys[:2] == ("A|2024-01-01T00:00:00Z", "A|2024-01-01T02:00:00Z")
    assert known(report, "weather", "value")["B"] == (
        "1 hour has no row in Weather for Station B: 2024-01-01 05:00 UTC."
    )


def test_without_limits_a_group_is_held_against_its_own_first_and_last(make, survey):
    gap = make.gap("missing_period", field="day", every="1mo", per=("x",))
    dataset = make.contract(make.field("x"), make.field("day", "date"), gap_rules=(gap,))
    days = [date(2024, 1, 1), date(2024, 4, 1), date(2024, 2, 15), date(2024, 3, 1)]
    (finding,) = survey((dataset, {"x": ["a", "a", "b", "b"], "day": days})).findings
    assert (finding.count, finding.evidence["groups"][0]["ranges"]) == (
        2, [{"from": "2024-02-01", "to": "2024-03-01", "periods": 2}],
    )  # fmt: skip


@pytest.mark.parametrize("switch", [datetime(2013, 3, 10), datetime(2013, 11, 3)])
def test_a_day_of_23_or_25_hours_is_one_day(make, survey, switch):
    gap = make.gap("missing_period", field="at", every="1d")
    dataset = make.contract(make.field("at", "timestamp", zone="America/New_York"), gap_rules=(gap,))
    midnights = pl.datetime_range(
        switch - timedelta(3), switch + timedelta(3), "1d", time_zone="America/New_York", eager=True
    )
    whole = midnights.dt.convert_time_zone("UTC")
    assert survey((dataset, {"at": whole})).findings == ()
    (finding,) = survey((dataset, {"at": whole.gather([0, 1, 2, 4, 5, 6])})).findings
    assert finding.count == 1
    assert finding.evidence["groups"][0]["ranges"][0]["from"] == whole[3].strftime("%Y-%m-%d %H:%M UTC")


def test_hours_do_not_go_missing_when_the_clock_is_put_forward(make, survey):
    gap = make.gap("missing_period", field="at", every="1h")
    dataset = make.contract(make.field("at", "timestamp", zone="Europe/Berlin"), gap_rules=(gap,))
    hours = pl.datetime_range(datetime(2024, 3, 30), datetime(2024, 4, 1), "1h", time_zone="UTC", eager=True)
    assert survey((dataset, {"at": hours})).findings == ()


def test_more_periods_than_anyone_means_are_refused(make, survey):
    gap = make.gap("missing_period", field="at", every="1us")
    dataset = make.contract(make.field("at", "timestamp"), gap_rules=(gap,))
    (finding,) = survey((dataset, {"at": HOURS})).findings
    assert (finding.severity, finding.count) == ("critical", 0)
    assert "'every: 1us' makes more than" in finding.message


def test_two_registers_that_disagree_are_told_field_by_field_with_both_values(make, survey):
    compare = [{"field": "length", "other": "metres", "tolerance": 0.02}, {"field": "flag", "other": "flag"}]
    gap = make.gap("conflict", name="differ", to_dataset="lloyds", on=(("code", "code"),), compare=tuple(compare),
                   system_of_record="lloyds")  # fmt: skip
    fields = (make.field("code"), make.field("length", "number", title="Length"), make.field("flag"))
    ours = make.contract(*fields, name="ships", gap_rules=(gap,), documents=(make.document(),))
    theirs = make.contract(make.field("code"), make.field("metres", "number"), make.field("flag"), name="lloyds",
                           documents=(make.document("code"),))  # fmt: skip
    report = survey(
        (
            ours,
            {"code": ["A", "B", "C", "D"], "length": [0.30, 14860.0, None, 5.0], "flag": [" nl", "PA", "LR", "GB "]},
        ),
        (theirs, {"code": ["D", "C", "B", "A"], "metres": [5.0, 9.0, 1486.0, 0.28], "flag": ["FR", "lr", None, "NL"]}),
    )
    length, flag = report.findings
    assert (length.rule, length.count, length.sample_keys) == ("differ/length", 1, ("2",))
    assert length.evidence["rows"] == [{"_key": "2", "ships": "14860", "lloyds": "1486", "difference": 13374.0,
                                         "winner": "lloyds", "reason": "system of record"}]  # fmt: skip
    assert length.evidence["value_only_in"] == {"ships": 0, "lloyds": 1}
    assert length.evidence["system_of_record"] == "lloyds"
    assert (flag.rule, flag.count, flag.evidence["compared"]) == ("differ/flag", 1, 3)
    sentence = "Length: Ships says 14860, Lloyds says 1486; Lloyds wins: system of record."
    assert known(report, "ships", "row")["2"] == sentence
    assert known(report, "lloyds", "value")["B"] == sentence


SECRET = "first@example.org"


@pytest.mark.parametrize("label", [{"personal": True}, {"mask": "redact"}, {"classification": 2}])
def test_a_value_that_may_not_be_told_is_in_no_finding_and_in_nothing_that_is_known(make, survey, label):
    mail = make.field("mail", **label)
    gaps = (
        make.gap("missing_reference", name="a", fields=("mail",), to_dataset="list", to_fields=("mail",),
                 also_in=(("other", "mail"),)),
        make.gap("conflict", name="b", to_dataset="list", on=(("code", "code"),),
                 compare=({"field": "mail", "other": "mail"},)),
        make.gap("missing_period", name="c", field="born", every="1d", per=("mail",)),
        make.gap("missing_value", name="d", field="code"),
        make.gap("missing_value", name="e", field="mail"),
    )  # fmt: skip
    fields = (mail, make.field("code"), make.field("born", "date", **label))
    people = make.contract(*fields, name="people", gap_rules=gaps, documents=(make.document(), make.document("mail")))
    listed, other = (
        make.contract(mail, make.field("code"), name=name, documents=(make.document(),)) for name in ("list", "other")
    )
    born = [date(1815, 12, 10), date(1815, 12, 12), date(1906, 12, 9)]
    report = survey(
        (people, {"mail": [SECRET, SECRET, None], "code": ["1", "2", None], "born": born}),
        (listed, {"mail": ["x"], "code": ["1"]}), (other, {"mail": [SECRET], "code": ["1"]}),
    )  # fmt: skip
    assert len(report.findings) == 5
    told = json.dumps([finding.model_dump(mode="json") for finding in report.findings]) + str(report.known.to_dicts())
    assert SECRET not in told
    assert "1815" not in told


def test_a_key_that_may_not_be_told_is_told_as_a_place(make, survey):
    person = make.field("person", key_position=2, personal=True)
    gap = make.gap("missing_value", field="x")
    dataset = make.contract(person, make.field("x"), gap_rules=(gap,), documents=(make.document(),))
    report = survey((dataset, {"person": ["Ada"], "x": [None], "_location": ["p.csv"], "_position": [9]}))
    assert report.findings[0].sample_keys == ("p.csv:9",)
    assert "Ada" not in str(report.findings) + str(report.known.to_dicts())


@pytest.mark.parametrize(("roles", "classification", "told"), [((), 0, True), (("crew",), 1, False), ((), 1, False)])
def test_a_document_is_not_told_what_only_stricter_documents_may_hold(make, survey, roles, classification, told):
    compare = ({"field": "x", "other": "x"},)
    gap = make.gap("conflict", to_dataset="theirs", on=(("id", "id"),), compare=compare)
    ours = make.contract(make.field("x", classification=0), name="ours", gap_rules=(gap,), documents=(make.document(),))
    stricter = make.field("x", classification=classification)
    theirs = make.contract(stricter, name="theirs", roles=roles, documents=(make.document(),))
    report = survey((ours, {"x": ["a"]}), (theirs, {"x": ["b"]}))
    assert bool(known(report, "ours", "row")) == told
    assert known(report, "theirs", "row")  # the public value may be told anywhere


def test_the_report_is_the_same_whatever_the_order_of_the_rows(make, survey, ships):
    gap = make.gap("missing_reference", fields=("ship",), to_dataset="ships", to_fields=("code",))
    calls = make.contract(make.field("ship"), name="calls", gap_rules=(gap,), documents=(make.document("ship"),))
    register = (ships[0], {"code": ["A"], "flag": ["NL"]})
    one = survey((calls, {"ship": ["X", "Y", "X"], "id": [1, 2, 3]}), register)
    other = survey((calls, {"ship": ["X", "X", "Y"], "id": [3, 1, 2]}), register)
    assert one.known.equals(other.known)
    assert one.findings[0].sample_keys == other.findings[0].sample_keys


def test_what_is_known_reaches_the_document_of_its_key(make, survey, ships):
    import index

    gap = make.gap("missing_reference", fields=("ship",), to_dataset="ships", to_fields=("code",))
    template = make.document("ship").model_copy(update={"title": "Ship {ship}", "text": "{ship}. {known_gaps}"})
    calls = make.contract(make.field("ship"), name="calls", gap_rules=(gap,), documents=(template,))
    report = survey((calls, {"ship": ["A", "X"]}), (ships[0], {"code": ["A"], "flag": ["NL"]}))
    frame = make.rows(calls, ship=["A", "X"]).drop("_outcome", "_faults")
    told = index.render(calls, {"calls": frame}, project=make.project(calls), known=report.known, mask_key=bytes(32))
    assert dict(told.select("key", "text").iter_rows()) == {
        "A": "A.",
        "X": "X. Ship X has no record in Ships (ships.code), though 1 row of Calls names it.",
    }

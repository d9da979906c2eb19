"""Gap kinds that look across systems: references both ways, entities, stale fields, and rules that cannot be judged."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import expectations
from expectations.across import Systems
from expectations.portions import Rows
from expectations.unnamed import settled

UNHURRIED = settings(deadline=None)  # the first example loads what the others use


@pytest.fixture
def survey(make):
    def run(*told):
        frames = {dataset.name: make.rows(dataset, **columns).drop("_outcome", "_faults") for dataset, columns in told}
        return expectations.gaps(make.project(*(dataset for dataset, _ in told)), frames)

    return run


def known(report, dataset):
    rows = report.known.filter(pl.col("dataset") == dataset)
    return dict(rows.select("key", "sentence").iter_rows())


def days(*numbers):
    return [datetime(2024, 1, number, tzinfo=UTC) if number else None for number in numbers]


@pytest.fixture
def calls(make):
    """A contract of port calls with one gap rule about the ship, and the register it refers to."""

    def build(**given):
        gap = make.gap("missing_reference", fields=("ship",), to_dataset="ships", to_fields=("code",), **given)
        fields = (make.field("ship", title="Ship"), make.field("at", "timestamp"))
        calls = make.contract(*fields, name="calls", gap_rules=(gap,), documents=(make.document(),))
        code = make.field("code", title="Code")
        return calls, make.contract(code, make.field("built", "timestamp"), name="ships", documents=(make.document(),))

    return build


def test_backward_a_record_that_no_row_names_is_told_to_its_own_document(survey, calls):
    ours, ships = calls(direction="backward")
    report = survey((ours, {"ship": ["A", "X", None], "at": days(1, 1, 1)}),
                    (ships, {"code": ["A", "B", None], "built": days(1, 1, 1)}))  # fmt: skip
    (finding,) = report.findings
    assert (finding.rule, finding.dataset, finding.count, finding.unit) == (
        "the-gap/backward", "calls", 1, "rows of ships",
    )  # fmt: skip
    assert finding.sample_keys == ("B",)
    assert finding.evidence["records"] == 2  # a record without a code cannot be named
    assert finding.evidence["rows"] == [{"_key": "2", "code": "B", "id": "2"}]
    assert known(report, "ships") == {"2": "No row of Calls names Code B."}


def test_both_directions_are_two_findings_with_ids_of_their_own(survey, calls):
    ours, ships = calls(direction="both")
    report = survey((ours, {"ship": ["X"], "at": days(1)}), (ships, {"code": ["B"], "built": days(1)}))
    assert [(one.rule, one.count) for one in report.findings] == [("the-gap", 1), ("the-gap/backward", 1)]
    assert len({one.id for one in report.findings}) == 2


def test_a_row_that_may_still_find_its_record_is_awaited_and_no_gap(survey, calls):
    ours, ships = calls(late_from="at", lateness="2d")
    (finding,) = survey(
        (ours, {"ship": ["X", "X", "Y", "A", "Z"], "at": days(1, 8, 9, 10, 0)}),
        (ships, {"code": ["A"], "built": days(1)}),
    ).findings
    assert finding.count == 3  # the old one, the one of exactly two days, and the one whose age nobody knows
    assert finding.evidence["awaited"] == 1
    assert "Y" not in finding.sample_keys


def test_where_all_that_is_lost_is_awaited_there_is_no_finding(survey, calls):
    ours, ships = calls(late_from="at", lateness="2d")
    assert survey((ours, {"ship": ["A", "X"], "at": days(1, 9)}), (ships, {"code": ["A"], "built": days(1)})) \
        .findings == ()  # fmt: skip


def test_backward_a_young_record_is_awaited_by_its_own_time(survey, calls):
    ours, ships = calls(direction="backward", their_late_from="built", lateness="3d")
    (finding,) = survey(
        (ours, {"ship": ["A"], "at": days(1)}), (ships, {"code": ["A", "B", "C"], "built": days(1, 2, 9)})
    ).findings
    assert (finding.sample_keys, finding.evidence["awaited"]) == (("B",), 1)
    assert finding.evidence["late_from"] == "ships.built"


@UNHURRIED
@given(st.lists(st.integers(0, 60), min_size=1, max_size=30), st.integers(0, 60))
def test_the_newest_moment_and_not_our_clock_says_what_is_late(ages, window):
    moments = [datetime(1999, 1, 1, tzinfo=UTC) + timedelta(hours=age) for age in ages]
    frame = pl.DataFrame({"at": moments}, schema={"at": pl.Datetime("us", "UTC")})
    late = settled(frame, Rows(frame.lazy()), "at", f"{window}h") if window else frame
    assert late.height == (sum(age <= max(ages) - window for age in ages) if window else len(ages))


def test_two_datasets_that_refer_to_each_other_are_both_judged_once(make, survey):
    def half(name, other):
        gap = make.gap("missing_reference", fields=("x",), to_dataset=other, to_fields=("x",), direction="both")
        return make.contract(make.field("x"), name=name, gap_rules=(gap,))

    report = survey((half("eggs", "hens"), {"x": ["a", "b"]}), (half("hens", "eggs"), {"x": ["b", "c"]}))
    assert [(one.dataset, one.rule, one.count) for one in report.findings] == [
        ("eggs", "the-gap", 1), ("eggs", "the-gap/backward", 1),
        ("hens", "the-gap", 1), ("hens", "the-gap/backward", 1),
    ]  # fmt: skip


def test_a_dataset_may_refer_to_itself(make, survey):
    gap = make.gap("missing_reference", fields=("boss",), to_dataset="staff", to_fields=("id",), direction="both")
    staff = make.contract(make.field("boss", "integer"), name="staff", gap_rules=(gap,))
    report = survey((staff, {"id": [1, 2, 3], "boss": [2, 1, 9]}))
    assert [one.sample_keys for one in report.findings] == [("9",), ("3",)]


@pytest.fixture
def customers(make):
    """Customers of whom each active one must be in billing and in the helpdesk."""

    def build(*, where=(("state", ("active",)),), label=None, **given):
        gap = make.gap(
            "missing_entity", fields=("number",), systems=(("billing", "customer"), ("desk", "client")),
            where=dict(where), **given,
        )  # fmt: skip
        fields = (make.field("number", title="Customer", **(label or {})), make.field("state"))
        crm = make.contract(*fields, name="crm", gap_rules=(gap,), documents=(make.document(),))
        return (
            crm,
            make.contract(make.field("customer"), name="billing"),
            make.contract(make.field("client"), name="desk"),
        )

    return build


def test_each_system_that_lacks_promised_entities_has_a_finding_with_the_whole_matrix(survey, customers):
    crm, billing, desk = customers()
    report = survey(
        (crm, {"number": ["C1", "C2", "C3", "C4", "C5", "C1", None],
               "state": ["active", "active", "active", "active", "left", "active", "active"]}),
        (billing, {"customer": ["C1", "C2", "C2"]}),
        (desk, {"client": ["C1", "C9"]}),
    )  # fmt: skip
    told = {one.rule: (one.count, one.unit, one.sample_keys) for one in report.findings}
    assert told == {
        "the-gap/billing": (2, "entities", ("C3", "C4")),
        "the-gap/desk": (3, "entities", ("C2", "C3", "C4")),
    }
    evidence = report.findings[0].evidence
    assert evidence["promised"] == 4
    assert evidence["matrix"] == [
        {"in": [], "not_in": ["billing", "desk"], "entities": 2},
        {"in": ["billing", "desk"], "not_in": [], "entities": 1},
        {"in": ["billing"], "not_in": ["desk"], "entities": 1},
    ]
    assert report.findings[0].message == (
        "2 of 4 entities of crm by number with state active are not in billing.customer."
    )
    assert set(report.known["sentence"]) == {
        "Customer C2 is not in Desk.", "Customer C3 is not in Billing.", "Customer C3 is not in Desk.",
        "Customer C4 is not in Billing.", "Customer C4 is not in Desk.",
    }  # fmt: skip


def test_a_system_that_knows_everybody_has_no_finding(survey, customers):
    crm, billing, desk = customers(where=())
    columns = {"number": ["C1", "C2"], "state": ["left", "active"]}
    report = survey((crm, columns), (billing, {"customer": ["C2", "C1"]}), (desk, {"client": ["C1"]}))
    assert [(one.rule, one.sample_keys) for one in report.findings] == [("the-gap/desk", ("C2",))]


def test_where_nobody_is_promised_nobody_is_known_to_be_there(survey, customers):
    crm, billing, desk = customers(where=(("state", ("aktive",)),))
    columns = {"number": ["C1"], "state": ["active"]}
    (finding,) = survey((crm, columns), (billing, {"customer": ["C1"]}), (desk, {"client": ["C1"]})).findings
    assert (finding.severity, finding.evidence["status"]) == ("critical", "not evaluated")
    assert "no entity is promised" in finding.message


def test_entities_of_several_fields_are_one_key(make, survey):
    systems = (("stock", "site"), ("stock", "part"))
    gap = make.gap("missing_entity", fields=("plant", "item"), systems=systems, where={"item": ("7.0", "8")})
    parts = make.contract(make.field("plant"), make.field("item", "integer"), name="parts", gap_rules=(gap,))
    stock = make.contract(make.field("site"), make.field("part", "integer"), name="stock")
    (finding,) = survey(
        (parts, {"plant": ["A", "B", "B"], "item": [7, 7, 9]}), (stock, {"site": ["A", "B"], "part": [7, 8]})
    ).findings
    assert (finding.count, finding.sample_keys, finding.evidence["promised"]) == (1, ("B|7",), 2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcd")), min_size=3, max_size=3))
def test_the_matrix_adds_up_to_the_promised_and_to_what_each_system_lacks(make, promised_and_systems):
    promised, *held = [sorted(one) for one in promised_and_systems]
    if not (promised and all(held)):
        return
    gap = make.gap("missing_entity", fields=("x",), systems=(("one", "x"), ("two", "x")))
    ours = make.contract(make.field("x"), name="ours", gap_rules=(gap,))
    others = [make.contract(make.field("x"), name=name) for name in ("one", "two")]
    frames = {one.name: make.rows(one, x=held[place]) for place, one in enumerate(others)}
    report = expectations.gaps(make.project(ours, *others), {"ours": make.rows(ours, x=promised), **frames})
    counts = {one.rule: one.count for one in report.findings}
    for place, name in enumerate(("one", "two")):
        assert counts.get(f"the-gap/{name}", 0) == len(set(promised) - set(held[place]))
    for finding in report.findings:
        matrix, name = finding.evidence["matrix"], finding.rule.partition("/")[2]
        assert sum(one["entities"] for one in matrix) == len(promised)
        assert sum(one["entities"] for one in matrix if name in one["not_in"]) == finding.count


@pytest.fixture
def addresses(make):
    def build(**given):
        gap = make.gap("stale_field", to_dataset="billing", on=(("number", "customer"),), changed="touched",
                       their_changed="moved", max_age="30d", field="street", **given)  # fmt: skip
        fields = (make.field("number"), make.field("street", title="Street"), make.field("touched", "timestamp"))
        crm = make.contract(*fields, name="crm", gap_rules=(gap,), documents=(make.document(),))
        return crm, make.contract(make.field("customer"), make.field("moved", "timestamp"), name="billing")

    return build


def test_a_row_whose_peer_changed_long_after_it_is_stale(survey, addresses):
    crm, billing = addresses()
    old, new = datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    report = survey(
        (crm, {"number": ["C1", "C2", "C3", "C4"], "street": ["a", "b", "c", "d"],
               "touched": [old, new, new - timedelta(30), None]}),
        (billing, {"customer": ["C1", "C1", "C2", "C3", "C4", "C5"], "moved": [old, new, old, new, new, new]}),
    )  # fmt: skip
    stale, unknown = report.findings
    assert (stale.rule, stale.count, stale.sample_keys, stale.evidence["compared"]) == ("the-gap", 1, ("1",), 4)
    assert stale.evidence["rows"] == [
        {"_key": "1", "crm": "2023-01-01 00:00 UTC", "billing": "2024-01-01 00:00 UTC", "days_behind": 365}
    ]
    assert (unknown.rule, unknown.count, unknown.sample_keys) == ("the-gap/unknown", 1, ("4",))
    assert known(report, "crm") == {
        "1": "Street may be out of date: Crm changed this record at 2023-01-01 00:00 UTC, Billing at "
        "2024-01-01 00:00 UTC.",
        "4": "Street may be out of date: Crm does not say when this record was changed, Billing changed it at "
        "2024-01-01 00:00 UTC.",
    }


def test_systems_that_share_no_key_are_not_taken_for_fresh(survey, addresses):
    crm, billing = addresses()
    (finding,) = survey(
        (crm, {"number": ["C1"], "street": ["a"], "touched": days(1)}), (billing, {"customer": ["X"], "moved": days(9)})
    ).findings
    assert (finding.severity, finding.count) == ("critical", 0)
    assert "no row of 'crm' has a peer in 'billing'" in finding.message


GAPS = [
    ("missing_reference", {"fields": ("x",), "to_dataset": "other", "to_fields": ("y",)}, ["ours.x", "other.y"]),
    ("missing_value", {"field": "x"}, []),
    ("missing_period", {"field": "day", "every": "1d", "per": ("x",), "holidays": ("other", "day")},
     ["ours.day", "ours.x", "other.day"]),
    ("missing_entity", {"fields": ("x",), "systems": (("other", "y"),), "where": {"n": ("1",)}},
     ["ours.x", "ours.n", "other.y"]),
    ("missing_sequence", {"field": "n", "per": ("x",)}, ["ours.n", "ours.x"]),
    ("stale_field", {"to_dataset": "other", "on": (("x", "y"),), "changed": "day", "their_changed": "day",
                     "max_age": "1d"}, ["ours.day", "ours.x", "other.day", "other.y"]),
    ("segment_coverage", {"field": "n", "per": ("x",), "min_rows": 1}, ["ours.n", "ours.x"]),
    ("mixed_format", {"field": "x"}, ["ours.x"]),
    ("conflict", {"to_dataset": "other", "on": (("x", "y"),), "compare": ({"field": "n", "other": "m"},)},
     ["ours.x", "other.y", "ours.n", "other.m"]),
]  # fmt: skip
FULL = {"x": ["a", "b"], "n": [1, 2], "day": [date(2024, 1, 1), date(2024, 1, 2)]}
OTHER = {"y": ["a", "b"], "m": [1, 2], "day": [date(2023, 12, 25), date(2023, 12, 26)]}


def _systems(make, kind, given):
    gap = make.gap(kind, severity="info", **given)
    fields = [("x", "string"), ("n", "integer"), ("day", "date")]
    ours = make.contract(*(make.field(*one) for one in fields), name="ours", gap_rules=(gap,))
    theirs = [("y", "string"), ("m", "integer"), ("day", "date")]
    return ours, make.contract(*(make.field(*one) for one in theirs), name="other")


@pytest.mark.parametrize(("kind", "given", "needed"), GAPS, ids=[one[0] for one in GAPS])
def test_a_column_without_a_value_is_never_a_pass(make, survey, kind, given, needed):
    """A column that was lost at its source reads as null, in every kind of rule and on both sides."""
    ours, other = _systems(make, kind, given)
    assert [one for one in survey((ours, FULL), (other, OTHER)).findings if one.severity == "critical"] == []
    for name in needed:
        columns = {"ours": dict(FULL), "other": dict(OTHER)}
        dataset, _, field = name.partition(".")
        columns[dataset][field] = [None, None]
        critical = [one for one in survey((ours, columns["ours"]), (other, columns["other"])).findings
                    if one.severity == "critical"]  # fmt: skip
        assert [name in one.message for one in critical] == [True], name
        assert critical[0].evidence["columns"] == [name]


@pytest.mark.parametrize(("kind", "given", "needed"), GAPS, ids=[one[0] for one in GAPS])
def test_a_dataset_without_rows_or_without_the_column_is_never_a_pass(make, kind, given, needed):
    ours, other = _systems(make, kind, given)
    project = make.project(ours, other)
    frames = {"ours": make.rows(ours, **FULL), "other": make.rows(other, **OTHER)}
    (finding,) = expectations.gaps(project, frames | {"ours": frames["ours"].clear()}).findings
    assert (finding.severity, finding.evidence["absent"], finding.count) == ("critical", ["ours"], 0)
    for name in needed or ["ours.x"]:
        dataset, _, field = name.partition(".")
        (finding,) = expectations.gaps(project, frames | {dataset: frames[dataset].drop(field)}).findings
        assert (finding.severity, finding.evidence["columns"]) == ("critical", [name])
        (gone,) = expectations.gaps(project, {one: rows for one, rows in frames.items() if one != dataset}).findings
        assert gone.evidence["absent"] == [dataset]


def test_a_value_that_no_row_has_is_critical_whatever_share_is_allowed(make, survey):
    gap = make.gap("missing_value", field="x", max_share=1.0, severity="info")
    dataset = make.contract(make.field("x"), gap_rules=(gap,))
    (finding,) = survey((dataset, {"x": pl.Series([None], dtype=pl.String)})).findings
    assert (finding.severity, finding.count, finding.sample_keys) == ("critical", 1, ("1",))


def test_one_lost_column_of_a_conflict_does_not_hide_what_the_others_disagree_on(make, survey):
    compare = ({"field": "n", "other": "m"}, {"field": "day", "other": "day"})
    given = {"to_dataset": "other", "on": (("x", "y"),), "compare": compare}
    ours, other = _systems(make, "conflict", given)
    lost, differs = (
        {**OTHER, "m": [None, None], "day": FULL["day"]},
        {**FULL, "day": [date(2024, 1, 1), date(2025, 1, 2)]},
    )
    told = {one.rule: one.severity for one in survey((ours, differs), (other, lost)).findings}
    assert told == {"the-gap/day": "info", "the-gap/n": "critical"}


def test_an_empty_further_register_is_unknown_and_not_ignorant(make, survey):
    gap = make.gap("missing_reference", fields=("x",), to_dataset="other", to_fields=("y",), also_in=(("third", "z"),))
    ours = make.contract(make.field("x"), name="ours", gap_rules=(gap,))
    other, third = make.contract(make.field("y"), name="other"), make.contract(make.field("z"), name="third")
    report = survey((ours, {"x": ["a"]}), (other, {"y": ["b"]}), (third, {"z": pl.Series([], dtype=pl.String)}))
    assert "unknown" in report.findings[0].evidence["known_elsewhere"]["third.z"]


SECRET = "first@example.org"


@pytest.mark.parametrize("label", [{"personal": True}, {"mask": "redact"}, {"classification": 2}])
def test_a_value_that_may_not_be_told_is_in_no_finding_of_any_kind(make, survey, label):
    mail = make.field("mail", **label)
    gaps = (
        make.gap("missing_reference", name="a", fields=("mail",), to_dataset="other", to_fields=("mail",),
                 direction="both"),
        make.gap("missing_entity", name="b", fields=("mail",), systems=(("other", "mail"),), where={"mail": (SECRET,)}),
        make.gap("stale_field", name="c", to_dataset="other", on=(("code", "code"),), changed="day",
                 their_changed="day", max_age="1d"),
        make.gap("segment_coverage", name="d", field="code", per=("mail",), min_rows=1),
        make.gap("mixed_format", name="e", field="mail"),
        make.gap("missing_sequence", name="f", field="code", per=("mail",)),
    )  # fmt: skip
    fields = (mail, make.field("code"), make.field("day", "date", **label))
    people = make.contract(*fields, name="people", gap_rules=gaps, documents=(make.document(), make.document("mail")))
    other = make.contract(*fields, name="other", documents=(make.document(), make.document("mail")))
    day = date(1815, 12, 10)
    mails = [SECRET, SECRET, "MÃ¼ller " + SECRET, SECRET]
    report = survey(
        (people, {"mail": mails, "code": ["K1", "K4", None, "no number"], "day": [day] * 4}),
        (other, {"mail": ["x" + SECRET], "code": ["K1"], "day": [date(1906, 12, 9)]}),
    )
    assert {one.rule.partition("/")[0] for one in report.findings} == set("abcdef")
    told = json.dumps([one.model_dump(mode="json") for one in report.findings])
    assert SECRET not in told + str(report.known.to_dicts())
    assert "1815" not in told
    assert "1906" not in told


def test_a_rule_names_all_that_its_findings_may_quote(make):
    for kind, keys, needed in GAPS:
        named = {f"{dataset}.{field}" for dataset, field in make.gap(kind, **keys).named("ours")}
        assert set(needed) <= named, kind


def test_every_kind_can_be_surveyed(make):
    from typing import get_args

    from catalog.models import GapKind
    from expectations.surveying import _KINDS

    assert {*_KINDS, "conflict"} == set(get_args(GapKind)) == {one[0] for one in GAPS}
    assert Systems(make.project(), {}).frames == {}

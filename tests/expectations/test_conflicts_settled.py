"""Conflicts of a project are settled over all systems that speak: who wins, why, and what stays open."""

import re
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

import expectations
from catalog.errors import Problem
from catalog.extensions import GapShape
from catalog.gap_rules import gap_rule
from catalog.yaml_lines import parse_part
from expectations.settled_rows import SETTLED


def rule(make, other, *, name="differ", compare=("name",), **given):
    fields = tuple({"field": one, "other": one} for one in compare)
    return make.gap("conflict", name=name, to_dataset=other, on=(("code", "code"),), compare=fields, **given)


def system(make, name, *gaps, fields=(), **given):
    fields = fields or (make.field("name", title="Name"), make.field("touched", "date"))
    code = make.field("code", unique=True)
    return make.contract(code, *fields, name=name, gap_rules=gaps, documents=(make.document(),), **given)


def report(make, *told):
    """The report over systems given as (contract, columns)."""
    frames = {one.name: make.rows(one, **columns).drop("_outcome", "_faults") for one, columns in told}
    return expectations.gaps(make.project(*(one for one, _ in told)), frames)


def rows(names, *, touched=None):
    codes = [f"E{place}" for place in range(len(names))]
    days = touched or [None] * len(names)
    return {"code": codes, "name": names, "touched": pl.Series(days, dtype=pl.Date)}


def sentences(told, dataset):
    known = told.known.filter(pl.col("dataset") == dataset)
    return dict(known.select("key", "sentence").iter_rows())


def settled(told, dataset):
    found = told.settled.filter(pl.col("dataset") == dataset)
    return {key: (value, who, why) for key, value, who, why in
            found.select("key", "value", "winner_source", "reason").iter_rows()}  # fmt: skip


def test_two_systems_without_a_declared_order_or_times_are_left_unsettled(make):
    told = report(
        make, (system(make, "crm", rule(make, "web")), rows(["Bonn", "Ulm"])),
        (system(make, "web"), rows(["Köln", "Ulm"])),
    )  # fmt: skip
    assert sentences(told, "crm") == {"1": "Name: Crm says Bonn, Web says Köln; unsettled: no rule decides."}
    (finding,) = told.findings
    assert finding.evidence["settled"] == {"unsettled": 1}
    assert finding.message.endswith("; all unsettled.")
    assert settled(told, "crm") == settled(told, "web") == {"1": (None, None, "unsettled")}


def test_the_newer_word_wins_where_both_are_dated(make):
    dated = rule(make, "web", changed="touched", their_changed="touched")
    told = report(
        make,
        (system(make, "crm", dated), rows(["Bonn", "Ulm"], touched=[date(2024, 1, 1), date(2024, 1, 1)])),
        (system(make, "web"), rows(["Köln", "Kiel"], touched=[date(2025, 1, 1), None])),
    )
    assert sentences(told, "web")["1"] == "Name: Crm says Bonn, Web says Köln; Web wins: recency."
    assert sentences(told, "web")["2"].endswith("unsettled: no rule decides."), "nobody knows how old Kiel is"
    assert told.settled.filter(key="1", dataset="crm")["losers"].to_list() == [
        [{"source": "crm", "field": "name", "value": "Bonn", "at": datetime(2024, 1, 1)}]
    ]


def test_times_that_no_row_has_are_a_finding_beside_the_conflicts(make):
    dated = rule(make, "web", changed="touched", their_changed="touched")
    told = report(make, (system(make, "crm", dated), rows(["Bonn"])), (system(make, "web"), rows(["Köln"])))
    assert {one.rule: one.severity for one in told.findings} == {"differ/name": "warning", "differ/changed": "critical"}


def test_the_order_of_records_decides_and_a_field_may_have_its_own(make):
    fields = (make.field("name"), make.field("city"))
    compare = ({"field": "name", "other": "name"}, {"field": "city", "other": "city", "system_of_record": ("web",)})
    gap = make.gap("conflict", name="differ", to_dataset="web", on=(("code", "code"),), compare=compare,
                   system_of_record=("crm", "web"))  # fmt: skip
    told = report(
        make,
        (system(make, "crm", gap, fields=fields), {"code": ["A"], "name": ["x"], "city": ["Bonn"]}),
        (system(make, "web", fields=fields), {"code": ["A"], "name": ["y"], "city": ["Köln"]}),
    )
    winners = dict(told.settled.filter(dataset="web").select("field", "winner_source").iter_rows())
    assert winners == {"name": "crm", "city": "web"}


def three(make, **given):
    """Two rules of crm that compare the same field with two systems, which speak of it together."""
    return system(make, "crm", rule(make, "web", **given), rule(make, "erp", name="also", **given))


def test_systems_that_no_rule_compares_directly_settle_a_field_together(make):
    names = [f"n{place}" for place in range(30)]
    wrong = [f"{one}-wrong" if place % 5 == 0 else one for place, one in enumerate(names)]
    told = report(make, (three(make), rows(wrong)), (system(make, "web"), rows(names)),
                  (system(make, "erp"), rows(names)))  # fmt: skip
    assert [one.rule for one in told.findings] == ["differ/name", "also/name"]
    assert told.findings[0].evidence["settled"] == {"reliability": 6}
    scores = {one["value"]: one["score"] for one in told.findings[0].evidence["reliability"]}
    assert scores["web"] == scores["erp"] > scores["crm"]
    assert settled(told, "crm")["1"] == ("n0", "erp", "reliability")
    assert settled(told, "web")["1"] == ("n0", "web", "reliability")


def test_a_third_system_may_be_the_system_of_record(make):
    told = report(make, (three(make, system_of_record=("erp",)), rows(["a"])), (system(make, "web"), rows(["b"])),
                  (system(make, "erp"), rows(["c"])))  # fmt: skip
    assert settled(told, "web") == {"1": ("c", "erp", "system of record")}
    assert sentences(told, "web")["1"] == "Name: Crm says a, Web says b; Erp wins with c: system of record."


@pytest.mark.parametrize(("roles", "classification"), [(("board",), 1), ((), 2)])
def test_a_third_system_that_may_not_be_quoted_is_not_named(make, roles, classification):
    hidden = (make.field("name", classification=classification), make.field("touched", "date"))
    told = report(make, (three(make, system_of_record=("erp",)), rows(["a"])), (system(make, "web"), rows(["b"])),
                  (system(make, "erp", fields=hidden, roles=roles), rows(["secret"])))  # fmt: skip
    finding = next(one for one in told.findings if one.rule == "differ/name")
    assert sentences(told, "web")["1"].endswith("; another system wins: system of record.")
    assert "erp" not in str(finding.evidence).lower()
    assert "secret" not in str(told.known.filter(pl.col("dataset") != "erp").to_dicts()) + str(finding)


@pytest.mark.parametrize("lost", ["rows", "column", "values"])
def test_a_silent_system_of_record_is_a_finding_and_nothing_after_it_decides(make, lost):
    given = {"system_of_record": ("erp", "crm")}
    crm, web, erp = three(make, **given), system(make, "web"), system(make, "erp")
    frames = {one.name: make.rows(one, **rows(names)) for one, names in
              ((crm, ["a", "b"]), (web, ["x", "b"]), (erp, ["a", "b"]))}  # fmt: skip
    spoiled = {
        "rows": frames["erp"].clear(), "column": frames["erp"].drop("name"),
        "values": frames["erp"].with_columns(name=pl.lit(None, pl.String)),
    }  # fmt: skip
    told = expectations.gaps(make.project(crm, web, erp), frames | {"erp": spoiled[lost]})
    silent = next(one for one in told.findings if one.rule == "differ/name/record")
    assert (silent.severity, silent.count, silent.evidence["silent"]) == ("critical", 1, "erp")
    assert settled(told, "crm") == {"1": (None, None, "unsettled")}
    assert sentences(told, "crm")["1"].endswith("unsettled: Erp is the system of record and says nothing now.")
    assert {one["source"] for one in told.settled["losers"][0]} == {"crm", "web"}


def test_one_record_without_a_value_leaves_that_entity_to_the_next(make):
    told = report(make, (three(make, system_of_record=("erp", "web")), rows(["a", "b"])),
                  (system(make, "web"), rows(["x", "y"])), (system(make, "erp"), rows(["a", None])))  # fmt: skip
    assert settled(told, "crm") == {"1": ("a", "crm", "system of record"), "2": ("y", "web", "system of record")}
    assert settled(told, "web")["1"] == ("a", "erp", "system of record")


def test_an_entity_known_by_two_keys_is_one(make):
    """The registry knows tax numbers and the web shop codes; only the CRM has both."""
    tax = make.field("tax", unique=True)
    gaps = (rule(make, "web", system_of_record=("registry",)),
            make.gap("conflict", name="official", to_dataset="registry", on=(("tax", "tax"),),
                     compare=({"field": "name", "other": "name"},)))  # fmt: skip
    crm = system(make, "crm", *gaps, fields=(make.field("name"), tax))
    registry = make.contract(tax, make.field("name"), name="registry", documents=(make.document(),))
    told = report(
        make, (crm, {"code": ["C1", "C2"], "tax": ["T1", "T2"], "name": [None, "b"]}),
        (system(make, "web", fields=(make.field("name"),)), {"code": ["C1", "C2"], "name": ["a", "x"]}),
        (registry, {"tax": ["T1", "T2"], "name": ["A Ltd", "b"]}),
    )  # fmt: skip
    assert settled(told, "web") == {"1": ("A Ltd", "registry", "system of record"), "2": ("b", "registry",
                                    "system of record")}  # fmt: skip


def test_numbers_settle_by_value_and_are_told_as_documents_read_them(make):
    fields = (make.field("size", "number"),)
    other = (make.field("size", "integer"),)
    gap = rule(make, "web", compare=("size",), system_of_record=("web",))
    told = report(make, (system(make, "crm", gap, fields=fields), {"code": ["A", "B"], "size": [12.0, 7.5]}),
                  (system(make, "web", fields=other), {"code": ["A", "B"], "size": [12, 8]}))  # fmt: skip
    assert settled(told, "crm") == {"2": ("8", "web", "system of record")}


def test_what_a_masked_field_holds_is_not_kept_among_the_settled(make):
    fields = (make.field("name", mask="pseudonym"),)
    told = report(make, (system(make, "crm", rule(make, "web"), fields=fields), {"code": ["A"], "name": ["Secret"]}),
                  (system(make, "web", fields=fields), {"code": ["A"], "name": ["Hidden"]}))  # fmt: skip
    assert told.settled.height == 2
    assert not {"Secret", "Hidden"} & set(str(told.settled.to_dicts()).replace("'", " ").split())


def test_a_project_without_conflicts_settles_nothing(make):
    told = report(make, (system(make, "crm"), rows(["a"])))
    assert told.settled.is_empty()
    assert list(told.settled.columns) == list(SETTLED)


def test_the_settlement_does_not_depend_on_the_order_of_rows(make):
    crm, web = system(make, "crm", rule(make, "web")), system(make, "web")
    one = report(make, (crm, {**rows(["a", "b", "c"]), "id": [1, 2, 3]}), (web, rows(["x", "b", "z"])))
    turned = {"code": ["E2", "E1", "E0"], "name": ["c", "b", "a"], "id": [3, 2, 1],
              "touched": pl.Series([None] * 3, dtype=pl.Date)}  # fmt: skip
    other = report(make, (crm, turned), (web, rows(["x", "b", "z"])))
    assert one.settled.equals(other.settled)


def test_learning_that_does_not_come_to_rest_is_a_finding(make, monkeypatch):
    monkeypatch.setattr("expectations.settling.learning.ROUNDS", 1)
    names = [f"n{place}" for place in range(30)]
    wrong = [f"{one}-wrong" if place % 5 == 0 else one for place, one in enumerate(names)]
    told = report(make, (three(make), rows(wrong)), (system(make, "web"), rows(names)),
                  (system(make, "erp"), rows(names)))  # fmt: skip
    assert "differ/name/unconverged" in [one.rule for one in told.findings]


def test_the_rule_that_the_page_shows_is_one_that_contracts_may_hold():
    page = (Path(__file__).parents[2] / "docs" / "readiness" / "conflicts.md").read_text()
    found: list[Problem] = []
    part = parse_part(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0], file="page", found=found)
    entry = part.items()[0].get("value").items()[0]
    assert gap_rule(GapShape.model_validate(entry.value), entry, found=found)
    assert found == []

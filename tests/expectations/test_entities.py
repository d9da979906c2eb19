"""Links over many systems, and the golden record: values are chosen and named, never mixed; gaps are told."""

import datetime as dt

import polars as pl
import pytest

from catalog.entity_models import Entity, EntityKey, GoldenField, Match, MatchBlock, MatchField, Member
from expectations.linking.golden import golden_record
from expectations.linking.planning import plan_for
from expectations.linking.resolving import WORD_SCHEMA, resolve

SYSTEMS = ("crm", "billing", "support")


def entity(make, **told):
    usual = {
        "name": "customer", "members": tuple(Member(dataset=name) for name in SYSTEMS),
        "keys": (EntityKey(fields=dict.fromkeys(SYSTEMS, ("vat",))),), "place": make.field("x").place,
    }  # fmt: skip
    return Entity(**usual | told)


def datasets(make):
    fields = [make.field(name) for name in ("vat", "name", "town")] + [make.field("changed", "date")]
    return {name: make.contract(*fields, name=name) for name in SYSTEMS}


def frame(**columns):
    height = len(columns["_key"])
    usual = {name: pl.Series([None] * height, dtype=pl.String) for name in ("vat", "name", "town")}
    told = pl.DataFrame(usual | columns)
    return told if "changed" in columns else told.with_columns(changed=pl.lit(None, pl.Date))


def words(*rows):
    return pl.DataFrame(rows, schema=WORD_SCHEMA, orient="row")


def groups(found):
    told = found.records.group_by("group").agg((pl.col("dataset") + ":" + pl.col("key")).sort())
    return sorted(tuple(one) for one in told["dataset"].to_list())


def resolved(make, frames, *said, **told):
    return resolve(entity(make, **told), datasets(make), frames, words=words(*said))


def three(make):
    """One customer in three systems, joined by one number for taxes."""
    return {name: frame(_key=["1", "2"], vat=["V1", f"V-{name}"]) for name in SYSTEMS}


def test_a_key_joins_as_many_systems_as_hold_it(make):
    found = resolved(make, three(make))
    assert ("billing:1", "crm:1", "support:1") in groups(found)
    assert set(found.links["way"]) == {"key"}
    assert len(groups(found)) == 4


def test_who_is_kept_apart_stays_apart_also_by_way_of_a_third_system(make):
    found = resolved(make, three(make), ("crm", "1", "billing", "1", False))
    crm = next(one for one in groups(found) if "crm:1" in one)
    assert "billing:1" not in crm
    apart = found.links.filter(pl.col("reason") == "kept_apart")
    assert apart["decision"].to_list() == ["review"]


def test_a_key_without_a_value_joins_nobody(make):
    found = resolved(make, {name: frame(_key=["1", "2"], vat=[None, " "]) for name in SYSTEMS})
    assert found.links.is_empty()
    assert len(groups(found)) == 6


def test_a_key_agrees_without_regard_to_case_and_punctuation(make):
    frames = {"crm": frame(_key=["1"], vat=["DE 12-3"]), "billing": frame(_key=["1"], vat=["de123"])}
    frames["support"] = frame(_key=["9"], vat=["other"])
    assert ("billing:1", "crm:1") in groups(resolved(make, frames))


def test_a_system_without_rows_is_a_fault_and_not_silence(make):
    frames = {name: one for name, one in three(make).items() if name != "support"}
    assert resolved(make, frames).faults == ("'support' has no ready rows",)
    found = resolved(make, frames | {"support": frame(_key=pl.Series([], dtype=pl.String))})
    assert found.faults == ("'support' has no ready rows",)
    assert ("billing:1", "crm:1") in groups(found)


def test_systems_that_share_fields_and_no_blocking_are_a_fault(make):
    match = Match(
        fields=(MatchField(name="town", fields=dict.fromkeys(SYSTEMS, "town")),
                MatchField(name="name", fields={"crm": "name", "billing": "name"})),
        blocking=(MatchBlock(fields=("name",)),),
    )  # fmt: skip
    found = resolved(make, three(make), match=match, keys=())
    assert any("'crm' and 'support' share match fields" in fault for fault in found.faults)


def test_systems_that_promise_one_record_each_are_linked_one_to_one(make):
    members = tuple(Member(dataset=name, one_per_entity=True) for name in SYSTEMS)
    one, other, _ = datasets(make).values()
    assert plan_for(entity(make, members=members), one, other, {}).one_to_one
    assert not plan_for(entity(make), one, other, {}).one_to_one
    assert not plan_for(entity(make, members=members), one, one, {}).one_to_one


def known_by(make, golden, **frames):
    told = entity(make, golden=(golden,))
    members = pl.DataFrame({"entity_id": "e", "dataset": name, "key": key} for name, one in frames.items()
                           for key in one["_key"])  # fmt: skip
    (row,) = golden_record(told, members, frames).rows(named=True)
    return row["value"], row["dataset"], row["reason"], row["others"]


TOWN = (("crm", "town"), ("billing", "town"))


@pytest.mark.parametrize(
    ("crm", "billing", "told"),
    [
        ("Bonn", "Köln", ("Bonn", "crm", "order", 1)),
        (None, "Köln", ("Köln", "billing", "only", 0)),
        (" ", "Köln", ("Köln", "billing", "only", 0)),
        ("Bonn", "Bonn", ("Bonn", "crm", "order", 0)),
    ],
)
def test_by_order_the_first_system_that_has_a_value_gives_it(make, crm, billing, told):
    frames = {"crm": frame(_key=["1"], town=[crm]), "billing": frame(_key=["1"], town=[billing])}
    assert known_by(make, GoldenField(name="town", sources=TOWN), **frames) == told


@pytest.mark.parametrize(
    ("crm", "billing", "told"),
    [
        (dt.date(2026, 1, 1), dt.date(2026, 2, 1), ("Köln", "billing", "newest", 1)),
        (dt.date(2026, 2, 1), dt.date(2026, 2, 1), ("Bonn", "crm", "newest", 1)),
        (None, dt.date(1970, 1, 1), ("Köln", "billing", "newest", 1)),
        (None, None, ("Bonn", "crm", "no_change_date", 1)),
    ],
)
def test_the_newest_value_wins_and_an_unknown_date_is_never_new(make, crm, billing, told):
    days = [pl.Series([day], dtype=pl.Date) for day in (crm, billing)]
    frames = {
        "crm": frame(_key=["1"], town=["Bonn"], changed=days[0]),
        "billing": frame(_key=["1"], town=["Köln"], changed=days[1]),
    }
    golden = GoldenField(name="town", sources=TOWN, rule="newest", changed={"crm": "changed", "billing": "changed"})
    assert known_by(make, golden, **frames) == told


def test_of_two_records_the_fuller_one_gives_its_value(make):
    told = entity(make, golden=(
        GoldenField(name="town", sources=TOWN, rule="most_complete"),
        GoldenField(name="name", sources=(("crm", "name"), ("billing", "name"))),
    ))  # fmt: skip
    frames = {"crm": frame(_key=["1"], town=["Bonn"]), "billing": frame(_key=["7"], town=["Köln"], name=["B"])}
    members = pl.DataFrame({"entity_id": ["e", "e"], "dataset": ["crm", "billing"], "key": ["1", "7"]})
    rows = {one["field"]: one for one in golden_record(told, members, frames).rows(named=True)}
    assert (rows["town"]["value"], rows["town"]["reason"]) == ("Köln", "most_complete")

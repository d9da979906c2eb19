"""What one contract changes against another: every difference is told, and those that break readers are known."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import Home, load_project
from catalog.changes import changes
from catalog.errors import Refusal
from catalog.models import (
    Classification,
    Dataset,
    Definition,
    Field,
    FieldFreshness,
    Incremental,
    Place,
    Rule,
    VolumeLimits,
)
from catalog.published import contract_json, contract_path, published_contract, published_names
from catalog.versions import next_line, step, version_of

HERE = Place(file="datasets/trips.odcs.yaml", line=5)
THERE = Place(file="datasets/trips.odcs.yaml", line=9)
DEFINED = Definition(url="https://wiki.example.org/port", type="businessDefinition")


LOADED = []  # a contract is frozen: one reading serves all tests


@pytest.fixture
def trips(request):
    if not LOADED:
        LOADED.append(load_project(request.getfixturevalue("folder")).datasets["trips"])
    return LOADED[0]


def with_field(dataset, which, /, **update):
    fields = [one.model_copy(update=update) if one.name == which else one for one in dataset.fields]
    return dataset.model_copy(update={"fields": tuple(fields)})


def with_rule(rule, dataset):
    return dataset.model_copy(update={"rules": (*dataset.rules, rule)})


def a_rule(kind, *, name="promise", field="state", tolerance=None, action="quarantine", **arguments):
    return Rule(name=name, kind=kind, field=field, arguments=arguments, tolerance=tolerance, action=action, place=THERE)


def told(before, after):
    return [(one.kind, one.subject, one.effect) for one in changes(before, after)]


def test_a_contract_changes_nothing_against_itself_nor_against_its_stored_form(trips, tmp_path):
    home = Home(tmp_path)
    contract_path(home, "trips").parent.mkdir()
    contract_path(home, "trips").write_text(json.dumps(contract_json(trips)))
    stored = published_contract(home, "trips")
    assert changes(trips, trips) == changes(stored, trips) == changes(trips, stored) == []
    assert list(published_names(home)) == ["trips"]
    assert "place" not in json.dumps(contract_json(trips))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "trips"}', "{", '{"fields": [1]}'])
def test_a_stored_contract_that_cannot_be_read_is_refused_by_name(tmp_path, text):
    home = Home(tmp_path)
    contract_path(home, "trips").parent.mkdir()
    contract_path(home, "trips").write_text(text)
    with pytest.raises(Refusal, match=r"trips\.contract\.json holds no contract"):
        published_contract(home, "trips")


def test_a_dataset_that_was_never_published_has_no_contract_to_break(tmp_path):
    assert published_contract(Home(tmp_path), "trips") is None
    assert list(published_names(Home(tmp_path))) == []


FIELD_CHANGES = [
    ("port", {"type": "integer"}, ("type_changed", "port", "breaking")),
    ("clock", {"name": "hour", "physical_name": "clock"}, ("field_renamed", "hour", "breaking")),
    ("weight", {"classification": Classification.internal}, ("classification_lowered", "weight", "widened access")),
    ("port", {"classification": Classification.restricted}, ("classification_raised", "port", "narrowed access")),
    ("weight", {"personal": False}, ("personal_unmarked", "weight", "widened access")),
    ("port", {"personal": True}, ("personal_marked", "port", "narrowed access")),
    ("port", {"mask": "redact"}, ("mask_strengthened", "port", "narrowed access")),
    ("weight", {"unit": None}, ("meaning_changed", "weight", "breaking")),
    ("day", {"format": "yyyy-MM-dd"}, ("meaning_changed", "day", "breaking")),
    ("day", {"zone": "Europe/Berlin"}, ("meaning_changed", "day", "breaking")),
    ("left_at", {"combine": None}, ("meaning_changed", "left_at", "breaking")),
    ("weight", {"scale": 2}, ("meaning_changed", "weight", "breaking")),
    ("weight", {"decimal_comma": True}, ("meaning_changed", "weight", "breaking")),
    ("port", {"blob": "skip"}, ("meaning_changed", "port", "breaking")),
    ("port", {"required": True}, ("made_required", "port", "compatible")),
    ("port", {"on_bad_value": "discard_value"}, ("value_loosened", "port", "breaking")),
    ("port", {"on_bad_value": "discard_row"}, ("value_tightened", "port", "compatible")),
    ("port", {"expected": True}, ("value_tightened", "port", "compatible")),
    ("port", {"physical_name": "PORT"}, ("reading_changed", "port", "compatible")),
    ("port", {"physical_type": "CHAR(3)"}, ("reading_changed", "port", "compatible")),
    ("port", {"null_values": ("-",)}, ("reading_changed", "port", "compatible")),
    ("port", {"start": 4}, ("reading_changed", "port", "compatible")),
    ("port", {"length": 4}, ("reading_changed", "port", "compatible")),
    ("port", {"title": "Port"}, ("described", "port", "compatible")),
    ("port", {"description": "Where to."}, ("described", "port", "compatible")),
    ("port", {"labelled": True}, ("described", "port", "compatible")),
    ("port", {"definitions": (DEFINED,)}, ("described", "port", "compatible")),
]


@pytest.mark.parametrize(("name", "update", "expected"), FIELD_CHANGES, ids=lambda one: str(one)[:40])
def test_a_change_of_a_field_is_told_once_with_what_it_means(trips, name, update, expected):
    assert told(trips, with_field(trips, name, **update)) == [expected]


def test_every_attribute_of_a_field_is_one_whose_change_is_told():
    untold = {"place", "unique", "key_position"}  # the place is none of the promise; the others are rules and the key
    assert {name for _, update, _ in FIELD_CHANGES for name in update} == set(Field.model_fields) - untold


def test_a_requirement_that_is_dropped_breaks_those_who_never_met_null(trips):
    strict = with_field(trips, "port", required=True)
    assert told(strict, trips) == [("made_optional", "port", "breaking")]


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ("redact", None, "widened access"),
        ("pseudonym", "last4", "widened access"),
        ("last4", "year", "widened access"),
        ("last4", "pseudonym", "narrowed access"),
        ("redact", "drop", "narrowed access"),
    ],
)
def test_a_mask_that_shows_more_widens_access(trips, before, after, effect):
    (change,) = changes(with_field(trips, "port", mask=before), with_field(trips, "port", mask=after))
    assert (change.effect, change.needs_new_line) == (effect, effect == "widened access")


def test_a_blob_that_is_handed_out_widens_access(trips):
    (change,) = changes(with_field(trips, "port", blob="hash"), with_field(trips, "port", blob="extract"))
    assert (change.breaking, change.access) == (True, "widened")


def test_a_field_that_is_gone_takes_its_rules_with_it_and_is_told_once(trips):
    fewer = trips.model_copy(
        update={
            "fields": tuple(one for one in trips.fields if one.name != "state"),
            "rules": tuple(one for one in trips.rules if one.field != "state"),
        }
    )
    assert told(trips, fewer) == [("field_removed", "state", "breaking")]
    assert told(fewer, trips) == [("field_added", "state", "compatible"), ("rule_added", "state-in-set", "compatible")]


def test_a_renamed_key_is_a_renamed_field_and_no_other_key(trips):
    after = with_field(trips, "id", name="trip")
    rules = [
        one.model_copy(update={"field": "trip", "arguments": one.arguments | {"fields": ("trip",)}})
        if one.name == "primary-key"
        else one.model_copy(update={"field": "trip", "name": "trip-required"})
        if one.field == "id"
        else one
        for one in after.rules
    ]
    assert told(trips, after.model_copy(update={"rules": tuple(rules)})) == [("field_renamed", "trip", "breaking")]


def test_another_key_names_every_record_anew(trips):
    after = with_field(with_field(trips, "port", key_position=1), "id", key_position=2)
    assert ("key_changed", "", "breaking") in told(trips, after)


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (("a",), ("a", "b"), ["roles_widened"]),
        (("a",), (), ["roles_widened"]),
        (("a", "b"), ("a",), ["roles_narrowed"]),
        ((), ("a",), ["roles_narrowed"]),
        (("a",), ("b",), ["roles_widened", "roles_narrowed"]),
    ],
)
def test_roles_that_come_widen_access_and_roles_that_go_narrow_it(trips, before, after, kinds):
    old, new = (trips.model_copy(update={"roles": roles}) for roles in (before, after))
    found = changes(old, new)
    assert [one.kind for one in found] == kinds
    assert [one.needs_new_line for one in found] == [kind == "roles_widened" for kind in kinds]


RULES = [
    (a_rule("in_set", values=("a", "b")), a_rule("in_set", values=("a",)), "rule_tightened"),
    (a_rule("in_set", values=("a",)), a_rule("in_set", values=("a", "b")), "rule_loosened"),
    (a_rule("in_set", values=(1,)), a_rule("in_set", values=("1",)), "rule_loosened"),
    (a_rule("range", min=0, max=9), a_rule("range", min=1, max=None), "rule_loosened"),
    (a_rule("range", min=0, max=None), a_rule("range", min=0.5, max=9), "rule_tightened"),
    (a_rule("range", min="2020-01-01", max=None), a_rule("range", min="2021-01-01", max=None), "rule_tightened"),
    (a_rule("range", min="2020-01-01", max=None), a_rule("range", min="2019-12-31", max=None), "rule_loosened"),
    (a_rule("range", min="2020-01-01T00:00:00Z"), a_rule("range", min="2021-01-01"), "rule_loosened"),
    (a_rule("range", min="08:00"), a_rule("range", min="08:30"), "rule_tightened"),
    (a_rule("range", min=5), a_rule("range", min="2021-01-01"), "rule_loosened"),
    (a_rule("length", min=None, max=3), a_rule("length", min=None, max=4), "rule_loosened"),
    (a_rule("row_count", field=None, min=1), a_rule("row_count", field=None, min=100), "rule_tightened"),
    (a_rule("pattern", regex="[a-c]"), a_rule("pattern", regex="[ab]"), "rule_loosened"),
    (a_rule("unique", fields=("port",)), a_rule("unique", fields=("port", "day")), "rule_loosened"),
    (a_rule("unique", fields=("port", "day")), a_rule("unique", fields=("port",)), "rule_tightened"),
    (a_rule("not_null", tolerance=0.1), a_rule("not_null"), "rule_tightened"),
    (a_rule("not_null"), a_rule("not_null", tolerance=0.0), "rule_loosened"),
    (a_rule("not_null", action="block"), a_rule("not_null", action="report"), "rule_loosened"),
    (a_rule("not_null", action="report"), a_rule("not_null"), "rule_tightened"),
    (a_rule("sql", query="q", min=0, max=5), a_rule("sql", query="q", min=0, max=4), "rule_tightened"),
    (a_rule("sql", query="q", min=0, max=5), a_rule("sql", query="r", min=0, max=5), "rule_loosened"),
    (a_rule("expectation", type="t", kwargs={"a": 1}), a_rule("expectation", type="t", kwargs={}), "rule_loosened"),
    (
        a_rule("expectation", type="t", kwargs={"mostly": 0.9}, tolerance=0.1),
        a_rule("expectation", type="t", kwargs={"mostly": 0.95}, tolerance=0.05),
        "rule_tightened",
    ),
    (a_rule("not_null"), a_rule("not_null", name="other"), "rule_described"),
]


@pytest.mark.parametrize(("before", "after", "kind"), RULES, ids=lambda one: str(one)[:60])
def test_a_rule_that_lets_pass_what_it_did_not_is_breaking(trips, before, after, kind):
    (change,) = changes(with_rule(before, trips), with_rule(after, trips))
    assert (change.kind, change.breaking) == (kind, kind == "rule_loosened")
    assert change.place == THERE


def test_a_rule_that_goes_is_breaking_and_one_that_comes_is_not(trips):
    more = with_rule(a_rule("not_null"), trips)
    assert told(more, trips) == [("rule_removed", "promise", "breaking")]
    assert told(trips, more) == [("rule_added", "promise", "compatible")]


@given(
    old=st.tuples(st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5)),
    new=st.tuples(st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5)),
)
def test_a_range_is_breaking_just_where_a_value_passes_that_did_not(old, new):
    before, after = (
        Dataset(
            name="n", version="1.0.0", title="", source="s", physical_name="p", fingerprint=str(ends), place=HERE,
            fields=(Field(name="state", physical_name="s", type="integer", place=HERE),),
            rules=(a_rule("range", min=ends[0], max=ends[1]),),
        )
        for ends in (old, new)
    )  # fmt: skip

    def passes(ends, value):
        return (ends[0] is None or value >= ends[0]) and (ends[1] is None or value <= ends[1])

    new_values = [value for value in range(-7, 8) if passes(new, value) and not passes(old, value)]
    empty = any(None not in ends and ends[0] > ends[1] for ends in (old, new))
    if not empty:  # the loader refuses a range that no value can pass
        assert any(one.breaking for one in changes(before, after)) == bool(new_values)


def test_a_gap_that_is_no_longer_looked_for_is_breaking(trips):
    fewer = trips.model_copy(update={"gap_rules": trips.gap_rules[1:]})
    assert told(trips, fewer) == [("gap_rule_removed", "port-unknown", "breaking")]
    assert told(fewer, trips) == [("gap_rule_added", "port-unknown", "compatible")]


@pytest.mark.parametrize(
    ("update", "kind"),
    [
        ({"max_share": 0.05}, "gap_rule_tightened"),
        ({"max_share": 0.5}, "gap_rule_loosened"),
        ({"per": ("port",)}, "gap_rule_loosened"),
        ({"severity": "info", "remedy": "Ask."}, "gap_rule_described"),
    ],
)
def test_a_gap_rule_that_may_find_less_is_breaking(trips, update, kind):
    rules = tuple(one.model_copy(update=update) if one.name == "weight-missing" else one for one in trips.gap_rules)
    (change,) = changes(trips, trips.model_copy(update={"gap_rules": rules}))
    assert (change.kind, change.breaking) == (kind, kind == "gap_rule_loosened")


@pytest.mark.parametrize(
    ("rule", "compared", "kind"),
    [
        ({"system_of_record": ("trips",)}, {}, "gap_rule_described"),
        ({"changed": "day", "their_changed": "opened"}, {}, "gap_rule_described"),
        ({}, {"system_of_record": ("trips",)}, "gap_rule_described"),
        ({"system_of_record": ("trips",)}, {"tolerance": 20.0}, "gap_rule_loosened"),
    ],
)
def test_another_winner_of_a_conflict_breaks_nobody(trips, rule, compared, kind):
    """The same conflicts are found; a wider tolerance finds fewer."""
    old = next(one for one in trips.gap_rules if one.kind == "conflict")
    fields = tuple(one.model_copy(update=compared) for one in old.compare)
    new = old.model_copy(update={**rule, "compare": fields})
    rules = tuple(new if one is old else one for one in trips.gap_rules)
    (change,) = changes(trips, trips.model_copy(update={"gap_rules": rules}))
    assert (change.kind, change.breaking) == (kind, kind == "gap_rule_loosened")
    assert ("settles anew" in change.sentence) == (kind == "gap_rule_described")


def test_a_gap_rule_about_a_renamed_field_is_the_same_rule(trips):
    rules = tuple(one.model_copy(update={"field": "load"}) if one.name == "weight-missing" else one
                  for one in trips.gap_rules)  # fmt: skip
    quality = tuple(one.model_copy(update={"field": "load"}) if one.field == "weight" else one for one in trips.rules)
    after = with_field(trips, "weight", name="load").model_copy(update={"gap_rules": rules, "rules": quality})
    found = [one for one in told(trips, after) if one[1] != "registers-disagree"]  # it compares the old name
    assert found == [("field_renamed", "load", "breaking")]


DATASET_CHANGES = [
    ({"keep": {}}, "scope_changed", "breaking"),
    ({"keep": {"state": ("open",)}}, "scope_changed", "breaking"),
    ({"relations": ()}, "relation_removed", "breaking"),
    ({"freshness": None}, "freshness_loosened", "breaking"),
    ({"freshness": timedelta(hours=27)}, "freshness_loosened", "breaking"),
    ({"freshness": timedelta(hours=25)}, "freshness_tightened", "compatible"),
    ({"field_freshness": (FieldFreshness(field="day", max_age=timedelta(hours=2), place=HERE),)},
     "freshness_tightened", "compatible"),
    ({"quarantine_threshold": 0.5}, "threshold_raised", "breaking"),
    ({"quarantine_threshold": 0.1}, "threshold_lowered", "compatible"),
    ({"source": "registry"}, "reading_changed", "compatible"),
    ({"physical_name": "TRIPS_2"}, "reading_changed", "compatible"),
    ({"query": "SELECT 1"}, "reading_changed", "compatible"),
    ({"incremental": Incremental(mode="keys")}, "reading_changed", "compatible"),
    ({"files": "append"}, "reading_changed", "compatible"),
    ({"drift": "freeze"}, "reading_changed", "compatible"),
    ({"deletion_threshold": 0.5}, "reading_changed", "compatible"),
    ({"volume": VolumeLimits(jump=0.1)}, "reading_changed", "compatible"),
    ({"promises": ("retention",)}, "described", "compatible"),
    ({"definitions": (DEFINED,)}, "described", "compatible"),
    *(({name: "other"}, "described", "compatible") for name in
      ("title", "description", "domain", "owner", "status", "granularity")),
]  # fmt: skip


@pytest.mark.parametrize(("update", "kind", "effect"), DATASET_CHANGES, ids=str)
def test_a_change_of_the_whole_dataset_is_told_once_with_what_it_means(trips, update, kind, effect):
    (change,) = changes(trips, trips.model_copy(update=update))
    assert (change.kind, change.effect, change.place) == (kind, effect, trips.place)


def test_a_field_that_may_be_older_than_before_is_a_breaking_change(trips):
    promise = FieldFreshness(field="day", max_age=timedelta(hours=2), place=trips.place)
    promised = trips.model_copy(update={"field_freshness": (promise,)})
    older = promised.model_copy(
        update={"field_freshness": (promise.model_copy(update={"max_age": timedelta(hours=3)}),)}
    )
    for after in (older, trips):
        assert [(one.kind, one.breaking) for one in changes(promised, after)] == [("freshness_loosened", True)]
    assert "of 'day' changes from 2 h to 3 h" in changes(promised, older)[0].sentence


def test_every_attribute_of_a_dataset_is_one_whose_change_is_told():
    apart = {"fields", "rules", "gap_rules", "documents", "roles"}  # they have tests of their own
    untold = {"name", "version", "fingerprint", "place"}
    assert {name for update, *_ in DATASET_CHANGES for name in update} == set(Dataset.model_fields) - apart - untold


def test_a_document_that_goes_or_groups_anew_is_breaking_and_other_words_are_not(trips):
    trip, summary = trips.documents
    gone = trips.model_copy(update={"documents": (trip,)})
    assert told(trips, gone) == [("document_removed", "port-summary", "breaking")]
    assert told(gone, trips) == [("document_added", "port-summary", "compatible")]
    for update, expected in (
        ({"by": ("day",)}, ("document_regrouped", "port-summary", "breaking")),
        ({"only_missing_in": None}, ("document_regrouped", "port-summary", "breaking")),
        ({"text": "Other words."}, ("document_reworded", "port-summary", "compatible")),
    ):
        after = trips.model_copy(update={"documents": (trip, summary.model_copy(update=update))})
        assert told(trips, after) == [expected]


def test_a_change_names_the_line_of_what_is_there_and_shows_both_values(spoil, folder):
    before = load_project(folder).datasets["trips"]
    spoil("datasets/trips.odcs.yaml", "maxLength: 3", "maxLength: 4")
    (change,) = changes(before, load_project(folder).datasets["trips"])
    lines = Path(folder / "datasets/trips.odcs.yaml").read_text().splitlines()
    assert "maxLength: 4" in lines[change.place.line - 1]
    assert str(change).startswith(f"datasets/trips.odcs.yaml:{change.place.line}: breaking: the rule 'port-length'")
    assert ('"max": 3' in change.before, '"max": 4' in change.after) == (True, True)


STEPS = [
    ("1.0.0", "1.0.0", "same"),
    ("1.0.0+a", "1.0.0+b", "same"),
    ("1.0.0", "1.9.9", "higher"),
    ("1.9.9", "2.0.0", "breaking"),
    ("0.4.1", "0.4.2", "higher"),
    ("0.4.1", "0.5.0", "breaking"),
    ("0.4.1", "1.0.0", "breaking"),
    ("2.0.0", "1.9.9", "lower"),
    ("2.0.0", "2.0.0-rc.1", "lower"),
    ("1.9.0", "2.0.0-rc.1", "breaking"),
    ("2.0.0-rc.1", "2.0.0-rc.2", "breaking"),
    ("2.0.0-rc.1", "2.0.0", "breaking"),
    ("2.1.0-rc.1", "2.1.0", "higher"),
    ("v1", "v1", "same"),
    ("v1", "v2", "unordered"),
    ("1.0.0", "1.0", "unordered"),
    ("1.0.0", "01.0.0", "unordered"),
]


@pytest.mark.parametrize(("before", "after", "expected"), STEPS)
def test_a_version_moves_as_semantic_versions_do(before, after, expected):
    assert step(before, after) == expected


def test_versions_stand_in_the_order_of_the_specification():
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
               "1.0.0-rc.1", "1.0.0"]  # fmt: skip  # https://semver.org, 2.0.0, rule 11
    versions = [version_of(text) for text in ordered]
    assert None not in versions
    assert versions == sorted(versions)


@given(st.tuples(*[st.integers(0, 30)] * 3))
def test_the_next_line_may_always_break_what_came_before(parts):
    text = ".".join(map(str, parts))
    assert step(text, next_line(text)) == "breaking"


def test_a_text_that_is_no_version_has_no_next_line():
    assert next_line("spring") == ""

"""Suggested gap rules: what rows speak for is suggested, what they hold by chance is not, and no value is quoted."""

import json
import random
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import expectations
from expectations.suggesting import rule_of, suggested

UNHURRIED = settings(deadline=None, max_examples=25)
HOURS = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(100)]
CODES = [f"{a}{b}{c}" for a in "KQXZ" for b in "ABCDEFG" for c in "ACEGIKM"]  # 196


@pytest.fixture
def suggest(make):
    """Suggestions for datasets with their columns, by kind; the frames need no key where `id` does for it."""

    def run(*told):
        project = make.project(*(dataset for dataset, _ in told))
        frames = {dataset.name: make.rows(dataset, **columns).drop("_outcome", "_faults") for dataset, columns in told}
        by_kind = {}
        for one in suggested(project, frames):
            by_kind.setdefault(one.kind, []).append(one)
        return by_kind

    return run


@pytest.fixture
def ports(make):
    """A register of 196 ports, by a unique code."""
    contract = make.contract(make.field("code", unique=True), name="ports")
    return contract, {"code": CODES}


def calls(make, name="port", kind="string", **given):
    return make.contract(make.field(name, kind), name="calls", **given)


def test_a_column_of_which_nearly_all_values_are_keys_elsewhere_may_refer_to_them(make, suggest, ports):
    values = [*CODES[:57], "NIL", "VOID", "GONE"] * 2
    (one,) = suggest((calls(make), {"port": values}), ports)["missing_reference"]
    assert (one.dataset, one.found, one.unit) == ("calls", 6, "rows")
    assert (one.rule["fields"], one.rule["to"], one.rule["severity"]) == (["port"], ["ports.code"], "info")
    assert "95 % of the 60 different values" in one.reason


def test_a_column_that_is_included_wholly_gives_a_guard(make, suggest, ports):
    (one,) = suggest((calls(make), {"port": CODES[:60]}), ports)["missing_reference"]
    assert one.found == 0


def test_a_few_values_under_another_name_are_included_by_chance(make, suggest, ports):
    assert "missing_reference" not in suggest((calls(make, "flag"), {"flag": CODES[:60]}), ports)
    assert "missing_reference" in suggest((calls(make, "flag"), {"flag": CODES[:150]}), ports)


def test_small_numbers_are_no_reference_to_numbers_that_were_handed_out_in_turn(make, suggest, ports):
    quantities = {"amount": list(range(1, 151))}
    assert "missing_reference" not in suggest((calls(make, "amount", "integer"), quantities), ports)


def test_titles_that_share_small_words_only_are_not_alike(make, suggest):
    register = make.contract(make.field("code", unique=True, title="Code of the harbour"), name="ports")
    legs = make.contract(make.field("flag", title="Flag of the ship"), name="legs")
    assert "missing_reference" not in suggest((legs, {"flag": CODES[:60]}), (register, {"code": CODES}))


def test_columns_of_one_name_may_agree_less(make, suggest):
    ships = make.contract(make.field("tail_number", unique=True), name="register")
    flown = make.contract(make.field("tail_number"), name="legs")
    rows = (flown, {"tail_number": [*CODES[:70], *(f"M{n}" for n in range(30))]})
    (one,) = suggest(rows, (ships, {"tail_number": CODES}))["missing_reference"]
    assert one.found == 30


def test_a_further_register_is_named_as_one_that_may_know_more(make, suggest, ports):
    other = make.contract(make.field("code", unique=True), name="harbours")
    rows = (calls(make), {"port": [*CODES[:150], "NIL"]})
    found = suggest(rows, ports, (other, {"code": CODES[:140]}))["missing_reference"]
    (one,) = [one for one in found if one.dataset == "calls"]
    assert (one.rule["to"], one.rule["alsoIn"]) == (["ports.code"], ["harbours.code"])


def test_what_a_rule_guards_already_is_not_suggested_again(make, suggest, ports):
    rule = make.gap("missing_reference", fields=("port",), to_dataset="ports", to_fields=("code",))
    assert suggest((calls(make, gap_rules=(rule,)), {"port": CODES[:60]}), ports) == {}


def test_a_reference_that_the_contract_declares_is_suggested_whatever_it_holds(make, suggest, ports):
    from catalog.models import Relation

    link = Relation(fields=("flag",), to_dataset="ports", to_fields=("code",), place=ports[0].place)
    (one,) = suggest((calls(make, "flag", relations=(link,)), {"flag": ["X"] * 5}), ports)["missing_reference"]
    assert (one.found, "The contract says" in one.reason) == (5, True)


def readings(make, *fields, **given):
    return make.contract(make.field("at", "timestamp"), *fields, name="readings", **given)


def test_hours_of_each_station_that_nearly_all_have_a_row_are_periods(make, suggest):
    seen = [hour for hour in HOURS if hour.day != 2 or hour.hour != 5]
    rows = {"at": [*seen, *HOURS[:50]], "station": ["north"] * 99 + ["south"] * 50}
    dataset = readings(make, make.field("station"))
    (one,) = suggest((dataset, rows))["missing_period"]
    assert (one.rule["field"], one.rule["every"]) == ("at", "1h")
    assert (one.rule["per"], one.found, one.unit) == (["station"], 1, "periods")


def test_days_on_which_any_group_has_rows_are_periods_of_all_rows(make, suggest):
    dataset = readings(make, make.field("station"))
    rows = {"at": [hour for hour in HOURS for _ in range(4)], "station": ["north", "north", "south", "south"] * 100}
    (one,) = suggest((dataset, rows))["missing_period"]
    assert (one.rule.get("per"), one.found) == (None, 0)


def test_days_without_weekends_follow_the_calendar_of_weekdays(make, suggest):
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(120)]
    traded = [day for day in days if day.isoweekday() < 6 and day != date(2024, 2, 14)]
    dataset = make.contract(make.field("day", "date"), name="trades")
    (one,) = suggest((dataset, {"day": traded}))["missing_period"]
    assert (one.rule["every"], one.rule["calendar"], one.found) == ("1d", "weekdays", 1)


def test_dates_at_any_distance_are_no_periods(make, suggest):
    picked = random.Random(1).sample(range(5000), 200)
    dataset = make.contract(make.field("hired", "date"), name="staff")
    rows = {"hired": [date(2000, 1, 1) + timedelta(days=n) for n in picked]}
    assert suggest((dataset, rows)) == {}


def test_invoices_of_a_series_that_hardly_leave_out_a_number_are_a_sequence(make, suggest):
    numbers = [n for n in range(100, 200) if n not in (104, 105)]
    invoices = make.contract(make.field("invoice", "integer"), make.field("series"), name="invoices")
    rows = {"invoice": numbers * 2, "series": ["A"] * 98 + ["B"] * 98}
    (one,) = suggest((invoices, rows))["missing_sequence"]
    assert (one.rule["field"], one.rule["per"], one.found) == ("invoice", ["series"], 4)


def test_numbers_at_the_end_of_texts_are_a_sequence_too(make, suggest):
    invoices = make.contract(make.field("invoice"), name="invoices")
    (one,) = suggest((invoices, {"invoice": [f"INV-{n:04}" for n in range(99) if n != 7]}))["missing_sequence"]
    assert one.found == 1


@pytest.mark.parametrize("numbers", [[n % 12 for n in range(240)], [n * 7 for n in range(100)], list(range(40))])
def test_months_multiples_and_a_few_numbers_are_no_sequence(make, suggest, numbers):
    dataset = make.contract(make.field("number", "integer"), name="things")
    assert suggest((dataset, {"number": numbers})) == {}


def registers(make, *fields):
    code = make.field("code", key_position=1)
    told = []
    for name in ("airports", "sites"):
        contract = make.contract(code, *fields, name=name)
        told.append(contract.model_copy(update={"fields": contract.fields[1:]}))
    return told


@pytest.fixture
def of_registers(make):
    """Suggestions for registers without a number, whose key is the code."""
    from pipelines.normalize import normalize

    def run(contracts, *columns):
        pairs = zip(contracts, columns, strict=True)
        frames = {one.name: normalize(pl.DataFrame(rows), one) for one, rows in pairs}
        return {one.kind: one for one in suggested(make.project(*contracts), frames)}

    return run


def test_two_registers_of_the_same_things_may_contradict_each_other(make, of_registers):
    contracts = registers(make, make.field("zone"), make.field("height", "number"), make.field("note"))
    zones = ["east" if n % 2 else "west" for n in range(196)]
    rows = {"code": CODES, "zone": zones, "height": [float(n) for n in range(196)], "note": ["a"] * 196}
    other = {**rows, "zone": ["north", *zones[1:]], "height": [n + 0.25 for n in range(196)], "note": ["b"] * 196}
    found = of_registers(contracts, rows, other)["conflict"]
    assert (found.dataset, found.rule["with"], found.rule["on"]) == ("airports", "sites", {"code": "code"})
    assert found.rule["compare"] == [
        {"field": "zone", "other": "zone"},
        {"field": "height", "other": "height", "tolerance": 0.5},  # one side is rounded to whole numbers
    ]
    assert found.found == 1


def test_registers_that_share_few_keys_are_not_compared(make, of_registers):
    contracts = registers(make, make.field("zone"))
    rows = [{"code": codes, "zone": ["x"] * len(codes)} for codes in (CODES[:100], CODES[80:])]
    assert of_registers(contracts, *rows) == {}


@pytest.mark.parametrize(
    ("kind", "keys"), [("integer", list(range(1, 201))), ("string", [str(n) for n in range(1, 201)])]
)
def test_numbers_that_two_systems_handed_out_are_no_shared_key(make, of_registers, kind, keys):
    told = [make.contract(name=name) for name in ("clients", "parts", "bills")]
    key = make.field("id", kind, key_position=1)
    contracts = [one.model_copy(update={"fields": (key, make.field("state"))}) for one in told]
    rows = {"id": keys, "state": ["open"] * 200}
    assert of_registers(contracts, rows, rows, rows) == {}


def test_where_both_sides_say_when_they_changed_one_may_lag_behind(make, of_registers):
    contracts = registers(make, make.field("changed_at", "timestamp"))
    here = {"code": CODES, "changed_at": [HOURS[0]] * 196}
    there = {"code": CODES, "changed_at": [HOURS[0] + timedelta(days=1)] * 190 + [HOURS[0] + timedelta(days=90)] * 6}
    found = of_registers(contracts, here, there)["stale_field"]
    assert (found.dataset, found.rule["maxAge"], found.found) == ("airports", "2d", 6)


def test_an_entity_that_two_of_three_systems_know_is_missed_in_the_third(make, of_registers):
    contracts = registers(make)
    third = contracts[0].model_copy(update={"name": "towers"})
    rows = [{"code": codes} for codes in (CODES, CODES[:150], CODES[:120])]
    found = of_registers([*contracts, third], *rows)["missing_entity"]
    assert (found.dataset, found.rule["systems"]) == ("airports", ["sites.code", "towers.code"])
    assert found.found == (196 - 150) + (196 - 120)


def test_values_absent_here_and_there_are_told_once_for_all_fields_absent_together(make, suggest):
    dataset = make.contract(make.field("rank"), make.field("grade"), make.field("sum", "integer"), name="staff")
    rows = {"rank": ["a"] * 90 + [None] * 10, "grade": ["b"] * 90 + [None] * 10, "sum": [None] * 50 + [5] * 50}
    (one,) = suggest((dataset, rows))["missing_value"]
    assert (one.rule["field"], one.found) == ("rank", 10)
    assert "grade is absent in the same rows" in one.reason


@pytest.mark.parametrize("said", [{"required": True}, {"expected": True}])
def test_a_field_that_the_contract_speaks_of_is_not_suggested(make, suggest, said):
    dataset = make.contract(make.field("rank", **said), name="staff")
    assert suggest((dataset, {"rank": ["a"] * 90 + [None] * 10})) == {}


def test_values_absent_in_one_group_are_watched_in_every_group(make, suggest):
    dataset = make.contract(make.field("phone"), make.field("country"), name="clients")
    phones = ["1"] * 100 + [None] * 30 + ["2"] * 70
    found = suggest((dataset, {"phone": phones, "country": ["A"] * 100 + ["B"] * 50 + ["C"] * 50}))
    (one,) = found["segment_coverage"]
    assert (one.rule["per"], one.rule["maxShare"], one.found) == (["country"], 0.01, 30)


def test_a_text_in_two_formats_is_mixed_and_one_in_one_format_is_not(make, suggest):
    dataset = make.contract(make.field("made"), make.field("name"), name="parts")
    made = ["25/12/2023"] * 97 + ["12/26/2023"] * 3
    (one,) = suggest((dataset, {"made": made, "name": ["Bolt"] * 100}))["mixed_format"]
    assert (one.rule["field"], one.found) == ("made", 3)


def test_rules_without_peers_or_rows_are_not_made_up(make, suggest):
    dataset = make.contract(make.field("rank"), name="staff")
    assert suggest((dataset, {"rank": [None] * 50})) == {}
    assert suggested(make.project(dataset), {}) == ()


def test_a_column_that_the_source_lost_is_looked_at_as_one_without_values(make, ports):
    dataset = calls(make)
    rows = make.rows(dataset, port=CODES)
    project = make.project(dataset, ports[0])
    keys = make.rows(ports[0], **ports[1])
    assert suggested(project, {"calls": rows, "ports": keys}) != ()
    assert suggested(project, {"calls": rows.drop("port"), "ports": keys}) == ()
    assert suggested(project, {"calls": rows, "ports": keys.drop("code")}) == ()


def test_names_of_suggestions_are_free(make, suggest):
    rule = make.gap("mixed_format", name="rank-missing", field="rank")
    dataset = make.contract(make.field("rank"), name="staff", gap_rules=(rule,))
    (one,) = suggest((dataset, {"rank": ["a"] * 90 + [None] * 10}))["missing_value"]
    assert one.rule["name"] == "rank-missing-2"


def test_a_field_whose_name_begins_with_no_letter_gets_a_rule_name_that_a_contract_allows(make, suggest):
    dataset = make.contract(make.field("_2nd_rank"), name="staff")
    (one,) = suggest((dataset, {"_2nd_rank": ["a"] * 90 + [None] * 10}))["missing_value"]
    assert one.rule["name"] == "gap-2nd-rank-missing"


def test_no_value_of_a_row_is_quoted_personal_or_not(make, suggest, ports):
    names = [f"Person{n:03}" for n in range(100)]
    staff = make.contract(make.field("full_name", personal=True), make.field("rank"), name="staff")
    rows = {"full_name": [*names[:90], *[None] * 10], "rank": ["captain"] * 50 + ["mate"] * 50}
    told = json.dumps([one.as_json() for found in suggest((staff, rows), ports).values() for one in found])
    assert "full_name" in told
    assert not any(value in told for value in (*names, "captain", "mate", *CODES))


@UNHURRIED
@given(seed=st.integers(0, 2**32), height=st.integers(0, 120), nulls=st.sampled_from([0.0, 0.05, 0.5]))
def test_every_suggestion_is_a_rule_of_the_contract_and_reports_what_it_says(make, seed, height, nulls):
    dice = random.Random(seed)
    pools = {"port": CODES, "zone": ["east", "west"], "day": [one.date() for one in HOURS[::24]], "at": HOURS,
             "number": list(range(80)), "made": ["3/4/2024", "25/12/2023", "12/25/2023", "5-Jun"]}  # fmt: skip
    fields = [make.field("port"), make.field("zone"), make.field("day", "date"), make.field("at", "timestamp"),
              make.field("number", "integer"), make.field("made")]  # fmt: skip
    told = [make.contract(*fields, name="calls"), make.contract(make.field("code", unique=True), name="ports")]
    drawn = {name: [None if dice.random() < nulls else dice.choice(pool) for _ in range(height)]
             for name, pool in pools.items()}  # fmt: skip
    dtypes = {"day": pl.Date, "at": pl.Datetime("us", "UTC"), "number": pl.Int64}
    columns = {name: pl.Series(values, dtype=dtypes.get(name, pl.String)) for name, values in drawn.items()}
    project = make.project(*told)
    frames = {"calls": make.rows(told[0], **columns), "ports": make.rows(told[1], code=CODES)}
    found = suggested(project, frames)
    assert found == suggested(project, frames)
    for one in found:
        rule = rule_of(one.rule, project.datasets[one.dataset], project)
        assert rule is not None
        held = project.datasets[one.dataset].model_copy(update={"gap_rules": (rule,)})
        report = expectations.gaps(make.project(*(held if held.name == d.name else d for d in told)), frames)
        assert sum(finding.count for finding in report.findings) == one.found
        assert all(finding.severity != "critical" for finding in report.findings)

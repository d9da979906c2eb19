from datetime import UTC, date, datetime, time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.models import Combine, Dataset, Field, Place
from pipelines.normalize import FAULTS, normalize

PLACE = Place(file="datasets/things.odcs.yaml")
UNHURRIED = settings(deadline=None)  # the first example loads what the others use
TEXT = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(["1", "2", "a|b", "a%7Cb", "2024-01-05", "NaN", "x"]))


def contract(*fields, keep=None, key=("id",)):
    """A dataset of fields (name, type, habits); those named in `key` are its primary key."""
    made = tuple(
        Field(name=name, physical_name=name.upper(), type=kind, place=PLACE,
              key_position=key.index(name) + 1 if name in key else None, **habits)
        for name, kind, habits in ((*field, {})[:3] for field in fields)
    )  # fmt: skip
    return Dataset(name="things", version="1", title="Things", source="s", physical_name="t", fields=made,
                   keep=keep or {}, fingerprint="", place=PLACE)  # fmt: skip


def told(dataset, **columns):
    return normalize(pl.DataFrame(columns), dataset)


ANY = contract(("id", "string"), ("n", "integer"), ("at", "timestamp", {"on_bad_value": "discard_row"}),
               ("amount", "number", {"scale": 2, "on_bad_value": "discard_value"}), keep={"n": ("1",
               "2")})  # fmt: skip


@UNHURRIED
@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), max_size=12))
def test_normalizing_twice_is_normalizing_once_and_no_row_is_lost(rows):
    clean = [[None if cell is None else cell.encode("utf-8", "replace").decode() for cell in row] for row in rows]
    frame = pl.DataFrame(clean, schema=dict.fromkeys(("ID", "N", "AT", "AMOUNT"), pl.String), orient="row")
    frame = frame.with_columns(pl.lit("t").alias("_location"), pl.int_range(1, pl.len() + 1).alias("_position"))
    before = frame.clone()
    once = normalize(frame, ANY)
    assert normalize(once, ANY).equals(once)
    assert once["_position"].to_list() == list(range(1, len(rows) + 1))
    assert set(once["_outcome"]) <= {"ready", "filtered", "discarded", "duplicate"}
    assert frame.equals(before)


def test_the_columns_are_the_contracts_and_five_more():
    frame = told(contract(("id", "string"), ("n", "integer")), N=["1"], ID=["a"], OTHER=["x"])
    assert frame.schema == pl.Schema({
        "id": pl.String, "n": pl.Int64, "_location": pl.String, "_position": pl.Int64, "_key": pl.String,
        "_outcome": pl.String, "_faults": FAULTS,
    })  # fmt: skip
    assert frame.row(0) == ("a", 1, "", 1, "a", "ready", [])


def test_an_empty_frame_and_a_frame_without_any_promised_column_keep_their_rows():
    dataset = contract(("id", "string"), ("n", "integer"))
    assert told(dataset, ID=pl.Series([], dtype=pl.String)).height == 0
    assert (
        told(dataset, ELSE=["x", "y"]).select("id", "n", "_key", "_outcome").rows() == [(None, None, None, "ready")] * 2
    )


def test_a_source_column_that_is_called_like_ours_does_not_pass_for_normalized():
    frame = told(contract(("id", "string")), ID=["a"], _key=["z"], _outcome=["filtered"], _faults=["x"])
    assert frame.select("id", "_key", "_outcome").rows() == [("a", "a", "ready")]


def test_two_fields_may_read_the_same_column():
    dataset = contract(("id", "string"), ("n", "integer"))
    fields = (*dataset.fields, dataset.fields[1].model_copy(update={"name": "text", "type": "string"}))
    frame = told(dataset.model_copy(update={"fields": fields}), ID=["a"], N=["007"])
    assert frame.select("n", "text").row(0) == (7, "007")


def test_a_separator_inside_a_value_makes_no_two_keys_one():
    dataset = contract(("id", "string"), ("part", "string"), key=("id", "part"))
    frame = told(dataset, ID=["a|b", "a", "a%7Cb", "a%257Cb"], PART=["c", "b|c", "c", "c"])
    assert frame["_key"].to_list() == ["a%7Cb|c", "a|b%7Cc", "a%257Cb|c", "a%25257Cb|c"]
    assert set(frame["_outcome"]) == {"ready"}


@UNHURRIED
@given(st.lists(st.tuples(TEXT, TEXT), max_size=20))
def test_rows_are_duplicates_only_where_all_parts_of_their_keys_are_equal(rows):
    clean = [[None if cell is None else cell.encode("utf-8", "replace").decode() for cell in row] for row in rows]
    dataset = contract(("id", "string"), ("part", "string"), key=("part", "id"))
    frame = normalize(pl.DataFrame(clean, schema={"ID": pl.String, "PART": pl.String}, orient="row"), dataset)
    parts = frame.select("id", "part").rows()
    for at, outcome in enumerate(frame["_outcome"]):
        again = None not in parts[at] and parts[at] in parts[at + 1 :]
        assert (outcome == "duplicate") == again
        assert (frame["_key"][at] is None) == (None in parts[at])


def test_of_rows_with_one_key_the_last_stays_and_rows_without_a_key_are_never_duplicates():
    frame = told(
        contract(("id", "string"), ("n", "integer")), ID=["a", "b", "a", None, None], N=["1", "2", "3", "4", "5"]
    )
    assert frame["_outcome"].to_list() == ["duplicate", "ready", "ready", "ready", "ready"]
    assert frame["_key"].to_list() == ["a", "b", "a", None, None]


def test_keys_of_other_types_are_their_text():
    dataset = contract(("id", "integer"), ("day", "date"), ("at", "timestamp"), ("x", "number", {"scale": 2}),
                       key=("id", "day", "at", "x"))  # fmt: skip
    frame = told(dataset, ID=["007"], DAY=["2024-01-05"], AT=["2024-01-05T10:00:00.5+02:00"], X=["1.5"])
    assert frame["_key"][0] == "7|2024-01-05|2024-01-05T08:00:00.500Z|1.50"


@pytest.mark.parametrize(
    ("kind", "allowed", "inside"),
    [
        ("string", ("x", "y"), ["ready", "filtered", "filtered"]),
        ("integer", ("1",), ["filtered", "ready", "filtered"]),
        ("number", ("1",), ["filtered", "ready", "filtered"]),
    ],
)  # fmt: skip
def test_what_is_outside_of_keep_is_filtered(kind, allowed, inside):
    dataset = contract(("id", "string"), ("n", kind, {"on_bad_value": "discard_value"}), keep={"n": allowed})
    outcome = told(dataset, ID=["a", "b", "c"], N=["x", "1", None])["_outcome"].to_list()
    assert outcome[1:] == inside[1:]


def test_a_value_of_keep_that_cannot_be_read_is_a_fault_and_not_quietly_out_of_scope():
    frame = told(contract(("id", "string"), ("n", "integer"), keep={"n": ("1",)}), ID=["a"], N=["l"])
    assert frame["_outcome"][0] == "ready"
    assert frame["_faults"][0][0]["field"] == "n"


@pytest.mark.parametrize(
    ("mode", "outcome"), [("quarantine_row", "ready"), ("discard_value", "ready"), ("discard_row", "discarded")]
)
def test_an_unreadable_value_is_null_and_a_fault_with_its_mode(mode, outcome):
    frame = told(
        contract(("id", "string"), ("n", "integer", {"on_bad_value": mode})), ID=["a", "b"], N=["x" * 200, "2"]
    )
    assert frame["n"].to_list() == [None, 2]
    assert frame["_outcome"].to_list() == [outcome, "ready"]
    assert frame["_faults"].to_list() == [
        [{"field": "n", "value": "x" * 80, "reason": "not a integer", "mode": mode}], []
    ]  # fmt: skip


def test_all_faults_of_a_row_are_told_and_personal_values_are_not():
    dataset = contract(("id", "string"), ("n", "integer"), ("born", "date", {"personal": True}),
                       ("tax", "integer", {"mask": "redact"}))  # fmt: skip
    faults = told(dataset, ID=["a", "b"], N=["x", None], BORN=["1.1.1970", None], TAX=["secret", None])["_faults"]
    assert [(fault["field"], fault["value"]) for fault in faults[0]] == [("n", "x"), ("born", "***"), ("tax", "***")]
    assert faults[1].to_list() == []


COMBINED = (
    ("id", "string"), ("day", "date"), ("clock", "time", {"format": "HHmm"}), ("zone", "string"),
    ("left", "timestamp", {"combine": Combine(date="day", time="clock", zone="America/New_York")}),
    ("there", "timestamp", {"combine": Combine(date="day", time="clock", zone_field="zone", after="left")}),
)  # fmt: skip


def _combined(day, clock, zone="America/New_York", dtype=pl.Int64):
    frame = told(contract(*COMBINED), ID=["a"], DAY=[day], CLOCK=pl.Series([clock], dtype=dtype), ZONE=[zone])
    return frame["left"][0], frame["there"][0], [fault["field"] for fault in frame["_faults"][0]]


def test_a_date_and_a_clock_make_a_moment():
    left, there, faults = _combined("2013-01-01", 517)
    assert left == there == datetime(2013, 1, 1, 10, 17, tzinfo=UTC)
    assert faults == []


@pytest.mark.parametrize(("clock", "dtype"), [(2400, pl.Int64), (2400.0, pl.Float64), ("2400", pl.String)])
def test_2400_is_the_next_days_midnight_and_0_the_days_own(clock, dtype):
    assert _combined("2013-01-01", clock, dtype=dtype)[0] == datetime(2013, 1, 2, 5, tzinfo=UTC)
    assert _combined("2013-01-01", 0)[0] == datetime(2013, 1, 1, 5, tzinfo=UTC)


def test_an_arrival_before_its_departure_is_the_next_day_on_the_same_clock():
    assert _combined("2013-01-01", 900, "Asia/Tokyo")[1] == datetime(2013, 1, 2, 0, tzinfo=UTC)
    night = _combined("2013-03-09", 900, "Europe/London")  # clocks change in New York that night, not in London
    assert night[1] == datetime(2013, 3, 10, 9, tzinfo=UTC)


def test_the_next_day_on_a_clock_that_changes_is_not_24_hours_later():
    _, there, _ = _combined("2013-03-30", 900, "Europe/Berlin")  # summer time begins on the 31st
    assert there == datetime(2013, 3, 31, 7, tzinfo=UTC)


def test_a_time_the_clock_never_shows_is_a_fault_of_the_moment():
    left, _, faults = _combined("2013-03-10", 230)
    assert left is None
    assert faults == ["left", "there"]


@pytest.mark.parametrize("zone", ["Nowhere/City", "localtime", "posixrules", "Factory", "x\0"])
def test_a_zone_nobody_knows_is_a_fault_and_never_an_exception(zone):
    _, there, faults = _combined("2013-01-01", 517, zone)
    assert there is None
    assert faults[-1] in ("there", "zone")


@UNHURRIED
@given(st.text(max_size=12))
def test_any_text_may_stand_where_a_zone_is_expected(zone):
    _combined("2013-01-01", 517, zone.encode("utf-8", "replace").decode())


def test_a_missing_part_makes_no_moment_and_no_fault():
    left, there, faults = _combined("2013-01-01", None)
    assert (left, there, faults) == (None, None, [])


def test_dates_and_clocks_of_a_database_are_taken_as_they_are():
    dataset = contract(("id", "string"), ("day", "date"), ("clock", "time"))
    frame = told(dataset, ID=["a"], DAY=[date(2024, 1, 5)], CLOCK=[time(5, 17)])
    assert frame.select("day", "clock").row(0) == (date(2024, 1, 5), time(5, 17))


def test_an_infinite_date_is_a_fault_or_a_declared_null():
    fields = (("id", "string"), ("a", "date"), ("b", "date", {"null_values": ("infinity",)}))
    frame = told(contract(*fields), ID=["a"], A=["infinity"], B=["infinity"])
    assert [fault["field"] for fault in frame["_faults"][0]] == ["a"]

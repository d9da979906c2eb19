"""A fix holds what the source would hold; a row's names are stable, keyed and tell nothing of it."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.models import Dataset, Field, Place
from pipelines.fixing import Fix, as_held, fixed
from pipelines.normalize import normalize
from pipelines.row_identity import contents, key_mark, row_ids, sealed, unsealed

PLACE = Place(file="datasets/people.odcs.yaml", line=1)
KEY, OTHER = b"k" * 32, b"o" * 32
PEOPLE = Dataset(
    name="people", version="1", title="People", source="files", physical_name="people.csv", fingerprint="",
    place=PLACE, fields=(
        Field(name="id", physical_name="ID", type="integer", key_position=1, place=PLACE),
        Field(name="mail", physical_name="MAIL", type="string", place=PLACE),
    ),
)  # fmt: skip


def people(*rows, start=1):
    frame = pl.DataFrame(rows, schema={"ID": pl.String, "MAIL": pl.String}, orient="row")
    places = pl.int_range(start, start + frame.height, dtype=pl.Int64, eager=True)
    return frame.with_columns(_location=pl.lit("people.csv"), _position=places)


def ids(raw, key=KEY):
    return row_ids(normalize(raw, PEOPLE), PEOPLE, key).to_list()


@pytest.mark.parametrize(
    ("text", "dtype", "value"),
    [
        ("7", pl.Int64(), 7), ("-0.5", pl.Float64(), -0.5), ("7.50", pl.Decimal(10, 2), Decimal("7.50")),
        ("true", pl.Boolean(), True), ("2026-03-01", pl.Date(), date(2026, 3, 1)), ("23:59", pl.Time(), time(23, 59)),
        ("2026-03-01 12:00", pl.Datetime("us"), datetime(2026, 3, 1, 12)),
        ("2026-03-01T12:00+02:00", pl.Datetime("us", "UTC"), datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("0aff", pl.Binary(), b"\x0a\xff"), ("a", pl.Enum(["a", "b"]), "a"), ("", pl.Int64(), None),
        ("", pl.String(), ""),
    ],
)  # fmt: skip
def test_a_text_becomes_a_value_of_the_columns_type(text, dtype, value):
    made = as_held(text, dtype)
    assert made is not None
    assert (made.dtype, made.item()) == (dtype, value)


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("7.5", pl.Int64()), ("300", pl.UInt8()), ("-1", pl.UInt8()), ("x", pl.Float64()), ("nan", pl.Float64()),
        ("7.505", pl.Decimal(10, 2)), ("12345", pl.Decimal(4, 1)), ("x", pl.Decimal(4, 1)), ("yes", pl.Boolean()),
        ("01.03.2026", pl.Date()), ("2026-03-01T12:00Z", pl.Datetime("us")), ("c", pl.Enum(["a", "b"])),
        ("2026-03-01T12:00:00.123456", pl.Datetime("ms")), ("xyz", pl.Binary()), ("a", pl.List(pl.String)),
        ("9" * 40, pl.Int64()),
    ],
)  # fmt: skip
def test_a_text_that_the_column_cannot_hold_to_the_last_digit_is_refused(text, dtype):
    assert as_held(text, dtype) is None


@given(st.text())
def test_a_column_of_text_holds_any_text_as_it_is(text):
    made = as_held(text, pl.String())
    assert made is not None
    assert made.item() == text


@given(st.integers(0, 4), st.text(max_size=5))
def test_a_fix_changes_one_cell_and_leaves_its_input_alone(row, value):
    raw = people(*((str(number), "m") for number in range(5)))
    before = raw.clone()
    after, impossible = fixed(raw, [Fix(row, "MAIL", value)])
    assert raw.equals(before)
    assert impossible == []
    assert after["MAIL"].to_list() == [value if number == row else "m" for number in range(5)]
    assert after.drop("MAIL").equals(before.drop("MAIL"))


def test_a_fix_of_a_column_that_is_gone_is_handed_back():
    fix = Fix(0, "PHONE", "1")
    raw = people(("1", "m"))
    after, impossible = fixed(raw, [fix])
    assert (after is raw, impossible) == (True, [fix])


def test_a_keyed_row_keeps_its_id_wherever_it_stands_and_whatever_else_it_says():
    assert ids(people(("1", "a"), ("2", "b"))) == ids(people(("2", "x"), ("1", "y"), start=7))[::-1]


def test_a_row_without_a_key_is_known_by_its_place():
    first, second = ids(people(("", "a"), ("", "a")))
    assert first != second
    assert ids(people(("", "b"), start=2)) == [second]


def test_an_id_tells_nothing_without_the_key():
    raw = people(("1", "first@example.org"))
    frame = normalize(raw, PEOPLE)
    assert row_ids(frame, PEOPLE, KEY).to_list() != row_ids(frame, PEOPLE, OTHER).to_list()
    assert contents(raw, PEOPLE, KEY).to_list() != contents(raw, PEOPLE, OTHER).to_list()
    assert key_mark(KEY) != key_mark(OTHER)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (("1", "a"), ("1", "a"), True), (("1", "a"), ("1", "b"), False), (("1", ""), ("1", None), False),
        (("1", 'x","MAIL":"y'), ("1", "x"), False),
    ],
)  # fmt: skip
def test_a_row_that_says_something_else_has_another_content(before, after, same):
    assert (
        contents(people(before), PEOPLE, KEY).item() == contents(people(after, start=9), PEOPLE, KEY).item()
    ) is same


def test_columns_that_the_contract_does_not_read_are_not_part_of_the_content():
    raw = people(("1", "a"))
    assert contents(raw.with_columns(NEW=pl.lit("x")), PEOPLE, KEY).equals(contents(raw, PEOPLE, KEY))


def test_no_rows_have_no_ids_and_no_content():
    none = people()
    assert ids(none) == []
    assert contents(none, PEOPLE, KEY).to_list() == []


@given(st.text())
def test_a_sealed_value_comes_back_for_the_holder_of_the_key_only(value):
    told = sealed(value, about="a", key=KEY)
    assert unsealed(told, about="a", key=KEY) == value
    assert len(value) < 4 or value not in told
    for about, key in (("b", KEY), ("a", OTHER)):
        with pytest.raises(ValueError, match="another mask key"):
            unsealed(told, about=about, key=key)

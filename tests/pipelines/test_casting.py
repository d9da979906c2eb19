import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

import pint
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.models import Field, Place, Unit
from pipelines.casting import affine, cleaned, polars_type, typed
from pipelines.patterns import strftime_of

TYPES = ("string", "integer", "number", "boolean", "date", "time", "timestamp")
ODD = ["", " ", "NaN", "inf", "-Infinity", "1e400", ",", "-", "+", ".", "\uff11\uff12", "2024-01-0\uff11", "\0",
       "a\0b", "1\u00a0", "\ufeff1",
       "9" * 500, "-" * 9, "24:00", "00:00:60", "0000-00-00", "99999-01-01", "true\n", "İ", "😀", "%H", "1_000",
       "0x1F"]  # fmt: skip
UNHURRIED = settings(deadline=None)  # the first example loads what the others use
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))


def read(kind, *values, dtype=pl.String, **habits):
    """Values of a column as a field reads them."""
    field = Field(name="f", physical_name="F", type=kind, place=Place(file="x"), **habits)
    frame = pl.DataFrame({"F": pl.Series(values, dtype=dtype)})
    clean = frame.select(cleaned(field, frame.schema["F"]).alias("f"))
    told = clean.select(typed(field, clean.schema["f"], pl.col("f")).alias("f"))["f"]
    assert told.dtype == polars_type(field)
    assert len(told) == len(values)
    return told.to_list()


def one(kind, value, **habits):
    return read(kind, value, **habits)[0]


@pytest.mark.parametrize("kind", TYPES)
@UNHURRIED
@given(values=st.lists(st.one_of(st.text(), st.sampled_from(ODD), st.from_regex(r"[-+0-9.,:eETZ ]{1,25}")), min_size=1))
def test_any_text_is_a_value_or_null_and_never_an_exception(kind, values):
    values = [value.encode("utf-8", "replace").decode() for value in values]
    read(kind, *values)
    read(kind, *values, format="dd.MM.yy HH:mm", scale=2 if kind == "number" else None, decimal_comma=True)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        (pl.Int64, 2**62), (pl.UInt64, 2**64 - 1), (pl.Int128, 10**30), (pl.Float32, 0.1), (pl.Float64, math.nan),
        (pl.Float64, -math.inf), (pl.Decimal(38, 10), Decimal("1.5")), (pl.Boolean, True), (pl.Binary, b"\xff"),
        (pl.Date, date(9999, 12, 31)), (pl.Time, time(1)), (pl.Datetime("ns"), datetime(2024, 1, 1)),
        (pl.Datetime("ms", "Asia/Tokyo"), datetime(2024, 1, 1, tzinfo=UTC)), (pl.Duration("us"), timedelta(days=1)),
        (pl.List(pl.Int64), [1]), (pl.Struct({"a": pl.Int64}), {"a": 1}), (pl.Categorical, "1"),
        (pl.Enum(["1"]), "1"),
        (pl.Null, None),
    ],
)  # fmt: skip
def test_any_column_type_is_read_as_any_field_type_or_null(kind, dtype, value):
    for habits in ({}, {"null_values": ("-999", "NA")}, {"format": "yyyyMMdd"}):
        told = read(kind, value, None, dtype=dtype, **habits)
        assert told[1] is None


def test_blanks_and_nuls_come_off_both_ends_and_blank_text_is_no_value():
    assert read("string", " \0a b\u00a0\0", "\u3000", "", "\0") == ["a b", None, None, None]
    assert read("integer", " 12 ", "1\u00002") == [12, None]


def test_a_nul_inside_a_text_is_unreadable_because_stores_cut_there():
    assert one("string", "a\0b") is None


@pytest.mark.parametrize(
    ("kind", "dtype", "values", "null_values", "told"),
    [
        ("string", pl.String, ("NA", " - ", "N/A"), ("NA", "-"), [None, None, "N/A"]),
        ("integer", pl.Int64, (-999, 9, None), ("-999", "NA"), [None, 9, None]),
        ("integer", pl.Int64, (2**53 + 1, 2**53), (str(2**53),), [2**53 + 1, None]),
        ("number", pl.Float64, (-999.0, 1.0), ("-999",), [None, 1.0]),
        ("number", pl.Decimal(10, 2), (Decimal("-999.00"), Decimal("1.00")), ("-999", "1e99999", "NaN"), [None, 1.0]),
        ("date", pl.Date, (date(9999, 12, 31), date(2024, 1, 1)), ("9999-12-31",), [None, date(2024, 1, 1)]),
        ("string", pl.Boolean, (True, False), ("false",), ["true", None]),
    ],
)  # fmt: skip
def test_declared_null_values_are_no_value_whatever_the_column_type(kind, dtype, values, null_values, told):
    assert read(kind, *values, dtype=dtype, null_values=null_values) == told


@UNHURRIED
@given(st.integers())
def test_an_integer_is_itself_or_out_of_range(number):
    inside = -(2**63) <= number < 2**63
    assert (
        read("integer", str(number), f"+{number}" if number >= 0 else f"{number}.00")
        == [number if inside else None] * 2
    )


@pytest.mark.parametrize(
    "text", ["1.5", "1e3", "1,000", "\uff11\uff12", "--1", "0x10", "1_0", "", "true", "1.0.0", "NaN"]
)
def test_what_is_no_whole_number_is_no_integer(text):
    assert one("integer", text) is None


def test_numbers_of_other_types_are_integers_only_where_they_are_whole_and_fit():
    assert read("integer", 2.0, 2.5, math.nan, 1e19, -(2.0**63), dtype=pl.Float64) == [2, None, None, None, -(2**63)]
    assert read("integer", Decimal("7.00"), Decimal("7.01"), dtype=pl.Decimal(38, 2)) == [7, None]
    assert one("integer", 2**63, dtype=pl.UInt64) is None
    assert one("integer", date(2024, 1, 1), dtype=pl.Date) is None, "not the days since 1970"


@UNHURRIED
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**33), max_value=10**33))
def test_a_decimal_is_exactly_pythons_decimal(number):
    text = format(number, "f")
    assert one("number", text, scale=4) == Decimal(text)
    assert one("number", text, scale=2) == (None if text[-2:] != "00" else Decimal(text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1.005", None), ("1.000", Decimal("1.00")), (".5", Decimal("0.50")), ("-.5", Decimal("-0.50")),
        ("5.", Decimal(5)),
        ("+7", Decimal(7)), ("9" * 36 + ".99", Decimal("9" * 36 + ".99")), ("9" * 37, None), ("1e3", None),
        ("1 000", None),
        ("NaN", None), ("", None), (".", None), ("1,5", None), ("$1", None),
    ],
)  # fmt: skip
def test_a_decimal_that_does_not_fit_its_scale_or_38_digits_is_unreadable_and_not_rounded(text, told):
    assert one("number", text, scale=2) == told


def test_a_float_becomes_a_decimal_only_where_nothing_but_binary_noise_is_rounded_away():
    told = read("number", 0.1 + 0.2, 0.125, 1234567.89, 1e17, math.nan, math.inf, dtype=pl.Float64, scale=2)
    assert told == [Decimal("0.30"), None, Decimal("1234567.89"), None, None, None]


def test_a_decimal_of_more_places_is_unreadable_and_not_rounded():
    assert read("number", Decimal("1.120"), Decimal("1.125"), dtype=pl.Decimal(38, 3), scale=2) == [
        Decimal("1.12"),
        None,
    ]
    assert one("number", 2**63 - 1, dtype=pl.Int64, scale=25) is None


@UNHURRIED
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_pythons_float(number):
    assert one("number", repr(number)) == number


@pytest.mark.parametrize("text", ["1e400", "NaN", "inf", "-Infinity", "1.2.3", "1,5", "1e", "e5", "١٢"])
def test_what_is_no_finite_number_is_unreadable(text):
    assert one("number", text) is None


def test_an_integer_that_a_float_would_change_is_unreadable_as_a_float():
    assert read("number", 2**53, 2**53 + 1, dtype=pl.Int64) == [float(2**53), None]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1.234,5", 1234.5), ("1 234,5", 1234.5), ("1\u00a0234\u202f567", 1234567), ("1'234,50", 1234.5),
        (",5", 0.5), ("12", 12),
        ("-1.234", -1234), ("1.5", None), ("12.34,5", None), ("1.2345", None), ("1,5,5", None), ("1,234.5", None),
        (",", None),
        ("1234.567,8", None),
    ],
)  # fmt: skip
def test_with_a_decimal_comma_a_point_only_groups_thousands(text, told):
    assert one("number", text, decimal_comma=True) == told
    exact = None if told is None else Decimal(str(told))
    assert one("number", text, decimal_comma=True, scale=2) == exact


def test_an_integer_with_a_decimal_comma_habit_has_thousands_and_not_ones():
    assert read("integer", "1.000", "1.234.567", "7,0", "7,5", decimal_comma=True) == [1000, 1234567, 7, None]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("mile", "km"),
        ("degF", "degC"),
        ("degC", "kelvin"),
        ("inHg", "hPa"),
        ("eV", "joule"),
        ("pm", "km"),
        ("lb", "kg"),
    ],
)
@UNHURRIED
@given(number=st.floats(-1e6, 1e6))
def test_units_are_converted_as_pint_converts_them(source, target, number):
    wanted = pint.get_application_registry().Quantity(number, source).to(target).magnitude
    told = one("number", number, dtype=pl.Float64, unit=Unit(source=source, target=target))
    assert told == pytest.approx(wanted, rel=1e-9, abs=1e-9 * abs(affine(Unit(source=source, target=target))[0]))


@pytest.mark.parametrize(("source", "target"), [("mile", "kg"), ("nonsense", "km"), ("dBm", "W"), ("", "km")])
def test_a_conversion_that_is_none_or_no_straight_line_is_refused(source, target):
    with pytest.raises(ValueError, match="cannot convert"):
        affine(Unit(source=source, target=target))


def test_a_conversion_that_overflows_is_unreadable():
    assert one("number", 1e308, dtype=pl.Float64, unit=Unit(source="km", target="mm")) is None


def test_words_of_truth():
    assert read("boolean", "Y", "no", "TRUE", "f", "1", "0", "2", "maybe", "on") == [
        True,
        False,
        True,
        False,
        True,
        False,
        None,
        None,
        None,
    ]
    assert read("boolean", 1, 0, 2, dtype=pl.Int64) == [True, False, None]
    assert read("boolean", 1.0, 0.5, dtype=pl.Float64) == [True, None]
    assert read("boolean", Decimal("1.0"), Decimal("0.5"), dtype=pl.Decimal(3, 1)) == [True, None]


def test_other_types_as_text_keep_all_that_they_say():
    assert read("string", 7.0, 1e20, 0.1, 2.0**53 + 2, dtype=pl.Float64) == ["7", "1e+20", "0.1", "9007199254740994.0"]
    assert one("string", Decimal("1.50"), dtype=pl.Decimal(5, 2)) == "1.50"
    assert one("string", datetime(2024, 7, 1, 12, 0, 0, 5), dtype=pl.Datetime("us")) == "2024-07-01T12:00:00.000005"
    assert (
        one("string", datetime(2024, 7, 1, 10, tzinfo=UTC), dtype=pl.Datetime("us", "Asia/Tokyo"))
        == "2024-07-01T10:00:00Z"
    )
    assert one("string", b"\x00\xff", dtype=pl.Binary) == "00ff"
    assert one("string", {"a": [1, None]}, dtype=pl.Struct({"a": pl.List(pl.Int64)})) == '{"a":[1,null]}'


PATTERNS = {
    "yyyy-MM-dd": "%Y-%m-%d", "dd-MMM-yy": "%d-%b-%y", "yyyyMMdd": "%Y%m%d", "d.M.yyyy": "%d.%m.%Y",
    "MM/dd/yyyy": "%m/%d/%Y",
    "yyMMdd": "%y%m%d", "yyyyDDD": "%Y%j", "dd MMMM yyyy": "%d %B %Y", "ddMMyy": "%d%m%y",
    "EEE, dd MMM yyyy": "%a, %d %b %Y",
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "python"), PATTERNS.items())
@UNHURRIED
@given(moment=st.dates(date(1969, 1, 1), date(2068, 12, 31)))
def test_a_date_is_what_pythons_strptime_reads(pattern, python, moment):
    text = moment.strftime(python)
    assert one("date", text, format=pattern) == datetime.strptime(text, python).date() == moment
    assert one("timestamp", text, format=pattern) == datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


@UNHURRIED
@given(text=st.from_regex(r"[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}", fullmatch=True))
def test_an_iso_date_that_python_reads_otherwise_is_unreadable(text):
    try:
        wanted = datetime.strptime(text, "%Y-%m-%d").date() if len(text) == 10 else None
    except ValueError:
        wanted = None
    assert one("date", text) == wanted


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyyMMdd", "1231"), ("yyyyMMdd", "2024015"), ("yyyyMMdd", "00001231"), ("dd-MMM-yy", "05-JAN-1"),
        ("dd-MMM-yy", "05-JAN-2013"),
        ("dd-MMM-yy", "31-FEB-13"), ("yyyy-MM-dd", "+2024-01-05"), ("yyyy-MM-dd", "20240-01-05"),
        ("yyyy-MM-dd", "\uff12\uff10\uff12\uff14-01-05"),
        ("yyyy-MM-dd", "2024-01-05x"), ("yyMMdd", "-40105"), ("MM/dd/yyyy", "13/01/2024"),
        ("yyyy-MM-dd", "0000-01-01"),
        ("yyyy-MM-dd", "infinity"),
    ],
)  # fmt: skip
def test_a_date_that_lacks_a_digit_or_has_one_more_is_unreadable(pattern, text):
    assert one("date", text, format=pattern) is None


def test_a_year_of_two_digits_turns_at_69_as_in_posix():
    told = read("date", "01-JAN-68", "01-JAN-69", "01-JAN-99", "01-JAN-00", "29-FEB-00", format="dd-MMM-yy")
    assert [one.year for one in told] == [2068, 1969, 1999, 2000, 2000]
    assert one("timestamp", "690101 0000", format="yyMMdd HHmm") == datetime(1969, 1, 1, tzinfo=UTC)


def test_numbers_are_dates_where_the_pattern_is_digits():
    assert read("date", 20240105, 1, dtype=pl.Int64, format="yyyyMMdd") == [date(2024, 1, 5), None]
    assert one("date", 5012024, dtype=pl.Int64, format="ddMMyyyy") == date(2024, 1, 5)
    assert read("date", 20240105.0, 20240105.5, dtype=pl.Float64, format="yyyyMMdd") == [date(2024, 1, 5), None]
    assert one("date", time(1), dtype=pl.Time, format="yyyyMMdd") is None


@UNHURRIED
@given(st.integers(-100, 3000))
def test_hhmm_numbers_are_clocks_with_or_without_their_leading_zeros(number):
    hours, minutes = divmod(number, 100)
    wanted = time(0 if hours == 24 else hours, minutes) if 0 <= number <= 2400 and minutes < 60 else None
    assert one("time", number, dtype=pl.Int64, format="HHmm") == wanted
    assert one("time", str(number), format="HHmm") == wanted
    assert one("time", float(number), dtype=pl.Float64, format="HHmm") == wanted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("23:59:59.123456", time(23, 59, 59, 123456)), ("7:05", time(7, 5)), ("24:00", time(0)),
        ("24:00:00", time(0)),
        ("24:01", None), ("23:59:60", None), ("1:2", None), ("12", None), ("-1:00", None), ("12:00 PM", None),
        ("0 17", None),
    ],
)  # fmt: skip
def test_a_clock_without_a_pattern_is_hours_minutes_and_seconds(text, told):
    assert one("time", text) == told


def test_a_clock_of_twelve_hours():
    assert read("time", "12:05 AM", "12:05 pm", "1:05 PM", format="h:mm a") == [time(0, 5), time(12, 5), time(13, 5)]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"])
@UNHURRIED
@given(local=MOMENTS)
def test_a_local_time_is_the_moment_that_zoneinfo_tells(zone, local):
    aware = local.replace(tzinfo=ZoneInfo(zone))
    exists = aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    wanted = aware.astimezone(UTC) if exists else None
    assert one("timestamp", local.isoformat(), zone=zone) == wanted
    assert one("timestamp", local, dtype=pl.Datetime("us"), zone=zone) == wanted


def test_a_time_the_clock_shows_twice_is_the_earlier_and_one_it_never_shows_is_unreadable():
    told = read("timestamp", "2024-11-03 01:30", "2024-03-10 02:30", zone="America/New_York")
    assert told == [datetime(2024, 11, 3, 5, 30, tzinfo=UTC), None]


@UNHURRIED
@given(local=MOMENTS, minutes=st.integers(-840, 840))
def test_an_offset_of_the_value_wins_over_the_declared_zone(local, minutes):
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    text = f"{local.isoformat()}{sign}{hours:02}:{rest:02}"
    wanted = datetime.fromisoformat(text).astimezone(UTC)
    assert one("timestamp", text, zone="Europe/Berlin") == wanted
    whole = f"{local:%Y-%m-%dT%H:%M:%S}{sign}{hours:02}:{rest:02}"
    assert one("timestamp", whole, format="yyyy-MM-dd'T'HH:mm:ssXXX") == wanted.replace(microsecond=0)


def test_every_spelling_of_utc_is_read():
    texts = ["2024-01-01T10:00:00Z", "2024-01-01 10:00:00+00", "2024-01-01T10:00Z", "2024-01-01T12:00:00.0+0200"]
    assert read("timestamp", *texts, zone="Asia/Tokyo") == [datetime(2024, 1, 1, 10, tzinfo=UTC)] * 4
    assert one("timestamp", "2024-01-01T10:00:00Z", format="yyyy-MM-dd'T'HH:mm:ssXXX") == datetime(
        2024, 1, 1, 10, tzinfo=UTC
    )


def test_what_is_finer_than_a_microsecond_is_unreadable_and_not_cut():
    assert one("timestamp", "2024-01-01T00:00:00.123456789") is None
    assert one("timestamp", "2024-01-01T00:00:00.123456000") == datetime(2024, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    nanoseconds = pl.Series([1_000_001, 2_000_000]).cast(pl.Datetime("ns"))
    told = read("timestamp", *nanoseconds.cast(pl.Int64), dtype=pl.Int64)
    assert told == [None, None], "a number is no moment without a pattern"
    field = Field(name="f", physical_name="F", type="timestamp", place=Place(file="x"))
    frame = pl.DataFrame({"f": nanoseconds}).select(typed(field, pl.Datetime("ns"), pl.col("f")))
    assert frame["f"].to_list() == [None, datetime(1970, 1, 1, 0, 0, 0, 2000, tzinfo=UTC)]


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T23:59:60",
        "20240-01-01T00:00:00",
        "2024-01-01",
        "2024-01-01T24:00:00",
        "2024-02-30T00:00:00",
        "infinity",
    ],
)
def test_what_is_no_moment_is_unreadable(text):
    assert one("timestamp", text) is None


def test_a_moment_as_a_date_or_clock_is_on_the_clock_of_the_fields_zone():
    moment = datetime(2024, 1, 1, 23, 30, tzinfo=UTC)
    assert one("date", moment, dtype=pl.Datetime("us", "UTC"), zone="Asia/Tokyo") == date(2024, 1, 2)
    assert one("time", moment, dtype=pl.Datetime("us", "UTC"), zone="Asia/Tokyo") == time(8, 30)


@pytest.mark.parametrize("pattern", ["yyyy-'MM", "QQQ", "yyyy-nn", "YYYY"])
def test_a_pattern_nobody_understands_is_a_value_error(pattern):
    with pytest.raises(ValueError, match="the pattern"):
        strftime_of(pattern)


def test_a_pattern_may_hold_text_in_quotes_and_signs_of_its_own():
    assert one("date", "the 5% of o'clock 2024.01.05", format="'the' 5% 'of o''clock' yyyy.MM.dd") == date(2024, 1, 5)


def test_decimal_text_that_python_cannot_read_is_not_read_here_either():
    for text in ODD:
        try:
            wanted = Decimal(text.strip("\0 \u00a0\ufeff")) if text.isascii() and "_" not in text else None
        except InvalidOperation:
            wanted = None
        if wanted is None:
            assert one("number", text, scale=0) in (None, Decimal(1)), text

"""Types: the declaration counts, as far as the values bear it out."""

from datetime import date, datetime

import pytest

from connectors.discovering.formats import PATTERNS, undecided, written
from connectors.discovering.kinds import settled


def test_an_exact_number_keeps_the_decimals_it_declares(column):
    assert settled(column("total", "numeric(10, 2)", "number", 1, 2.5, scale=2))[:3] == ("number", None, 2)


def test_a_number_with_more_decimals_than_declared_keeps_them_and_says_so(column):
    told = settled(column("total", "numeric(10, 2)", "number", 1.125, 2.5, scale=2))
    assert told.scale == 3
    assert "3 decimals are held, 2 are declared" in told.note


def test_an_exact_number_of_open_size_takes_the_decimals_its_values_have(column):
    assert settled(column("total", "numeric", "number", 1, 2.5)).scale == 1


def test_decimals_of_rows_that_were_not_seen_are_not_promised(column):
    told = settled(column("total", "numeric", "number", 1, 2.5, whole=False))
    assert told.scale is None
    assert told.note


def test_a_float_promises_no_decimals(column):
    assert settled(column("share", "double precision", "number", 0.25)).scale is None


def test_a_number_without_decimals_is_whole(column):
    assert settled(column("no", "numeric(10, 0)", "number", 5, scale=0)).type == "integer"


def test_text_in_a_column_of_numbers_makes_it_text(column):
    told = settled(column("size", "integer", "integer", 1, "large"))
    assert told.type == "string"
    assert "not all values are that" in told.note


def test_numbers_kept_as_text_in_a_column_of_numbers_stay_numbers(column):
    assert settled(column("size", "integer", "integer", 1, "2")).type == "integer"


def test_a_sqlite_date_is_a_date_when_its_texts_are(column):
    assert settled(column("at", "datetime", "timestamp", "2021-01-01 00:00:00")).type == "timestamp"
    assert settled(column("at", "date", "date", "2021-01-01")).type == "date"


def test_a_declared_moment_that_holds_seconds_since_1970_is_text_that_loses_nothing(column):
    assert settled(column("at", "datetime", "timestamp", 1690000000, 1690000001)).type == "string"


def test_zero_dates_mean_no_value_and_are_marked_as_a_guess(column):
    told = settled(column("at", "date", "date", "2021-01-01", "0000-00-00"))
    assert told.type == "date"
    assert told.null_values == ("0000-00-00",)
    assert told.note


def test_an_infinite_date_makes_the_column_text(column):
    assert settled(column("until", "date", "date", "2021-01-01", "infinity")).type == "string"


def test_mysql_truths_are_boolean_and_other_small_numbers_are_not(column):
    assert settled(column("active", "tinyint(1)", "integer", 0, 1)).type == "boolean"
    assert settled(column("rating", "tinyint(1)", "integer", 0, 5)).type == "integer"


def test_a_number_beyond_64_bits_is_text(column):
    assert settled(column("n", "bigint unsigned", "integer", 2**63)).type == "string"


def test_binary_content_is_left_out(column):
    assert settled(column("photo", "blob", "binary")).binary


def test_a_column_without_declaration_is_read_as_it_comes(column):
    assert settled(column("a", "", None, 1, 2)).type == "integer"
    assert settled(column("a", "", None, "x")).type == "string"
    assert settled(column("a", "", None)).type == "string"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("31.12.2020", "01.02.2021", "15.03.2021"), ("date", "dd.MM.yyyy")),
        (("31/12/2020", "01/02/2021", "15/03/2021"), ("date", "dd/MM/yyyy")),
        (("12/31/2020", "01/02/2021", "03/15/2021"), ("date", "MM/dd/yyyy")),
        (("01-JAN-13", "31-DEC-13", "05-MAY-13"), ("date", "dd-MMM-yy")),
        (("2020-12-31", "2021-01-02", "2021-03-15"), ("date", None)),
        (("2020-12-31T10:00:00Z", "2021-01-02T10:00:00Z", "2021-03-15 10:00"), ("timestamp", None)),
    ],
)
def test_texts_that_write_dates_in_one_way_have_a_format(column, values, told):
    assert settled(column("shipped", "varchar(20)", "string", *values))[:2] == told


def test_dates_whose_day_and_month_cannot_be_told_apart_stay_text_and_say_so(column):
    told = settled(column("shipped", "varchar(20)", "string", "01/02/2021", "03/04/2021", "05/06/2021"))
    assert told.type == "string"
    assert "day and month" in told.note
    assert undecided(["01/02/2021", "03/04/2021", "05/06/2021"])


def test_one_text_that_is_no_date_makes_none_of_them_one(column):
    assert settled(column("shipped", "varchar(20)", "string", "31.12.2020", "01.02.2021", "soon")).type == "string"


def test_eight_digits_are_a_date_only_where_the_name_says_so(column):
    values = ("20201231", "20210102", "20210315")
    assert settled(column("order_date", "char(8)", "string", *values))[:2] == ("date", "yyyyMMdd")
    assert settled(column("article", "char(8)", "string", *values)).type == "string"
    assert settled(column("order_date", "integer", "integer", *map(int, values)))[:2] == ("date", "yyyyMMdd")


def test_every_format_we_find_is_one_the_pipeline_reads():
    import polars as pl

    from catalog.models import Field, Place
    from pipelines.casting import typed

    moment = datetime(2021, 12, 31, 23, 58, 59)
    for pattern in PATTERNS:
        field = Field(name="f", physical_name="f", type=pattern.type, format=pattern.jdk, place=Place(file="x"))
        text = moment.strftime(pattern.strptime)
        read = pl.DataFrame({"f": [text]}).select(typed(field, pl.String(), pl.col("f"))).item()
        assert read is not None, pattern.jdk
        assert (read if pattern.type == "date" else read.date()) == date(2021, 12, 31), pattern.jdk
        alone = written([text, text.replace("31", "30"), text.replace("31", "29")], name="date")
        assert alone is not None and alone.format == pattern.jdk, pattern.jdk

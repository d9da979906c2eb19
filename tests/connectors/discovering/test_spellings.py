"""What the texts of a column spell: only what all of them do, and only where it can mean one thing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.discovering.folders.grouping import grouped
from connectors.discovering.folders.walking import Found
from connectors.discovering.kinds import settled
from connectors.discovering.profiles import ColumnProfile
from connectors.discovering.spellings import spelled_column


def _read(texts, name="value"):
    column, values = spelled_column(ColumnProfile(name=name), texts)
    return settled(column), values


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["1", "-20", "300"], "integer"), (["1", "007"], "string"), (["1.5", "2"], "number"), (["1,5", "2"], "number"),
        (["1.234,50", "7"], "number"), (["1.234", "2.345"], "string"), (["1,234", "2,345"], "string"),
        (["true", "false"], "boolean"), (["yes", "No"], "boolean"), (["yes"], "string"), (["1", "x"], "string"),
        (["2024-01-01", "2024-02-01", "2024-03-01"], "date"), (["1e3", "2.5"], "number"), ([], "string"),
        (["9" * 30], "string"),
    ],
)  # fmt: skip
def test_texts_are_read_as_what_all_of_them_spell(texts, told):
    assert _read(texts)[0].type == told


def test_texts_that_stand_for_no_value_are_set_aside_and_told():
    read, values = _read(["1", "n/a", "", None, "2"])
    assert (read.type, read.null_values) == ("integer", ("n/a",))
    assert values == ["1", None, None, None, "2"]


def test_what_may_be_a_text_of_its_own_stays_one_among_texts():
    read, values = _read(["Berlin", "NA", "NULL"])
    assert (read.type, read.null_values) == ("string", ("NULL",))
    assert values == ["Berlin", "NA", None]


@pytest.mark.parametrize("name", ["zip", "PLZ", "phone_no", "card"])
def test_digits_that_are_no_amount_stay_text(name):
    assert _read(["10115", "20095"], name)[0].type == "string"


def test_eight_digits_are_dates_only_where_the_name_says_so():
    texts = ["20240115", "20240216", "20240317"]
    assert _read(texts, "order_date")[0].format == "yyyyMMdd"
    assert _read(texts, "order_no")[0].type == "integer"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=8))
def test_whole_numbers_are_always_known_for_what_they_are(numbers):
    assert _read([str(number) for number in numbers])[0].type == "integer"


def _grouped(*names, columns=("a",)):
    return {one.path: one.name for one in grouped([Found(name, "csv", "", columns) for name in names])}


def test_names_that_differ_in_dates_are_one_table():
    assert _grouped("in/sales-2024-01.csv", "in/sales-2024-02.csv") == {"in/sales-*.csv": "sales"}
    assert _grouped("sales_20240101T0200.csv", "sales_20240102T0200.csv") == {"sales_*.csv": "sales"}


def test_a_glob_that_would_take_in_another_file_is_made_narrower():
    assert _grouped("sales-1.csv", "sales-2.csv", "sales-old.csv") == {
        "sales-[0-9]*.csv": "sales", "sales-old.csv": "sales-old",
    }  # fmt: skip


def test_other_columns_or_another_folder_are_another_table():
    told = [
        Found("a/x1.csv", "csv", "", ("a",)),
        Found("a/x2.csv", "csv", "", ("b",)),
        Found("b/x3.csv", "csv", "", ("a",)),
    ]
    assert len(grouped(told)) == 3


def test_signs_of_globs_in_a_name_mean_themselves():
    assert list(_grouped("a[1].csv")) == ["a[[]1].csv"]

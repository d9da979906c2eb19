"""Files of SAS, SPSS and Stata: values, dates by display format, labels, declared missing values, refusals."""

import contextlib
import csv
import random
from datetime import date, datetime, time
from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats.statistical import sas, spss, stata
from connectors.formats.statistical.moments import Moment, converted, of_sas, of_spss, of_stata
from connectors.formats.tables import File, Limits

DATA = Path("../shared/data/stat/pyreadstat/test_data/basic")
there = pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
MODULES = {
    ".sas7bdat": sas,
    ".xpt": sas,
    ".xpt5": sas,
    ".xpt8": sas,
    ".sav": spss,
    ".zsav": spss,
    ".por": spss,
    ".dta": stata,
}


def opened(path, limits=None, **options):
    module = MODULES[path.suffix]
    file = File(path, path.name)
    assert module.recognises(file.head(), file)
    return module.tables(file, module.Options(**options), limits=limits or Limits())[0]


def rows(table):
    return [row[:-1] for piece in table.pieces() for row in piece.frame.rows()]


def rules(table):
    told = [*table.noticed, *(noticed for piece in table.pieces() for noticed in piece.noticed)]
    return {noticed.rule: noticed for noticed in told}


def twin(name):
    """The rows of a CSV file beside a data file, as its header and values mean them."""
    kinds = {"mynum": float, "mylabl": float, "myord": float, "date": date.fromisoformat, "mydate": date.fromisoformat,
             "dtime": datetime.fromisoformat, "time": clock, "mytime": clock}  # fmt: skip
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield tuple(
                kinds.get(key, str)(value) if value not in ("", "#NULL!") else None for key, value in row.items()
            )


def clock(text):
    hour, minute, second = text.split(":")
    return time(int(hour), int(minute), int(float(second)))


@there
@pytest.mark.parametrize(("name", "csv_name"), [
    ("sample.sas7bdat", "sample.csv"), ("sample_bincompressed.sas7bdat", "sample.csv"), ("sample.xpt", "sample.csv"),
    ("sample.sav", "sample.csv"), ("sample.zsav", "sample.csv"), ("sample.por", "sample.csv"),
    ("sample.dta", "sample.csv"), ("dates.sas7bdat", "dates.csv"), ("sample_missing.sav", "sample_missing.csv"),
])  # fmt: skip
def test_each_value_is_that_of_the_csv_twin(name, csv_name):
    assert rows(opened(DATA / name)) == list(twin(csv_name))


@there
@pytest.mark.parametrize("name", ["dates_xpt.sas7bdat", "dates_xpt_v8.xpt"])
def test_dates_before_and_after_the_epoch_are_what_the_text_columns_say(name):
    for row in rows(opened(DATA / name)):
        told = dict(zip(opened(DATA / name).schema, row, strict=True))
        assert told["dt"] == datetime.fromisoformat(told["string_dt"])
        assert told["dates"] == date.fromisoformat(told["string_dates"])
        assert told["times"] == time.fromisoformat(told["string_times"])


@there
def test_all_real_files_are_recognised_and_read():
    paths = [path for path in sorted(DATA.iterdir()) if path.suffix in MODULES]
    for path in paths:
        assert sum(piece.frame.height for piece in opened(path).pieces()) > 0, path.name
    assert len(paths) >= 20


@there
def test_values_that_spss_declares_as_missing_are_counted():
    table = opened(DATA / "sample_missing.sav")
    assert rules(table)["user-missing"].evidence == {"columns": {"mynum": 2, "mylabl": 1, "myord": 2}}


@there
def test_labels_stand_in_meta_or_in_place_of_codes():
    assert opened(DATA / "sample.sav").meta["value_labels"]["mylabl"] == {"1": "Male", "2": "Female"}
    table = opened(DATA / "sample.sav", labels="labels")
    assert [row[4] for row in rows(table)] == ["Male", "Female", "Male", "Female", "Male"]
    assert table.schema["mylabl"] == pl.String


def test_codes_without_a_label_are_carried_and_told(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.5, None]})
    pyreadstat.write_sav(frame, tmp_path / "a.sav", variable_value_labels={"x": {1.0: "one"}})
    table = opened(tmp_path / "a.sav", labels="labels")
    assert [row[0] for row in rows(table)] == ["one", "2", "3.5", None]
    assert rules(table)["unlabelled-codes"].count == 2


@pytest.mark.parametrize("suffix", [".sav", ".zsav", ".dta", ".xpt"])
def test_rows_come_in_bounded_portions(tmp_path, suffix):
    frame = pd.DataFrame({"n": [float(n) for n in range(25)], "s": [f"row {n}" for n in range(25)]})
    write = {".dta": pyreadstat.write_dta, ".xpt": pyreadstat.write_xport}.get(suffix, pyreadstat.write_sav)
    write(frame, tmp_path / f"a{suffix}")
    table = opened(tmp_path / f"a{suffix}", limits=Limits(batch_rows=10))
    pieces = list(table.pieces())
    assert [piece.frame.height for piece in pieces] == [10, 10, 5]
    assert [row for piece in pieces for row in piece.frame["_position"]] == list(range(1, 26))
    assert rows(table)[24] == (24.0, "row 24")


@pytest.mark.parametrize(("moment", "number", "wanted"), [
    (of_sas("YYMMDD10."), 0, date(1960, 1, 1)),
    (of_sas("MMYY7"), 22281, date(2021, 1, 1)),
    (of_sas("DATETIME22.3"), -0.5, datetime(1959, 12, 31, 23, 59, 59, 500000)),
    (of_sas("TIME8"), 3661, time(1, 1, 1)),
    (of_sas("TIME8"), 90_000, None),
    (of_sas("YYMMDD10."), 4e6, None),
    (of_spss("EDATE10"), 13744944000, date(2018, 5, 6)),
    (of_spss("DATETIME20"), 13744980610, datetime(2018, 5, 6, 10, 10, 10)),
    (of_stata("%td"), 21310, date(2018, 5, 6)),
    (of_stata("%tcHH:MM:SS"), 36610000, time(10, 10, 10)),
    (of_stata("%tc"), 1841220610000, datetime(2018, 5, 6, 10, 10, 10)),
    (of_stata("%tm"), 720, date(2020, 1, 1)),
    (of_stata("%tq"), -1, date(1959, 10, 1)),
    (of_stata("%th"), 121, date(2020, 7, 1)),
    (of_stata("%tw"), 3121, date(2020, 1, 8)),
])  # fmt: skip
def test_numbers_become_the_moments_that_their_format_shows(moment, number, wanted):
    told, impossible = converted(pl.Series("x", [number, None], dtype=pl.Float64), moment)
    assert (told.to_list(), impossible) == ([wanted, None], int(wanted is None))


@pytest.mark.parametrize("display", ["BEST12.", "F8.2", "$10", "COMMA12.2", ""])
def test_plain_numbers_stay_numbers(display):
    assert of_sas(display) is of_spss(display) is of_stata(display) is None


@settings(max_examples=50)
@given(day=st.dates(date(1600, 1, 1), date(9999, 12, 31)))
def test_any_day_comes_back_from_sas_and_spss(day):
    since = (day - date(1960, 1, 1)).days
    assert converted(pl.Series([since]), Moment("day"))[0].item() == day
    seconds = (day - date(1582, 10, 14)).days * 86_400
    assert converted(pl.Series([seconds]), Moment("day", "1582"))[0].item() == day


@pytest.mark.parametrize(("suffix", "content", "reason"), [
    (".sav", b"", "empty"), (".dta", bytes(100), "NULs"), (".sas7bdat", b"\0\0", "NULs"),
    (".sas7bdat", b"x" * 50, "no data set"),
    (".sav", b"$FL2@(#) SPSS" + bytes(300), "damaged"), (".dta", b"<stata_dta>" + bytes(300), "damaged"),
    (".sav", b"\x1c\0\0\0\0\0\0\0ENCRYPTEDSAV" + bytes(100), "password"),
    (".sas7bdat", sas.CATALOG + bytes(2000), "catalog"), (".xpt", sas.TRANSPORT[0] + bytes(100), "cut off"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused(tmp_path, suffix, content, reason):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    module = MODULES[suffix]
    with pytest.raises(FileRefused, match=reason):
        list(module.tables(File(path, path.name), module.Options(), limits=Limits())[0].pieces())


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("suffix", [".sav", ".dta"])
def test_a_cut_file_is_refused(tmp_path, suffix, share):
    frame = pd.DataFrame({"n": [float(n) for n in range(500)]})
    path = tmp_path / f"a{suffix}"
    (pyreadstat.write_dta if suffix == ".dta" else pyreadstat.write_sav)(frame, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(FileRefused):
        list(opened(path).pieces())


def test_a_second_table_of_a_transport_file_is_told(tmp_path):
    pyreadstat.write_xport(pd.DataFrame({"n": [1.0]}), tmp_path / "a.xpt", file_format_version=5)
    content = (tmp_path / "a.xpt").read_bytes()
    member = content[content.index(sas.MEMBERS[0]) :]
    (tmp_path / "a.xpt").write_bytes(content + member)
    table = opened(tmp_path / "a.xpt")
    assert table.noticed[0].rule == "members-unread"


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), suffix=st.sampled_from([".sav", ".dta", ".xpt"]))
def test_damaged_bytes_are_read_or_refused(seed, suffix, tmp_path_factory):
    draw = random.Random(seed)
    path = tmp_path_factory.mktemp("damage") / f"a{suffix}"
    write = {".dta": pyreadstat.write_dta, ".xpt": pyreadstat.write_xport}.get(suffix, pyreadstat.write_sav)
    write(pd.DataFrame({"n": [1.0, 2.0], "s": ["a", "b"]}), path)
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 5, 30])):
        content[draw.randrange(len(content))] = draw.randrange(256)
    path.write_bytes(content[: draw.choice([len(content), draw.randrange(len(content))])])
    file, module = File(path, path.name), MODULES[suffix]
    module.recognises(file.head(), file)
    with contextlib.suppress(FileRefused):
        for table in module.tables(file, module.Options(), limits=Limits()):
            list(table.pieces())

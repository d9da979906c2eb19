from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats.mainframe import Options, write
from tests.connectors.mainframe.mainframe_files import COBRIX, Reader, fixed, needs_cobrix
from tests.connectors.mainframe.test_cobrix import CASES

ITEMS = (
    fixed(
        "NAME PIC X(8)",
        "AMOUNT PIC S9(5)V99 COMP-3",
        "FILLER PIC X(3)",
        "N PIC 9(2)",
        "LINES OCCURS 0 TO 3 TIMES DEPENDING ON N",
    )
    + "\n               10  CODE PIC X(2).\n               10  PRICE PIC S9(4) COMP."
    + "\n           05  AFTER-THEM PIC 9(3)."
)
SEGMENTED = """
       01  ENTITY.
           05  KIND PIC X.
           05  COMPANY.
               10  NAME PIC X(4).
           05  PERSON REDEFINES COMPANY.
               10  AGE PIC 9(2).
"""
WORDS = st.text("ABCXYZ 019", max_size=8).map(str.strip)
PRICED = st.fixed_dictionaries({"CODE": st.sampled_from(["A", "BC"]), "PRICE": st.integers(-9999, 9999)})
LINES = st.lists(PRICED, max_size=3)
ROWS = st.lists(
    st.tuples(WORDS, st.decimals(-99999, 99999, places=2), LINES, st.integers(0, 999)), min_size=1, max_size=12
)
FORMS: list[dict[str, Any]] = [
    {},
    {"encoding": "ascii"},
    {"record_format": "V"},
    {"record_format": "V", "is_rdw_big_endian": True, "is_rdw_part_of_record_length": True},
    {"record_format": "VB", "is_bdw_big_endian": True, "bdw_adjustment": -4, "records_per_block": 2},
    {"record_format": "FB"},
    {"variable_size_occurs": True},
    {"variable_size_occurs": "pad_record"},
    {"variable_size_occurs": True, "record_format": "V"},
    {"record_start_offset": 2, "record_end_offset": 1},
    {"schema_retention_policy": "keep_original"},
]


def frame_of(rows: list[Any]) -> pl.DataFrame:
    told = [
        {"NAME": name or None, "AMOUNT": amount, "N": len(lines), "LINES": lines, "AFTER_THEM": after}
        for name, amount, lines, after in rows
    ]
    line = pl.List(pl.Struct({"CODE": pl.String, "PRICE": pl.Int32}))
    return pl.DataFrame(
        told,
        schema={"NAME": pl.String, "AMOUNT": pl.Decimal(38, 2), "N": pl.Int32, "LINES": line, "AFTER_THEM": pl.Int32},
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.sampled_from(FORMS))
def test_rows_that_are_written_are_read_back(read: Reader, rows, options):
    frame = frame_of(rows)
    if options.get("schema_retention_policy"):
        frame = frame.select(pl.struct(pl.all()).alias("RECORD"))
    declared = Options(copybook_text=ITEMS, **options)
    assert write(frame, declared, read.path) == read.path.stat().st_size
    back, noticed = read(read.path.read_bytes(), ITEMS, **options)
    assert back.drop("_position").equals(frame)
    assert not noticed


def test_lines_are_written_with_their_ends(read):
    copybook = fixed("A PIC X(3)", "B PIC 9(2)")
    frame = pl.DataFrame({"A": ["x", "yz"], "B": [1, 22]}, schema={"A": pl.String, "B": pl.Int32})
    write(frame, Options(copybook_text=copybook, record_format="D"), read.path)
    assert read.path.read_bytes() == b"x  01\nyz 22\n"
    with pytest.raises(FileRefused, match="holds the end of a line"):
        write(frame.with_columns(A=pl.lit("\n")), Options(copybook_text=copybook, record_format="D"), read.path)


def test_a_record_of_a_segment_holds_only_its_own_group(read):
    options = {
        "record_format": "V",
        "segment_field": "KIND",
        "redefine_segment_id_map": {"COMPANY": "C", "PERSON": "P"},
    }
    frame = pl.DataFrame(
        {"KIND": ["C", "P"], "COMPANY": [{"NAME": "Acme"}, None], "PERSON": [None, {"AGE": 41}]},
        schema={"KIND": pl.String, "COMPANY": pl.Struct({"NAME": pl.String}), "PERSON": pl.Struct({"AGE": pl.Int32})},
    )
    write(frame, Options(copybook_text=SEGMENTED, **options), read.path)
    assert read.path.stat().st_size == 4 + 5 + 4 + 3
    assert read(read.path.read_bytes(), SEGMENTED, **options)[0].drop("_position").equals(frame)


@needs_cobrix
@pytest.mark.parametrize("name", ["test1", "test3", "test6"])
def test_published_files_are_written_as_records_that_read_the_same(read, name):
    copybook, data, _, options = CASES[name]
    text, content = (COBRIX / copybook).read_text(), (COBRIX / data).read_bytes()
    frame, _ = read(content, text, **options)
    write(frame, Options(copybook_text=text, **options), read.path)
    assert read.path.stat().st_size == len(content)
    assert read(read.path.read_bytes(), text, **options)[0].equals(frame)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"NAME": pl.lit("too long a name")}, "NAME cannot be written"),
        ({"AMOUNT": pl.lit(Decimal("123456.00"))}, "AMOUNT cannot be written"),
        ({"N": pl.lit(2, dtype=pl.Int32)}, "N does not count the elements of LINES"),
        ({"LINES": pl.lit("x")}, "LINES is no list"),
    ],
)
def test_what_does_not_fit_is_refused(read, changed, told):
    frame = frame_of([("A", Decimal(1), [{"CODE": "A", "PRICE": 1}], 1)]).with_columns(**changed)
    with pytest.raises(FileRefused, match=told):
        write(frame, Options(copybook_text=ITEMS), read.path)


def test_a_missing_column_is_refused(read):
    with pytest.raises(FileRefused, match="no column AMOUNT"):
        write(frame_of([("A", Decimal(1), [], 1)]).drop("AMOUNT"), Options(copybook_text=ITEMS), read.path)

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.formats.mainframe import Options, rows
from tests.connectors.mainframe.mainframe_files import ebcdic

COPYBOOK = """
       01  ENTITY.
           05  KIND PIC X.
           05  COMPANY.
               10  NAME PIC X(4).
           05  DEPT REDEFINES COMPANY.
               10  TITLE PIC X(4).
           05  PERSON REDEFINES COMPANY.
               10  AGE PIC 9(2).
"""
MAP = {"COMPANY": "C", "DEPT": "D", "PERSON": ["P", "Q"]}
SEGMENTED: dict[str, Any] = {"record_format": "V", "segment_field": "KIND", "redefine_segment_id_map": MAP}
CHILDREN = {"COMPANY": "DEPT", "DEPT": "PERSON"}
FILE = ("P01", "CAcme", "DIT", "P41", "Q42", "DHR", "CBolt", "P50", "DOps", "P60")


def records(*texts: str) -> bytes:
    return b"".join(struct.pack("<HH", 0, len(text)) + ebcdic(text) for text in texts)


def test_only_the_group_of_its_segment_is_read_of_a_record(read):
    told = read.rows(records("CAcme", "P41", "X??"), COPYBOOK, **SEGMENTED)
    assert told == [
        {"KIND": "C", "COMPANY": {"NAME": "Acme"}, "DEPT": None, "PERSON": None},
        {"KIND": "P", "COMPANY": None, "DEPT": None, "PERSON": {"AGE": 41}},
        {"KIND": "X", "COMPANY": None, "DEPT": None, "PERSON": None},
    ]


def test_without_a_map_all_redefinitions_are_read_of_every_record(read):
    told = read.rows(records("P41"), COPYBOOK, record_format="V", segment_field="KIND")
    assert told == [{"KIND": "P", "COMPANY": {"NAME": "41"}, "DEPT": {"TITLE": "41"}, "PERSON": {"AGE": 41}}]


def test_a_filter_keeps_records_of_the_named_segments_with_their_own_positions(read):
    frame, _ = read(records(*FILE), COPYBOOK, segment_filter="D", generate_record_id=True, **SEGMENTED)
    assert frame["_position"].to_list() == [3, 6, 9]
    assert frame["Record_Id"].to_list() == [2, 5, 8]


def test_ids_tie_each_record_to_its_root(read):
    levels = {"segment_id_level0": "C", "segment_id_level1": "D", "segment_id_level2": "_", "segment_id_prefix": "A"}
    frame, noticed = read(records(*FILE), COPYBOOK, **SEGMENTED, **levels)
    assert frame.select("Seg_Id0", "Seg_Id1", "Seg_Id2").rows() == [
        ("A_0_1", None, None),
        ("A_0_1", "A_0_1_L1_1", None),
        ("A_0_1", "A_0_1_L1_1", "A_0_1_L2_1"),
        ("A_0_1", "A_0_1_L1_1", "A_0_1_L2_2"),
        ("A_0_1", "A_0_1_L1_2", None),
        ("A_0_6", None, None),
        ("A_0_6", "A_0_6_L1_0", "A_0_6_L2_1"),
        ("A_0_6", "A_0_6_L1_1", None),
        ("A_0_6", "A_0_6_L1_1", "A_0_6_L2_2"),
    ]
    assert noticed["records-before-root"].count == 1


def test_children_are_lists_in_the_group_of_their_parent(read):
    frame, noticed = read(records(*FILE), COPYBOOK, segment_children=CHILDREN, **SEGMENTED)
    assert frame["_position"].to_list() == [2, 7]
    assert [row["COMPANY"] for row in frame.to_dicts()] == [
        {
            "NAME": "Acme",
            "DEPT": [{"TITLE": "IT", "PERSON": [{"AGE": 41}, {"AGE": 42}]}, {"TITLE": "HR", "PERSON": []}],
        },
        {"NAME": "Bolt", "DEPT": [{"TITLE": "Ops", "PERSON": [{"AGE": 60}]}]},
    ]
    assert (noticed["records-before-root"].count, noticed["orphan-segments"].count) == (1, 1)


def test_the_nested_rows_of_one_kind_alone_are_empty_lists_and_of_no_root_are_none(read):
    frame, _ = read(records("CAcme"), COPYBOOK, segment_children=CHILDREN, **SEGMENTED)
    assert frame["COMPANY"].to_list() == [{"NAME": "Acme", "DEPT": []}]
    frame, noticed = read(records("P41"), COPYBOOK, segment_children=CHILDREN, **SEGMENTED)
    assert (frame.height, noticed["records-before-root"].count) == (0, 1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["CAcme", "DIT", "P41", "Q7", "Xxx"]), min_size=1, max_size=40), st.integers(8, 99))
def test_each_record_stands_once_in_nested_rows_or_is_counted_however_much_is_read_at_once(read, texts, portion):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "PORTION", portion)
        patch.setattr(rows, "LEAST_PORTION", portion)
        frame, noticed = read(
            records(*texts), COPYBOOK, segment_children=CHILDREN, generate_record_id=True, **SEGMENTED
        )
    companies = [row["COMPANY"] for row in frame.to_dicts()]
    depts = [dept for company in companies for dept in company["DEPT"]]
    told = len(companies) + len(depts) + sum(len(dept["PERSON"]) for dept in depts)
    orphans = noticed["orphan-segments"].count if "orphan-segments" in noticed else 0
    before = noticed["records-before-root"].count if "records-before-root" in noticed else 0
    assert told + orphans + before == len(texts) - texts[before:].count("Xxx")
    assert sum(frame["Record_Byte_Length"].to_list()) == sum(map(len, texts[before:]))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["CAcme", "DIT", "P41"]), min_size=1, max_size=40), st.integers(8, 99))
def test_generated_ids_do_not_depend_on_how_much_is_read_at_once(read, texts, portion):
    levels = {"segment_id_levels": [["C"], ["D"], ["*"]], **SEGMENTED}
    whole, _ = read(records(*texts), COPYBOOK, **levels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "PORTION", portion)
        patch.setattr(rows, "LEAST_PORTION", portion)
        assert read(records(*texts), COPYBOOK, **levels)[0].equals(whole)


def test_the_spellings_of_cobrix_mean_the_same():
    ours = Options(segment_field="KIND", redefine_segment_id_map=MAP, segment_id_levels=[["C"], ["D", "P"]])
    theirs = Options(**{
        "segment_field": "KIND",
        "redefine-segment-id-map:0": "COMPANY => C",
        "redefine_segment_id_map:1": "DEPT => D",
        "redefine_segment_id_map:2": "PERSON => P",
        "redefine_segment_id_map:3": "PERSON => Q",
        "segment_id_level0": "C",
        "segment_id_level1": "D,P",
    })  # fmt: skip
    assert ours == theirs
    assert Options(copybooks="a.cpy, b.cpy", pedantic="true").copybook == ("a.cpy", "b.cpy")


@pytest.mark.parametrize(
    "options",
    [
        {"segment_filter": "A"},
        {"segment_children": {"A": "B"}, "segment_field": "K"},
        {
            "segment_children": {"A": "B"},
            "segment_field": "K",
            "redefine_segment_id_map": {"A": "1"},
            "segment_filter": "1",
        },
        {"no_such_option": 1},
    ],
)
def test_options_that_contradict_each_other_are_refused_before_any_file(options):
    with pytest.raises(ValidationError):
        Options(**options)

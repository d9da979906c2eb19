from __future__ import annotations

import re

import pytest

from catalog.errors import FileRefused
from connectors.formats.mainframe.copybook import parsed
from connectors.formats.mainframe.layout import Layout, laid_out, printed
from connectors.formats.mainframe.options import Options
from tests.connectors.mainframe.mainframe_files import COBRIX, fixed, needs_cobrix

ROW = re.compile(r"^\s*(?:\d+ )?(\S+)\s.*?(\d+)\s+(\d+)\s+(\d+)\s+(\d+)$", re.MULTILINE)
REDEFINED = """
       01  RECORD.
           05  A PIC X(4).
           05  B REDEFINES A PIC 9(6).
           05  C REDEFINES A.
               10  D PIC X OCCURS 2.
           05  E PIC X(2) OCCURS 3.
           05  F COMP-1.
"""
FILLERS = """
       01  RECORD.
           05  FILLER PIC X.
           05  A PIC X.
           05  FILLER.
               10  B PIC X.
               10  FILLER PIC X(2).
           05  C.
               10  FILLER PIC X(3).
"""


def layout(text: str, **options) -> Layout:
    return laid_out([parsed(text)], Options(**options))


def places(told: Layout) -> list[tuple[str, int, int]]:
    return [(node.name, node.offset, node.size) for node in told.all()]


def columns(text: str, **options) -> list[str]:
    return [node.name for node in layout(text, **options).columns]


@needs_cobrix
@pytest.mark.parametrize("name", ["test6", "test19_display_num"])
def test_offsets_are_those_of_the_published_layouts(name):
    copybook = COBRIX / f"{name}_copybook.cob" if name == "test6" else COBRIX / f"{name}.cob"
    published = next((COBRIX / f"{name}_expected").glob("*_layout.txt")).read_text()
    ours = {found[0]: found[2:] for found in ROW.findall(printed(layout(copybook.read_text())))}
    theirs = {found[0]: found[2:] for found in ROW.findall(published)}
    assert len(theirs) > 7
    assert {field: ours.get(field) for field in theirs} == theirs


def test_redefinitions_begin_together_and_take_the_room_of_the_longest():
    told = layout(REDEFINED)
    assert places(told)[1:] == [("A", 0, 6), ("B", 0, 6), ("C", 0, 6), ("D", 0, 2), ("E", 6, 6), ("F", 12, 4)]
    assert told.size == 16


def test_the_layout_is_printed_with_first_and_last_byte_and_length():
    assert printed(layout(REDEFINED)).splitlines()[3].split() == ["5", "A", "r", "2", "1", "6", "6"]
    assert printed(layout(REDEFINED)).splitlines()[7].split() == ["5", "E", "[]", "6", "7", "12", "6"]


def test_synchronized_items_make_slack_bytes_only_where_that_is_declared():
    text = fixed("A PIC X", "B PIC S9(9) COMP SYNC", "C COMP-2 SYNC")
    assert [place for _, place, _ in places(layout(text))[1:]] == [0, 1, 5]
    assert [place for _, place, _ in places(layout(text, synchronized=True))[1:]] == [0, 4, 8]


def test_a_sole_root_is_taken_away_unless_it_is_to_be_kept():
    assert columns(fixed("A PIC X", "B PIC X")) == ["A", "B"]
    assert columns(fixed("A PIC X"), schema_retention_policy="keep_original") == ["RECORD"]


def test_several_roots_follow_each_other_and_those_that_redefine_share_their_bytes():
    text = "       01 A.\n           05 B PIC X(3).\n       01 C.\n           05 D PIC X."
    assert places(layout(text)) == [("A", 0, 3), ("B", 0, 3), ("C", 3, 1), ("D", 3, 1)]
    assert layout(text.replace("01 C", "01 C REDEFINES A")).size == 3


def test_several_copybooks_describe_the_same_bytes():
    both = [parsed("       01 A.\n           05 B PIC X(3)."), parsed("       01 C.\n           05 D PIC X(5).")]
    told = laid_out(both, Options())
    assert (told.size, [node.name for node in told.columns]) == (5, ["B", "D"])


def test_fillers_are_left_out_but_for_groups_that_hold_something():
    assert columns(FILLERS) == ["A", "FILLER_1"]
    assert columns(FILLERS, drop_group_fillers=True) == ["A"]
    assert columns(FILLERS, drop_value_fillers=False) == ["FILLER_P1", "A", "FILLER_1", "C"]
    assert columns(FILLERS, filler_naming_policy="previous_field_name") == ["A", "FILLER_AFTER_A"]


def test_columns_of_one_name_are_told_apart_and_named():
    told = layout(fixed("A PIC X", "A PIC X", "A-2 PIC X", "A PIC X"))
    assert len({node.name for node in told.columns}) == 4
    assert told.renamed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (fixed("A REDEFINES B PIC X"), "A redefines B, but is the first of its group"),
        (fixed("B PIC X", "C PIC X", "A REDEFINES B PIC X"), "which does not stand directly before it"),
        (fixed("A OCCURS 3 DEPENDING ON N PIC X"), "A depends on N, which is not in the copybook"),
        (fixed("FILLER PIC X"), "consists of FILLER only"),
        (fixed("_position PIC X"), "a field '_position', which is a name of ours"),
        (fixed("A PIC X(99999) OCCURS 999999"), "describes records of"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(text, told):
    with pytest.raises(FileRefused) as refused:
        layout(text)
    assert told in refused.value.what


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"redefine_segment_id_map": {"NONE": "A"}, "segment_field": "A"}, "names 'NONE', which is no group"),
        (
            {"segment_children": {"G": "H"}, "redefine_segment_id_map": {"G": "1"}, "segment_field": "A"},
            "no segment id",
        ),
        (
            {
                "segment_children": {"G": "H", "H": "G"},
                "redefine_segment_id_map": {"G": "1", "H": "2"},
                "segment_field": "A",
            },
            "is its own ancestor",
        ),
    ],
)
def test_segments_that_cannot_be_are_refused(options, told):
    text = fixed("A PIC X", "G", "H REDEFINES G").replace("G.", "G.\n              10 X PIC X.").replace(
        "REDEFINES G.", "REDEFINES G.\n              10 Y PIC X."
    )  # fmt: skip
    with pytest.raises(FileRefused) as refused:
        layout(text, **options)
    assert told in refused.value.what

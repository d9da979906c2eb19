from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats.mainframe.copybook import Item, parsed
from tests.connectors.mainframe.mainframe_files import fixed


def item(entry: str) -> Item:
    return parsed(fixed(entry)).roots[0].children[0]


def field(entry: str):
    kind = item(entry).field
    assert kind is not None
    return kind


def names(text: str, **options) -> list[str]:
    return [node.name for root in parsed(text, **options).roots for node in root.all()]


def test_sequence_numbers_comments_and_what_stands_beyond_column_72_are_no_text():
    text = "\n".join([
        "000100* A COMMENT 05 NOT-THIS PIC X.",
        "000200 01  RECORD.".ljust(72) + "CHANGED1",
        "000300/ a new page",
        "       EJECT",
        "       SKIP1",
        "           05  A PIC X. *> the rest is a comment. 05 B PIC X.",
        "      D    05  DEBUGGED PIC X.",
        "           05  C PIC X(2).",
    ])  # fmt: skip
    assert names(text) == ["RECORD", "A", "C"]


def test_a_copybook_in_free_form_is_seen_to_be_one():
    assert names("01 RECORD.\n05 A PIC X.\n* a comment\n05 B PIC 9.") == ["RECORD", "A", "B"]


def test_tabs_and_hard_blanks_are_blanks():
    assert names("       01\tRECORD.\n\t\t05\tA\u00a0PIC X(3).") == ["RECORD", "A"]


def test_the_end_of_a_page_and_of_a_file_are_no_lines_of_their_own():
    text = "\f      * PAGE 2\r\n       01  RECORD.\r\n           05  A PIC X(3)Q.\r\n\x1a"
    with pytest.raises(FileRefused, match="copybook line 3"):
        parsed(text)


def test_an_entry_may_go_on_over_lines_and_its_last_period_may_be_missing():
    assert names(
        "       01  RECORD.\n           05  A\n             PIC\n             X(3).\n           05 B PIC X"
    ) == [
        "RECORD",
        "A",
        "B",
    ]


def test_a_literal_that_is_continued_does_not_end_an_entry():
    text = "\n".join([
        "       01  RECORD.",
        "           05  A PIC X(90) VALUE 'it is. not over".ljust(72),
        "      -    '. but now'.",
        "           05  B PIC X.",
    ])  # fmt: skip
    assert names(text) == ["RECORD", "A", "B"]


def test_names_lose_what_a_column_name_may_not_hold():
    assert item("CUST-NO:X: PIC X").name == "CUST_NOX"
    assert item("'PRE'-FIELD PIC X").name == "PRE_FIELD"
    assert [item(f"{name} PIC X").name for name in ("INDEX", "VALUE")] == ["INDEX", "VALUE"]
    assert [item(entry).filler for entry in ("PIC X", "FILLER PIC X", "filler PIC X")] == [True, True, True]


@pytest.mark.parametrize(
    ("picture", "length", "digits", "scale"),
    [
        ("9(5)", 5, 5, 0),
        ("S9(5)V99", 7, 7, 2),
        ("99V9(3)", 5, 5, 3),
        ("SV9(7)", 7, 7, 7),
        ("PPP9(5)", 5, 5, 8),
        ("SVPP9(3)", 3, 3, 5),
        ("9(5)PPP", 5, 5, -3),
        ("S9(3)V", 3, 3, 0),
        ("9(8).9(2)", 11, 10, 2),
        ("+9(8)", 9, 8, 0),
        ("9(6)V99-", 9, 8, 2),
        ("Z(6)VZZ-", 9, 8, 2),
        ("ZZ9.99", 6, 5, 2),
    ],
)
def test_a_picture_of_digits_is_a_number(picture, length, digits, scale):
    kind = field(f"A PIC {picture}")
    assert (kind.usage, kind.length, kind.digits, kind.scale) == ("zoned", length, digits, scale)


@pytest.mark.parametrize(
    ("picture", "length"),
    [("X(10)", 10), ("XXX", 3), ("A(4)", 4), ("X(2)9(3)", 5), ("$$,$$9.99", 9), ("9(3)/99", 6), ("Z,ZZ9.99CR", 10),
     ("99B99", 5), ("**9", 3), ("9(3),99", 6)],
)  # fmt: skip
def test_text_and_edited_pictures_are_text(picture, length):
    kind = field(f"A PIC {picture}")
    assert (kind.usage, kind.length) == ("text", length)


def test_with_a_decimal_comma_the_comma_is_the_point():
    kind = parsed(fixed("A PIC 9(3),99"), decimal_comma=True).roots[0].children[0].field
    assert kind is not None
    assert (kind.usage, kind.scale, kind.explicit_point) == ("zoned", 2, True)


def test_a_repetition_may_be_set_off_by_a_blank():
    assert field("A PIC X (10)").length == 10


@pytest.mark.parametrize(
    ("usage", "lengths"),
    [
        ("COMP", [2, 2, 4, 4, 8, 8, 9]),
        ("USAGE IS COMPUTATIONAL-5", [2, 2, 4, 4, 8, 8, 9]),
        ("BINARY", [2, 2, 4, 4, 8, 8, 9]),
        ("COMP-9", [1, 2, 4, 4, 8, 8, 9]),
        ("COMP-3", [1, 3, 3, 5, 6, 10, 10]),
        ("PACKED-DECIMAL", [1, 3, 3, 5, 6, 10, 10]),
        ("COMP-6", [1, 2, 3, 5, 5, 9, 10]),
    ],
)
def test_numbers_take_the_bytes_of_their_usage(usage, lengths):
    assert [field(f"A PIC 9({digits}) {usage}").length for digits in (1, 4, 5, 9, 10, 18, 19)] == lengths


def test_floats_and_addresses_have_no_picture():
    assert [field(f"A {usage}").length for usage in ("COMP-1", "COMP-2", "USAGE INDEX", "POINTER")] == [4, 8, 4, 4]


def test_national_text_takes_two_bytes_a_character_and_utf_8_four():
    assert (field("A PIC N(5)").usage, field("A PIC N(5)").length) == ("national", 10)
    assert (field("A PIC U(5)").usage, field("A PIC U(5)").length) == ("text", 20)


def test_a_sign_may_lead_or_trail_and_take_a_byte_of_its_own():
    kinds = [field(f"A PIC S9(4) SIGN IS {sign}") for sign in ("LEADING", "TRAILING", "LEADING SEPARATE CHARACTER")]
    assert [(kind.sign_leading, kind.sign_separate, kind.length) for kind in kinds] == [
        (True, False, 4),
        (False, False, 4),
        (True, True, 5),
    ]


def test_usage_and_sign_of_a_group_hold_for_what_is_below_it():
    text = "       01  A COMP-3 SIGN LEADING.\n           05  B PIC S9(4).\n           05  C PIC S9(4) COMP-3."
    assert [child.field.usage for child in parsed(text).roots[0].children if child.field] == ["packed", "packed"]


def test_tables_know_their_least_and_most_and_what_they_depend_on():
    told = item(
        "A OCCURS 2 TO 9 TIMES DEPENDING ON B-C OF G\n  " + " " * 9 + "ASCENDING KEY IS K INDEXED BY I, J PIC X"
    )
    assert (told.occurs_least, told.occurs, told.depending_on, told.picture) == (2, 9, "B_C", "X")
    assert (item("A PIC X OCCURS 5").occurs_least, item("A PIC X OCCURS 5").occurs) == (0, 5)


def test_conditions_are_kept_with_their_values_and_renames_with_their_names():
    told = parsed(fixed("A PIC X") + "\n           88  YES VALUES ARE 'Y', 'J'.\n       66  B RENAMES A.")
    assert [(known.name, known.values) for known in told.roots[0].children[0].conditions] == [("YES", ("'Y'", "'J'"))]
    assert told.renames == ("B",)


def test_clauses_that_change_no_byte_are_passed_over():
    assert field("A PIC 9(4) JUSTIFIED RIGHT BLANK WHEN ZERO VALUE ZEROS GLOBAL SYNC").length == 4


def test_what_is_copied_comes_from_the_files_that_are_given():
    copies = {"PARTY": "       05  :TAG:-NAME PIC X(9).\n       05 OTHER PIC X."}
    text = "       01 RECORD.\n       COPY PARTY REPLACING ==:TAG:== BY ==CUST== OTHER BY KIND."
    assert names(text, copies=copies) == ["RECORD", "CUST_NAME", "KIND"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (fixed("A PIC X") + "\n       COPY PARTY.", "line 3: COPY PARTY needs another copybook"),
        (fixed("A PIC X(2)Q"), "line 2: the picture X(2)Q of A"),
        (fixed("A PIC 9(39)"), "line 2: the picture 9(39) of A has 39 digits"),
        (fixed("A PIC X(3) COMP-3"), "line 2: A is text (X(3)), which cannot be COMP-3"),
        (fixed("A"), "line 2: A has neither a picture nor items below it"),
        (fixed("A PIC X COMP-77"), "line 2: 'COMP-77' is not understood in the description of A"),
        (fixed("A PIC X 05 B PIC X"), "line 2: '05' is not understood here; does a period miss before it?"),
        (fixed("A OCCURS MANY PIC X"), "line 2: OCCURS needs a number"),
        (fixed("A PIC X\n               10  B PIC X"), "line 3: '10' is not understood here"),
        (fixed("A PIC X") + "\n               10  B PIC X.", "line 3: B lies below A, which is no group"),
        (
            "       01  A.\n           10 B PIC X.\n           05 C PIC X.\n           07 D PIC X.",
            "line 4: D lies below C",
        ),
        ("       PROGRAM-ID. X.", "line 1: 'PROGRAM-ID' stands where a level number"),
        ("", "line 1: it describes no record"),
        (fixed("A PIC X VALUE 'open"), "is a quote open?"),
        (fixed("A PIC 9(3).99 COMP-3"), "line 2: A has a sign or a point of its own"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text, told):
    with pytest.raises(FileRefused) as refused:
        parsed(text)
    assert told in str(refused.value)


KNOWN = [
    "05 A PIC X.",
    "10 B PIC 9(4) COMP-3.",
    "88 C VALUE 'X'.",
    "05 D OCCURS 3 TIMES.",
    "66 E RENAMES A.",
    "COPY F.",
]
ENTRY = st.text(alphabet="0123456789AXVSPZ9.,+-()' \nPICOCURSTEM", max_size=40) | st.sampled_from(KNOWN)
ENTRIES = st.lists(ENTRY, max_size=8)


@settings(max_examples=60, deadline=None)
@given(ENTRIES)
def test_any_text_is_a_copybook_or_is_refused(entries):
    text = "\n".join(["       01 RECORD.", *(f"           {entry}" for entry in entries)])
    try:
        parsed(text)
    except FileRefused as refused:
        assert refused.what.startswith("copybook line ")

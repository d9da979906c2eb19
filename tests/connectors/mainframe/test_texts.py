import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats.mainframe.code_pages import code_page
from connectors.formats.mainframe.decoding import decode_checked
from connectors.formats.mainframe.encoding import encode
from connectors.formats.mainframe.fields import FieldType, Reading

TEST3 = Path("../shared/data/mainframe/cobrix")
BLANKS = "".join(map(chr, range(33)))


def read(values, reading, usage="text"):
    """The texts, and how many held what is no character."""
    field = FieldType(usage, len(values[0]))
    raw = np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -1)
    texts, odd = decode_checked(raw, field, reading)
    return texts.to_list(), odd


def test_text_is_trimmed_on_both_sides_unless_told_otherwise():
    padded = [" AB C ".encode("cp037")]
    assert read(padded, Reading())[0] == ["AB C"]
    assert read(padded, Reading(trimming="left"))[0] == ["AB C "]
    assert read(padded, Reading(trimming="right"))[0] == [" AB C"]
    assert read(padded, Reading(trimming="none"))[0] == [" AB C "]
    assert read(padded, Reading(trimming="keep_all"))[0] == [" AB C "]


def test_control_characters_at_the_ends_are_trimmed_like_blanks():
    assert read([b"\x05\xc1\x40\xc2\x00\x0d"], Reading(code_page="cp1140"))[0] == ["A B"]


def test_low_values_are_null_and_blanks_are_an_empty_text():
    values = [b"\x00\x00", b"\x40\x40", b"\x00\x40", b"\x00\xc1"]
    assert read(values, Reading()) == ([None, "", "", "A"], 0)
    assert read(values, Reading(null_low_values=False)) == (["", "", "", "A"], 0)
    assert read(values, Reading(trimming="keep_all"))[0] == ["  ", "  ", "  ", " A"]


def test_characters_of_several_bytes_in_utf_8_stand_beside_plain_ones():
    values = [text.ljust(6).encode("cp1140") for text in ("Köln", "Bonn", "€ßÿ", "", "ÄÖÜäöü")]
    assert read(values, Reading(code_page="cp1140")) == (["Köln", "Bonn", "€ßÿ", "", "ÄÖÜäöü"], 0)


def test_bytes_that_are_no_character_become_blanks_and_are_counted():
    assert read([b"\xc1\x01\xc2", b"\xc1\x00\xc2", b"\xc1\xc1\xc2"], Reading()) == (["A B", "A B", "AAB"], 1)
    assert read([b"\xc1\x01\x43", b"\xc1\x43\xc2"], Reading()) == (["A ä", "AäB"], 1)


def test_a_letter_that_the_common_page_lacks_is_counted():
    assert read(["Köln".encode("cp037")], Reading(code_page="common")) == (["K ln"], 1)


def test_control_characters_are_dropped_from_ascii_text_unless_all_is_kept():
    values = [b"\0A\tB\r\n", b"CDEFGH"]
    assert read(values, Reading(encoding="ascii"))[0] == ["AB", "CDEFGH"]
    assert read(values, Reading(encoding="ascii", trimming="keep_all"))[0] == ["\0A\tB\r\n", "CDEFGH"]
    assert read([b"\0\0", b"\1\2"], Reading(encoding="ascii"))[0] == [None, ""]


def test_what_is_no_ascii_becomes_a_blank_and_is_counted():
    assert read([b"K\xf6ln", b"Bonn"], Reading(encoding="ascii")) == (["K ln", "Bonn"], 1)
    assert read([b"K\xf6l\x01", b"Bon\x01"], Reading(encoding="ascii")) == (["K l", "Bon"], 1)


def test_an_ascii_file_may_have_another_charset():
    assert read([b"K\xf6ln", b"\0\x80\xdf "], Reading(encoding="ascii", ascii_charset="cp1252")) == (["Köln", "€ß"], 0)
    utf8 = Reading(encoding="ascii", ascii_charset="utf-8")
    assert read(["Köl".encode(), b"Bonn", "\0€".encode()], utf8) == (["Köl", "Bonn", "€"], 0)
    sjis = ["ソA".encode("shift_jis"), b"ABC"]
    assert read(sjis, Reading(encoding="ascii", ascii_charset="shift_jis")) == (["ソA", "ABC"], 0)


def test_a_character_that_a_field_cuts_off_does_not_join_the_next_value():
    utf8 = Reading(encoding="ascii", ascii_charset="utf-8")
    assert read([b"AB\xc3", b"\xb6CD"], utf8) == (["AB\ufffd", "\ufffdCD"], 2)


@pytest.mark.parametrize("charset", ["hex", "rot13", "utf-16", "cp037", "no-such", "undefined", ""])
def test_a_charset_that_does_not_extend_ascii_is_refused(charset):
    with pytest.raises(FileRefused):
        read([b"AB"], Reading(encoding="ascii", ascii_charset=charset))


def test_national_text_is_utf_16_of_either_byte_order():
    texts = ["Köln €", "日本語   ", "Bonn  "]
    for order, codec in ((True, "utf-16-be"), (False, "utf-16-le")):
        values = [text.encode(codec) for text in texts]
        assert read(values, Reading(national_big_endian=order), "national")[0] == ["Köln €", "日本語", "Bonn"]


def test_national_text_beyond_the_basic_plane_is_read_and_half_a_character_is_not():
    values = ["😀 ".encode("utf-16-be"), b"\xd8\x3d\x00A\x00 ", b"\x00A\x00 \x00B"]
    assert read(values, Reading(), "national") == (["😀", "\ufffdA", "A B"], 1)
    assert read([b"\x00A\x00"], Reading(), "national") == (["A\ufffd"], 1)
    assert read([bytes(4), "\0A".encode("utf-16-be")], Reading(), "national")[0] == [None, "A"]


def test_bytes_are_handed_over_as_hexadecimal():
    assert read([b"\x00\xab\xff"], Reading(), "bytes") == (["00ABFF"], 0)


def test_a_view_into_records_is_read_like_a_copy():
    records = np.frombuffer(b"".join(f"{place:03d}Name{place}x".encode("cp037") for place in range(5)), np.uint8)
    view = records.reshape(5, -1)[:, 3:8]
    texts, _ = decode_checked(view, FieldType("text", 5), Reading())
    assert texts.to_list() == [f"Name{place}" for place in range(5)]


@pytest.mark.skipif(not TEST3.exists(), reason="the shared data is absent")
@pytest.mark.parametrize("trimming", ["both", "left", "right", "none"])
def test_a_real_files_texts_are_trimmed_as_its_keeper_expects(trimming):
    records = np.fromfile(TEST3 / "test3_data/TRAN2.AUG31.DATA.dat", np.uint8).reshape(-1, 45)
    lines = (TEST3 / f"test3_expected/test3_trim_{trimming}.txt").read_text().splitlines()
    reading = Reading(code_page="common", trimming=trimming)
    names, _ = decode_checked(records[: len(lines), 11:26], FieldType("text", 15), reading)
    assert names.to_list() == [json.loads(line)["COMPANY_NAME"] for line in lines]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(min_size=5, max_size=5), min_size=1, max_size=10),
    st.sampled_from(
        ["common", "common_extended", "cp037", "cp037_extended", "cp273", "cp875", "cp1025", "cp1140", "cp838"]
    ),
    st.sampled_from(["both", "left", "right", "none"]),
)
def test_every_byte_string_is_the_text_of_its_characters_without_blanks_at_the_ends(values, page, trimming):
    characters = code_page(page).characters
    expected = ["".join(characters[code] for code in value) if any(value) else None for value in values]
    trim = {"both": str.strip, "left": str.lstrip, "right": str.rstrip, "none": lambda text, _: text}[trimming]
    texts, _ = read(values, Reading(code_page=page, trimming=trimming))
    assert texts == [None if text is None else trim(text, BLANKS) for text in expected]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(min_size=6, max_size=6), min_size=1, max_size=8),
    st.sampled_from(["us-ascii", "utf-8", "latin-1", "cp1252", "gb18030", "shift_jis", "cp1253"]),
    st.sampled_from(["both", "keep_all"]),
)
def test_every_byte_string_is_some_text_of_an_ascii_file(values, charset, trimming):
    reading = Reading(encoding="ascii", ascii_charset=charset, trimming=trimming)
    texts, odd = read(values, reading)
    assert len(texts) == len(values)
    assert 0 <= odd <= len(values)
    if charset == "utf-8" and trimming == "keep_all":
        assert texts == [value.decode(errors="replace") for value in values]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=6, max_size=6), min_size=1, max_size=8), st.booleans())
def test_every_byte_string_is_the_national_text_that_python_reads(values, big_endian):
    reading = Reading(national_big_endian=big_endian, trimming="none", null_low_values=False)
    codec = "utf-16-be" if big_endian else "utf-16-le"
    assert read(values, reading, "national")[0] == [value.decode(codec, "replace") for value in values]


def test_a_text_too_long_for_its_item_is_refused():
    with pytest.raises(FileRefused, match="longer than the 3 bytes"):
        encode(pl.Series(["ABCD"]), FieldType("text", 3), Reading())


def test_a_character_that_the_page_lacks_is_refused_and_not_replaced():
    with pytest.raises(FileRefused, match="lacks a character"):
        encode(pl.Series(["€"]), FieldType("text", 3), Reading(code_page="cp037"))
    with pytest.raises(FileRefused, match="lacks a character"):
        encode(pl.Series(["€"]), FieldType("text", 3), Reading(encoding="ascii"))

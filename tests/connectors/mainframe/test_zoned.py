from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats.mainframe.decoding import decode_checked, dtype_of
from connectors.formats.mainframe.fields import FieldType, Reading

EBCDIC, ASCII = Reading(), Reading(encoding="ascii")
LENIENT = Reading(strict_sign=False)


def zoned(length, scale=0, **more):
    return FieldType("zoned", length, more.pop("digits", length), scale, **more)


def read(values, field, reading=EBCDIC):
    """What the values are read as, and how many were neither a number nor blank."""
    raw = np.frombuffer(b"".join(values), np.uint8).reshape(len(values), field.length)
    numbers, odd = decode_checked(raw, field, reading)
    assert numbers.dtype == dtype_of(field)
    return numbers.to_list(), odd


def ebcdic(text):
    return text.encode("cp037")


def one(text, field, reading=EBCDIC):
    return read([ebcdic(text) if reading.encoding == "ebcdic" else text.encode("latin-1")], field, reading)


def test_digits_are_a_number_and_a_scale_is_a_fixed_count_of_decimals():
    assert one("00305", zoned(5)) == ([305], 0)
    assert one("00305", zoned(5, 2)) == ([Decimal("3.05")], 0)
    assert one("30503", zoned(5, 8)) == ([Decimal("0.00030503")], 0)  # PIC PPP9(5)


def test_trailing_ps_of_a_picture_are_zeros():
    assert one("30503", zoned(5, -3)) == ([30503000], 0)
    assert dtype_of(zoned(5, -5)) == pl.Int64()


@pytest.mark.parametrize(
    ("digits", "scale", "dtype"),
    [
        (9, 0, pl.Int32()),
        (10, 0, pl.Int64()),
        (18, 0, pl.Int64()),
        (19, 0, pl.Decimal(38, 0)),
        (5, 2, pl.Decimal(38, 2)),
    ],
)
def test_the_type_follows_from_the_picture_and_not_from_the_values(digits, scale, dtype):
    assert dtype_of(zoned(digits, scale)) == dtype


def test_a_picture_of_more_than_thirty_eight_decimals_is_refused():
    with pytest.raises(FileRefused, match="39 decimals"):
        dtype_of(zoned(5, 39))


def test_the_sign_is_overpunched_on_the_last_digit_or_the_first():
    assert one("12C", zoned(3, signed=True)) == ([123], 0)
    assert one("12L", zoned(3, signed=True)) == ([-123], 0)
    assert one("A23", zoned(3, signed=True, sign_leading=True)) == ([123], 0)
    assert one("J23", zoned(3, signed=True, sign_leading=True)) == ([-123], 0)
    assert one("12}", zoned(3, signed=True)) == ([-120], 0)


def test_a_signed_item_without_a_sign_is_positive():
    assert one("123", zoned(3, signed=True)) == ([123], 0)


def test_a_separate_sign_stands_before_or_behind_the_digits():
    assert one("-305", zoned(4, digits=3, signed=True, sign_separate=True, sign_leading=True)) == ([-305], 0)
    assert one("305+", zoned(4, digits=3, signed=True, sign_separate=True)) == ([305], 0)


def test_a_sign_in_another_place_than_the_picture_says_counts_all_the_same():
    assert one("1B3", zoned(3, signed=True)) == ([123], 0)
    assert one("12-", zoned(3, signed=True)) == ([-12], 0)
    assert one("305-", zoned(4, digits=3, signed=True, sign_separate=True, sign_leading=True)) == ([-305], 0)


def test_two_signs_are_no_number_unless_the_sign_is_lenient():
    assert one("AB3", zoned(3, signed=True)) == ([None], 1)
    assert one("AK3", zoned(3, signed=True), LENIENT) == ([-123], 0)


def test_an_unsigned_item_takes_a_plus_and_no_minus():
    assert one("+12", zoned(3)) == ([12], 0)
    assert one("-12", zoned(3)) == ([None], 1)


def test_an_overpunched_sign_in_an_unsigned_item_is_no_number_unless_it_is_plus_and_the_sign_is_lenient():
    assert one("12C", zoned(3)) == ([None], 1)
    assert one("12C", zoned(3), LENIENT) == ([123], 0)
    assert one("12L", zoned(3), LENIENT) == ([None], 1)


def test_blanks_before_between_and_behind_digits_are_passed_over_in_ebcdic():
    assert one("  305", zoned(5, 2)) == ([Decimal("3.05")], 0)
    assert one("3 0 5", zoned(5)) == ([305], 0)
    assert one("305  ", zoned(5)) == ([305], 0)
    assert read([b"\x00\xf1\x00"], zoned(3)) == ([1], 0)


def test_blanks_between_digits_are_no_number_in_ascii():
    assert one("3 0 5", zoned(5), ASCII) == ([None], 1)
    assert one("- 305", zoned(5, signed=True), ASCII) == ([-305], 0)
    assert one("305  ", zoned(5), ASCII) == ([305], 0)


def test_blanks_and_low_values_are_null_and_not_counted():
    blank = [bytes(3), b"\x40\x40\x40", b"\x00\x40\x00", b"\x20\x20\x20"]
    assert read(blank, zoned(3)) == ([None] * 4, 0)
    assert read(blank, zoned(3, 1)) == ([None] * 4, 0)


def test_blank_decimals_are_zero_where_nulls_are_not_looked_for_as_cobrix_reads_them():
    without = Reading(null_low_values=False)
    assert one("    ", zoned(4, 2), without) == ([Decimal("0.00")], 0)
    assert one("    ", zoned(4), without) == ([None], 0)
    assert one("    ", zoned(4, 2, explicit_point=True), without) == ([None], 0)


@pytest.mark.parametrize("text", ["12X", "1.2", "A1C", "$12", "1-2-", "+", "-"])
def test_what_is_no_number_is_null_and_counted(text):
    assert one(text.ljust(4), zoned(4, signed=True)) == ([None], 1)
    assert one(text.ljust(4), zoned(4, signed=True), ASCII) == ([None], 1)
    assert one(text.ljust(4), zoned(4, 2, signed=True)) == ([None], 1)


def test_a_real_point_stands_anywhere_and_missing_decimals_are_zeros():
    field = zoned(8, 2, digits=7, explicit_point=True)
    assert one("00789.09", field) == ([Decimal("789.09")], 0)
    assert one("  789.09", field) == ([Decimal("789.09")], 0)
    assert one("   789.5", field) == ([Decimal("789.50")], 0)
    assert one("     789", field) == ([Decimal("789.00")], 0)
    assert one("00789,09", field) == ([Decimal("789.09")], 0)


def test_more_decimals_than_the_picture_has_are_not_cut_off():
    assert one("078.909", zoned(7, 2, digits=6, explicit_point=True)) == ([None], 1)


def test_two_points_are_no_number():
    assert one("1.234,50", zoned(8, 2, digits=7, explicit_point=True)) == ([None], 1)


def test_a_point_and_a_sign_stand_together():
    assert one("305.3}", zoned(6, 2, digits=5, signed=True, explicit_point=True)) == ([Decimal("-305.30")], 0)
    trailing = zoned(7, 2, digits=5, signed=True, sign_separate=True, explicit_point=True)
    assert one("305.30-", trailing) == ([Decimal("-305.30")], 0)


def test_ascii_overpunches_the_characters_of_ebcdic_or_those_of_micro_focus():
    signed = zoned(3, signed=True)
    assert read([b"12C", b"12L", b"12s", b"12p", b"12{"], signed, ASCII) == ([123, -123, -123, -120, 120], 0)


def test_an_overpunched_sign_in_the_middle_is_no_number_in_ascii():
    assert one("1C2", zoned(3, signed=True), ASCII) == ([None], 1)


def test_numbers_of_more_than_eighteen_digits_are_exact():
    digits = "3050393257676267687078781717600592714"
    assert one(digits, zoned(37)) == ([Decimal(digits)], 0)
    assert one(digits[:-1] + "M", zoned(37, signed=True)) == ([Decimal("-" + digits)], 0)
    assert one("9" * 38, zoned(38)) == ([Decimal("9" * 38)], 0)
    assert one("9" * 19, zoned(19)) == ([Decimal("9" * 19)], 0)


def test_more_than_thirty_eight_digits_are_no_number_unless_the_first_are_zeros():
    assert one("1" + "0" * 38, zoned(39)) == ([None], 1)
    assert one("00" + "9" * 38, zoned(40)) == ([Decimal("9" * 38)], 0)
    assert one("0" * 20 + "9" * 38, zoned(58)) == ([Decimal("9" * 38)], 0)


def test_a_value_beyond_its_columns_type_is_null_and_counted():
    assert one("9999999999", zoned(10, digits=9)) == ([None], 1)


def test_an_unusual_value_does_not_disturb_its_neighbours():
    values = [ebcdic(text) for text in ("00012", " - 12", "0A012", "     ", "00L00", "0001K")]
    assert read(values, zoned(5, signed=True)) == ([12, -12, 1012, None, -300, -12], 0)


def test_an_item_that_is_only_a_sign_is_no_number():
    assert one("-", zoned(1, digits=0, signed=True, sign_separate=True)) == ([None], 1)


def as_cobrix(data, field, reading):
    """The rules, one character after another: text of digits, or None."""
    if all(code in (0, 0x20, 0x40) for code in data):
        return None
    ascii_file = reading.encoding == "ascii"
    text = data.decode("latin-1" if ascii_file else "cp037")
    digits, sign, signs, point = "", "", 0, None
    for place, character in enumerate(text):
        punched = "{ABCDEFGHI}JKLMNOPQR".find(character)
        if ascii_file and character in "pqrstuvwxy":
            punched = 10 + "pqrstuvwxy".index(character)
        if character in "0123456789":
            digits += character
        elif character in "+-":
            sign, signs = character, signs + 1
        elif character in ".,":
            if point is not None or not field.explicit_point:
                return None
            point = len(digits)
        elif character == " " or (character == "\0" and not ascii_file):
            digits += " " if ascii_file else ""
        elif punched >= 0 and (field.signed or not reading.strict_sign):
            if ascii_file and reading.strict_sign and 0 < place < len(text) - 1:
                return None
            digits, sign, signs = digits + str(punched % 10), "+-"[punched // 10], signs + 1
        else:
            return None
    if (sign == "-" and not field.signed) or (signs > 1 and reading.strict_sign):
        return None
    decimals = 0 if point is None else len(digits[point:].replace(" ", ""))
    if not digits.strip() or " " in digits.strip() or decimals > field.scale:
        return None
    return Decimal(sign + digits.strip()).scaleb(-decimals if field.explicit_point else -field.scale)


CHARACTERS = "0123456789" * 3 + "{AI}JR+-., \0Xp$" + " " * 6


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.sampled_from(CHARACTERS), min_size=6, max_size=6), min_size=1, max_size=20),
    st.sampled_from([zoned(6), zoned(6, 2), zoned(6, signed=True), zoned(6, 2, signed=True, sign_leading=True),
                     zoned(6, 2, digits=5, explicit_point=True), zoned(6, digits=5, signed=True, sign_separate=True),
                     zoned(6, 2, digits=4, signed=True, sign_separate=True, explicit_point=True)]),
    st.sampled_from([EBCDIC, ASCII, LENIENT, Reading(encoding="ascii", strict_sign=False)]),
)  # fmt: skip
@example(["- 1 2 "], zoned(6, digits=5, signed=True, sign_separate=True), ASCII)
def test_every_text_is_read_as_the_rules_read_it_character_by_character(texts, field, reading):
    values = [text.encode("latin-1" if reading.encoding == "ascii" else "cp037") for text in texts]
    numbers, odd = read(values, field, reading)
    expected = [as_cobrix(value, field, reading) for value in values]
    assert numbers == expected
    blank = sum(all(code in (0, 0x20, 0x40) for code in value) for value in values)
    assert odd == expected.count(None) - blank

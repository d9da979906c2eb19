from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.mainframe.decoding import decode_checked, dtype_of
from connectors.formats.mainframe.fields import FieldType, Reading

LENIENT = Reading(strict_sign=False)


def packed(length, scale=0, **more):
    return FieldType("packed", length, more.pop("digits", 2 * length - 1), scale, **{"signed": True, **more})


def read(hexadecimal, field, reading=Reading()):  # noqa: B008 - it is frozen
    raw = np.frombuffer(bytes.fromhex(hexadecimal), np.uint8).reshape(-1, field.length)
    numbers, odd = decode_checked(raw, field, reading)
    assert numbers.dtype == dtype_of(field)
    return numbers.to_list(), odd


def test_two_digits_stand_in_a_byte_and_the_sign_in_the_last_half():
    assert read("12345C 12345D 12345F", packed(3)) == ([12345, -12345, 12345], 0)
    assert read("5D", packed(1)) == ([-5], 0)


def test_scale_and_trailing_ps_move_the_point():
    assert read("12345D", packed(3, 2)) == ([Decimal("-123.45")], 0)
    assert read("12345C", packed(3, 8)) == ([Decimal("0.00012345")], 0)
    assert read("12345C", packed(3, -3)) == ([12345000], 0)


def test_an_even_count_of_digits_leaves_a_half_byte_that_counts_when_it_is_filled():
    assert read("01234C 91234C", packed(3, digits=4)) == ([1234, 91234], 0)


def test_other_signs_are_read_only_where_the_sign_is_lenient():
    signs = "1A 1B 1C 1D 1E 1F"
    assert read(signs, packed(1)) == ([None, None, 1, -1, None, 1], 3)
    assert read(signs, packed(1), LENIENT) == ([1, -1, 1, -1, 1, 1], 0)


def test_a_minus_in_an_unsigned_item_is_no_number_while_the_sign_is_strict():
    assert read("12C 12F 12D".replace("12", "012"), packed(2, signed=False)) == ([12, 12, None], 1)
    assert read("012D", packed(2, signed=False), LENIENT) == ([-12], 0)


@pytest.mark.parametrize("wrong", ["1A345C", "A2345C", "123450", "123459", "FFFFFF"])
def test_another_half_byte_than_a_digit_is_no_number(wrong):
    assert read(wrong, packed(3)) == ([None], 1)


def test_low_values_and_blanks_are_null_and_not_counted():
    assert read("000000 404040 00000C", packed(3)) == ([None, None, 0], 0)


def test_minus_zero_is_zero():
    assert read("00000D", packed(3)) == ([0], 0)


@pytest.mark.parametrize("digits", [9, 10, 15, 16, 17, 18, 19, 20, 31, 32, 33, 36, 37, 38])
def test_numbers_of_any_length_are_exact(digits):
    number = ("9876543210" * 4)[:digits]
    length = digits // 2 + 1
    field = packed(length, digits=digits)
    assert read((number + "D").zfill(2 * length), field) == ([-int(number)], 0)


def test_more_than_thirty_eight_digits_are_no_number():
    assert read("9" * 39 + "C", packed(20, digits=38)) == ([None], 1)
    assert read("0" + "9" * 38 + "C", packed(20, digits=38)) == ([10**38 - 1], 0)


def test_digits_without_a_sign_fill_every_half_byte():
    field = FieldType("packed_unsigned", 2, 4)
    assert read("1234 0000 00A0 123C", field) == ([1234, 0, None, None], 2)
    assert read("9" * 38, FieldType("packed_unsigned", 19, 38)) == ([10**38 - 1], 0)


def as_written(data, field):
    """The rule, one half-byte after another."""
    halves = data.hex()
    digits, sign = (halves[:-1], halves[-1]) if field.usage == "packed" else (halves, "f")
    if not digits.isdecimal() or sign not in "cdf" or (sign == "d" and not field.signed):
        return None
    value = int(digits) * (-1 if sign == "d" else 1)
    return value if abs(value) < 10**38 else None


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["packed", "packed_unsigned"]), st.integers(1, 20), st.booleans())
def test_every_byte_string_is_a_number_or_null(data, usage, length, signed):
    halves = st.text("0123456789" * 6 + "acdf", min_size=2 * length - 1, max_size=2 * length - 1)
    values = data.draw(st.lists(st.tuples(halves, st.sampled_from("cdf90")), min_size=1, max_size=10))
    field = FieldType(usage, length, min(38, 2 * length), signed=signed and usage == "packed")
    hexadecimal = ["".join(value) for value in values]
    got, _ = read(" ".join(hexadecimal), field)
    assert got == [as_written(bytes.fromhex(value), field) for value in hexadecimal]

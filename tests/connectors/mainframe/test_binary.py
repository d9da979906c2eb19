from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.mainframe.decoding import decode_checked, dtype_of
from connectors.formats.mainframe.fields import FieldType, Reading


def binary(length, digits, scale=0, **more):
    return FieldType("binary", length, digits, scale, **more)


def read(hexadecimal, field):
    raw = np.frombuffer(bytes.fromhex(hexadecimal), np.uint8).reshape(-1, field.length)
    numbers, odd = decode_checked(raw, field, Reading())
    assert numbers.dtype == dtype_of(field)
    return numbers.to_list(), odd


@pytest.mark.parametrize(("length", "digits"), [(1, 2), (2, 4), (3, 7), (4, 9), (5, 10), (8, 18), (9, 20), (16, 37)])
def test_signed_numbers_are_twos_complement_of_any_length(length, digits):
    field = binary(length, digits, signed=True)
    assert read("FF" * length, field) == ([-1], 0)
    assert read("00" * (length - 1) + "7B", field) == ([123], 0)
    assert read("7B" + "00" * (length - 1), binary(length, digits, signed=True, little_endian=True)) == ([123], 0)


def test_unsigned_numbers_use_the_sign_bit():
    assert read("FFFF", binary(2, 4)) == ([65535], 0)
    assert read("FFFFFFFF", binary(4, 9)) == ([4294967295], 0)
    assert read("F" * 16, binary(8, 18)) == ([2**64 - 1], 0)
    assert [dtype_of(binary(4, 9)), dtype_of(binary(8, 18))] == [pl.Int64(), pl.Decimal(38, 0)]


def test_an_unsigned_number_beyond_the_signed_range_of_its_column_is_null_and_counted():
    assert read("80000000 7FFFFFFF", binary(4, 8)) == ([None, 2**31 - 1], 1)
    assert read("8000000000000000 7FFFFFFFFFFFFFFF", binary(8, 17)) == ([None, 2**63 - 1], 1)


def test_decimals_take_every_bit():
    assert read("FFFFFFFF", binary(4, 8, 2)) == ([Decimal("42949672.95")], 0)
    assert read("FFFFFFFF", binary(4, 8, 2, signed=True)) == ([Decimal("-0.01")], 0)
    assert read("F" * 16, binary(8, 17, 2)) == ([Decimal("184467440737095516.15")], 0)


def test_trailing_ps_are_zeros_and_leading_ps_move_the_point():
    assert read("0003 FFFD", binary(2, 1, -3, signed=True)) == ([3000, -3000], 0)
    assert read("0003", binary(2, 1, 4, signed=True)) == ([Decimal("0.0003")], 0)


def test_an_item_that_truncates_to_its_picture_holds_no_more_digits():
    assert read("270F 2710", binary(2, 4, truncates=True)) == ([9999, None], 1)
    assert read("D8F1 D8F0", binary(2, 4, signed=True, truncates=True)) == ([-9999, None], 1)
    most = (10**20).to_bytes(9).hex()
    assert read(most, binary(9, 20, truncates=True)) == ([None], 1)
    assert read(most, binary(9, 20)) == ([10**20], 0)


def test_more_than_a_decimal_column_holds_is_null_and_counted():
    assert read("7F" + "FF" * 15, binary(16, 37, signed=True)) == ([None], 1)
    assert read((10**38 - 1).to_bytes(16).hex(), binary(16, 37)) == ([10**38 - 1], 0)
    assert read("01" + "00" * 17, binary(18, 37)) == ([None], 1)
    assert read("FF" * 18, binary(18, 37, signed=True)) == ([-1], 0)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 17), st.booleans(), st.booleans())
def test_every_byte_string_is_the_number_that_python_reads_or_null(data, length, signed, little_endian):
    values = data.draw(st.lists(st.binary(min_size=length, max_size=length), min_size=1, max_size=10))
    field = binary(length, 37, signed=signed, little_endian=little_endian)
    got, odd = read(b"".join(values).hex(), field)
    order = "little" if little_endian else "big"
    numbers = [int.from_bytes(value, order, signed=signed) for value in values]
    assert got == [number if abs(number) < 10**38 else None for number in numbers]
    assert odd <= got.count(None)

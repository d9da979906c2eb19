import math
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.mainframe.decoding import decode_checked, dtype_of
from connectors.formats.mainframe.fields import FieldType, Reading

SINGLE, DOUBLE = FieldType("float", 4), FieldType("double", 8)
IBM, IEEE = Reading(), Reading(float_format="ieee754")


def read(data, field, reading=IBM):
    numbers, odd = decode_checked(np.frombuffer(data, np.uint8).reshape(-1, field.length), field, reading)
    assert numbers.dtype == dtype_of(field)
    return numbers.to_list(), odd


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("42640000", 100.0), ("C276A000", -118.625), ("41100000", 1.0), ("40800000", 0.5), ("00000000", 0.0),
        ("43142EFC", 322.9365),
    ],
)  # fmt: skip
def test_hexadecimal_floats_of_the_manual_are_read(written, number):
    assert read(bytes.fromhex(written), SINGLE)[0] == [pytest.approx(number, rel=1e-6)]
    assert read(bytes.fromhex(written + "00000000"), DOUBLE)[0] == [pytest.approx(number, rel=1e-6)]


def test_a_fraction_that_is_not_normalised_is_the_number_it_says():
    assert read(bytes.fromhex("43001000"), SINGLE) == ([1.0], 0)


def test_a_single_larger_than_any_float_is_null_and_not_infinite():
    assert read(bytes.fromhex("7FFFFFFF FFFFFFFF 41100000"), SINGLE) == ([None, None, 1.0], 2)
    assert read(bytes.fromhex("7FFFFFFFFFFFFFFF"), DOUBLE) == ([pytest.approx(7.237005577332262e75)], 0)


def test_a_single_smaller_than_any_normal_float_keeps_what_a_float_can():
    smallest = bytes.fromhex("1F100000")  # 16 ** -34
    assert read(smallest, SINGLE) == ([2.0**-136], 0)
    assert read(bytes.fromhex("00100000"), SINGLE) == ([0.0], 0)


def test_the_byte_order_and_the_format_are_declared():
    assert read(bytes.fromhex("00006442"), SINGLE, Reading(float_format="ibm_little_endian")) == ([100.0], 0)
    assert read(struct.pack(">f", 2.5), SINGLE, IEEE) == ([2.5], 0)
    assert read(struct.pack("<d", -2.5), DOUBLE, Reading(float_format="ieee754_little_endian")) == ([-2.5], 0)


def test_ieee_infinity_and_nan_stay_what_they_are():
    numbers, odd = read(struct.pack(">3d", math.inf, -math.inf, math.nan), DOUBLE, IEEE)
    assert (numbers[:2], math.isnan(numbers[2]), odd) == ([math.inf, -math.inf], True, 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=10))
def test_every_hexadecimal_double_is_the_nearest_float(words):
    def exact(word):
        fraction = Fraction(word & (2**56 - 1), 2**56) * Fraction(16) ** (((word >> 56) & 0x7F) - 64)
        return float(-fraction if word >> 63 else fraction)

    numbers, odd = read(b"".join(word.to_bytes(8) for word in words), DOUBLE)
    assert (numbers, odd) == ([exact(word) for word in words], 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=10))
def test_every_hexadecimal_single_is_the_nearest_float_or_null(words):
    def exact(word):
        fraction = float(Fraction(word & (2**24 - 1), 2**24) * Fraction(16) ** (((word >> 24) & 0x7F) - 64))
        with np.errstate(over="ignore"):
            number = float(np.float32(-fraction if word >> 31 else fraction))
        return None if math.isinf(number) else number

    numbers, odd = read(b"".join(word.to_bytes(4) for word in words), SINGLE)
    assert numbers == [exact(word) for word in words]
    assert odd == numbers.count(None)

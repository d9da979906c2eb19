import json
import math
from decimal import Context, Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats.mainframe.code_pages import code_page
from connectors.formats.mainframe.decoding import decode, decode_checked, dtype_of
from connectors.formats.mainframe.encoding import encode
from connectors.formats.mainframe.fields import FieldType, Reading

COBRIX = Path("../shared/data/mainframe/cobrix")
EXACT = Context(prec=60)
READINGS = [Reading(), Reading(encoding="ascii"), Reading(strict_sign=False), Reading(decimal_comma=True)]


def lengths(usage, digits, *, separate, point):
    """The bytes that a picture of so many digits takes."""
    if usage == "zoned":
        return digits + separate + point
    if usage == "binary":
        return next(size for size in (2, 4, 8, 16) if 256**size // 2 > 10**digits)
    return digits // 2 + 1 if usage == "packed" else (digits + 1) // 2


@st.composite
def numbers(draw):
    """An item of some usage, and numbers that its picture holds."""
    usage = draw(st.sampled_from(["zoned", "packed", "packed_unsigned", "binary"]))
    digits = draw(st.integers(1, 37))
    signed = usage != "packed_unsigned" and draw(st.booleans())
    separate = usage == "zoned" and signed and draw(st.booleans())
    scale = draw(st.integers(-(38 - digits), min(38, digits + 4)))
    point = usage == "zoned" and 0 < scale <= digits and draw(st.booleans())
    field = FieldType(
        usage, lengths(usage, digits, separate=separate, point=point), digits, scale, signed=signed,
        sign_leading=draw(st.booleans()), sign_separate=separate, explicit_point=point,
        little_endian=draw(st.booleans()), truncates=draw(st.booleans()),
    )  # fmt: skip
    most = 10**digits - 1
    if usage == "binary" and dtype_of(field) in (pl.Int32(), pl.Int64()):
        most = min(most, 2**31 - 1 if dtype_of(field) == pl.Int32() else 2**63 - 1)
    whole = st.one_of(st.integers(0, most), st.sampled_from([0, 1, most, most // 2]))
    drawn = draw(st.lists(whole, min_size=1, max_size=8))
    drawn = [-number if signed and draw(st.booleans()) else number for number in drawn]
    values = [Decimal(number).scaleb(-scale, EXACT) for number in drawn]
    return field, values if isinstance(dtype_of(field), pl.Decimal) else [int(value) for value in values]


@settings(max_examples=60, deadline=None)
@given(numbers(), st.sampled_from(READINGS))
def test_numbers_of_every_usage_come_back_as_they_were_written(item, reading):
    field, values = item
    column = pl.Series(values, dtype=dtype_of(field))
    written = encode(column, field, reading)
    assert written.shape == (len(values), field.length)
    back, odd = decode_checked(written, field, reading)
    assert (back.to_list(), odd) == (values, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.data(),
    st.sampled_from(["common", "cp037", "cp1047", "cp1140", "cp1141", "cp875", "cp1025", "cp838", "cp037_extended"]),
)
def test_texts_come_back_in_every_code_page(data, page):
    known = code_page(page)
    inside = "".join(sorted(set(known.characters)))
    text = st.text(inside, max_size=12).map(lambda drawn: drawn.strip("".join(map(chr, range(33)))))
    texts = data.draw(st.lists(st.one_of(st.none(), text), min_size=1, max_size=8))
    field = FieldType("text", 12)
    reading = Reading(code_page=page)
    assert decode(encode(pl.Series(texts, dtype=pl.String), field, reading), field, reading).to_list() == texts


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=5).map(str.strip), min_size=1, max_size=8), st.booleans())
def test_national_texts_come_back(texts, big_endian):
    kept = [text for text in texts if text == text.strip("".join(map(chr, range(33))))] or ["x"]
    reading = Reading(national_big_endian=big_endian)
    field = FieldType("national", 20)
    assert decode(encode(pl.Series(kept), field, reading), field, reading).to_list() == kept


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-7e75, max_value=7e75), min_size=1, max_size=8)
)
def test_doubles_come_back_from_both_formats(values):
    for reading in (Reading(), Reading(float_format="ieee754"), Reading(float_format="ibm_little_endian")):
        field = FieldType("double", 8)
        back = decode(encode(pl.Series(values), field, reading), field, reading).to_list()
        if reading.float_format == "ieee754":
            assert back == values
        else:  # 16 ** -65 is the smallest normalised number
            assert back == [0.0 if abs(value) < 16.0**-65 else value for value in values]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_floats_come_back_within_the_precision_of_the_format(values):
    field = FieldType("float", 4)
    column = pl.Series(values, dtype=pl.Float32)
    ieee = Reading(float_format="ieee754")
    assert decode(encode(column, field, ieee), field, ieee).to_list() == values
    back = decode(encode(column, field, Reading()), field, Reading()).to_list()
    assert all(
        got == value or math.isclose(got, value, rel_tol=2.0**-20) for got, value in zip(back, values, strict=True)
    )


@pytest.mark.parametrize(
    "field", [FieldType("zoned", 4, 4), FieldType("packed", 3, 5, 2), FieldType("text", 4), FieldType("national", 4)]
)
def test_null_is_written_so_that_it_is_read_as_null(field):
    column = pl.Series([None], dtype=dtype_of(field))
    assert decode_checked(encode(column, field, Reading()), field, Reading())[0].to_list() == [None]


@pytest.mark.parametrize(
    "field",
    [FieldType("binary", 2, 4), FieldType("float", 4), FieldType("double", 8), FieldType("packed_unsigned", 2, 4)],
)
def test_null_is_refused_where_no_bytes_mean_it(field):
    with pytest.raises(FileRefused, match="null"):
        encode(pl.Series([None], dtype=dtype_of(field)), field, Reading())


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (1000, FieldType("zoned", 3, 3), "3 digits"),
        (1000, FieldType("packed", 2, 3), "3 digits"),
        (1000, FieldType("binary", 2, 3, truncates=True), "3 digits"),
        (70000, FieldType("binary", 2, 4), "4 digits"),
        (-1, FieldType("zoned", 3, 3), "unsigned"),
        (-1, FieldType("binary", 2, 3), "unsigned"),
        (Decimal("1.234"), FieldType("packed", 3, 5, 2), "type"),
        ("12x", FieldType("zoned", 3, 3), "type"),
        (1234, FieldType("zoned", 3, 3, -2), "zeros"),
        (1e76, FieldType("double", 8), "range"),
        (math.inf, FieldType("double", 8), "range"),
        ("XY", FieldType("bytes", 2), "hexadecimal"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_without_telling_it(value, field, reason):
    with pytest.raises(FileRefused, match=reason) as refused:
        encode(pl.Series([value]), field, Reading())
    assert str(value) not in str(refused.value)


def test_no_values_are_no_bytes_and_no_bytes_are_no_values():
    for field in (FieldType("zoned", 3, 3), FieldType("text", 3), FieldType("packed", 2, 3), FieldType("text", 0)):
        written = encode(pl.Series([], dtype=dtype_of(field)), field, Reading())
        assert written.shape == (0, field.length)
        assert decode(written, field, Reading()).to_list() == []


def real_items():
    """Some items of test6, one of each kind, by the layout that its keeper wrote down."""
    signed = {"signed": True}
    kinds = {
        "STRING_VAL": ("text", 0, 0, {}),
        "NUM_STR_INT01": ("zoned", 1, 0, {}),
        "NUM_STR_INT14": ("zoned", 37, 0, {}),
        "NUM_STR_SINT09": ("zoned", 11, 0, signed),
        "NUM_STR_SINT14": ("zoned", 37, 0, signed),
        "NUM_STR_DEC10": ("zoned", 28, 10, {}),
        "NUM_STR_SDEC03": ("zoned", 5, 2, signed),
        "NUM_STR_EDEC03": ("zoned", 5, 2, {**signed, "explicit_point": True}),
        "NUM_BIN_INT07": ("binary", 9, 0, {}),
        "NUM_BIN_INT14": ("binary", 37, 0, {}),
        "NUM_SBIN_SINT01": ("binary", 1, 0, signed),
        "NUM_SBIN_SINT14": ("binary", 37, 0, signed),
        "NUM_SBIN_DEC10": ("binary", 28, 10, signed),
        "NUM_BCD_INT07": ("packed", 9, 0, {}),
        "NUM_BCD_SINT14": ("packed", 37, 0, signed),
        "NUM_BCD_SDEC10": ("packed", 28, 10, signed),
        "NUM_SL_STR_INT01": ("zoned", 9, 0, {**signed, "sign_separate": True, "sign_leading": True}),
        "NUM_ST_STR_DEC01": ("zoned", 4, 2, {**signed, "sign_separate": True}),
        "NUM_SLI_STR_DEC01": ("zoned", 7, 7, {**signed, "sign_leading": True}),
        "NUM_STI_STR_DEC01": ("zoned", 7, 7, signed),
        "FLOAT_01": ("float", 0, 0, {}),
        "DOUBLE_01": ("double", 0, 0, {}),
        "COMMON_UPC5DDC": ("packed", 5, 8, {}),
        "COMMON_SPI5DDC": ("packed", 5, -3, signed),
        "COMMON_UPC5DISP": ("zoned", 5, 8, signed),
        "COMMON_UPI10BIN": ("binary", 10, -3, signed),
        "EX_NUM_INT03": ("zoned", 8, 0, {**signed, "sign_separate": True, "sign_leading": True}),
        "EX_NUM_DEC03": ("zoned", 8, 2, {**signed, "sign_separate": True, "explicit_point": True}),
    }
    for line in (COBRIX / "test6_expected/test6_layout.txt").read_text().splitlines():
        parts = line.split()
        if len(parts) > 5 and parts[1] in kinds:
            usage, digits, scale, more = kinds[parts[1]]
            yield parts[1], int(parts[-3]) - 1, FieldType(usage, int(parts[-1]), digits, scale, **more)


@pytest.mark.skipif(not COBRIX.exists(), reason="the shared data is absent")
def test_a_real_file_of_every_type_is_read_as_its_keeper_expects_and_written_as_it_was():
    records = np.fromfile(COBRIX / "test6_data/INTEGR.TYPES.NOV28.DATA.dat", np.uint8).reshape(-1, 1493)
    records = records[np.argsort(np.ascontiguousarray(records[:, :4]).view(">u4")[:, 0])]
    lines = (COBRIX / "test6_expected/test6.txt").read_text().splitlines()
    expected = [json.loads(line, parse_float=Decimal) for line in lines]
    reading = Reading(code_page="common", float_format="ieee754")
    items = list(real_items())
    assert len(items) == 28
    for name, start, field in items:
        raw = records[:, start : start + field.length]
        values, odd = decode_checked(raw, field, reading)
        wanted = pl.Series([row.get(name) for row in expected], dtype=dtype_of(field), strict=False)
        missing = "" if field.usage == "text" else 0  # as the expectation was written
        assert (name, odd, values.fill_null(missing).to_list()) == (name, 0, wanted.to_list())
        written = encode(values, field, reading)
        assert (name, decode(written, field, reading).to_list()) == (name, values.to_list())
        if field.signed:  # unsigned packed items carry another sign there, texts are filled with low-values
            assert (name, (written == raw).all()) == (name, True)

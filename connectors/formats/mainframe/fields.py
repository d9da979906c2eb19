"""What one elementary item of a copybook is in bytes, and how a file's text and floats are written.

Terms are those of IBM Enterprise COBOL for z/OS, Language Reference (PICTURE, USAGE and SIGN clauses).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Usage = Literal["text", "national", "bytes", "zoned", "packed", "packed_unsigned", "binary", "float", "double"]
Trimming = Literal["both", "left", "right", "none", "keep_all"]
FloatFormat = Literal["ibm", "ibm_little_endian", "ieee754", "ieee754_little_endian"]


@dataclass(frozen=True)
class FieldType:
    """One elementary item: `length` bytes, and what they mean.

    text: PIC X/A (and edited pictures, whose value is their text), national: PIC N (two bytes a character), bytes:
    handed over as hexadecimal text. zoned: DISPLAY digits with an overpunched or separate sign; packed: COMP-3;
    packed_unsigned: COMP-6, digits without a sign nibble; binary: COMP, COMP-4, COMP-5, COMP-9; float: COMP-1; double:
    COMP-2. The number is the digits read as a whole number times 10 ** -scale; `scale` counts V decimals and leading
    Ps, and is negative for trailing Ps. `explicit_point`: the picture holds a real point (or comma) that stands in the
    data.
    """

    usage: Usage
    length: int
    digits: int = 0
    scale: int = 0
    signed: bool = False
    sign_leading: bool = False
    sign_separate: bool = False
    explicit_point: bool = False
    little_endian: bool = False  # binary: COMP-9, or COMP-5 of a little-endian machine
    truncates: bool = False  # binary: more digits than the picture's are not valid (TRUNC(STD)); False: all bits count


@dataclass(frozen=True)
class Reading:
    """How the values of a file are written, the same for all its fields."""

    encoding: Literal["ebcdic", "ascii"] = "ebcdic"
    code_page: str = "cp037"  # of text: a Python codec, or one of the package `ebcdic`, or `common`/`common_extended`
    ascii_charset: str = "us-ascii"  # of text where encoding is ascii
    trimming: Trimming = "both"
    float_format: FloatFormat = "ibm"
    national_big_endian: bool = True  # PIC N as UTF-16; False: little-endian
    strict_sign: bool = True  # an unsigned item whose sign nibble or zone is negative is no number
    null_low_values: bool = True  # text that is all X'00' is null; numbers of spaces or low-values are null
    decimal_comma: bool = False  # DECIMAL-POINT IS COMMA
    code_page_changes: tuple[tuple[int, str], ...] = ()  # of text: bytes that stand for another character

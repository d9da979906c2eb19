"""What an elementary item is in bytes: its picture, its usage and its sign clause put together.

Sizes are those of IBM Enterprise COBOL for z/OS: binary items of 1-4, 5-9 and 10-18 digits take 2, 4 and 8 bytes; with
more digits (other compilers) as few bytes as hold them.
"""

from __future__ import annotations

from math import ceil, log2

from connectors.formats.mainframe.copybook.items import Item, refusal
from connectors.formats.mainframe.copybook.pictures import Picture, PictureUnread, picture
from connectors.formats.mainframe.fields import FieldType

BINARY = {"BINARY", "COMP", "COMP-0", "COMP-4", "COMP-5", "COMP-9"}
PACKED = {"COMP-3", "PACKED-DECIMAL"}
UNSIGNED_PACKED = {"COMP-3U", "COMP-6"}
ADDRESSES = {"INDEX": 4, "POINTER": 4, "POINTER-32": 4, "FUNCTION-POINTER": 4, "PROCEDURE-POINTER": 8}

Sign = tuple[bool | None, bool]  # leading (None: no clause), separate


def elementary(
    item: Item, usage: str, sign: Sign, *, sign_declared: bool, decimal_comma: bool
) -> tuple[FieldType, str]:
    """The item's bytes, and the character set that its text declares for itself. Raises FileRefused with its line."""
    if not item.picture:
        return _without_picture(usage), ""
    try:
        told = picture(item.picture, decimal_comma=decimal_comma)
    except PictureUnread as error:
        raise refusal(item.line, f"the picture {item.picture[:40]} of {item.name} {error}") from error
    if told.kind != "number":
        return _text(item, told, usage), "utf-8" if told.kind == "utf8" else ""
    if usage in ("COMP-1", "COMP-2"):
        return _without_picture(usage), ""
    return _number(item, told, usage, sign, sign_declared), ""


def _without_picture(usage: str) -> FieldType:
    """Floats, and the addresses a program keeps."""
    if usage in ADDRESSES:
        length = ADDRESSES[usage]
        return FieldType("binary", length, digits=9 if length == 4 else 18, signed=usage == "INDEX")
    return FieldType("float", 4) if usage == "COMP-1" else FieldType("double", 8)


def _text(item: Item, told: Picture, usage: str) -> FieldType:
    """Text of one or two bytes a character; text in a binary usage is bytes, or digits where it is unsigned packed."""
    if told.kind == "utf8":
        return FieldType("text", told.length * 4)
    if told.kind == "national" or usage == "NATIONAL":
        return FieldType("national", told.length * 2)
    if told.kind == "graphic":
        return FieldType("bytes", told.length * 2)  # double-byte EBCDIC: no code page says which
    if usage in UNSIGNED_PACKED:
        return FieldType("packed_unsigned", told.length, digits=min(told.length * 2, 38))
    if usage in BINARY:
        return FieldType("bytes", told.length)
    if usage not in ("", "DISPLAY", "DISPLAY-1"):
        raise refusal(item.line, f"{item.name} is text ({item.picture[:40]}), which cannot be {usage}")
    return FieldType("text", told.length)


def _number(item: Item, told: Picture, usage: str, sign: Sign, declared: bool) -> FieldType:
    """A number in digits, packed or binary."""
    if usage in BINARY | PACKED | UNSIGNED_PACKED and (told.point or told.sign_separate or (declared and sign[1])):
        raise refusal(item.line, f"{item.name} has a sign or a point of its own, which {usage} does not")
    facts = (told.digits, told.scale, told.signed)
    if usage in PACKED:
        return FieldType("packed", told.digits // 2 + 1, *facts)
    if usage in UNSIGNED_PACKED:
        return FieldType("packed_unsigned", (told.digits + 1) // 2, *facts)
    if usage in BINARY:
        return FieldType("binary", _binary_length(told.digits, usage), *facts, little_endian=usage == "COMP-9")
    if usage == "NATIONAL":
        return FieldType("national", told.length * 2)
    return _digits(item, told, sign, declared)


def _digits(item: Item, told: Picture, sign: Sign, declared: bool) -> FieldType:
    """DISPLAY digits. A SIGN clause of a group holds for its signed items only."""
    leading, separate = told.sign_leading, told.sign_separate
    signed, length = told.signed, told.length
    if declared and told.sign_separate:
        raise refusal(item.line, f"{item.name} has a sign in its picture and a SIGN clause")
    if sign[0] is not None and not told.sign_separate and (declared or told.signed):
        leading, separate = sign[0], sign[1]
        signed, length = True, length + separate
    return FieldType("zoned", length, told.digits, told.scale, signed, leading, separate, told.point)


def _binary_length(digits: int, usage: str) -> int:
    """Bytes of a binary item."""
    if digits <= 2 and usage == "COMP-9":
        return 1
    for most, length in ((4, 2), (9, 4), (18, 8)):
        if digits <= most:
            return length
    return ceil((log2(10) * digits + 1) / 8)

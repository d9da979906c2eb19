"""What a PICTURE string says: text or number, how many characters, digits and decimals, where the sign stands.

The symbols are those of the PICTURE clause in IBM Enterprise COBOL for z/OS, Language Reference. An edited number whose
picture is digits with at most one sign and one decimal point is a number (`-9(5).99`); any other edited item is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "national", "graphic", "utf8", "number"]
SYMBOL = re.compile(r"(CR|DB|[A-Z0-9/,.+\-*$\u20ac\u00a3])(?:\((\d+)\))?", re.IGNORECASE)
NUMBER = re.compile(r"(?P<lead>[S+\-]?)(?P<before>P*[9Z]*P*)(?P<point>[V.,]?)(?P<after>P*[9Z]*)(?P<trail>[+\-]?)")
LONGEST = 100_000  # characters of one elementary item
MOST_DIGITS = 38  # a larger number fits no decimal type


class PictureUnread(ValueError):
    """A picture that says nothing anybody could read; the message is the rest of a sentence about it."""


@dataclass(frozen=True)
class Picture:
    """A picture. `length` counts the characters that stand in the data (no S, V or P), `scale` as in `FieldType`."""

    kind: Kind
    length: int
    digits: int = 0
    scale: int = 0
    signed: bool = False
    sign_leading: bool = False
    sign_separate: bool = False
    point: bool = False


def picture(text: str, *, decimal_comma: bool = False) -> Picture:
    """What a picture says. Raises PictureUnread."""
    symbols = _symbols(text)
    length = sum(count for _, count in symbols)
    if not 0 < length <= LONGEST:
        raise PictureUnread(f"is {length:,} characters long; 1 to {LONGEST:,} are allowed")
    plain = "".join(symbol * count for symbol, count in symbols)
    kinds = set(plain) - set("B/0")
    if kinds <= set("N") and kinds:
        return Picture("national", length)
    if kinds <= set("G") and kinds:
        return Picture("graphic", length)
    if kinds == {"U"}:
        return Picture("utf8", length)
    if kinds & set("AX"):
        if kinds - set("AX9"):
            raise PictureUnread("mixes symbols of text and of numbers")
        return Picture("text", length)
    found = NUMBER.fullmatch(plain)
    return _number(found) if found and _is_number(found, decimal_comma) else _edited(symbols, plain)


def _symbols(text: str) -> list[tuple[str, int]]:
    """The symbols with how often each is repeated."""
    told, at = [], 0
    while at < len(text):
        found = SYMBOL.match(text, at)
        if found is None:
            raise PictureUnread(f"holds '{text[at]}', which is no symbol of a picture")
        told.append((found[1].upper(), 1 if found[2] is None else int(found[2])))
        at = found.end()
    return told


def _is_number(found: re.Match[str], decimal_comma: bool) -> bool:
    """Whether a picture of signs, digits and a point can be read as a number."""
    point, lead, trail = found["point"], found["lead"], found["trail"]
    digits = found["before"] + found["after"]
    told = digits.replace("P", "")
    scaled_twice = bool(re.search("[9Z]P+$", found["before"])) and bool(found["after"])
    return (
        bool(told)
        and not (lead and trail)
        and point != ("." if decimal_comma else ",")
        and not (point in (".", ",") and "P" in digits)
        and not (found["before"].startswith("P") and found["after"])
        and not scaled_twice
    )


def _number(found: re.Match[str]) -> Picture:
    """A numeric picture. Leading Ps are decimals that are not stored, trailing ones zeros."""
    before, after, point = found["before"], found["after"], found["point"]
    digits = len((before + after).replace("P", ""))
    if digits > MOST_DIGITS:
        raise PictureUnread(f"has {digits} digits; at most {MOST_DIGITS} can be kept exactly")
    trailing = len(before) - len(before.rstrip("P"))
    scale = len(before) if before.startswith("P") else len(after) if point else 0
    if trailing and not before.startswith("P"):
        scale = -trailing
    if not -MOST_DIGITS <= scale <= MOST_DIGITS:
        raise PictureUnread(f"has {abs(scale)} decimals; at most {MOST_DIGITS} can be kept exactly")
    sign = found["lead"] or found["trail"]
    separate, explicit = sign in ("+", "-"), point in (".", ",")
    return Picture("number", digits + separate + explicit, digits, scale, bool(sign),
                   sign_leading=separate and bool(found["lead"]), sign_separate=separate, point=explicit)  # fmt: skip


def _edited(symbols: list[tuple[str, int]], plain: str) -> Picture:
    """An edited picture as the text it is. V and P take no room, CR and DB take two characters."""
    if not set(plain) <= set("9ZSVPB0/,.+-*$\u20ac\u00a3ECRDB"):
        raise PictureUnread("is of no category that is known")
    room = sum(count * len(symbol) for symbol, count in symbols if symbol not in ("V", "P", "S"))
    if not room or not set(plain) & set("9Z*+-$\u20ac\u00a3"):
        raise PictureUnread("holds no digit")
    return Picture("text", room)

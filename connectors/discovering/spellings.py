"""Tell what the texts of one column spell: whole numbers, decimals with a point or a comma, yes and no, or text.

Only what all of them spell counts, and only where it can mean one thing: `007` is no number, `1.234` may be one of two.
Texts that stand for no value, such as `NULL` or `n/a`, are set aside first where what is left is no plain text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connectors.discovering.columns import SHOWN, VALUES
from connectors.discovering.profiles import ColumnProfile, Family
from connectors.discovering.words import words

BLANKS = ("null", "n/a", "na", "nan", "none", "nil", "-", "--", "?", ".", "\\n", "#n/a", "(null)", "<null>", "missing")
SURE_BLANKS = ("null", "\\n", "#n/a", "(null)", "<null>")  # no text of its own, whatever the others are
NO_NUMBERS = {
    "zip",
    "postcode",
    "postal",
    "plz",
    "phone",
    "tel",
    "telephone",
    "mobile",
    "fax",
    "iban",
    "account",
    "card",
    "ssn",
    "ean",
    "isbn",
    "gtin",
    "version",
}  # fmt: skip - words of columns whose digits are signs, not amounts
WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})")
POINT = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
COMMA = re.compile(r"[+-]?(?:[1-9][0-9]{0,2}(?:[. '\u2019\u00a0][0-9]{3})+|0|[1-9][0-9]*)(?:,[0-9]+)?")
EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")  # thousands in one habit, decimals in the other
EXACT = 15  # digits that a 64-bit float keeps
TRUTHS = ({"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"})


def spelled_column(column: ColumnProfile, texts: Sequence[str | None]) -> tuple[ColumnProfile, list[str | None]]:
    """The column with what `texts` show, and the texts as values: stripped, null where they stand for none."""
    bare = [text.strip() if text is not None else "" for text in texts]
    different = [text for text in dict.fromkeys(bare) if text]
    blanks = _blanks(different)
    meant = [text for text in different if text not in blanks]
    held, told = _held(meant, column.name)
    if held == "string":
        blanks = tuple(text for text in blanks if text.lower() in SURE_BLANKS or _dated(meant))
        meant = [text for text in different if text not in blanks]
    nothing = {"", *blanks}
    values = [None if text in nothing else text for text in bare]
    update: dict[str, Any] = {
        "spelled": True, "rows": len(texts), "nulls": sum(1 for value in values if value is None), "blanks": blanks,
        "held": held if meant else None, "distinct": len(meant),
        "values": tuple(text[:SHOWN] for text in meant[:VALUES]), "longest": max(map(len, meant), default=0), **told,
    }  # fmt: skip
    return column.model_copy(update=update), values


def _blanks(different: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in different if text.lower() in BLANKS)


def _dated(meant: Sequence[str]) -> bool:
    """Whether the texts begin as dates do, so that a `-` among them is none."""
    return bool(meant) and all(text[:1].isdigit() and len(text) >= 8 for text in meant)


def _held(meant: Sequence[str], name: str) -> tuple[Family, dict[str, Any]]:
    """What all texts spell, and the size of the numbers."""
    if not meant or NO_NUMBERS & set(words(name)):
        return "string", {}
    if {text.lower() for text in meant} in TRUTHS:
        return "boolean", {}
    if all(WHOLE.fullmatch(text) for text in meant):
        numbers = [int(text) for text in meant]
        return "integer", {"lowest": min(numbers), "highest": max(numbers)}
    if all(POINT.fullmatch(text) for text in meant):
        return _number(meant, comma=False)
    if all(COMMA.fullmatch(text) for text in meant):
        return _number(meant, comma=True)
    return "string", {}


def _number(meant: Sequence[str], *, comma: bool) -> tuple[Family, dict[str, Any]]:
    """Decimals in one habit; text where the other habit would read all of them too, as other numbers."""
    marked = [text for text in meant if not WHOLE.fullmatch(text)]
    if all(EITHER.fullmatch(text) for text in marked):
        return "string", {"odd": "numbers of which thousands and decimals cannot be told apart"}
    if any("e" in text.lower() for text in meant):
        return "number", {"decimal_comma": comma}  # without `decimals`: a float
    numbers = [Decimal(re.sub(r"[. '\u2019\u00a0]", "", text).replace(",", ".") if comma else text) for text in meant]
    decimals = max(max(0, -int(number.as_tuple().exponent)) for number in numbers)
    digits = max(max(0, number.adjusted() + 1) for number in numbers)
    if decimals + digits > EXACT:
        return "string", {"odd": "more digits than a number keeps exactly"}
    return "number", {"decimals": decimals, "digits": digits, "decimal_comma": comma}

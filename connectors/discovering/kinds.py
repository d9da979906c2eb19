"""Settle what type a column's values are read as: the declaration counts, as far as the values bear it out.

SQLite's declarations are hints, a DATE of another database may hold 0000-00-00, and old systems keep dates in text.
What values do not bear out becomes text, which loses nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog.models import LogicalType
from connectors.discovering.formats import undecided, written
from connectors.discovering.profiles import MOMENTS, ColumnProfile

WIDEST = 38  # digits of an exact number
INT64 = 2**63 - 1
ZERO_DATES = ("0000-00-00", "0000-00-00 00:00:00")  # how MySQL writes "no date"
NUMERIC = ("integer", "number")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


class Settled(NamedTuple):
    """How a column is read, and what of that is a guess."""

    type: LogicalType
    format: str | None = None
    scale: int | None = None
    null_values: tuple[str, ...] = ()
    note: str = ""  # what is guessed or odd, in half a sentence
    binary: bool = False
    decimal_comma: bool = False


def settled(column: ColumnProfile) -> Settled:
    """The type of a column. Without a declaration its values decide."""
    if column.family == "binary" or column.held == "binary":
        return Settled("string", binary=True)
    if column.spelled:
        return _spelled(column)
    family = column.family or column.held or "string"
    if family == "integer":
        return _integer(column)
    if family == "number":
        return _number(column)
    if family == "boolean":
        return _boolean(column)
    if family in MOMENTS:
        return _moment(column)
    return _text(column)


def _integer(column: ColumnProfile) -> Settled:
    if column.held in (None, "integer", "boolean"):
        if column.highest is not None and column.highest > INT64:
            return Settled("string", note="some numbers are too large for 64 bits")
        told = written(column.values, name=column.name) if (column.lowest or 0) > 10**7 else None
        if told is not None and told.type == "date":
            return Settled("date", told.format, note=f"dates written as whole numbers, {told.format}")
        if column.declared.startswith("tinyint(1)") and set(column.values) <= {"0", "1"}:
            return Settled("boolean", note="tinyint(1) is how this database writes yes and no")
        return Settled("integer")
    if column.held == "string" and all(_WHOLE.fullmatch(text.strip()) for text in column.values):
        return Settled("integer")
    if column.held == "number":
        return Settled("number", note=_unlike(column))
    return Settled("string", note=_unlike(column))


def _number(column: ColumnProfile) -> Settled:
    if column.held == "string" and not all(_NUMBER.fullmatch(text.strip()) for text in column.values):
        return Settled("string", note=_unlike(column))
    exact = _is_exact(column)
    if column.scale is not None:
        scale = max(column.scale, column.decimals or 0)
        note = f"{scale} decimals are held, {column.scale} are declared" if scale > column.scale else ""
        if scale + column.digits > WIDEST:
            return Settled("string", note="more digits than a number holds exactly")
        if scale == 0 and column.held in (None, "number", "integer", "string") and column.digits <= 18 and exact:
            return Settled("integer")
        return Settled("number", scale=scale, note=note)
    if exact and not column.whole:
        return Settled("number", note="the declaration says nothing of decimals, so it is read as a 64-bit float")
    if exact and column.decimals is not None and column.decimals + column.digits <= WIDEST:
        note = f"the declaration says nothing of decimals, the values have at most {column.decimals}"
        return Settled("number", scale=column.decimals, note=note)
    return Settled("number")


def _is_exact(column: ColumnProfile) -> bool:
    """Whether the declaration promises exact decimals, and no binary fractions."""
    return not column.declared.startswith(("float", "real", "double", "binary_"))


def _boolean(column: ColumnProfile) -> Settled:
    if column.held in (None, "boolean"):
        return Settled("boolean")
    if {text.strip().lower() for text in column.values} <= {"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"}:
        return Settled("boolean")
    return Settled("string", note=_unlike(column))


def _moment(column: ColumnProfile) -> Settled:
    family: LogicalType = "timestamp" if column.family == "timestamp" else "time" if column.family == "time" else "date"
    if column.held in (None, *MOMENTS):
        return Settled(family)
    zeros = tuple(text for text in ZERO_DATES if text in column.values)
    told = written([text for text in column.values if text not in zeros], name="date", fewest=1)
    note = "zero dates are how this database writes that there is none" if zeros else ""
    if told is not None and "date" in (told.type, family) and told.type in MOMENTS[:2] and family in MOMENTS[:2]:
        fitting: LogicalType = told.type  # a DATE column that holds moments, or the other way round
        return Settled(fitting, told.format, null_values=zeros, note=note)
    if told is not None and told.type == family:
        return Settled(family, told.format, null_values=zeros, note=note)
    return Settled("string", note=_unlike(column))


def _text(column: ColumnProfile) -> Settled:
    """Text stays text, unless all of it writes dates in one way."""
    told = written(column.values, name=column.name) if column.held == "string" and not column.allowed else None
    if told is not None and told.type != "time" and column.longest <= 40:
        return Settled(told.type, told.format, note=f"all {column.distinct} different texts seen are such dates")
    if column.held == "string" and undecided(column.values):
        return Settled("string", note="dates of which day and month cannot be told apart")
    return Settled("string")


def _spelled(column: ColumnProfile) -> Settled:
    """A column of texts: what all of them spell, with the texts that stand for no value."""
    seen = f"all {column.distinct} different texts seen are"
    dated = written(column.values, name=column.name) if column.held == "integer" else None
    if dated is not None:
        told = Settled(dated.type, dated.format, note=f"{seen} such dates")
    elif column.held == "integer":
        told = Settled("integer", note=f"{seen} whole numbers")
    elif column.held == "number":
        scale = column.decimals if column.whole and (column.decimals or 0) + column.digits <= WIDEST else None
        bound = f"numbers with at most {scale} decimals" if scale is not None else "numbers"
        told = Settled("number", scale=scale, note=f"{seen} {bound}")
    elif column.held == "boolean":
        told = Settled("boolean", note=f"{seen} yes or no")
    else:
        told = _text(column)
        told = told if told.note or not column.odd else told._replace(note=column.odd)
    return told._replace(null_values=column.blanks, decimal_comma=column.decimal_comma)


def _unlike(column: ColumnProfile) -> str:
    return f"declared {column.declared}, but not all values are that"

"""Values that a column holds as text: every form the contract reads, and the one form to write in.

A contract reads more forms than one (`2024-01-05 10:00`, `2024-01-05T10:00:00Z`), and other programs that read the
table may not. So a new value takes the form of the old one; where that is a form nobody here writes, it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl

from catalog.models import Field
from connectors.sql.writing.models import Value
from connectors.sql.writing.values import decimal_of, typed

BLANKS = (  # as `pipelines.casting` takes them off both ends of a text
    "\0\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
Form = Callable[[Value], str]
LETTERS = {
    "yyyy": (r"(?P<year>[0-9]{4})", "{0.year:04}"), "uuuu": (r"(?P<year>[0-9]{4})", "{0.year:04}"),
    "MM": (r"(?P<month>[0-9]{2})", "{0.month:02}"), "M": (r"(?P<month>[0-9]{1,2})", "{0.month}"),
    "dd": (r"(?P<day>[0-9]{2})", "{0.day:02}"), "d": (r"(?P<day>[0-9]{1,2})", "{0.day}"),
    "HH": (r"(?P<hour>[0-9]{2})", "{0.hour:02}"), "H": (r"(?P<hour>[0-9]{1,2})", "{0.hour}"),
    "mm": (r"(?P<minute>[0-9]{2})", "{0.minute:02}"), "m": (r"(?P<minute>[0-9]{1,2})", "{0.minute}"),
    "ss": (r"(?P<second>[0-9]{2})", "{0.second:02}"), "s": (r"(?P<second>[0-9]{1,2})", "{0.second}"),
    "SSSSSS": (r"(?P<microsecond>[0-9]{6})", "{0.microsecond:06}"),
}  # fmt: skip
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_CLOCKS = ("auto", "seconds", "minutes", "milliseconds", "microseconds")
_TRUTHS = (("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("1", "0"))
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(?P<offset>Z|[+-][0-9:]+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?[0-9]+(?:,[0-9]*)?", re.ASCII)


def written(field: Field, value: Value, like: str | None) -> str:
    """`value` as text in the form of `like`, the text that stands there; ValueError where no form is known."""
    known = list(_forms(field, every=False))
    if not known:
        raise ValueError("is held as text in a form that cannot be written back")
    if like is not None and like.strip(BLANKS):
        old = read(field, like)
        if old is not None:  # else what stands there is no value: a repair
            known = [form for form in _forms(field, every=True) if _tells(form, old) == like]
        if not known:
            raise ValueError("is held as text in another form than those that can be written back")
    elif field.type == "boolean":
        raise ValueError("is held as text, and no form of true and false is declared")
    fitting = (text for form in known if (text := _tells(form, value)) is not None and read(field, text) == value)
    told = next(fitting, None)
    if told is None:
        raise ValueError("cannot be written as text in a form that reads back as the same value")
    return told


def read(field: Field, text: str) -> Value:
    """The value a text means in the contract's eyes; None where it means none."""
    try:
        return _read(field, text.strip(BLANKS))
    except (ValueError, OverflowError):
        return None


def local(moment: datetime, zone: str) -> datetime:
    """A UTC moment on the clock of a zone; as the reader takes it, which knows no summer time after 2099."""
    told: datetime = pl.Series([moment]).dt.convert_time_zone(zone).dt.replace_time_zone(None).item()
    return told


def moment(clock: datetime, zone: str) -> datetime | None:
    """A wall clock in UTC as the reader takes it: the earlier of two; None for a time it never shows."""
    told = pl.Series([clock]).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    utc = told.dt.convert_time_zone("UTC").item()
    return None if utc is None else utc.replace(tzinfo=UTC)


def _read(field: Field, text: str) -> Value:
    if field.type in ("date", "timestamp", "time") and field.format:
        return _patterned(field, field.format, text)
    if field.type == "timestamp":
        shape = _ISO.fullmatch(text)
        if shape is None:
            return None
        if shape["offset"]:
            return typed(field, text)
        naive = typed(field, f"{text}Z")
        return moment(naive.replace(tzinfo=None), field.zone) if isinstance(naive, datetime) else None
    if field.type == "boolean":
        return next((text.lower() == yes for yes, no in _TRUTHS if text.lower() in (yes, no)), None)
    if field.type in ("number", "integer") and field.decimal_comma:
        if not _COMMA.fullmatch(text):
            return None
        text = text.replace(",", ".")
    if field.type == "integer":
        text = text.rstrip("0").removesuffix(".") if re.search(r"\.0*\Z", text) else text
    return typed(field, text)


def _tells(form: Form, value: Value) -> str | None:
    try:
        return form(value)
    except (ValueError, OverflowError, KeyError):
        return None


def _forms(field: Field, *, every: bool) -> Iterator[Form]:
    """The forms of a field's type, the customary one first; or that one only, as fine as a value needs."""
    if field.type in ("date", "timestamp", "time") and field.format:
        pattern = _pattern(field.format)
        if pattern is not None:
            yield lambda value: pattern[1].format(_on_clock(field, value))
    elif field.type == "date":
        yield lambda value: str(value)
    elif field.type == "time":
        yield from (_clock(precision) for precision in (_CLOCKS if every else _CLOCKS[:1]))
    elif field.type == "timestamp":
        yield _stamp(field, "auto", " ", "")
        for precision in _CLOCKS if every else ():
            yield from (_stamp(field, precision, between, zone) for zone in ("", "Z", "+00:00") for between in " T")
    elif field.type == "boolean":
        for spell in (str.lower, str.upper, str.capitalize):
            yield from (_truth(spell(yes), spell(no)) for yes, no in _TRUTHS)
    elif field.type == "integer":
        yield lambda value: str(value)
    elif field.type == "number":
        yield lambda value: _digits(field, decimal_of(value), fixed=True)
        if every:
            yield lambda value: _digits(field, decimal_of(value), fixed=False)


def _digits(field: Field, number: Decimal, *, fixed: bool) -> str:
    text = format(number, "f")
    if not fixed and "." in text:
        text = text.rstrip("0").removesuffix(".")
    return text.replace(".", ",") if field.decimal_comma else text


def _clock(precision: str) -> Form:
    return lambda value: value.isoformat(precision) if isinstance(value, time) else str(value)


def _truth(yes: str, no: str) -> Form:
    return lambda value: yes if value else no


def _stamp(field: Field, precision: str, between: str, zone: str) -> Form:
    def told(value: Value) -> str:
        if not isinstance(value, datetime):
            raise ValueError("no moment")
        clock = value.replace(tzinfo=None) if zone else local(value, field.zone)
        return clock.isoformat(between, precision) + zone

    return told


def _on_clock(field: Field, value: Value) -> Value:
    return local(value, field.zone) if isinstance(value, datetime) else value


def _pattern(text: str) -> tuple[re.Pattern[str], str] | None:
    """A JDK pattern as what reads it and what writes it; None where one of its letters is not written back."""
    reads, writes = "", ""
    for token in _TOKEN.finditer(text):
        if token.group(2) is not None and token.group() not in LETTERS:
            return None
        if token.group(2) is not None:
            one = LETTERS[token.group()]
            reads, writes = reads + one[0], writes + one[1]
        else:
            plain = token.group() if token.group(1) is None else (token.group(1) or "'").replace("''", "'")
            reads, writes = reads + re.escape(plain), writes + plain.replace("{", "{{").replace("}", "}}")
    try:
        return re.compile(reads, re.ASCII), writes
    except re.error:  # the same part twice
        return None


def _patterned(field: Field, text: str, value: str) -> Value:
    pattern = _pattern(text)
    found = pattern and pattern[0].fullmatch(value)
    if not found:
        return None
    parts = {name: int(digits) for name, digits in found.groupdict().items()}
    if field.type == "time":
        return time(parts.get("hour", 0), parts.get("minute", 0), parts.get("second", 0), parts.get("microsecond", 0))
    stamp = datetime(
        parts.get("year", 0), parts.get("month", 0), parts.get("day", 0), parts.get("hour", 0),
        parts.get("minute", 0), parts.get("second", 0), parts.get("microsecond", 0),
    )  # fmt: skip
    return date(stamp.year, stamp.month, stamp.day) if field.type == "date" else moment(stamp, field.zone)

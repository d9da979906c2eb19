"""Dates, clocks and moments, read by their pattern (JDK DateTimeFormatter, as ODCS says) and zone.

A value that is none, or not exactly one, is null. A year of two digits is read as POSIX and Python do: 69 to 99 are
1969 to 1999, 00 to 68 are 2000 to 2068.
"""

from __future__ import annotations

import re

import polars as pl

from catalog.models import Field

# JDK letters -> chrono's strftime; https://docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatter.html
LETTERS = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "uu": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d",
    "d": "%-d", "DDD": "%j", "EEEE": "%A", "EEE": "%a", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M",
    "m": "%-M", "ss": "%S", "s": "%-S", "a": "%p", "SSS": "%3f", "SSSSSS": "%6f", "SSSSSSSSS": "%9f", "XXX": "%#z",
    "XX": "%#z", "X": "%#z", "Z": "%z",
}  # fmt: skip
OFFSET = "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
# What a text of each letter looks like, where chrono alone would also take signs, blanks and missing digits.
SHAPES = {
    "yyyy": "[0-9]{4}", "uuuu": "[0-9]{4}", "yy": "[0-9]{2}", "uu": "[0-9]{2}", "MMMM": "[A-Za-z]+",
    "MMM": "[A-Za-z]{3}", "DDD": "[0-9]{3}", "EEEE": "[A-Za-z]+", "EEE": "[A-Za-z]{3}", "a": "[AaPp][Mm]",
    "SSS": "[0-9]{3}",
    "SSSSSS": "[0-9]{6}", "SSSSSSSSS": "[0-9]{9}", "XXX": OFFSET, "XX": OFFSET, "X": OFFSET, "Z": "[+-][0-9]{4}",
    "ss": "[0-5][0-9]", "s": "[0-5]?[0-9]",
}  # fmt: skip
TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
YEARS = (1, 9999)
PIVOT = 2069  # a two-digit year that a parser puts here or later is of the century before
ISO_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-5][0-9](?:\.[0-9]+)?)?"
ISO_CLOCK = f"^{CLOCK}$"
ISO_MOMENT = f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{CLOCK}{OFFSET}?$"
ISO_LOCAL = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
ISO_ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
MIDNIGHT = r"^24:?00(?::?00(?:\.0+)?)?$"  # the end of a day, in clocks that count to 24:00
FINER_THAN_MICROSECONDS = r"\.[0-9]{6}[0-9]*[1-9]"
FINER_THAN_NANOSECONDS = r"\.[0-9]{9}[0-9]*[1-9]"


def strftime_of(pattern: str) -> str:
    """`dd-MMM-yy` becomes `%d-%b-%y`. ValueError names a letter that has no counterpart."""
    return "".join(LETTERS[text] if is_letters else text.replace("%", "%%") for text, is_letters in _tokens(pattern))


def shape_of(pattern: str) -> str:
    """A regular expression of the texts that the pattern describes.

    Where a separator stands on both sides, a leading zero may be missing: `dd.MM.yyyy` reads 5.1.2024, while 2024015 is
    no `yyyyMMdd`.
    """
    tokens = _tokens(pattern)
    out = []
    for at, (text, is_letters) in enumerate(tokens):
        if not is_letters:
            out.append(re.escape(text))
            continue
        beside = [tokens[other][1] for other in (at - 1, at + 1) if 0 <= other < len(tokens)]
        loose = "[0-9]{1,2}" if len(text) == 1 or not any(beside) else "[0-9]{2}"
        out.append("[0-5]?[0-9]" if text == "ss" and not any(beside) else SHAPES.get(text, loose))
    return f"^{''.join(out)}$"


def has_zone(pattern: str) -> bool:
    """Whether values of this pattern carry an offset of their own."""
    bare = re.sub(r"'[^']*'", "", pattern)
    return "X" in bare or "Z" in bare


def _tokens(pattern: str) -> list[tuple[str, bool]]:
    """The pattern's parts in order: letters that stand for something (True), and literal text (False)."""
    tokens: list[tuple[str, bool]] = []
    end = 0
    for token in TOKEN.finditer(pattern):
        if token.start() != end:
            break
        end = token.end()
        if token.group(1) is not None:
            tokens.append(((token.group(1) or "'").replace("''", "'"), False))
        elif token.group(2) is not None:
            if token.group() not in LETTERS:
                raise ValueError(f"the pattern '{pattern}' holds '{token.group()}', which is not understood")
            tokens.append((token.group(), True))
        else:
            tokens.append((token.group(), False))
    if end != len(pattern):
        raise ValueError(f"the pattern '{pattern}' has an open quote")
    return tokens


def in_utc(local: pl.Expr, zone: str) -> pl.Expr:
    """A wall-clock time in UTC. A time that a clock shows twice is the earlier one; one it never shows is null."""
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def whole_text(dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """Text of a value that is a text or a whole number, such as 517 for a clock or 20240131 for a date; else null."""
    if dtype.is_float() or dtype.is_decimal():
        value = pl.when(value == value.round(0)).then(value.cast(pl.Int64, strict=False))
    return value.cast(pl.String, strict=False)


def is_midnight(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """Whether a wall-clock value says 24:00, which is the next day's midnight."""
    return _text(field, dtype, value).str.contains(MIDNIGHT).fill_null(False)


def date_of(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """A date; of a moment, the one on the calendar of the field's zone."""
    if dtype == pl.Date():
        return _in_range(value)
    if isinstance(dtype, pl.Datetime):
        return _in_range((value.dt.convert_time_zone(field.zone) if dtype.time_zone else value).dt.date())
    text = _shaped(field, dtype, value, ISO_DATE)
    pattern = strftime_of(field.format) if field.format else "%Y-%m-%d"
    if field.format and any(letter in field.format for letter in "Hhms"):
        return _in_range(_pivoted(field, text.str.to_datetime(pattern, strict=False, time_unit="us")).dt.date())
    return _in_range(_pivoted(field, text.str.to_date(pattern, strict=False)))


def time_of(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """A wall-clock time; 24:00 is 00:00 here, and the next day where it is combined with a date."""
    if dtype == pl.Time():
        return value
    if isinstance(dtype, pl.Datetime):
        return (value.dt.convert_time_zone(field.zone) if dtype.time_zone else value).dt.time()
    text = _text(field, dtype, value)
    text = pl.when(text.str.contains(MIDNIGHT)).then(text.str.replace("24", "00", literal=True)).otherwise(text)
    if field.format:
        shaped = pl.when(text.str.contains(shape_of(field.format))).then(text)
        return shaped.str.to_time(strftime_of(field.format), strict=False)
    shaped = pl.when(text.str.contains(ISO_CLOCK) & ~text.str.contains(FINER_THAN_NANOSECONDS)).then(text)
    return pl.coalesce(shaped.str.to_time("%H:%M:%S%.f", strict=False), shaped.str.to_time("%H:%M", strict=False))


def timestamp_of(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """A moment in UTC, in microseconds; a value that carries no offset is on the clock of the field's zone."""
    if isinstance(dtype, pl.Datetime):
        exact = value.dt.cast_time_unit("us")
        if dtype.time_unit == "ns":
            exact = pl.when(value.dt.nanosecond() % 1000 == 0).then(exact)
        return _in_range(exact.dt.convert_time_zone("UTC") if dtype.time_zone else in_utc(exact, field.zone))
    if dtype == pl.Date():
        return _in_range(in_utc(_in_range(value).cast(pl.Datetime("us")), field.zone))
    text = _shaped(field, dtype, value, ISO_MOMENT)
    text = pl.when(~text.str.contains(FINER_THAN_MICROSECONDS)).then(text)
    return _in_range(_patterned(field, field.format, text) if field.format else _iso(field, text))


def _patterned(field: Field, pattern: str, text: pl.Expr) -> pl.Expr:
    zone = "UTC" if has_zone(pattern) else None
    moment = text.str.to_datetime(strftime_of(pattern), strict=False, time_unit="us", time_zone=zone)
    moment = _pivoted(field, moment)
    return moment if zone else in_utc(moment, field.zone)


def _iso(field: Field, text: pl.Expr) -> pl.Expr:
    text = text.str.replace(" ", "T", literal=True)
    local = [text.str.to_datetime(pattern, strict=False, time_unit="us") for pattern in ISO_LOCAL]
    zoned = [text.str.to_datetime(one, strict=False, time_unit="us", time_zone="UTC") for one in ISO_ZONED]
    return pl.coalesce(in_utc(pl.coalesce(local), field.zone), *zoned)


def _text(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """Text, with the leading zeros that a number lost where the pattern is digits only: 517 in HHmm is 0517."""
    text, pattern = whole_text(dtype, value), field.format or ""
    digits_only = bool(pattern) and set(pattern) <= set("yuMdHhmsS") and "MMM" not in pattern
    if not digits_only or pattern.startswith(("yyyy", "uuuu")):
        return text
    return pl.when(text.str.contains("^[0-9]+$")).then(text.str.zfill(len(pattern)))


def _shaped(field: Field, dtype: pl.DataType, value: pl.Expr, iso: str) -> pl.Expr:
    text = _text(field, dtype, value)
    return pl.when(text.str.contains(shape_of(field.format) if field.format else iso)).then(text)


def _pivoted(field: Field, parsed: pl.Expr) -> pl.Expr:
    if not field.format or "%y" not in strftime_of(field.format):
        return parsed
    return pl.when(parsed.dt.year() >= PIVOT).then(parsed.dt.offset_by("-100y")).otherwise(parsed)


def _in_range(parsed: pl.Expr) -> pl.Expr:
    """Null outside of the years that Python, SQL and JSON readers agree on."""
    return pl.when(parsed.dt.year().is_between(*YEARS)).then(parsed)

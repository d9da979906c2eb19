"""Find the one way in which all texts of a column write a date: a pattern, or nothing where two are possible."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from catalog.models import LogicalType
from connectors.discovering.words import words

FEWEST = 3  # different values; with fewer, anything may look like a date
BARE = ("yyyyMMdd", "yyMMdd", "ddMMyyyy", "MMddyyyy")  # eight digits may be a number: the name must speak for a date
DATE_WORDS = {
    "date", "dt", "dat", "day", "datum", "tag", "fecha", "data", "jour", "dato", "ymd", "birth", "dob", "on", "until",
    "since",
}  # fmt: skip
YEARS = (1800, 2200)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{1,2}:[0-9]{2}(?::[0-5][0-9](?:\.[0-9]{1,6}0*)?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_ISO_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-5][0-9](?:\.[0-9]+)?)?")


class Written(NamedTuple):
    """How texts are to be read: a type, and a pattern unless it is ISO 8601."""

    type: LogicalType
    format: str | None = None


class _Pattern(NamedTuple):
    type: LogicalType
    jdk: str
    shape: re.Pattern[str]
    strptime: str


def _pattern(kind: LogicalType, jdk: str, shape: str, strptime: str) -> _Pattern:
    return _Pattern(kind, jdk, re.compile(shape), strptime)


_D2, _D4, _MON = "[0-9]{2}", "[0-9]{4}", "[A-Za-z]{3}"
_CLOCK = "[0-9]{2}:[0-9]{2}"
PATTERNS = (
    _pattern("date", "dd.MM.yyyy", rf"{_D2}\.{_D2}\.{_D4}", "%d.%m.%Y"),
    _pattern("date", "dd/MM/yyyy", f"{_D2}/{_D2}/{_D4}", "%d/%m/%Y"),
    _pattern("date", "MM/dd/yyyy", f"{_D2}/{_D2}/{_D4}", "%m/%d/%Y"),
    _pattern("date", "dd-MM-yyyy", f"{_D2}-{_D2}-{_D4}", "%d-%m-%Y"),
    _pattern("date", "MM-dd-yyyy", f"{_D2}-{_D2}-{_D4}", "%m-%d-%Y"),
    _pattern("date", "yyyy/MM/dd", f"{_D4}/{_D2}/{_D2}", "%Y/%m/%d"),
    _pattern("date", "yyyy.MM.dd", rf"{_D4}\.{_D2}\.{_D2}", "%Y.%m.%d"),
    _pattern("date", "dd-MMM-yy", f"{_D2}-{_MON}-{_D2}", "%d-%b-%y"),
    _pattern("date", "dd-MMM-yyyy", f"{_D2}-{_MON}-{_D4}", "%d-%b-%Y"),
    _pattern("date", "dd MMM yyyy", f"{_D2} {_MON} {_D4}", "%d %b %Y"),
    _pattern("date", "yyyyMMdd", "[0-9]{8}", "%Y%m%d"),
    _pattern("date", "ddMMyyyy", "[0-9]{8}", "%d%m%Y"),
    _pattern("date", "MMddyyyy", "[0-9]{8}", "%m%d%Y"),
    _pattern("timestamp", "dd.MM.yyyy HH:mm:ss", rf"{_D2}\.{_D2}\.{_D4} {_CLOCK}:{_D2}", "%d.%m.%Y %H:%M:%S"),
    _pattern("timestamp", "dd.MM.yyyy HH:mm", rf"{_D2}\.{_D2}\.{_D4} {_CLOCK}", "%d.%m.%Y %H:%M"),
    _pattern("timestamp", "dd/MM/yyyy HH:mm:ss", f"{_D2}/{_D2}/{_D4} {_CLOCK}:{_D2}", "%d/%m/%Y %H:%M:%S"),
    _pattern("timestamp", "MM/dd/yyyy HH:mm:ss", f"{_D2}/{_D2}/{_D4} {_CLOCK}:{_D2}", "%m/%d/%Y %H:%M:%S"),
    _pattern("timestamp", "yyyyMMddHHmmss", "[0-9]{14}", "%Y%m%d%H%M%S"),
)  # fmt: skip


def written(values: Sequence[str], *, name: str = "", fewest: int = FEWEST) -> Written | None:
    """How all of `values` write a date, a moment or a clock; None where they do not, or not in one certain way."""
    texts = [text.strip() for text in values if text.strip()]
    if len(set(texts)) < fewest:
        return None
    for kind, shape in (("date", _ISO_DATE), ("timestamp", _ISO_MOMENT), ("time", _ISO_CLOCK)):
        if all(shape.fullmatch(text) and _iso(kind, text) for text in texts):
            return Written(kind)  # type: ignore[arg-type]  # the three names are logical types
    dated = bool(DATE_WORDS & set(words(name))) or words(name)[-1:] == ("date",)
    fitting = [
        one
        for one in PATTERNS
        if (dated or not one.shape.pattern.startswith("[0-9]{8}")) and all(_fits(one, text) for text in texts)
    ]
    return Written(fitting[0].type, fitting[0].jdk) if len(fitting) == 1 else None


def undecided(values: Sequence[str]) -> bool:
    """Whether all texts are dates whose day and month cannot be told apart."""
    texts = [text.strip() for text in values if text.strip()]
    fitting = [one for one in PATTERNS if len(set(texts)) >= FEWEST and all(_fits(one, text) for text in texts)]
    return len(fitting) > 1 and not fitting[0].shape.pattern.startswith("[0-9]{8}")


def _fits(pattern: _Pattern, text: str) -> bool:
    if not pattern.shape.fullmatch(text):
        return False
    try:
        moment = datetime.strptime(text, pattern.strptime)  # only whether it is one
    except ValueError:
        return False
    return YEARS[0] <= moment.year <= YEARS[1]


def _iso(kind: str, text: str) -> bool:
    try:
        if kind == "time":
            hour, minute = text.split(":")[:2]
            return int(hour) < 24 and int(minute) < 60
        day = datetime.fromisoformat(text[:10])
        clock = text[11:16].rstrip(":")
        return 1 <= day.year <= 9999 and (not clock or int(clock.split(":")[0]) < 24)
    except ValueError:
        return False

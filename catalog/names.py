"""Suggest the name that was probably meant, and say what a good name looks like."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterable
from zoneinfo import ZoneInfo, available_timezones

SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")  # projects, sources, templates, principals
DATASET = re.compile(r"[a-z][a-z0-9_]{0,63}")  # also an asset key of Dagster, a file name and a part of URNs
FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")  # columns that begin with an underscore are Landbridge's own
LISTED = 8  # so many known names still help; more are noise

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_STEP = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<every>\d+))?", re.ASCII)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?`, or the known names where they are few, or nothing."""
    names = sorted(set(known))
    folded = {one.casefold(): one for one in names}
    near = difflib.get_close_matches(name[:100].casefold(), folded, n=1)
    if near:
        return f"Did you mean '{folded[near[0]]}'?"
    return f"Known here: {', '.join(names)}." if 0 < len(names) <= LISTED else ""


def shown(value: object, limit: int = 60) -> str:
    """A value as it may stand in an error: quoted, on one line, not longer than `limit`."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def zone_fault(name: str) -> str | None:
    """None where `name` is a time zone this machine knows, else the remedy."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a name; a folder of the zone database
        return did_you_mean(name, available_timezones()) or "Write an IANA name, such as Europe/Berlin."
    return None


def regex_fault(text: str) -> str | None:
    """None where `text` is a regular expression, else what is wrong with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what a later Python may read otherwise
        try:
            re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            return str(error)
    return None


def is_cron(text: str) -> bool:
    """Whether `text` is a cron schedule of five fields: minute, hour, day, month, weekday."""
    fields = text.split()
    return len(fields) == len(_RANGES) and all(
        _in_cron(part, lowest, highest)
        for field, (lowest, highest) in zip(fields, _RANGES, strict=True)
        for part in field.split(",")
    )


def _in_cron(part: str, lowest: int, highest: int) -> bool:
    match = _STEP.fullmatch(part)
    if match is None or match["every"] == "0":
        return False
    if match["first"] == "*":
        return match["last"] is None
    ends = [_cron_number(text, highest) for text in (match["first"], match["last"]) if text is not None]
    return all(lowest <= end <= highest for end in ends) and ends == sorted(ends)


def _cron_number(text: str, highest: int) -> int:
    names = {12: _MONTHS, 7: _DAYS}.get(highest, [])
    if text.lower() in names:
        return names.index(text.lower()) + (highest == 12)  # months count from 1, weekdays from 0
    return int(text) if text.isdecimal() else -1

"""The text of a cell's value, exact: no `.0` that the sheet does not show, dates as ISO 8601 writes them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

EXACT_INTEGER = 1e21  # above it a number is told with an exponent


def text_of(value: Any) -> str:
    """The text of a value that calamine gives."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < EXACT_INTEGER else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return _clock(value) if isinstance(value, timedelta) else str(value)


def _clock(value: timedelta) -> str:
    """A duration as hours, minutes and seconds: `36:05:00`."""
    sign, whole = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(whole.days * 86_400 + whole.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{whole.microseconds:06d}" if whole.microseconds else ""
    return f"{sign}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"

"""How long a duration such as `1h`, `2d` or `1mo12h` is, roughly: months and years have no fixed length."""

from __future__ import annotations

import re
from datetime import timedelta

_PART = re.compile(r"(\d+)(mo|ms|us|ns|[smhdwqy])")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2592000,
            "q": 7776000, "y": 31536000}  # fmt: skip
DAY = 86400.0  # seconds


def about_seconds(duration: str) -> float:
    """The length of a Polars duration text in seconds, a month as 30 days and a year as 365."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))


def span(duration: str) -> timedelta:
    """The length of such a text as a span. ValueError where it is none."""
    if not duration or _PART.sub("", duration):
        raise ValueError(f"'{duration}' is no duration. Write 12h, 7d or 1mo, for example")
    return timedelta(seconds=about_seconds(duration))

"""Dates, timestamps and times of day from the numbers that statistics packages keep them as.

SAS counts days and seconds from 1960, SPSS seconds from 14 October 1582, Stata days, weeks, months, quarters, halves
and milliseconds from 1960. Which of them a column holds is told by its display format alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

Unit = Literal["day", "second", "clock", "millisecond", "clock_ms", "week", "month", "quarter", "half"]

EPOCHS = {"1960": date(1960, 1, 1), "1582": date(1582, 10, 14)}
UNIX = date(1970, 1, 1)
FIRST, LAST = -719_162, 2_932_896  # days of the years 1 to 9999, counted from 1970
DAY_SECONDS = 86_400
MICROSECONDS = 1_000_000
WIDTH = re.compile(r"\d*(\.\d*)?$")

SAS_DATES = re.compile(
    r"^(DATE|DAY|DOWNAME|JULDAY|JULIAN|MONNAME|MONTH|MONYY|YEAR|YYMON|QTRR?|NENGO|MINGUO|HDATE|HEBDATE|PDJULG|PDJULI|"
    r"WEEKDAT[EX]|WEEKDAY|WEEK[UVW]|WORDDAT[EX]|(DDMMYY|MMDDYY|YYMMDD|MMYY|YYMM|YYQ|YYQR)[BCDNPS]?|YYWEEK[UVW]|"
    r"(IS|E|B)8601DA|EURDF(DD|DE|DN|DWN|MN|MY|WDX|WKX)|NLDATE\w*)$"
)
SAS_TIMESTAMPS = re.compile(
    r"^(DATETIME|DATEAMPM|MDYAMPM|DTDATE|DTMONYY|DTWKDATX|DTYEAR|DTYYQC|(IS|E|B)8601D[TNXZ]|EURDFDT|NLDATM\w*)$"
)
SAS_CLOCKS = re.compile(r"^(TIME|TIMEAMPM|TOD|HHMM|HOUR|MMSS|(IS|E|B)8601T[MXZ]|NLTIM\w*)$")
SPSS_KINDS: dict[str, Unit] = {
    "DATE": "day", "ADATE": "day", "EDATE": "day", "SDATE": "day", "JDATE": "day", "QYR": "day", "MOYR": "day",
    "WKYR": "day", "DATETIME": "second", "YMDHMS": "second", "TIME": "clock", "MTIME": "clock",
}  # fmt: skip
STATA_PERIODS: dict[str, Unit] = {"w": "week", "m": "month", "q": "quarter", "h": "half"}
STATA_DATE_PARTS = re.compile(r"[CYyNnDdJjqhw]|Mon|mo")  # of a display format; without them it shows a time of day


@dataclass(frozen=True)
class Moment:
    """How a column's numbers tell time: their unit, the epoch, and whether days are written as seconds."""

    unit: Unit
    epoch: Literal["1960", "1582"] = "1960"

    @property
    def type(self) -> pl.DataType:
        """The type that the column gets."""
        if self.unit in ("clock", "clock_ms"):
            return pl.Time()
        return pl.Datetime("us") if self.unit in ("second", "millisecond") else pl.Date()


def of_sas(display: str) -> Moment | None:
    """What a SAS format such as `YYMMDD10.` shows; None for plain numbers."""
    name = WIDTH.sub("", display.upper().rstrip("."))
    if SAS_DATES.match(name):
        return Moment("day")
    if SAS_TIMESTAMPS.match(name):
        return Moment("second")
    return Moment("clock") if SAS_CLOCKS.match(name) else None


def of_spss(display: str) -> Moment | None:
    """What an SPSS format such as `EDATE10` shows."""
    unit = SPSS_KINDS.get(WIDTH.sub("", display.upper()))
    return Moment(unit, "1582") if unit else None


def of_stata(display: str) -> Moment | None:
    """What a Stata format such as `%tdD_m_Y` shows."""
    found = re.match(r"^%-?(t([dcCwmqh])|d)(.*)$", display)
    if not found:
        return None
    kind, detail = found[2] or "d", found[3]
    if kind == "d":
        return Moment("day")
    if kind in "cC":
        return Moment("clock_ms" if detail and not STATA_DATE_PARTS.search(detail) else "millisecond")
    return Moment(STATA_PERIODS[kind])


def converted(numbers: pl.Series, moment: Moment) -> tuple[pl.Series, int]:
    """The column as dates, timestamps or times, and how many values are outside of what those can be (null)."""
    floats = numbers.cast(pl.Float64)
    shift = (EPOCHS[moment.epoch] - UNIX).days
    if moment.unit in ("clock", "clock_ms"):
        told = _clock(floats / 1000 if moment.unit == "clock_ms" else floats, wraps=moment.unit == "clock_ms")
    elif moment.unit in ("second", "millisecond"):
        told = _stamp(floats / 1000 if moment.unit == "millisecond" else floats, shift)
    elif moment.unit in ("day", "week"):
        told = _day(_days(floats, moment) + shift)
    else:
        told = _period(floats, moment.unit)
    return told.alias(numbers.name), told.null_count() - floats.fill_nan(None).null_count()


def _days(floats: pl.Series, moment: Moment) -> pl.Series:
    if moment.unit == "week":  # Stata's year has 52 weeks, each year's first begins on 1 January
        year = (floats / 52).floor()
        start = _first_of(year * 12).cast(pl.Int32).cast(pl.Float64)
        return start + (floats - year * 52) * 7 - (EPOCHS["1960"] - UNIX).days
    return floats / DAY_SECONDS if moment.epoch == "1582" else floats


def _day(days: pl.Series) -> pl.Series:
    whole = days.floor()
    return whole.set(~whole.is_between(FIRST, LAST), None).cast(pl.Int32, strict=False).cast(pl.Date)


def _stamp(seconds: pl.Series, shift: int) -> pl.Series:
    """Timestamps, rounded to microseconds."""
    days = seconds / DAY_SECONDS + shift
    kept = seconds.set(~days.is_between(FIRST, LAST + 1, closed="left"), None)
    return ((kept * MICROSECONDS).round().cast(pl.Int64, strict=False) + shift * DAY_SECONDS * MICROSECONDS).cast(
        pl.Datetime("us")
    )


def _clock(seconds: pl.Series, *, wraps: bool) -> pl.Series:
    """Times of day. With `wraps` the numbers are timestamps of which only the time is shown."""
    within = seconds - (seconds / DAY_SECONDS).floor() * DAY_SECONDS if wraps else seconds
    kept = within.set(~within.is_between(0, DAY_SECONDS, closed="left"), None)
    return ((kept * MICROSECONDS).round().cast(pl.Int64, strict=False) * 1000).cast(pl.Time)


def _period(numbers: pl.Series, unit: Unit) -> pl.Series:
    """The first day of a month, quarter or half year."""
    return _first_of(numbers.floor() * {"month": 1, "quarter": 3, "half": 6}[unit])


def _first_of(months: pl.Series) -> pl.Series:
    """The first day of months counted from January 1960."""
    kept = months.set(~months.is_between(-1959 * 12, 8040 * 12 - 1), None).cast(pl.Int32, strict=False)
    frame = pl.select(year=1960 + kept // 12, month=kept % 12 + 1)
    return frame.select(pl.date("year", "month", 1)).to_series()

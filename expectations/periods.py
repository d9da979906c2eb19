"""Periods without a row: hours, days or months that should be there and are not, told as ranges.

Days and longer are counted on the clock of the field's own time zone, so that a day of 23 or 25 hours is one day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl

from catalog.models import Dataset, Field, GapRule
from expectations.across import Seen, Systems, gap, may_quote, of_rows, of_values
from expectations.disclosure import HIDDEN, tellable
from expectations.wording import as_text, label, listed

MOST_PERIODS = 5_000_000  # more is a slip in `every`, and would fill the memory
GROUPS = 20  # in the evidence, those that miss most
RANGES = 20  # per group in the evidence
TOLD_RANGES = 3  # in a sentence
PERIOD, FROM, TO = "_period", "_from", "_to"

_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2592000,
            "q": 7776000, "y": 31536000}  # fmt: skip
_WORDS = {"1s": "seconds", "1m": "minutes", "1h": "hours", "1d": "days", "1w": "weeks", "1mo": "months",
          "1q": "quarters", "1y": "years"}  # fmt: skip


@dataclass(frozen=True)
class Missing:
    """Ranges of missing periods: the `per` columns, `_from`, `_to` (the last missing period), `_periods`, in order."""

    ranges: pl.DataFrame
    expected: int  # periods expected over all groups
    groups: int


def missing_period(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """Periods of `every` without a value of `field`, for each group of `per`.

    They are looked for between `start` and `end` (both included); where one is not given, from a group's first value or
    to its last. A group is known only by its rows: one that has none at all is not missed.
    """
    field = dataset.field(rule.field)
    values = systems.frames[dataset.name].select(*rule.per, rule.field).drop_nulls(rule.field)
    if values.is_empty():
        message = f"no row has a '{rule.field}', so every period is missing."
        return Seen([gap(rule, dataset, count=0, unit="periods", message=message, evidence={"periods": "unknown"})])
    zone = _zone(field)
    if field.type == "timestamp":
        values = values.with_columns(pl.col(rule.field).dt.convert_time_zone(zone))
    missing = _missing(rule, values, zone)
    if missing.ranges.is_empty():
        return Seen()
    total = int(missing.ranges["_periods"].sum())
    told = _told(missing.ranges, rule, dataset)
    groups = _groups(told, rule)
    what = _WORDS.get(rule.every, f"periods of {rule.every}")
    per = f", over {missing.groups:,} values of {listed(rule.per)}" if rule.per else ""
    message = f"{total:,} of {missing.expected:,} {what} have no row by '{rule.field}'{per}."
    evidence = {"field": rule.field, "every": rule.every, "expected": missing.expected, "zone": zone, "groups": groups}
    finding = gap(rule, dataset, count=total, unit="periods", message=message, evidence=evidence,
                  sample_keys=_samples(missing.ranges, rule, dataset))  # fmt: skip
    return Seen([finding], _sentences(rule, dataset, systems, missing, told, what))


def _zone(field: Field) -> str:
    """The zone whose clock the field's days follow."""
    return (field.combine.zone or "UTC") if field.combine else field.zone


def _missing(rule: GapRule, values: pl.DataFrame, zone: str) -> Missing:
    """The gaps between the numbers of the periods that have a row, with open ends where `start` or `end` is given."""
    per = list(rule.per) or ["_all"]
    values = values if rule.per else values.with_columns(pl.lit("").alias("_all"))
    grid = _grid(rule, values[rule.field], zone)
    starts = pl.DataFrame({PERIOD: grid}).with_row_index("_n").with_columns(pl.col("_n").cast(pl.Int64))
    after = pl.select(pl.lit(grid.tail(1)).dt.offset_by(rule.every)).item()
    present = (
        values.filter(pl.col(rule.field) < after)
        .sort(rule.field)
        .join_asof(starts, left_on=rule.field, right_on=PERIOD, strategy="backward")
        .drop_nulls("_n")
        .select(*per, "_n")
    )
    groups = values.select(per).unique()
    ends = [number for given, number in ((rule.start, -1), (rule.end, len(grid))) if given]
    numbers = pl.concat([present, *(groups.with_columns(pl.lit(end, pl.Int64).alias("_n")) for end in ends)]).unique()
    before = pl.col("_n").shift(1).over(per, order_by="_n")
    steps = numbers.with_columns((before + 1).alias(FROM), (pl.col("_n") - 1).alias(TO))
    open_ = steps.filter(pl.col(FROM) <= pl.col(TO)).sort(*per, FROM)
    inside = pl.col("_n").clip(0, len(grid) - 1)
    spans = numbers.group_by(per).agg((inside.max() - inside.min() + 1).alias("_span"))
    ranges = open_.with_columns(
        (pl.col(TO) - pl.col(FROM) + 1).alias("_periods"),
        *(pl.lit(grid).gather(pl.col(name)).alias(name) for name in (FROM, TO)),
    )
    return Missing(ranges.drop("_n"), int(spans["_span"].sum()), groups.height)


def _grid(rule: GapRule, values: pl.Series, zone: str) -> pl.Series:
    """The beginnings of all periods, on the clock of `zone`."""
    dated = values.dtype == pl.Date
    first, last = values.min() if dated else values.dt.truncate(rule.every).min(), values.max()
    low = _moment(rule.start, zone) if rule.start else cast("date", first)
    high = _moment(rule.end, zone) if rule.end else cast("date", last)
    _refuse_endless(rule, low, high)
    if dated:
        return pl.select(pl.date_range(low, high, rule.every)).to_series()
    return pl.select(pl.datetime_range(low, high, rule.every, time_unit="us", time_zone=zone)).to_series()


def _moment(text: str, zone: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=ZoneInfo(zone)) if moment.tzinfo is None else moment.astimezone(ZoneInfo(zone))


def _at(day: date) -> datetime:
    """A moment as it is, a date as its midnight."""
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _refuse_endless(rule: GapRule, low: date, high: date) -> None:
    step = sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)(mo|ms|us|ns|[smhdwqy])", rule.every))
    length = (_at(high) - _at(low)).total_seconds()
    if length < 0:
        raise ValueError(f"there is no period between {low} and {high}")
    if not step or length / step > MOST_PERIODS:
        raise ValueError(f"'every: {rule.every}' makes more than {MOST_PERIODS:,} periods")


def _told(ranges: pl.DataFrame, rule: GapRule, dataset: Dataset) -> pl.DataFrame:
    """The ranges with `_group` and `_text`, as far as they may be told."""
    names = [as_text(ranges.schema, name).fill_null("(none)") for name in rule.per]
    group = pl.concat_str(names or [pl.lit("")], separator=", ")
    first, last = as_text(ranges.schema, FROM), as_text(ranges.schema, TO)
    text = pl.when(pl.col("_periods") == 1).then(first).otherwise(first + " to " + last)
    open_ = tellable(dataset, [rule.field])
    return ranges.with_columns(
        (group if tellable(dataset, rule.per) else pl.lit(HIDDEN)).alias("_group"),
        (text if open_ else pl.lit(HIDDEN)).alias("_text"),
        (first if open_ else pl.lit(HIDDEN)).alias("_first"),
        (last if open_ else pl.lit(HIDDEN)).alias("_last"),
    )


def _groups(told: pl.DataFrame, rule: GapRule) -> list[dict[str, Any]]:
    """The groups that miss most, each with its ranges."""
    per = list(rule.per) or ["_all"]
    one = pl.struct(pl.col("_first").alias("from"), pl.col("_last").alias("to"), pl.col("_periods").alias("periods"))
    grouped = told.group_by(per, maintain_order=True).agg(
        pl.col("_group").first().alias("group"),
        pl.col("_periods").sum().alias("missing"),
        pl.len().alias("gaps"),
        one.head(RANGES).alias("ranges"),
    )
    most = grouped.sort(["missing", "group"], descending=[True, False]).head(GROUPS)
    return most.select("group", "missing", "gaps", "ranges").to_dicts()


def _samples(ranges: pl.DataFrame, rule: GapRule, dataset: Dataset) -> list[str]:
    """The keys that the first missing rows would have."""
    if not tellable(dataset, [*rule.per, rule.field]):
        return []
    dated = ranges.schema[FROM] == pl.Date
    utc = pl.col(FROM) if dated else pl.col(FROM).dt.convert_time_zone("UTC")
    period = utc.dt.strftime("%Y-%m-%d" if dated else "%Y-%m-%dT%H:%M:%S%.fZ")
    parts = [as_text(ranges.schema, name).fill_null("(none)") for name in rule.per]
    return ranges.head(20).select(pl.concat_str([*parts, period], separator="|").alias("key")).to_series().to_list()


def _sentences(
    rule: GapRule, dataset: Dataset, systems: Systems, missing: Missing, told: pl.DataFrame, what: str
) -> list[pl.DataFrame]:
    """One sentence per group, for documents that group by it and for the record it refers to."""
    if len(rule.per) != 1 or not tellable(dataset, [rule.field, *rule.per]):
        return []
    name = rule.per[0]
    if dataset.field(rule.field).classification > dataset.field(name).classification:
        return []
    grouped = told.group_by(name, maintain_order=True).agg(
        pl.col("_periods").sum().alias("_periods"),
        pl.len().alias("_gaps"),
        pl.col("_text").head(TOLD_RANGES).str.join(", "),
    )
    more = pl.when(pl.col("_gaps") > TOLD_RANGES).then(pl.format(" and {} more gaps", pl.col("_gaps") - TOLD_RANGES))
    sentence = pl.format(
        "{} {} have no row in {} for {} {}: {}{}.",
        "_periods", pl.lit(what), pl.lit(dataset.title), pl.lit(label(dataset, name)), as_text(grouped.schema, name),
        "_text", more.otherwise(pl.lit("")),
    )  # fmt: skip
    sentence = (
        pl.when(pl.col("_periods") == 1).then(sentence.str.replace("s have no row", " has no row")).otherwise(sentence)
    )
    known = [of_values(grouped, dataset, rule.name, about=name, sentence=sentence)]
    for relation in dataset.relations:
        other = systems.frames.get(relation.to_dataset)
        if relation.fields != (name,) or other is None:
            continue
        theirs, their = systems.dataset(relation.to_dataset), relation.to_fields[0]
        if may_quote(dataset, [rule.field, name], theirs, [their]):
            told_of = grouped.select(name, sentence.alias("_sentence"))
            rows = other.select("_key", their).join(told_of, left_on=their, right_on=name)
            known.append(of_rows(rows, theirs, rule.name, about=their, sentence=pl.col("_sentence")))
    return known

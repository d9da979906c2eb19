"""Periods without a row: hours, days or months that should be there and are not, told as ranges.

Days and longer are counted on the clock of the field's own time zone, so that a day of 23 or 25 hours is one day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl

from catalog.durations import about_seconds
from catalog.models import Dataset, Field, GapRule
from expectations.across import Seen, Systems, gap, may_quote, of_rows, of_values
from expectations.disclosure import HIDDEN, tellable
from expectations.portions import Rows
from expectations.wording import as_text, label, listed

MOST_PERIODS = 5_000_000  # more is a slip in `every`, and would fill the memory
GROUPS = 20  # in the evidence, those that miss most
RANGES = 20  # per group in the evidence
TOLD_RANGES = 3  # in a sentence
FRIDAY = 5  # as ISO 8601 counts weekdays from Monday, 1
PERIOD, FROM, TO = "_period", "_from", "_to"

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
    to its last. A group is known only by its rows: one that has none at all is not missed. A period that begins on a
    closed day, by `calendar` or `holidays`, is not looked for.
    """
    field = dataset.field(rule.field)
    zone = _zone(field)
    clock = pl.col(rule.field).dt.convert_time_zone(zone) if field.type == "timestamp" else pl.col(rule.field)
    missing = _missing(rule, systems.frames[dataset.name], clock, zone, _holidays(rule, systems))
    if missing.ranges.is_empty():
        return Seen()
    total = int(missing.ranges["_periods"].sum())
    told = _told(missing.ranges, rule, dataset)
    groups = _groups(told, rule)
    what = _WORDS.get(rule.every, f"periods of {rule.every}")
    per = f", over {missing.groups:,} values of {listed(rule.per)}" if rule.per else ""
    message = f"{total:,} of {missing.expected:,} {what} have no row by '{rule.field}'{per}."
    evidence = {"field": rule.field, "every": rule.every, "expected": missing.expected, "zone": zone, "groups": groups}
    if rule.calendar != "all":
        evidence["calendar"] = rule.calendar
    if rule.holidays:
        evidence["holidays"] = ".".join(rule.holidays)
    finding = gap(rule, dataset, count=total, unit="periods", message=message, evidence=evidence,
                  sample_keys=_samples(missing.ranges, rule, dataset))  # fmt: skip
    return Seen([finding], _sentences(rule, dataset, systems, missing, told, what))


def _zone(field: Field) -> str:
    """The zone whose clock the field's days follow."""
    return (field.combine.zone or "UTC") if field.combine else field.zone


def _holidays(rule: GapRule, systems: Systems) -> pl.Series:
    """The days on which another dataset says that all is closed."""
    if rule.holidays is None:
        return pl.Series(dtype=pl.Date)
    dataset, name = rule.holidays
    return systems.frames[dataset].different(lambda rows: rows.select(name).drop_nulls()).to_series()


def _missing(rule: GapRule, rows: Rows, clock: pl.Expr, zone: str, holidays: pl.Series) -> Missing:
    """The gaps between the numbers of the open periods that have a row, and to the ends of what is expected."""
    per = list(rule.per) or ["_all"]
    group = [pl.col(name) for name in rule.per] or [pl.lit("").alias("_all")]
    ends = pl.Series(rule.field, rows.ends(rule.field), rows.schema[rule.field]).to_frame()
    starts = _numbered(_grid(rule, ends.select(clock).to_series(), zone), rule, holidays)
    grid = starts.drop_nulls("_n")[PERIOD]
    placed = rows.different(
        lambda part: _placed(part.select(*group, clock).drop_nulls(rule.field).unique(), starts, rule).drop(
            rule.field, PERIOD, strict=False
        )
    )
    spans = placed.group_by(per).agg(
        (pl.lit(0, pl.Int64) if rule.start else pl.col("_next").min()).alias("_low"),
        (pl.lit(grid.len() - 1, pl.Int64) if rule.end else pl.col("_last").max()).alias("_high"),
    ).drop_nulls(["_low", "_high"])  # fmt: skip
    edges = [spans.select(*per, edge.alias("_n")) for edge in (pl.col("_low") - 1, pl.col("_high") + 1)]
    numbers = pl.concat([placed.select(*per, "_n").drop_nulls("_n"), *edges]).unique()
    before = pl.col("_n").shift(1).over(per, order_by="_n")
    steps = numbers.with_columns((before + 1).alias(FROM), (pl.col("_n") - 1).alias(TO))
    ranges = steps.filter(pl.col(FROM) <= pl.col(TO)).sort(*per, FROM).with_columns(
        (pl.col(TO) - pl.col(FROM) + 1).alias("_periods"),
        *(pl.lit(grid).gather(pl.col(name)).alias(name) for name in (FROM, TO)),
    )  # fmt: skip
    expected = spans.select((pl.col("_high") - pl.col("_low") + 1).clip(lower_bound=0).sum()).item()
    return Missing(ranges.drop("_n"), int(expected), placed.select(per).n_unique())


def _placed(values: pl.DataFrame, starts: pl.DataFrame, rule: GapRule) -> pl.DataFrame:
    """The values with the numbers of their period; null where they lie outside of all periods."""
    after = pl.select(pl.lit(starts[PERIOD].tail(1)).dt.offset_by(rule.every)).item()
    inside = values.with_columns(pl.when(pl.col(rule.field) < after).then(pl.col(rule.field)).alias("_at"))
    dated = inside.drop_nulls("_at").sort("_at")
    found = dated.join_asof(starts, left_on="_at", right_on=PERIOD, strategy="backward")
    return pl.concat([found, inside.filter(pl.col("_at").is_null())], how="diagonal").drop("_at")


def _numbered(grid: pl.Series, rule: GapRule, holidays: pl.Series) -> pl.DataFrame:
    """The periods with `_n`, their number among those that begin on an open day, null for a closed one.

    `_next` and `_last` are the numbers of the nearest open periods that do not lie before it, and not after it.
    """
    day = pl.col(PERIOD).dt.date()
    closed = day.is_in(holidays.implode())
    if rule.calendar == "weekdays":
        closed = closed | (day.dt.weekday() > FRIDAY)
    starts = pl.DataFrame({PERIOD: grid}).with_columns((~closed).alias("_open"))
    if not starts["_open"].any():
        raise ValueError("every period falls on a closed day")
    opened = pl.col("_open").cast(pl.Int64).cum_sum()
    last, following = opened - 1, opened - pl.col("_open").cast(pl.Int64)
    columns = [pl.when("_open").then(last).alias("_n"), following.alias("_next"), last.alias("_last")]
    return starts.select(PERIOD, *columns)


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
    step = about_seconds(rule.every)
    length = (_at(high) - _at(low)).total_seconds()
    if length < 0:
        raise ValueError(f"there is no period between {low} and {high}")
    if not step or length / step > MOST_PERIODS:
        raise ValueError(f"'every: {rule.every}' makes more than {MOST_PERIODS:,} periods")


def _named_in(rows: pl.DataFrame, *, told_of: pl.DataFrame, their: str, name: str) -> pl.DataFrame:
    return rows.select("_key", their).join(told_of, left_on=their, right_on=name)


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
            rows = other.kept(partial(_named_in, told_of=told_of, their=their, name=name))
            known.append(of_rows(rows, theirs, rule.name, about=their, sentence=pl.col("_sentence")))
    return known

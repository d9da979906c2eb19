"""Suggest series: hours or days that nearly all have a row, and numbers that follow one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from catalog.models import Dataset, Field
from expectations.disclosure import tellable
from expectations.sequences import NUMBERED
from expectations.suggesting.looks import Look
from expectations.suggesting.proposals import Proposal, percent

REGULAR = 0.80  # of the steps have the usual length
FEWEST_STEPS = 30
FEWEST_NUMBERS = 50
SPAN = 1.20  # numbers between first and last, to those that are there
UNIQUE = 0.95  # of the rows have a number of their own
FRIDAY = 5  # as ISO 8601 counts weekdays from Monday, 1
_STEPS = {"1w": timedelta(weeks=1), "1d": timedelta(days=1), "12h": timedelta(hours=12), "6h": timedelta(hours=6),
          "3h": timedelta(hours=3), "1h": timedelta(hours=1), "30m": timedelta(minutes=30),
          "15m": timedelta(minutes=15), "10m": timedelta(minutes=10), "5m": timedelta(minutes=5),
          "1m": timedelta(minutes=1)}  # fmt: skip


@dataclass(frozen=True)
class _Rhythm:
    every: str
    share: float  # of the steps
    weekdays: bool = False


def periods(look: Look, dataset: Dataset) -> Iterator[Proposal]:
    """Dates and timestamps that come at a steady pace, over all rows or within a group."""
    told = {rule.field for rule in dataset.gap_rules if rule.kind == "missing_period"}
    for field in dataset.fields:
        if field.type in ("date", "timestamp") and field.name not in told and tellable(dataset, [field.name]):
            yield from _paced(look, dataset, field)


def _paced(look: Look, dataset: Dataset, field: Field) -> Iterator[Proposal]:
    tried = ((per, _rhythm(look, dataset, field, per)) for per in _groupings(look, dataset, field))
    per, rhythm = next(((per, one) for per, one in tried if one is not None), ((), None))
    if rhythm is None:
        return
    words = {"field": field.name, "every": rhythm.every, **({"per": list(per)} if per else {}),
             **({"calendar": "weekdays"} if rhythm.weekdays else {})}  # fmt: skip
    of = f", for each {per[0]}" if per else ""
    days = " of weekdays" if rhythm.weekdays else ""
    reason = f"{percent(rhythm.share)} of the steps{days} between values of {field.name} are {rhythm.every}{of}."
    yield Proposal(dataset.name, "missing_period", words, about=f"{field.name}-every-{rhythm.every}", reason=reason,
                   confidence=rhythm.share, measured={"regular": rhythm.share})  # fmt: skip


def _groupings(look: Look, dataset: Dataset, field: Field) -> list[tuple[str, ...]]:
    """What the pace may be looked for in: groups that have a time once each, then all rows, then other groups."""
    groups = [(name,) for name in look.groups(dataset)]
    alone = _is_once(look, dataset, field.name)
    first = [] if alone else [per for per in groups if _is_once(look, dataset, field.name, *per)]
    return [*first, (), *(per for per in groups if per not in first)]


def _is_once(look: Look, dataset: Dataset, *names: str) -> bool:
    """Whether nearly every row has values of its own there."""
    rows = look.rows(dataset.name, *names).drop_nulls()
    return rows.n_unique() >= UNIQUE * rows.height


def _rhythm(look: Look, dataset: Dataset, field: Field, per: tuple[str, ...]) -> _Rhythm | None:
    """The usual step between different values, where nearly all steps are so long."""
    values = look.rows(dataset.name, *per, field.name).drop_nulls().unique()
    steps = values.select(field.name, _step=pl.col(field.name).diff().over(per or pl.lit(1), order_by=field.name))
    steps = steps.drop_nulls()
    if steps.height < FEWEST_STEPS:
        return None
    usual = steps["_step"].mode().min()
    every = next((text for text, length in _STEPS.items() if length == usual), "")
    if not every:
        return None
    weekdays = every == "1d" and not (steps[field.name].dt.weekday() > FRIDAY).any()
    monday = (steps[field.name].dt.weekday() == 1) & (steps["_step"] == timedelta(days=3))
    regular = (steps["_step"] == usual) | (monday if weekdays else pl.Series([False]))
    share = int(regular.sum()) / steps.height
    return _Rhythm(every, share, weekdays) if share >= REGULAR else None


def sequences(look: Look, dataset: Dataset) -> Iterator[Proposal]:
    """Numbers, also at the end of a text, that are all different and leave hardly one out.

    A whole number that is the primary key by itself is passed over: databases hand such numbers out and drop some. A
    text that is the key is suggested only where a number is left out.
    """
    told = {rule.field for rule in dataset.gap_rules if rule.kind == "missing_sequence"}
    for field in dataset.fields:
        surrogate = field.type == "integer" and dataset.key == (field.name,)
        if field.type not in ("integer", "string") or surrogate or field.name in told:
            continue
        if tellable(dataset, [field.name]):
            yield from _numbered(look, dataset, field)


def _numbered(look: Look, dataset: Dataset, field: Field) -> Iterator[Proposal]:
    groups = [name for name in look.groups(dataset) if name != field.name]
    for per in [(), *((name,) for name in groups)]:
        numbers = _numbers(look, dataset, field, per)
        spans = numbers.group_by(per or pl.lit(1)).agg(
            rows=pl.len(), there=pl.col("_n").n_unique(), span=pl.col("_n").max() - pl.col("_n").min() + 1
        )
        rows, there, span = (int(spans[name].sum()) for name in ("rows", "there", "span"))
        if there < FEWEST_NUMBERS or span > SPAN * there or there < UNIQUE * rows:
            continue
        words = {"field": field.name, **({"per": list(per)} if per else {})}
        of = f", for each {per[0]}" if per else ""
        reason = f"{there:,} of the {span:,} numbers between the first and the last {field.name} have a row{of}."
        yield Proposal(dataset.name, "missing_sequence", words, about=f"{field.name}-left-out", reason=reason,
                       guards=dataset.key != (field.name,), confidence=there / span,
                       measured={"there": there, "span": span})  # fmt: skip
        return


def _numbers(look: Look, dataset: Dataset, field: Field, per: tuple[str, ...]) -> pl.DataFrame:
    """The groups with `_n`, the number; no row where texts have no number, or begin differently or with blanks."""
    values = look.rows(dataset.name, *per, field.name).drop_nulls()
    if field.type == "integer":
        return values.with_columns(pl.col(field.name).cast(pl.Int64).alias("_n"))
    parts = pl.col(field.name).str.strip_chars().str.extract_groups(NUMBERED)
    read = values.with_columns(
        parts.struct[0].alias("_prefix"), parts.struct[1].cast(pl.Int64, strict=False).alias("_n")
    )
    prefixes = read.group_by(per or pl.lit(1)).agg(pl.col("_prefix").n_unique())["_prefix"]
    words = read["_prefix"].str.contains(r"\s").any()
    one_form = read["_n"].null_count() == 0 and not (prefixes > 1).any() and not words
    return read if one_form else read.clear()

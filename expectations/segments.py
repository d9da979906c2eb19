"""Segments in which a value is missing more often than the contract allows, however good the mean of all looks."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.models import Dataset, GapRule
from expectations.across import Seen, Systems, gap, of_values
from expectations.disclosure import HIDDEN, SAMPLES, row_names, tellable
from expectations.judging import SHARE_NOISE
from expectations.portions import Rows, joined, owned
from expectations.wording import as_text, label, listed
from expectations.wording import rows as rows_text

Z = 1.959963984540054  # of the standard normal distribution, for 95 % on two sides
SEGMENTS = 20  # in the evidence, the worst first


def segment_coverage(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """Segments of `per` whose share of rows without `field` is surely above `max_share`.

    Surely: the lower end of the share's 95 % interval is above it (E. B. Wilson, Probable inference, the law of
    succession, and statistical inference, Journal of the American Statistical Association 22, 1927, 209-212).
    A segment of fewer than `min_rows` rows is not judged, but counted.
    """
    frame = systems.frames[dataset.name]
    segments = _segments(rule, frame)
    judged = segments.filter(pl.col("_rows") >= rule.min_rows)
    if judged.is_empty():
        raise ValueError(f"no segment of {listed(rule.per)} has {rule.min_rows} rows")
    bad = judged.filter(pl.col("_low") > rule.max_share + SHARE_NOISE)
    if bad.is_empty():
        return Seen()
    per = list(rule.per)
    bad = bad.sort(["_low", "_rows", *per], descending=[True, True, *[False] * len(per)])
    count = int(bad["_missing"].sum())
    evidence: dict[str, Any] = {
        "field": rule.field,
        "per": per,
        "max_share": rule.max_share,
        "share": frame.nulls(rule.field) / frame.height,
        "segments": _told(bad, rule, dataset),
        "gaps": bad.height,
        "judged": judged.height,
        "too_small": {"segments": segments.height - judged.height,
                      "rows": frame.height - int(judged["_rows"].sum())},
    }  # fmt: skip
    message = (
        f"{bad.height:,} of {judged.height:,} segments by {listed(per)} lack '{rule.field}' in more than "
        f"{rule.max_share:.1%} of their rows: {rows_text(count)} (of all rows {evidence['share']:.1%})."
    )
    bare = _first_bare(frame, rule, bad.select(per))
    finding = gap(rule, dataset, count=count, message=message, evidence=evidence, sample_keys=row_names(bare, dataset))
    return Seen([finding], _sentences(rule, dataset, bad))


def _first_bare(frame: Rows, rule: GapRule, bad: pl.DataFrame) -> pl.DataFrame:
    """The first rows without a value in one of the segments; a finding names no more."""
    found = bad.clear()
    for rows in frame.portions():
        bare = rows.filter(pl.col(rule.field).is_null())
        bare = bare.join(bad, on=bad.columns, how="semi", nulls_equal=True, maintain_order="left").head(SAMPLES)
        found = joined([found, owned(bare)]) if found.height else owned(bare)
        if found.height >= SAMPLES:
            break
    return found


def _segments(rule: GapRule, frame: Rows) -> pl.DataFrame:
    """Each segment with `_rows`, `_missing` and `_low`, the lower end of the interval of its share."""
    missing = pl.col(rule.field).is_null().sum().cast(pl.Int64)
    counts = (missing.alias("_missing"), pl.len().cast(pl.Int64).alias("_rows"))
    counted = frame.folded(
        lambda rows: rows.group_by(rule.per).agg(counts), lambda parts: parts.group_by(rule.per).agg(pl.all().sum())
    )
    return counted.with_columns(wilson_low(pl.col("_missing"), pl.col("_rows")).alias("_low"))


def wilson_low(hits: pl.Expr, of: pl.Expr) -> pl.Expr:
    """The lower end of Wilson's 95 % interval of a share; exactly 0 for no hits."""
    share, square = hits / of, Z * Z
    spread = Z * (share * (1 - share) / of + square / (4 * of * of)).sqrt()
    low = (share + square / (2 * of) - spread) / (1 + square / of)
    return pl.when(hits == 0).then(0.0).otherwise(low.clip(0.0, 1.0))


def _told(bad: pl.DataFrame, rule: GapRule, dataset: Dataset) -> list[dict[str, Any]]:
    names = pl.concat_str([as_text(bad.schema, name).fill_null("(none)") for name in rule.per], separator=", ")
    segment = names if tellable(dataset, rule.per) else pl.lit(HIDDEN)
    return bad.head(SEGMENTS).select(
        segment.alias("group"),
        pl.col("_rows").alias("rows"),
        pl.col("_missing").alias("missing"),
        (pl.col("_missing") / pl.col("_rows")).round(4).alias("share"),
        pl.col("_low").round(4).alias("at_least"),
    ).to_dicts()  # fmt: skip


def _sentences(rule: GapRule, dataset: Dataset, bad: pl.DataFrame) -> list[pl.DataFrame]:
    """Documents that group by the segment say so."""
    if len(rule.per) != 1 or not tellable(dataset, [rule.field, *rule.per]):
        return []
    name = rule.per[0]
    if dataset.field(rule.field).classification > dataset.field(name).classification:
        return []
    sentence = pl.format(
        "{} is not recorded in {} of {} rows of {} with {} {}.",
        pl.lit(label(dataset, rule.field)), "_missing", "_rows", pl.lit(dataset.title), pl.lit(label(dataset, name)),
        as_text(bad.schema, name),
    )  # fmt: skip
    return [of_values(bad, dataset, rule.name, about=name, sentence=sentence)]

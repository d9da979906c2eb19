"""Values that are missing more often than the contract allows, and where they are missing."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.models import Dataset, GapRule
from expectations.across import Seen, Systems, gap, of_rows, of_values
from expectations.disclosure import may_tell, row_names, told_rows
from expectations.judging import SHARE_NOISE
from expectations.wording import as_text, label
from expectations.wording import rows as rows_text

SEGMENT_VALUES = 50  # a field with more different values is no segment
SEGMENTS = 3  # fields broken down by
TOP = 5  # values per field
EXAMPLES = 5  # rows in the evidence
NEARLY_ALL = 0.95  # a field null in that share of the rows is told as missing together


def missing_value(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """Rows without a value, where their share is above `max_share`; a field without any value is critical."""
    frame, rows = systems.scans[dataset.name], systems.frames[dataset.name]
    bare, total = rows.kept(lambda part: part.filter(pl.col(rule.field).is_null())), rows.height
    whole = bare.height == total
    share = bare.height / total
    if not whole and share <= rule.max_share + SHARE_NOISE:
        return Seen()
    if whole:  # as after a column was lost at the source: no share was meant to allow that
        rule = rule.model_copy(update={"severity": "critical"})
    evidence: dict[str, Any] = {
        "field": rule.field,
        "share": share,
        "max_share": rule.max_share,
        "rows": told_rows(bare, dataset, dataset.key, limit=EXAMPLES),
        "missing_together": _together(frame, rule.field, dataset),
        "by": _segments(frame, rule.field, dataset),
    }
    allowed = f", more than the {rule.max_share:.1%} allowed" if rule.max_share else ""
    message = f"{rows_text(bare.height)} of {total:,} ({share:.1%}) have no '{rule.field}'{allowed}."
    finding = gap(rule, dataset, count=bare.height, message=message, evidence=evidence,
                  sample_keys=row_names(bare, dataset))  # fmt: skip
    return Seen([finding], _sentences(rule, dataset, frame, bare))


def _together(frame: pl.LazyFrame, field: str, dataset: Dataset) -> dict[str, float]:
    """Other fields that are null in nearly all of these rows but not everywhere: often the reason."""
    names = [one.name for one in dataset.fields if one.name != field]
    if not names:
        return {}
    empty = [pl.col(name).is_null().mean() for name in names]
    bare = frame.filter(pl.col(field).is_null())
    here, everywhere = (rows.select(empty).collect(engine="streaming").row(0) for rows in (bare, frame))
    return {
        name: round(share, 4)
        for name, share, usual in zip(names, here, everywhere, strict=True)
        if share >= NEARLY_ALL and usual < NEARLY_ALL / 2
    }


def _segments(frame: pl.LazyFrame, field: str, dataset: Dataset) -> dict[str, list[dict[str, Any]]]:
    """Where the value is missing, by the fields with few different values."""
    names = [one.name for one in dataset.fields if one.type == "string" and may_tell(one) and one.name != field]
    if not names:
        return {}
    sizes = frame.select(pl.col(name).approx_n_unique() for name in names).collect(engine="streaming").row(0)
    few = [name for name, size in zip(names, sizes, strict=True) if 1 < size <= SEGMENT_VALUES]
    return {name: _counted(frame, field, name).head(TOP).to_dicts() for name in few[:SEGMENTS]}


def _counted(frame: pl.LazyFrame, field: str, by: str) -> pl.DataFrame:
    missing = pl.col(field).is_null().sum().alias("missing")
    counted = frame.group_by(pl.col(by).alias("value")).agg(missing, pl.len().alias("rows"))
    worst = counted.filter(pl.col("missing") > 0).sort(["missing", "value"], descending=[True, False])
    return worst.collect(engine="streaming")


def _sentences(rule: GapRule, dataset: Dataset, frame: pl.LazyFrame, bare: pl.DataFrame) -> list[pl.DataFrame]:
    """Per row where documents tell of one row and would not say so anyway; else per value that documents group by."""
    field = dataset.field(rule.field)
    told = []
    if not field.expected:
        sentence = pl.lit(f"{label(dataset, rule.field)} is not recorded.")
        told.append(of_rows(bare, dataset, rule.name, about=rule.field, sentence=sentence))
    if not may_tell(field):
        return told
    groups = {template.by[0] for template in dataset.documents if len(template.by) == 1} - {rule.field}
    for name in sorted(groups):
        counted = _counted(frame, rule.field, name).rename({"value": name})
        counted = counted.filter(pl.col("missing") / pl.col("rows") > rule.max_share + SHARE_NOISE)
        sentence = pl.format(
            "{} is not recorded in {} of {} rows of {} with {} {}.",
            pl.lit(label(dataset, rule.field)), "missing", "rows", pl.lit(dataset.title),
            pl.lit(label(dataset, name)), as_text(counted.schema, name),
        )  # fmt: skip
        if field.classification <= dataset.field(name).classification:
            told.append(of_values(counted, dataset, rule.name, about=name, sentence=sentence))
    return told

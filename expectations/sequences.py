"""Numbers that a sequence leaves out: invoices 104 to 107 of a series that goes on, told as ranges."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.models import Dataset, GapRule
from expectations.across import Seen, Systems, gap
from expectations.disclosure import HIDDEN, row_names, tellable, told_rows
from expectations.wording import as_text, listed
from expectations.wording import rows as rows_text
from ledger import Finding

RANGES = 20  # in the evidence, over all groups
EXAMPLES = 5  # rows in the evidence
MOST_MISSING = 1e12  # more is no sequence: random identifiers, or a slip of the field
NUMBERED = r"^(.*?)([0-9]{1,18})$"  # whatever stands before the last digits; 18 of them fit into 64 bits
FROM, TO = "_from", "_to"


def missing_sequence(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """Numbers of `field` between the first and the last that no row has, for each group of `per`.

    Of text the digits at its end count, behind the prefix that most values of its group have. Values of another form
    are a finding of their own, `<rule>/unread`: a number may hide in them.
    """
    frame = systems.frames[dataset.name].drop_nulls(rule.field)
    read = _numbers(rule, frame)
    unread = read.filter(pl.col("_n").is_null())
    whole = read.drop_nulls("_n")
    if unread.height >= whole.height:
        raise ValueError(f"most values of '{rule.field}' do not end in a number behind one prefix")
    _refuse_endless(whole, rule)
    ranges = _ranges(whole, _per(rule))
    seen = Seen()
    if not ranges.is_empty():
        seen.findings.append(_missing(rule, dataset, ranges, whole))
    if not unread.is_empty():
        seen.findings.append(_unread(rule, dataset, unread, read.height))
    return seen


def _per(rule: GapRule) -> list[str]:
    return list(rule.per) or ["_all"]


def _numbers(rule: GapRule, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with `_n`, their number, and how its text begins (`_prefix`) and how wide it is (`_width`).

    `_n` is null where the text is of another form than most of its group.
    """
    frame = frame if rule.per else frame.with_columns(pl.lit("").alias("_all"))
    if frame.schema[rule.field] != pl.String:
        number = pl.col(rule.field).cast(pl.Int64)
        return frame.with_columns(number.alias("_n"), pl.lit("").alias("_prefix"), pl.lit(0, pl.UInt32).alias("_width"))
    parts = pl.col(rule.field).str.strip_chars().str.extract_groups(NUMBERED)
    split = frame.with_columns(
        parts.struct[0].alias("_prefix"), parts.struct[1].cast(pl.Int64, strict=False).alias("_n"),
        parts.struct[1].str.len_chars().alias("_width"),
    )  # fmt: skip
    usual = _usual(split, _per(rule))
    same = split.join(usual, on=_per(rule), how="left", nulls_equal=True, maintain_order="left")
    return same.with_columns(pl.when(pl.col("_prefix") == pl.col("_usual")).then(pl.col("_n")).alias("_n"))


def _usual(split: pl.DataFrame, per: list[str]) -> pl.DataFrame:
    """The prefix that most numbers of a group have; of two that are as frequent, the first by alphabet."""
    counted = split.drop_nulls("_n").group_by(*per, "_prefix").len("_rows")
    ordered = counted.sort(["_rows", "_prefix"], descending=[True, False])
    return ordered.unique(subset=per, keep="first", maintain_order=True).select(*per, pl.col("_prefix").alias("_usual"))


def _refuse_endless(whole: pl.DataFrame, rule: GapRule) -> None:
    """As floats, since a span of 64-bit numbers may not fit into 64 bits."""
    number = pl.col("_n").cast(pl.Float64)
    spans = whole.group_by(_per(rule)).agg((number.max() - number.min()).alias("_span"))
    if spans["_span"].sum() > MOST_MISSING:
        raise ValueError(f"the numbers of '{rule.field}' lie too far apart to be a sequence")


def _ranges(whole: pl.DataFrame, per: list[str]) -> pl.DataFrame:
    """The ranges between neighbours, with the `_prefix` and the narrowest `_width` of their group."""
    numbers = whole.select(*per, "_n", "_prefix").sort([*per, "_n"])
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in per)
    before = pl.when(same).then(pl.col("_n").shift(1))
    steps = numbers.with_columns((before + 1).alias(FROM), (pl.col("_n") - 1).alias(TO))
    open_ = steps.filter(pl.col(FROM) <= pl.col(TO))
    widths = whole.group_by(per).agg(pl.col("_width").min())
    told = open_.join(widths, on=per, how="left", nulls_equal=True, maintain_order="left")
    return told.with_columns((pl.col(TO) - pl.col(FROM) + 1).alias("_numbers"))


def _missing(rule: GapRule, dataset: Dataset, ranges: pl.DataFrame, whole: pl.DataFrame) -> Finding:
    count = int(ranges["_numbers"].sum())
    groups = whole.select(_per(rule)).n_unique()
    evidence: dict[str, Any] = {
        "field": rule.field,
        "per": list(rule.per),
        "sequences": groups,
        "seen": whole.select(*_per(rule), "_n").n_unique(),
        "gaps": ranges.height,
        "ranges": _told(ranges, rule, dataset),
    }
    per = f", over {groups:,} values of {listed(rule.per)}" if rule.per else ""
    what = "1 number" if count == 1 else f"{count:,} numbers"
    message = f"{what} of '{rule.field}' between the first and the last have no row, in {ranges.height:,} gaps{per}."
    return gap(rule, dataset, count=count, unit="numbers", message=message, evidence=evidence,
               sample_keys=_samples(ranges, rule, dataset))  # fmt: skip


def _padded(name: str) -> pl.Expr:
    """A number as wide as the narrowest of its group: with leading zeros where the text has them."""
    return pl.col(name).cast(pl.String).str.pad_start(pl.col("_width"), "0")


def _told(ranges: pl.DataFrame, rule: GapRule, dataset: Dataset) -> list[dict[str, Any]]:
    """`104-107` with its group and prefix, the longest ranges first, as far as they may be told."""
    longest = ranges.sort("_numbers", descending=True, maintain_order=True).head(RANGES)
    first, last = _padded(FROM), _padded(TO)
    joint = pl.when(pl.col(FROM) < 0).then(pl.lit(" to ")).otherwise(pl.lit("-"))
    text = pl.when(pl.col(FROM) == pl.col(TO)).then(first).otherwise(pl.concat_str([first, joint, last]))
    open_ = tellable(dataset, [rule.field])
    columns = {"range": text if open_ else pl.lit(HIDDEN), "numbers": pl.col("_numbers")}
    if open_ and ranges["_prefix"].str.len_chars().max():
        columns = {"prefix": pl.col("_prefix"), **columns}
    if rule.per:
        columns = {"group": _group(ranges, rule) if tellable(dataset, rule.per) else pl.lit(HIDDEN), **columns}
    return longest.select(column.alias(name) for name, column in columns.items()).to_dicts()


def _group(ranges: pl.DataFrame, rule: GapRule) -> pl.Expr:
    return pl.concat_str([as_text(ranges.schema, name).fill_null("(none)") for name in rule.per], separator=", ")


def _samples(ranges: pl.DataFrame, rule: GapRule, dataset: Dataset) -> list[str]:
    """The first number of each of the first ranges, as a row would write it."""
    if not tellable(dataset, [*rule.per, rule.field]):
        return []
    groups = [as_text(ranges.schema, name).fill_null("(none)") for name in rule.per]
    key = pl.concat_str([*groups, pl.col("_prefix") + _padded(FROM)], separator="|")
    return ranges.head(20).select(key.alias("key")).to_series().to_list()


def _unread(rule: GapRule, dataset: Dataset, unread: pl.DataFrame, of: int) -> Finding:
    evidence = {"field": rule.field, "rows": told_rows(unread, dataset, [rule.field, *dataset.key], limit=EXAMPLES)}
    message = (
        f"{rows_text(unread.height)} of {of:,} have a '{rule.field}' that does not end in a number behind the prefix "
        "of the others, so a number may hide in them."
    )
    return gap(rule, dataset, name=f"{rule.name}/unread", count=unread.height, message=message, evidence=evidence,
               sample_keys=row_names(unread, dataset))  # fmt: skip

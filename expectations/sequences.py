"""Numbers that a sequence leaves out: invoices 104 to 107 of a series that goes on, told as ranges."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.models import Dataset, GapRule
from expectations.across import Seen, Systems, gap
from expectations.disclosure import HIDDEN, row_names, tellable, told_rows
from expectations.portions import Reduce, Rows
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
    frame, per = systems.frames[dataset.name], _per(rule)
    numbered = _numbering(rule, frame)
    unread = frame.kept(lambda rows: numbered(rows).filter(pl.col("_n").is_null()))
    read = frame.height - frame.nulls(rule.field)
    if unread.height * 2 >= read:
        raise ValueError(f"most values of '{rule.field}' do not end in a number behind one prefix")
    runs = frame.folded(lambda rows: _single(numbered(rows), per), lambda parts: _runs(parts, per))
    _refuse_endless(runs, rule)
    ranges = _ranges(runs, per)
    seen = Seen()
    if not ranges.is_empty():
        seen.findings.append(_missing(rule, dataset, ranges, runs))
    if not unread.is_empty():
        seen.findings.append(_unread(rule, dataset, unread, read))
    return seen


def _per(rule: GapRule) -> list[str]:
    return list(rule.per) or ["_all"]


def _numbering(rule: GapRule, frame: Rows) -> Reduce:
    """What gives rows `_n`, their number, and how its text begins (`_prefix`) and how wide it is (`_width`).

    `_n` is null where the text is of another form than most of its group. Rows without a value are left out.
    """
    if frame.schema[rule.field] != pl.String:
        number = pl.col(rule.field).cast(pl.Int64).alias("_n")
        alike = (pl.lit("").alias("_prefix"), pl.lit(0, pl.UInt32).alias("_width"))
        return lambda rows: _grouped(rule, rows).with_columns(number, *alike)
    usual = _usual(rule, frame)

    def numbered(rows: pl.DataFrame) -> pl.DataFrame:
        split = _split(rule, rows)
        same = split.join(usual, on=_per(rule), how="left", nulls_equal=True, maintain_order="left")
        return same.with_columns(pl.when(pl.col("_prefix") == pl.col("_usual")).then(pl.col("_n")).alias("_n"))

    return numbered


def _grouped(rule: GapRule, rows: pl.DataFrame) -> pl.DataFrame:
    rows = rows.drop_nulls(rule.field)
    return rows if rule.per else rows.with_columns(pl.lit("").alias("_all"))


def _split(rule: GapRule, rows: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col(rule.field).str.strip_chars().str.extract_groups(NUMBERED)
    return _grouped(rule, rows).with_columns(
        parts.struct[0].alias("_prefix"), parts.struct[1].cast(pl.Int64, strict=False).alias("_n"),
        parts.struct[1].str.len_chars().alias("_width"),
    )  # fmt: skip


def _usual(rule: GapRule, frame: Rows) -> pl.DataFrame:
    """The prefix that most numbers of a group have; of two that are as frequent, the first by alphabet."""
    per = _per(rule)
    counted = frame.folded(
        lambda rows: _split(rule, rows).drop_nulls("_n").group_by(*per, "_prefix").len("_rows"),
        lambda parts: parts.group_by(*per, "_prefix").agg(pl.col("_rows").sum()),
    )
    ordered = counted.sort(["_rows", "_prefix"], descending=[True, False])
    return ordered.unique(subset=per, keep="first", maintain_order=True).select(*per, pl.col("_prefix").alias("_usual"))


def _single(numbered: pl.DataFrame, per: list[str]) -> pl.DataFrame:
    """Each number as a run of its own, `_from` and `_to`."""
    single = (pl.col("_n").alias(FROM), pl.col("_n").alias(TO))
    return numbered.drop_nulls("_n").select(*per, *single, "_prefix", "_width")


def _runs(parts: pl.DataFrame, per: list[str]) -> pl.DataFrame:
    """Runs of numbers without a gap, in order: a sequence that leaves out little is few of them, however long it is.

    With the `_prefix` of their group and the narrowest `_width` among them.
    """
    ordered = parts.sort([*per, FROM])
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in per)
    reached = ordered.with_columns(pl.col(TO).cum_max().over(per).shift(1).alias("_reached"))
    # as floats too, since the distance of 64-bit numbers may not fit into 64 bits
    far = pl.col(FROM).cast(pl.Float64) - pl.col("_reached").cast(pl.Float64) > MOST_MISSING
    apart = far | (pl.col(FROM) - pl.col("_reached") > 1)
    run = (~same | apart).fill_null(True).cum_sum().alias("_run")
    return reached.with_columns(run).group_by("_run", maintain_order=True).agg(
        pl.col(*per).first(), pl.col(FROM).min(), pl.col(TO).max(), pl.col("_prefix").first(), pl.col("_width").min(),
    ).drop("_run")  # fmt: skip


def _refuse_endless(runs: pl.DataFrame, rule: GapRule) -> None:
    """As floats, since a span of 64-bit numbers may not fit into 64 bits."""
    first, last = pl.col(FROM).cast(pl.Float64).min(), pl.col(TO).cast(pl.Float64).max()
    spans = runs.group_by(_per(rule)).agg((last - first).alias("_span"))
    if spans["_span"].sum() > MOST_MISSING:
        raise ValueError(f"the numbers of '{rule.field}' lie too far apart to be a sequence")


def _ranges(runs: pl.DataFrame, per: list[str]) -> pl.DataFrame:
    """The ranges between neighbours, with the `_prefix` and the narrowest `_width` of their group."""
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in per)
    before = pl.when(same).then(pl.col(TO).shift(1))
    steps = runs.with_columns((before + 1).alias(FROM), (pl.col(FROM) - 1).alias(TO))
    open_ = steps.filter(pl.col(FROM) <= pl.col(TO)).drop("_width")
    widths = runs.group_by(per).agg(pl.col("_width").min())
    told = open_.join(widths, on=per, how="left", nulls_equal=True, maintain_order="left")
    return told.with_columns((pl.col(TO) - pl.col(FROM) + 1).alias("_numbers"))


def _missing(rule: GapRule, dataset: Dataset, ranges: pl.DataFrame, runs: pl.DataFrame) -> Finding:
    count = int(ranges["_numbers"].sum())
    groups = runs.select(_per(rule)).n_unique()
    evidence: dict[str, Any] = {
        "field": rule.field,
        "per": list(rule.per),
        "sequences": groups,
        "seen": int((runs[TO] - runs[FROM] + 1).sum()),
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

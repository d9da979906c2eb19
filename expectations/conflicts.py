"""Two systems that hold the same thing and do not say the same about it, field by field."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.models import ConflictField, Dataset, GapRule
from expectations.across import Seen, Systems, gap, keyed, may_quote, of_rows, of_values
from expectations.disclosure import row_names, tellable, told_key
from expectations.settling.claims import FLOAT_NOISE, folded
from expectations.wording import as_text, label
from expectations.wording import rows as rows_text

EXAMPLES = 10  # rows in the evidence, the widest apart first


def conflict(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """One finding per compared field. A value that only one side has is no conflict; the evidence counts it apart."""
    frame, other = systems.frames[dataset.name], systems.frames[rule.to_dataset]
    ours, theirs, on = keyed(frame, other, rule.on)
    repeated = theirs.height - theirs.n_unique(subset=on)
    right = theirs.unique(subset=on, keep="first", maintain_order=True)
    names = {name: f"_their.{name}" for name in right.columns if name not in on}
    pairs = ours.join(right.rename(names), on=on, how="inner", maintain_order="left")
    if pairs.is_empty():  # then nothing is compared, which is no agreement
        raise ValueError(f"no row of '{dataset.name}' has a peer in '{rule.to_dataset}'")
    seen = Seen()
    for compared in rule.compare:
        _compare(rule, compared, dataset, systems, pairs, repeated, seen)
    return seen


def _compare(rule: GapRule, compared: ConflictField, dataset: Dataset, systems: Systems, pairs: pl.DataFrame,
             repeated: int, seen: Seen) -> None:  # fmt: skip
    other = systems.dataset(rule.to_dataset)
    mine, their = compared.field, f"_their.{compared.other}"
    both = pairs.filter(pl.col(mine).is_not_null() & pl.col(their).is_not_null())
    distance, differs = _difference(both.schema, mine, their, compared.tolerance)
    apart = both.with_columns(distance.alias("_distance")).filter(differs)
    apart = apart.sort("_distance", descending=True, maintain_order=True)
    if apart.is_empty():
        return
    only = {
        dataset.name: pairs.filter(pl.col(mine).is_not_null() & pl.col(their).is_null()).height,
        other.name: pairs.filter(pl.col(mine).is_null() & pl.col(their).is_not_null()).height,
    }
    name = f"{rule.name}/{mine}"
    evidence: dict[str, Any] = {
        "field": f"{dataset.name}.{mine}",
        "other": f"{other.name}.{compared.other}",
        "on": [f"{ours} = {theirs}" for ours, theirs in rule.on],
        "tolerance": compared.tolerance,
        "compared": both.height,
        "share": apart.height / both.height,
        "value_only_in": only,
        "system_of_record": rule.system_of_record or None,
        "rows": _examples(apart, compared, dataset, other),
    }
    if repeated:
        evidence["keys_repeated_in_other"] = repeated
    message = (
        f"{rows_text(apart.height)} of {both.height:,} that both hold differ in {label(dataset, mine)} "
        f"({dataset.name}.{mine}, {other.name}.{compared.other}){_tolerance(compared)}."
    )
    seen.findings.append(gap(rule, dataset, name=name, count=apart.height, message=message, evidence=evidence,
                             sample_keys=row_names(apart, dataset)))  # fmt: skip
    seen.known.extend(_sentences(rule, compared, dataset, other, apart, name))


def _tolerance(compared: ConflictField) -> str:
    return f" by more than {compared.tolerance:g}" if compared.tolerance else ""


def _difference(schema: pl.Schema, mine: str, their: str, tolerance: float) -> tuple[pl.Expr, pl.Expr]:
    """How far two values are apart, null where there is no distance, and whether that is too far."""
    if schema[mine].is_numeric() and schema[their].is_numeric():
        left, right = pl.col(mine).cast(pl.Float64), pl.col(their).cast(pl.Float64)
        noise = pl.max_horizontal(left.abs(), right.abs()) * FLOAT_NOISE
        return (left - right).abs(), ((left - right).abs() > tolerance + noise).fill_null(False)
    nothing = pl.lit(None, pl.Float64)
    if schema[mine] == schema[their] and schema[mine] != pl.String:
        return nothing, pl.col(mine) != pl.col(their)
    return nothing, folded(as_text(schema, mine)) != folded(as_text(schema, their))


def _examples(apart: pl.DataFrame, compared: ConflictField, dataset: Dataset, other: Dataset) -> list[dict[str, Any]]:
    """Rows with both values, each where it may be told."""
    told = apart.head(EXAMPLES)
    columns = [told_key(dataset)]
    if tellable(dataset, [compared.field]) and tellable(other, [compared.other]):
        columns.append(as_text(told.schema, compared.field).alias(dataset.name))
        columns.append(as_text(told.schema, f"_their.{compared.other}").alias(other.name))
        columns.append(pl.col("_distance").round(6).alias("difference"))
    return [
        {name: value for name, value in row.items() if value is not None} for row in told.select(columns).to_dicts()
    ]


def _sentences(
    rule: GapRule, compared: ConflictField, dataset: Dataset, other: Dataset, apart: pl.DataFrame, name: str
) -> list[pl.DataFrame]:
    """Both systems' documents tell both values, each under its own key, where they may."""
    mine, their = as_text(apart.schema, compared.field), as_text(apart.schema, f"_their.{compared.other}")
    record = {dataset.name: dataset.title, other.name: other.title}.get(rule.system_of_record)
    verdict = f"{record} is the system of record" if record else "neither is declared the system of record"
    sentence = pl.format(
        "{}: {} says {}, {} says {}; {}.",
        pl.lit(label(dataset, compared.field)), pl.lit(dataset.title), mine, pl.lit(other.title), their,
        pl.lit(verdict),
    )  # fmt: skip
    there = apart.with_columns(pl.col("_their._key").alias("_key"), pl.col("_on0").alias(rule.on[0][1]))
    sides = (
        (other, compared.other, dataset, compared.field, rule.on[0][0], apart),
        (dataset, compared.field, other, compared.other, rule.on[0][1], there),
    )
    told = []
    for giver, given, taker, about, key, rows in sides:
        if may_quote(giver, [given], taker, [about]):
            told.append(of_rows(rows, taker, name, about=about, sentence=sentence))
        if len(rule.on) == 1 and _groups(taker, key, about) and may_quote(giver, [given], taker, [key]):
            told.append(of_values(rows, taker, name, about=key, sentence=sentence))
    return told


def _groups(dataset: Dataset, key: str, about: str) -> bool:
    """Whether documents group by the key, and it is not less restricted than what the sentence tells."""
    grouped = any(template.by == (key,) for template in dataset.documents)
    return grouped and dataset.field(about).classification <= dataset.field(key).classification

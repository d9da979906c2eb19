"""Two systems that hold the same thing and do not say the same about it, field by field, and who is to be believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from catalog.models import ConflictField, Dataset, GapRule
from expectations.across import Seen, Systems, gap, keyed, may_quote, of_rows, of_values
from expectations.disclosure import row_names, tellable, told_key
from expectations.portions import Rows, joined, owned
from expectations.settling.claims import FLOAT_NOISE, folded
from expectations.settling.settled import Reason
from expectations.settling_rules import Outcome, Settling
from expectations.verdicts import Named, verdict, winner
from expectations.wording import as_text, label
from expectations.wording import rows as rows_text
from ledger import Finding

EXAMPLES = 10  # rows in the evidence, the widest apart first


@dataclass(frozen=True)
class _Comparison:
    """One compared field of a rule, both sides, and how it was settled."""

    rule: GapRule
    compared: ConflictField
    dataset: Dataset
    other: Dataset
    outcome: Outcome
    systems: Systems

    @property
    def name(self) -> str:
        return f"{self.rule.name}/{self.compared.field}"


def conflict(rule: GapRule, dataset: Dataset, systems: Systems, *, settling: Settling | None = None) -> Seen:
    """One finding per compared field. A value that only one side has is no conflict; the evidence counts it apart.

    `settling` is shared by the rules of a project, so that each fact is settled once.
    """
    settling = settling or Settling(systems)
    looks, repeated = _looked(rule, systems.frames[dataset.name], systems.frames[rule.to_dataset])
    if not looks[0].paired:  # then nothing is compared, which is no agreement
        raise ValueError(f"no row of '{dataset.name}' has a peer in '{rule.to_dataset}'")
    seen = Seen()
    for compared, look in zip(rule.compare, looks, strict=True):
        outcome = settling.of(dataset, rule, compared)
        one = _Comparison(rule, compared, dataset, systems.dataset(rule.to_dataset), outcome, systems)
        _compare(one, look, repeated, seen)
        seen.findings.extend(_silent_records(one))
    return seen


@dataclass
class _Look:
    """What a pass over the pairs of rows tells of one compared field; `apart` are those that differ."""

    paired: int = 0
    both: int = 0
    only_ours: int = 0
    only_theirs: int = 0
    apart: list[pl.DataFrame] = field(default_factory=list)

    def add(self, pairs: pl.DataFrame, compared: ConflictField) -> None:
        mine, their = compared.field, f"_their.{compared.other}"
        ours, theirs = pl.col(mine).is_not_null(), pl.col(their).is_not_null()
        both = pairs.filter(ours & theirs)
        distance, differs = _difference(both.schema, mine, their, compared.tolerance)
        self.paired, self.both = self.paired + pairs.height, self.both + both.height
        self.only_ours += pairs.filter(ours & ~theirs).height
        self.only_theirs += pairs.filter(~ours & theirs).height
        self.apart.append(owned(both.with_columns(distance.alias("_distance")).filter(differs)))


def _looked(rule: GapRule, frame: Rows, other: Rows) -> tuple[list[_Look], int]:
    """For each compared field what the pairs of rows say, and how many keys the other system repeats."""
    ours, theirs, on = keyed(frame.schema, other.schema, rule.on)
    right = other.first(theirs, on)
    repeated = sum(theirs(rows).height for rows in other.portions()) - right.height
    right = right.rename({name: f"_their.{name}" for name in right.columns if name not in on})
    looks = [_Look() for _ in rule.compare]
    for rows in frame.portions(least=right.height):
        pairs = ours(rows).join(right, on=on, how="inner", maintain_order="left")
        for look, compared in zip(looks, rule.compare, strict=True):
            look.add(pairs, compared)
    return looks, repeated


def _compare(one: _Comparison, look: _Look, repeated: int, seen: Seen) -> None:
    rule, compared, dataset, other = one.rule, one.compared, one.dataset, one.other
    mine = compared.field
    apart = joined(look.apart).sort("_distance", descending=True, maintain_order=True)
    if apart.is_empty():
        return
    apart = _judged(one, apart)
    only = {dataset.name: look.only_ours, other.name: look.only_theirs}
    evidence: dict[str, Any] = {
        "field": f"{dataset.name}.{mine}",
        "other": f"{other.name}.{compared.other}",
        "on": [f"{ours} = {theirs}" for ours, theirs in rule.on],
        "tolerance": compared.tolerance,
        "compared": look.both,
        "share": apart.height / look.both,
        "value_only_in": only,
        **_settled(one, apart),
        "rows": _examples(one, apart),
    }
    if repeated:
        evidence["keys_repeated_in_other"] = repeated
    message = (
        f"{rows_text(apart.height)} of {look.both:,} that both hold differ in {label(dataset, mine)} "
        f"({dataset.name}.{mine}, {other.name}.{compared.other}){_tolerance(compared)}{_open(apart)}."
    )
    seen.findings.append(gap(rule, dataset, name=one.name, count=apart.height, message=message, evidence=evidence,
                             sample_keys=row_names(apart, dataset)))  # fmt: skip
    seen.known.extend(_sentences(one, apart))


def _judged(one: _Comparison, apart: pl.DataFrame) -> pl.DataFrame:
    """The rows with how their entity was settled: `_reason`, `_sources`, `_value`, and which side wins."""
    compared, on = one.compared, one.rule.on
    mine = one.outcome.rows_of(one.dataset.name, compared.field, [ours for ours, _ in on])
    their = one.outcome.rows_of(one.other.name, compared.other, [theirs for _, theirs in on])
    cells = one.outcome.cells.select("entity", _reason="reason", _sources="sources", _value="value")
    return (
        apart.join(mine.rename({"wins": "_mine_wins"}), left_on="_row", right_on="row", how="left",
                   maintain_order="left")
        .join(their.select("row", _their_wins="wins"), left_on="_their._row", right_on="row", how="left",
              maintain_order="left")
        .join(cells, on="entity", how="left", maintain_order="left")
        .with_columns(pl.col("_reason").fill_null(Reason.UNSETTLED))
    )  # fmt: skip


def _settled(one: _Comparison, apart: pl.DataFrame) -> dict[str, Any]:
    """Who the systems of record are, by what rules the rows were settled, and what was learned of the systems."""
    outcome, names = one.outcome, _named(one, one.dataset, [one.compared.field])
    record = [names.name(name) for name in outcome.fact.record]
    counts = dict(apart["_reason"].value_counts(sort=True).iter_rows())
    return {
        "system_of_record": (record[0] if len(record) == 1 else record) or None,
        "settled": {str(reason): counts[reason] for reason in Reason if reason in counts},
        "reliability": [
            {"value": name, "score": round(score, 3)} for name, score in names.scores(outcome.scores)
        ],
        "copies": [sorted((names.name(first), names.name(second))) for first, second in outcome.copies],
    }  # fmt: skip


def _named(one: _Comparison, taker: Dataset, about: Iterable[str]) -> Named:
    """How a document or finding of `taker` may call the systems: by name where it may quote them."""
    about = list(about)
    sides = {one.dataset.name, one.other.name}
    third = [name for name in one.outcome.fact.systems if name not in sides]
    quotable = {
        name for name in third if may_quote(one.systems.dataset(name), [one.outcome.fact.field_of(name)], taker, about)
    }
    return Named(one.systems, sides, tuple(third), frozenset(quotable))


def _open(apart: pl.DataFrame) -> str:
    unsettled = apart.filter(pl.col("_reason") == Reason.UNSETTLED).height
    return f"; {'all' if unsettled == apart.height else f'{unsettled:,}'} unsettled" if unsettled else ""


def _silent_records(one: _Comparison) -> Iterable[Finding]:
    """A declared system of record without a word on the field: what it would decide is open, whoever else speaks."""
    if not one.rule.record_of(one.compared):
        return  # told where it is declared
    lost = one.outcome.cells.filter(pl.col("reason") == Reason.UNSETTLED).height
    for name in one.outcome.silent:
        if _is_told(one, name):
            continue
        what = (
            f"the system of record '{name}' says nothing of {label(one.dataset, one.compared.field)} now, so nothing "
            f"after it decides: {lost:,} contested entities are unsettled."
        )
        evidence = {"status": "not evaluated", "silent": name, "field": f"{one.dataset.name}.{one.compared.field}"}
        urgent = one.rule.model_copy(update={"severity": "critical", "remedy": _bring(name)})
        yield gap(urgent, one.dataset, name=f"{one.name}/record", count=lost, unit="entities", message=what,
                  evidence=evidence)  # fmt: skip


def _is_told(one: _Comparison, name: str) -> bool:
    """Whether the silent system is a side of the rule whose column has no value, which `surveying` tells."""
    fields = {one.dataset.name: one.compared.field, one.other.name: one.compared.other}
    return name in fields and one.systems.frames[name].is_blank(fields[name])


def _bring(name: str) -> str:
    return f"Bring the rows or the values of '{name}' that are lacking, or declare another system of record."


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


def _examples(one: _Comparison, apart: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows with both values and who wins, each where it may be told."""
    compared, dataset, other = one.compared, one.dataset, one.other
    told = apart.head(EXAMPLES)
    columns = [told_key(dataset)]
    if tellable(dataset, [compared.field]) and tellable(other, [compared.other]):
        columns.append(as_text(told.schema, compared.field).alias(dataset.name))
        columns.append(as_text(told.schema, f"_their.{compared.other}").alias(other.name))
        columns.append(pl.col("_distance").round(6).alias("difference"))
        columns.append(winner(_named(one, dataset, [compared.field]), dataset, other).alias("winner"))
        columns.append(pl.col("_reason").alias("reason"))
    return [
        {name: value for name, value in row.items() if value is not None} for row in told.select(columns).to_dicts()
    ]


def _sentences(one: _Comparison, apart: pl.DataFrame) -> list[pl.DataFrame]:
    """Both systems' documents tell both values and who wins, each under its own key, where they may."""
    rule, compared, dataset, other = one.rule, one.compared, one.dataset, one.other
    there = apart.with_columns(pl.col("_their._key").alias("_key"), pl.col("_on0").alias(rule.on[0][1]))
    sides = (
        (other, compared.other, dataset, compared.field, rule.on[0][0], apart),
        (dataset, compared.field, other, compared.other, rule.on[0][1], there),
    )
    told = []
    for giver, given, taker, about, key, rows in sides:
        if may_quote(giver, [given], taker, [about]):
            told.append(of_rows(rows, taker, one.name, about=about, sentence=_sentence(one, apart, taker, about)))
        if len(rule.on) == 1 and _groups(taker, key, about) and may_quote(giver, [given], taker, [key]):
            told.append(of_values(rows, taker, one.name, about=key, sentence=_sentence(one, apart, taker, key)))
    return told


def _sentence(one: _Comparison, apart: pl.DataFrame, taker: Dataset, about: str) -> pl.Expr:
    dataset, other, compared = one.dataset, one.other, one.compared
    return pl.format(
        "{}: {} says {}, {} says {}; {}.",
        pl.lit(label(dataset, compared.field)), pl.lit(dataset.title), as_text(apart.schema, compared.field),
        pl.lit(other.title), as_text(apart.schema, f"_their.{compared.other}"),
        verdict(_named(one, taker, [about]), one.outcome, dataset, other),
    )  # fmt: skip


def _groups(dataset: Dataset, key: str, about: str) -> bool:
    """Whether documents group by the key, and it is not less restricted than what the sentence tells."""
    grouped = any(template.by == (key,) for template in dataset.documents)
    return grouped and dataset.field(about).classification <= dataset.field(key).classification

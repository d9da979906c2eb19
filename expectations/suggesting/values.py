"""Suggest rules for single columns: values absent here and there, absent in one group, or written in another format."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import polars as pl

from catalog.models import Dataset, Field
from expectations.suggesting.looks import FEWEST, Look
from expectations.suggesting.proposals import Proposal, percent
from expectations.wording import listed

SELDOM = 0.20  # null in a larger share of the rows: the field is optional
CONCENTRATED = 0.20  # null share of the worst group, at least
TIMES = 5  # as often null there as in the other groups


def absences(look: Look, dataset: Dataset) -> Iterator[Proposal]:
    """Fields that are seldom null, of which the contract says neither that they are required nor expected.

    Of fields that are null in the same rows the first one speaks for all.
    """
    rows = look.height(dataset.name)
    told = _spoken_of(dataset)
    masks: list[tuple[Field, pl.Series, list[str]]] = []
    for field in dataset.fields:
        null = look.sample(dataset.name, field.name)[field.name].is_null()
        if rows < FEWEST or not 0 < _share(null) <= SELDOM:
            continue
        twin = next((names for _, mask, names in masks if mask.equals(null)), None)
        if twin is not None:
            twin.append(field.name)
        elif field.name not in told:
            masks.append((field, null, []))
    for field, null, twins in masks:
        yield _absent(dataset, field, null, twins)
        yield from _in_a_group(look, dataset, field, null)


def _spoken_of(dataset: Dataset) -> set[str]:
    """Fields whose absence the contract speaks of already."""
    rules = {rule.field for rule in dataset.gap_rules if rule.kind in ("missing_value", "segment_coverage")}
    present = {rule.field for rule in dataset.rules if rule.kind == "not_null" and rule.field}
    said = {field.name for field in dataset.fields if field.required or field.expected or field.key_position}
    return rules | present | said


def _share(null: pl.Series) -> float:
    return int(null.sum()) / null.len()


def _absent(dataset: Dataset, field: Field, null: pl.Series, twins: list[str]) -> Proposal:
    share = _share(null)
    together = f"; {listed(twins)} {'is' if len(twins) == 1 else 'are'} absent in the same rows" if twins else ""
    reason = f"{field.name} is absent in {percent(share)} of the rows, and the contract is silent about it{together}."
    return Proposal(dataset.name, "missing_value", {"field": field.name}, about=f"{field.name}-missing", reason=reason,
                    measured={"absent": share})  # fmt: skip


def _in_a_group(look: Look, dataset: Dataset, field: Field, null: pl.Series) -> Iterator[Proposal]:
    """The group in one of whose values the field is absent far more often than in the others."""
    found = []
    for name in look.groups(dataset):
        if name == field.name:
            continue
        frame = look.sample(dataset.name, name).with_columns(null.alias("_null")).drop_nulls(name)
        counts = frame.group_by(name).agg(pl.len().alias("rows"), pl.col("_null").sum().alias("null"))
        counts = counts.filter(pl.col("rows") >= FEWEST).sort(pl.col("null") / pl.col("rows"), name, descending=True)
        if counts.height < 2:
            continue
        worst = int(counts["null"][0]) / int(counts["rows"][0])
        rest = int(counts["null"][1:].sum()) / int(counts["rows"][1:].sum())
        if worst >= CONCENTRATED and worst >= TIMES * rest:
            found.append((worst, rest, name))
    if found:
        worst, rest, name = max(found)
        allowed = max(0.01, ceil(200 * rest) / 100)
        reason = (
            f"{field.name} is absent in {percent(worst)} of the rows of one {name}, and in {percent(rest)} of the rest."
        )
        yield Proposal(dataset.name, "segment_coverage", {"field": field.name, "per": [name], "maxShare": allowed},
                       about=f"{field.name}-missing-by-{name}", reason=reason, guards=False,
                       measured={"worst": worst, "others": rest})  # fmt: skip


def formats(look: Look, dataset: Dataset) -> Iterator[Proposal]:
    """Every text column; trying the rule tells which hold values in another format, and only those are suggested."""
    told = {rule.field for rule in dataset.gap_rules if rule.kind == "mixed_format"}
    for field in dataset.fields:
        if field.type == "string" and field.name not in told:
            yield Proposal(dataset.name, "mixed_format", {"field": field.name}, about=f"{field.name}-format",
                           reason=f"Values of {field.name} are in another format than the rest.", guards=False
                           )  # fmt: skip

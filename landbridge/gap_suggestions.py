"""Suggest gap rules from the ready rows of a project, and write them as the YAML that a contract would hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from catalog.home import Home
from catalog.models import Dataset, Project
from expectations.suggesting import Suggestion, suggested
from landbridge.drafting.gap_merging import AddedRule, rule_lines
from landbridge.drafting.yaml_text import remark

INDENT = 6  # of a rule: an entry below `value`, which stands below an entry of customProperties


@dataclass(frozen=True)
class Suggestions:
    """What was suggested, and the datasets of the project that have no ready rows, about which nothing can be."""

    found: tuple[Suggestion, ...]
    rowless: tuple[str, ...]


def suggestions(project: Project, *, dataset: str | None = None) -> Suggestions:
    """Suggest rules for one dataset or all of them; nothing is written, neither to contracts nor to the ledger."""
    home = Home.of(project.folder)
    frames = {name: pl.scan_parquet(home.ready(name)) for name in project.datasets if home.ready(name).exists()}
    wanted: Collection[str] = (dataset,) if dataset is not None else project.datasets
    heights = {name: rows.select(pl.len()).collect().item() for name, rows in frames.items()}
    rowless = tuple(sorted(name for name in project.datasets if not heights.get(name)))
    return Suggestions(suggested(project, frames, datasets=wanted), rowless)


def as_yaml(found: Sequence[Suggestion], project: Project) -> list[str]:
    """Lines for each contract: its file, then the rules, each below why it is suggested and what it would report."""
    lines: list[str] = []
    for name, group in groupby(found, key=lambda one: one.dataset):
        lines += [*_head(project.datasets[name]), *(line for one in group for line in _rule(one)), ""]
    return lines


def _head(dataset: Dataset) -> list[str]:
    """Where the rules belong: below `customProperties` of the contract, or to the list that it has."""
    file = dataset.place.file
    if dataset.gap_rules:
        return remark(f"{file}: add to the value of landbridge.gaps")
    return [*remark(f"{file}: add to customProperties"), "  - property: landbridge.gaps", "    value:"]


def _rule(one: Suggestion) -> list[str]:
    return rule_lines(AddedRule(one.rule, (one.reason, report_of(one))), indent=INDENT)


def report_of(one: Suggestion) -> str:
    """What the rule would report, as a sentence: `Would report 7,602 rows today.`."""
    if not one.found and not one.findings:
        return "Would report nothing today: a guard."
    unit = one.unit.removesuffix("s") if one.found == 1 else one.unit
    several = f", in {one.findings} findings" if one.findings > 1 else ""
    return f"Would report {one.found:,} {unit} today{several}."

"""What gap rules share: the ready rows of every dataset, joins between them, findings, and who may quote whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from catalog.models import Classification, Dataset, GapRule, Project
from expectations.disclosure import row_names, tellable
from expectations.portions import Rows, joined, owned
from expectations.reports import KNOWN
from expectations.wording import as_text
from ledger import Finding


@dataclass(frozen=True)
class Seen:
    """What one gap rule found, and what it knows of single keys."""

    findings: list[Finding] = field(default_factory=list)
    known: list[pl.DataFrame] = field(default_factory=list)


@dataclass(frozen=True)
class Systems:
    """The project and the ready rows there are.

    `frames` have the columns that the rule at hand names; `scans` whole rows. Neither is in memory.
    """

    project: Project
    frames: Mapping[str, Rows]
    scans: Mapping[str, pl.LazyFrame] = field(default_factory=dict)

    def dataset(self, name: str) -> Dataset:
        """The contract called `name`."""
        return self.project.datasets[name]


def gap(rule: GapRule, dataset: Dataset, *, count: int, message: str, evidence: dict[str, Any], name: str = "",
        sample_keys: Iterable[str] = (), unit: str = "rows") -> Finding:  # fmt: skip
    """The finding of a gap rule, with the rule's owner, severity and remedy."""
    return Finding(
        rule=name or rule.name,
        dataset=dataset.name,
        stage="gaps",
        severity=rule.severity,
        count=count,
        unit=unit,
        message=f"{rule.title}: {message}" if rule.title else message,
        sample_keys=tuple(sample_keys)[:20],
        evidence=evidence,
        owner=rule.owner or dataset.owner,
        remedy=rule.remedy or "Ask the owners of the systems which one is right, and correct the other.",
    )


Keying = Callable[[pl.DataFrame], pl.DataFrame]


def keyed(ours: pl.Schema, theirs: pl.Schema, pairs: Sequence[tuple[str, str]]) -> tuple[Keying, Keying, list[str]]:
    """What gives rows of two datasets the same key columns to join on, and the names of these.

    Rows without a whole key are left out.

    Values of one type are compared as they are, others as text, as documents compare them.
    """
    names = [f"_on{place}" for place in range(len(pairs))]
    mine, their = [], []
    for name, (here, there) in zip(names, pairs, strict=True):
        same = ours[here] == theirs[there]
        mine.append((pl.col(here) if same else as_text(ours, here)).alias(name))
        their.append((pl.col(there) if same else as_text(theirs, there)).alias(name))
    return _keying(mine, names), _keying(their, names), names


def _keying(columns: list[pl.Expr], names: list[str]) -> Keying:
    return lambda rows: rows.with_columns(columns).drop_nulls(names)


def keys(rows: Rows, key: Keying, on: list[str]) -> pl.DataFrame:
    """The different keys there are."""
    return rows.different(lambda part: key(part).select(on))


def unanswered(rows: Rows, key: Keying, known: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The rows whose key none of `known` has, without their key columns, and how many rows have a key at all."""
    on, lost, referring = known.columns, [], 0
    for part in rows.portions(least=known.height):
        mine = key(part)
        referring += mine.height
        lost.append(owned(mine.join(known, on=on, how="anti", maintain_order="left").drop(on)))
    return joined(lost), referring


def sampled(rows: pl.DataFrame, dataset: Dataset, names: Sequence[str]) -> tuple[str, ...]:
    """Values of `names` as sample keys, one per row, or the places of the rows where they may not be told."""
    if not tellable(dataset, names):
        return row_names(rows, dataset)
    texts = [as_text(rows.schema, name).fill_null("") for name in names]
    return tuple(rows.head(20).select(pl.concat_str(texts, separator="|").alias("key")).to_series().to_list())


def may_quote(giver: Dataset, given: Iterable[str], taker: Dataset, about: Iterable[str]) -> bool:
    """Whether a document of `taker` that tells of its fields `about` may tell of the fields `given` of another system.

    A document is at least as restricted as the fields it tells of; what it borrows must not be stricter than those.
    """
    given, about = list(given), list(about)
    if not tellable(giver, given) or not tellable(taker, about):
        return False
    level = _level(giver, given)
    if level == Classification.public:
        return True
    shared = not giver.roles or (bool(taker.roles) and set(taker.roles) <= set(giver.roles))
    return shared and level <= _level(taker, about)


def _level(dataset: Dataset, names: Iterable[str]) -> Classification:
    return max((dataset.field(name).classification for name in names), default=Classification.internal)


def of_rows(rows: pl.DataFrame, dataset: Dataset, rule: str, *, about: str, sentence: pl.Expr) -> pl.DataFrame:
    """Sentences about single rows, by `_key`; none where no document tells of one row, or the key may not be told."""
    if all(template.by for template in dataset.documents) or not tellable(dataset, dataset.key):
        return pl.DataFrame(schema=KNOWN)
    return _entries(rows, dataset, rule, scope="row", about=about, key=pl.col("_key"), sentence=sentence)


def of_values(rows: pl.DataFrame, dataset: Dataset, rule: str, *, about: str, sentence: pl.Expr) -> pl.DataFrame:
    """Sentences about values of the field `about`, which is a column of `rows`; none where it may not be told."""
    if not tellable(dataset, [about]):
        return pl.DataFrame(schema=KNOWN)
    key = as_text(rows.schema, about)
    return _entries(rows, dataset, rule, scope="value", about=about, key=key, sentence=sentence)


def _entries(rows: pl.DataFrame, dataset: Dataset, rule: str, *, scope: str, about: str, key: pl.Expr,
             sentence: pl.Expr) -> pl.DataFrame:  # fmt: skip
    fixed = {"dataset": dataset.name, "scope": scope, "field": about, "rule": rule}
    columns = [pl.lit(value).alias(name) for name, value in fixed.items()]
    told = rows.select(*columns, key.alias("key"), sentence.alias("sentence")).drop_nulls(["key", "sentence"])
    return told.select(list(KNOWN))

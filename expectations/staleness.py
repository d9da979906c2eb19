"""Values that another system has changed since: the same record, touched later over there than here."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.models import Dataset, GapRule
from expectations.across import Seen, Systems, gap, keyed, may_quote, of_rows
from expectations.disclosure import row_names, tellable, told_key, told_rows
from expectations.portions import joined, owned
from expectations.wording import as_text, label
from expectations.wording import rows as rows_text
from ledger import Finding

EXAMPLES = 5  # rows in the evidence, the oldest against their peer first


def stale_field(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """Rows that were last changed more than `max_age` before their peer in the other system.

    Of several peers the one that changed last counts. A row that does not say when it changed, and whose peer does, is
    a finding of its own, `<rule>/unknown`: nobody knows its age. Both ages come from the data, never from our clock.
    """
    frame, other = systems.frames[dataset.name], systems.frames[rule.to_dataset]
    ours, theirs, on = keyed(frame.schema, other.schema, rule.on)
    moment = pl.col(rule.their_changed).alias("_theirs")
    peers = other.folded(
        lambda rows: theirs(rows).select(*on, moment), lambda rows: rows.group_by(on).agg(pl.all().max())
    )
    paired, compared, parts = 0, 0, []
    for rows in frame.portions(least=peers.height):
        pairs = ours(rows).join(peers, on=on, how="inner", maintain_order="left").drop(on)
        dated = pairs.drop_nulls("_theirs").with_columns((pl.col("_theirs") - pl.col(rule.changed)).alias("_age"))
        paired, compared = paired + pairs.height, compared + dated.height
        late = pl.col(rule.changed).dt.offset_by(rule.max_age) < pl.col("_theirs")
        parts.append(owned(dated.filter(late | pl.col(rule.changed).is_null())))
    if not paired:
        raise ValueError(f"no row of '{dataset.name}' has a peer in '{rule.to_dataset}'")
    doubtful = joined(parts)
    unknown = doubtful.filter(pl.col(rule.changed).is_null())
    stale = doubtful.drop_nulls(rule.changed).sort("_age", descending=True, maintain_order=True)
    seen = Seen()
    if not stale.is_empty():
        seen.findings.append(_stale(rule, dataset, systems.dataset(rule.to_dataset), stale, compared))
        seen.known.extend(_sentences(rule, dataset, systems.dataset(rule.to_dataset), stale))
    if not unknown.is_empty():
        seen.findings.append(_unknown(rule, dataset, unknown, compared))
        seen.known.extend(_doubts(rule, dataset, systems.dataset(rule.to_dataset), unknown))
    return seen


def _subject(rule: GapRule) -> str:
    return rule.field or rule.changed


def _stale(rule: GapRule, dataset: Dataset, other: Dataset, stale: pl.DataFrame, compared: int) -> Finding:
    evidence: dict[str, Any] = {
        "field": _subject(rule),
        "changed": f"{dataset.name}.{rule.changed}",
        "their_changed": f"{other.name}.{rule.their_changed}",
        "on": [f"{ours} = {theirs}" for ours, theirs in rule.on],
        "max_age": rule.max_age,
        "compared": compared,
        "share": stale.height / compared,
        "rows": _examples(rule, dataset, other, stale),
    }
    message = (
        f"{rows_text(stale.height)} of {compared:,} that both hold were changed in {dataset.name} more than "
        f"{rule.max_age} before {other.name} changed them ({rule.changed}, {other.name}.{rule.their_changed})."
    )
    return gap(rule, dataset, count=stale.height, message=message, evidence=evidence,
               sample_keys=row_names(stale, dataset))  # fmt: skip


def _examples(rule: GapRule, dataset: Dataset, other: Dataset, stale: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows with both moments, each where it may be told."""
    columns = [told_key(dataset)]
    if tellable(dataset, [rule.changed]) and tellable(other, [rule.their_changed]):
        columns.append(as_text(stale.schema, rule.changed).alias(dataset.name))
        columns.append(as_text(stale.schema, "_theirs").alias(other.name))
        columns.append(pl.col("_age").dt.total_days().alias("days_behind"))
    return stale.head(EXAMPLES).select(columns).to_dicts()


def _unknown(rule: GapRule, dataset: Dataset, unknown: pl.DataFrame, compared: int) -> Finding:
    evidence = {"field": _subject(rule), "changed": f"{dataset.name}.{rule.changed}", "compared": compared,
                "rows": told_rows(unknown, dataset, dataset.key, limit=EXAMPLES)}  # fmt: skip
    message = (
        f"{rows_text(unknown.height)} of {compared:,} do not say when they were changed ('{rule.changed}'), "
        f"and {rule.to_dataset} does: nobody knows whether they are stale."
    )
    return gap(rule, dataset, name=f"{rule.name}/unknown", count=unknown.height, message=message, evidence=evidence,
               sample_keys=row_names(unknown, dataset))  # fmt: skip


def _sentences(rule: GapRule, dataset: Dataset, other: Dataset, stale: pl.DataFrame) -> list[pl.DataFrame]:
    """A row's documents say how far it lags behind, where they may."""
    subject = _subject(rule)
    if not may_quote(other, [rule.their_changed], dataset, [subject]) or not tellable(dataset, [rule.changed]):
        return []
    if dataset.field(rule.changed).classification > dataset.field(subject).classification:
        return []
    sentence = pl.format(
        "{} may be out of date: {} changed this record at {}, {} at {}.",
        pl.lit(label(dataset, subject)), pl.lit(dataset.title), as_text(stale.schema, rule.changed),
        pl.lit(other.title), as_text(stale.schema, "_theirs"),
    )  # fmt: skip
    return [of_rows(stale, dataset, rule.name, about=subject, sentence=sentence)]


def _doubts(rule: GapRule, dataset: Dataset, other: Dataset, unknown: pl.DataFrame) -> list[pl.DataFrame]:
    """A row's documents say that nobody knows its age, where they may."""
    subject = _subject(rule)
    if not may_quote(other, [rule.their_changed], dataset, [subject]):
        return []
    sentence = pl.format(
        "{} may be out of date: {} does not say when this record was changed, {} changed it at {}.",
        pl.lit(label(dataset, subject)), pl.lit(dataset.title), pl.lit(other.title), as_text(unknown.schema, "_theirs"),
    )  # fmt: skip
    return [of_rows(unknown, dataset, f"{rule.name}/unknown", about=subject, sentence=sentence)]

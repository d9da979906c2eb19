"""Records of another system that nothing here refers to, and how long a reference may be awaited."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.models import Dataset, GapRule
from expectations.across import Seen, Systems, gap, keyed, keys, may_quote, of_rows, sampled, unanswered
from expectations.disclosure import told_rows
from expectations.portions import Rows
from expectations.wording import as_text, label, listed
from expectations.wording import rows as rows_text

EXAMPLES = 5  # rows in the evidence


def settled(rows: pl.DataFrame, frame: Rows, moment: str, lateness: str) -> pl.DataFrame:
    """The rows that are at least `lateness` older than the newest `moment` of the whole frame, or of unknown age.

    Measured on the frame's own values: our clock would excuse everything of a frame that was read long ago.
    """
    if not moment:
        return rows
    newest = pl.lit(frame.ends(moment)[1], frame.schema[moment])
    return rows.filter((pl.col(moment) <= newest.dt.offset_by(f"-{lateness}")).fill_null(True))


def unnamed(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """Rows of the other dataset that no row here names: the rule's finding `<rule>/backward`."""
    other = systems.dataset(rule.to_dataset)
    here, frame = systems.frames[dataset.name], systems.frames[other.name]
    ours, theirs, on = keyed(here.schema, frame.schema, list(zip(rule.fields, rule.to_fields, strict=True)))
    unasked, records = unanswered(frame, theirs, keys(here, ours, on))
    alone = settled(unasked, frame, rule.their_late_from, rule.lateness)
    if alone.is_empty():
        return Seen()
    named = [f"{other.name}.{name}" for name in rule.to_fields]
    evidence: dict[str, Any] = {
        "direction": "backward",
        "fields": list(rule.fields),
        "to": named,
        "records": records,
        "share": alone.height / records,
        "rows": told_rows(alone, other, [*rule.to_fields, *other.key], limit=EXAMPLES),
    }
    if rule.their_late_from:
        evidence |= {"late_from": f"{other.name}.{rule.their_late_from}", "lateness": rule.lateness,
                     "awaited": unasked.height - alone.height}  # fmt: skip
    message = (
        f"{rows_text(alone.height)} of {records:,} of {other.name} have a {listed(named)} "
        f"that no {listed(rule.fields)} of {dataset.name} names."
    )
    name = f"{rule.name}/backward"
    finding = gap(rule, dataset, name=name, count=alone.height, unit=f"rows of {other.name}", message=message,
                  evidence=evidence, sample_keys=sampled(alone, other, rule.to_fields))  # fmt: skip
    return Seen([finding], _sentences(rule, dataset, other, alone, name))


def _sentences(rule: GapRule, dataset: Dataset, other: Dataset, alone: pl.DataFrame, name: str) -> list[pl.DataFrame]:
    """The other system's records say that nothing here names them, where they may."""
    if not may_quote(dataset, rule.fields, other, rule.to_fields):
        return []
    value = pl.concat_str([as_text(alone.schema, one) for one in rule.to_fields], separator=", ")
    what = " and ".join(label(other, one) for one in rule.to_fields)
    sentence = pl.format("No row of {} names {} {}.", pl.lit(dataset.title), pl.lit(what), value)
    return [of_rows(alone, other, name, about=", ".join(rule.to_fields), sentence=sentence)]

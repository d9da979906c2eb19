"""Say what became of values that could not be read as their declared type, field by field; none goes unreported.

A value in a column that the contract does not describe, where such rows are set aside, is a fault of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from catalog.models import Dataset, Field
from expectations.disclosure import may_tell, row_names
from expectations.quarantine import Cause
from expectations.wording import rows as rows_text
from ledger import Finding

NEW_COLUMNS = "drift/new-columns"  # and `/` and a column's name: how a row's faults name what nobody described
SHOWN = 5  # different values in the evidence
_FATE = {
    "quarantine_row": "they are in quarantine",
    "discard_value": "they stay, without the value",
    "discard_row": "they are left out, as the contract says",
}


def rule_name(field: Field) -> str:
    """What findings and quarantine call the promise that a field can be read."""
    return f"{field.name}-readable"


def unread_causes(rows: pl.DataFrame, dataset: Dataset) -> Iterator[Cause]:
    """The rows to set aside because a value could not be read, and its field says that the row goes."""
    for field, bad, reason in _by_field(rows, dataset):
        if field.on_bad_value == "quarantine_row":
            yield Cause(rule_name(field), (field.name,), bad, reason, unread=True)
    new = _new_columns(rows)
    if new:
        reason = "a value in a column that the contract does not describe"
        yield Cause(
            NEW_COLUMNS, tuple(new), pl.select(pl.any_horizontal(new.values())).to_series(), reason, unread=True
        )


def unread_findings(frame: pl.DataFrame, dataset: Dataset) -> Iterator[Finding]:
    """One finding for each field with values that could not be read, in rows that are not out of scope or doubles."""
    rows = frame.filter(pl.col("_outcome").is_in(["ready", "discarded"]))
    for field, bad, reason in _by_field(rows, dataset):
        yield _finding(field, rows.filter(bad), reason, dataset, frame.height)
    new = _new_columns(rows)
    if new:
        bearing = rows.filter(pl.any_horizontal(new.values()))
        yield _new_finding({name: int(bad.sum()) for name, bad in new.items()}, bearing, dataset, frame.height)


def _by_field(rows: pl.DataFrame, dataset: Dataset) -> Iterator[tuple[Field, pl.Series, str]]:
    """Fields that have a fault anywhere, with the rows that have it and the first reason given."""
    faults = rows["_faults"].explode().drop_nulls()
    if faults.is_empty():
        return
    reasons = dict(faults.struct.unnest().group_by("field").agg(pl.col("reason").first()).iter_rows())
    names = rows.select(pl.col("_faults").list.eval(pl.element().struct.field("field"))).to_series()
    for field in dataset.fields:
        if field.name in reasons:
            yield field, names.list.contains(field.name).fill_null(False), reasons[field.name]


def _new_columns(rows: pl.DataFrame) -> dict[str, pl.Series]:
    """The rows that hold a value in each column that the contract does not describe."""
    names = rows.select(pl.col("_faults").list.eval(pl.element().struct.field("field"))).to_series()
    told = names.explode().drop_nulls().unique().sort().to_list()
    return {
        name.removeprefix(f"{NEW_COLUMNS}/"): names.list.contains(name).fill_null(False)
        for name in told
        if name.startswith(f"{NEW_COLUMNS}/")
    }


def _new_finding(columns: dict[str, int], rows: pl.DataFrame, dataset: Dataset, read: int) -> Finding:
    return Finding(
        rule=NEW_COLUMNS,
        dataset=dataset.name,
        stage="ready",
        severity="critical",
        count=rows.height,
        message=f"{rows_text(rows.height)} of {read:,} hold a value in a column that the contract does not describe: "
        f"{', '.join(columns)}; they are in quarantine.",
        sample_keys=row_names(rows, dataset),
        evidence={"share": rows.height / read, "rows_by_column": columns},
        owner=dataset.owner,
        remedy=f"Describe the columns in {dataset.place.file}, or accept that they are left out: "
        f"landbridge run --accept {dataset.name}",
    )


def _finding(field: Field, rows: pl.DataFrame, reason: str, dataset: Dataset, read: int) -> Finding:
    evidence: dict[str, object] = {"share": rows.height / read, "reason": reason, "mode": field.on_bad_value}
    if may_tell(field):
        ours = pl.element().filter(pl.element().struct.field("field") == field.name)
        values = rows.select(pl.col("_faults").list.eval(ours.struct.field("value")).list.first()).to_series()
        evidence["values"] = values.value_counts(sort=True).head(SHOWN).to_series().to_list()
    return Finding(
        rule=rule_name(field),
        dataset=dataset.name,
        stage="ready",
        severity="critical" if field.on_bad_value == "quarantine_row" else "warning",
        count=rows.height,
        message=f"{rows_text(rows.height)} of {read:,} hold a value of '{field.name}' that is {reason}; "
        f"{_FATE[field.on_bad_value]}.",
        sample_keys=row_names(rows, dataset),
        evidence=evidence,
        owner=dataset.owner,
        remedy=f"Correct the values at the source, or the declared type and format of '{field.name}'"
        f" ({field.place.file}:{field.place.line}).",
    )

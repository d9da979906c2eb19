"""Rows as their contract means them: named, typed, in UTC and declared units, keyed, each with its outcome.

Pure and idempotent. No row is lost: what is out of scope, doubled or unreadable stays in the frame and says so, and the
checks decide what becomes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache

import polars as pl

from catalog.models import Combine, Dataset, Field
from expectations.unread import NEW_COLUMNS
from pipelines.casting import BLANKS, as_text, cleaned, polars_type, typed
from pipelines.patterns import in_utc, is_midnight

FAULTS = pl.List(pl.Struct({"field": pl.String, "value": pl.String, "reason": pl.String, "mode": pl.String}))
PROVENANCE = ("_location", "_position")
VALUE_SHOWN = 80  # characters of an unreadable value that are kept
HIDDEN = "***"
KEY_SEPARATOR = "|"
UTC = pl.Datetime("us", "UTC")


def normalize(frame: pl.DataFrame, dataset: Dataset, *, undescribed: Sequence[str] = ()) -> pl.DataFrame:
    """Contract fields in contract order, then `_location`, `_position`, `_key`, `_outcome`, `_faults`.

    `frame` holds the source's own columns (a missing one counts as null) or is normalized already, which changes
    nothing. A value in one of the `undescribed` columns, which no field is read from, is a fault. `_outcome` is
    `ready`, `filtered` (outside `keep`), `discarded` (an unreadable value whose mode discards the row) or `duplicate`
    (a later row has the same key). Raises ValueError for a pattern or unit nobody understands.
    """
    names = [*(field.name for field in dataset.fields), *PROVENANCE, "_key", "_outcome", "_faults"]
    if set(names) <= set(frame.columns) and frame.schema["_faults"] == FAULTS:
        return frame.select(names)
    values, faults = _read_values(frame, dataset, undescribed)
    values = values.with_columns(*_provenance(frame))
    keyed = values.with_columns(_key(dataset).alias("_key"), faults)
    return keyed.with_columns(_outcome(dataset)).select(names)


def _provenance(frame: pl.DataFrame) -> list[pl.Series]:
    known = {
        "_location": pl.repeat("", frame.height, dtype=pl.String, eager=True),
        "_position": pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True),
    }
    return [(frame[name] if name in frame.columns else known[name]).alias(name) for name in PROVENANCE]


def _read_values(frame: pl.DataFrame, dataset: Dataset, undescribed: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """All fields as typed columns, and the faults of each row."""
    physical = [field for field in dataset.fields if field.combine is None]
    present = [field for field in physical if field.physical_name in frame.columns]
    schema = frame.schema
    clean = frame.select(cleaned(field, schema[field.physical_name]).alias(field.name) for field in present)
    cast = clean.select(
        typed(field, clean.schema[field.name], pl.col(field.name)).alias(field.name) for field in present
    )
    absent = [field for field in physical if field not in present]
    values = cast.with_columns(pl.lit(None, polars_type(field)).alias(field.name) for field in absent)
    if not present:
        values = values.head(0) if frame.is_empty() else pl.DataFrame(
            {field.name: pl.repeat(None, frame.height, dtype=polars_type(field), eager=True) for field in physical}
        )  # fmt: skip
    marks = _midnights(dataset, clean)
    unreadable = {field.name: clean[field.name].is_not_null() & values[field.name].is_null() for field in present}
    for field in dataset.fields:
        if field.combine is not None:
            values, bad = _combined(values, field, field.combine, marks)
            unreadable[field.name] = bad
    parts = [
        _told(field, clean, unreadable[field.name])
        for field in dataset.fields
        if field.name in unreadable and unreadable[field.name].any()
    ]
    parts += [_unexpected(name, frame[name]) for name in undescribed if name in frame.columns]
    return values, _faults(parts, values.height)


def _midnights(dataset: Dataset, clean: pl.DataFrame) -> dict[str, pl.Series]:
    """For each wall-clock field that is combined with a date: the rows that say 24:00."""
    clocks = {field.combine.time for field in dataset.fields if field.combine is not None}
    return {
        field.name: clean.select(is_midnight(field, clean.schema[field.name], pl.col(field.name))).to_series()
        for field in dataset.fields
        if field.name in clocks and field.name in clean.columns and field.type == "time"
    }


def _combined(
    values: pl.DataFrame, field: Field, combine: Combine, marks: dict[str, pl.Series]
) -> tuple[pl.DataFrame, pl.Series]:
    """Date and wall clock as one moment in UTC, and where that moment does not exist."""
    local = pl.col(combine.date).dt.combine(pl.col(combine.time), "us")
    if combine.time in marks:
        local = pl.when(marks[combine.time]).then(local.dt.offset_by("1d")).otherwise(local)
    moment = _moment(values, combine, local)
    if combine.after:  # the next day on the same clock, which is not always 24 hours later
        following = _moment(values, combine, local.dt.offset_by("1d"))
        moment = pl.when(moment < pl.col(combine.after)).then(following).otherwise(moment)
    told = values.with_columns(moment.cast(polars_type(field)).alias(field.name))
    parts = [combine.date, combine.time, *([combine.zone_field] if combine.zone_field else [])]
    bad = told.select(pl.all_horizontal(pl.col(part).is_not_null() for part in parts) & pl.col(field.name).is_null())
    return told, bad.to_series()


def _moment(values: pl.DataFrame, combine: Combine, local: pl.Expr) -> pl.Expr:
    """A local time in UTC: one branch per zone that occurs; a zone nobody knows gives null, which is a fault."""
    if not combine.zone_field:
        return in_utc(local, combine.zone)
    zones = [zone for zone in values[combine.zone_field].drop_nulls().unique().sort().to_list() if _is_zone(zone)]
    return pl.coalesce(
        pl.lit(None, UTC), *(pl.when(pl.col(combine.zone_field) == zone).then(in_utc(local, zone)) for zone in zones)
    )


@cache
def _is_zone(name: str) -> bool:
    """Whether Polars knows a zone; it knows fewer than Python's zoneinfo, which takes `localtime` for one."""
    try:
        pl.Series([datetime(2000, 1, 1)]).dt.replace_time_zone(name)
    except pl.exceptions.ComputeError:
        return False
    return True


def _faults(parts: list[pl.DataFrame], height: int) -> pl.Series:
    """One list per row, in the order of the parts. Only rows with a fault take part, so clean data costs nothing."""
    none = pl.Series("_faults", [[]], dtype=FAULTS)
    if not any(part.height for part in parts):
        return none.new_from_index(0, height)
    by_row = pl.concat(parts).group_by("row", maintain_order=True).agg(pl.col("fault").alias("_faults"))
    rows = pl.DataFrame({"row": pl.int_range(height, dtype=pl.UInt32, eager=True)})
    told = rows.join(by_row, on="row", how="left", maintain_order="left")["_faults"]
    return told.cast(FAULTS).fill_null(none)


def _told(field: Field, clean: pl.DataFrame, bad: pl.Series) -> pl.DataFrame:
    """Row number and fault for each unreadable value of a field."""
    at = bad.fill_null(False).arg_true()
    secret = field.personal or field.mask is not None or field.name not in clean.columns
    value = pl.lit(HIDDEN) if secret else _shown(clean[field.name].gather(at))
    fault = pl.struct(
        pl.lit(field.name).alias("field"),
        value.alias("value"),
        pl.lit(_reason(field)).alias("reason"),
        pl.lit(field.on_bad_value).alias("mode"),
    )
    return pl.DataFrame({"row": at}).with_columns(fault.alias("fault"))


def _unexpected(name: str, values: pl.Series) -> pl.DataFrame:
    """Row number and fault for each value of a column that the contract does not describe; its label is unknown."""
    present = values.is_not_null()
    if values.dtype == pl.String:
        present &= values.str.strip_chars(BLANKS) != ""
    fault = pl.struct(
        pl.lit(f"{NEW_COLUMNS}/{name}").alias("field"),
        pl.lit(HIDDEN).alias("value"),
        pl.lit("a value in a column that the contract does not know").alias("reason"),
        pl.lit("quarantine_row").alias("mode"),
    )
    return pl.DataFrame({"row": present.fill_null(False).arg_true()}).with_columns(fault.alias("fault"))


def _shown(values: pl.Series) -> pl.Expr:
    """The first characters of unreadable values as text."""
    text = as_text(values.dtype, pl.lit(values))
    return text.str.slice(0, VALUE_SHOWN)


def _reason(field: Field) -> str:
    if field.combine is not None:
        return "a zone nobody knows, or a time its clock never shows"
    return f"not a {field.type}" + (f" of the form {field.format}" if field.format else "")


def _key(dataset: Dataset) -> pl.Expr:
    """Key values as text, joined; null when any of them is."""
    parts = [_key_part(dataset.field(name)) for name in dataset.key]
    return pl.concat_str(parts, separator=KEY_SEPARATOR, ignore_nulls=False)


def _key_part(field: Field) -> pl.Expr:
    column = pl.col(field.name)
    if field.type == "timestamp":
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    if field.type == "string":
        # the sign that escapes is escaped first, or "a|b" and "a%7Cb" were one key
        escaped = column.str.replace_all("%", "%25", literal=True)
        return escaped.str.replace_all(KEY_SEPARATOR, "%7C", literal=True)
    return column.cast(pl.String)


def _outcome(dataset: Dataset) -> pl.Expr:
    """What becomes of each row, the first reason that applies."""
    faults = pl.col("_faults")
    discarded = faults.list.eval(pl.element().struct.field("mode") == "discard_row").list.any().fill_null(False)
    outside = pl.lit(False)
    for name, allowed in dataset.keep.items():
        # a value that could not be read may be in scope: it is a fault, not out of scope
        unread = faults.list.eval(pl.element().struct.field("field") == name).list.any().fill_null(False)
        outside = outside | (~_in_scope(dataset.field(name), allowed).fill_null(False) & ~unread)
    candidate = ~outside & ~discarded & pl.col("_key").is_not_null()
    later = ~pl.when(candidate).then(pl.col("_key")).is_last_distinct()
    return (
        pl.when(outside).then(pl.lit("filtered"))
        .when(discarded).then(pl.lit("discarded"))
        .when(candidate & later).then(pl.lit("duplicate"))
        .otherwise(pl.lit("ready"))
        .alias("_outcome")
    )  # fmt: skip


def _in_scope(field: Field, allowed: tuple[str, ...]) -> pl.Expr:
    """Whether a value is one of the `keep` list; numbers by their value, everything else by its text."""
    if field.type in ("integer", "number"):
        return (
            pl.col(field.name)
            .cast(pl.Float64)
            .is_in(pl.Series(allowed).cast(pl.Float64, strict=False).drop_nulls().to_list())
        )
    return pl.col(field.name).cast(pl.String).is_in(list(allowed))

"""Claims as they come, made comparable: nulls left out, later words before earlier ones, like values under one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

import polars as pl

from catalog.errors import Refusal

TEXTS = ("entity", "field", "source", "value")
FLOAT_NOISE = 1e-9  # relative: 0.30 and 0.28 are within 0.02


def comparable(
    claims: pl.DataFrame, record: Mapping[str, Sequence[str]], tolerance: Mapping[str, float], *, fold: bool
) -> pl.DataFrame:
    """One row per thing said, in an order that does not depend on that of `claims`.

    Columns: `cell` and `said` (numbers of the entity's field and of a value of it, both ascending), `who` and `what`
    (numbers of source and field; the source with most claims is 0), the texts, `at`, `rank` of the source among the
    field's systems of record (null: it is none) and `standing` (false: its source said something later). Raises
    Refusal where the claims have no such form.
    """
    given = _checked(claims)
    fields = given.select("field").unique().sort("field").with_row_index("what")
    sources = given.group_by("source").len().sort("len", "source", descending=[True, False]).with_row_index("who")
    cells = given.select("field", "entity").unique().sort("field", "entity").with_row_index("cell")
    told = (
        given.join(cells, on=["field", "entity"])
        .join(fields, on="field")
        .join(sources.drop("len"), on="source")
        .join(_ranks(record), on=["field", "source"], how="left")
        .with_columns(standing=pl.col("at").eq_missing(pl.col("at").max().over("cell", "who")))
    )
    alike = _alike(told, tolerance, fold=fold).sort("cell", "same", "who", "standing", "value", "at")
    return alike.with_columns(said=_changes("cell", "same"))


def _checked(claims: pl.DataFrame) -> pl.DataFrame:
    """The claims that say something, with their five columns; raises Refusal."""
    missing = [name for name in (*TEXTS, "at") if name not in claims.columns]
    if missing:
        raise Refusal(f"Claims lack the column {', '.join(missing)}", "They need entity, field, source, value and at.")
    for name in TEXTS:
        if claims.schema[name] not in (pl.String, pl.Null):
            raise Refusal(f"The column {name} of claims is {claims.schema[name]}", "Give it as text.")
    if not (claims.schema["at"] in (pl.Null, pl.Date) or isinstance(claims.schema["at"], pl.Datetime)):
        raise Refusal(f"The column at of claims is {claims.schema['at']}", "Give it as a timestamp.")
    told = claims.select(*(pl.col(name).cast(pl.String) for name in TEXTS), _moment(claims.schema["at"]))
    told = told.filter(pl.col("value").is_not_null())
    for name in TEXTS[:3]:
        if count := told[name].null_count():
            raise Refusal(f"{count:,} claims have no {name}", "A claim needs an entity, a field and a source.")
    return told


def _moment(dtype: pl.DataType) -> pl.Expr:
    """Without a zone, as UTC."""
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return pl.col("at").dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(pl.Datetime("us"))
    return pl.col("at").cast(pl.Datetime("us"))


def _ranks(record: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Each field's systems of record in their order, the first with 0; raises Refusal for a text in place of a list."""
    for field, sources in record.items():
        if isinstance(sources, str):
            raise Refusal(f"The systems of record of {field} are one text", f"Give a list: [{sources!r}].")
    rows = [(field, source, at) for field, sources in record.items() for at, source in enumerate(sources)]
    ranks = pl.DataFrame(rows, schema={"field": pl.String, "source": pl.String, "rank": pl.UInt32}, orient="row")
    return ranks.unique(subset=["field", "source"], keep="first", maintain_order=True)


def silent(told: pl.DataFrame, record: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Declared systems of record that say nothing of their field."""
    return _ranks(record).join(told, on=["field", "source"], how="anti").select("field", "source")


def _alike(told: pl.DataFrame, tolerance: Mapping[str, float], *, fold: bool) -> pl.DataFrame:
    """With `same`: one text for all values of a cell that count as equal."""
    for field, distance in tolerance.items():
        if not (isfinite(distance) and distance >= 0):
            raise Refusal(f"The tolerance of {field} is {distance}", "Give a number that is not negative.")
    told = told.with_columns(same=folded(pl.col("value")) if fold else pl.col("value"))
    allowed = pl.DataFrame(
        list(tolerance.items()), schema={"field": pl.String, "allowed": pl.Float64}, orient="row"
    ).join(told.select("field").unique(), on="field", how="semi")
    if allowed.is_empty():
        return told
    number = pl.col("value").str.strip_chars().cast(pl.Float64, strict=False)
    numbers = (
        told.join(allowed, on="field")
        .with_columns(number=number)
        .filter(pl.col("number").is_finite())
        .group_by("cell", "value", "number", "allowed")
        .agg(backed=pl.col("who").filter("standing").n_unique())
    )
    told = told.join(_near(numbers), on=["cell", "value"], how="left")
    return told.with_columns(same=pl.coalesce("near", "same")).drop("near")


def folded(text: pl.Expr) -> pl.Expr:
    """Without regard to case, blanks, or how a letter with an accent is encoded, as rules for conflicts compare."""
    return text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _near(numbers: pl.DataFrame) -> pl.DataFrame:
    """Each number of a cell with `near`, the text of the number it counts as.

    The number that most sources give takes all within the tolerance, then the next of the rest, so that no chain of
    small steps joins what is far apart. One turn per group of a cell, over all cells at once.
    """
    left = numbers.sort("cell", "backed", "number", "value", descending=[False, True, False, False])
    found = [left.select("cell", "value", near="value").clear()]
    while left.height:
        first = pl.col("number").first().over("cell")
        noise = pl.max_horizontal(first.abs(), pl.col("number").abs()) * FLOAT_NOISE
        near = (first - pl.col("number")).abs() <= pl.col("allowed") + noise
        turn = left.with_columns(near=pl.col("value").first().over("cell"), _taken=near)
        found.append(turn.filter("_taken").select("cell", "value", "near"))
        left = left.filter(~turn["_taken"])
    return pl.concat(found)


def _changes(*names: str) -> pl.Expr:
    """Numbers the runs of equal values in sorted rows, from 0."""
    changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in names)
    return changed.cast(pl.UInt32).cum_sum() - 1

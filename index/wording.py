"""Values and templates as text: the one place that decides how a number, a date or an absent value reads.

A template is compiled to one Polars expression, so that telling 300,000 rows is a few passes over columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from catalog.templates import Optional, Segment, Text, parse

ABSENT = "unknown"  # what a placeholder without a substitute reads where there is no value
KNOWN_GAPS = "known_gaps"
FLOAT_DECIMALS = 6  # enough for a coordinate to 11 cm; hides the noise of unit conversions

ColumnOf = Callable[[str], pl.Expr]


def as_text(schema: Mapping[str, pl.DataType], name: str, *, decimals: int = FLOAT_DECIMALS) -> pl.Expr:
    """A column as text: 12 for 12.0, dates in ISO 8601, timestamps to the minute in UTC, booleans as yes and no."""
    column, dtype = pl.col(name), schema[name]
    if dtype == pl.String:
        return column
    if dtype.is_float():
        rounded = column.round(decimals) + 0.0  # + 0.0: a rounded -0.0 reads 0
        return pl.when(column.is_finite()).then(rounded.cast(pl.String).str.replace(r"\.0$", ""))
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit("yes")).when(column.not_()).then(pl.lit("no"))
    if isinstance(dtype, pl.Datetime):
        utc = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
        return utc.dt.strftime("%Y-%m-%d %H:%M UTC")
    if dtype == pl.Date:
        return column.dt.strftime("%Y-%m-%d")
    if dtype == pl.Time:
        return column.dt.strftime("%H:%M")
    return column.cast(pl.String)


def compile_template(text: str, column_of: ColumnOf) -> pl.Expr:
    """A template as one expression; `column_of` gives the text expression of a placeholder."""
    return _told(parse(text), column_of, inside=False)


def _told(segments: tuple[Segment, ...], column_of: ColumnOf, *, inside: bool) -> pl.Expr:
    if not segments:
        return pl.lit("")
    return pl.concat_str([_piece(segment, column_of, inside=inside) for segment in segments])


def _piece(segment: Segment, column_of: ColumnOf, *, inside: bool) -> pl.Expr:
    if isinstance(segment, Text):
        return pl.lit(segment.text)
    if isinstance(segment, Optional):
        # concat_str is null as soon as one part is, which is just what "vanishes" means
        return _told(segment.segments, column_of, inside=True).fill_null("")
    value = column_of(segment.name)
    if segment.substitute is not None:
        return value.fill_null(segment.substitute)
    if inside:
        return value
    return value.fill_null("" if segment.name == KNOWN_GAPS else ABSENT)

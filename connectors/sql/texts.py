"""Turn columns of the text a database wrote into their types, strictly: a value that does not fit is never bent."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from connectors.sql.types import Carried, Misfit

DATE, CLOCK = "%Y-%m-%d", "%H:%M:%S%.f"
SECONDS, MICROSECONDS = f"{DATE} %H:%M:%S", f"{DATE} %H:%M:%S.%6f"  # of a fixed width, so six times as fast as %.f
SECONDS_LONG, MICROSECONDS_LONG = 19, 26
PARSED_BY_THE_READER = (pl.Int64(), pl.UInt64(), pl.Float64(), pl.String())


def typed(frame: pl.DataFrame, columns: Sequence[Carried]) -> pl.DataFrame:
    """The frame with every column in its type. Raises Misfit with all columns that hold a value outside of theirs."""
    try:
        return frame.with_columns(
            [_typed(pl.col(one.name), one.dtype) for one in columns if frame.schema[one.name] != one.dtype]
        )
    except pl.exceptions.PolarsError:
        odd = [column.name for column in columns if _is_misfit(frame, column)]
        if not odd:
            raise
        raise Misfit(odd) from None


def _is_misfit(frame: pl.DataFrame, column: Carried) -> bool:
    try:
        if frame.schema[column.name] != column.dtype:
            frame.select(_typed(pl.col(column.name), column.dtype))
    except pl.exceptions.PolarsError:
        return True
    return False


def _typed(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean():
        return text.replace_strict({"t": True, "f": False, "1": True, "0": False}, return_dtype=pl.Boolean())
    if dtype == pl.Date():
        return text.str.to_date(DATE, strict=True, exact=True)
    if isinstance(dtype, pl.Datetime):
        told = _moment(text.str.strip_suffix("+00") if dtype.time_zone else text)
        return told.dt.replace_time_zone("UTC") if dtype.time_zone else told
    if dtype == pl.Time():
        return text.str.to_time(CLOCK, strict=True)
    if dtype == pl.Binary():
        return text.str.strip_prefix("\\x").str.decode("hex", strict=True)
    return text.cast(dtype, strict=True)


def _moment(text: pl.Expr) -> pl.Expr:
    """A date and clock with up to six digits behind the second; the servers leave out zeros at the end."""
    whole = text.str.len_bytes() == SECONDS_LONG
    seconds = pl.when(whole).then(text).str.to_datetime(SECONDS, time_unit="us", strict=True, exact=True, cache=False)
    padded = pl.when(~whole).then(text).str.pad_end(MICROSECONDS_LONG, "0")
    parts = padded.str.to_datetime(MICROSECONDS, time_unit="us", strict=True, exact=True, cache=False)
    return pl.coalesce(seconds, parts)

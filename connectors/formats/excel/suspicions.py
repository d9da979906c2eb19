"""What a spreadsheet does to values behind people's backs, told by the traces it leaves in a column.

Identifiers become dates (Ziemann et al. 2016, `SEPT2`), dates stay texts where the month would be above 12, leading
zeros and the 16th digit vanish, days and times become plain numbers. The values are handed on as they are; a person
is told, with the cells' addresses and never their values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from connectors.formats.excel.addresses import address, named
from connectors.formats.excel.columns import KINDS, Column
from connectors.formats.tables import Noticed
from ledger.models import Severity

EVIDENCE = 20  # addresses that a finding carries
SERIAL_DAYS = (20_000, 60_000)  # 1954 to 2064 as days since 1900
LEAP_BUG_ENDS = date(1900, 3, 1)  # Excel counts a 29 February 1900 that never was
DIGITS = 1e15  # Excel keeps fifteen digits
NUMERIC = r"^\s*[+-]?\d{1,15}([.,]\d+)?\s*$"
ZERO_LED = r"^0\d+$"
DATE_TEXT = r"^\s*(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(\s+\d{1,2}:\d{2}(:\d{2})?)?\s*$"
DATE_NAME = re.compile(r"date|datum|fecha|data|дата|\bdt\b|_dt$|日付|日期|tag$", re.I)
TIME_NAME = re.compile(r"time|uhrzeit|zeit|heure|hora|время|時刻|时间", re.I)
CODE_NAME = re.compile(r"\b(zip|postal|post_?code|plz|postleitzahl|ean|gtin|isbn|phone|telefon|tel|fax|konto)", re.I)


class Told(NamedTuple):
    """How a suspicion is told."""

    message: str
    severity: Severity
    remedy: str


RULES = {
    "mixed-types": Told("cells are of another kind than most of their column, which is read as text", "info",
                        "Give the column one kind of values at its source."),
    "dates-mangled": Told("dates among other values: identifiers or numbers that became dates on entry", "warning",
                          "Compare the cells with the system they were exported from."),
    "dates-as-text": Told("dates are texts, in an order that the workbook does not declare", "info",
                          "Declare the field's `format`."),
    "dates-in-two-orders": Told("some dates are texts with a day above 12 and others became dates: day and month of "
                                "those may be swapped", "warning", "Ask for the export with ISO dates."),
    "serial-numbers": Told("days are plain numbers, counted from 1900, without a date format", "warning",
                           "Format the column as a date before it is exported."),
    "times-as-fractions": Told("times of day are plain fractions of a day", "warning", "Format the column as a time."),
    "numbers-as-text": Told("numbers are texts", "info", "Nothing, where the contract declares the field's type."),
    "leading-zeros-lost": Told("codes are numbers: leading zeros are not there, even where they are shown", "warning",
                               "Format the column as text before it is filled."),
    "digits-lost": Told("whole numbers of more than 15 digits: a spreadsheet keeps 15 and puts zeros", "warning",
                        "Format the column as text before it is filled."),
    "dates-of-1900": Told("dates before 1 March 1900: a spreadsheet counts a day there that never was", "warning",
                          "Check them, or declare them as unknown."),
    "zero-dates": Told("cells hold day 0, or the 29 February 1900: no such days; they are read as unknown", "warning",
                       "Ask what they stand for."),
}  # fmt: skip

Rows = list[int]


def suspicions(
    columns: Iterable[Column], numbers: Sequence[int], positions: Sequence[int], padded: set[tuple[int, int]]
) -> list[Noticed]:
    """What is suspicious about a table's columns. `numbers` are their places in the sheet, `positions` its rows'."""
    found: dict[str, list[tuple[str, int, Rows]]] = {}
    for told, number in zip(columns, numbers, strict=True):
        shown = [at for at, row in enumerate(positions) if (row, number) in padded] if padded else []
        for rule, rows in [*_of(told), *([("leading-zeros-lost", shown)] if shown else [])]:
            if len(rows):
                found.setdefault(rule, []).append((told.series.name, number, rows))
    return [_noticed(rule, cells, positions) for rule, cells in found.items()]


def _noticed(rule: str, found: list[tuple[str, int, Rows]], positions: Sequence[int]) -> Noticed:
    told = RULES[rule]
    cells = [(positions[row], number) for _, number, rows in found for row in rows[:EVIDENCE]]
    count = sum(len(rows) for *_, rows in found)
    evidence = {"columns": [name for name, *_ in found], "cells": [address(*cell) for cell in cells[:EVIDENCE]]}
    message = f"{told.message}: {named(cells, count)}"
    return Noticed(rule, message, told.severity, count, "cells", told.remedy, evidence)


def _of(told: Column) -> Iterator[tuple[str, Rows]]:
    yield "zero-dates", list(told.zero_dates)
    if len(told.kinds) > 1 and told.declared != "date":
        yield from _of_mixed(told)
    elif told.series.dtype.is_numeric():
        yield from _of_numbers(told.series)
    elif told.series.dtype == pl.String:
        yield from _of_texts(told.series)
    elif told.series.dtype in (pl.Date, pl.Datetime):
        yield "dates-of-1900", _where(told.series.cast(pl.Date) < LEAP_BUG_ENDS)


def _of_mixed(told: Column) -> Iterator[tuple[str, Rows]]:
    """A column of several kinds: which cells are the exceptions, and whether they are what a date's entry leaves."""
    usual = told.kinds.most_common(1)[0][0]
    yield "mixed-types", _which(told, lambda value: _kind(value) != usual)
    texts = pl.Series([value if isinstance(value, str) else None for value in told.values], dtype=pl.String)
    dated_texts = _where(texts.str.contains(DATE_TEXT))
    if told.kinds["date"]:
        yield from _of_dates_among(told, texts, dated_texts)
    if told.kinds["number"] and told.kinds["text"]:
        yield "numbers-as-text", _where(texts.str.contains(NUMERIC))
        if texts.str.contains(ZERO_LED).any():
            yield "leading-zeros-lost", _which(told, _is_number)
    yield "digits-lost", _which(told, lambda value: _is_number(value) and abs(value) >= DIGITS)


def _of_dates_among(told: Column, texts: pl.Series, dated_texts: Rows) -> Iterator[tuple[str, Rows]]:
    dates = _which(told, lambda value: isinstance(value, date))
    serial = _which(told, lambda value: _is_number(value) and SERIAL_DAYS[0] <= value <= SERIAL_DAYS[1])
    yield "serial-numbers", serial
    yield "dates-as-text", dated_texts
    if dated_texts:
        days = texts.gather(dated_texts).str.extract(DATE_TEXT, 1).cast(pl.Int64)
        months = texts.gather(dated_texts).str.extract(DATE_TEXT, 2).cast(pl.Int64)
        if ((days > 12) | (months > 12)).all():
            yield "dates-in-two-orders", dates
    elif not serial and told.kinds["text"] + told.kinds["number"] > len(dates):
        yield "dates-mangled", dates


def _of_numbers(series: pl.Series) -> Iterator[tuple[str, Rows]]:
    name, there = series.name, series.drop_nulls()
    yield "digits-lost", _where((series.abs() >= DIGITS) & (series == series.floor()))
    if not len(there):
        return
    if DATE_NAME.search(name) and there.is_between(*SERIAL_DAYS).all():
        yield "serial-numbers", _where(series.is_not_null())
    if TIME_NAME.search(name) and series.dtype == pl.Float64 and (there.is_between(0, 1) & (there < 1)).all():
        yield "times-as-fractions", _where(series.is_not_null())
    if CODE_NAME.search(name) and series.dtype == pl.Int64 and not (there < 0).any():
        widths = series.cast(pl.String).str.len_chars()
        usual = widths.drop_nulls().mode().max()
        if isinstance(usual, int) and (widths <= usual).all():
            yield "leading-zeros-lost", _where(widths < usual)


def _of_texts(series: pl.Series) -> Iterator[tuple[str, Rows]]:
    for rule, pattern in (("numbers-as-text", NUMERIC), ("dates-as-text", DATE_TEXT)):
        if _all_match(series.head(100), pattern) and _all_match(series, pattern):
            yield rule, _where(series.is_not_null())


def _all_match(series: pl.Series, pattern: str) -> bool:
    there = series.drop_nulls()
    return bool(len(there)) and bool(there.str.contains(pattern).all())


def _where(mask: pl.Series) -> Rows:
    return mask.fill_null(False).arg_true().to_list()


def _which(told: Column, holds: Callable[[Any], bool]) -> Rows:
    """The rows whose cell is so; a loop, because only Python sees the kind of a mixed column's cells."""
    return [at for at, value in enumerate(told.values) if value != "" and holds(value)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    return KINDS[type(value)]

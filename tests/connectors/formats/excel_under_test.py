"""Workbooks for tests, written with XlsxWriter, and what the reader makes of them."""

import datetime
import zipfile
from pathlib import Path

import xlsxwriter

from connectors.formats import excel
from connectors.formats.tables import File, Limits

DATA = Path("../shared/data")


def written(path, sheets, **options):
    """A workbook of `{sheet: rows}`; a row may be a function of (worksheet, formats) that does more."""
    book = xlsxwriter.Workbook(str(path), options)
    formats = {
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "time": book.add_format({"num_format": "hh:mm:ss"}),
        "padded": book.add_format({"num_format": "00000"}),
        "plain": book.add_format(),
    }
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            if callable(row):
                row(sheet, formats)
                continue
            for column, value in enumerate(row):
                _write(sheet, number, column, value, formats)
    book.close()
    return path


def _write(sheet, row, column, value, formats):
    if isinstance(value, datetime.time):
        sheet.write_number(row, column, (value.hour * 3600 + value.minute * 60 + value.second) / 86400, formats["time"])
    elif isinstance(value, datetime.date):
        sheet.write_datetime(row, column, value, formats["date"])
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    elif value is not None:
        sheet.write(row, column, value)


def file_of(path):
    return File(Path(path), Path(path).name)


def tables(path, limits=None, **options):
    """The tables of a workbook, by name."""
    found = excel.tables(file_of(path), excel.Options(**options), limits=limits or Limits())
    return {table.name: table for table in found}


def one(path, **options):
    """The first table of a workbook."""
    return next(iter(tables(path, **options).values()))


def rows(table):
    """All rows, without their positions."""
    return [row[:-1] for piece in table.pieces() for row in piece.frame.rows()]


def positions(table):
    return [row[-1] for piece in table.pieces() for row in piece.frame.rows()]


def rules(table):
    """What was noticed, by rule."""
    return {noticed.rule: noticed for noticed in table.noticed}


def rewritten(path, part, change):
    """The workbook with one of its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path

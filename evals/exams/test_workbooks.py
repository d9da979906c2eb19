"""Workbooks and desktop databases under damage and weight: read or refused, in memory that does not grow."""

import contextlib
import importlib
import random
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
import xlsxwriter

from catalog.errors import FileRefused
from connectors.formats import dbf, excel
from connectors.formats.tables import File, Limits

pytestmark = pytest.mark.exam

DATA = Path("../shared/data")
KINDS = {
    "excel": ("excel", (".xls", ".xlsx")), "dbf": ("dbf", (".dbf",)),
    "statistical.sas": ("stat", (".sas7bdat", ".xpt")),
    "statistical.spss": ("stat", (".sav", ".zsav", ".por")), "statistical.stata": ("stat", (".dta",)),
}  # fmt: skip
COPIES = 400
SLOWEST_SECONDS = 10.0


def damaged(content, draw):
    """A cut, blanked or sprinkled copy."""
    copy = bytearray(content)
    kind = draw.random()
    if kind < 0.3:
        return bytes(copy[: draw.randrange(len(copy))])
    if kind < 0.4:
        start = draw.randrange(len(copy))
        copy[start : start + 1000] = bytes(len(copy[start : start + 1000]))
        return bytes(copy)
    for _ in range(draw.choice([1, 5, 50])):
        copy[draw.randrange(len(copy))] = draw.randrange(256)
    return bytes(copy)


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_read_or_refused_and_soon(name, tmp_path):
    module = importlib.import_module(f"connectors.formats.{name}")
    folder, suffixes = KINDS[name]
    paths = [
        path for path in sorted((DATA / folder).rglob("*")) if path.suffix in suffixes and path.stat().st_size < 300_000
    ]
    draw = random.Random(7)
    for _ in range(COPIES):
        source = draw.choice(paths)
        path = tmp_path / f"a{source.suffix}"
        path.write_bytes(damaged(source.read_bytes(), draw))
        file, began = File(path, path.name), time.perf_counter()
        module.recognises(file.head(), file)
        with contextlib.suppress(FileRefused):
            for table in module.tables(file, module.Options(), limits=Limits()):
                list(table.pieces())
        assert time.perf_counter() - began < SLOWEST_SECONDS, source.name


def table_of(count, path):
    """A dBase table of so many records."""
    fields = [("ID", "N", 10), ("NAME", "C", 40), ("BORN", "D", 8)]
    width = 1 + sum(length for *_, length in fields)
    with path.open("wb") as file:
        file.write(struct.pack("<B3BIHH", 3, 124, 5, 6, count, 33 + 32 * len(fields), width) + bytes(20))
        file.write(
            b"".join(
                struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), length, 0) for name, kind, length in fields
            )
        )
        file.write(b"\r")
        for number in range(count):
            file.write(b" %10d%-40b20240102" % (number, b"name %d" % number))
        file.write(b"\x1a")
    return File(path, path.name)


def test_a_table_ten_times_larger_takes_the_same_memory(tmp_path):
    peaks = []
    for count in (30_000, 300_000):
        file = table_of(count, tmp_path / f"{count}.dbf")
        tracemalloc.start()
        assert (
            sum(piece.frame.height for piece in dbf.tables(file, dbf.Options(), limits=Limits())[0].pieces()) == count
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 4 * peaks[0]  # a block of 100,000 records against one of 30,000


def test_a_sheet_is_read_at_half_of_calamines_speed_or_better(tmp_path):
    from python_calamine import CalamineWorkbook

    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("S")
    sheet.write_row(0, 0, [f"c{number}" for number in range(8)])
    for row in range(1, 40_001):
        sheet.write_row(row, 0, [row, row / 3, f"name {row}", "const", row % 7, row * 10, f"x{row % 100}", row * 1.5])
    book.close()
    ratios = []
    for _ in range(5):
        began = time.perf_counter()
        CalamineWorkbook.from_path(path).get_sheet_by_name("S").to_python()
        bare = time.perf_counter() - began
        began = time.perf_counter()
        found = excel.tables(File(path, path.name), excel.Options(), limits=Limits())
        assert sum(piece.frame.height for piece in found[0].pieces()) == 40_000
        ratios.append(bare / (time.perf_counter() - began))
    print(f"of calamine's speed: {sorted(ratios)[2]:.2f} (from {min(ratios):.2f} to {max(ratios):.2f}), 320,000 cells")
    assert max(ratios) > 0.5

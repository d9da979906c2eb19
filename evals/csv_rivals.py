"""Landbridge's reader of delimited text beside others, on the polluted files and clean twins of the Pollock benchmark.

The score of a file is that of "Pollock: A Data Loading Benchmark" (Vitagliano, Hameed, Jiang, Reisener, Wu, Naumann,
PVLDB 16(8), 2023): 1 for loading it at all, and precision, recall and F1 of the header's cells, the records and all
cells as multisets, 10 at most. The benchmark's normalisation of values is left out: what is compared is text.

    python -m evals.csv_rivals ../shared/data/csv/pollock
"""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.formats.delimited import Options, tables
from connectors.formats.tables import File, Limits

Cells = list[list[str]]
Reader = Callable[[Path], Cells]


@dataclass(frozen=True)
class Score:
    """Of one file; each measure is precision, recall and F1."""

    success: float
    header: tuple[float, float, float] = (0.0, 0.0, 0.0)
    records: tuple[float, float, float] = (0.0, 0.0, 0.0)
    cells: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def total(self) -> float:
        """Ten at most."""
        return self.success + sum(self.header) + sum(self.records) + sum(self.cells)


def scored(told: Cells | None, clean: Cells, header_lines: int = 1) -> Score:
    """The score of what a reader told of a file (None: it refused), against its clean twin."""
    if told is None:
        return Score(0.0)
    told = [[cell.strip() for cell in row] for row in told]
    clean = [[cell.strip() for cell in row] for row in clean]
    heads = [[cell for row in rows[:header_lines] for cell in row] for rows in (told, clean)]
    bodies = [rows[header_lines:] for rows in (told, clean)]
    return Score(
        1.0,
        _measures(*heads),
        _measures(*([tuple(row) for row in body] for body in bodies)),
        _measures(*([cell for row in body for cell in row] for body in bodies)),
    )


def _measures(told: Iterable[Hashable], true: Iterable[Hashable]) -> tuple[float, float, float]:
    found, wanted = Counter(told), Counter(true)
    common = (found & wanted).total()
    if not wanted:
        return (1.0, 1.0, 1.0)
    if not common:
        return (0.0, 0.0, 0.0)
    precision, recall = common / found.total(), common / wanted.total()
    return (precision, recall, 2 * precision * recall / (precision + recall))


def landbridge(path: Path) -> Cells:
    """As `landbridge peek FILE --as-text` prints it."""
    table = tables(File(path, path.name), Options(), limits=Limits())[0]
    return [[cell or "" for cell in row] for row in table.texts()] if table.texts else []


def by_polars(path: Path) -> Cells:
    """Polars, told to go on."""
    import polars as pl

    frame = pl.read_csv(path, has_header=False, infer_schema=False, truncate_ragged_lines=True, ignore_errors=True,
                        encoding="utf8-lossy")  # fmt: skip
    return [[cell or "" for cell in row] for row in frame.rows()]


def by_pandas(path: Path) -> Cells:
    """pandas, with its own sniffer."""
    import pandas as pd

    frame = pd.read_csv(
        path, header=None, dtype=str, keep_default_na=False, sep=None, engine="python", on_bad_lines="skip"
    )
    return [
        ["" if cell is None or cell != cell else str(cell) for cell in row] for row in frame.itertuples(index=False)
    ]


def by_duckdb(path: Path) -> Cells:
    """DuckDB, with its own sniffer."""
    import duckdb

    relation: Any = duckdb.sql(
        "select * from read_csv($path, all_varchar=true, null_padding=true, ignore_errors=true, strict_mode=false)",
        params={"path": str(path)},
    )
    return [list(relation.columns), *([cell or "" for cell in row] for row in relation.fetchall())]


def by_clevercsv(path: Path) -> Cells:
    """CleverCSV."""
    import clevercsv

    return [list(row) for row in clevercsv.read_table(str(path))]


def by_python(path: Path) -> Cells:
    """Python's csv, with a comma."""
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8", errors="replace"), newline="")))


READERS: dict[str, Reader] = {
    "landbridge": landbridge,
    "polars, lenient": by_polars,
    "pandas, sniffing": by_pandas,
    "DuckDB, lenient": by_duckdb,
    "CleverCSV": by_clevercsv,
    "Python csv, comma": by_python,
}


def clean_twin(path: Path) -> Cells:
    """The rows of a clean file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def measured(folder: Path, reader: Reader) -> dict[str, Score]:
    """The score of each polluted file below `folder`; any exception is a file that was not read."""
    told = {}
    for path in sorted((folder / "polluted_files" / "csv").glob("*.csv")):
        clean = clean_twin(folder / "polluted_files" / "clean" / path.name)
        parameters = json.loads((folder / "polluted_files" / "parameters" / f"{path.name}_parameters.json").read_text())
        try:
            rows: Cells | None = reader(path)
        except Exception:  # noqa: BLE001 - a rival may fail as it likes: that is what is counted
            rows = None
        told[path.name] = scored(rows, clean, parameters.get("header_lines", 1))
    return told


def main(arguments: Sequence[str]) -> None:
    """Print one line per reader."""
    folder = Path(arguments[0])
    for name, reader in READERS.items():
        begun = time.perf_counter()
        scores = list(measured(folder, reader).values())
        seconds = time.perf_counter() - begun
        simple = sum(score.total for score in scores) / len(scores)
        heads, records = (
            sum(one) / len(scores) for one in ((s.header[2] for s in scores), (s.records[2] for s in scores))
        )
        print(f"{name:20} score {simple:6.3f}  header F1 {heads:.3f}  record F1 {records:.3f}  {seconds:5.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])

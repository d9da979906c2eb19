"""Compare what is read with what is known to be right: right, refused with a reason, or accepted but wrong.

    python -m evals.truths [FOLDER]

FOLDER holds `csv/csv-spectrum`, `csv/pollock`, `encoding/char-dataset` and `mainframe/cobrix` as their public
repositories have them (default: ../shared/data). A row with a wrong number of cells is refused by its number; an
accepted one counts as wrong if the clean twin of its file has no such row. All goes through `connectors.peek`, as
`landbridge peek` does.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import connectors
from catalog.errors import FileRefused
from connectors.formats.encodings import detected_encoding

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
DASHES = str.maketrans("―", "—")  # Python's gb2312 and gb18030 differ on which of them X'A1AA' is
OTHER_COPY = {"location_coordinates", "newlines_crlf"}  # the copies at hand are not what their twins tell of
SEGMENTS = {
    "record_format": "V", "encoding": "ascii", "segment_field": "SEGMENT_ID", "segment_id_level0": "C",
    "segment_id_level1": "P", "segment_id_prefix": "A", "generate_record_id": True,
}  # fmt: skip
# copybook, records, what is expected, options: those that the cobrix project's own specifications name
CASES: dict[str, tuple[str, str, str, Mapping[str, Any]]] = {
    "test1": ("test1_copybook.cob", "test1_data/example.bin", "test1_expected/test1.txt", {}),
    "test1a": ("test1a_copybook.cob", "test1_data/example.bin", "test1a_expected/test1a.txt",
               {"record_start_offset": 2, "record_end_offset": 27}),
    "test3": ("test3_copybook.cob", "test3_data/TRAN2.AUG31.DATA.dat", "test3_expected/test3.txt", {}),
    "test4": ("test4_copybook.cob", "test4_data/COMP.DETAILS.SEP30.DATA.dat", "test4_expected/test4.txt", SEGMENTS),
    "test6": ("test6_copybook.cob", "test6_data/INTEGR.TYPES.NOV28.DATA.dat", "test6_expected/test6.txt",
              {"floating_point_format": "ieee754", "strict_sign_overpunching": True}),
    "test19": ("test19_display_num.cob", "test19_display_num/data.dat", "test19_display_num_expected/test19.txt",
               {"improved_null_detection": False, "generate_record_id": True}),
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What became of the units of one group; `units` is what is counted."""

    group: str
    units: str
    right: int
    refused: int
    wrong: int
    examples: tuple[str, ...] = ()


def verdicts(folder: Path) -> list[Verdict]:
    """A verdict for every group whose folder is there."""
    groups = {
        "csv/csv-spectrum": spectrum, "csv/pollock": pollock, "encoding/char-dataset": encodings,
        "mainframe/cobrix": cobrix,
    }  # fmt: skip
    return [judge(folder / name) for name, judge in groups.items() if (folder / name).is_dir()]


def spectrum(folder: Path) -> Verdict:
    """Cells of csv-spectrum, whose twins are JSON."""
    counts, examples = Counter[str](), list[str]()
    for path in sorted((folder / "csvs").glob("*.csv")):
        if path.stem in OTHER_COPY:
            continue
        twin = json.loads((folder / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
        header, *rows = connectors.peek(path).texts()
        told = [dict(zip(header, row, strict=True)) for row in rows]
        cells = sum(len(row) for row in twin)
        counts["right" if told == twin else "wrong"] += cells
        examples += [] if told == twin else [path.name]
    return Verdict("csv-spectrum", "cells", counts["right"], 0, counts["wrong"], tuple(examples))


def pollock(folder: Path) -> Verdict:
    """Rows of the polluted files, each held against the clean twin of its file."""
    right = refused = wrong = 0
    examples = []
    for path in sorted((folder / "polluted_files" / "csv").glob("*.csv")):
        with (path.parents[1] / "clean" / path.name).open(encoding="utf-8", newline="") as file:
            clean = Counter(map(tuple, csv.reader(file)))
        for piece in connectors.peek(path).pieces():
            rows = [tuple(cell or "" for cell in row) for row in piece.frame.drop("_position").iter_rows()]
            odd = [row for row in rows if row not in clean]
            right, refused, wrong = right + len(rows) - len(odd), refused + len(piece.rejects), wrong + len(odd)
            examples += [path.name for _ in odd]
    return Verdict("Pollock, polluted", "rows", right, refused, wrong, tuple(examples))


def encodings(folder: Path) -> Verdict:
    """Files whose folder is named for their encoding; right is the same text, refused what is decoded by nobody."""
    right = refused = wrong = 0
    examples = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and one.parent != folder):
        content = path.read_bytes()
        try:
            true = content.decode(_codec(path.parent.name)).lstrip("\ufeff")
        except (LookupError, UnicodeDecodeError):
            continue  # the folder's name is no encoding of this text
        try:
            told = content.decode(detected_encoding(path).name).lstrip("\ufeff")
        except FileRefused:
            refused += 1
            continue
        same = told.translate(DASHES) == true.translate(DASHES)
        right, wrong = right + same, wrong + (not same)
        examples += [] if same else [f"{path.parent.name}/{path.name}"]
    return Verdict("Encodings", "files", right, refused, wrong, tuple(examples))


def cobrix(folder: Path) -> Verdict:
    """Leaf values of the mainframe cases that the cobrix project publishes; nothing there is the same as a null."""
    right = wrong = 0
    examples = []
    for name, (copybook, data, expected, options) in CASES.items():
        frame = connectors.peek(
            folder / data, options={**options, "copybook": str(folder / copybook)}, format="mainframe"
        ).frame()
        frame = frame.sort("ID", maintain_order=True) if name == "test6" else frame
        rows = frame.drop("Record_Byte_Length" if name == "test19" else ()).to_dicts()  # its specification drops it
        lines = (folder / expected).read_text(encoding="utf-8").splitlines()
        for row, line in zip(rows, lines, strict=False):
            told, true = dict(_leaves(row)), dict(_leaves(json.loads(line, parse_float=Decimal)))
            filled = {path for path, value in true.items() if name == "test6" and value == 0 and path not in told}
            odd = [path for path in (told.keys() | true.keys()) - filled if not _alike(told.get(path), true.get(path))]
            right, wrong = right + len(told.keys() | true.keys()) - len(odd), wrong + len(odd)
            examples += [f"{name}: {'.'.join(map(str, path))}" for path in odd]
    return Verdict("Mainframe (cobrix)", "leaf values", right, 0, wrong, tuple(examples))


def _codec(name: str) -> str:
    return name.lower().replace("_", "-")


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _leaves(inner, (*path, at))
    elif value is not None:
        yield path, value


def _alike(told: Any, true: Any) -> bool:
    """Numbers are equal exactly; a float of four bytes equals every text that names it."""
    if isinstance(told, float) and true is not None:
        return told == float(true) or abs(told - float(true)) <= abs(told) * 2**-24
    return bool(told == true)


def main(words: Sequence[str]) -> int:
    """Print a table."""
    print("| group | units | right | refused | accepted but wrong |\n|---|---|---:|---:|---:|")
    for one in verdicts(Path(words[0]) if words else SHARED):
        print(f"| {one.group} | {one.units} | {one.right:,} | {one.refused:,} | {one.wrong:,} |")
        print("".join(f"  wrong: {example}\n" for example in one.examples[:10]), end="", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

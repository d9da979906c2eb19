"""Published cases of Cobrix, leaf by leaf, with the options of its specifications."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.formats.mainframe import Options, tables
from connectors.formats.tables import File, Limits
from tests.connectors.mainframe.mainframe_files import COBRIX, needs_cobrix

SEGMENTS = {
    "encoding": "ascii",
    "record_format": "V",
    "segment_field": "SEGMENT_ID",
    "segment_id_level0": "C",
    "segment_id_level1": "P",
    "segment_id_prefix": "A",
    "generate_record_id": "true",
}
TYPES = {"floating_point_format": "IEEE754", "strict_sign_overpunching": "true"}
TRIMMED = {f"test3_trim_{policy}": policy for policy in ("both", "left", "right", "none")}
CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {  # copybook, data, expected, options
    "test1": ("test1_copybook.cob", "test1_data/example.bin", "test1_expected/test1.txt", {}),
    "test1a": ("test1a_copybook.cob", "test1_data/example.bin", "test1a_expected/test1a.txt",
               {"record_start_offset": "2", "record_end_offset": "27"}),
    "test3": ("test3_copybook.cob", "test3_data/TRAN2.AUG31.DATA.dat", "test3_expected/test3.txt", {}),
    **{name: ("test3_copybook.cob", "test3_data/TRAN2.AUG31.DATA.dat", f"test3_expected/{name}.txt",
              {"string_trimming_policy": policy}) for name, policy in TRIMMED.items()},
    "test4": ("test4_copybook.cob", "test4_data/COMP.DETAILS.SEP30.DATA.dat", "test4_expected/test4.txt", SEGMENTS),
    "test6": ("test6_copybook.cob", "test6_data/INTEGR.TYPES.NOV28.DATA.dat", "test6_expected/test6.txt", TYPES),
    "test6a": ("test6_copybook.cob", "test6_data/INTEGR.TYPES.NOV28.DATA.dat", "test6_expected/test6.txt",
               {**TYPES, "strict_integral_precision": "true"}),
    "test19": ("test19_display_num.cob", "test19_display_num/data.dat", "test19_display_num_expected/test19.txt",
               {"generate_record_id": "true", "improved_null_detection": "false"}),
}  # fmt: skip
SORTED = {"test6": "ID", "test6a": "ID"}
DROPPED = {"test19": ("Record_Byte_Length",)}  # what a spec takes away before it compares
FILLED = ("test6", "test6a")  # whose spec writes 0 for null numbers
ROWS = {"test1": 10, "test1a": 10, "test19": 7, "test6": 100, "test6a": 100}

Leaf = tuple[tuple[str | int, ...], Any]


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """All values below, with their paths; a null is the same as nothing, the length of a list is a value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        yield (*path, "length"), len(value)
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    elif value is not None:
        yield path, value


def alike(ours: Any, theirs: Any) -> bool:
    """Numbers are equal exactly; a float of four bytes equals any text that names it."""
    if isinstance(ours, float):
        return theirs is not None and (
            ours == float(theirs) or struct.pack("f", ours) == struct.pack("f", float(theirs))
        )
    return bool(ours == theirs)


def rows_of(name: str) -> list[dict[str, Any]]:
    copybook, data, _, options = CASES[name]
    path = COBRIX / data
    declared = Options(copybook=str(COBRIX / copybook), **options)
    (table,) = tables(File(path, path.name), declared, limits=Limits())
    frames = [piece.frame for piece in table.pieces()]
    frame = frames[0].vstack(frames[1]) if len(frames) == 2 else frames[0]
    if name in SORTED:
        frame = frame.sort(SORTED[name], maintain_order=True)
    return frame.drop("_position", *DROPPED.get(name, ())).to_dicts()


def expected_of(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().decode().split("\n")
    return [json.loads(line, parse_float=Decimal) for line in lines if line.strip()]


def compared(name: str) -> tuple[int, list[tuple[Any, ...]]]:
    """How many leaves were compared, and those that differ: row, path, ours, theirs."""
    expected, told = expected_of(COBRIX / CASES[name][2]), rows_of(name)
    count, wrong = 0, []
    for number, (row, wanted) in enumerate(zip(told, expected, strict=False)):
        ours, theirs = dict(leaves(row)), dict(leaves(wanted))
        for path in ours.keys() | theirs.keys():
            filled = name in FILLED and path not in ours and theirs[path] == 0
            count += 1
            if not filled and not alike(ours.get(path), theirs.get(path)):
                wrong.append((number, path, ours.get(path), theirs.get(path)))
    assert len(told) == ROWS.get(name, 1000)
    return count, wrong


@needs_cobrix
@pytest.mark.parametrize("name", CASES)
def test_every_leaf_of_a_published_case_is_as_published(name):
    count, wrong = compared(name)
    assert count > 50
    assert not wrong[:5]


@needs_cobrix
def test_columns_are_those_of_the_published_schema():
    published = json.loads((COBRIX / "test6_expected" / "test6_schema.json").read_text())["fields"]
    assert list(rows_of("test6")[0]) == [field["name"] for field in published]

"""Newline-delimited JSON: one object a line, values as text of their own spelling, nested ones as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from catalog.models import Dataset, Source
from connectors.batch import Batch, rejected
from connectors.bounding import bounded
from connectors.files import files_of, is_personal, location_of, promised_columns, refuse_reserved
from connectors.lines import Broken, blocks, is_broken


def read(source: Source, dataset: Dataset, *, folder: Path) -> Iterator[Batch]:
    """Rows of all files with the contract's columns, as text, because a JSON export promises no types.

    A key that an object lacks is null; a key the contract does not know is left out here and told by `drift`, because
    any later line may bring one and all batches have the same columns. A line that is no object is a reject.
    """
    names, personal = promised_columns(dataset), is_personal(dataset)
    refuse_reserved(names, source, dataset, "the contract")
    for path in files_of(source, dataset, folder=folder):
        place = location_of(path, folder=folder)
        for block in blocks(path, source, dataset):
            lines, broken = block.frame()
            for piece in bounded(lines, source):
                rows, positions, faults = _rows(piece, names)
                cells = list(zip(*rows, strict=True)) if rows else [()] * len(names)
                data = {name: pl.Series(cells[at], dtype=pl.String) for at, name in enumerate(names)}
                frame = pl.DataFrame(data).with_columns(
                    pl.Series("_position", positions, dtype=pl.Int64), pl.lit(place).alias("_location")
                )
                rejects = rejected([(place, *fault) for fault in sorted(broken + faults)], personal=personal)
                yield Batch(frame.select(*names, "_location", "_position"), rejects)
                broken = []


def columns(source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
    """Every name that any object of the files holds."""
    found: dict[str, None] = {}
    decode = json.JSONDecoder().decode
    for path in files_of(source, dataset, folder=folder):
        for block in blocks(path, source, dataset):
            for line in block.frame()[0]["line"]:
                try:
                    value = decode(line) if line.strip() else None
                except (ValueError, RecursionError):
                    continue  # `read` makes a reject of it
                if isinstance(value, dict):
                    found |= dict.fromkeys(name for name in value if not is_broken(name))
    return dict.fromkeys(found, "text")


class _Spelled(str):
    """A number as it was written: 12.50 is not 12.5 where a code or a price is meant."""

    __slots__ = ()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are each there once; which of two would be meant, nobody knows."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return told


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_float=_Spelled, parse_int=_Spelled, parse_constant=_Spelled)


def _rows(lines: pl.DataFrame, names: list[str]) -> tuple[list[list[str | None]], list[int], list[Broken]]:
    """Cells by line with their line numbers, and the faults. Line by line: JSON has no columns before it is parsed."""
    rows, positions, faults = [], [], []
    for line, number in lines.iter_rows():
        if not line.strip():
            continue
        try:
            value = _DECODER.decode(line)
            if not isinstance(value, dict):
                raise ValueError("not a JSON object")
            row = [_text(value.get(name)) for name in names]
            if "\\u" in line and any(cell is not None and is_broken(cell) for cell in row):
                raise ValueError("half a character: a lone surrogate")
        except json.JSONDecodeError as error:
            faults.append((number, f"not JSON: {error.msg}", line))
        except RecursionError:
            faults.append((number, "not JSON: nested too deeply", line))
        except ValueError as error:
            faults.append((number, str(error), line))
        else:
            rows.append(row)
            positions.append(number)
    return rows, positions, faults


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    """A value as JSON, with numbers as they were spelled."""
    if isinstance(value, _Spelled):
        return str(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_json(one)}" for key, one in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)

"""Newline-delimited JSON: one object a line, values as text of their own spelling, nested ones as JSON.

The format is that of ndjson-spec (github.com/ndjson/ndjson-spec). A first pass over the file finds the keys of all
objects, because any later line may bring a new one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import polars as pl

from catalog.errors import FileRefused
from catalog.models import Dataset, Source
from connectors.files import promised_columns
from connectors.formats.encodings import encoding_of_head
from connectors.formats.json_values import DOT, JSON_BLANKS, Cells, Columns, Decoder, Flattening, Keys
from connectors.formats.slices import sliced
from connectors.formats.tables import TEXT, File, FormatOptions, Limits, Piece, Reject, Table, empty
from connectors.formats.text_blocks import Block, blocks, longest_of, portion_of

C = TypeVar("C", bound=Mapping[str, Any])

SUFFIXES = (".ndjson", ".jsonl", ".ldjson")


class Options(FormatOptions):
    """`flatten`: nested objects become columns of dotted paths, but for those in `whole`, which stay JSON text.

    `encoding`: a Python codec's name; empty: UTF-8, or what the file's first bytes show.
    """

    flatten: bool = False
    whole: tuple[str, ...] = ()
    encoding: str = ""


def options_of(source: Source, dataset: Dataset) -> Options:
    """What a source declares; a contract that names a dotted path asks for flattening."""
    promised = promised_columns(dataset)
    flatten = any(DOT in name for name in promised)
    told = {"encoding": source.encoding, "flatten": flatten, "whole": tuple(promised)}
    return Options(**{**told, **source.options})


def recognises(head: bytes, file: File) -> bool:
    """Whether the first line is a JSON object and another follows that begins like one."""
    first, _, rest = _text(head).lstrip("\ufeff \t\r\n").partition("\n")
    if not first.startswith("{"):
        return False
    second = rest.lstrip().partition("\n")
    is_cut = len(head) < file.size and not second[1]
    return _is_object(first) and (
        _is_object(second[0]) or (is_cut and second[0].startswith("{")) or file.suffix in SUFFIXES
    )


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table of the file: a column for each key of any object. A line that is no object is a reject.

    Raises FileRefused where no line is one.
    """
    lines = _Lines(file, options, limits)
    columns = Columns(lines.keys())
    return [
        Table(
            "table", columns.schema, dict.fromkeys(columns.names, TEXT), lambda: lines.pieces(columns),
            {"format": "ndjson", "encoding": lines.encoding}, columns.noticed(),
        )
    ]  # fmt: skip


class _Lines:
    """The lines of one file, read once for the keys and once for the rows."""

    def __init__(self, file: File, options: Options, limits: Limits) -> None:
        self.file, self.limits = file, limits
        certain = encoding_of_head(file.head())
        self.encoding = options.encoding or (certain.name if certain else "utf-8")
        self.flattening = Flattening(flatten=options.flatten, whole=options.whole)

    def keys(self) -> list[str]:
        """The keys of all objects. Raises FileRefused where there is no object."""
        found = Keys()
        decoder = Decoder()
        objects = False
        for block in self._blocks():
            for told in _told(block.frame()[0], decoder, self.flattening.keyed):
                if not isinstance(told, str):
                    objects = True
                    found.add(told)
        if not objects:
            raise FileRefused("no line of it is a JSON object", "Ask for the export again, or name its format.")
        return found.names(self.flattening)

    def pieces(self, columns: Columns) -> Iterator[Piece]:
        """The rows and rejects, block by block."""
        decoder, told = Decoder(), False
        for block in self._blocks():
            lines, broken = block.frame()
            for part in sliced(lines, self.limits):
                rows, positions, faults = _sorted_out(part, decoder, self.flattening)
                if rows or faults or broken:
                    yield from self._bounded(columns.frame(rows, positions), sorted(broken + faults))
                    broken, told = [], True
        if not told:
            yield empty(columns.schema)

    def _bounded(self, frame: pl.DataFrame, rejects: list[Reject]) -> Iterator[Piece]:
        for part in sliced(frame, self.limits):
            yield Piece(part, rejects)
            rejects = []

    def _blocks(self) -> Iterator[Block]:
        portion, longest = portion_of(self.limits), longest_of(self.limits)
        return blocks(self.file.path, encoding=self.encoding, portion=portion, longest=longest)


def _sorted_out(
    lines: pl.DataFrame, decoder: Decoder, flattening: Flattening
) -> tuple[list[Cells], list[int], list[Reject]]:
    """Cells by line with their line numbers, and the rejects."""
    rows, positions, faults = [], [], []
    for (line, number), told in zip(lines.iter_rows(), _told(lines, decoder, flattening.cells), strict=True):
        if isinstance(told, dict):
            rows.append(told)
            positions.append(number)
        elif told:
            faults.append((number, told, line))
    return rows, positions, faults


def _told(lines: pl.DataFrame, decoder: Decoder, made: Callable[[dict[str, Any]], C]) -> Iterator[C | str]:
    """What is made of each line's object, or why there is none; empty for a blank one. JSON has no columns to go by."""
    for line in lines["line"]:
        yield _one(line, decoder, made) if line.strip(JSON_BLANKS) else ""


def _one(line: str, decoder: Decoder, made: Callable[[dict[str, Any]], C]) -> C | str:
    try:
        value = decoder.line(line)
        if not isinstance(value, dict):
            return "not a JSON object"
        return made(value)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg}"
    except RecursionError:
        return "not JSON: nested too deeply"
    except ValueError as error:
        return str(error)


def _text(head: bytes) -> str:
    encoding = encoding_of_head(head)
    return head.decode(encoding.name if encoding else "latin-1", errors="replace")


def _is_object(line: str) -> bool:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)

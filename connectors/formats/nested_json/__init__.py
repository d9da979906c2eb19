"""JSON documents: an array of objects, or an object with such an array somewhere; its objects are the rows.

JSON is that of RFC 8259. Values are text of their own spelling, nested objects columns by their dotted paths, lists
JSON text. The document is read piece by piece: a first pass finds the records and their keys, a second one gives the
rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

from catalog.errors import FileRefused
from catalog.models import Dataset, Source
from connectors.files import promised_columns
from connectors.formats.encodings import encoding_of_head
from connectors.formats.json_values import Cells, Columns, Decoder, Flattening
from connectors.formats.nested_json.places import ANY, Path, Place, Survey, named, path_of, records
from connectors.formats.nested_json.stream import Stream, streamed
from connectors.formats.slices import sliced
from connectors.formats.tables import TEXT, File, FormatOptions, Limits, Noticed, Piece, Reject, Table, empty

KEY = "key"  # the column of the member's name, where the members of an object are the rows
VALUE = "value"  # the column where an array holds no objects
ROWS_AT_ONCE = 20_000  # a record takes ten times the memory before it is part of a frame


def _path(text: str) -> str:
    path_of(text)
    return text


class Options(FormatOptions):
    """Where the records are and how they become columns.

    `record`: their path, `$.data.items[*]`, `data.items`, `$.users.*`; empty: the largest array of objects. `flatten`:
    nested objects become columns of dotted paths, but for those in `whole`, which stay JSON text. `encoding`: a Python
    codec's name; empty: UTF-8, or what the file's first bytes show.
    """

    record: Annotated[str, AfterValidator(_path)] = ""
    flatten: bool = True
    whole: tuple[str, ...] = ()
    encoding: str = ""


def options_of(source: Source, dataset: Dataset) -> Options:
    """What a source declares; a nested value that the contract names stays whole, unless it names a part of it."""
    promised = promised_columns(dataset)
    whole = tuple(name for name in promised if not any(other.startswith(f"{name}.") for other in promised))
    return Options(**{"encoding": source.encoding, "whole": whole, **source.options})


def recognises(head: bytes, file: File) -> bool:
    """Whether a file begins as a JSON array or object does."""
    encoding = encoding_of_head(head)
    text = head.decode(encoding.name if encoding else "latin-1", errors="replace").lstrip("\ufeff \t\r\n")
    if not text.startswith(("{", "[")):
        return False
    inner = text[1:].lstrip()
    if text[0] == "{":
        return inner.startswith(('"', "}")) or (not inner and file.size > len(head))
    return _begins(inner)


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """A table for each array of objects, the largest first; the document as one row where it has none.

    Raises FileRefused where it is cut, is no JSON, has nothing at the declared path, or one value is too large to hold.
    """
    flattening = Flattening(flatten=options.flatten, whole=options.whole)
    with streamed(file.path, options.encoding, limits.cell_bytes) as stream:
        encoding = stream.encoding
        survey = Survey(flattening)
        if options.record:
            places = [_declared(stream, path_of(options.record), flattening)]
        else:
            places = survey.of(stream) or [_whole(file, options, flattening, limits)]
    return [_Records(file, options, limits, place, encoding).table(len(places)) for place in places]


class _Records:
    """The records at one place of a document."""

    def __init__(self, file: File, options: Options, limits: Limits, place: Place, encoding: str) -> None:
        self.file, self.options, self.limits, self.place, self.encoding = file, options, limits, place, encoding
        self.flattening = Flattening(flatten=options.flatten, whole=options.whole)
        keys = place.keys.names(self.flattening)
        if not place.objects and place.others:
            keys = [VALUE]
        self.key = ""
        if place.path[-1:] == (ANY,):
            self.key = KEY if KEY not in keys else f"{KEY}_2"
            keys = [self.key, *keys]
        self.columns = Columns(keys)

    def table(self, among: int) -> Table:
        """The table of these records."""
        noticed = self.columns.noticed()
        if among > 1 and not self.options.record:
            message = f"the document holds {among} arrays of objects; each is a table of its own"
            noticed.append(Noticed("several-arrays", message, "info", among, "tables", "Name one with `record`."))
        if self.key:
            message = f"the members of an object are the rows; their names are the column `{self.key}`"
            noticed.append(Noticed("rows-by-key", message, "info", unit="files"))
        path = named(self.place.path)
        meta = {"format": "json", "record": path, "records": self.place.objects, "encoding": self.encoding}
        declared = dict.fromkeys(self.columns.names, TEXT)
        return Table(path, self.columns.schema, declared, self.pieces, meta, noticed)

    def pieces(self) -> Iterator[Piece]:
        """The rows and the rejects."""
        told = False
        with streamed(self.file.path, self.options.encoding, self.limits.cell_bytes) as stream:
            for rows, positions, rejects in self._portions(stream):
                for part in sliced(self.columns.frame(rows, positions), self.limits):
                    yield Piece(part, rejects)
                    rejects, told = [], True
        if not told:
            yield empty(self.columns.schema)

    def _portions(self, stream: Stream) -> Iterator[tuple[list[Cells], list[int], list[Reject]]]:
        """Records as cells with their ordinals, as many as a piece may hold. Record by record, as JSON is parsed."""
        rows, positions, rejects, size = [], [], [], 0
        most = min(ROWS_AT_ONCE, self.limits.batch_rows)
        for ordinal, (key, value) in enumerate(records(stream, self.place.path), start=1):
            told = self._cells(key, value)
            if isinstance(told, str):
                rejects.append((ordinal, told, ""))
            else:
                rows.append(told)
                positions.append(ordinal)
                size += sum(len(cell) for cell in told.values() if cell)
            if len(rows) + len(rejects) >= most or size >= self.limits.batch_bytes:
                yield rows, positions, rejects
                rows, positions, rejects, size = [], [], [], 0
        if rows or rejects:
            yield rows, positions, rejects

    def _cells(self, key: str, value: Any) -> Cells | str:
        """The cells of a record, or why there are none."""
        if isinstance(value, ValueError):
            return str(value)
        if not isinstance(value, dict):
            if self.columns.keys != [VALUE]:
                return "not a JSON object"
            value = {VALUE: value}
        try:
            told = self.flattening.cells(value)
        except ValueError as error:
            return str(error)
        return {self.key: key, **told} if self.key else told


def _declared(stream: Stream, path: Path, flattening: Flattening) -> Place:
    """The records at a declared path. Raises FileRefused where there is nothing."""
    place, found = Place(path, flattening), False
    for _, value in records(stream, path):
        found = True
        place.add({} if isinstance(value, ValueError) else value)
    stream.end()
    if not found:
        raise FileRefused(f"it holds nothing at {named(path)}", "Correct `record`.")
    return place


def _whole(file: File, options: Options, flattening: Flattening, limits: Limits) -> Place:
    """The document itself as the one record."""
    with streamed(file.path, options.encoding, limits.cell_bytes) as stream:
        return _declared(stream, (), flattening)


def _begins(inner: str) -> bool:
    """Whether an array's first element begins as JSON does; `[section]` of a settings file does not."""
    if inner[:1] in ("{", "[", '"', "]"):
        return True
    try:
        Decoder().value_at(inner, 0)
    except (ValueError, RecursionError):
        return False
    return True

"""What the readers of statistics packages share: columns from the file's own declarations, rows in bounded portions.

ReadStat parses a file from its beginning for each portion and skips to where the last one ended. For .sav, .dta and
.sas7bdat that skip costs next to nothing; .xpt has to be read through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.slices import refuse_reserved, refuse_too_large, sliced
from connectors.formats.statistical.moments import Moment, converted
from connectors.formats.tables import File, FormatOptions, Limits, Noticed, Piece, Table, empty

AGAIN = "Ask for the export again."
VALUE_BYTES = 16  # at least, that a value takes while it is read
LABELS_TOLD = 1_000  # labels of a column that the table's meta holds
RULES = {
    "moments-impossible": "numbers stand for no date or time of day in the years 1 to 9999, and are read as unknown",
    "user-missing": "values that the file declares as missing are read as unknown",
    "unlabelled-codes": "codes without a label are carried as they are",
}  # fmt: skip

Read = Callable[..., tuple[dict[str, list[Any]], Any]]


class StatisticalOptions(FormatOptions):
    """What may be declared about a file of any statistics package."""

    encoding: str = ""  # as iconv names it; empty: the file's own declaration
    labels: Literal["codes", "labels"] = "codes"  # whether a labelled value is its code or its label


@dataclass(frozen=True)
class Reader:
    """How one kind of file is read: pyreadstat's function, and what its display formats mean.

    `keeps_missing`: values that are declared as missing are handed over, to be counted and left out here;
    `takes_encoding`: the file's encoding may be declared.
    """

    format: str
    read: Read
    moment_of: Callable[[str], Moment | None]
    keeps_missing: bool = False
    takes_encoding: bool = True
    arguments: Mapping[str, Any] = field(default_factory=dict)


def table_of(file: File, reader: Reader, options: StatisticalOptions, limits: Limits, noticed: list[Noticed]) -> Table:
    """The one table of a file. Raises FileRefused where it is damaged, encrypted or in another encoding."""
    if not file.head().strip(b"\0 \r\n\t"):
        raise FileRefused("the file is empty" if not file.size else "the file holds nothing but blanks or NULs", AGAIN)
    layout = _Layout.of(file, reader, options)
    refuse_reserved(layout.schema)

    def pieces() -> Iterator[Piece]:
        return layout.pieces(limits)

    name = layout.meta.pop("table", "") or "table"
    return Table(name, pl.Schema(layout.schema), layout.declared, pieces, layout.meta, noticed)


@contextmanager
def damage_refused() -> Iterator[None]:
    """What ReadStat cannot read is refused. Its words are not told, because they may hold a value."""
    from pyreadstat import PyreadstatError, ReadstatError

    try:
        yield
    except UnicodeError as error:
        raise _wrong_encoding() from error
    except (PyreadstatError, ReadstatError) as error:
        said = str(error).lower()
        if "encoding" in said:
            raise _wrong_encoding() from error
        if "file format version" in said:
            raise FileRefused("it is of a version that is not read", "Save it in another one, or as CSV.") from error
        raise _damaged() from error
    except (OSError, ValueError, OverflowError, TypeError) as error:  # the last where a damaged file names nothing
        raise _damaged() from error


def _wrong_encoding() -> FileRefused:
    return FileRefused("its texts are not in the encoding that it declares", "Declare the file's `encoding`.")


def _damaged() -> FileRefused:
    return FileRefused("the file is damaged: it was cut off, or its parts do not fit", AGAIN)


@dataclass(frozen=True)
class _Layout:
    """A file's columns as it declares them, and how they are read."""

    file: File
    reader: Reader
    options: StatisticalOptions
    schema: dict[str, pl.DataType]
    declared: dict[str, str]
    moments: dict[str, Moment]
    labels: dict[str, dict[Any, str]]
    missing: dict[str, list[Any]]
    rows: int | None
    row_bytes: int
    meta: dict[str, Any]

    @classmethod
    def of(cls, file: File, reader: Reader, options: StatisticalOptions) -> _Layout:
        """Look at a file's declarations."""
        with damage_refused():
            _, told = _read(file, reader, options, metadataonly=True)
        names = list(told.column_names)
        if not names:
            raise FileRefused("the file declares no columns", AGAIN)
        kinds, displays = told.readstat_variable_types, told.original_variable_types
        found = {name: reader.moment_of(displays.get(name) or "") for name in names if kinds[name] != "string"}
        moments = {name: moment for name, moment in found.items() if moment is not None}
        labels = {name: dict(values) for name, values in told.variable_value_labels.items() if values}
        shown = labels if options.labels == "labels" else {}
        schema = {name: pl.String() if name in shown else _type(kinds[name], moments.get(name)) for name in names}
        declared = {name: _declared(kinds[name], displays.get(name), moments.get(name)) for name in names}
        rows = told.number_rows if isinstance(told.number_rows, int) and told.number_rows >= 0 else None
        widths = sum(max(width or 0, VALUE_BYTES) for width in told.variable_storage_width.values())
        missing = dict(getattr(told, "missing_ranges", None) or {})
        return cls(file, reader, options, schema, declared, moments, labels, missing, rows,
                   max(widths, VALUE_BYTES * len(names)), _meta(reader, told, labels))  # fmt: skip

    def pieces(self, limits: Limits) -> Iterator[Piece]:
        """The rows in order. Raises FileRefused where there are fewer than the file declares."""
        counts: Counter[tuple[str, str]] = Counter()
        at_once = max(1, min(limits.batch_rows, limits.batch_bytes // self.row_bytes))
        start, told = 0, False
        while self.rows is None or start < self.rows:
            frame = self._portion(start, at_once, counts)
            refuse_too_large(frame, limits)
            for rows in sliced(frame, limits) if frame.height else ():
                told = True
                yield Piece(rows)
            start += frame.height
            if frame.height < at_once:
                break
        if self.rows is not None and start < self.rows:
            raise FileRefused(f"it was cut off: it declares {self.rows:,} rows, and {start:,} are there", AGAIN)
        noticed = list(_noticed(counts))  # what only the end tells
        if noticed or not told:
            yield Piece(empty(pl.Schema(self.schema)).frame, noticed=noticed)

    def _portion(self, start: int, count: int, counts: Counter[tuple[str, str]]) -> pl.DataFrame:
        with damage_refused():
            values, told = _read(self.file, self.reader, self.options, row_offset=start, row_limit=count)
        missing = dict(getattr(told, "missing_ranges", None) or {}) or self.missing
        series = [self._column(name, values[name], missing.get(name, []), counts) for name in self.schema]
        height = len(series[0])
        return pl.DataFrame(
            [*series, pl.int_range(start + 1, start + height + 1, dtype=pl.Int64, eager=True).alias("_position")]
        )

    def _column(self, name: str, values: list[Any], missing: list[Any], counts: Counter[tuple[str, str]]) -> pl.Series:
        moment, wanted = self.moments.get(name), self.schema[name]
        labels = self.labels.get(name) if self.options.labels == "labels" else None
        told = pl.Series(name, values, dtype=None if labels else _raw_type(wanted, moment), strict=False)
        told = told.set(told == "", None) if told.dtype == pl.String else told
        told, left_out = _without_missing(told, missing)
        counts["user-missing", name] += left_out
        if labels:
            told, unlabelled = _labelled(told, labels)
            counts["unlabelled-codes", name] += unlabelled
            return told
        if moment is None:
            return told.cast(wanted)
        told, impossible = converted(told, moment)
        counts["moments-impossible", name] += impossible
        return told


def _read(
    file: File, reader: Reader, options: StatisticalOptions, **arguments: Any
) -> tuple[dict[str, list[Any]], Any]:
    """Values by column, and what the file declares."""
    told = dict(reader.arguments)
    if reader.keeps_missing:
        told["user_missing"] = True
    if reader.takes_encoding:
        told["encoding"] = options.encoding or None
    path = str(file.path)
    return reader.read(path, output_format="dict", disable_datetime_conversion=True, **told, **arguments)


def _type(kind: str, moment: Moment | None) -> pl.DataType:
    if moment is not None:
        return moment.type
    if kind == "string":
        return pl.String()
    return pl.Int64() if kind.startswith("int") else pl.Float64()


def _raw_type(wanted: pl.DataType, moment: Moment | None) -> pl.DataType:
    return pl.Float64() if moment is not None else wanted


def _declared(kind: str, display: str | None, moment: Moment | None) -> str:
    """The type in the file's own words: what it is or how it is kept, and how it is shown."""
    words: dict[pl.DataType, str] = {pl.Date(): "date", pl.Time(): "time"}
    told = kind if moment is None else words.get(moment.type, "datetime")
    return f"{told} {display}" if display and display != "NULL" else told


def _without_missing(column: pl.Series, ranges: list[Any]) -> tuple[pl.Series, int]:
    """The column without values that the file declares as missing, and how many those are."""
    if not ranges:
        return column, 0
    hit = pl.Series([False]).new_from_index(0, len(column))
    for one in ranges:
        low, high = (one["lo"], one["hi"]) if isinstance(one, dict) else (one, one)
        if isinstance(low, str) == (column.dtype == pl.String):
            hit = hit | column.is_between(low, high).fill_null(False)
    return column.set(hit, None), int(hit.sum())


def _labelled(column: pl.Series, labels: dict[Any, str]) -> tuple[pl.Series, int]:
    """Labels for codes; a code without one keeps its own text."""
    texts = column.cast(pl.String).str.replace(r"\.0$", "") if column.dtype.is_float() else column.cast(pl.String)
    names = {str(code).removesuffix(".0"): label for code, label in labels.items()}
    known = texts.is_in(list(names)) | texts.is_null()
    return texts.replace(names).alias(column.name), int((~known).sum())


def _meta(reader: Reader, told: Any, labels: dict[str, dict[Any, str]]) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "format": reader.format,
        "table": told.table_name or "",
        "encoding": told.file_encoding or "",
    }
    if told.file_label:
        meta["label"] = told.file_label
    titles = {name: label for name, label in told.column_names_to_labels.items() if label}
    if titles:
        meta["column_labels"] = titles
    if labels:
        some = {name: list(codes.items())[:LABELS_TOLD] for name, codes in labels.items()}
        meta["value_labels"] = {
            n: {str(c).removesuffix(".0"): label for c, label in codes} for n, codes in some.items()
        }
    return meta


def _noticed(counts: Counter[tuple[str, str]]) -> Iterator[Noticed]:
    """What the rows showed."""
    for rule, message in RULES.items():
        told = {column: count for (found, column), count in counts.items() if found == rule and count}
        if told:
            severity: Literal["warning", "info"] = "warning" if rule == "moments-impossible" else "info"
            where = f"{message}: {', '.join(told)}"
            yield Noticed(rule, where, severity, sum(told.values()), "values", evidence={"columns": told})

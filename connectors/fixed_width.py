"""Fixed-width exports: each record cut at the positions the contract declares, all columns at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Field, Source
from connectors.batch import Batch, rejected
from connectors.bounding import bounded
from connectors.files import files_of, is_personal, location_of, refuse_reserved
from connectors.lines import Broken, blocks

DIGITS = re.compile(r"[0-9]+")
LINE = pl.col("line")


@dataclass(frozen=True)
class Layout:
    """Where a record's fields lie. `whole` is its length; positions count characters, not bytes."""

    fields: tuple[Field, ...]
    whole: int
    least: int  # a record whose last field is text may have lost trailing blanks, down to here
    trailing: bool  # records hold more than the contract declares

    def cuts(self) -> list[pl.Expr]:
        """An expression for each column."""
        return [LINE.str.slice(_begin(field), field.length).alias(field.physical_name) for field in self.fields]

    def misfits(self, *, cut_off: bool) -> pl.Expr:
        """Whether a line is too short or too long; `cut_off`: it is the last one and lacks its line end."""
        width = LINE.str.len_chars()
        short = width < (self.whole if cut_off else self.least)
        return short if self.trailing else short | (LINE.str.strip_chars_end().str.len_chars() > self.whole)


def read(source: Source, dataset: Dataset, *, folder: Path) -> Iterator[Batch]:
    """Rows of all files. A record that is too short or too long is a reject, because its values may be cut or shifted.

    Where the source declares a `footerPattern`, raises SourceUnreadable for a file without a trailer, with lines behind
    it, or whose trailer counts other than its records: such an export is not whole, however few lines are gone. The
    count is the pattern's first group, or else any number in the trailer.
    """
    fields = tuple(field for field in dataset.fields if field.start is not None and field.length is not None)
    refuse_reserved((field.physical_name for field in fields), source, dataset, "the contract")
    personal = is_personal(dataset)
    for path in files_of(source, dataset, folder=folder):
        place = location_of(path, folder=folder)
        for records, faults, layout in _pieces(source, dataset, path, fields):
            rejects = rejected([(place, *fault) for fault in sorted(faults)], personal=personal)
            for piece in bounded(records, source):
                frame = piece.select(*layout.cuts(), pl.lit(place).alias("_location"), "_position")
                yield Batch(frame, rejects)
                rejects = rejects.clear()


def columns(source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
    """The declared columns, because a fixed-width file names none; the file must be there."""
    files_of(source, dataset, folder=folder)
    return {field.physical_name: "text" for field in dataset.fields if field.start is not None}


def _begin(field: Field) -> int:
    return (field.start or 1) - 1


def _end(field: Field) -> int:
    return _begin(field) + (field.length or 0)


def _layout(fields: tuple[Field, ...], records: pl.DataFrame) -> Layout:
    """The layout, as the first record of a file fills it."""
    whole = max(map(_end, fields))
    last = [field for field in fields if _end(field) == whole]
    least = max(map(_begin, last)) + 1 if all(field.type == "string" for field in last) else whole
    first = records["line"][0].rstrip() if records.height else ""
    return Layout(fields, whole, least, trailing=len(first) > whole)


def _pieces(
    source: Source, dataset: Dataset, path: Path, fields: tuple[Field, ...]
) -> Iterator[tuple[pl.DataFrame, list[Broken], Layout]]:
    """Records that fit, faults, and the layout, block by block; the trailer is judged when the file ends."""
    count, trailer, layout = 0, "", None
    for block in blocks(path, source, dataset):
        lines, broken = block.frame()
        broken = [fault for fault in broken if fault[0] > source.header_lines]
        body = lines.filter((pl.col("_position") > source.header_lines) & (LINE.str.strip_chars("\0 \t") != ""))
        if source.footer_pattern:
            body, trailer, count = _until_trailer(source, dataset, path, body, broken, trailer, count)
        layout = layout or (_layout(fields, body) if body.height or block.last else None)
        if layout is None:
            continue
        misfit = layout.misfits(cut_off=False)
        if block.last and lines.height and not block.text.endswith(("\n", "\r")):
            misfit = (
                pl.when(pl.col("_position") == lines["_position"].max())
                .then(layout.misfits(cut_off=True))
                .otherwise(misfit)
            )
        wrong = body.filter(misfit).select("_position", LINE.str.len_chars().alias("width"), "line")
        faults = [
            (at, f"{width} characters where the record has {layout.whole}", line)
            for at, width, line in wrong.iter_rows()
        ]
        yield body.filter(~misfit), broken + faults, layout
    if source.footer_pattern:
        _judge(source, dataset, path, trailer, count)


def _until_trailer(
    source: Source, dataset: Dataset, path: Path, body: pl.DataFrame, broken: list[Broken], trailer: str, count: int
) -> tuple[pl.DataFrame, str, int]:
    """The records before the trailer, the trailer once it is found, and how many records came so far."""
    search = re.compile(source.footer_pattern).search  # Python's, because the loader checked it as Python's
    ends = pl.Series([search(line) is not None for line in body["line"]], dtype=pl.Boolean)
    if trailer or (ends.any() and not ends[-1]) or ends.sum() > 1:
        if body.height or broken:
            raise _refused(source, dataset, path, "has lines behind its trailer")
        return body, trailer, count
    if ends.any():
        trailer = body["line"][-1]
    records = body.filter(~ends)
    return records, trailer, count + records.height + len(broken)


def _judge(source: Source, dataset: Dataset, path: Path, trailer: str, count: int) -> None:
    """Raise SourceUnreadable unless the trailer is there and counts the records that were read."""
    if not trailer:
        raise _refused(source, dataset, path, f"ends after {count} records without a trailer")
    match = re.search(source.footer_pattern, trailer)
    group = match[1] if match and match.re.groups else None
    told = [int(number) for number in DIGITS.findall(trailer if group is None else group)]
    if told and count not in told:
        raise _refused(
            source, dataset, path, f"holds {count} records and its trailer says {' or '.join(map(str, told))}"
        )


def _refused(source: Source, dataset: Dataset, path: Path, what: str) -> SourceUnreadable:
    remedy = "Ask for a whole export; the last good rows stay."
    return SourceUnreadable(source.name, dataset.name, f"'{path.name}' {what}", remedy)

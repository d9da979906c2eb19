"""From a file of records to pieces of rows: decode portion by portion, and tell at the end what was odd."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from connectors.formats.mainframe.columns import schema_of
from connectors.formats.mainframe.framing import Offsets
from connectors.formats.mainframe.notices import about_fields, about_records
from connectors.formats.mainframe.planning import Plan
from connectors.formats.mainframe.reading import Decoder
from connectors.formats.mainframe.records import PORTION, Records, records
from connectors.formats.mainframe.segments import (
    NO_SEGMENT,
    Numbers,
    SegmentIds,
    kept_by_filter,
    segment_ids,
    segment_numbers,
)
from connectors.formats.tables import File, Limits, Noticed, Piece

LEAST_PORTION = 64 * 2**10


def pieces(file: File, plan: Plan, limits: Limits) -> Iterator[Piece]:
    """The rows in pieces within the limits; the last one carries what was noticed. Raises FileRefused."""
    from connectors.formats.mainframe.families import FamilyReader

    reader = FamilyReader(plan) if plan.options.segment_children else Reader(plan)
    portion = min(PORTION, max(LEAST_PORTION, limits.batch_bytes // 4))
    held: pl.DataFrame | None = None
    at_once = min(limits.batch_rows, plan.layout.rows_of(limits.batch_bytes))
    for frame in reader.frames(file, portion, at_once):
        for part in _bounded(frame, limits):
            if held is not None:
                yield Piece(held)
            held = part
    yield Piece(reader.empty() if held is None else held, noticed=reader.noticed())


def _bounded(frame: pl.DataFrame, limits: Limits) -> Iterator[pl.DataFrame]:
    """The rows in slices within the limits; records of one layout are of much the same size."""
    if not frame.height:
        return
    parts = -(-int(frame.estimated_size()) // max(limits.batch_bytes, 1))
    rows = max(1, min(limits.batch_rows, frame.height // max(parts, 1)))
    for start in range(0, frame.height, rows):
        yield frame.slice(start, rows)


class Reader:
    """Reads a file once, each record a row of its own."""

    def __init__(self, plan: Plan) -> None:
        self._options, self._layout = plan.options, plan.layout
        self._decoder = Decoder(plan.layout, plan.options, plan.options.reading())
        self._framing = plan.framing()
        self._ids = SegmentIds(plan.options)
        self._schema = pl.Schema(schema_of(plan.layout, plan.options) | {"_position": pl.Int64()})

    def empty(self) -> pl.DataFrame:
        """No rows."""
        return pl.DataFrame(schema=self._schema)

    def frames(self, file: File, portion: int, at_once: int) -> Iterator[pl.DataFrame]:
        """The rows, at most `at_once` at a time."""
        for found in records(file, self._framing, portion):
            for start in range(0, len(found), at_once):
                yield self._frame(found.taken(slice(start, start + at_once)))

    def noticed(self) -> list[Noticed]:
        """What was odd about the file, once it is read."""
        return about_records(self._framing.odd) + about_fields(self._decoder)

    def _frame(self, found: Records) -> pl.DataFrame:
        """The rows of records."""
        if not self._options.segment_field:
            return self._table(found, self._decoder.columns(found))
        ids = segment_ids(found, self._layout, self._decoder)
        generated = self._ids.columns(ids, found)
        kept = kept_by_filter(ids, self._options)
        if generated:
            rooted = generated[0].is_not_null()
            self._framing.odd["records-before-root"] += int((~rooted).sum())
            kept = kept & rooted
        if not kept.all():
            found, ids = found.taken(kept.to_numpy()), ids.filter(kept)
            generated = [column.filter(kept) for column in generated]
        numbers = self._numbered(ids) if self._options.redefine_segment_id_map else None
        return self._table(found, generated + self._decoder.columns(found, numbers)) if len(found) else self.empty()

    def _numbered(self, ids: pl.Series) -> Numbers:
        """Which segment each record is of; those of none are counted."""
        numbers = segment_numbers(ids, self._options)
        self._framing.odd["segments-unmapped"] += int((numbers == NO_SEGMENT).sum())
        return numbers

    def _table(
        self, found: Records, columns: list[pl.Series], *, ids: Offsets | None = None, lengths: Offsets | None = None
    ) -> pl.DataFrame:
        """The columns as a frame, with those that number and show records, named and ordered as the schema says."""
        about: list[pl.Series] = []
        if self._options.generate_record_id:
            about += [
                pl.Series("File_Id", [self._options.file_id], dtype=pl.Int32).new_from_index(0, len(found)),
                pl.Series("Record_Id", found.ids if ids is None else ids, dtype=pl.Int64),
                pl.Series("Record_Byte_Length", self._lengths(found) if lengths is None else lengths).cast(pl.Int32),
            ]
        if self._options.generate_record_bytes:  # row by row, because each record is its own run of bytes
            spans = zip((found.ends - self._lengths(found)).tolist(), found.ends.tolist(), strict=True)
            about.append(pl.Series([found.buffer[start:end].tobytes() for start, end in spans], dtype=pl.Binary))
        named = zip(self._schema, [*about, *columns, pl.Series(found.ordinals)], strict=True)
        return pl.DataFrame([column.alias(name) for name, column in named])

    def _lengths(self, found: Records) -> Offsets:
        """Bytes of each record, with those before the copybook's first field."""
        return found.ends - found.starts + self._options.record_start_offset

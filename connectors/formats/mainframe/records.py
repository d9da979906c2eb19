"""Cut a file into records: fixed, with length words before them, as lines, or as long as their own fields say.

Record formats are those of z/OS DFSMS, Using Data Sets (F, FB, V, VB: record and block descriptor words). The file is
read in portions of a fixed size, and only records that lie wholly in a portion are cut from it, so that memory does not
grow with the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from catalog.errors import FileRefused
from connectors.formats.mainframe.fields import Reading
from connectors.formats.mainframe.framing import Cut, Cutter, fixed, lines
from connectors.formats.mainframe.layout import Layout
from connectors.formats.mainframe.lengths import extent_of_tables, length_of_fields
from connectors.formats.mainframe.options import Options
from connectors.formats.mainframe.words import blocked, fixed_blocked, headed, measured, worded
from connectors.formats.tables import File

PORTION = 8 * 2**20  # bytes read at once
LONGEST_RECORD = 100 * 2**20  # bytes; what says that it is longer is no record

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Records:
    """Records of one portion: where each begins and ends in `buffer`, which has room for a whole record after the last.

    `ordinals` counts the records (or lines) of the file from 1, `ids` those that were not skipped from 0.
    """

    buffer: npt.NDArray[np.uint8]
    starts: Offsets
    ends: Offsets
    ordinals: Offsets
    ids: Offsets

    def __len__(self) -> int:
        return len(self.starts)

    def taken(self, rows: Offsets | slice | npt.NDArray[np.bool_]) -> Records:
        """Some of them."""
        return Records(self.buffer, self.starts[rows], self.ends[rows], self.ordinals[rows], self.ids[rows])


@dataclass
class Framing:
    """How a file is cut. `odd` counts what was odd about it while it is read, by rule."""

    cutter: Cutter
    options: Options
    room: int  # bytes that a record may be looked at beyond its beginning
    begin: int
    end: int
    of_one_length: bool = False
    odd: Counter[str] = field(default_factory=Counter)


def framing(layout: Layout, options: Options, reading: Reading, begin: int, end: int) -> Framing:
    """How files of a layout are cut, but for `begin` bytes before the records and `end` after. Raises FileRefused."""
    room = layout.size + options.record_start_offset + 8
    cutter = _cutter(layout, options, reading)
    if cutter is not None:
        return Framing(cutter, options, room, begin, end)
    length = _record_length(layout, options)
    if options.block_length is not None and options.block_length % length:
        raise FileRefused(f"block_length {options.block_length:,} is no multiple of the record length {length:,}",
                          "Correct block_length or record_length.")  # fmt: skip
    return Framing(fixed(length, partial=options.allow_partial_records), options, room, begin, end, of_one_length=True)


def _cutter(layout: Layout, options: Options, reading: Reading) -> Cutter | None:
    """The cutter that the options ask for; None where all records are of one length and nothing stands between them."""
    around = options.record_start_offset + options.record_end_offset
    if options.is_text:
        return lines(layout.size + around, ebcdic=options.is_ebcdic)
    if options.record_header is not None:
        return headed(options.record_header)
    said = options.record_length_field or (options.record_length if isinstance(options.record_length, str) else "")
    if said and not said.strip().isdecimal():
        return measured(length_of_fields(said, layout, options, reading))
    if options.record_format == "V":
        return worded(options)
    if options.record_format == "VB":
        return blocked(options)
    if options.record_format == "FB" and options.block_length is None and options.records_per_block is None:
        return fixed_blocked(_record_length(layout, options), options)
    if options.variable_size_occurs == "shift_record" and layout.varies and options.record_length is None:
        return measured(extent_of_tables(layout, options, reading))
    return None


def _record_length(layout: Layout, options: Options) -> int:
    """Bytes of a record of fixed length."""
    declared = options.record_length
    known = isinstance(declared, int) or (isinstance(declared, str) and declared.strip().isdecimal())
    length = int(declared) if known and declared is not None else layout.size
    return max(length, 1) + options.record_start_offset + options.record_end_offset


def records(file: File, cut: Framing, portion: int = PORTION) -> Iterator[Records]:
    """The file's records in order, those of one portion at a time. Raises FileRefused."""
    size = file.size
    left = size - cut.begin - cut.end
    if left <= 0:
        raise FileRefused(f"the file holds {size:,} bytes and no record between its header and trailer",
                          "Ask for the export again, or correct file_start_offset and file_end_offset.")  # fmt: skip
    numbers = _Numbering(cut)
    rest: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
    at = cut.begin
    with file.path.open("rb") as opened:
        opened.seek(at)
        while left:
            want = min(portion, left)
            count = len(rest) + want
            buffer = np.zeros(count + cut.room, np.uint8)
            buffer[: len(rest)] = rest
            got = opened.readinto(buffer[len(rest) : count].data)
            left = left - want if got == want else 0
            found = cut.cutter(buffer[: count - want + got].data, left == 0, at)
            cut.odd.update(found.odd)
            yield numbers.numbered(buffer, found)
            at += found.used
            rest = buffer[found.used : count - want + got]
            if len(rest) > LONGEST_RECORD and not found.used:
                raise FileRefused(f"the record at byte {at:,} is longer than {LONGEST_RECORD:,} bytes",
                                  "Check record_format and the copybook.")  # fmt: skip


class _Numbering:
    """Numbers records, and passes over those that are too short or too long to be meant."""

    def __init__(self, cut: Framing) -> None:
        self._cut = cut
        self._seen = self._kept = 0

    def numbered(self, buffer: npt.NDArray[np.uint8], found: Cut) -> Records:
        """The records of a portion."""
        options = self._cut.options
        lengths = found.lengths
        kept = lengths >= max(options.minimum_record_length, options.record_start_offset + 1)
        if options.maximum_record_length is not None:
            kept &= lengths <= options.maximum_record_length
        ordinals = self._seen + (found.numbers if found.numbers is not None else np.arange(1, len(lengths) + 1))
        self._seen += found.passed if found.passed is not None else len(lengths)
        starts, skipped = found.starts + options.record_start_offset, len(lengths) - int(kept.sum())
        if skipped:
            self._cut.odd["records-skipped"] += skipped
            starts, ordinals = starts[kept], ordinals[kept]
        ends = (found.starts + lengths)[kept] if skipped else found.starts + lengths
        ids = self._kept + np.arange(len(starts), dtype=np.int64)
        self._kept += len(starts)
        return Records(buffer, starts, ends, ordinals.astype(np.int64), ids)


def check_divides(size: int, layout: Layout, options: Options, begin: int, end: int) -> None:
    """Refuse a file of fixed records that does not hold a whole number of them."""
    length = _record_length(layout, options)
    body = size - begin - end
    if options.allow_partial_records or body <= 0 or body % length == 0:
        return
    raise FileRefused(
        f"the file holds {body:,} bytes: {body // length:,} records of {length:,} bytes, and {body % length:,} more",
        "Check the copybook, record_format and file_start_offset; or read the rest with `allow_partial_records: true`.",
    )

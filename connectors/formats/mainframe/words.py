"""Cut portions of a file into records that length words stand before, and into records that say their own length.

One record's length tells where the next one begins, so these loops go record by record; they touch a header and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from catalog.errors import FileRefused
from connectors.formats.mainframe.framing import Cut, Cutter
from connectors.formats.mainframe.options import Options, RecordHeader

WORD = 4  # bytes of a record or block descriptor word
LONGEST_RECORD = 100 * 2**20
LONGEST_BLOCK = 256 * 2**20
CHECK = "Check record_format, is_rdw_big_endian and rdw_adjustment."

Measure = Callable[[memoryview, int], int | None]  # a portion and where a record begins; None: it does not say yet


class _Found:
    """Records found so far."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.lengths: list[int] = []
        self.used = 0
        self.odd: dict[str, int] = {}

    def cut(self) -> Cut:
        """As a cut."""
        return Cut(np.array(self.starts, np.int64), np.array(self.lengths, np.int64), self.used, odd=self.odd)


def _told(word: memoryview, big_endian: bool, what: str, at: int) -> int:
    """The length in a descriptor word: in its first half, or in its second where the first is zero."""
    first, second, third, fourth = word
    high, low = (first, second) if big_endian else (second, first)
    if third or fourth:
        if first or second:
            raise FileRefused(f"the four bytes at {at:,} are no {what}: both of their halves hold something", CHECK)
        high, low = (third, fourth) if big_endian else (fourth, third)
    return high * 256 + low


def worded(options: Options) -> Cutter:
    """Records with a record descriptor word (RDW) before each: format V."""
    big, adjustment = options.is_rdw_big_endian, _adjustment(options)
    partial = options.allow_partial_records

    def cut(portion: memoryview, last: bool, at: int) -> Cut:
        found = _Found()
        _walk(found, portion, 0, len(portion), big, adjustment, last, at, partial)
        if last and found.used < len(portion):
            _padding(found, portion, at, "record descriptor word")
        return found.cut()

    return cut


def _adjustment(options: Options) -> int:
    return options.rdw_adjustment - (WORD if options.is_rdw_part_of_record_length else 0)


def _walk(
    found: _Found,
    portion: memoryview,
    place: int,
    end: int,
    big: bool,
    adjustment: int,
    last: bool,
    at: int,
    partial: bool,
) -> None:
    """Follow record descriptor words from `place` to `end`. Raises FileRefused where one cannot be."""
    starts, lengths = found.starts, found.lengths
    while place + WORD <= end:
        length = _told(portion[place : place + WORD], big, "record descriptor word", at + place)
        if not length:
            break
        length += adjustment
        after = place + WORD + length
        if length <= 0 or length > LONGEST_RECORD:
            raise FileRefused(f"the record at byte {at + place:,} says that it is {length:,} bytes long", CHECK)
        if after > end:
            if not last:
                break
            if not partial:
                raise FileRefused(f"the record at byte {at + place:,} says that it is {length:,} bytes long, "
                                  f"but {end - place - WORD:,} are left", CHECK)  # fmt: skip
            found.odd["record-cut"] = 1
            length, after = end - place - WORD, end
        starts.append(place + WORD)
        lengths.append(length)
        place = after
    found.used = place


def _padding(found: _Found, portion: memoryview, at: int, what: str) -> None:
    """Pass over NULs at a file's end, and count them. Raises FileRefused for anything else."""
    rest = portion[found.used :]
    if bytes(rest).strip(b"\0"):
        raise FileRefused(f"the bytes at {at + found.used:,} are no {what}", CHECK)
    found.odd["padding-bytes"] = len(rest)
    found.used = len(portion)


def _block(portion: memoryview, place: int, options: Options, at: int) -> int | None:
    """The length of a block (without its word) from its descriptor word (BDW), None where it is not all there."""
    if place + WORD > len(portion):
        return None
    word = bytes(portion[place : place + WORD])
    ordered = word if options.is_bdw_big_endian else word[::-1]
    if ordered[0] & 0x80:  # an extended block, of 31 bits
        length = int.from_bytes(ordered) & 0x7FFFFFFF
    else:
        length = _told(memoryview(word), options.is_bdw_big_endian, "block descriptor word", at + place)
    length += options.bdw_adjustment
    if not 0 < length <= LONGEST_BLOCK:
        raise FileRefused(f"the block at byte {at + place:,} says that it is {length:,} bytes long",
                          "Check is_bdw_big_endian and bdw_adjustment.")  # fmt: skip
    return length


def blocked(options: Options) -> Cutter:
    """Blocks of records with a block descriptor word before each block and an RDW before each record: format VB."""
    big, adjustment = options.is_rdw_big_endian, _adjustment(options)

    def inside(found: _Found, portion: memoryview, place: int, end: int, at: int) -> None:
        _walk(found, portion, place, end, big, adjustment, True, at, False)
        if found.used != end:
            raise FileRefused(f"the block that ends at byte {at + end:,} holds {end - found.used:,} bytes of no record",
                              "Check bdw_adjustment and rdw_adjustment.")  # fmt: skip

    return _blocks(options, inside)


def fixed_blocked(length: int, options: Options) -> Cutter:
    """Blocks of records of one length, with a block descriptor word before each block: format FB."""

    def inside(found: _Found, portion: memoryview, place: int, end: int, at: int) -> None:
        if (end - place) % length:
            raise FileRefused(f"the block that ends at byte {at + end:,} holds {end - place:,} bytes, "
                              f"no whole number of {length:,}-byte records", "Check the copybook.")  # fmt: skip
        found.starts += range(place, end, length)
        found.lengths += [length] * ((end - place) // length)
        found.used = end

    return _blocks(options, inside)


def _blocks(options: Options, inside: Callable[[_Found, memoryview, int, int, int], None]) -> Cutter:
    """Whole blocks, each cut by `inside`."""

    def cut(portion: memoryview, last: bool, at: int) -> Cut:
        found = _Found()
        place = 0
        while place < len(portion):
            if last and not any(portion[place : place + WORD]):
                break
            length = _block(portion, place, options, at)
            end = place + WORD + (length or 0)
            if length is None or end > len(portion):
                if last:
                    raise FileRefused(f"the block at byte {at + place:,} is cut", "Ask for the export again.")
                break
            inside(found, portion, place + WORD, end, at)
            place = end
        found.used = place
        if last and place < len(portion):
            _padding(found, portion, at, "block descriptor word")
        return found.cut()

    return cut


def headed(header: RecordHeader) -> Cutter:
    """Records with a header of one's own before each."""
    order = "big" if header.big_endian else "little"

    def cut(portion: memoryview, last: bool, at: int) -> Cut:
        found = _Found()
        numbers: list[int] = []
        place = seen = 0
        while place + header.size <= len(portion):
            word = portion[place + header.length_at : place + header.length_at + header.length_bytes]
            length = int.from_bytes(word, order)  # type: ignore[arg-type]  # one of the two
            end = place + header.size + length
            if not 0 < length <= LONGEST_RECORD or (last and end > len(portion)):
                raise FileRefused(f"the record at byte {at + place:,} says that it is {length:,} bytes long",
                                  "Check record_header.")  # fmt: skip
            if end > len(portion):
                break
            seen += 1
            if header.valid_at is None or portion[place + header.valid_at] == header.valid_value:
                found.starts.append(place + header.size)
                found.lengths.append(length)
                numbers.append(seen)
            place = end
        found.used = place
        if last and place < len(portion):
            _padding(found, portion, at, "record header")
        told = found.cut()
        return Cut(told.starts, told.lengths, told.used, np.array(numbers, np.int64), seen, told.odd)

    return cut


def measured(measure: Measure) -> Cutter:
    """Records that say themselves how long they are."""

    def cut(portion: memoryview, last: bool, at: int) -> Cut:
        found = _Found()
        place, end = 0, len(portion)
        while place < end:
            length = measure(portion, place)
            if length is not None and not 0 < length <= LONGEST_RECORD:
                raise FileRefused(f"the record at byte {at + place:,} says that it is {length:,} bytes long",
                                  "Check the copybook and record_length_field.")  # fmt: skip
            if length is None or place + length > end:
                if last:
                    raise FileRefused(f"the last record, at byte {at + place:,}, is cut", "Ask for the export again.")
                break
            found.starts.append(place)
            found.lengths.append(length)
            place += length
        found.used = place
        return found.cut()

    return cut

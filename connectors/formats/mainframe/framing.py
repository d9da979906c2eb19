"""Cut portions of a file into records of one length, and into lines.

A cutter takes a portion, whether the file ends with it, and where in the file it begins; it tells which records lie in
it and how many bytes they use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from catalog.errors import FileRefused

Offsets = npt.NDArray[np.int64]
ASCII_LINES = (0x0A,)
EBCDIC_LINES = (0x15, 0x25)  # NEL and LF
RETURN = 0x0D  # CR, in both
END_OF_FILE = 0x1A  # Ctrl-Z, the last character of a DOS text file


@dataclass(frozen=True)
class Cut:
    """Where records begin in a portion, how long they are, and how many bytes of it they use.

    `numbers` counts them from 1 where some were passed over, `passed` is then how many there were; `odd` counts what
    was odd, by rule.
    """

    starts: Offsets
    lengths: Offsets
    used: int
    numbers: Offsets | None = None
    passed: int | None = None
    odd: Mapping[str, int] = field(default_factory=dict)


Cutter = Callable[[memoryview, bool, int], Cut]


def fixed(length: int, *, partial: bool) -> Cutter:
    """Records of one length; a shorter last one only where `partial`."""

    def cut(portion: memoryview, last: bool, at: int) -> Cut:
        count, rest = divmod(len(portion), length)
        starts = np.arange(count + bool(last and rest), dtype=np.int64) * length
        lengths = np.full(len(starts), length, np.int64)
        if not last or not rest:
            return Cut(starts, lengths, count * length)
        if not partial:
            raise FileRefused(f"the last record is cut: {rest:,} of {length:,} bytes", "Ask for the export again.")
        lengths[-1] = rest
        return Cut(starts, lengths, len(portion), odd={"record-cut": 1})

    return cut


def lines(longest: int, *, ebcdic: bool) -> Cutter:
    """Lines without their ends; empty ones are no records, and what stands beyond `longest` is cut off and counted."""
    ends_ = EBCDIC_LINES if ebcdic else ASCII_LINES

    def cut(portion: memoryview, last: bool, at: int) -> Cut:
        data = np.frombuffer(portion, np.uint8)
        if last and not ebcdic and len(data) and data[-1] == END_OF_FILE:
            data = data[:-1]
        ends = np.flatnonzero(np.isin(data, ends_)).astype(np.int64)
        used = int(ends[-1]) + 1 if len(ends) else 0
        if last and used < len(data):
            ends = np.append(ends, len(data))
        starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64) if len(ends) else ends
        lengths = ends - starts
        returned = (lengths > 0) & (data[np.maximum(ends - 1, 0)] == RETURN) if len(ends) else lengths > 0
        lengths = lengths - returned
        said = lengths > 0
        numbers = np.flatnonzero(said) + 1
        long = int((lengths > longest).sum())
        odd = {"lines-too-long": long} if long else {}
        lengths = np.minimum(lengths[said], longest)
        return Cut(starts[said], lengths, len(portion) if last else used, numbers, len(ends), odd)

    return cut

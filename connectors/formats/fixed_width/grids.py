"""Records of one length in ASCII as a matrix of signs, whose columns are cut without a look at each record.

A text of Polars and Arrow is a view of 16 bytes: its length, and up to 12 signs, or the first four with the place of
all of them in a buffer (https://arrow.apache.org/docs/format/Columnar.html, "Variable-size Binary View Layout"). All
views of a column are written at once, and the long ones point into the block as it was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from connectors.formats.text_blocks import Block, counted

if TYPE_CHECKING:
    import numpy as np

    Bytes = np.ndarray[tuple[int, int], np.dtype[np.uint8]]

VIEW = 16  # bytes of a view
WITHIN = 12  # signs that a view itself holds
LINE_FEED, RETURN = 10, 13
BLANKS = (0, 9, 32)
FIRST_LETTER = 33  # all blanks come before it


@dataclass(frozen=True)
class Grid:
    """`signs` has a row for each record, line end included; `width` is a record's length without it."""

    data: bytes
    signs: Bytes
    width: int

    def column(self, start: int, length: int) -> pl.Series:
        """The texts from the place `start` on, from 0: as much of `length` signs as the records have."""
        import numpy as np
        import pyarrow as pa

        rows, stride = self.signs.shape
        length = max(0, min(length, self.width - start))
        views = np.zeros((rows, VIEW), np.uint8)
        views.view("<i4")[:, 0] = length
        buffers = [None, pa.py_buffer(views)]
        if length <= WITHIN:
            views[:, 4 : 4 + length] = self.signs[:, start : start + length]
        else:
            views[:, 4:8] = self.signs[:, start : start + 4]
            views.view("<i4")[:, 3] = np.arange(start, start + rows * stride, stride)
            buffers.append(pa.py_buffer(self.data))
        return pl.Series(pa.Array.from_buffers(pa.string_view(), rows, buffers), dtype=pl.String)


def grid_of(block: Block) -> Grid | None:
    """The grid of a block; None where its lines differ in length or in how they end, are blank, or are not ASCII."""
    import numpy as np

    data = block.data
    stride = data.find(b"\n") + 1
    if stride < 2 or len(data) % stride or not data.isascii():
        return None
    signs = np.frombuffer(data, np.uint8).reshape(-1, stride)
    rows = len(signs)
    if not (signs[:, -1] == LINE_FEED).all() or block.line_feeds != rows:
        return None
    returns = counted(data, b"\r")
    if returns and (returns != rows or not (signs[:, -2] == RETURN).all()):
        return None
    width = stride - (2 if returns else 1)
    if not 0 < width <= block.longest or _has_blanks(signs[:, :width]):
        return None
    return Grid(data, signs, width)


def _has_blanks(records: Bytes) -> bool:
    """Whether any record is blank, looked for among those that begin with a blank."""
    import numpy as np

    doubtful = records[records[:, 0] < FIRST_LETTER]
    return bool(np.isin(doubtful, BLANKS).all(axis=1).any())

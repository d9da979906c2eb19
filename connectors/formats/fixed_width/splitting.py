"""A file's lines as columns of text, block by block, the next one made while the last is used.

Lines of one length are a grid, which needs no splitting. Where else nothing in a block is odd, Polars splits it as a
CSV file of one column whose separator stands nowhere, which makes no Python text of the lines; otherwise,
`text_blocks` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from connectors.formats.ahead import ahead
from connectors.formats.fixed_width.grids import Grid, grid_of
from connectors.formats.tables import Limits, Reject
from connectors.formats.text_blocks import Block, blocks, counted, longest_of, portion_of

NOWHERE = "\x01"
SEPARATOR = NOWHERE.encode()
# beginnings that Polars takes off or unpacks: a byte order mark, and what GZIP, ZLIB and Zstandard begin with
TAKEN_FOR_MORE = (b"\xef\xbb\xbf", b"\x1f\x8b", b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x28\xb5\x2f\xfd")
IN_FLIGHT = 4  # blocks that are held at the same time, as bytes, as lines and as columns


@dataclass(frozen=True)
class Lines:
    """The lines of a block, and their grid where they have one."""

    block: Block
    grid: Grid | None = None

    @property
    def frame(self) -> pl.DataFrame:
        """The lines (`line` String, `_position` Int64)."""
        return self._split[0]

    @property
    def broken(self) -> list[Reject]:
        """Those that are no text."""
        return self._split[1]

    @property
    def cut_off(self) -> int:
        """The number of a last line that lacks its line end, else 0."""
        is_cut = self.block.last and self.frame.height and not self.block.data.endswith((b"\n", b"\r"))
        return int(self.frame["_position"][-1]) if is_cut else 0

    @cached_property
    def _split(self) -> tuple[pl.DataFrame, list[Reject]]:
        quick = _split(self.block)
        return (quick, []) if quick is not None else self.block.frame()

    @classmethod
    def of(cls, block: Block) -> Lines:
        """The lines, split where they are no grid."""
        told = cls(block, grid_of(block))
        if told.grid is None:
            _ = told.frame
        return told


def portion_at(limits: Limits) -> int:
    """Bytes to read at once."""
    return portion_of(replace(limits, batch_bytes=limits.batch_bytes // IN_FLIGHT))


def lines_of(path: Path, encoding: str, limits: Limits) -> Iterator[Lines]:
    """The file's lines in blocks, at least one. Raises FileRefused where it cannot be read or is empty."""
    portion = portion_at(limits)
    for _, lines in ahead(_numbered(path, encoding, portion, limits), Lines.of, portion=portion):
        yield lines


def _numbered(path: Path, encoding: str, portion: int, limits: Limits) -> Iterator[Block]:
    for block in blocks(path, encoding=encoding, portion=portion, longest=longest_of(limits)):
        _ = block.first  # counted here, where blocks come in order
        yield block


def _split(block: Block) -> pl.DataFrame | None:
    """The lines as Polars splits them; None where it might see others than there are."""
    data = block.data
    if not data.endswith(b"\n") or SEPARATOR in data or data.startswith(TAKEN_FOR_MORE):
        return None
    if b"\r" in data and data.count(b"\r\n") != counted(data, b"\r"):
        return None
    try:
        lines = pl.read_csv(data, has_header=False, separator=NOWHERE, quote_char=None, schema={"line": pl.String},
                            empty_string_is_null=False)  # fmt: skip
    except pl.exceptions.PolarsError:  # not UTF-8
        return None
    longest = lines["line"].str.len_bytes().max()
    if lines.height != block.line_feeds or not isinstance(longest, int) or longest > block.longest:
        return None
    numbers = pl.int_range(block.first, block.first + lines.height, dtype=pl.Int64, eager=True)
    return lines.insert_column(1, numbers.alias("_position"))

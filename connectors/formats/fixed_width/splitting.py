"""A file's lines as columns of text, block by block, the next one made while the last is used.

Where nothing in a block is odd, Polars splits it as a CSV file of one column whose separator stands nowhere, which
makes no Python text of the lines. Otherwise, `text_blocks` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from connectors.formats.tables import Limits, Reject
from connectors.formats.text_blocks import Block, blocks, counted, longest_of, portion_of

NOWHERE = "\x01"
SEPARATOR = NOWHERE.encode()
# beginnings that Polars takes off or unpacks: a byte order mark, and what GZIP, ZLIB and Zstandard begin with
TAKEN_FOR_MORE = (b"\xef\xbb\xbf", b"\x1f\x8b", b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x28\xb5\x2f\xfd")
IN_FLIGHT = 4  # blocks that are held at the same time, as bytes, as lines and as columns


@dataclass(frozen=True)
class Lines:
    """Lines (`line` String, `_position` Int64) from the number `first` on, and those that are no text.

    `last`: the file ends here. `cut_off` is the number of a last line that lacks its line end, else 0.
    """

    frame: pl.DataFrame
    broken: list[Reject]
    first: int
    last: bool
    cut_off: int


def lines_of(path: Path, encoding: str, limits: Limits) -> Iterator[Lines]:
    """The file's lines in blocks, at least one. Raises FileRefused where it cannot be read or is empty."""
    portion = portion_of(replace(limits, batch_bytes=limits.batch_bytes // IN_FLIGHT))
    text = blocks(path, encoding=encoding, portion=portion, longest=longest_of(limits))
    coming = map(_lines, text)
    with ThreadPoolExecutor(1) as aside:
        lines = aside.submit(next, coming, None)
        while (told := lines.result()) is not None:
            if not told.last:
                lines = aside.submit(next, coming, None)
            yield told
            if told.last:
                return


def _lines(block: Block) -> Lines:
    quick = _split(block)
    frame, broken = (quick, []) if quick is not None else block.frame()
    is_cut = block.last and frame.height and not block.data.endswith((b"\n", b"\r"))
    return Lines(frame, broken, block.first, block.last, int(frame["_position"][-1]) if is_cut else 0)


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
    if lines.height != counted(data, b"\n") or not isinstance(longest, int) or longest > block.longest:
        return None
    numbers = pl.int_range(block.first, block.first + lines.height, dtype=pl.Int64, eager=True)
    return lines.insert_column(1, numbers.alias("_position"))

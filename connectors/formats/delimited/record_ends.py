"""Records that end with something else than their line, `&|` and LF, respelled as lines."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.text_blocks import Block

LINE_FEED, RETURN = "\ue00a", "\ue00d"  # stand for line ends in cells, while a line end ends a record


def respelled(blocks: Iterator[Block], record_end: str) -> Iterator[Block]:
    """Blocks in which each record is a line; `first` then counts records. As they are where records are lines."""
    return _respelled(blocks, record_end) if record_end else blocks


def _respelled(blocks: Iterator[Block], record_end: str) -> Iterator[Block]:
    rest, number = "", 1
    for block in blocks:
        if LINE_FEED in block.text or RETURN in block.text:
            raise FileRefused(
                "it holds a private-use character that its record end needs", "Ask for an export with lines."
            )
        rest += block.text
        cut = rest.rfind(record_end) + len(record_end) if record_end in rest else 0
        told = rest[:cut] if not block.last else rest
        if not told and len(rest) > block.longest:
            rest = rest[: block.longest + 1]
        if told or block.last:
            text = (
                told.replace(record_end, "\0\0\0")
                .replace("\r", RETURN)
                .replace("\n", LINE_FEED)
                .replace("\0\0\0", "\n")
            )
            yield Block(text.rstrip(LINE_FEED + RETURN) if block.last else text, number, block.encoding, block.last,
                        block.longest)  # fmt: skip
            number += told.count(record_end)
            rest = rest[len(told) :]


def with_line_ends(cells: list[str]) -> list[str]:
    """Cells with the line ends that they have in the file."""
    return [cell.replace(LINE_FEED, "\n").replace(RETURN, "\r") for cell in cells]


def frame_with_line_ends(frame: pl.DataFrame) -> pl.DataFrame:
    """Text columns with the line ends that they have in the file."""
    texts = pl.col(pl.String)
    return frame.with_columns(
        texts.str.replace_all(LINE_FEED, "\n", literal=True).str.replace_all(RETURN, "\r", literal=True)
    )

"""A document as blocks in reading order, and the blocks as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from connectors.formats.tables import Noticed

Kind = Literal["heading", "paragraph", "list", "table", "code", "caption"]

DEEPEST = 6  # levels of headings that Markdown has
LONGEST_TITLE = 200  # characters
JOINT = " > "
BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Block:
    """One structural piece. `level`: of a heading from 1, of a list's item from 0. `page` from 1; 0: there are none."""

    kind: Kind
    text: str
    level: int = 0
    page: int = 0


@dataclass
class Document:
    """What a reader makes of one file. Dates are ISO 8601 text, `pages` None where the format has none."""

    format: str
    blocks: list[Block] = field(default_factory=list)
    title: str = ""
    author: str = ""
    created: str = ""
    modified: str = ""
    pages: int | None = None
    noticed: list[Noticed] = field(default_factory=list)

    def text(self, *, page_markers: bool) -> str:
        """The whole as Markdown, with a comment where a page begins."""
        return "".join(_parts(self.blocks, page_markers=page_markers)).strip()

    def first_heading(self) -> str:
        """The text of the first heading; empty where there is none."""
        return next((plain(block.text)[:LONGEST_TITLE] for block in self.blocks if block.kind == "heading"), "")

    def paths(self) -> Iterator[tuple[Block, str]]:
        """Each block with the headings that it stands below."""
        above: list[tuple[int, str]] = []
        for block in self.blocks:
            if block.kind == "heading":
                above = [one for one in above if one[0] < block.level]
            yield block, JOINT.join(text for _, text in above)
            if block.kind == "heading":
                above.append((block.level, plain(block.text)))


def heading(text: str, level: int, page: int = 0) -> Block:
    """A heading of a level that Markdown has."""
    return Block("heading", plain(text), min(max(level, 1), DEEPEST), page)


def plain(text: str) -> str:
    """Text on one line."""
    return BLANKS.sub(" ", text).strip()


def table(rows: Sequence[Sequence[str]], page: int = 0) -> Block:
    """A table as Markdown; its first row is the header. Short rows are filled up."""
    width = max(map(len, rows))
    lines = [[*(cell_of(cell) for cell in row), *[""] * (width - len(row))] for row in rows]
    head = f"| {' | '.join(lines[0])} |\n| {' | '.join(['---'] * width)} |"
    body = "".join(f"\n| {' | '.join(line)} |" for line in lines[1:])
    return Block("table", head + body, page=page)


def cell_of(text: str) -> str:
    """A text as it can stand in a cell of a Markdown table."""
    return plain(text).replace("|", "\\|")


def without_blank(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that hold text, without blanks around it."""
    told = [
        replace(block, text=block.text.strip("\n") if block.kind == "code" else block.text.strip()) for block in blocks
    ]
    return [block for block in told if block.text.strip()]


def with_code_joined(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, those of code that follow each other on a page as one."""
    told: list[Block] = []
    for block in blocks:
        if block.kind == "code" and told and told[-1].kind == "code" and told[-1].page == block.page:
            told[-1] = replace(told[-1], text=f"{told[-1].text}\n{block.text}")
        else:
            told.append(block)
    return told


def markdown_of(block: Block) -> str:
    """A block as Markdown."""
    if block.kind == "heading":
        return f"{'#' * block.level} {block.text}"
    if block.kind == "code":
        fence = "```" if "```" not in block.text else "~~~~"
        return f"{fence}\n{block.text}\n{fence}"
    if block.kind == "list":
        indent = "  " * block.level
        return indent + block.text.replace("\n", "\n" + indent + "  ")
    return block.text


def _parts(blocks: Sequence[Block], *, page_markers: bool) -> Iterator[str]:
    """The blocks as Markdown, each with what parts it from the one before: items of a list are not parted."""
    page, before = 1, ""
    for block in blocks:
        if block.page > page:
            page = block.page
            if page_markers:
                yield f"\n\n<!-- page {page} -->"
                before = ""
        yield ("\n" if block.kind == before == "list" else "\n\n") + markdown_of(block)
        before = block.kind

"""Read Markdown as sections under headings and blocks in them: prose, tables, code and lists, each with its page.

Markdown is that of CommonMark with GitHub's tables. A page begins with the comment that document readers leave there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["prose", "table", "code", "list"]

JOINT = " > "
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_PAGE = re.compile(r"^\s*<!-- page (\d+) -->\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s+\S")


@dataclass
class Block:
    """Lines that belong together."""

    kind: Kind
    lines: list[str]
    page: int = 0
    blanks: int = 0  # blank lines of a list that another item may follow

    @property
    def text(self) -> str:
        """The lines as text."""
        return "\n".join(self.lines)


@dataclass
class Section:
    """What stands under one heading; `headings` are the ones above it and its own."""

    headings: tuple[str, ...] = ()
    page: int = 0
    blocks: list[Block] = field(default_factory=list)

    @property
    def breadcrumb(self) -> str:
        """The headings on one line."""
        return JOINT.join(self.headings)


def sections(text: str) -> Iterator[Section]:
    """The sections of a text in order, those without a block left out unless nothing stands below their heading.

    Such a heading is the text of its section. Pages are 0 where no page is marked.
    """
    page = 1 if any(_PAGE.match(line) for line in _marks(text)) else 0
    trail: dict[int, str] = {}
    current, level, fence = Section(page=page), 0, ""
    for line in text.splitlines():
        if fence:
            current.blocks[-1].lines.append(line)
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            continue
        if mark := _PAGE.match(line):
            page = int(mark[1])
            _end(current)
        elif heading := _HEADING.match(line):
            depth = len(heading[1])
            yield from _finished(current, below=depth > level)
            trail = {one: name for one, name in trail.items() if one < depth} | {depth: (heading[2] or "").strip()}
            current, level = Section(tuple(filter(None, trail.values())), page), depth
        else:
            fence = _take(line, current, page)
    yield from _finished(current, below=False)


def _marks(text: str) -> Iterator[str]:
    return (found[0] for found in re.finditer(r"^[ \t]*<!-- page \d+ -->[ \t]*$", text, re.MULTILINE))


def _finished(section: Section, *, below: bool) -> Iterator[Section]:
    """The section, if it tells something that no other does."""
    section.blocks = [block for block in section.blocks if block.text.strip()]
    if section.blocks:
        yield section
    elif section.headings and not below:
        heading = Block("prose", [section.headings[-1]], section.page)
        yield Section(section.headings[:-1], section.page, [heading])


def _end(section: Section) -> None:
    """Let the next line begin a block."""
    if section.blocks and section.blocks[-1].lines:
        section.blocks.append(Block("prose", [], section.page))


def _take(line: str, section: Section, page: int) -> str:
    """Add a line to the block it belongs to; the fence that the line opens, or nothing."""
    last = section.blocks[-1] if section.blocks else None
    if opened := _FENCE.match(line):
        section.blocks.append(Block("code", [line], page))
        return opened[1]
    if not line.strip():
        if last and last.kind == "list":
            last.blanks += 1
        else:
            _end(section)
        return ""
    kind: Kind = "table" if line.lstrip().startswith("|") else "list" if _ITEM.match(line) else "prose"
    if last and last.lines and _goes_on(last, kind, line):
        last.lines += [""] * last.blanks + [line]
        last.blanks = 0
    else:
        section.blocks.append(Block(kind, [line], page))
    return ""


def _goes_on(block: Block, kind: Kind, line: str) -> bool:
    """Whether a line belongs to the block before it."""
    if block.kind == "list":
        return kind == "list" or line[:1].isspace() or (kind == "prose" and not block.blanks)
    return block.kind == kind and block.kind != "code"

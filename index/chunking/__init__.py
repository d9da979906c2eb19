"""Cut documents into passages by their structure, each as long as the model reads and no longer.

A passage is embedded with its title and headings, so these count too. No text is lost: what passages tell, without
what they repeat, is the text again (headings become the breadcrumb, page marks the citation).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from index.chunking.blocks import JOINT, Block, Section, sections
from index.chunking.packing import Passage as Passage
from index.chunking.packing import Piece, packed, prose
from index.chunking.packing import without_overlap as without_overlap
from index.chunking.sentences import CHARACTERS_PER_TOKEN, parted
from index.chunking.structures import pieces_of
from index.tokens import Tokens

JOINTS = 2  # tokens: line ends between title, headings and text, which some tokenizers count
TITLE_SHARE, BREADCRUMB_SHARE = 0.35, 0.25  # of what the model reads; the rest is the text's, whatever stands above it
OVERLAP_SHARE = 0.12  # of a passage, where the project says nothing else
CUT = "\u2026"  # behind a title that is too long, before headings of which the outer ones are left out
SMALLEST_BUDGET = 8  # tokens
BLOCKS_OF_A_BLOCK = 1_000_000  # numbers a block may use for its own parts


class Sizes(NamedTuple):
    """How long passages are, in tokens: of title, headings and text together, and of what is told again."""

    tokens: Tokens
    most: int
    overlap: int

    @classmethod
    def of(cls, tokens: Tokens, *, most: int | None = None, overlap: int | None = None) -> Sizes:
        """Sizes that a project asks for, within what the model reads."""
        limit = min(most or tokens.limit, tokens.limit)
        wanted = round(limit * OVERLAP_SHARE) if overlap is None else overlap
        return cls(tokens, limit, min(wanted, limit // 3))


def split_text(text: str, *, title: str, sizes: Sizes) -> list[Passage]:
    """Plain text in passages; one if it is short."""
    return _fitted([Section(blocks=[Block("prose", [text])])], title, sizes, empty=text)


def split_listed(text: str, lists: Sequence[tuple[str, str]], *, title: str, sizes: Sizes) -> list[Passage]:
    """A text and the lists below it (heading, lines), which go on in passages of their own."""
    blocks = [Block("prose", [text])] if text else []
    told = [block for name, lines in lists for block in _listed(name, lines)]
    whole = "\n".join([text, *(block.text for block in told)]).strip()
    if told and _is_within(f"{title}\n{whole}", sizes.most, sizes):
        return [Passage("", whole)]
    return _fitted(
        [Section(blocks=blocks), *(Section((name,), 0, [Block("list", lines.split("\n"))]) for name, lines in lists)],
        title, sizes, empty=text,
    )  # fmt: skip


def split_markdown(text: str, *, title: str, sizes: Sizes) -> list[Passage]:
    """Markdown in passages per heading, with their pages. A text without a body is one empty passage."""
    return _fitted(list(sections(text)), title, sizes, empty=text.strip())


def shortened(text: str, *, most: int, sizes: Sizes) -> str:
    """A title within `most` tokens."""
    if _is_within(text, most, sizes):
        return text
    (parts,) = parted([text], count=sizes.tokens.count, most=max(1, most // 4))
    told, used = "", 1
    for part in parts:
        if used + part.size > most or len(told) + len(part.text) > most * CHARACTERS_PER_TOKEN:
            break
        told, used = told + part.text, used + part.size
    return told.rstrip() + CUT


def title_of(title: str, sizes: Sizes) -> str:
    """The title as it stands above each passage."""
    return shortened(title, most=int(sizes.most * TITLE_SHARE), sizes=sizes)


def _listed(name: str, lines: str) -> list[Block]:
    return [Block("prose", [f"{name}:"] if name else []), Block("list", lines.split("\n"))]


def _is_within(text: str, most: float, sizes: Sizes) -> bool:
    """Whether a text has at most so many tokens: counted only where its length leaves that open."""
    if text.isascii() and len(text) < most:  # a token has a letter or more; some tokenizers begin with one of their own
        return True
    return len(text) <= most * CHARACTERS_PER_TOKEN and sizes.tokens.count([text])[0] <= most


def _fitted(told: Sequence[Section], title: str, sizes: Sizes, *, empty: str) -> list[Passage]:
    """The passages of all sections, each within the limit together with its title and headings."""
    whole = [_whole(section, title, sizes) for section in told]
    if told and all(whole):
        return [one for one in whole if one]
    head = sum(sizes.tokens.count([title]))
    found: list[Passage] = []
    for section, one in zip(told, whole, strict=True):
        found += [one] if one else _within(list(_passages(section, head, sizes)), title, sizes)
    return found or [Passage("", shortened(empty, most=max(SMALLEST_BUDGET, sizes.most - head), sizes=sizes))]


def _whole(section: Section, title: str, sizes: Sizes) -> Passage | None:
    """A section of prose as the one passage that it is, if it is short: counted once, and not by its sentences."""
    text = "\n\n".join(block.text.rstrip() for block in section.blocks)
    if not text.strip() or any(block.kind != "prose" for block in section.blocks):
        return None
    shown = JOINT.join(section.headings)
    if not _is_within(shown, int(sizes.most * BREADCRUMB_SHARE), sizes):
        return None
    passage = Passage(shown, text, *_pages(section))
    return passage if _is_within(_embedded(title, passage), sizes.most - JOINTS, sizes) else None


def _pages(section: Section) -> tuple[int, int]:
    pages = [block.page for block in section.blocks]
    return min(pages), max(pages)


def _passages(section: Section, head: int, sizes: Sizes) -> Iterator[Passage]:
    count = sizes.tokens.count
    breadcrumb, above = _breadcrumb(section, sizes)
    budget = max(SMALLEST_BUDGET, sizes.most - head - above - JOINTS)
    sentences = iter(
        parted([block.text for block in section.blocks if block.kind == "prose"], count=count, most=budget)
    )
    pieces: list[Piece] = []
    for number, block in enumerate(section.blocks):
        name = number * BLOCKS_OF_A_BLOCK
        if block.kind == "prose":
            pieces += prose(next(sentences), block=name, page=block.page)
        else:
            pieces += pieces_of(block, number=name, count=count, most=budget)
    yield from packed(pieces, breadcrumb=breadcrumb, budget=budget, overlap=sizes.overlap)


def _breadcrumb(section: Section, sizes: Sizes) -> tuple[str, int]:
    """The headings on one line and their tokens; where they are too long, the innermost of them."""
    if not section.headings:
        return "", 0
    most = int(sizes.most * BREADCRUMB_SHARE)
    told = section.headings
    while True:
        line = (CUT + JOINT if len(told) < len(section.headings) else "") + JOINT.join(told)
        (size,) = sizes.tokens.count([line])
        if size <= most and len(line) <= most * CHARACTERS_PER_TOKEN:
            return line, size
        if len(told) == 1:
            return shortened(line, most=most, sizes=sizes), most
        told = told[1:]


def _within(passages: Sequence[Passage], title: str, sizes: Sizes) -> Iterator[Passage]:
    """The passages, and what is left of those that are longer as a whole than in parts: some tokenizers count so."""
    waiting = list(passages)
    counted = sizes.tokens.count([_embedded(title, one) for one in waiting]) if waiting else ()
    for passage, size in zip(waiting, counted, strict=True):
        if size <= sizes.most or len(passage.text) <= 1:
            yield passage
        else:
            yield from _within(_halved(passage), title, sizes)


def _embedded(title: str, passage: Passage) -> str:
    return "\n".join(filter(None, (title, passage.breadcrumb, passage.text)))


def _halved(passage: Passage) -> list[Passage]:
    """Two passages of one; what it repeats goes first."""
    if passage.repeated:
        return [passage._replace(text=passage.text[passage.repeated :], repeated=0)]
    text = passage.text
    middle = text.rfind(" ", 1, len(text) // 2 + 1)
    middle = middle if middle > 0 else max(1, len(text) // 2)
    return [passage._replace(text=half) for half in (text[:middle].rstrip(), text[middle:].lstrip()) if half]

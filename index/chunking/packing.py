"""Pack pieces of a document into passages that the model reads whole, whatever script and structure they have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from index.chunking.sentences import CHARACTERS_PER_TOKEN, Part

CONTINUED = "\u2026 "  # before sentences that are told again, at the start of a passage


class Passage(NamedTuple):
    """A piece of a document: the headings above it, joined by ` > `, its text, and the pages it stands on (0: none).

    The first `repeated` characters of the text stand in the passage before it, or above a table or list in it.
    """

    breadcrumb: str
    text: str
    first_page: int = 0
    last_page: int = 0
    repeated: int = 0


@dataclass(frozen=True)
class Piece:
    """What is never cut. `lead` stands before the first piece of a block in a passage, `tail` behind its last.

    `again` says that the lead is told in full elsewhere: in the piece before, or as the head of the table.
    """

    text: str
    size: int
    block: int
    lead: str = ""
    tail: str = ""
    frame: int = 0  # tokens of lead and tail
    again: bool = False
    page: int = 0
    prose: bool = False
    ends: bool = True  # a sentence ends with it


@dataclass
class _Filling:
    pieces: list[Piece] = field(default_factory=list)
    overlap: str = ""
    size: int = 0
    length: int = 0

    def cost(self, piece: Piece) -> int:
        opens = not self.pieces or self.pieces[-1].block != piece.block
        return piece.size + (piece.frame if opens else 0)

    def add(self, piece: Piece) -> None:
        self.size += self.cost(piece)
        self.length += len(piece.text) + len(piece.lead) + len(piece.tail)
        self.pieces.append(piece)


def packed(pieces: Sequence[Piece], *, breadcrumb: str, budget: int, overlap: int) -> Iterator[Passage]:
    """Passages of at most `budget` tokens; prose that goes on begins with the last whole sentences, up to `overlap`."""
    totals: dict[int, int] = {}
    for piece in pieces:
        totals[piece.block] = totals.get(piece.block, piece.frame) + piece.size
    filling = _Filling()
    for piece in pieces:
        opens = not filling.pieces or filling.pieces[-1].block != piece.block
        # a block that fits into one passage is not begun at the end of another
        wanted = totals[piece.block] if opens and totals[piece.block] <= budget else filling.cost(piece)
        full = filling.size + wanted > budget or filling.length + len(piece.text) > budget * CHARACTERS_PER_TOKEN
        if filling.pieces and full:
            yield _passage(filling, breadcrumb)
            filling = _continued(filling.pieces, piece, room=min(overlap, budget - wanted))
        filling.add(piece)
    if filling.pieces:
        yield _passage(filling, breadcrumb)


def _continued(before: Sequence[Piece], following: Piece, *, room: int) -> _Filling:
    """An empty passage, or one that begins with the last sentences of the passage before, as far as there is room."""
    told: list[str] = []
    size, filling = 1, _Filling()  # 1: the sign that says so
    if not following.prose or not before[-1].ends:
        return filling
    for number in range(len(before) - 1, 0, -1):  # never all of it
        piece = before[number]
        if not piece.prose or size + piece.size > room:
            break
        if not before[number - 1].ends:
            break  # the sentence begins earlier and is too long
        told.insert(0, " ".join(piece.text.split()))
        size += piece.size
    if told:
        filling.overlap, filling.size = CONTINUED + " ".join(told), size
        filling.length = len(filling.overlap)
    return filling


def _passage(filling: _Filling, breadcrumb: str) -> Passage:
    parts = [filling.overlap] if filling.overlap else []
    repeated = len(filling.overlap) + 1 if filling.overlap else 0
    blocks: list[list[Piece]] = []
    for piece in filling.pieces:
        if blocks and blocks[-1][-1].block == piece.block:
            blocks[-1].append(piece)
        else:
            blocks.append([piece])
    first = blocks[0][0]
    if first.again:
        repeated += len(first.lead)
    told = [block[0].lead + "".join(one.text for one in block).rstrip() + block[0].tail for block in blocks]
    text = "\n".join([*parts, "\n\n".join(told)])
    pages = [piece.page for piece in filling.pieces]
    return Passage(breadcrumb, text, min(pages), max(pages), repeated)


def prose(parts: Sequence[Part], *, block: int, page: int = 0) -> list[Piece]:
    """A paragraph as its sentences."""
    return [Piece(one.text, one.size, block, page=page, prose=True, ends=one.ends) for one in parts]


def without_overlap(text: str, before: str) -> str:
    """The text of a passage without the sentences that the passage before it ended with."""
    first, _, rest = text.partition("\n")
    if first.startswith(CONTINUED) and " ".join(before.split()).endswith(first.removeprefix(CONTINUED)):
        return rest
    return text

"""The characters of a PDF page as pieces of lines: what stands side by side on one baseline without a wide gap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pypdfium2

GAP = 1.5  # times the font's size: a wider one parts cells, not words
BLANK = 0.25  # times the font's size: a wider gap is a blank
PART = 0.6  # times the font's size: a wider one between two text objects may part cells
SAME_LINE = 0.5  # of the lower height, by which the middles of two pieces of one line may differ
HYPHENS = "\x02\ufffe\u00ad"  # what PDFium gives for a hyphen that ends a line
BOLD = 600  # weight
FIXED_PITCH = 1  # of a font descriptor's flags (ISO 32000-1, table 123)
FORCE_BOLD = 1 << 18
BOLD_NAME = re.compile(r"bold|black|heavy|semibd|demi", re.IGNORECASE)
MONOSPACED_NAME = re.compile(r"courier|mono|consol|typewriter|cmtt|sftt", re.IGNORECASE)
UPRIGHT = 0.1  # radians that text may be turned


@dataclass
class Piece:
    """A run of text on one baseline; coordinates in points, upwards from the page's lower left corner."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    bold: bool = False
    monospaced: bool = False
    spaced: bool = False  # a blank stands before it

    @property
    def middle(self) -> float:
        """The height at which it stands."""
        return (self.top + self.bottom) / 2


@dataclass
class Line:
    """Pieces side by side, from left to right; `parts` are the finer ones that they were joined from."""

    pieces: list[Piece]
    parts: list[Piece]

    @property
    def text(self) -> str:
        """Its text, with one blank between pieces."""
        return " ".join(piece.text for piece in self.pieces)

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.pieces[0].left

    @property
    def right(self) -> float:
        """Where it ends."""
        return max(piece.right for piece in self.pieces)

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return min(piece.bottom for piece in self.pieces)

    @property
    def top(self) -> float:
        """Its upper edge."""
        return max(piece.top for piece in self.pieces)

    @property
    def middle(self) -> float:
        """The height at which it stands."""
        return (self.top + self.bottom) / 2

    @property
    def size(self) -> float:
        """The size of the font of most of its text."""
        return max(self.pieces, key=lambda piece: len(piece.text)).size

    @property
    def bold(self) -> bool:
        """Whether all of it is bold."""
        return all(piece.bold for piece in self.pieces)

    @property
    def monospaced(self) -> bool:
        """Whether all of it is in a font of one width."""
        return all(piece.monospaced for piece in self.pieces)


def pieces_of(page: pypdfium2.PdfTextPage) -> list[Piece]:
    """The pieces of a page in the order that PDFium reads them. A loop over characters: there is no other way."""
    import pypdfium2.raw as raw

    told: list[Piece] = []
    box = raw.FS_RECTF()
    current: Piece | None = None
    blank, place = False, 0
    for at in range(page.count_chars()):
        code = raw.FPDFText_GetUnicode(page.raw, at)
        sign = chr(code) if code else "\ufffd"
        if sign in "\r\n":
            current, blank = None, True
            continue
        if sign.isspace():
            blank = True
            continue
        raw.FPDFText_GetLooseCharBox(page.raw, at, box)
        owner = raw.FPDFText_GetTextObject(page.raw, at)
        if current is not None and raw_address(owner) == place and _continues(current, box, blank=blank):
            current.text += " " + sign if blank else sign
            current.right = max(current.right, box.right)
        else:
            current = _begun(page, at, sign, box)
            current.spaced = blank
            told.append(current)
        blank, place = False, raw_address(owner)
    return [piece for piece in told if piece.text.strip()]


def is_turned(page: pypdfium2.PdfTextPage) -> bool:
    """Whether most of a page's text is turned, so that places say nothing about lines."""
    import pypdfium2.raw as raw

    count = page.count_chars()
    step = max(1, count // 200)
    turned = [abs(raw.FPDFText_GetCharAngle(page.raw, at)) > UPRIGHT for at in range(0, count, step)]
    return len(turned) > 0 and sum(turned) > len(turned) / 2


def lines_of(pieces: Sequence[Piece]) -> list[Line]:
    """Pieces side by side as lines, from the top to the bottom."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda one: (-one.middle, one.left)):
        height = min(piece.top - piece.bottom, lines[-1][0].top - lines[-1][0].bottom) if lines else 0.0
        if lines and abs(lines[-1][0].middle - piece.middle) <= SAME_LINE * height:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    ordered = [sorted(line, key=lambda one: one.left) for line in lines]
    return [Line(_joined(line, GAP), _joined(line, PART)) for line in ordered]


def _joined(pieces: Sequence[Piece], widest: float) -> list[Piece]:
    """Pieces of a line, those without a wide gap between them as one."""
    told = [pieces[0]]
    for piece in pieces[1:]:
        last = told[-1]
        gap = piece.left - last.right
        if gap > widest * max(piece.size, last.size):
            told.append(piece)
            continue
        longer = max(last, piece, key=lambda one: len(one.text))
        told[-1] = Piece(
            last.text + (" " if piece.spaced or gap > BLANK * piece.size else "") + piece.text,
            last.left, max(last.right, piece.right), min(last.bottom, piece.bottom), max(last.top, piece.top),
            longer.size, last.bold and piece.bold, last.monospaced and piece.monospaced, last.spaced,
        )  # fmt: skip
    return told


def raw_address(pointer: object) -> int:
    """Where a thing of PDFium's lies, which tells it from others."""
    import ctypes

    return ctypes.cast(pointer, ctypes.c_void_p).value or 0  # type: ignore[arg-type]


def _continues(piece: Piece, box: object, *, blank: bool) -> bool:
    """Whether a character goes on with a piece."""
    left, bottom, top = box.left, box.bottom, box.top  # type: ignore[attr-defined]
    middle, height = (bottom + top) / 2, max(min(top - bottom, piece.top - piece.bottom), 0.1)
    gap = left - piece.right
    near = -piece.size if not blank else -0.5 * piece.size
    return bool(near < gap <= GAP * piece.size and abs(middle - piece.middle) <= SAME_LINE * height)


def _begun(page: pypdfium2.PdfTextPage, at: int, sign: str, box: object) -> Piece:
    """A piece that begins with a character."""
    import pypdfium2.raw as raw

    name, flags = _font(page, at)
    weight = raw.FPDFText_GetFontWeight(page.raw, at)
    bold = bool(weight >= BOLD or flags & FORCE_BOLD or BOLD_NAME.search(name))
    monospaced = bool(flags & FIXED_PITCH or MONOSPACED_NAME.search(name))
    left, right, bottom, top = box.left, box.right, box.bottom, box.top  # type: ignore[attr-defined]
    size = raw.FPDFText_GetFontSize(page.raw, at)
    height = top - bottom
    scaled = height / 1.2 if size <= 1 and height > 1 else size  # a font of size 1 that the page scales
    return Piece(sign, left, right, bottom, top, round(scaled, 1) or 1.0, bold, monospaced)


def _font(page: pypdfium2.PdfTextPage, at: int) -> tuple[str, int]:
    """The name and the flags of a character's font."""
    import ctypes

    import pypdfium2.raw as raw

    flags, buffer = ctypes.c_int(), ctypes.create_string_buffer(128)
    length = raw.FPDFText_GetFontInfo(page.raw, at, buffer, len(buffer), flags)
    return buffer.value.decode("utf-8", errors="replace") if 0 < length <= len(buffer) else "", flags.value

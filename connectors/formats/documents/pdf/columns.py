"""The reading order of a page: columns of prose one after the other, everything else from the top to the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.formats.documents.pdf.lines import Line, Piece, lines_of

FEWEST_LINES = 5  # that a column of prose has
FILLED = 0.6  # share of a column's width that its lines take on average; cells of a table take less
CROSSING = 0.3  # share of a column's lines that may cross the gutter: titles, wide figures
MARGIN = 0.2  # share of the width at either side in which no gutter is looked for
STEP = 2.0  # points between two places where a gutter is looked for


def regions(pieces: Sequence[Piece]) -> list[list[Line]]:
    """The lines of a page in reading order, region by region."""
    lines = lines_of(pieces)
    gutter = _gutter(lines)
    if gutter is None:
        return [lines] if lines else []
    told: list[list[Line]] = []
    band: list[Piece] = []
    for line in lines:
        if any(piece.left < gutter < piece.right for piece in line.pieces):
            told += _split(band, gutter)
            band = []
            told.append([line])
        else:
            band += line.parts
    return _merged(told + _split(band, gutter), gutter)


def _gutter(lines: Sequence[Line]) -> float | None:
    """The place of the white between two columns of prose; None where there are none."""
    pieces = [piece for line in lines for piece in line.pieces]
    if len(pieces) < 2 * FEWEST_LINES:
        return None
    left, right = min(piece.left for piece in pieces), max(piece.right for piece in pieces)
    width = right - left
    best: tuple[int, float] | None = None
    at = left + MARGIN * width
    while at < right - MARGIN * width:
        before = [piece for piece in pieces if piece.right <= at]
        behind = [piece for piece in pieces if piece.left >= at]
        crossing = len(pieces) - len(before) - len(behind)
        fewest = min(len(before), len(behind))
        parts = fewest >= FEWEST_LINES and crossing <= CROSSING * fewest
        if parts and (best is None or crossing < best[0]) and _is_prose(before) and _is_prose(behind):
            best = (crossing, at)
        at += STEP
    return best[1] if best else None


def _is_prose(pieces: Sequence[Piece]) -> bool:
    """Whether pieces fill one column as lines of prose do."""
    lines = lines_of(pieces)
    if len(lines) < FEWEST_LINES or len(lines) < FILLED * len(pieces):
        return False
    left, right = min(piece.left for piece in pieces), max(piece.right for piece in pieces)
    return sum(line.right - line.left for line in lines) >= FILLED * len(lines) * (right - left)


def _split(band: Sequence[Piece], gutter: float) -> list[list[Line]]:
    """The lines left of the gutter, then those right of it."""
    sides = [[piece for piece in band if (piece.left < gutter) is before] for before in (True, False)]
    return [lines_of(side) for side in sides if side]


def _merged(told: Sequence[list[Line]], gutter: float) -> list[list[Line]]:
    """Regions of single lines that follow each other across the gutter as one region."""
    merged: list[list[Line]] = []
    for region in told:
        crosses = any(line.left < gutter < line.right for line in region)
        if merged and crosses and any(line.left < gutter < line.right for line in merged[-1]):
            merged[-1] += region
        else:
            merged.append(list(region))
    return merged

"""Text from the picture of a page, by RapidOCR: an extra, `landbridge[ocr]`, because its models are large and slow."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from catalog.errors import FileRefused
from connectors.formats.documents.pdf.lines import Piece

if TYPE_CHECKING:
    import pypdfium2

POINTS = 72.0  # to the inch
DOTS = 200.0  # to the inch, of the picture that is looked at
MOST_PIXELS = 25_000_000
SURE = 0.5  # a line recognised with less confidence is none


def pieces_in(page: pypdfium2.PdfPage) -> list[Piece]:
    """The lines that are recognised on a page, in its own coordinates."""
    width, height = page.get_size()
    scale = min(DOTS / POINTS, (MOST_PIXELS / max(width * height, 1.0)) ** 0.5)
    picture = page.render(scale=scale).to_numpy()
    found = _engine()(picture)
    if found.boxes is None:
        return []
    told = []
    for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        left, right = (float(edge) / scale for edge in (corners[:, 0].min(), corners[:, 0].max()))
        top, bottom = (height - float(edge) / scale for edge in (corners[:, 1].min(), corners[:, 1].max()))
        if score >= SURE and text.strip():
            told.append(Piece(text.strip(), left, right, bottom, top, round((top - bottom) / 1.2, 1)))
    return told


@cache
def _engine() -> Any:
    """The recogniser, loaded once. Raises FileRefused where it is not installed."""
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise FileRefused("needs OCR, and the extra for it is not installed", "pip install 'landbridge[ocr]'") from None
    return RapidOCR(params={"Global.log_level": "critical"})

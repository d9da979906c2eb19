"""The encoding of a text file: told by its mark or its bytes where they prove it, else guessed, and said to be a guess.

The order: a byte order mark; NULs where UTF-16 and UTF-32 have them; strict UTF-8 over the whole file; else chardet on
the lines that are not ASCII. A guess counts only where the bytes show what its text has to show
(`connectors.formats.encoding_evidence`) and where it decodes every byte of the file: there is no fallback that decodes
anything. Few lines of nonsense in a file of ASCII are damage, and rejects.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.encoding_evidence import (
    frequency,
    is_credible,
    is_sparse,
    likeliness,
    looks_ebcdic,
    shifted,
)
from connectors.formats.tables import HEAD_BYTES, Noticed
from connectors.formats.text_blocks import BOMS

PORTION = 2**20
LONGEST = 64 * 2**20  # bytes without a line feed; a cut there may split a character, and then it is not UTF-8
SAMPLE_BYTES = 128 * 1024  # of lines that are not ASCII, for the guess
CERTAIN = 0.8  # a guess below this is told
MOSTLY = 2  # so many lines of UTF-8 for each one that is not, and it is UTF-8 with damage
UNSURE = 0.2  # chardet's confidence in a table with a few accents is below this, and its choice then near to chance
LIKELY = 0.8
UNLIKELY = 0.3  # of Western text; below, accents stand where none do
DAMAGED = 0.1  # of the bytes are in lines that are not ASCII, and those may be damage
SCATTERED = 2.0  # bytes in a row that are not ASCII, on average, where they are no words
EBCDIC = "cp037"
PAIRED = ("cp949", "big5", "euc_jp", "cp932", "gb18030")  # the commonest last
DAILY = 0.95  # of the characters are in daily use
USUAL = ("cp1252", "cp1250", "mac-roman", "cp850")  # that Western exports come in, the commonest first


@dataclass(frozen=True)
class Encoding:
    """A Python codec's name, how sure it is (0..1), and whether a byte order mark says so.

    `broken`: some lines do not decode and will be rejects.
    """

    name: str
    confidence: float = 1.0
    bom: bool = False
    broken: bool = False

    def noticed(self) -> list[Noticed]:
        """What a person should know about a guess."""
        told = []
        if self.confidence < CERTAIN and not self.broken:
            message = f"the encoding is a guess: {self.name}, with confidence {self.confidence:.2f}"
            told.append(Noticed("encoding-guessed", message, remedy="Declare the file's encoding."))
        if self.broken:
            message = f"the file is {self.name} text except for some lines, which are rejects"
            told.append(Noticed("encoding-mixed", message, remedy="Ask for the file in one encoding."))
        return told


@dataclass
class _Survey:
    """What one pass over the file shows: is it ASCII, is it UTF-8, and its first lines that are not ASCII."""

    ascii: bool = True
    utf8: bool = True
    sample: bytearray = field(default_factory=bytearray)


def detected_encoding(path: Path) -> Encoding:
    """The encoding of the file. Raises FileRefused where nothing decodes it, or it is not text."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        marked = _marked(head) or _wide(head)
        return marked or _surveyed(path, head)
    except OSError as error:
        raise FileRefused(f"it cannot be read: {error.strerror}", "Check the file and the right to read it.") from None


def encoding_of_head(head: bytes) -> Encoding | None:
    """The encoding that a file's beginning shows for certain (mark, NULs, UTF-8), or None."""
    certain = _marked(head) or _wide(head)
    if certain:
        return certain
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    return Encoding("utf-8")


def _marked(head: bytes) -> Encoding | None:
    return next((Encoding(name, bom=True) for mark, name in BOMS if head.startswith(mark)), None)


def _wide(head: bytes) -> Encoding | None:
    """UTF-16 or UTF-32 without a mark: NULs stand at the places where their ASCII characters have them."""
    if b"\0" not in head:
        return None
    size = len(head) // 4 * 4
    share = [head[at:size:4].count(0) * 4 / size if size else 0 for at in range(4)]
    patterns = {
        "utf-32-le": (0, 1, 1, 1),
        "utf-32-be": (1, 1, 1, 0),
        "utf-16-le": (0, 1, 0, 1),
        "utf-16-be": (1, 0, 1, 0),
    }
    for name, pattern in patterns.items():
        filled = min(share[at] for at in range(4) if pattern[at])
        clear = max(share[at] for at in range(4) if not pattern[at])
        if filled > 0.1 and clear < filled / 4 and _reads(head, name):
            return Encoding(name, 0.95)
    return None


def _reads(head: bytes, name: str) -> bool:
    """Whether the beginning decodes, into text with line ends and without control characters."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return False
    controls = sum(text.count(chr(code)) for code in range(32) if code not in (9, 10, 12, 13, 26))
    return controls * 100 <= len(text)


def _surveyed(path: Path, head: bytes) -> Encoding:
    survey = _survey(path)
    if survey.ascii:
        return _seven_bits(path, head)
    if survey.utf8:
        return Encoding("utf-8")
    lines = [_is_utf8(line) for line in bytes(survey.sample).splitlines()]
    good, bad = sum(lines), len(lines) - sum(lines)
    if good >= MOSTLY * bad and good:
        return Encoding("utf-8", good / (good + bad), broken=True)
    share = min(1.0, len(survey.sample) / max(path.stat().st_size, 1))
    return _guessed(path, head if len(head) < HEAD_BYTES else head + survey.sample, share)


def _survey(path: Path) -> _Survey:
    survey, rest = _Survey(), b""
    for content in _portions(path):
        if content.isascii() and not rest:
            continue
        survey.ascii = False
        rest += content
        end = rest.rfind(b"\n") + 1 or (len(rest) if len(rest) > LONGEST else 0)  # no character holds a line feed
        survey.utf8 = survey.utf8 and _is_utf8(rest[:end])
        if len(survey.sample) < SAMPLE_BYTES:
            survey.sample += _lines_not_ascii(rest[:end], SAMPLE_BYTES - len(survey.sample))
        rest = rest[end:]
        if not survey.utf8 and len(survey.sample) >= SAMPLE_BYTES:
            return survey
    survey.utf8 = survey.utf8 and _is_utf8(rest)
    if len(survey.sample) < SAMPLE_BYTES:
        survey.sample += _lines_not_ascii(rest, SAMPLE_BYTES - len(survey.sample))
    return survey


def _is_utf8(data: bytes) -> bool:
    """Whether bytes are well-formed UTF-8; Polars knows it many times sooner than Python's decoder."""
    try:
        pl.Series([data], dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError:
        return False
    return True


def _lines_not_ascii(content: bytes, room: int) -> bytes:
    told = bytearray()
    for line in content.splitlines(keepends=True):
        if not line.isascii():
            told += line[: room - len(told)]
            if len(told) >= room:
                break
    return bytes(told)


def _seven_bits(path: Path, head: bytes) -> Encoding:
    """ASCII, or an encoding that shifts with escapes, where all of them are well formed."""
    name = shifted(head[: head.rfind(b"\n") + 1] or head)
    return Encoding(name, 0.95) if name and _decodes(path, name) else Encoding("utf-8")


def _guessed(path: Path, sample: bytes, share: float) -> Encoding:
    """The likeliest guess that decodes the whole file; where chardet knows next to nothing, the one that reads best.

    `share` of the file's bytes stand in lines that are not ASCII: where they are few and read like nothing, the
    file is ASCII with damage.
    """
    candidates = [told for told in _candidates(sample) if told[1] >= CERTAIN or is_credible(told[0], sample)]
    if looks_ebcdic(sample):
        candidates = sorted(candidates, key=lambda told: not _is_ebcdic(told[0])) or [(EBCDIC, 0.1)]
        candidates = candidates if _is_ebcdic(candidates[0][0]) else [(EBCDIC, 0.1), *candidates]
    sure = candidates[0][1] if candidates else 0.0
    if sure < UNSURE and is_sparse(sample, SCATTERED) and not looks_ebcdic(sample):
        usual = [(USUAL[0], sure), *candidates[:1], *((name, sure) for name in USUAL[1:])]
        scored = [(likeliness(sample, guess[0]), guess) for guess in usual]
        likeliest = max(scored, key=lambda told: told[0])  # the first of equals
        candidates = [likeliest[1], *candidates] if likeliest[0] >= LIKELY and is_sparse(sample) else candidates
        if likeliest[0] < UNLIKELY and share < DAMAGED:
            return Encoding("utf-8", 1 - share, broken=True)
    for name, confidence in _pairs_first(candidates, sample):
        if _decodes(path, name):
            return Encoding(codecs.lookup(name).name, confidence)
    raise FileRefused("its encoding is not known", "Declare the file's encoding.")


def _is_ebcdic(name: str) -> bool:
    return "A".encode(name, errors="replace") != b"A"


def _pairs_first(candidates: list[tuple[str, float]], sample: bytes) -> list[tuple[str, float]]:
    """Where chardet knows next to nothing, the two-byte encoding goes first whose characters are in daily use."""
    sure = candidates[0][1] if candidates else 0.0
    if sure >= UNSURE / 2 or is_sparse(sample):
        return candidates
    whole = sample[: sample.rfind(b"\n") + 1] or sample
    found = [(frequency(name, whole), name) for name in PAIRED if _is_text(whole, name) and is_credible(name, whole)]
    frequent = max(found, default=(0.0, ""))
    return [(frequent[1], max(sure, 0.1)), *candidates] if frequent[0] >= DAILY else candidates


def _is_text(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except UnicodeError:
        return False
    return True


def _candidates(sample: bytes) -> list[tuple[str, float]]:
    """Chardet's guesses, the likeliest first."""
    import chardet

    guesses = [chardet.detect(sample), *chardet.detect_all(sample)]
    told = [(guess["encoding"], float(guess["confidence"])) for guess in guesses]
    return list({name: confidence for name, confidence in reversed(told) if name and _known(name)}.items())[::-1]


def _known(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _decodes(path: Path, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for content in _portions(path):
            decoder.decode(content)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _portions(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while content := file.read(PORTION):
            yield content

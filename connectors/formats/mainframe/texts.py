"""Text of many records at once: bytes to UTF-8 by tables, blanks trimmed, without a Python object a value.

Values of a field have one length in the file, so a column of ASCII characters needs one translation of all its bytes
and nothing more; other characters need the lengths of their UTF-8 (RFC 3629) besides. Trimming takes away what is not
above a blank, control characters too, as Cobrix does.
"""

from __future__ import annotations

import codecs
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.errors import FileRefused
from connectors.formats.mainframe.code_pages import CodePage, charset, code_page
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.integers import Bytes, Mask, bitmap

_CONTROLS_AND_BLANK = "".join(map(chr, range(33)))
_SURROGATES, _SURROGATE_BITS = 0xD800, 0xF800
_PLAIN_ASCII = frozenset({"us-ascii", "ascii", "646", "us", "iso646-us"})
_STRANGE = b"\x7f"  # stands for a strange byte until it is a blank

Lengths = npt.NDArray[np.int64]


class Utf8(NamedTuple):
    """The texts of a column in one run, the length of each in bytes (a number: of every one), and how many are odd.

    A text is odd that held bytes that stand for no character.
    """

    run: bytes
    lengths: Lengths | int
    odd: int = 0


def decoded(raw: Bytes, field: FieldType, reading: Reading) -> tuple[pl.Series, int]:
    """The texts, and how many held bytes that are no character of the code page."""
    if field.usage == "bytes":
        run = raw.tobytes().hex().upper().encode()
        return _column(Utf8(run, 2 * field.length), np.ones(len(raw), np.bool_)), 0
    if field.usage == "national":
        texts = _national(raw, reading)
    elif reading.encoding == "ascii":
        texts = _ascii(raw, reading)
    else:
        texts = _paged(raw, code_page(reading.code_page, reading.code_page_changes))
    column = _column(texts, ~_low_values(raw, field, reading))
    return _trimmed(column, reading, controls=_any_control(texts.run)), texts.odd


def _low_values(raw: Bytes, field: FieldType, reading: Reading) -> Mask:
    """Where a text is null. `keep_all` keeps low-values too."""
    if not reading.null_low_values or (reading.trimming == "keep_all" and field.usage == "text"):
        return np.zeros(len(raw), np.bool_)
    missing: Mask = np.equal(raw[:, 0], 0)
    if missing.any():
        missing[missing] = ~raw[missing].any(axis=1)
    return missing


def _paged(raw: Bytes, page: CodePage) -> Utf8:
    """Text of a page; its strange bytes are blanks."""
    flat = raw.tobytes()
    plain = flat.translate(_ascii_table(page))
    if not plain.isascii():
        run = codecs.charmap_decode(flat, "strict", page.characters)[0].encode()
        widths = np.frombuffer(flat.translate(_utf8_widths(page)), np.uint8).reshape(raw.shape)
        return Utf8(run, widths.sum(axis=1, dtype=np.int64), _strangers(raw, flat, page))
    if _STRANGE not in plain:
        return Utf8(plain, raw.shape[1])
    return Utf8(plain.replace(_STRANGE, b" "), raw.shape[1], _strangers(raw, flat, page))


@lru_cache(maxsize=64)
def _ascii_table(page: CodePage) -> bytes:
    """Each byte's ASCII character, or X'80' where it is no ASCII."""
    table = bytearray(ord(character) if character < "\x7f" else 0x80 for character in page.characters)
    for code in page.strange:
        table[code] = _STRANGE[0]
    return bytes(table)


@lru_cache(maxsize=64)
def _utf8_widths(page: CodePage) -> bytes:
    """How many bytes each byte's character takes in UTF-8."""
    return bytes(len(character.encode()) for character in page.characters)


def _strangers(raw: Bytes, flat: bytes, page: CodePage) -> int:
    """How many values hold a strange byte."""
    if not flat.translate(None, bytes(set(range(256)) - set(page.strange))):
        return 0
    strange = np.zeros(256, np.bool_)
    strange[list(page.strange)] = True
    return int(strange[raw].any(axis=1).sum())


def _ascii(raw: Bytes, reading: Reading) -> Utf8:
    """Text of an ASCII file: control characters are dropped unless all is kept."""
    keep = raw >= 32
    page = _charset(reading.ascii_charset)
    if reading.trimming == "keep_all" or keep.all():
        if page is None:
            return _several_bytes(raw.tobytes(), np.full(len(raw), raw.shape[1]), reading.ascii_charset)
        return _paged(raw, page)
    kept, lengths = raw[keep].tobytes(), keep.sum(axis=1, dtype=np.int64)
    if page is None:
        return _several_bytes(kept, lengths, reading.ascii_charset)
    run = codecs.charmap_decode(kept, "strict", page.characters)[0].encode()
    widths = np.frombuffer(raw.tobytes().translate(_utf8_widths(page)), np.uint8).reshape(raw.shape)
    odd = _strangers(raw, kept, page)
    return Utf8(run, np.where(keep, widths, np.uint8(0)).sum(axis=1, dtype=np.int64), odd)


@lru_cache(maxsize=64)
def _charset(name: str) -> CodePage | None:
    """Plain ASCII has a blank for what is none; other charsets keep what they have."""
    if name.lower() not in _PLAIN_ASCII:
        return charset(name)
    return CodePage("us-ascii", "".join(map(chr, range(128))) + " " * 128, bytes(range(128, 256)))


def _several_bytes(flat: bytes, lengths: Lengths, encoding: str) -> Utf8:
    """Text of UTF-8, and of other encodings of several bytes a character."""
    starts = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])
    if codecs.lookup(encoding).name == "utf-8" and _valid_utf8(flat, starts):
        return Utf8(flat, lengths)
    return _row_by_row(flat, starts, encoding)


def _valid_utf8(flat: bytes, starts: Lengths) -> bool:
    """Whether all values are UTF-8: the whole run is, and none begins in the midst of a character."""
    if flat.isascii():
        return True
    first = np.frombuffer(flat + b"\0", np.uint8)[starts]
    try:
        flat.decode()
    except UnicodeDecodeError:
        return False
    return not (first & 0xC0 == 0x80).any()


def _row_by_row(flat: bytes, starts: Lengths, encoding: str) -> Utf8:
    """Each value decoded alone, for any may be cut within a character; what is none becomes U+FFFD."""
    places = starts.tolist()
    try:
        texts = [flat[start:end].decode(encoding, "replace") for start, end in pairwise(places)]
    except (LookupError, ValueError) as error:
        raise FileRefused(f"the encoding '{encoding}' is not read in fields", "Name an encoding of text.") from error
    written = [text.encode("utf-8", "replace") for text in texts]
    lengths = np.fromiter(map(len, written), np.int64, len(written))
    return Utf8(b"".join(written), lengths, sum("\ufffd" in text for text in texts))


def _national(raw: Bytes, reading: Reading) -> Utf8:
    """UTF-16 without a mark of its byte order; row by row beyond the basic plane, or at an odd length."""
    codec = "utf-16-be" if reading.national_big_endian else "utf-16-le"
    width = raw.shape[1]
    units = np.ascontiguousarray(raw[:, : width - width % 2]).view(">u2" if reading.national_big_endian else "<u2")
    if width % 2 or (units & _SURROGATE_BITS == _SURROGATES).any():
        return _row_by_row(raw.tobytes(), np.arange(len(raw) + 1, dtype=np.int64) * width, codec)
    lengths = units.shape[1] + (units >= 0x80).sum(axis=1) + (units >= 0x800).sum(axis=1)
    return Utf8(raw.tobytes().decode(codec).encode(), lengths)


def _column(texts: Utf8, present: Mask) -> pl.Series:
    """A column on Arrow's layout of strings: one run of UTF-8, and where each value begins in it."""
    import pyarrow as pa

    offsets = np.zeros(len(present) + 1, np.int64)
    offsets[1:] = texts.lengths
    bits = bitmap(present)
    validity = None if bits is None else pa.py_buffer(bits)
    array = pa.LargeStringArray.from_buffers(
        len(present), pa.py_buffer(offsets.cumsum()), pa.py_buffer(texts.run), validity
    )
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)  # noqa: S101 - an array, not a table
    return series


def _any_control(run: bytes) -> bool:
    return bool(np.frombuffer(run, np.uint8).min(initial=255) < 32)


def _trimmed(texts: pl.Series, reading: Reading, *, controls: bool) -> pl.Series:
    """The texts without what is not above a blank at their ends; only blanks are looked for where there is no more."""
    taken = _CONTROLS_AND_BLANK if controls else " "
    match reading.trimming:
        case "both":
            return texts.str.strip_chars(taken)
        case "left":
            return texts.str.strip_chars_start(taken)
        case "right":
            return texts.str.strip_chars_end(taken)
        case "none" | "keep_all":
            return texts


def encoded(values: pl.Series, field: FieldType, reading: Reading) -> Bytes:
    """The bytes of texts, filled with blanks on the right; null becomes low-values.

    Raises FileRefused where a text is too long, or the code page lacks a character of it. Row by row: only what is
    written to a mainframe comes this way, and each text may fail alone.
    """
    if field.usage == "bytes":
        written = [None if value is None else _from_hexadecimal(value) for value in values]
    elif field.usage == "national":
        written = [_in_codec(value, "utf-16-be" if reading.national_big_endian else "utf-16-le") for value in values]
    elif reading.encoding == "ascii":
        written = [_in_codec(value, reading.ascii_charset) for value in values]
    else:
        page = code_page(reading.code_page, reading.code_page_changes)
        written = [_in_page(value, page) for value in values]
    if any(value is not None and len(value) > field.length for value in written):
        raise FileRefused(
            f"a text is longer than the {field.length} bytes of its item", "Shorten it, or widen the item."
        )
    blanks = _filling(field, reading)
    filled = b"".join(bytes(field.length) if value is None else value + blanks[len(value) :] for value in written)
    return np.frombuffer(filled, np.uint8).reshape(-1, field.length)


def _filling(field: FieldType, reading: Reading) -> bytes:
    """An item of blanks."""
    if field.usage == "bytes":
        return bytes(field.length)
    if field.usage == "national":
        blank = b"\x00\x20" if reading.national_big_endian else b"\x20\x00"
        return (blank * field.length)[: field.length]
    return (b"\x20" if reading.encoding == "ascii" else b"\x40") * field.length


def _in_page(text: str | None, page: CodePage) -> bytes | None:
    if text is None:
        return None
    codes = _codes(page)
    try:
        return bytes(codes[character] for character in text)
    except KeyError:
        raise FileRefused(f"the code page '{page.name}' lacks a character of a text",
                          "Choose a code page that has it, or replace the character.") from None  # fmt: skip


@lru_cache(maxsize=64)
def _codes(page: CodePage) -> dict[str, int]:
    return page.codes


def _in_codec(text: str | None, codec: str) -> bytes | None:
    try:
        return None if text is None else text.encode(codec)
    except (UnicodeError, LookupError):
        raise FileRefused(f"the encoding '{codec}' lacks a character of a text, or is not known",
                          "Choose an encoding that has it, or replace the character.") from None  # fmt: skip


def _from_hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise FileRefused("a value of an item of bytes is not hexadecimal", "Write two digits a byte.") from None

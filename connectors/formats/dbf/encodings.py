"""The encoding of a dBase table's texts: declared beside it, in its header, or shown by the texts themselves.

The language driver byte names a DOS or Windows code page. Many programs write none, and geographic ones write a `.cpg`
file beside the table.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from connectors.formats.dbf.headers import Header
from connectors.formats.tables import Noticed

LANGUAGES = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x04: "mac_roman", 0x08: "cp865", 0x09: "cp437", 0x0A: "cp850",
    0x0B: "cp437", 0x0D: "cp437", 0x0E: "cp850", 0x0F: "cp437", 0x10: "cp850", 0x11: "cp437", 0x12: "cp850",
    0x13: "cp932", 0x14: "cp850", 0x15: "cp437", 0x16: "cp850", 0x17: "cp865", 0x18: "cp437", 0x19: "cp437",
    0x1A: "cp850", 0x1B: "cp437", 0x1C: "cp863", 0x1D: "cp850", 0x1F: "cp852", 0x22: "cp852", 0x23: "cp852",
    0x24: "cp860", 0x25: "cp850", 0x26: "cp866", 0x37: "cp850", 0x40: "cp852", 0x4D: "cp936", 0x4E: "cp949",
    0x4F: "cp950", 0x50: "cp874", 0x57: "cp1252", 0x58: "cp1252", 0x59: "cp1252", 0x64: "cp852", 0x65: "cp866",
    0x66: "cp865", 0x67: "cp861", 0x6A: "cp737", 0x6B: "cp857", 0x78: "cp950", 0x79: "cp949", 0x7A: "cp936",
    0x7B: "cp932", 0x7C: "cp874", 0x7D: "cp1255", 0x7E: "cp1256", 0x86: "cp737", 0x87: "cp852", 0x88: "cp857",
    0x96: "mac_cyrillic", 0x97: "mac_latin2", 0x98: "mac_greek", 0xC8: "cp1250", 0xC9: "cp1251", 0xCA: "cp1254",
    0xCB: "cp1253", 0xCC: "cp1257",
}  # fmt: skip
CERTAIN = 0.8  # a guess below this is told as one
CPG_BYTES = 64
REMEDY = "Declare the table's `encoding`."


@dataclass(frozen=True)
class Told:
    """A codec's name, where it is from, and what to say about it."""

    name: str
    source: str
    noticed: tuple[Noticed, ...] = ()


def encoding_of(header: Header, path: Path, declared: str, sampled: Callable[[], bytes]) -> Told:
    """The encoding. `sampled` gives texts that are not ASCII."""
    beside = _beside(path)
    if declared or beside:
        return Told(declared or beside, "declared" if declared else "cpg file")
    named, sample = LANGUAGES.get(header.language, ""), sampled()
    if not sample:
        return Told(named or "ascii", "header" if named else "texts")
    if _is_utf8(sample):
        return Told("utf-8", "texts", _contradiction(named))
    return Told(named, "header") if named else _guessed(sample, header.language)


def _contradiction(named: str) -> tuple[Noticed, ...]:
    if not named:
        return ()
    message = f"the header declares {named}, but the texts are UTF-8 and are read so"
    return (Noticed("encoding-contradicted", message, unit="files", remedy=REMEDY),)


def _is_utf8(sample: bytes) -> bool:
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guessed(sample: bytes, language: int) -> Told:
    """What the texts look most like; no code page is declared, or one that is not known."""
    import chardet

    found = chardet.detect(sample)
    name, sure = found.get("encoding") or "", found.get("confidence") or 0.0
    try:
        sample.decode(name or "cp1252")
    except (LookupError, UnicodeDecodeError):
        name = ""
    why = f"declares the unknown code page 0x{language:02x}" if language else "declares no code page"
    message = f"the header {why}: {name or 'cp1252'} is a guess" + (f", with confidence {sure:.2f}" if name else "")
    return Told(codecs.lookup(name or "cp1252").name, "guess", (Noticed("encoding-guessed", message, remedy=REMEDY),))


def _beside(path: Path) -> str:
    """The encoding that a `.cpg` file beside the table names; empty where there is none."""
    for sibling in (path.with_suffix(".cpg"), path.with_suffix(".CPG")):
        if sibling.is_file():
            with sibling.open("rb") as file:
                return _named(file.read(CPG_BYTES).decode("latin-1").strip())
    return ""


def _named(text: str) -> str:
    """A codec for `UTF-8`, `ISO 88591`, `1252`, `ANSI 1252` or `LDID/87`."""
    if language := re.match(r"^LDID/(\d{1,3})$", text, re.I):
        return LANGUAGES.get(int(language[1]), "")
    digits = re.sub(r"\D", "", text)
    tries = [text, f"cp{digits}", f"iso8859-{digits[4:]}" if digits.startswith("8859") else ""]
    for name in filter(None, tries):
        try:
            return codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
    return ""

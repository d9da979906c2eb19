"""The header of a dBase table: its version, how many records there are, and the fields that make up each."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from catalog.errors import FileRefused

FIELD_BYTES = 32
END_OF_FIELDS = 0x0D
SYSTEM, NULLABLE, BINARY = 0x01, 0x02, 0x04  # a field's flags, Visual FoxPro's
DBASE_2, DBASE_7 = (0x02,), (0x04, 0x8C)
FOXPRO = (0x30, 0x31, 0x32)
DBASE_3_MEMO, SMT_MEMO = 0x83, 0xE5
VERSIONS = (*DBASE_2, *DBASE_7, *FOXPRO, 0x03, 0x05, 0x43, 0x63, 0x7B, 0x83, 0x87, 0x8B, 0xCB, 0xE5, 0xF5, 0xFB)
AGAIN = "Ask for the export again."
FIXED = {"D": 8, "L": 1, "I": 4, "Y": 8, "T": 8, "+": 4, "@": 8, "O": 8}  # bytes of types whose length never varies


@dataclass(frozen=True)
class Field:
    """One field of a record: `start` counts bytes from the record's first, which tells whether it is deleted."""

    name: str
    type: str
    start: int
    length: int
    decimals: int
    flags: int = 0

    @property
    def declared(self) -> str:
        """The type in dBase's own words: `N(10,2)`."""
        return f"{self.type}({self.length},{self.decimals})" if self.decimals else f"{self.type}({self.length})"


@dataclass(frozen=True)
class Header:
    """What the beginning of the file declares."""

    version: int
    records: int
    header_bytes: int
    record_bytes: int
    language: int
    fields: tuple[Field, ...]

    @property
    def is_foxpro(self) -> bool:
        """Whether Visual FoxPro wrote it: some types differ."""
        return self.version in FOXPRO


def header_of(head: bytes) -> Header:
    """The header. Raises FileRefused where it is none, is cut, or is of a dBase whose fields are written otherwise."""
    _refuse_others(head)
    records, header_bytes, record_bytes = struct.unpack_from("<IHH", head, 4)
    if header_bytes < 33 or record_bytes < 2 or header_bytes > len(head):
        raise FileRefused("its header is damaged: it leads outside of the file", AGAIN)
    if head[15]:
        raise FileRefused("the table is encrypted", "Ask for it without encryption.")
    fields = _fields(head[32:header_bytes], head[0] in FOXPRO)
    if not fields or fields[-1].start + fields[-1].length > record_bytes:
        raise FileRefused("its header is damaged: the fields do not fit into the records", AGAIN)
    return Header(head[0], records, header_bytes, record_bytes, head[29], tuple(fields))


def _refuse_others(head: bytes) -> None:
    if not head.strip(b"\0 "):
        raise FileRefused("the file is empty" if not head else "the file holds nothing but blanks or NULs", AGAIN)
    if head[0] in DBASE_2 or head[0] in DBASE_7:
        name = "II" if head[0] in DBASE_2 else "7"
        raise FileRefused(f"it is a table of dBase {name}, which is not read", "Save it as dBase IV or as CSV.")
    if head[0] not in VERSIONS or len(head) < 33:
        raise FileRefused("it is no dBase table, or was cut off within its header", AGAIN)


def _fields(content: bytes, is_foxpro: bool) -> list[Field]:
    """The fields up to the mark that ends them."""
    found: list[Field] = []
    start = 1
    for at in range(0, len(content), FIELD_BYTES):
        part = content[at : at + FIELD_BYTES]
        if part[0] == END_OF_FIELDS or len(part) < FIELD_BYTES:
            break
        field = _field(part, start, is_foxpro)
        found.append(field)
        start += field.length
    return found


def _field(part: bytes, start: int, is_foxpro: bool) -> Field:
    raw, kind, length, decimals, flags = struct.unpack_from("<11sc4xBBB", part)
    name = raw.split(b"\0")[0].strip().decode("latin-1")
    type_ = kind.decode("latin-1").upper()
    if not type_.isprintable() or type_.isspace() or any(ord(letter) < 32 for letter in name):
        raise FileRefused("its header is damaged: a field has no type", AGAIN)
    if type_ == "C" and decimals:
        length, decimals = length + 256 * decimals, 0  # Clipper and FoxPro keep long texts' length in both bytes
    if not length or (type_ in FIXED and length < FIXED[type_]):
        raise FileRefused("its header is damaged: a field has no length", AGAIN)
    return Field(name, type_, start, length, decimals, flags if is_foxpro else 0)

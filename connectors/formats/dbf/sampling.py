"""Texts of a dBase table that are not ASCII, from all over it, for telling its encoding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from connectors.formats.dbf import memos
from connectors.formats.dbf.columns import Block
from connectors.formats.dbf.headers import BINARY, Field, Header
from connectors.formats.tables import File

SAMPLE_BYTES = 128 * 1024
MEMOS = 500  # memos that are looked into
LOOK_BYTES = 64 * 1024  # of one memo
BLOCK_BYTES = 4 * 2**20


def sample_of(file: File, header: Header, memo: Path | None) -> bytes:
    """Texts with bytes above 127, each on a line, from fields and memos; empty where all is ASCII."""
    found = bytearray()
    with memos.opened(memo, header) as opened:
        for text in _texts(file, header, opened):
            found += text + b"\n"
            if len(found) > SAMPLE_BYTES:
                break
    return bytes(found)


def is_memo(field: Field, header: Header) -> bool:
    """Whether a field points into the memo file."""
    return field.type in "MGPW" or (field.type == "B" and not header.is_foxpro)


def pointers_of(field: Field, block: Block) -> list[int]:
    """Numbers of memos' first blocks: four bytes, or digits. What is neither is -1."""
    cells = np.ascontiguousarray(block[:, field.start : field.start + field.length])
    if field.length == 4:
        pointers: list[int] = cells.view("<u4").ravel().tolist()
        return pointers
    said = [bytes(cell).strip(b"\0 ") for cell in cells]
    return [int(text) if text.isdigit() else (0 if not text else -1) for text in said]


def _texts(file: File, header: Header, memo: memos.Memos | None) -> Iterator[bytes]:
    fields = [field for field in header.fields if field.type in "CV" and not field.flags & BINARY]
    pointing = [field for field in header.fields if field.type == "M" and not field.flags & BINARY]
    looked = MEMOS
    for block in _blocks(file, header):
        for field in fields:
            cells = block[:, field.start : field.start + field.length]
            yield from (bytes(cell).strip(b"\0 ") for cell in cells[(cells > 127).any(axis=1)])
        if memo is not None and looked:
            pointers = [at for field in pointing for at in pointers_of(field, block) if at > 0][:looked]
            looked -= len(pointers)
            values = (memo.value(at, LOOK_BYTES) for at in pointers)
            yield from (value for value in values if value and not value.isascii())


def _blocks(file: File, header: Header) -> Iterator[Block]:
    """The records, one large block after the other."""
    at_once = max(1, BLOCK_BYTES // header.record_bytes)
    with file.path.open("rb") as content:
        content.seek(header.header_bytes)
        for first in range(0, header.records, at_once):
            whole = content.read(min(at_once, header.records - first) * header.record_bytes)
            rows = len(whole) // header.record_bytes
            yield np.frombuffer(whole, dtype=np.uint8, count=rows * header.record_bytes).reshape(
                rows, header.record_bytes
            )

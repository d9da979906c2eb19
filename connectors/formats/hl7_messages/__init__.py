"""HL7 version 2 messages (HL7 Messaging Standard 2.1 to 2.9, chapter 2) as tables of messages and segments.

Tables: `messages`, a row for each message with its header, its patient and its whole text; and one for each segment
identifier, with a column for each field, component and subcomponent as HL7 writes them: `PID.5`, `PID.5.1`,
`PID.5.1.1`. A value of one piece is decoded (an escaped `T` is `&`); one of several stands as the file spells it. Two
quotes, which delete what the receiver holds, stay as they are. The file is read once to check it and learn the
columns, and once for each table's rows; no more than a message and a piece are held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.errors import FileRefused
from connectors.formats.edifact.segment_tables import Layout, Segment, SegmentOptions, segment_tables
from connectors.formats.edifact.terminated import characters, encoding_of
from connectors.formats.encodings import encoding_of_head
from connectors.formats.hl7_messages.message_rows import message_table
from connectors.formats.hl7_messages.messages import Reading, Stray, numbered_lines
from connectors.formats.hl7_messages.separators import separators_of
from connectors.formats.tables import File, Limits, Noticed, Table

Options = SegmentOptions

BEFORE = " \t\r\n\x0b"  # a message: blanks, and the start of a frame
RECOGNISED = re.compile(r"[\s\x0b]*(?:MSH|FHS|BHS)[|^~\\&]")
CHARACTER_SET = 18  # MSH-18
CHARACTER_SETS = {  # HL7 table 0211
    "8859/1": "iso8859-1", "8859/2": "iso8859-2", "8859/3": "iso8859-3", "8859/4": "iso8859-4", "8859/5": "iso8859-5",
    "8859/6": "iso8859-6", "8859/7": "iso8859-7", "8859/8": "iso8859-8", "8859/9": "iso8859-9",
    "8859/15": "iso8859-15", "ISO IR87": "iso2022_jp", "ISO IR159": "iso2022_jp_2", "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr", "BIG-5": "big5", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "UTF8": "utf-8",
    "UNICODE UTF-16": "utf-16", "UNICODE UTF-32": "utf-32",
}  # fmt: skip


def recognises(head: bytes, file: File) -> bool:
    """Whether it begins with a message, a batch or a file header."""
    return RECOGNISED.match(_beginning(head)) is not None


def tables(file: File, options: SegmentOptions, *, limits: Limits) -> list[Table]:
    """`messages`, and a table for each segment identifier, in the file's order."""
    beginning = _beginning(file.head())
    if separators_of(beginning.lstrip(BEFORE)) is None:
        raise FileRefused("it does not begin with a message header that tells the separators", "Check that it is HL7.")
    encoding, noticed = encoding_of(file, options.encoding, _character_set(beginning))
    layout, reading = Layout(), Reading(limits.cell_bytes)

    def read(reading: Reading | None = None) -> Iterator[Segment | Stray]:
        lines = numbered_lines(characters(file, encoding), most=limits.cell_bytes)
        yield from (reading or Reading(limits.cell_bytes)).segments(lines)

    for one in read(reading):
        if isinstance(one, Segment):
            layout.see(one)
    if not reading.messages:
        raise FileRefused("it holds no message", "Ask for the file again.")
    layout.declare(options.fields)
    meta = {"format": "hl7", "encoding": encoding, "messages": reading.messages}
    told = [*noticed, *reading.noticed(), *_unended(file)]

    def segments() -> Iterator[Segment]:
        return (one for one in read() if isinstance(one, Segment))

    first = message_table(read, limits=limits, meta=meta, noticed=told)
    return [first, *segment_tables(layout, segments, options, limits=limits, meta=meta, noticed=told)]


def _character_set(beginning: str) -> str | None:
    """The codec of the first message's MSH-18; None where it names none."""
    start = beginning.find("MSH")
    header = re.split(r"[\r\n]", beginning[max(start, 0) :])[0]
    fields = header.split(header[3:4]) if header[3:4] else []
    name = fields[CHARACTER_SET - 1] if len(fields) >= CHARACTER_SET else ""
    return CHARACTER_SETS.get(re.split(r"[^\w/ .-]", name)[0].strip().upper())


def _beginning(head: bytes) -> str:
    certain = encoding_of_head(head[:4096])
    return head.decode(certain.name if certain else "latin-1", errors="replace").lstrip("\ufeff")


def _unended(file: File) -> list[Noticed]:
    """That the last segment has no end; many senders leave it out, and so does a file that was cut."""
    with file.path.open("rb") as opened:
        opened.seek(max(file.size - 4, 0))
        if any(one in b"\r\n\x1c" for one in opened.read()):
            return []
    message = "the last segment has no line end: the file may be cut"
    return [Noticed("last-segment-open", message, "info", unit="files", remedy="Ask the sender where it happens anew.")]

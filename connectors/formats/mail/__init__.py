"""Mail as a table of messages: a message (RFC 5322, MIME: RFC 2045 to 2049), a mailbox (RFC 4155), or Outlook's `.msg`.

One table, `messages`. A mailbox is read message by message; one above `cell_bytes` is a reject. What a message spells
wrongly (a date, a character set, an encoded word) is kept as near as it can be read, and noticed. Attachments are told
by name, type, size and SHA-256; their content is not carried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from catalog.errors import FileRefused
from connectors.formats.edifact.segment_tables import Rows
from connectors.formats.mail.mailbox import POSTMARK, POSTMARK_BYTES, messages_of
from connectors.formats.mail.messages import SCHEMA, Unreadable, row_of
from connectors.formats.mail.oddities import Oddities
from connectors.formats.mail.outlook import SIGNATURE, is_outlook, outlook_row
from connectors.formats.mail.texts import codec_named
from connectors.formats.tables import HEAD_BYTES, TEXT, File, FormatOptions, Limits, Piece, Table

NAMES = (  # of headers that a message begins with
    rb"From|To|Cc|Subject|Received|Return-Path|Message-ID|Date|Delivered-To|Envelope-To|Reply-To|Sender|MIME-Version|"
    rb"Content-[A-Za-z-]+|X-[A-Za-z0-9-]+|DKIM-Signature|Authentication-Results|In-Reply-To|References|ARC-[A-Za-z-]+|"
    rb"Thread-[A-Za-z]+|List-[A-Za-z]+|Importance|Priority|User-Agent|Organization|Precedence"
)
FIRST = re.compile(rb"(?:" + NAMES + rb")[ \t]*:", re.IGNORECASE)
FIELDS = re.compile(
    rb"^(From|To|Cc|Subject|Received|Return-Path|Message-ID|Date|MIME-Version)[ \t]*:", re.IGNORECASE | re.MULTILINE
)
HEADER = re.compile(rb"[!-9;-~]+[ \t]*:|[ \t]")  # or a line that goes on one
STARTS = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:From |[!-9;-~]+[ \t]*:)")  # what may be read as mail
LEAST_FIELDS = 2  # of those that every mail has, before it is taken for one


class Options(FormatOptions):
    """What may be declared about mail. `encoding`: of texts that declare none, or one that is not known."""

    encoding: str = ""


def recognises(head: bytes, file: File) -> bool:
    """Whether it begins with the header of a message, with the postmark of a mailbox, or is an Outlook message."""
    if head.startswith(SIGNATURE):
        return is_outlook(head, file)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if text.startswith(b"From "):
        postmark, _, text = text.partition(b"\n")
        if POSTMARK.match(postmark[:POSTMARK_BYTES]) and re.match(rb"[!-9;-~]+:", text):
            return True
    header, known = _header(text)
    least = LEAST_FIELDS if header.strip() == known.strip() else LEAST_FIELDS + 1
    return FIRST.match(text) is not None and len({name.lower() for name in FIELDS.findall(known)}) >= least


def _header(text: bytes) -> tuple[bytes, bytes]:
    """The lines before the first empty one, and those of them before the first that is no header's."""
    header = re.split(rb"\r?\n\r?\n|\r\r", text, maxsplit=1)[0]
    lines = header.splitlines(keepends=True)
    if len(header) == len(text) > HEAD_BYTES // 2:
        lines.pop()  # it may be cut
    good = list(takewhile(HEADER.match, lines))
    return b"".join(lines), b"".join(good)


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table, `messages`."""
    head = file.head()
    if not head.strip(b"\0 \t\r\n"):
        raise FileRefused("the file is empty", "Ask for the export again.")
    if options.encoding and not codec_named(options.encoding):
        raise FileRefused(f"'{options.encoding}' is no encoding", "Name one that Python knows, such as `cp1252`.")
    outlook = head.startswith(SIGNATURE)
    if not outlook and not STARTS.match(head):
        raise FileRefused("it begins with no message header", "Check that it is mail, and not cut at its start.")

    def pieces() -> Iterator[Piece]:
        return _outlook(file, limits) if outlook else _messages(file, options, limits)

    meta = {"format": "mail", "kind": "outlook" if outlook else "mailbox" if head.startswith(b"From ") else "message"}
    return [Table("messages", SCHEMA, dict.fromkeys(SCHEMA, TEXT), pieces, meta)]


def _messages(file: File, options: Options, limits: Limits) -> Iterator[Piece]:
    """The rows of a message or a mailbox; each message is taken apart by itself, by Python's own parser."""
    rows, oddities, told = Rows(SCHEMA, limits), Oddities(), False
    for position, content in enumerate(messages_of(file, most=limits.cell_bytes), 1):
        if content is None:
            rows.reject(position, f"the message is larger than {limits.cell_bytes:,} bytes", "")
            continue
        try:
            rows.add(position, row_of(content, oddities, encoding=options.encoding), size=2 * len(content))
        except Unreadable as error:
            rows.reject(position, str(error), content[:200].decode("latin-1"))
        if rows.full:
            told = True
            yield replace(rows.piece(), noticed=oddities.taken())
    if rows.rows or rows.rejects or not told:
        yield replace(rows.piece(), noticed=oddities.taken())


def _outlook(file: File, limits: Limits) -> Iterator[Piece]:
    rows, oddities = Rows(SCHEMA, limits), Oddities()
    rows.add(1, outlook_row(file, oddities), size=0)
    yield replace(rows.piece(), noticed=oddities.taken())

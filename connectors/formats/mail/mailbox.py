"""The messages of a file of mail, one at a time: the file's own, or those of a mailbox between its `From ` lines.

In a mailbox (mboxrd, as RFC 4155 leaves open) a line of a text that begins with `From `, with any number of `>` before
it, has one `>` more than the message; it is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from catalog.errors import FileRefused
from connectors.formats.tables import File

POSTMARK = re.compile(rb"From .*\d{1,2}:\d\d.*(?:19|20)\d\d|From \S+@\S*\s*$|From (?:-|MAILER-DAEMON|\?\?\?)")
LATER_POSTMARK = re.compile(rb"From .*\d{1,2}:\d\d.*(?:19|20)\d\d")  # within texts, only with a time
QUOTED = re.compile(rb">+From ")
POSTMARK_BYTES = 200  # of a line that are looked at, for its cost
LINE = 1 << 20  # bytes of a line that are read at once


def messages_of(file: File, *, most: int) -> Iterator[bytes | None]:
    """Each message's bytes; None for one in a mailbox that has more than `most`.

    Raises FileRefused where the file's only message is larger.
    """
    with file.path.open("rb") as opened:
        start = opened.read(5)
        opened.seek(0)
        if start == b"From ":
            yield from _mailbox(opened, most)
        elif file.size > most:
            raise FileRefused(f"the message is larger than {most:,} bytes", "Raise `cell_bytes` of the source.")
        else:
            yield opened.read()


def _mailbox(opened: BinaryIO, most: int) -> Iterator[bytes | None]:
    message: list[bytes] = []
    size, blank, whole = 0, True, True  # whole: the line before ended
    opened.readline()
    while line := opened.readline(LINE):
        if blank and whole and line.startswith(b"From ") and LATER_POSTMARK.match(line[:POSTMARK_BYTES]):
            yield b"".join(message) if size <= most else None
            message, size, blank = [], 0, False
            continue
        blank = line in (b"\n", b"\r\n")
        if whole and QUOTED.match(line):
            line = line[1:]
        whole = line.endswith(b"\n")
        size += len(line)
        if size <= most:
            message.append(line)
        else:
            message.clear()
    yield b"".join(message) if size <= most else None

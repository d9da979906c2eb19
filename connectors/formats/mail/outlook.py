"""An Outlook message (MS-OXMSG) as a row, read by `extract-msg`, which is an extra for its licence."""

from __future__ import annotations

import struct
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from importlib import import_module
from typing import Any

from catalog.errors import FileRefused
from connectors.formats.mail.messages import SCHEMA, address, bare_name, sent_at
from connectors.formats.mail.oddities import Oddities
from connectors.formats.mail.texts import SURROGATE, plain
from connectors.formats.tables import File

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # of a compound file (MS-CFB)
PROPERTIES = "__properties_version1.0".encode("utf-16-le")  # a stream that every message has
LARGEST = 256 * 2**20  # bytes; the library holds the file whole

PROPERTIES_OF = {  # the row's columns, and the library's names
    "message_id": "messageId", "date": "date", "from": "sender", "to": "to", "cc": "cc", "bcc": "bcc",
    "subject": "subject", "in_reply_to": "inReplyTo", "body": "body",
}  # fmt: skip
BROKEN = (  # what the library falls over where a message is not whole
    OSError, ValueError, LookupError, AttributeError, TypeError, NotImplementedError, AssertionError, RecursionError,
    struct.error,
)  # fmt: skip


def is_outlook(head: bytes, file: File) -> bool:
    """Whether a compound file is a message."""
    return file.suffix == ".msg" or PROPERTIES in head


def outlook_row(file: File, oddities: Oddities) -> dict[str, Any]:
    """The row of a message. Raises FileRefused where it is broken, or the extra is not installed."""
    if file.size > LARGEST:
        raise FileRefused(f"the message is larger than {LARGEST:,} bytes", "Export it as .eml.")
    try:
        library = import_module("extract_msg")
    except ImportError:
        what = "Outlook messages are read by a package that is not installed"
        raise FileRefused(what, "Install landbridge[msg], or export the message as .eml.") from None
    try:
        with library.openMsg(str(file.path)) as message:
            return _row(message, oddities)
    except (library.exceptions.ExMsgBaseException, *BROKEN):
        raise FileRefused("it is no whole Outlook message", "Ask for it again, or export it as .eml.") from None


def _row(message: Any, oddities: Oddities) -> dict[str, Any]:
    told: dict[str, Any] = dict.fromkeys(SCHEMA)
    told |= {column: _text(getattr(message, name, None)) for column, name in PROPERTIES_OF.items()}
    header = getattr(message, "header", None)
    fields = [] if header is None else [(str(name), _text(header[name])) for name in header]
    told["date"] = next((value for name, value in fields if name.lower() == "date"), None) or told["date"]
    body = told["body"]
    if body is None and getattr(message, "htmlBody", None):
        told["body"], told["body_type"] = plain(_text(message.htmlBody) or ""), "html"
    elif body is not None:
        told["body"], told["body_type"] = body.replace("\r\n", "\n"), "plain"
    return told | {
        "sent_at": sent_at(told["date"], oddities), "from_address": address(told["from"], oddities),
        "attachments": [_attachment(one, oddities) for one in message.attachments],
        "headers": [{"name": name, "value": value} for name, value in fields],
    }  # fmt: skip


def _attachment(attached: Any, oddities: Oddities) -> dict[str, Any]:
    """An attached file; of an attached message only the name is told."""
    content = attached.data if isinstance(attached.data, bytes) else None
    name = _text(getattr(attached, "longFilename", None) or getattr(attached, "shortFilename", None)) or ""
    if content is None:
        oddities["message-embedded"] += 1
    return {
        "name": bare_name(name, oddities), "type": _text(getattr(attached, "mimetype", None)),
        "size": None if content is None else len(content),
        "sha256": None if content is None else sha256(content).hexdigest(),
    }  # fmt: skip


def _text(value: Any) -> str | None:
    """A property as text; None where it is empty."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    elif isinstance(value, datetime):
        value = format_datetime(value)
    return SURROGATE.sub("\ufffd", str(value)).rstrip("\0").strip() or None if value is not None else None

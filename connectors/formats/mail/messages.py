"""One message as a row: who wrote to whom, when, about what, the text, and what is attached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import polars as pl

from connectors.formats.mail.oddities import Oddities
from connectors.formats.mail.texts import SURROGATE, decoded, header_text, plain

ATTACHMENT = pl.Struct({"name": pl.String(), "type": pl.String(), "size": pl.Int64(), "sha256": pl.String()})
HEADER = pl.Struct({"name": pl.String(), "value": pl.String()})
SCHEMA = pl.Schema(
    dict.fromkeys(
        ("message_id", "date", "sent_at", "from", "from_address", "to", "cc", "bcc", "reply_to", "subject",
         "in_reply_to", "references", "body", "body_type"),
        pl.String(),
    )
    | {"attachments": pl.List(ATTACHMENT), "headers": pl.List(HEADER)}
)  # fmt: skip
FIELDS = {  # the row's columns that are a header's text
    "message_id": "message-id", "date": "date", "from": "from", "to": "to", "cc": "cc", "bcc": "bcc",
    "reply_to": "reply-to", "subject": "subject", "in_reply_to": "in-reply-to", "references": "references",
}  # fmt: skip
JOINED = {"to": ", ", "cc": ", ", "bcc": ", ", "references": " "}  # others stand once, or the first counts
DEFECTS = (  # of the parser, that mean text is missing or was misread
    "StartBoundaryNotFoundDefect", "CloseBoundaryNotFoundDefect", "NoBoundaryInMultipartDefect",
    "MultipartInvariantViolationDefect", "InvalidBase64PaddingDefect", "InvalidBase64CharactersDefect",
    "InvalidBase64LengthDefect", "MissingHeaderBodySeparatorDefect",
)  # fmt: skip

if TYPE_CHECKING:
    Part = Message[str, str]


class Unreadable(Exception):
    """A message that cannot be taken apart, and why."""


def row_of(content: bytes, oddities: Oddities, *, encoding: str = "") -> dict[str, Any]:
    """The row of a message. Raises Unreadable."""
    try:
        return _row(message_from_bytes(content), oddities, encoding)
    except RecursionError:
        raise Unreadable("its parts are nested too deeply") from None
    except (ValueError, LookupError, AttributeError, TypeError, AssertionError, MessageError):
        raise Unreadable("it is not built as a message") from None


def _row(message: Part, oddities: Oddities, encoding: str) -> dict[str, Any]:
    headers = [{"name": name, "value": header_text(str(value), oddities)} for name, value in message.raw_items()]
    if not headers:
        raise Unreadable("it has no header")
    told: dict[str, Any] = dict.fromkeys(SCHEMA)
    for column, name in FIELDS.items():
        values = [header["value"] for header in headers if header["name"].lower() == name]
        if name in JOINED:
            told[column] = JOINED[name].join(values) or None
        elif values:
            told[column] = values[0]
            oddities["header-repeated"] += len(values) > 1
    body, kind, attached = _body(message, oddities, encoding)
    if any(type(defect).__name__ in DEFECTS for part in message.walk() for defect in part.defects):
        oddities["structure-broken"] += 1
    return told | {
        "sent_at": sent_at(told["date"], oddities), "from_address": address(told["from"], oddities),
        "body": body, "body_type": kind, "attachments": [attachment(part, oddities) for part in attached],
        "headers": headers,
    }  # fmt: skip


def sent_at(date: str | None, oddities: Oddities) -> str | None:
    """A date as an ISO 8601 moment in UTC; one that names no zone counts as UTC."""
    if not date:
        return None
    try:
        moment = parsedate_to_datetime(date)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        oddities["date-unreadable"] += 1
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def address(sender: str | None, oddities: Oddities) -> str | None:
    """The first sender's address alone."""
    if not sender:
        return None
    found = [one for _, one in getaddresses([sender]) if re.fullmatch(r"[^@\s]+@[^@\s]+", one)]
    if not found:
        oddities["address-unreadable"] += 1
    return found[0] if found else None


def attachment(part: Part, oddities: Oddities) -> dict[str, Any]:
    """What is told of an attached part."""
    name = header_text(part.get_filename() or "", oddities)
    if part.get_content_type() == "message/rfc822":
        oddities["message-embedded"] += 1
    content = _content(part)
    return {
        "name": bare_name(name, oddities), "type": SURROGATE.sub("\ufffd", part.get_content_type()),
        "size": len(content), "sha256": sha256(content).hexdigest(),
    }  # fmt: skip


def bare_name(name: str, oddities: Oddities) -> str | None:
    """A name without the folders before it."""
    told = re.split(r"[/\\]", name.replace("\0", ""))[-1].strip()
    if told != name.strip():
        oddities["attachment-path"] += 1
    return None if told in ("", ".", "..") else told


def _body(message: Part, oddities: Oddities, encoding: str) -> tuple[str | None, str | None, list[Part]]:
    """The text, the type it came from, and the parts that are attached."""
    texts: list[tuple[str, str]] = []
    attached: list[Part] = []
    for part in _shown(message, attached):
        content = part.get_payload(decode=True)
        text = decoded(content if isinstance(content, bytes) else b"", _charset(part), oddities, encoding=encoding)
        kind = "html" if part.get_content_type() == "text/html" else "plain"
        text = plain(text) if kind == "html" else text.replace("\r\n", "\n")
        texts.append((kind, SURROGATE.sub("\ufffd", text)))
    if not texts:
        return None, None, attached
    return "\n".join(text for _, text in texts), "plain" if "plain" in dict(texts) else "html", attached


def _shown(part: Part, attached: list[Part]) -> Iterator[Part]:
    """The parts that are read as the message's text; the others go to `attached`."""
    children = _children(part)
    if part.get_content_type() == "message/rfc822" or part.get_content_disposition() == "attachment":
        attached.append(part)
    elif children:
        yield from _of_several(part.get_content_subtype(), children, attached)
    elif part.get_content_maintype() in ("text", "multipart") and not part.get_filename():
        yield part
    else:
        attached.append(part)


def _of_several(subtype: str, children: list[Part], attached: list[Part]) -> Iterator[Part]:
    """Of alternatives the plainest that has text, of other parts all."""
    if subtype != "alternative":
        for child in children:
            yield from _shown(child, attached)
        return
    found: list[list[Part]] = []
    for child in children:
        beside: list[Part] = []
        found.append(list(_shown(child, beside)))
        attached += beside
    plainest = [one for one in found if one and all(part.get_content_type() == "text/plain" for part in one)]
    yield from next(iter(plainest or [one for one in found if one]), [])


def _charset(part: Part) -> str | None:
    charset = part.get_content_charset()
    return charset if isinstance(charset, str) else None


def _content(part: Part) -> bytes:
    """The bytes of a part, its transfer encoding undone; of a message in it, its text."""
    content = part.get_payload(decode=True)
    if isinstance(content, bytes):
        return content
    return b"".join(child.as_bytes() for child in _children(part))


def _children(part: Part) -> list[Part]:
    """The parts of a part of several."""
    children = part.get_payload()
    return [child for child in children if isinstance(child, Message)] if isinstance(children, list) else []

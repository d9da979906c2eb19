"""Hand a message to a webhook or a mail server: over TLS, to the declared host only, with a limit on the time."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit

from catalog.errors import Refusal

TIMEOUT = 10.0  # seconds, for each step of a conversation
LOOPBACK = ("127.0.0.1", "localhost", "::1")
BUSY = (408, 425, 429)  # as 5xx: the same message may be taken later


class Undelivered(Refusal):
    """A message that was not taken; `again` tells whether to try once more. What it says holds no secret."""

    def __init__(self, what: str, remedy: str = "", *, again: bool = False) -> None:
        super().__init__(what, remedy)
        self.again = again


def post(url: str, body: bytes, *, host: str, headers: Mapping[str, str] | None = None) -> None:
    """POST JSON to `url`, which must be on `host`. Redirects are not followed. Undelivered where it is not taken."""
    parts = _parsed(url)
    if parts.scheme not in ("http", "https") or parts.hostname != host:
        raise Undelivered(f"the webhook's address is not on the declared host '{host}'", "Correct one of the two.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise Undelivered("the webhook's address is not https", "Use https: findings do not travel in the open.")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, parts.port, timeout=TIMEOUT)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
        status = connection.getresponse().status
    except http.client.InvalidURL:
        raise Undelivered("the webhook's address holds blanks", "Correct it.") from None
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(f"'{host}' does not answer ({type(error).__name__})", again=True) from None
    finally:
        connection.close()
    if 300 <= status < 400:
        raise Undelivered(f"'{host}' answered {status}, and redirects are not followed", "Name the final address.")
    if not 200 <= status < 300:
        raise Undelivered(f"'{host}' answered {status}", again=status in BUSY or status >= 500)


def signature(body: bytes, *, key: str, sent_at: str) -> dict[str, str]:
    """Headers by which a receiver tells that the message is ours and fresh: HMAC-SHA256 over `<sent_at>.<body>`."""
    mark = hmac.new(key.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Landbridge-Timestamp": sent_at, "X-Landbridge-Signature": f"sha256={mark}"}


def mail(server: str, message: EmailMessage) -> None:
    """Send a mail through `smtp://` or `smtps://`; STARTTLS where it is offered. Undelivered where it is not taken."""
    parts = _parsed(server)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise Undelivered("the mail server's address is none", "Write smtp://user:password@host:port.")
    try:
        with _connected(parts) as connection:
            refused = connection.send_message(message)
    except smtplib.SMTPResponseException as error:
        told = f"the mail server answered {error.smtp_code}"
        raise Undelivered(told, again=400 <= error.smtp_code < 500) from None
    except smtplib.SMTPRecipientsRefused as error:
        raise Undelivered(f"the mail server refuses all {len(error.recipients)} recipients", "Correct 'to'.") from None
    except (OSError, smtplib.SMTPException) as error:
        raise Undelivered(f"the mail server does not answer ({type(error).__name__})", again=True) from None
    if refused:
        raise Undelivered(f"the mail server refuses {len(refused)} of the recipients", "Correct 'to'.")


def _connected(parts: SplitResult) -> smtplib.SMTP:
    """A conversation with the server, encrypted where it offers that; no password goes over an open line."""
    host, trusted = parts.hostname or "", ssl.create_default_context()
    if parts.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT, context=trusted)
    else:
        connection = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT)
        connection.ehlo()
        if connection.has_extn("starttls"):
            connection.starttls(context=trusted)
            connection.ehlo()
    encrypted = isinstance(connection.sock, ssl.SSLSocket)
    if parts.username and not encrypted and host not in LOOPBACK:
        connection.close()
        raise Undelivered(
            "the mail server offers no encryption, and a password is not sent in the open", "Use smtps://."
        )
    if parts.username:
        connection.login(unquote(parts.username), unquote(parts.password or ""))
    return connection


def _parsed(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise Undelivered("the address cannot be read", "Write scheme://host:port/path.") from None
    return parts

"""What every request passes before any of our code reads it: the API key, the size of the body, one line in the log.

The line holds the method, the route, the status, the time and the caller's name; never a key, a query or a question.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.callers import Callers
from serving.limits import LARGEST_BODY
from serving.problems import TOO_LARGE, UNAUTHORIZED, problem

OPEN = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json"})  # all else needs no key or a good one
DOCS_FILES = "/docs-files"  # scripts and styles of /docs
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="landbridge"'}

logger = logging.getLogger(__name__)


class Doorway:
    """ASGI middleware. It puts the caller under `state.caller` of the request, for HTTP and MCP alike."""

    def __init__(self, app: ASGIApp, *, callers: Callers) -> None:
        self.app, self.callers = app, callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 413, or hand the request on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        is_open = scope["path"] in OPEN or scope["path"].startswith(f"{DOCS_FILES}/")
        caller = self.callers.anonymous if is_open else self.callers.identify(scope["headers"])
        scope = {**scope, "state": {**scope.get("state", {}), "caller": caller}}
        with _logged(scope, send) as answered:
            if caller is None:
                return await problem(401, UNAUTHORIZED, headers=CHALLENGE)(scope, receive, answered.send)
            body = await _whole(scope, receive)
            if body is None:
                return await problem(413, TOO_LARGE)(scope, receive, answered.send)
            return await self.app(scope, _replayed(body, receive), answered.send)


class _Answered:
    """Watches the answer leave, and marks it as this caller's alone."""

    def __init__(self, send: Send) -> None:
        self.status = 500
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.setdefault("cache-control", "no-store")
            headers.setdefault("x-content-type-options", "nosniff")
        await self._send(message)


@contextmanager
def _logged(scope: Scope, send: Send) -> Iterator[_Answered]:
    started, answered = time.perf_counter(), _Answered(send)
    try:
        yield answered
    finally:
        route = getattr(scope.get("route"), "path", None) or "-"  # the template, not what the caller wrote
        caller = scope["state"]["caller"]
        name = caller.name if caller else "nobody"
        took = (time.perf_counter() - started) * 1000
        logger.info("%s %s %d %.0f ms %s", scope["method"], route, answered.status, took, name)


async def _whole(scope: Scope, receive: Receive) -> bytes | None:
    """The body; None where it is larger than the limit, by its own word or in fact."""
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST_BODY:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")  # a disconnect has none
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more, for the application; then what the server still has to say."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay

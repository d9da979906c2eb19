"""A client of a web server that asks no host it may not, wherever redirects and name servers lead."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from catalog.errors import FileRefused
from connectors.places.hosts import HostRule, refuse_address
from connectors.places.storage import WebStorage

SECONDS = 30  # to connect
SILENT_SECONDS = 60  # without a byte
LARGEST_PAGE = 32 * 2**20  # bytes of an index page


class _CheckedResolver(ThreadedResolver):
    """Names as the system resolves them, without the addresses that are never asked."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        for one in found:
            refuse_address(one["host"])
        return found


class _Answer(aiohttp.ClientResponse):
    """An answer that is read whole, as an index page is, only where it is not too large."""

    async def read(self) -> bytes:
        """The whole body. Raises FileRefused where it is larger than any index page."""
        if self._body is None:
            told = bytearray()
            async for chunk in self.content.iter_chunked(64 * 1024):
                told += chunk
                if len(told) > LARGEST_PAGE:
                    self.close()
                    raise FileRefused("the index page is too large", "Name the files by their URLs.")
            self._body = bytes(told)
        return self._body


async def session(*, rule: HostRule, storage: WebStorage, loop: Any = None, **_named: Any) -> aiohttp.ClientSession:
    """A session; each request and each redirect is held against the rule before it is made."""
    trace = aiohttp.TraceConfig()

    async def starts(
        _session: aiohttp.ClientSession, _at: SimpleNamespace, told: aiohttp.TraceRequestStartParams
    ) -> None:
        rule.refuse(told.url.scheme, told.url.host or "", told.url.port)

    async def redirects(
        _session: aiohttp.ClientSession, _at: SimpleNamespace, told: aiohttp.TraceRequestRedirectParams
    ) -> None:
        location = told.response.headers.get("Location") or told.response.headers.get("URI") or ""
        target = told.url.join(URL(location))
        rule.refuse(target.scheme, target.host or "", target.port)
        if rule.allowed and storage.headers and target.origin() != told.url.origin():
            told.headers.clear()  # they are for the source's own host

    trace.on_request_start.append(starts)
    trace.on_request_redirect.append(redirects)
    auth = aiohttp.BasicAuth(storage.username, storage.password) if storage.username else None
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=_CheckedResolver()), trace_configs=[trace], auth=auth,
        response_class=_Answer,
        headers={"Accept-Encoding": "identity", **storage.headers},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=SECONDS, sock_read=SILENT_SECONDS),
    )  # fmt: skip

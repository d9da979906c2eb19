"""Web servers as places, by fsspec: the URL of a file, or of a folder whose index page links to what is in it.

A location that ends with `/` is a folder; so is one that leads to the same with `/`, and one that is a web page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.places.hosts import HostRule
from connectors.places.limits import PlaceLimits
from connectors.places.local import shown
from connectors.places.place import Entry, Place
from connectors.places.remote import RemotePlace
from connectors.places.storage import WebStorage, storage_of

NOT_THERE = (404, 410)
DENIED = (401, 402, 403, 407, 451)


class WebServer(RemotePlace):
    """What lies below a URL. `query` belongs to the URL of one file, and is never told: it may hold a secret."""

    def __init__(self, url: str, query: str, limits: PlaceLimits, rule: HostRule, storage: WebStorage) -> None:
        super().__init__(url, limits)
        self._query, self._rule, self._storage = query, rule, storage

    @property
    def faults(self) -> tuple[type[Exception], ...]:
        """See `RemotePlace.faults`."""
        from aiohttp import ClientError

        return (ClientError, TimeoutError, ValueError)

    def connected(self) -> Any:
        """See `RemotePlace.connected`."""
        from fsspec.implementations.http import HTTPFileSystem

        from connectors.places.web_sessions import session

        return HTTPFileSystem(
            simple_links=False, skip_instance_cache=True, use_listings_cache=False, encoded=True,
            get_client=partial(session, rule=self._rule, storage=self._storage),
        )  # fmt: skip

    def full(self, path: str) -> str:
        """The URL of a path."""
        if not path:
            return self.root + self._query
        return f"{self.root.rstrip('/')}/{quote(path)}"

    def above(self) -> tuple[Place, str] | None:
        """See `Place.above`: not where a query, or a name that is spelled otherwise, is part of the URL."""
        told = super().above()
        name = unquote(told[1]) if told is not None else ""
        return (told[0], name) if told is not None and not self._query and quote(name) == told[1] else None

    def look(self, path: str) -> Entry | None:
        """See `Place.look`. A folder is not asked what it is: its index page is the question."""
        if not path and self.root.endswith("/"):
            return Entry("", "folder")
        return super().look(path)

    def entries(self, path: str) -> Sequence[Entry]:
        """See `Place.entries`: what the index page links to, in this folder and not beyond."""
        return list({one.path: one for one in super().entries(f"{path}/" if path else path)}.values())

    def below(self, path: str, name: str) -> str:
        """See `RemotePlace.below`."""
        url, here = urlsplit(name), urlsplit(self.full(path))
        folder = unquote(here.path).rstrip("/") + "/"
        inside = unquote(url.path).removeprefix(folder).rstrip("/")
        if url.query or url.netloc != here.netloc or not unquote(url.path).startswith(folder):
            return ""
        own = inside.removeprefix("./")
        if not own or "/" in own or own in (".", ".."):
            return ""
        return f"{path.rstrip('/')}/{own}" if path else own

    def entry_of(self, path: str, info: Mapping[str, Any]) -> Entry:
        """See `RemotePlace.entry_of`. What is linked is looked at when it is wanted."""
        if info["type"] == "directory":
            return Entry(path, "folder")
        if "url" not in info:
            return Entry(path, "file")
        landed = urlsplit(str(info["url"])).path
        if landed.endswith("/") and (path or info.get("mimetype") == "text/html"):
            return Entry(path, "folder")
        size = info.get("size")
        tags = [str(info[name]) for name in ("ETag", "Last-Modified") if info.get(name)]
        strong = str(info.get("ETag") or "W/")
        return Entry(
            path, "file", -1 if size is None else int(size), _moment(info), " ".join(tags),
            proof="" if strong.startswith("W/") else strong,
        )  # fmt: skip

    def cited(self, path: str) -> str:
        """See `RemotePlace.cited`."""
        return shown(path or unquote(urlsplit(self.root).path.rstrip("/").rpartition("/")[2]))

    def cause(self, error: Exception) -> Exception:
        """See `RemotePlace.cause`: fsspec says of every fault that there is no such file."""
        behind = error.__cause__ if isinstance(error, FileNotFoundError) else None
        if isinstance(behind, Exception) and _status(behind) not in NOT_THERE:
            return behind
        return FileNotFoundError() if _status(error) in NOT_THERE else error

    def refuses(self, error: Exception) -> bool:
        """See `RemotePlace.refuses`."""
        return _status(error) in DENIED

    def told(self, error: Exception) -> str:
        """See `RemotePlace.told`."""
        status = _status(error)
        return f"the server answers {status}" if status else f"the server does not answer ({type(error).__name__})"


def web_server(location: str, source: Source, dataset: Dataset, limits: PlaceLimits, *, folder: Path) -> WebServer:
    """The place of a URL."""
    url = urlsplit(location)
    if not url.hostname or url.username:
        raise SourceUnreadable(
            source.name, dataset.name, "the location names no host, or a user",
            "Write https://host/path, and the user as `options.storage.username`.",
        )  # fmt: skip
    storage = storage_of(WebStorage, source, dataset, folder=folder)
    rule = HostRule.naming(url.scheme.lower(), url.hostname, url.port)
    plain = url._replace(query="", fragment="", path=url.path or "/").geturl()
    return WebServer(plain, f"?{url.query}" if url.query else "", limits, rule, storage)


def _status(error: Exception) -> int:
    told = getattr(error, "status", 0)
    return told if isinstance(told, int) else 0


def _moment(info: Mapping[str, Any]) -> datetime | None:
    try:
        told = parsedate_to_datetime(str(info["Last-Modified"]))
    except (KeyError, ValueError):
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)

"""Folders of an SSH server as places, by SFTP (paramiko). A server whose key is not known is not talked to."""

from __future__ import annotations

import base64
import binascii
import stat
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.places.hosts import HostRule
from connectors.places.limits import PlaceLimits
from connectors.places.local import SPECIAL
from connectors.places.place import Entry, Place
from connectors.places.remote import RemotePlace, moment
from connectors.places.storage import SshStorage, storage_of

SECONDS = 30  # to connect, to log in, and without an answer
HOME = "/~/"  # begins a path below the home of the user


class SshServer(RemotePlace):
    """What lies below a folder of a server."""

    def __init__(
        self, root: str, limits: PlaceLimits, *, address: tuple[str, int], user: str, storage: SshStorage, folder: Path
    ) -> None:
        super().__init__(root, limits)
        self._address, self._user, self._storage, self._folder = address, user, storage, folder
        self._real: dict[str, str] = {}

    @property
    def faults(self) -> tuple[type[Exception], ...]:
        """See `RemotePlace.faults`."""
        from paramiko import SSHException

        return (SSHException, EOFError, ValueError)

    def connected(self) -> Any:
        """See `RemotePlace.connected`."""
        from connectors.places.ssh_sessions import session

        return session(self._address, self._user, self._storage, folder=self._folder)

    def entry_of(self, path: str, info: Mapping[str, Any]) -> Entry:
        """See `RemotePlace.entry_of`."""
        if info["type"] == "link":  # a listing does not say what is behind it
            return self.look(path) or Entry(path, "other", fault="it is a link that leads nowhere", link=True)
        link = bool(info.get("link"))
        if info["type"] == "nowhere":
            return Entry(path, "other", fault="it is a link that leads nowhere", link=True)
        if info["type"] == "directory":
            return Entry(path, "folder", link=link)
        if not stat.S_ISREG(info["mode"] or stat.S_IFREG):
            return Entry(path, "other", fault=SPECIAL, link=link)
        written = moment(info["mtime"])
        return Entry(path, "file", info["size"], written, f"{info['size']} {written}", link=link)

    def above(self) -> tuple[Place, str] | None:
        """See `Place.above`."""
        folder, sign, name = self.root.rpartition("/")
        place = copy(self)
        place.root, place._real = folder or sign or ".", {}
        return (place, name) if name else None

    def outside(self, entry: Entry) -> bool:
        """See `Place.outside`: asked of the server once for each folder, and for each link."""
        folder = entry.path.rpartition("/")[0]
        for path in (folder, entry.path) if entry.link else (folder,):
            root, real = self._real_path(""), self._real_path(path)
            if path and not real.startswith(root.rstrip("/") + "/") and real != root:
                return True
        return False

    def told(self, error: Exception) -> str:
        """See `RemotePlace.told`."""
        name = type(error).__name__
        if name == "BadHostKeyException" or "known_hosts" in str(error):
            return "the server's key is not the one that is known; declare storage.host_key once you have checked it"
        if name in ("AuthenticationException", "BadAuthenticationType", "PasswordRequiredException"):
            return "the login is refused"
        if "No authentication methods" in str(error):
            return "no password and no key is declared"
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        return "access is denied" if isinstance(error, PermissionError) else f"the server does not answer ({name})"

    def _real_path(self, path: str) -> str:
        if path not in self._real:
            self._real[path] = self._asked("real_path", self.full(path))
        return self._real[path]


def ssh_server(location: str, source: Source, dataset: Dataset, limits: PlaceLimits, *, folder: Path) -> SshServer:
    """The place of `sftp://user@host:port/path`; a path that begins with `/~/` is below the user's home."""
    url = urlsplit(location)
    if not url.hostname or not url.username:
        raise SourceUnreadable(
            source.name, dataset.name, "the location names no user or no host", "Write sftp://user@host/path."
        )
    storage = storage_of(SshStorage, source, dataset, folder=folder)
    if storage.host_key and _key_fault(storage.host_key):
        raise SourceUnreadable(
            source.name, dataset.name, "`storage.host_key` is no key", "Write it as in known_hosts: ssh-ed25519 AAAA..."
        )
    rule = HostRule.naming("sftp", url.hostname, url.port)
    rule.refuse_resolved(*rule.named)
    path = unquote(url.path) or "/"
    root = path.removeprefix(HOME) or "." if path.startswith(HOME) else path
    return SshServer(root, limits, address=rule.named, user=unquote(url.username), storage=storage, folder=folder)


def _key_fault(text: str) -> bool:
    parts = text.split()
    try:
        return len(parts) < 2 or not base64.b64decode(parts[1], validate=True)
    except binascii.Error:
        return True

"""A connection to an SSH server, with its key checked first. Imported only where one is made."""

from __future__ import annotations

import stat
import weakref
from pathlib import Path
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from connectors.places.storage import SshStorage

SECONDS = 30


class _CheckedSession(SFTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's file system, which would trust any server, with one that must be known."""

    cachable = False

    def __init__(self, host: str, *, known: paramiko.HostKeys | None, **told: Any) -> None:
        self._known = known
        super().__init__(host, **told)

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        if self._known is None:
            self.client.load_system_host_keys()
        else:
            self.client.get_host_keys().update(self._known)
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.client.connect(
            self.host, timeout=SECONDS, banner_timeout=SECONDS, auth_timeout=SECONDS, allow_agent=False,
            look_for_keys=False, **self.ssh_kwargs,
        )  # fmt: skip
        weakref.finalize(self, self.client.close)
        self.ftp = self.client.open_sftp()
        self.ftp.get_channel().settimeout(SECONDS)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    @staticmethod
    def _decode_stat(told: paramiko.SFTPAttributes, parent_path: str | None = None) -> dict[str, Any]:
        info: dict[str, Any] = SFTPFileSystem._decode_stat(told, parent_path)
        return {**info, "mode": told.st_mode}

    def info(self, path: str) -> dict[str, Any]:
        """What lies at a path; of a link, what is behind it, and that it is one."""
        told = self.ftp.lstat(path)
        if not stat.S_ISLNK(told.st_mode or 0):
            return {**self._decode_stat(told), "name": path}
        try:
            return {**self._decode_stat(self.ftp.stat(path)), "name": path, "link": True}
        except OSError:
            return {"name": path, "type": "nowhere", "link": True}

    def get_file(self, rpath: str, lpath: str, **_named: Any) -> None:
        """Fetch a file; how large it may be is known before."""
        self.ftp.get(rpath, lpath)

    def real_path(self, path: str) -> str:
        """A path without links."""
        return self.ftp.normalize(path) or path


def session(address: tuple[str, int], user: str, storage: SshStorage, *, folder: Path) -> Any:
    """A file system of the server at an address. Raises what paramiko raises."""
    host, port = address
    return _CheckedSession(
        host, known=_known(host, port, storage, folder), port=port, username=user, password=storage.password or None,
        key_filename=str(folder / storage.key_file) if storage.key_file else None,
        passphrase=storage.passphrase or None,
    )  # fmt: skip


def _known(host: str, port: int, storage: SshStorage, folder: Path) -> paramiko.HostKeys | None:
    """The keys that the server may have; None: those that the user's own known_hosts lists."""
    if storage.host_key:
        known = paramiko.HostKeys()
        name = host if port == paramiko.config.SSH_PORT else f"[{host}]:{port}"
        line = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {storage.host_key}")
        if line is not None and line.key is not None:
            known.add(name, line.key.get_name(), line.key)
        return known
    return paramiko.HostKeys(str(folder / storage.known_hosts)) if storage.known_hosts else None

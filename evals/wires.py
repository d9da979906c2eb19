"""A wire to a server that can be cut: a TCP port on loopback that passes everything on, until it is told to break.

What the server has sent counts. Its side of the wire takes little at once, so that a server is still sending when the
wire breaks, and its rows are not all in some buffer already.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

TAKEN = 16 * 1024  # bytes passed on at once
BUFFER = 64 * 1024  # bytes of the server's that the system may hold for us
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: what is on its way is thrown away


class Wire:
    """`with Wire(server.port) as wire:` clients connect to `wire.port`.

    `break_at` breaks the wire once; connections after that go through.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.carried = 0  # bytes from the server since the wire was last told to break
        self.broken = threading.Event()
        self._at: int | None = None
        self._then: Callable[[], object] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def break_at(self, carried: int | None, then: Callable[[], object] | None = None) -> None:
        """Count anew, and after so many bytes from the server cut its connection, or do `then` and go on passing."""
        with self._lock:
            self.carried, self._at, self._then = 0, carried, then
        self.broken.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            try:
                server.connect(("127.0.0.1", self.target))
            except OSError:
                _cut(client)
                continue
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(TAKEN):
                if counted and self._breaks(len(data)):
                    if self._then is None:
                        self.broken.set()
                        _cut(source)
                        _cut(sink)
                        return
                    self._then()
                    self.broken.set()
                sink.sendall(data)
        except OSError:
            _cut(source)  # whoever still sends is told that nobody listens
        finally:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)

    def _breaks(self, size: int) -> bool:
        with self._lock:
            self.carried += size
            breaks = self._at is not None and self.carried >= self._at
            if breaks:
                self._at = None
            return breaks


def _cut(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        one.shutdown(socket.SHUT_RDWR)
    one.close()

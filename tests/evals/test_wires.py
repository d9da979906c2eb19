"""A wire carries everything both ways until it is told to break, breaks once, and carries again."""

import socket
import threading
from contextlib import suppress

import pytest

from evals.wires import Wire


@pytest.fixture
def wire():
    """In front of a server that says a thousand bytes for each one it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                while heard := client.recv(100):
                    client.sendall(b"x" * 1000 * len(heard))

    threading.Thread(target=serve, daemon=True).start()
    with Wire(listener.getsockname()[1]) as wire:
        yield wire
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def heard(wire, asked):
    """How many bytes come back for so many that are said."""
    count = 0
    # the end of a wire that is cut may be a reset, at once or while it is used
    with suppress(OSError), socket.create_connection(("127.0.0.1", wire.port), timeout=10) as client:
        client.sendall(b"?" * asked)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(4096):
            count += len(piece)
    return count


def test_everything_is_carried(wire):
    assert heard(wire, 90) == 90_000
    assert wire.carried == 90_000


def test_it_breaks_once_and_carries_again(wire):
    wire.break_at(30_000)
    assert heard(wire, 90) < 60_000
    assert wire.broken.is_set()
    assert heard(wire, 90) == 90_000


def test_something_else_may_happen_in_the_middle(wire):
    done = []
    wire.break_at(30_000, lambda: done.append(wire.carried))
    assert heard(wire, 90) == 90_000
    assert 30_000 <= done[0] < 60_000


def test_nobody_behind_it_is_a_cut(wire):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Wire(port) as lonely:
        assert heard(lonely, 1) == 0

"""The server as a process: it starts, warms, says in one line why it does not start, and stops when told."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from catalog.errors import LedgerError, SecretUnresolved
from serving import server
from tests.serving.harbour import KEYS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_before_the_first_run_and_stops_when_told(shop_folder, free_port, stop):
    (shop_folder / "policies" / "access.yaml").write_text(
        "principals: [{name: clerk, clearance: internal, key: '${env:HARBOUR_CLERK_KEY}'}]\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "landbridge", "serve", "--project", str(shop_folder), "--port", str(free_port)],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{free_port}"
        _until_up(process, address)
        assert httpx2.get(f"{address}/readyz").status_code == 503
        asked = httpx2.post(f"{address}/v1/search?key={KEYS['clerk']}", json={"query": "xyzzy-question"},
                            headers={"X-API-Key": KEYS["clerk"]})  # fmt: skip
        assert asked.status_code == 503
        assert "landbridge run" in asked.json()["detail"]
    finally:
        process.send_signal(stop)
        out, told = process.communicate(timeout=30)
    assert "not ready: nothing is published yet" in told
    assert "POST /v1/search 503" in told
    for secret in ("xyzzy", KEYS["clerk"], "Traceback"):
        assert secret not in out + told


def _until_up(process, address):
    for _ in range(600):
        assert process.poll() is None, process.stderr.read()
        try:
            if httpx2.get(f"{address}/healthz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    pytest.fail("the server did not come up in a minute")


def test_a_busy_port_is_one_clear_line(harbour):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(server.CannotListen) as refused:
        server.serve(harbour.project, port=taken.getsockname()[1])
    assert "the port is taken" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_one_clear_line(host, free_port):
    with pytest.raises(server.CannotListen) as refused:
        server.listen(host, free_port)
    assert "\n" not in str(refused.value)


def test_a_key_that_is_not_here_is_told_before_the_port_is_taken(harbour, monkeypatch, free_port):
    monkeypatch.delenv("HARBOUR_CLERK_KEY")
    with pytest.raises(SecretUnresolved):
        server.serve(harbour.project, port=free_port)
    server.listen("127.0.0.1", free_port).close()


def test_a_ledger_that_does_not_open_is_told_and_the_port_given_back(harbour, monkeypatch, free_port):
    monkeypatch.setenv("LANDBRIDGE_LEDGER_URL", "sqlite:////dev/null/ledger.db")
    with pytest.raises(LedgerError):
        server.serve(harbour.project, port=free_port)
    server.listen("127.0.0.1", free_port).close()


@pytest.mark.parametrize(("host", "warns"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
def test_an_address_that_others_reach_is_warned_of(harbour, monkeypatch, caplog, free_port, host, warns):
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    monkeypatch.setattr(server, "listen", lambda *_: socket.socket())
    monkeypatch.setattr(server, "_warm", lambda _: None)
    server.serve(harbour.project, host=host, port=free_port)
    assert any("anonymous" in one.getMessage() for one in caplog.records if one.levelno == logging.WARNING) == warns


def test_the_first_question_finds_the_model_loaded(harbour, monkeypatch):
    loaded = threading.Event()
    monkeypatch.setattr("index.load_embedder", lambda *_, **__: loaded.set() or harbour.embedder)
    server._warm(harbour.context(embedder=None))
    assert loaded.is_set()


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", "localhost:8787"),
        ("10.1.2.3", "10.1.2.3:80"),
        ("::1", "[::1]:8787"),
        ("data.example", "data.example"),
    ],
)
def test_the_agents_door_knows_the_names_of_its_own_address_only(host, allowed):
    from mcp.server.transport_security import TransportSecurityMiddleware

    from serving.agents import security_for

    guard = TransportSecurityMiddleware(security_for(host))
    assert guard._validate_host(allowed)
    assert not guard._validate_host("evil.example")

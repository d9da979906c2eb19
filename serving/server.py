"""Run the server: one process, on the loopback address unless told otherwise, with a log that holds no secrets."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from ipaddress import ip_address

import uvicorn

from catalog.errors import LandbridgeError
from catalog.models import Project
from catalog.settings import load_settings
from serving.app import create_app
from serving.callers import Callers
from serving.context import Context, open_context

GRACE = 10  # seconds that answers under way get when the server is told to stop

logger = logging.getLogger(__name__)


class CannotListen(LandbridgeError):
    """The address is not free, or not ours to listen on."""

    def __init__(self, host: str, port: int, why: str, remedy: str) -> None:
        super().__init__(host, port, why, remedy)
        self.host, self.port, self.why, self.remedy = host, port, why, remedy

    def __str__(self) -> str:
        return f"cannot listen on {self.host}:{self.port}: {self.why}. {self.remedy}"


def serve(project: Project, *, host: str | None = None, port: int | None = None) -> None:
    """Serve HTTP and MCP until the process is told to stop.

    CannotListen where the port is taken; SecretUnresolved where a key of the policy has no value. Without an index the
    server starts all the same, `/readyz` says so, and it answers as soon as a run has published one.
    """
    settings = load_settings()
    host, port = host or settings.host, port or settings.port
    log_to_stderr(settings.log_level)
    callers = Callers.of(project)
    listening = listen(host, port)
    try:
        context = open_context(project)
        app = create_app(project, context=context, callers=callers, host=host)
        if not is_loopback(host):
            logger.warning("%s is no loopback address: anyone who reaches it is answered as anonymous", host)
        threading.Thread(target=_warm, args=(context,), name="warm", daemon=True).start()
        logger.info("serving %s on http://%s:%d (docs at /docs, MCP at /mcp)", project.name, host, port)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE
        )
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        logger.info("stopped")
    finally:
        listening.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, taken before anything heavy is loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotListen(host, port, "no such address", "Use 127.0.0.1, or an address of this machine.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        why = "the port is taken" if taken else (error.strerror or "refused").lower()
        raise CannotListen(host, port, why, "Give another with --port, or LANDBRIDGE_PORT.") from error
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def log_to_stderr(level: str) -> None:
    """Our own lines and the server's at `level`; of libraries only warnings, since their debug lines quote requests."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    for name in ("serving", "uvicorn.error"):
        logging.getLogger(name).setLevel(level.upper())


def _warm(context: Context) -> None:
    try:
        context.warm()
        logger.info("the index and the model are loaded")
    except LandbridgeError as error:
        logger.warning("not ready: %s", error)

"""Throw-away database servers on free loopback ports, which tests and exams start, kill and restart themselves.

A server has its own data folder, socket and settings and knows nothing of the machine's own servers. Databases refuse
to run as root, so then it runs as `postgres`, `mysql` or `nobody`, in a folder that this account can reach. Nothing is
forced to disk: what was committed survives a killed server, and not a machine that loses power.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Self

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

USER = PASSWORD = "landbridge"  # noqa: S105 - of the one who may do everything on a server that lives for minutes
PORTS = range(20_000, 32_000)  # below those that systems hand to clients, so that a killed server gets its port back
READY_WITHIN = 60.0  # seconds; a loaded machine recovers a killed server in a few
STOPPED_WITHIN = 30.0
ASKED_EVERY = 0.05
PARENT_ENDS = 1  # prctl's PR_SET_PDEATHSIG
TOLD = 30  # lines of a log that an error quotes
BINARIES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/sbin")


class ClusterFailed(Exception):
    """A server that did not start, or is not installed; the message ends with the last lines of its log."""


class Cluster:
    """A server that lives: `with PostgresCluster() as server: server.run("CREATE TABLE t (v int)")`.

    `folder` is where its own folder is made; the system's temporary folder where the server's account cannot reach it.
    `settings` are the server's own names and values; None leaves a default of ours out. The port stays over restarts.
    """

    programs: ClassVar[tuple[str, ...]] = ()
    accounts: ClassVar[tuple[str, ...]] = ()
    driver: ClassVar[str] = ""
    absent: ClassVar[str] = ""
    clean: ClassVar[signal.Signals] = signal.SIGTERM
    defaults: ClassVar[Mapping[str, str]] = {}

    def __init__(self, folder: Path | None = None, *, settings: Mapping[str, object] | None = None) -> None:
        if not self.available():
            raise ClusterFailed(self.absent)
        self.account = _account(self.accounts) if os.geteuid() == 0 else None
        within = folder if folder is not None and self._reaches(folder) else None
        self.folder = Path(tempfile.mkdtemp(prefix="lb-", dir=within)).resolve()
        self.data, self.socket = self.folder / "data", self.folder / "s"
        self.log = self.folder / "log"
        self.port = _free_port()
        self.settings: dict[str, object] = {**self.defaults}
        for name, value in (settings or {}).items():
            self.settings[name.replace("-", "_")] = value
        self._process: subprocess.Popen[bytes] | None = None
        self._made = False
        self._engines: dict[str, Engine] = {}
        self.log.touch()
        if self.account:
            for path in (self.folder, self.log):
                shutil.chown(path, self.account)

    @classmethod
    def available(cls) -> bool:
        """Whether its programs are on this machine; a build server (CI=true) must have them."""
        there = all(_program(name) for name in cls.programs)
        if not there and os.environ.get("CI") == "true":
            raise ClusterFailed(cls.absent)
        return there

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.remove()

    def start(self) -> Self:
        """Make its data folder if there is none yet, start it and wait until it answers."""
        if self._process is not None:
            raise ClusterFailed("the server is running already")
        if not self._made:
            self._initialise()
        with self.log.open("ab") as log:
            self._process = self._spawn(self._command(), log)
        atexit.register(self.kill)
        self._await(self._answers)
        if not self._made:
            self._made = True
            self._furnish()
        return self

    def stop(self) -> None:
        """End it as its administrator would: what was committed is on disk, clients are sent away."""
        if self._process is None:
            return
        self._process.send_signal(self.clean)
        try:
            self._process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ClusterFailed(f"the server did not stop within {STOPPED_WITHIN:.0f} s\n{self.logs()}") from None
        self._ended()

    def kill(self) -> None:
        """SIGKILL to the server and the processes it started, as if the machine had gone."""
        if self._process is None:
            return
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        until = time.monotonic() + STOPPED_WITHIN
        while any(_alive(pid) for pid in children) and time.monotonic() < until:
            time.sleep(ASKED_EVERY)  # a restart is refused while one of them holds the shared memory
        self._ended()

    def restart(self, settings: Mapping[str, object] | None = None) -> None:
        """Stop it if it runs, and start it on the same port; `settings` replace those of the same name."""
        self.stop()
        for name, value in (settings or {}).items():
            self.settings[name.replace("-", "_")] = value
        self.start()

    def remove(self) -> None:
        """Kill it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self, lines: int = TOLD) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def url(self, database: str = "test", *, user: str = USER, password: str | None = PASSWORD) -> URL:
        """SQLAlchemy's URL; by default of the user who may do everything."""
        return URL.create(self.driver, user, password, "127.0.0.1", self.port, database)

    def location(self, database: str = "test", *, user: str = USER, password: str | None = PASSWORD) -> str:
        """The URL as a source's `location`, with the password."""
        return self.url(database, user=user, password=password).render_as_string(hide_password=False)

    def engine(self, database: str = "test", *, user: str = USER, password: str | None = PASSWORD) -> Engine:
        """An engine whose every connection is new, so that a restart does no harm; statements commit themselves."""
        url = self.url(database, user=user, password=password)
        known = url.render_as_string(hide_password=False)
        if known not in self._engines:
            self._engines[known] = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        return self._engines[known]

    def run(self, *statements: str, database: str = "test") -> list[tuple[Any, ...]]:
        """Statements on one connection, each its own transaction unless they say BEGIN; the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with self.engine(database).connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement.replace("%", "%%"))
                rows = [tuple(row) for row in result] if result.returns_rows else []
        return rows

    def _reaches(self, folder: Path) -> bool:
        """Whether the server's account may enter the folder, and its socket's path is short enough."""
        places = [folder.resolve(), *folder.resolve().parents]
        entered = self.account is None or all(place.stat().st_mode & 0o001 for place in places)
        return entered and len(str(folder.resolve())) < 60  # of 107 bytes of a socket's path

    def _spawn(self, command: Sequence[str], log: Any) -> subprocess.Popen[bytes]:
        who: dict[str, Any] = {}
        if self.account:
            who = {"user": self.account, "group": _group(self.account), "extra_groups": []}
        home = {"HOME": str(self.folder), "TMPDIR": str(self.folder), "LC_ALL": "C", "TZ": "UTC"}
        return subprocess.Popen(  # noqa: S603 - the database's own programs
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
            env={**os.environ, **home}, start_new_session=True, preexec_fn=_ends_with_us(), **who,
        )  # fmt: skip

    def _once(self, command: Sequence[str]) -> None:
        """Run a program to its end."""
        with self.log.open("ab") as log:
            code = self._spawn(command, log).wait(READY_WITHIN)
        if code:
            raise ClusterFailed(f"{Path(command[0]).name} ended with {code}\n{self.logs()}")

    def _await(self, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + READY_WITHIN
        while not ready():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > until:
                self.kill()
                why = "ended at once" if ended else f"did not answer within {READY_WITHIN:.0f} s"
                raise ClusterFailed(f"the server {why}\n{self.logs()}")
            time.sleep(ASKED_EVERY)

    def _ended(self) -> None:
        self._process = None
        atexit.unregister(self.kill)

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1", database=self._first_database())
        except DBAPIError:
            return False
        return True

    def _initialise(self) -> None:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _furnish(self) -> None:
        """What a new server needs once it answers."""

    def _first_database(self) -> str:
        return "test"


class PostgresCluster(Cluster):
    """PostgreSQL with `wal_level = logical`; a database `test`, passwords asked for over TCP."""

    programs = ("initdb", "postgres")
    accounts = ("postgres", "nobody")
    driver = "postgresql+psycopg"
    absent = "PostgreSQL's programs initdb and postgres are not on this machine"
    clean = signal.SIGINT  # a fast shutdown: clients are sent away, not waited for
    defaults: ClassVar[Mapping[str, str]] = {
        "fsync": "off", "full_page_writes": "off", "wal_level": "logical", "max_replication_slots": "20",
        "max_wal_senders": "10", "shared_buffers": "64MB", "max_connections": "40", "min_wal_size": "32MB",
    }  # fmt: skip

    def emptied(self) -> Self:
        """The server without the tables, slots and publications that anybody made in the database `test`."""
        for (slot,) in self.run("SELECT slot_name FROM pg_replication_slots"):
            self.run(f"SELECT pg_drop_replication_slot('{slot}')")
        for (name,) in self.run("SELECT pubname FROM pg_publication"):
            self.run(f'DROP PUBLICATION "{name}"')
        self.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "DROP SCHEMA IF EXISTS other CASCADE")
        return self

    def _initialise(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        self._once([
            _program("initdb"), "-D", str(self.data), "-U", USER, f"--pwfile={secret}", "--no-sync", "-E", "UTF8",
            "--no-locale", "--auth-local=trust", "--auth-host=scram-sha-256",
        ])  # fmt: skip
        secret.unlink()

    def _command(self) -> list[str]:
        fixed = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        settings = {name: value for name, value in {**self.settings, **fixed}.items() if value is not None}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [_program("postgres"), "-D", str(self.data), *words]

    def _furnish(self) -> None:
        self.run("CREATE DATABASE test", database="postgres")

    def _first_database(self) -> str:
        return "postgres"


class MariadbCluster(Cluster):
    """MariaDB with a binary log of rows and a database `test`."""

    programs = ("mariadb-install-db", "mariadbd")
    accounts = ("mysql", "nobody")
    driver = "mariadb+pymysql"
    absent = "MariaDB's programs mariadb-install-db and mariadbd are not on this machine"
    defaults: ClassVar[Mapping[str, str]] = {
        "server_id": "1", "log_bin": "binlog", "binlog_format": "ROW", "sync_binlog": "0",
        "innodb_flush_log_at_trx_commit": "2", "innodb_buffer_pool_size": "64M", "innodb_log_file_size": "32M",
        "character_set_server": "utf8mb4",
    }  # fmt: skip

    def emptied(self) -> Self:
        """The server without the tables that anybody made in the databases `test` and `other`."""
        self.run("DROP DATABASE test", "DROP DATABASE IF EXISTS other", "CREATE DATABASE test", database="mysql")
        return self

    def _initialise(self) -> None:
        self._once([
            _program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", "--skip-test-db",
            "--auth-root-authentication-method=normal", "--innodb-log-file-size=32M",
        ])  # fmt: skip
        who = f"'{USER}'@'%'"
        words = ["CREATE DATABASE IF NOT EXISTS test", f"CREATE USER IF NOT EXISTS {who} IDENTIFIED BY '{PASSWORD}'",
                 f"GRANT ALL ON *.* TO {who} WITH GRANT OPTION", "DROP USER IF EXISTS ''@'localhost'"]  # fmt: skip
        (self.folder / "init.sql").write_text("".join(f"{word};\n" for word in words), encoding="utf-8")

    def _command(self) -> list[str]:
        fixed = {"datadir": self.data, "port": self.port, "bind_address": "127.0.0.1", "socket": self.socket,
                 "pid_file": self.folder / "pid", "tmpdir": self.folder}  # fmt: skip
        settings = {name: value for name, value in {**self.settings, **fixed}.items() if value is not None}
        first = [] if self._made else [f"--init-file={self.folder / 'init.sql'}"]
        words = [f"--{name}" if value == "" else f"--{name}={value}" for name, value in settings.items()]
        return [_program("mariadbd"), "--no-defaults", "--skip-name-resolve", *first, *words]


def _program(name: str) -> str:
    """Where a program lies: on the path, or the newest where packages put it; empty if nowhere."""
    found = shutil.which(name)
    if found:
        return found
    there = [path for place in BINARIES for path in Path("/").glob(f"{place[1:]}/{name}")]
    return str(max(there, key=lambda path: [int(part) for part in path.parts if part.isdigit()])) if there else ""


def _account(names: Sequence[str]) -> str:
    import pwd  # not on Windows, where nobody is root

    return next(name for name in names if name in {entry.pw_name for entry in pwd.getpwall()})


def _group(account: str) -> int:
    import pwd

    return pwd.getpwnam(account).pw_gid


def _ends_with_us() -> Callable[[], None] | None:
    """What lets the server be killed when this process is, also by a signal that nobody can answer (Linux)."""
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None  # Linux would end the server with the thread that started it
    library = ctypes.CDLL(None)
    return lambda: library.prctl(PARENT_ENDS, signal.SIGKILL, 0, 0, 0) and None


def _free_port() -> int:
    """A port nobody listens on."""
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
    raise ClusterFailed("no port is free")


def _children(pid: int) -> list[int]:
    told = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    pairs = [line.split() for line in told.stdout.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

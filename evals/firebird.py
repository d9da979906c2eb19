"""A throw-away Firebird server with a security database of its own, for tests and exams; see `evals.clusters`.

The server reads its configuration below FIREBIRD and keeps its lock files below FIREBIRD_LOCK, so that one of our own
never meets the machine's. Users and databases are made before it starts, by isql without a server.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from evals.clusters import PASSWORD, Cluster, ClusterFailed

ADMINISTRATOR = "SYSDBA"
DATABASE = "test"
SERVER, ISQL = Path("/usr/sbin/firebird"), Path("/usr/bin/isql-fb")  # where Debian's package puts them
LIBRARIES = "usr/lib/*/firebird/3.0"
BESIDE = ("firebird.msg", "intl/libfbintl.so")  # messages, else an error is a number, and character sets


class FirebirdCluster(Cluster):
    """Firebird 3 on a loopback port: `with FirebirdCluster() as server: server.run("CREATE TABLE t (v INT)")`.

    `databases` are made empty, in the character set `charset`; the first one is what a URL names by default.
    """

    accounts = ("firebird", "nobody")
    driver = "firebird+firebird"
    absent = "Firebird 3's server, its isql or the Python packages of the extra `firebird` are not on this machine"
    defaults: ClassVar[Mapping[str, str]] = {
        "AuthServer": "Srp", "WireCrypt": "Required", "UdfAccess": "None", "ExternalFileAccess": "None",
    }  # fmt: skip

    def __init__(
        self,
        folder: Path | None = None,
        *,
        databases: Sequence[str] = (DATABASE,),
        charset: str = "UTF8",
        settings: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(folder, settings=settings)
        self.databases, self.charset = tuple(databases), charset

    @classmethod
    def available(cls) -> bool:
        """Whether server and drivers are on this machine; a build server (CI=true) must have them."""
        drivers = all(find_spec(name) for name in ("firebird", "sqlalchemy_firebird"))
        there = drivers and SERVER.exists() and ISQL.exists()
        if not there and os.environ.get("CI") == "true":
            raise ClusterFailed(cls.absent)
        return there

    def url(self, database: str = DATABASE, *, user: str = ADMINISTRATOR, password: str | None = PASSWORD) -> URL:
        """SQLAlchemy's URL; by default of the user who may do everything."""
        return super().url(database, user=user, password=password)

    def location(self, database: str = DATABASE, *, user: str = ADMINISTRATOR, password: str | None = PASSWORD) -> str:
        """The URL as a source's `location`, with the password."""
        return self.url(database, user=user, password=password).render_as_string(hide_password=False)

    def run(self, *statements: str, database: str = DATABASE, user: str = ADMINISTRATOR) -> list[tuple[Any, ...]]:
        """Statements on one connection, each its own transaction; the rows of the last one."""
        engine = create_engine(self.url(database, user=user), connect_args={"charset": "UTF8"}, poolclass=NullPool)
        rows: list[tuple[Any, ...]] = []
        with engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
                rows = [tuple(row) for row in result] if result.returns_rows else []
                connection.commit()
        return rows

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1 FROM rdb$database", database=self.databases[0])
        except DBAPIError:
            return False
        return True

    def _spawn(self, command: Sequence[str], log: Any) -> subprocess.Popen[bytes]:
        places = {"FIREBIRD": self.folder, "FIREBIRD_LOCK": self.folder, "FIREBIRD_TMP": self.folder}
        return super()._spawn(["env", *(f"{name}={place}" for name, place in places.items()), *command], log)

    def _command(self) -> list[str]:
        security = self.folder / "security.fdb"
        fixed = {
            "RemoteServicePort": self.port, "RemoteBindAddress": "127.0.0.1", "IpcName": f"landbridge{self.port}",
            "SecurityDatabase": security, "DatabaseAccess": "None", "TempDirectories": self.folder,
        }  # fmt: skip
        settings = {name: value for name, value in {**self.settings, **fixed}.items() if value is not None}
        self._write("firebird.conf", [f"{name} = {value}" for name, value in settings.items()])
        self._write("databases.conf", [f"{name} = {self._file(name)}" for name in self.databases])
        return [str(SERVER)]

    def _initialise(self) -> None:
        """Every file is the server's own, so whoever makes them runs as the account that it runs as."""
        self._command()
        (self.folder / "intl").mkdir()
        for libraries in Path("/").glob(LIBRARIES):
            for name in BESIDE:
                shutil.copy(libraries / name, self.folder / name)  # a link to a library is not taken for one
        security = self.folder / "security.fdb"
        self._write("init.sql", [
            f"CREATE DATABASE '{security}';",
            f"CREATE USER {ADMINISTRATOR} PASSWORD '{PASSWORD}' USING PLUGIN Srp;",
            "COMMIT;",
            *(f"CREATE DATABASE '{one}' DEFAULT CHARACTER SET {self.charset};" for one in self.databases),
        ])  # fmt: skip
        self._once([str(ISQL), "-bail", "-quiet", "-user", ADMINISTRATOR, "-input", str(self.folder / "init.sql")])

    def _file(self, database: str) -> Path:
        return self.folder / f"{database}.fdb"

    def _write(self, name: str, lines: Sequence[str]) -> None:
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

"""Where a database is, without its password: what is connected to, and what may stand in a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from catalog.drivers import with_driver
from catalog.errors import Refusal, SecretUnresolved
from catalog.secrets import malformed, references, resolve

SECRET_KEYS = re.compile(r"pass|pwd|secret|token|odbc_connect|credential", re.IGNORECASE)
_STAND_IN = "LANDBRIDGEREFERENCE{}X"
_PASSWORD = re.compile(r"://[^/@\s]*?:[^@\s]+@")
_HOW = "Write it as dialect://user:password@host/database, or sqlite:///shop.db."


class Location(NamedTuple):
    """`given` is connected to; `written` holds references instead of secrets, each named in `variables`."""

    given: str
    written: str
    variables: tuple[str, ...]
    database: str  # a name for what is there: the database's, or a file's without its ending


def located(url: str, *, folder: Path, source_name: str = "", here: Path | None = None) -> Location:
    """The location of a SQLAlchemy URL, which may hold `${env:NAME}` already.

    A relative SQLite path is below `here` (default: the working directory), or below the project `folder` if it is only
    there. Raises Refusal for what is no URL; its text never shows the URL, whose password may stand anywhere in it.
    """
    if malformed(url):
        raise Refusal(
            "a reference in the URL is not understood", "Write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}."
        )
    if any(_PASSWORD.search(reference) for reference in references(url)):
        raise Refusal("a password stands in the default of a reference", "Leave the default out, and set the variable.")
    parsed = _parsed(resolve(url, folder=folder))
    if parsed.get_backend_name() == "sqlite":
        return _file(url, parsed, folder=folder, here=here or Path.cwd())
    database = parsed.database or parsed.host or parsed.get_backend_name()
    written, variables = _without_secrets(url, source_name or database)
    return Location(url, written, variables, database)


def same_database(one: str, other: str, *, folder: Path) -> bool:
    """Whether two locations mean the same database, whatever user and password they name."""
    try:
        first, second = (_parsed(resolve(location, folder=folder)) for location in (one, other))
    except (SecretUnresolved, Refusal):
        return one == other
    if first.get_backend_name() == "sqlite" == second.get_backend_name():
        places = [(folder / (url.database or "")).resolve() for url in (first, second)]
        return places[0] == places[1]
    return _identity(first) == _identity(second)


def _identity(url: URL) -> tuple[object, ...]:
    backend = {"mariadb": "mysql"}.get(url.get_backend_name(), url.get_backend_name())
    return (backend, (url.host or "localhost").lower(), url.port, url.database)


def _parsed(url: str) -> URL:
    try:
        told = make_url(url)
        return told.set(drivername=with_driver(told.drivername))
    except (ArgumentError, ValueError):
        raise Refusal("this is no database URL that is understood", _HOW) from None


def _file(url: str, parsed: URL, *, folder: Path, here: Path) -> Location:
    name = parsed.database or ""
    if not name or name == ":memory:":
        raise Refusal("a database in memory is gone when this command ends", "Name a file: sqlite:///shop.db.")
    if name.startswith("file:"):
        return Location(url, url, (), Path(name.removeprefix("file:").partition("?")[0]).stem)
    if references(url):
        return Location(url, url, (), Path(name).stem)
    path = (here / name).resolve()
    if not path.exists() and (folder / name).exists():
        path = (folder / name).resolve()
    inside = path.is_relative_to(folder.resolve())
    written = path.relative_to(folder.resolve()).as_posix() if inside else path.as_posix()
    return Location(f"sqlite:///{path.as_posix()}", f"sqlite:///{written}", (), path.stem)


def _without_secrets(url: str, name: str) -> tuple[str, tuple[str, ...]]:
    """The URL with `${env:...}` where a secret stood, and the names of those variables. References stay as they are."""
    known = {_STAND_IN.format(at): reference for at, reference in enumerate(references(url))}
    bare = url
    for stand_in, reference in known.items():
        bare = bare.replace(reference, stand_in, 1)
    if bare in known:
        return url, ()  # the whole URL is a reference
    parsed = make_url(bare)
    prefix = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "DATABASE"
    prefix = prefix if prefix[0].isalpha() else f"DB_{prefix}"
    found: dict[str, str] = {}
    if parsed.password and not _only_references(str(parsed.password), known):
        found["LANDBRIDGENEWPASSWORDX"] = f"{prefix}_PASSWORD"
        parsed = parsed.set(password="LANDBRIDGENEWPASSWORDX")  # noqa: S106  # a stand-in for the reference
    for key, value in parsed.query.items():
        if SECRET_KEYS.search(key) and not _only_references(str(value), known):
            stand_in = f"LANDBRIDGENEW{len(found)}X"
            found[stand_in] = f"{prefix}_{re.sub('[^A-Z0-9]+', '_', key.upper())}"
            parsed = parsed.update_query_dict({key: stand_in})
    if not found:
        return url, ()
    written = parsed.render_as_string(hide_password=False)
    for stand_in, variable in found.items():
        written = written.replace(stand_in, f"${{env:{variable}}}")
    for stand_in, reference in known.items():
        written = written.replace(stand_in, reference)
    return written, tuple(found.values())


def _only_references(text: str, known: dict[str, str]) -> bool:
    for stand_in in known:
        text = text.replace(stand_in, "")
    return not text

"""Open a database that no project declares yet, and say what to do when it does not open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from catalog.errors import SourceError
from catalog.models import Dataset, Place, Source
from connectors.sql.engines import connected

_HERE = Place(file="--from")
_REMEDIES = (  # what drivers say, in the order of their likeliness, and what helps
    (r"password|access denied|authenticat|login failed|role .* does not exist|ORA-01017|28000|28P01",
     "Check the user name and the password, and that this user may log in from here."),
    (r"could not translate|name or service|getaddrinfo|nodename|resolve|unknown host|unknown server host",
     "There is no host of this name: check its spelling, and that this machine knows it."),
    (r"unknown database|database .* does not exist|cannot open database|ORA-12514",
     "There is no database of this name: check the last part of the URL."),
    (r"unable to open database file|no such file",
     "There is no such file, or this user may not read it: check the path. sqlite:///shop.db lies in this folder."),
    (r"file is not a database|malformed|encrypted", "Name a SQLite file, or write the dialect of another database."),
    (r"not installed", "Install it beside Landbridge."),
    (
        r"no database URL|can't load plugin",
        "Write it as dialect://user:password@host/database, where the dialect is one that is installed here: sqlite, "
        "postgresql, mysql or mariadb, for example.",
    ),
    (r"refused|timed? ?out|timeout|unreachable|no route", "Check host and port, the firewall, and that it runs."),
)  # fmt: skip


@contextmanager
def opened(location: str, folder: Path, *, about: str = "its catalog") -> Iterator[Connection]:
    """A read-only transaction on the database at `location`, a SQLAlchemy URL that may hold secret references.

    Raises SourceUnreachable and SourceUnreadable as every read does; `about` is what an error says was asked for.
    """
    source = Source(name="database", kind="sql", location=location, place=_HERE)
    dataset = Dataset(
        name="catalog", version="1.0.0", title="", source="database", physical_name=about, fields=(), fingerprint="",
        place=_HERE,
    )  # fmt: skip
    with connected(source, dataset, folder) as connection:
        yield connection


def remedy(error: SourceError) -> str:
    """What a person can do about a database that does not open."""
    told = next((help_ for said, help_ in _REMEDIES if re.search(said, error.detail, re.IGNORECASE)), "")
    return told or error.remedy.replace("; the last good index keeps serving", "").replace("`location`", "the URL")

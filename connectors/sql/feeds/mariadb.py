"""The change log of MariaDB and MySQL: the binary log, followed from a position to its end as it was.

Nothing is made on the server, and the server keeps nothing for us: a log that it purged means a whole read. The rows
events are read here and not by a library, because the one there is loses compressed events without a word, and tells
unsigned numbers and other character sets wrongly unless `binlog_row_metadata` is FULL.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pymysql
from pymysql.cursors import DictCursor
from sqlalchemy import Table
from sqlalchemy.engine import URL

from catalog.errors import SourceUnreachable, SourceUnreadable
from catalog.models import Dataset, Source
from connectors.shapes import key_columns
from connectors.sql.engines import Interrupted, answered, database_url
from connectors.sql.feeds import binlog
from connectors.sql.feeds.columns import Column, column, reading
from connectors.sql.feeds.keys import Distinct, Touched, Unclear
from connectors.sql.feeds.told import Told, Watched

CONNECT_TIMEOUT = 10  # seconds
VISIBLE_WITHIN = 1.0  # MySQL, seconds from a commit in the log to its rows
PURGED, DENIED = 1236, (1044, 1045, 1142, 1227)  # numbers of errors
NUMBERS = 2**31  # replicas' numbers from here on are ours, where nobody numbers servers by hand
CASCADE = re.compile(r"^\s*CONSTRAINT .* ON (DELETE|UPDATE) (CASCADE|SET NULL|SET DEFAULT)", re.MULTILINE)
OTHERWISE = "Set the mode of `landbridge.incremental` to keys or watermark."
SETTINGS = (
    "log_bin", "binlog_format", "binlog_row_image", "server_id", "server_uid", "server_uuid", "gtid_mode",
    "lower_case_table_names", "version",
)  # fmt: skip
COLUMNS = (
    "SELECT column_name, ordinal_position, data_type, column_type, character_set_name, character_maximum_length,"
    " numeric_precision, numeric_scale, datetime_precision FROM information_schema.columns"
    " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"
)

TABLES = (
    "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
    " AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"
)


class Standing(NamedTuple):
    """A server and a table at one moment."""

    system: str
    mariadb: bool
    numbered: bool  # MySQL with GTIDs
    watched: Watched
    columns: dict[str, Column]
    shape: str


def begin(source: Source, dataset: Dataset, table: Table, *, folder: Path) -> dict[str, Any]:
    """See `connectors.sql.feeds.begin`; on these servers it makes nothing, and sees whether the log may be read."""
    with _connected(source, dataset, folder) as (link, url):
        now = _standing(link, source, dataset, table, url)
        _unfiltered(link, source, dataset, now.watched.schema)
        file, position = _end(link, now)
        if not now.mariadb:
            time.sleep(VISIBLE_WITHIN)
        waiting = _prepared(link, now)
        for event in binlog.events(link, _number(source, dataset, folder), file, position):
            if event.kind == binlog.FORMAT:
                return _cursor(now, file, position, event.second, waiting)
        raise SourceUnreadable(source.name, dataset.name, "the binary log has no beginning", OTHERWISE)


def touched(
    source: Source,
    dataset: Dataset,
    table: Table,
    cursor: Mapping[str, Any],
    *,
    folder: Path,
    schema: Mapping[str, pl.DataType],
    limit: int,
) -> Touched:
    """See `connectors.sql.feeds.touched`."""
    with _connected(source, dataset, folder) as (link, url):
        now = _standing(link, source, dataset, table, url)
        try:
            _follows(now, cursor)
            readings = [reading(now.columns[name]) for name in schema]
            told = Told(now.watched, [now.columns[name].place for name in schema], Distinct(limit))
            told.start(cursor["file"], cursor["position"], cursor["made"], until=_end(link, now))
            told.open |= set(cursor["waiting"])
            _followed(source, dataset, folder, told, cursor)
            frame = told.keys.frame(readings, schema)
        except Unclear as unclear:
            return Touched(None, dict(cursor), str(unclear))
        if not _seen(link, now, told.last):
            return Touched(frame, dict(cursor))  # told again, when the rows can be seen
        waiting = sorted(told.open & set(_prepared(link, now))) if told.open else []
        return Touched(frame, _cursor(now, *told.kept(), told.made, waiting))


def _followed(source: Source, dataset: Dataset, folder: Path, told: Told, cursor: Mapping[str, Any]) -> None:
    """Go through the log on a connection of its own, for it ends in the middle of what the server sends."""
    with _connected(source, dataset, folder) as (link, _):
        number = _number(source, dataset, folder)
        try:
            told.follow(binlog.events(link, number, cursor["file"], cursor["position"]))
        except pymysql.MySQLError as error:
            if error.args and error.args[0] == PURGED:
                raise Unclear("the binary log no longer holds the changes since the last read") from None
            raise


def forget(source: Source, dataset: Dataset, *, folder: Path) -> None:
    """Nothing was made on the server."""


def held_back(source: Source, dataset: Dataset, *, folder: Path) -> int:
    """0: the server purges its log by its own settings, whether we have read it or not."""
    return 0


@contextmanager
def _connected(source: Source, dataset: Dataset, folder: Path) -> Iterator[tuple[Any, URL]]:
    """A connection and its URL; every fault is one line without a password or a value."""
    url = database_url(source, folder)
    shown = url.set(query={}).render_as_string(hide_password=True)
    _, given = url.get_dialect()().create_connect_args(url)
    settings = {
        "connect_timeout": CONNECT_TIMEOUT, "read_timeout": max(1, int(source.statement_timeout)), **given,
        "charset": "utf8mb4", "cursorclass": DictCursor, "autocommit": True,
    }  # fmt: skip
    link = None
    try:
        link = pymysql.connect(**settings)
        with closing(link):
            yield link, url
    except pymysql.MySQLError as error:
        number = error.args[0] if error.args else 0
        why = _line(error, url.password)
        if number in DENIED and link is not None:
            raise SourceUnreadable(
                source.name, dataset.name, f"{shown} does not let its binary log be read: {why}",
                f"Let its administrator say: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '{url.username}'.",
            ) from None  # fmt: skip
        if link is None or isinstance(error, pymysql.OperationalError | pymysql.InterfaceError):
            fault = SourceUnreachable if link is None and not answered(url) else Interrupted
            raise fault(
                source.name, dataset.name, f"{shown} does not answer: {why}",
                "Start it or correct `location`; the last good index keeps serving.",
            ) from None  # fmt: skip
        if isinstance(error, pymysql.DataError | pymysql.IntegrityError):
            why = type(error).__name__
        raise SourceUnreadable(
            source.name, dataset.name, f"{shown} does not give its binary log: {why}", OTHERWISE
        ) from None


def _line(error: pymysql.MySQLError, password: str | None) -> str:
    said = str(error.args[1] if len(error.args) > 1 else error).strip().splitlines() or [type(error).__name__]
    return said[0].replace(password, "***") if password else said[0]


def _asked(link: Any, statement: str, words: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    with link.cursor() as cursor:
        cursor.execute(statement, words or None)
        return list(cursor.fetchall())


def _standing(link: Any, source: Source, dataset: Dataset, table: Table, url: URL) -> Standing:
    """How things stand now; refused where the log would not tell every change of the table."""
    marks = ", ".join(["%s"] * len(SETTINGS))
    found = _asked(link, f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({marks})", SETTINGS)
    setting = {row["Variable_name"].lower(): str(row["Value"]) for row in found}
    schema, name = table.schema or url.database or "", str(table.name)
    why, remedy = "", OTHERWISE
    if setting.get("log_bin", "OFF").upper() not in ("ON", "1"):
        why, remedy = "the server keeps no binary log", "Let its administrator set log_bin and restart it."
    elif setting.get("binlog_format", "ROW").upper() != "ROW":
        why = f"the server's binlog_format is {setting['binlog_format']}, so its log does not tell every row"
        remedy = (
            "Let its administrator say SET GLOBAL binlog_format = 'ROW'; sessions that are open must be begun anew."
        )
    columns = {one.name: one for one in map(column, _asked(link, COLUMNS, (schema, name)))}
    if not why and not _asked(link, TABLES, (schema, name)):
        why = f"'{dataset.physical_name}' is no plain table, so no log tells its changes"
    keys = key_columns(dataset)
    if not why and (not keys or not set(keys) <= columns.keys()):
        why = f"'{dataset.physical_name}' has no columns for the contract's key"
    if not why and _cascades(link, schema, name):
        # the storage engine does this by itself, below the log
        why = f"rows of '{dataset.physical_name}' change by a foreign key's cascade, which no binary log tells"
    if why:
        raise SourceUnreadable(source.name, dataset.name, why, remedy)
    folded = setting.get("lower_case_table_names", "0") != "0"
    shape = hashlib.sha256(repr(sorted(columns.values())).encode()).hexdigest()[:16]
    mariadb = "mariadb" in setting.get("version", "").lower()
    system = f"{setting.get('server_id', '')}/{setting.get('server_uuid') or setting.get('server_uid') or ''}"
    numbered = not mariadb and setting.get("gtid_mode", "").upper() == "ON"
    return Standing(system, mariadb, numbered, Watched(schema, name, folded, len(columns)), columns, shape)


def _cascades(link: Any, schema: str, table: str) -> bool:
    quoted = ".".join(f"`{part.replace('`', '``')}`" for part in (schema, table))
    told = _asked(link, f"SHOW CREATE TABLE {quoted}")
    return any(CASCADE.search(str(value)) for row in told for value in row.values())


def _end(link: Any, now: Standing) -> tuple[str, int]:
    """The log's end: on MariaDB as far as every snapshot sees it, on MySQL as far as it is written."""
    if now.mariadb:
        rows = _asked(link, "SHOW STATUS LIKE 'binlog_snapshot_%'")
        told = {row["Variable_name"].lower(): row["Value"] for row in rows}
        return str(told["binlog_snapshot_file"]), int(told["binlog_snapshot_position"])
    rows = _status(link)
    return str(rows[0]["File"]), int(rows[0]["Position"])


def _status(link: Any) -> list[dict[str, Any]]:
    try:
        return _asked(link, "SHOW MASTER STATUS")
    except pymysql.ProgrammingError:
        return _asked(link, "SHOW BINARY LOG STATUS")  # its name since MySQL 8.2


def _seen(link: Any, now: Standing, last: str) -> bool:
    """Whether snapshots see all that was told; on MySQL a commit is in the log before its rows are seen."""
    if now.mariadb or not last:
        return True
    if now.numbered:
        rows = _asked(link, "SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s) AS waited", (last, VISIBLE_WITHIN))
        return int(rows[0]["waited"]) == 0
    time.sleep(VISIBLE_WITHIN)
    return True


def _follows(now: Standing, cursor: Mapping[str, Any]) -> None:
    if not {"file", "position", "made", "waiting", "system", "shape"} <= cursor.keys():
        raise Unclear("the cursor is of another kind of log")
    if cursor["system"] != now.system:
        raise Unclear("another server answers than before")
    if cursor["shape"] != now.shape:
        raise Unclear("the table was altered")
    if cursor["position"] >= binlog.FURTHEST:
        raise Unclear("the binary log's file is too large to be read from the middle")


def _cursor(now: Standing, file: str, position: int, made: int, waiting: list[str]) -> dict[str, Any]:
    return {
        "file": file, "position": position, "made": made, "waiting": waiting, "system": now.system, "shape": now.shape,
    }  # fmt: skip


def _prepared(link: Any, now: Standing) -> list[str]:
    """Distributed transactions that are prepared: their rows are in the log already, and seen only when they end."""
    return [_branch(str(row["data"])) for row in _asked(link, "XA RECOVER FORMAT='SQL'")] if now.mariadb else []


def _branch(told: str) -> str:
    """A distributed transaction's name as the log writes it, in hexadecimal; the server may show plain letters."""
    parts = [text if mark else text.encode().hex() for mark, text in re.findall(r"(X?)'([^']*)'", told)]
    return ",".join([*(f"X'{part}'" for part in parts), told.rsplit(",", 1)[-1].strip()]).upper()


def _unfiltered(link: Any, source: Source, dataset: Dataset, schema: str) -> None:
    """Refuse a log that leaves this schema out; without the right REPLICATION CLIENT nobody can tell."""
    try:
        rows = _status(link)
    except pymysql.OperationalError:
        return
    only = {name for row in rows for name in str(row["Binlog_Do_DB"]).split(",") if name}
    never = {name for row in rows for name in str(row["Binlog_Ignore_DB"]).split(",") if name}
    if (only and schema not in only) or schema in never:
        raise SourceUnreadable(
            source.name, dataset.name, f"the server's settings leave the schema '{schema}' out of its binary log",
            OTHERWISE,
        )  # fmt: skip


def _number(source: Source, dataset: Dataset, folder: Path) -> int:
    """Our number as a replica: the server sends one away when another with its number comes."""
    mark = hashlib.sha256(f"{folder.resolve()}\0{source.name}\0{dataset.name}".encode()).digest()
    return NUMBERS + int.from_bytes(mark[:4], "big") % (NUMBERS - 1)

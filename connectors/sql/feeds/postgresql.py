"""PostgreSQL's change log: a publication and a logical slot of our own, peeked at through SQL functions.

A slot is peeked, never consumed; it moves on only at the next call, to the cursor that the caller then brings back as
kept. One peek through a server-side cursor tells a million changes in a second, with the backlog in a temporary file of
the server; the replication protocol needs a round of Python for each message, and five times as long.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import psycopg
from psycopg import errors, sql
from sqlalchemy import Table

from catalog.errors import SourceUnreachable, SourceUnreadable
from catalog.models import Dataset, Source
from connectors.shapes import key_columns
from connectors.sql.engines import Interrupted, answered, database_url
from connectors.sql.feeds import standing
from connectors.sql.feeds.keys import Distinct, Touched, Unclear
from connectors.sql.feeds.pgoutput import Cut, Decoder
from connectors.sql.feeds.standing import Standing

SETTINGS = {
    "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "iso_8601", "client_encoding": "UTF8",
    "bytea_output": "hex", "extra_float_digits": "1",
}  # fmt: skip  # the texts of values are those that the reader of the table gets
CONNECT_TIMEOUT = 10  # seconds
SLOT_WITHIN = 120  # seconds; a new slot waits for the transactions that are open
FREE_WITHIN = 5.0  # seconds that a slot may still be held by a connection that is ending
VISIBLE_WITHIN = 1.0  # seconds from a commit in the log to its rows; a server that waits for its standby takes longer
ASKED_EVERY = 0.02
ROWS = 500  # messages fetched at once
SHOWN = 64 * 1024  # bytes fetched of a message; its key comes first, nearly always
CHANGES = 10  # changes per allowed key that are looked at before the whole table is the cheaper way
FEWEST_CHANGES = 1_000_000
SNAPSHOT = "SELECT pg_snapshot_xmax(s)::text, ARRAY(SELECT pg_snapshot_xip(s)::text) FROM pg_current_snapshot() AS s"
PEEK = """
SELECT substring(data for coalesce(%s::int, 2147483647)) FROM
  pg_logical_slot_peek_binary_changes(%s, %s, %s, 'proto_version', '1', 'publication_names', %s)
"""


class Snapshot(NamedTuple):
    """What a statement that begins now sees; transactions by their 32-bit numbers, which come around."""

    given: int  # the first number that had not ended
    running: set[int]

    def sees(self, transaction: int) -> bool:
        """Whether the rows of a committed transaction are seen."""
        return transaction not in self.running and (transaction - self.given) % 2**32 >= 2**31


def begin(source: Source, dataset: Dataset, table: Table, *, folder: Path) -> dict[str, Any]:
    """See `connectors.sql.feeds.begin`."""
    slot, publication = standing.names(source, dataset)
    with _connected(source, dataset, folder) as connection:
        now = _standing(connection, source, dataset, table)
        standing.published(connection, source, dataset, now, publication, table)
        _slot(connection, source, dataset, slot)
        until = VISIBLE_WITHIN * (10 if standing.synchronous(connection) else 1)
        end = standing.end(connection)
        _unseen(connection, _snapshot(connection).running, until)
        return now.cursor(end)


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
    slot, publication = standing.names(source, dataset)
    with _connected(source, dataset, folder) as connection:
        now = _standing(connection, source, dataset, table)
        try:
            now.follows(cursor)
            standing.still_published(connection, now, publication)
            since = _usable(connection, source, dataset, slot, cursor)
            if since < cursor["lsn"]:
                connection.execute("SELECT pg_replication_slot_advance(%s, %s)", (slot, _text(cursor["lsn"])))
            end = standing.end(connection)
            before = _snapshot(connection)
            keys = Distinct(limit)
            most = max(FEWEST_CHANGES, CHANGES * limit)
            doubtful = _told(connection, slot, publication, end, most, now, list(schema), keys, before)
            frame = keys.frame([bytes.decode] * len(schema), schema)
        except Unclear as unclear:
            return Touched(None, dict(cursor), str(unclear))
        except (errors.UndefinedObject, errors.ObjectNotInPrerequisiteState):
            return Touched(None, dict(cursor), "the slot or the publication no longer gives the log from the cursor on")
        # a transaction that is told and not seen yet is told again, when its rows can be seen
        unseen = _unseen(connection, doubtful, VISIBLE_WITHIN)
        return Touched(frame, dict(cursor) if unseen else now.cursor(end))


def forget(source: Source, dataset: Dataset, *, folder: Path) -> None:
    """See `connectors.sql.feeds.forget`. A publication that somebody else made stays."""
    slot, publication = standing.names(source, dataset)
    with _connected(source, dataset, folder) as connection:
        found = standing.slot(connection, slot)
        if found:
            _free(connection, source, dataset, slot)
            connection.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
        if standing.ours(connection, publication):
            connection.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(publication)))


def held_back(source: Source, dataset: Dataset, *, folder: Path) -> int:
    """See `connectors.sql.feeds.held_back`."""
    slot, _ = standing.names(source, dataset)
    with _connected(source, dataset, folder) as connection:
        found = standing.slot(connection, slot)
        return max(0, standing.end(connection) - found.kept_from) if found and found.kept_from else 0


@contextmanager
def _connected(source: Source, dataset: Dataset, folder: Path) -> Iterator[psycopg.Connection[Any]]:
    """A connection that commits each statement; every fault of it is one line without a password or a value."""
    url = database_url(source, folder)
    shown = url.set(query={}).render_as_string(hide_password=True)
    told = {**SETTINGS, "statement_timeout": str(int(source.statement_timeout * 1000))}
    _, given = _dialect(url)
    given = {"connect_timeout": CONNECT_TIMEOUT, **given}
    given["options"] = " ".join(
        [str(given.get("options", "")), *(f"-c {name}={value}" for name, value in told.items())]
    )
    connection = None
    try:
        connection = psycopg.connect(**given, autocommit=True)
        yield connection
    except errors.InsufficientPrivilege as error:
        raise SourceUnreadable(
            source.name, dataset.name, f"{shown} refuses: {_line(error, url.password)}",
            f'Let its administrator say: ALTER ROLE "{url.username}" REPLICATION.',
        ) from None  # fmt: skip
    except psycopg.Error as error:
        if connection is None or connection.broken or isinstance(error, errors.AdminShutdown | errors.CannotConnectNow):
            fault = SourceUnreachable if connection is None and not answered(url) else Interrupted
            raise fault(
                source.name, dataset.name, f"{shown} does not answer: {_line(error, url.password)}",
                "Start it or correct `location`; the last good index keeps serving.",
            ) from None  # fmt: skip
        why = type(error).__name__ if isinstance(error, psycopg.DataError) else _line(error, url.password)
        raise SourceUnreadable(
            source.name, dataset.name, f"{shown} does not give its change log: {why}",
            "Repair it, or set the mode of `landbridge.incremental` to keys or watermark.",
        ) from None  # fmt: skip
    finally:
        if connection is not None:
            connection.close()


def _dialect(url: Any) -> tuple[Any, dict[str, Any]]:
    arguments, given = url.get_dialect()().create_connect_args(url)
    return arguments, dict(given)


def _line(error: psycopg.Error, password: str | None) -> str:
    lines = (error.diag.message_primary or str(error)).strip().splitlines() or [type(error).__name__]
    return lines[0].replace(password, "***") if password else lines[0]


def _standing(connection: psycopg.Connection[Any], source: Source, dataset: Dataset, table: Table) -> Standing:
    """How the server and the table stand; refused where no log of this table can be had."""
    level = connection.execute("SHOW wal_level").fetchone()
    if level is None or level[0] != "logical":
        raise SourceUnreadable(
            source.name, dataset.name, "the server's wal_level is not logical, so its log cannot be followed",
            "Let its administrator say ALTER SYSTEM SET wal_level = logical and restart it.",
        )  # fmt: skip
    return standing.standing(connection, source, dataset, table, key_columns(dataset))


def _slot(connection: psycopg.Connection[Any], source: Source, dataset: Dataset, slot: str) -> None:
    """Make the slot, unless it is there and of use; one that lost its log is made anew."""
    found = standing.slot(connection, slot)
    if found:
        _ours(source, dataset, slot, found)
        if not found.lost:
            return
        connection.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
    try:
        connection.execute(f"SET statement_timeout = '{SLOT_WITHIN}s'")
        connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
    except errors.QueryCanceled:
        raise SourceUnreadable(
            source.name, dataset.name, f"a slot could not be made within {SLOT_WITHIN} s, for transactions are open",
            "End the transactions that have been open long, and run again.",
        ) from None  # fmt: skip
    finally:
        if not connection.broken:
            connection.execute("RESET statement_timeout")


def _usable(
    connection: psycopg.Connection[Any], source: Source, dataset: Dataset, slot: str, cursor: Mapping[str, Any]
) -> int:
    """Where the slot stands; `Unclear` where it does not hold the log from the cursor on."""
    found = standing.slot(connection, slot)
    if not found:
        raise Unclear(f"the slot '{slot}' is gone")
    _ours(source, dataset, slot, found)
    if found.lost:
        raise Unclear(f"the slot '{slot}' fell so far behind that the server gave up its log")
    if found.confirmed > cursor["lsn"]:
        raise Unclear(f"the slot '{slot}' was moved on past what is held here")
    _free(connection, source, dataset, slot)
    return found.confirmed


def _ours(source: Source, dataset: Dataset, slot: str, found: standing.Slot) -> None:
    if found.plugin != "pgoutput" or not found.here:
        what = "of another database" if found.plugin == "pgoutput" else f"made for {found.plugin or 'a standby'}"
        raise SourceUnreadable(
            source.name, dataset.name, f"the slot '{slot}' is {what}", "Name another one in `landbridge.incremental`."
        )


def _free(connection: psycopg.Connection[Any], source: Source, dataset: Dataset, slot: str) -> None:
    """Wait a moment while a connection that has ended still holds the slot."""
    until = time.monotonic() + FREE_WITHIN
    while (found := standing.slot(connection, slot)) and found.process:
        if time.monotonic() > until:
            raise SourceUnreadable(
                source.name, dataset.name, f"the slot '{slot}' is in use by process {found.process}",
                "Name another one in `landbridge.incremental`: a slot has one reader.",
            )  # fmt: skip
        time.sleep(ASKED_EVERY)


def _told(
    connection: psycopg.Connection[Any],
    slot: str,
    publication: str,
    end: int,
    most: int,
    now: Standing,
    names: list[str],
    keys: Distinct,
    before: Snapshot,
) -> set[int]:
    """Put the touched keys into `keys`; the told transactions that may not be visible yet come back.

    A message is cut behind its first bytes, since a row may hold a whole file; if a key lies behind the cut, everything
    is fetched once more, uncut and one by one.
    """
    try:
        return _peek(connection, slot, publication, end, most, Decoder(now.family, names, keys), before, SHOWN)
    except Cut:
        return _peek(connection, slot, publication, end, most, Decoder(now.family, names, keys), before, None)


def _peek(
    connection: psycopg.Connection[Any],
    slot: str,
    publication: str,
    end: int,
    most: int,
    decoder: Decoder,
    before: Snapshot,
    shown: int | None,
) -> set[int]:
    doubtful: set[int] = set()
    count, seen = 0, 0
    with connection.transaction(), connection.cursor(name="landbridge_feed") as messages:
        messages.itersize = 1 if shown is None else ROWS
        quoted = sql.Identifier(publication).as_string(connection)
        messages.execute(PEEK, (shown, slot, _text(end), most, quoted), binary=True)
        for (message,) in messages:
            count += 1
            decoder.tell(message)
            if decoder.transactions != seen:
                seen = decoder.transactions
                if not before.sees(decoder.transaction):
                    doubtful.add(decoder.transaction)
    if count >= most:
        raise Unclear(f"more than {most} changes are in the log")
    return doubtful


def _snapshot(connection: psycopg.Connection[Any]) -> Snapshot:
    given, running = connection.execute(SNAPSHOT).fetchall()[0]
    return Snapshot(int(given) % 2**32, {int(one) % 2**32 for one in running})


def _unseen(connection: psycopg.Connection[Any], doubtful: set[int], within: float) -> bool:
    """Whether some of these transactions are still not seen after a while.

    A commit is in the log before its rows are seen by others: for a moment, or as long as a standby is waited for.
    """
    until = time.monotonic() + within
    while doubtful and not all(map(_snapshot(connection).sees, doubtful)):
        if time.monotonic() > until:
            return True
        time.sleep(ASKED_EVERY)
    return False


def _text(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"

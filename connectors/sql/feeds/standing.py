"""How a PostgreSQL server, a table, its publication and its slot stand: whether the change log can be trusted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import errors, sql
from sqlalchemy import Table

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.sql.feeds.keys import Unclear

LONGEST = 63  # of a name of PostgreSQL, in bytes
MADE_BY = "made by Landbridge"  # the comment on a publication that `forget` may remove
OTHERWISE = "Set the mode of `landbridge.incremental` to keys or watermark."

SERVER = """
SELECT (SELECT system_identifier FROM pg_control_system())::text,
  CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
  ELSE ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int END
"""
END = """
SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)
  - '0/0'::pg_lsn
"""
# A table with its partitions and the tables that inherit from it: what each is, and the columns that name its rows.
FAMILY = """
WITH RECURSIVE family AS (
  SELECT %s::oid AS oid UNION SELECT inhrelid FROM pg_inherits JOIN family ON inhparent = family.oid
)
SELECT c.oid::bigint, c.relkind::text, c.relpersistence::text, c.relreplident::text, c.relfilenode::bigint,
  ARRAY(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a
    ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
    WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
      AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END),
  ARRAY(SELECT a.attnum || ' ' || a.attname || ' ' || a.atttypid || ' ' || a.atttypmod || ' ' || a.attisdropped
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum)
FROM family JOIN pg_class c USING (oid) ORDER BY c.oid
"""
PUBLISHED = """
SELECT c.oid::bigint, to_jsonb(t) ->> 'rowfilter', p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
FROM pg_publication p LEFT JOIN pg_publication_tables t USING (pubname)
  LEFT JOIN pg_namespace n ON n.nspname = t.schemaname
  LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
WHERE p.pubname = %s
"""
SLOT = """
SELECT plugin::text, database = current_database(), active_pid,
  coalesce(wal_status = 'lost', false) OR restart_lsn IS NULL, (confirmed_flush_lsn - '0/0'::pg_lsn),
  (restart_lsn - '0/0'::pg_lsn)
FROM pg_replication_slots WHERE slot_name = %s
"""
OURS = """
SELECT obj_description(oid, 'pg_publication') = %s FROM pg_publication WHERE pubname = %s
"""

Link = psycopg.Connection[Any]


class Slot(NamedTuple):
    """A slot as the server shows it; positions in bytes."""

    plugin: str | None
    here: bool
    process: int | None
    lost: bool
    confirmed: int
    kept_from: int


@dataclass(frozen=True)
class Standing:
    """A server and a table at one moment; where one differs from the cursor's, the log tells not everything."""

    system: str
    timeline: int
    table: int  # its OID
    family: set[int]  # OIDs of the tables whose rows it shows
    leaves: set[int]  # those of them that hold rows
    shape: str  # changes with columns, types, partitions and every rewrite of the table

    def cursor(self, end: int) -> dict[str, Any]:
        """Where to begin the next time."""
        return {"lsn": end, "system": self.system, "timeline": self.timeline, "table": self.table, "shape": self.shape}

    def follows(self, cursor: Mapping[str, Any]) -> None:
        """`Unclear` where this is not the server or the table that the cursor was taken from."""
        if not {"lsn", "system", "timeline", "table", "shape"} <= cursor.keys():
            raise Unclear("the cursor is of another kind of log")
        if (cursor["system"], cursor["timeline"]) != (self.system, self.timeline):
            raise Unclear("another server answers than before, or one that was restored or promoted")
        if cursor["table"] != self.table:
            raise Unclear("the table was made anew")
        if cursor["shape"] != self.shape:
            raise Unclear("the table was altered, emptied or rewritten")


def names(source: Source, dataset: Dataset) -> tuple[str, str]:
    """The names of the slot and the publication: those the contract gives, or one made of source and dataset."""
    made = f"landbridge_{source.name}_{dataset.name}"
    safe = re.sub(r"[^a-z0-9_]", "_", made.lower())
    if safe != made or len(safe) > LONGEST:
        mark = hashlib.sha256(made.encode()).hexdigest()[:8]
        safe = f"{safe[: LONGEST - 9]}_{mark}"
    return dataset.incremental.slot or safe, dataset.incremental.publication or safe


def standing(link: Link, source: Source, dataset: Dataset, table: Table, key: Sequence[str]) -> Standing:
    """How things stand now; a table whose changes do not name its rows by the contract's key is refused."""
    quoted = sql.Identifier(*([table.schema] if table.schema else []), str(table.name)).as_string(link)
    system, timeline = link.execute(SERVER).fetchall()[0]
    oid = link.execute("SELECT to_regclass(%s)::oid::bigint", (quoted,)).fetchall()[0][0]
    members = link.execute(FAMILY, (oid,)).fetchall() if oid else []
    if not members:
        raise SourceUnreadable(
            source.name, dataset.name, f"there is no table '{dataset.physical_name}'",
            "Correct the contract's physicalName.",
        )  # fmt: skip
    leaves = set()
    for one, kind, persistence, identity, _, columns, _ in members:
        if kind not in ("r", "p") or persistence != "p":
            raise SourceUnreadable(
                source.name, dataset.name, f"'{dataset.physical_name}' is no plain table, so no log tells its changes",
                OTHERWISE,
            )  # fmt: skip
        if kind == "r":
            leaves.add(one)
        if not key or (identity != "f" and not set(key) <= set(columns) and (kind == "r" or len(members) == 1)):
            raise SourceUnreadable(
                source.name, dataset.name,
                f"the log names rows of '{dataset.physical_name}' by {_listed(columns)}, not by the contract's key",
                f"Let its owner say ALTER TABLE {quoted} REPLICA IDENTITY USING INDEX (one of the key), or FULL.",
            )  # fmt: skip
    shapes = [[one, filenode, told] for one, _, _, _, filenode, _, told in members]
    shape = hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:16]
    return Standing(system, timeline, oid, {member[0] for member in members}, leaves, shape)


def published(link: Link, source: Source, dataset: Dataset, now: Standing, name: str, table: Table) -> None:
    """Make the publication if it is not there; one that leaves changes of the table out is refused."""
    quoted = sql.Identifier(*([table.schema] if table.schema else []), str(table.name))
    known = sql.Identifier(name)
    make = sql.SQL("CREATE PUBLICATION {} FOR TABLE {} WITH (publish_via_partition_root = true)").format(known, quoted)
    try:
        if not link.execute("SELECT 1 FROM pg_publication WHERE pubname = %s", (name,)).fetchall():
            link.execute(make)
            link.execute(sql.SQL("COMMENT ON PUBLICATION {} IS {}").format(known, sql.Literal(MADE_BY)))
        elif ours(link, name):  # the table may have been made anew, and is then another one
            link.execute(sql.SQL("ALTER PUBLICATION {} SET TABLE {}").format(known, quoted))
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction):
        raise SourceUnreadable(
            source.name, dataset.name, f"this user may not make a publication '{name}' of the table",
            f"Let the table's owner say: {make.as_string(link)}.",
        ) from None  # fmt: skip
    try:
        still_published(link, now, name)
    except Unclear as unclear:
        raise SourceUnreadable(
            source.name, dataset.name, str(unclear), f"Let its owner drop it, and say: {make.as_string(link)}."
        ) from None


def still_published(link: Link, now: Standing, name: str) -> None:
    """`Unclear` unless the publication tells every change of the table."""
    told = link.execute(PUBLISHED, (name,)).fetchall()
    if not told:
        raise Unclear(f"the publication '{name}' is gone")
    tables = {oid for oid, _, _ in told}
    if now.table not in tables - now.leaves and not now.leaves <= tables:
        raise Unclear(f"the publication '{name}' does not hold the table")
    if any(oid in now.family and filtered for oid, filtered, _ in told) or not told[0][2]:
        raise Unclear(f"the publication '{name}' leaves out some changes of the table")


def slot(link: Link, name: str) -> Slot | None:
    """The slot, or None."""
    found = link.execute(SLOT, (name,)).fetchall()
    if not found:
        return None
    plugin, here, process, lost, confirmed, kept_from = found[0]
    return Slot(plugin, bool(here), process, lost, int(confirmed or 0), int(kept_from or 0))


def end(link: Link) -> int:
    """The end of the log, in bytes: all of it up to here is on the server's disk."""
    return int(link.execute(END).fetchall()[0][0])


def synchronous(link: Link) -> bool:
    """Whether commits wait for a standby, so that they are in the log for a while before their rows are seen."""
    return bool(link.execute("SHOW synchronous_standby_names").fetchall()[0][0])


def ours(link: Link, publication: str) -> bool:
    """Whether the publication is there and was made here."""
    found = link.execute(OURS, (MADE_BY, publication)).fetchall()
    return bool(found and found[0][0])


def _listed(columns: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in columns) if columns else "nothing"

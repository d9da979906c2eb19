"""A table of sixteen mixed columns, made inside its database in seconds, and changed as a night changes one.

Every number, text and moment follows from the row's key, so that each server holds the same rows. A fifth of the notes
are NULL, a seventh of the tags are empty.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

DATABASE, TABLE = "landbridge_bench", "wide"
CHANGED_EVERY, GONE_EVERY = 100, 5_000  # of the keys; as many come as go
SERVERS = {"postgresql": "postgresql+psycopg://root@127.0.0.1/test", "mariadb": "mysql+pymysql://root@127.0.0.1/test"}
COLUMNS = {
    "postgresql": (
        "id bigint PRIMARY KEY, qty int, small smallint, price numeric(12,2), rate numeric(20,6),"
        " weight double precision, ratio real, active boolean, born date, made timestamp, seen timestamptz,"
        " name varchar(40), note text, code char(8), tag varchar(12), city varchar(30)"
    ),
    "mariadb": (
        "id bigint PRIMARY KEY, qty int, small smallint, price decimal(12,2), rate decimal(20,6), weight double,"
        " ratio float, active boolean, born date, made datetime, seen timestamp NULL, name varchar(40), note text,"
        " code char(8), tag varchar(12), city varchar(30)"
    ),
    "sqlite": (
        "id integer PRIMARY KEY, qty int, small smallint, price numeric(12,2), rate numeric(20,6), weight double,"
        " ratio real, active boolean, born date, made timestamp, seen timestamp, name varchar(40), note text,"
        " code char(8), tag varchar(12), city varchar(30)"
    ),
}
ROWS = {
    "postgresql": (
        "SELECT g, g*7919%100000, g%1000, (g*31%10000000)::numeric/100, (g*17%1000000007)::numeric/1000000, g*0.37,"
        " g%1000*0.5, g%3=0, date '1990-01-01' + (g%12000)::int,"
        " timestamp '2010-01-01' + g%400000000*interval '1 second',"
        " timestamptz '2015-01-01 12:00+00' + g%300000000*interval '1 second', 'Customer number '||g,"
        " CASE WHEN g%5=0 THEN NULL ELSE 'note text of row '||g||' with some words' END,"
        " lpad((g%99999999)::text, 8, '0'), CASE WHEN g%7=0 THEN '' ELSE 'tag'||(g%50) END, 'City '||(g%500)"
        " FROM generate_series({first}::bigint, {last}) g"
    ),
    "mariadb": (
        "SELECT seq, seq*7919%100000, seq%1000, seq*31%10000000/100, seq*17%1000000007/1000000, seq*0.37, seq%1000*0.5,"
        " seq%3=0, date_add('1990-01-01', interval seq%12000 day),"
        " date_add('2010-01-01', interval seq%400000000 second),"
        " date_add('2015-01-01 12:00:00', interval seq%300000000 second), concat('Customer number ', seq),"
        " if(seq%5=0, NULL, concat('note text of row ', seq, ' with some words')), lpad(seq%99999999, 8, '0'),"
        " if(seq%7=0, '', concat('tag', seq%50)), concat('City ', seq%500) FROM seq_{first}_to_{last}"
    ),
    "sqlite": (
        "WITH RECURSIVE c(g) AS (SELECT {first} UNION ALL SELECT g+1 FROM c WHERE g<{last})"
        " SELECT g, g*7919%100000, g%1000, (g*31%10000000)/100.0, (g*17%1000000007)/1000000.0, g*0.37, g%1000*0.5,"
        " g%3=0, date('1990-01-01', (g%12000)||' days'), datetime('2010-01-01', (g%400000000)||' seconds'),"
        " datetime('2015-01-01 12:00', (g%300000000)||' seconds'), 'Customer number '||g,"
        " CASE WHEN g%5=0 THEN NULL ELSE 'note text of row '||g||' with some words' END, printf('%08d', g%99999999),"
        " CASE WHEN g%7=0 THEN '' ELSE 'tag'||(g%50) END, 'City '||(g%500) FROM c"
    ),
}
LATER = {  # a stamp above all earlier ones, another one for each key and night
    "postgresql": "timestamptz '2031-01-01 00:00+00' + {night}*interval '100 days' + id*interval '1 second'",
    "mariadb": "date_add('2031-01-01', interval {night}*8640000 + id second)",
}


def on_engine(engine: Engine, kind: str, rows: int, *, table: str = TABLE) -> None:
    """Make the table with keys 1 to `rows`."""
    filled = f"INSERT INTO {table} {ROWS[kind].format(first=1, last=rows)}"
    with engine.connect() as connection:
        for statement in (f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({COLUMNS[kind]})", filled):
            connection.exec_driver_sql(statement.replace("%", "%%"))
        connection.exec_driver_sql("VACUUM ANALYZE " + table if kind == "postgresql" else "ANALYZE TABLE " + table)


def changed(engine: Engine, kind: str, rows: int, night: int) -> int:
    """Change one row in a hundred all over the table, remove one in five thousand, add as many; how many in all.

    `night` counts from 0, and each night other rows change.
    """
    turnover, last = rows // GONE_EVERY, rows + night * (rows // GONE_EVERY)
    later = LATER[kind].format(night=night)
    with engine.connect() as connection:
        told = [
            connection.exec_driver_sql(statement.replace("%", "%%")).rowcount
            for statement in (
                f"UPDATE {TABLE} SET qty = qty + 1, seen = {later} WHERE id % {CHANGED_EVERY} = {night}",  # noqa: S608 - our own statements
                f"DELETE FROM {TABLE} WHERE id % {GONE_EVERY} = {CHANGED_EVERY // 2 + night}",  # noqa: S608
                f"INSERT INTO {TABLE} {ROWS[kind].format(first=last + 1, last=last + turnover)}",
                f"UPDATE {TABLE} SET seen = {later} WHERE id > {last}",  # noqa: S608
            )
        ]
    return sum(told[:3])


@contextmanager
def on_server(kind: str, sizes: dict[str, int]) -> Iterator[str]:
    """Tables of these sizes in a database of their own on this machine's server, dropped afterwards; its URL."""
    url = make_url(SERVERS[kind])
    outer = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    inner = create_engine(url.set(database=DATABASE), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    force = " WITH (FORCE)" if kind == "postgresql" else ""
    with outer.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {DATABASE}{force}")
        connection.exec_driver_sql(f"CREATE DATABASE {DATABASE}")
    try:
        for table, rows in sizes.items():
            on_engine(inner, kind, rows, table=table)
        yield _shown(url.set(database=DATABASE))
    finally:
        with outer.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {DATABASE}{force}")


@contextmanager
def in_file(folder: Path, sizes: dict[str, int]) -> Iterator[str]:
    """The same in a SQLite file; its URL."""
    path = folder / f"{DATABASE}.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        for table, rows in sizes.items():
            connection.execute(f"CREATE TABLE {table} ({COLUMNS['sqlite']})")
            connection.execute(f"INSERT INTO {table} {ROWS['sqlite'].format(first=1, last=rows)}")
        connection.commit()
    try:
        yield f"sqlite:///{path}"
    finally:
        path.unlink()


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)

"""Writers at a steady rate on a database that is being read: transfers between accounts, orders with their lines.

`python -m evals.writers URL RATE` writes until its standard input is closed, then prints one JSON list of transactions:
when each began (seconds of the system's monotonic clock), how long it took, and what it ran into, if anything.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

ACCOUNTS = 20_000  # in each of two tables
BALANCE = 100
WRITERS = 4
TABLES = ("checking", "savings", "orders", "order_lines")
PADDING = "x" * 60  # so that a read takes a while
ONE_STATEMENT = 5_000  # rows
DEBIT = "UPDATE {0} SET balance = balance - 1 WHERE id = :id"
CREDIT = "UPDATE {0} SET balance = balance + 1 WHERE id = :id"


@dataclass(frozen=True)
class Done:
    """A transaction."""

    began: float
    took: float
    fault: str = ""


def engine_at(url: str) -> Engine:
    """A database to write to; SQLite in WAL mode, where a writer waits for another one."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=WRITERS)
    engine = create_engine(url, connect_args={"timeout": 30}, isolation_level="AUTOCOMMIT")

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")

    return engine


def furnish(engine: Engine) -> None:
    """Make the four tables; there are accounts, and no order yet."""
    with engine.begin() as connection:
        for table in TABLES[:2]:
            words = "id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, holder VARCHAR(80)"
            connection.execute(text(f"CREATE TABLE {table} ({words})"))
            for at in range(0, ACCOUNTS, ONE_STATEMENT):
                rows = ", ".join(f"({number}, {BALANCE}, '{PADDING}')" for number in range(at, at + ONE_STATEMENT))
                connection.execute(text(f"INSERT INTO {table} VALUES {rows}"))  # noqa: S608 - numbers of ours
        connection.execute(text("CREATE TABLE orders (id BIGINT PRIMARY KEY, line_count INTEGER NOT NULL)"))
        connection.execute(
            text("CREATE TABLE order_lines (order_id BIGINT, line INTEGER, PRIMARY KEY (order_id, line))")
        )


def transfer(connection: Connection, draw: random.Random) -> None:
    """One moves from an account to another, of either table; in one order, so that no two wait for each other."""
    accounts = sorted((draw.choice(TABLES[:2]), number) for number in draw.sample(range(ACCOUNTS), 2))
    words = [DEBIT, CREDIT] if draw.random() < 0.5 else [CREDIT, DEBIT]
    for (table, number), word in zip(accounts, words, strict=True):
        connection.execute(text(word.format(table)), {"id": number})


def order(connection: Connection, draw: random.Random, number: int) -> None:
    """An order and its lines."""
    lines = draw.randint(1, 3)
    connection.execute(text("INSERT INTO orders VALUES (:id, :lines)"), {"id": number, "lines": lines})
    for line in range(lines):
        connection.execute(text("INSERT INTO order_lines VALUES (:id, :line)"), {"id": number, "line": line})


def write(engine: Engine, rate: float, writer: int, stopped: threading.Event, told: list[Done]) -> None:
    """Transactions of one writer, evenly in time; one that is late begins at once, and none is left out."""
    draw, numbers = random.Random(writer), itertools.count(writer * 10**9)  # noqa: S311 - it guards nothing
    due = time.monotonic()
    begin = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else ""
    with engine.connect() as connection:
        while not stopped.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            due, began, fault = due + 1 / rate, time.monotonic(), ""
            try:
                if begin:
                    connection.exec_driver_sql(begin)
                if draw.random() < 0.7:
                    transfer(connection, draw)
                else:
                    order(connection, draw, next(numbers))
                if begin:
                    connection.exec_driver_sql("COMMIT")
                connection.commit()
            except DBAPIError as error:
                fault = str(error.orig)
                if begin:
                    connection.exec_driver_sql("ROLLBACK")
                connection.rollback()
            told.append(Done(began, time.monotonic() - began, fault))


def main() -> None:
    """Write until the standard input ends."""
    url, rate = sys.argv[1], float(sys.argv[2])
    engine, stopped = engine_at(url), threading.Event()
    told: list[Done] = []
    writers = [
        threading.Thread(target=write, args=(engine, rate / WRITERS, number, stopped, told))
        for number in range(1, WRITERS + 1)
    ]
    for one in writers:
        one.start()
    sys.stdin.read()
    stopped.set()
    for one in writers:
        one.join()
    print(json.dumps([[done.began, done.took, done.fault] for done in told]))


if __name__ == "__main__":
    main()

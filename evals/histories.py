"""Random histories of a table: steps of inserts, updates, deletes and changed keys, with values that are easily bent.

A history is drawn from its seed and applied to a database step by step. Its clock is honest as far as a clock can be:
it stands still over several changes, it is set back, and some rows have no stamp; but no changed row keeps the stamp
that a reader holds of it, unless that is the highest one, which readers always look at again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    and_,
    null,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable, DropTable

KEY = ("lot", "part")
LOTS = 6
PARTS = (
    "a", "A", "b'", 'q"', "ü%", "x;--", "\\N", "", "🚲", "é漢", "null", "tab\tand\nline", "%s :p {x}", "`a` $1", "C:\\",
)  # fmt: skip
NOTES = (None, "", "x", 'y\n"z', "\\.", "🚲 é漢", "a,b;c", "NULL", "'", " x ")
PRICES = (None, Decimal("1.50"), Decimal("2.00"), Decimal("-0.01"), Decimal("9999999999.99"))
DAYS = (None, date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31))
MOMENTS = (None, datetime(2024, 7, 1, 10, 11, 12, 345_600), datetime(1970, 1, 1), datetime(2038, 1, 19, 3, 14, 8))
PICTURES = (None, b"", b"\x00\xff'\\\n", bytes(range(64)))
FIRST_TICK = datetime(2024, 1, 1)
BEYOND = {  # what a column's type has no place for, so that all of the column becomes text
    "postgresql": "UPDATE {table} SET due = 'infinity', price = 'NaN', {stamps} WHERE lot = {lot}",
    "mariadb": "SET STATEMENT sql_mode = '' FOR UPDATE {table} SET due = '0000-00-00', {stamps} WHERE lot = {lot}",
    "sqlite": "UPDATE {table} SET price = 'n/a', due = x'00', {stamps} WHERE lot = {lot}",
}

Key = tuple[int, str]


def table_of(name: str) -> Table:
    """The table, in every database's own types; `changed` is the moment of the tick `stamp`."""
    binary = mysql.VARCHAR(200, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    fine = mysql.DATETIME(fsp=6)
    return Table(
        name, MetaData(),
        Column("lot", Integer, primary_key=True, autoincrement=False),
        Column("part", String(40).with_variant(binary, "mysql", "mariadb"), primary_key=True),
        Column("note", String(200).with_variant(binary, "mysql", "mariadb")),
        Column("price", Numeric(12, 2).with_variant(Float(), "sqlite")),
        Column("bought", Date),
        Column("due", DateTime().with_variant(fine, "mysql", "mariadb")),
        Column("picture", LargeBinary().with_variant(mysql.VARBINARY(200), "mysql", "mariadb")),
        Column("stamp", Integer),
        Column("changed", DateTime().with_variant(fine, "mysql", "mariadb")),
    )  # fmt: skip


class History:
    """What happens to a table, drawn from a seed: `begin` makes it, each `step` changes it.

    `odd` lets values in that their column's type does not hold; `altered` gives the table one more column at some step.
    """

    def __init__(self, seed: int, name: str, *, odd: bool = False, altered: bool = False) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - it guards nothing
        self.table, self.odd, self.altered = table_of(name), odd, altered
        self.stamps: dict[Key, int | None] = {}
        self._held: dict[Key, int | None] = {}
        self.steps = 0
        self._clock = 100

    def begin(self, engine: Engine) -> None:
        """Make the table, with some rows or none."""
        with engine.begin() as connection:
            connection.execute(CreateTable(self.table))
        with engine.begin() as connection:
            for _ in range(self.draw.choice((0, 3, 25))):
                self._insert(connection)
        self._held = dict(self.stamps)

    def end(self, engine: Engine) -> None:
        """Drop the table."""
        with engine.begin() as connection:
            connection.execute(DropTable(self.table))

    def step(self, engine: Engine) -> bool:
        """One or two transactions, after which a reader looks; whether the table was altered."""
        self.steps += 1
        for _ in range(self.draw.choice((1, 1, 1, 2))):
            self._tick()
            with engine.begin() as connection:
                for _ in range(self.draw.choice((0, 1, 1, 2, 3, 5, 12))):
                    self._change(connection)
        self._held = dict(self.stamps)
        if not self.altered or self.draw.random() < 0.7:
            return False
        self.altered = False
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {self.table.name} ADD more INTEGER")
        return True

    def _tick(self) -> None:
        self._clock += self.draw.choice((0, 0, 1, 1, 1, 3))
        if self.draw.random() < 0.08:
            self._clock -= self.draw.randint(1, 6)

    def _change(self, connection: Connection) -> None:
        backend = connection.engine.url.get_backend_name()
        change = self.draw.choices(
            (self._insert, self._update, self._delete, self._rekey), weights=(3, 3, 2, 1)
        )[0]  # fmt: skip
        if self.odd and backend in BEYOND and self.draw.random() < 0.1:
            self._bend(connection, BEYOND[backend])
        else:
            change(connection)

    def _insert(self, connection: Connection) -> None:
        key = self._any_key()
        if key not in self.stamps:
            row = {**dict(zip(KEY, key, strict=True)), **self._values(), **self._stamped(key)}
            connection.execute(self.table.insert().values(**_literal(row)))

    def _update(self, connection: Connection) -> None:
        if self.stamps:
            key = self._known_key()
            values = self._values()
            some = {name: values[name] for name in self.draw.sample(sorted(values), self.draw.randint(1, len(values)))}
            told = _literal({**some, **self._stamped(key)})
            connection.execute(self.table.update().where(self._is(key)).values(**told))

    def _delete(self, connection: Connection) -> None:
        if self.stamps:
            key = self._known_key()
            connection.execute(self.table.delete().where(self._is(key)))
            del self.stamps[key]

    def _rekey(self, connection: Connection) -> None:
        if self.stamps:
            old, new = self._known_key(), self._any_key()
            if new not in self.stamps:
                values = {**dict(zip(KEY, new, strict=True)), **self._stamped(new)}
                connection.execute(self.table.update().where(self._is(old)).values(**_literal(values)))
                del self.stamps[old]

    def _bend(self, connection: Connection, statement: str) -> None:
        """Values beyond their type in all rows of a lot."""
        if self.stamps:
            lot = self._known_key()[0]
            keys = [key for key in self.stamps if key[0] == lot]
            self._clock = max(self._clock, *(held or 0 for held in self._held.values()), 0) + 1
            self.stamps.update(dict.fromkeys(keys, self._clock))
            stamps = f"stamp = {self._clock}, changed = '{_moment(self._clock):%Y-%m-%d %H:%M:%S.%f}'"
            connection.exec_driver_sql(statement.format(table=self.table.name, lot=lot, stamps=stamps))

    def _stamped(self, key: Key) -> Mapping[str, Any]:
        """The stamp that a row gets now."""
        highest = max((held for held in self._held.values() if held is not None), default=self._clock)
        while self._clock < highest and self._held.get(key) == self._clock:
            self._clock += 1
        told = None if self.draw.random() < 0.03 else self._clock
        self.stamps[key] = told
        return {"stamp": told, "changed": None if told is None else _moment(told)}

    def _values(self) -> dict[str, Any]:
        pick = self.draw.choice
        return {
            "note": pick(NOTES), "price": pick(PRICES), "bought": pick(DAYS), "due": pick(MOMENTS),
            "picture": pick(PICTURES),
        }  # fmt: skip

    def _any_key(self) -> Key:
        return self.draw.randint(1, LOTS), self.draw.choice(PARTS)

    def _known_key(self) -> Key:
        return self.draw.choice(sorted(self.stamps))

    def _is(self, key: Key) -> Any:
        return and_(*(self.table.c[name] == value for name, value in zip(KEY, key, strict=True)))


def _literal(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with NULL as a word of the statement: one of the drivers takes None for bytes."""
    return {name: null() if value is None else value for name, value in row.items()}


def _moment(tick: int) -> datetime:
    return FIRST_TICK + timedelta(seconds=tick)

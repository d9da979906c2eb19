"""Values that drivers bend, cut or die of, and what becomes of each on every way to read it.

    python -m evals.traps        prints the table of docs/benchmarks.md: ours beside connectorx and ADBC

Each trap is a column that holds an ordinary value and an odd one. A reading is `right` where both come as values that
mean the same, `text` where they come as the exact text of the database, `refused` where an error says why, `wrong`
where something else came without a word, `crash` where the reader died or panicked. The worst of the values counts.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from evals.readers import adbc, bare, contract
from evals.wide_table import SERVERS

ROOT = Path(__file__).resolve().parent.parent
TABLE = "landbridge_traps"
NUMBER = "LANDBRIDGE_TRAPS"  # the process that made the tables, for the processes it starts
Outcome = Literal["right", "text", "refused", "wrong", "crash"]
WORST: tuple[Outcome, ...] = ("right", "text", "refused", "wrong", "crash")
SHOWN = {"right": "right", "text": "as exact text", "refused": "refused", "wrong": "**wrong**", "crash": "**crash**"}
HUGE = "1234567890123456789012.12345678"
NINETEEN = "1.0123456789012345678"
LONG = "12345678901234567890.5"


class Cell(NamedTuple):
    """A value as SQL writes it, what it means (None where Python has no such value), its exact texts.

    `also` is another value that means the same.
    """

    sql: str
    value: Any = None
    texts: tuple[str, ...] = ()
    also: Any = None


@dataclass(frozen=True)
class Trap:
    """A column of a declared type, an ordinary cell first and the odd one behind it.

    `before` is said to the session that fills the table.
    """

    kind: str
    what: str
    declared: str
    cells: tuple[Cell, Cell]
    before: str = ""


def _trap(kind: str, what: str, declared: str, plain: Cell, odd: Cell, before: str = "") -> Trap:
    return Trap(kind, what, declared, (plain, odd), before)


def _day(text: str) -> Cell:
    return Cell(f"'{text}'", date.fromisoformat(text), (text,))


def _moment(text: str, zone: bool = False) -> Cell:
    told = datetime.fromisoformat(text)
    return Cell(f"'{text}'", told.replace(tzinfo=UTC) if zone else told, (text, f"{text}+00", f"{text}+00:00"))


def _number(text: str, *texts: str) -> Cell:
    return Cell(text, Decimal(text), (text, *texts))


def _only_text(text: str, *texts: str) -> Cell:
    return Cell(f"'{text}'", None, (text, *texts))


def _uuid(number: str) -> Cell:
    return Cell(f"'{number}'", None, (number,), UUID(number).bytes)


SINGLE = 0.10000000149011612  # the 32-bit float that prints as 0.1
NULL = Cell("NULL")
POSTGRESQL = [
    _trap("postgresql", "30 digits, 8 of them decimals", "numeric(30,8)", _number("1.5", "1.50000000"), _number(HUGE)),
    _trap("postgresql", "19 decimals", "numeric(38,19)", _number("1.5", "1.5000000000000000000"),
          _number(NINETEEN)),
    _trap("postgresql", "no declared precision", "numeric", _number("1.5"), _number(NINETEEN)),
    _trap("postgresql", "60 digits", "numeric(60,2)", _number("1.50"), _number("9" * 58 + ".25")),
    _trap("postgresql", "NaN", "numeric(10,2)", _number("1.50"), Cell("'NaN'", Decimal("NaN"), ("NaN", "nan"))),
    _trap("postgresql", "infinity", "numeric", _number("1.5"), _only_text("Infinity", "inf")),
    _trap("postgresql", "NaN of doubles", "double precision", Cell("0.1", 0.1), Cell("'NaN'", math.nan, ("NaN",))),
    _trap("postgresql", "0.1 of 32 bits", "real", Cell("0.5", 0.5), Cell("0.1", 0.1, ("0.1",), SINGLE)),
    _trap("postgresql", "1 month 2 days", "interval", _only_text("1 day", "P1D"),
          _only_text("1 month 2 days", "1 mon 2 days", "P1M2D")),
    _trap("postgresql", "uuid", "uuid", _uuid("00000000-0000-0000-0000-000000000001"),
          _uuid("123e4567-e89b-12d3-a456-426655440000")),
    _trap("postgresql", "a number of 21 digits in jsonb", "jsonb", _only_text("{}"), _only_text(f'{{"a": {LONG}}}')),
    _trap("postgresql", "bytes", "bytea", Cell(r"'\x01'", b"\x01"), Cell(r"'\x00ff'", b"\x00\xff", (r"\x00ff",))),
    _trap("postgresql", "infinite date", "date", _day("2024-01-05"), _only_text("infinity")),
    _trap("postgresql", "date before Christ", "date", _day("2024-01-05"),
          Cell("'0044-03-15 BC'", None, ("0044-03-15 BC",), "-0043-03-15")),
    _trap("postgresql", "date of year 12024", "date", _day("2024-01-05"),
          Cell("'12024-01-01'", None, ("12024-01-01",), "+12024-01-01")),
    _trap("postgresql", "infinite timestamp", "timestamp", _moment("2024-01-05 01:02:03"), _only_text("infinity")),
    _trap("postgresql", "infinite timestamptz", "timestamptz", _moment("2024-01-05 01:02:03", True),
          _only_text("-infinity")),
    _trap("postgresql", "microseconds", "timestamp", _moment("2024-01-05 01:02:03"),
          _moment("2024-01-05 01:02:03.000001")),
    _trap("postgresql", "24:00", "time", Cell("'10:11:12'", time(10, 11, 12), ("10:11:12",)), _only_text("24:00:00")),
    _trap("postgresql", "padded", "char(5)", Cell("'abcde'", "abcde"), Cell("'ab'", "ab   ")),
    _trap("postgresql", "an empty text, and none", "varchar(10)", Cell("''", ""), NULL),
    _trap("postgresql", "array with NULL", "int[]", Cell("'{1}'", None, ("{1}",), [1]),
          Cell("'{1,NULL}'", None, ("{1,NULL}",), [1, None])),
    _trap("postgresql", "money", "money", _only_text("$1.00"), _only_text("$1,234.50")),
]  # fmt: skip
LAX = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'"
MARIADB = [
    _trap("mariadb", "zero date", "date", _day("2024-01-05"), _only_text("0000-00-00"), LAX),
    _trap("mariadb", "date without a day", "date", _day("2024-01-05"), _only_text("2024-02-00"), LAX),
    _trap("mariadb", "30 February", "date", _day("2024-01-05"), _only_text("2024-02-30"), LAX),
    _trap("mariadb", "zero datetime", "datetime", _moment("2024-01-05 01:02:03"),
          _only_text("0000-00-00 00:00:00"), LAX),
    _trap("mariadb", "zero timestamp", "timestamp NULL", _moment("2024-01-05 01:02:03", True),
          _only_text("0000-00-00 00:00:00", "0000-00-00 00:00:00+00:00"), LAX),
    _trap("mariadb", "microseconds", "datetime(6)", _moment("2024-01-05 01:02:03.5")._replace(
        texts=("2024-01-05 01:02:03.500000",)), _moment("2024-01-05 01:02:03.000001")),
    _trap("mariadb", "838:59:59", "time", Cell("'10:11:12'", time(10, 11, 12), ("10:11:12",)),
          _only_text("838:59:59")),
    _trap("mariadb", "time below zero", "time", Cell("'10:11:12'", time(10, 11, 12), ("10:11:12",)),
          _only_text("-00:00:01")),
    _trap("mariadb", "65 digits", "decimal(65,30)", _number("1." + "0" * 30),
          _number("12345678901234567890." + "1" * 30)),
    _trap("mariadb", "19 decimals", "decimal(38,19)", _number("1.5", "1.5000000000000000000"), _number(NINETEEN)),
    _trap("mariadb", "unsigned 64 bits", "bigint unsigned", Cell("1", 1, ("1",)),
          Cell("18446744073709551615", 2**64 - 1, ("18446744073709551615",))),
    _trap("mariadb", "unsigned 32 bits", "int unsigned", Cell("1", 1), Cell("4294967295", 2**32 - 1)),
    _trap("mariadb", "1234567 of 32 bits", "float", Cell("0.5", 0.5), Cell("1234567", 1234567.0)),
    _trap("mariadb", "0.1 of 32 bits", "float", Cell("0.5", 0.5), Cell("0.1", 0.1, (), SINGLE)),
    _trap("mariadb", "tinyint(1) of 2", "tinyint(1)", Cell("1", 1), Cell("2", 2)),
    _trap("mariadb", "bits", "bit(9)", Cell("b'1'", 1, (), b"\x00\x01"),
          Cell("b'101010101'", 0b101010101, (), b"\x01\x55")),
    _trap("mariadb", "year 0", "year", Cell("2024", 2024, ("2024",)), Cell("'0000'", 0, ("0000",))),
    _trap("mariadb", "set", "set('a','b')", _only_text("a"), _only_text("a,b")),
    _trap("mariadb", "a number of 21 digits in json", "json", _only_text("{}"), _only_text(f'{{"a": {LONG}}}')),
    _trap("mariadb", "uuid", "uuid", _uuid("00000000-0000-0000-0000-000000000001"),
          _uuid("123e4567-e89b-12d3-a456-426655440000")),
    _trap("mariadb", "point", "point", Cell("point(0, 0)", None, ("POINT(0 0)",)),
          Cell("point(1, 2)", None, ("POINT(1 2)",))),
    _trap("mariadb", "bytes", "varbinary(4)", Cell("x'01'", b"\x01"), Cell("x'00ff'", b"\x00\xff")),
    _trap("mariadb", "sign of four bytes", "varchar(9) CHARACTER SET utf8mb4", Cell("'a'", "a"), Cell("'🙂'", "🙂")),
    _trap("mariadb", "latin1 text", "varchar(9) CHARACTER SET latin1", Cell("'a'", "a"), Cell("'é€'", "é€")),
]  # fmt: skip
SQLITE = [
    _trap("sqlite", "0000-00-00", "DATE", _day("2024-01-05"), _only_text("0000-00-00")),
    _trap("sqlite", "30 February", "DATE", _day("2024-01-05"), _only_text("2024-02-30")),
    _trap("sqlite", "trailing Z", "DATETIME", _moment("2024-01-05 01:02:03"), _only_text("2024-01-05T01:02:03Z")),
    _trap("sqlite", "text in integers", "INTEGER", Cell("1", 1, ("1",)), _only_text("x")),
    _trap("sqlite", "a real in integers", "INTEGER", Cell("1", 1, ("1",), 1.0), Cell("2.5", 2.5, ("2.5",))),
    _trap("sqlite", "2 in truths", "BOOLEAN", Cell("1", 1), Cell("2", 2)),
    _trap("sqlite", "an integer above 2^53 in numbers", "NUMERIC(20,2)", Cell("0.5", 0.5, ("0.5",)),
          Cell("9007199254740993", 9007199254740993, ("9007199254740993",))),
    _trap("sqlite", "text in reals", "REAL", Cell("0.123456789", 0.123456789, ("0.123456789",)), _only_text("n/a")),
    _trap("sqlite", "bytes in text", "TEXT", Cell("'a'", "a", (), b"a"), Cell("X'00ff'", b"\x00\xff", ("X'00FF'",))),
    _trap("sqlite", "a number in dates", "DATE", _day("2024-01-05"), Cell("20240105", 20240105, ("20240105",))),
    _trap("sqlite", "NULL, then text, undeclared", "", NULL, _only_text("x")),
    _trap("sqlite", "first NULLs, then a real", "REAL", NULL, Cell("0.1", 0.1)),
    _trap("sqlite", "zero byte in text", "TEXT", Cell("'a'", "a"), Cell("'a' || char(0) || 'b'", "a\0b")),
    _trap("sqlite", "text that is no UTF-8", "TEXT", Cell("'a'", "a"), Cell("CAST(X'61E9' AS TEXT)")),
    _trap("sqlite", "infinity", "REAL", Cell("0.5", 0.5), Cell("9e999", math.inf)),
]  # fmt: skip
TRAPS = (*POSTGRESQL, *MARIADB, *SQLITE)


def judged(trap: Trap, values: Sequence[Any]) -> Outcome:
    """What became of a trap whose column came as these values."""
    if len(values) != len(trap.cells):
        return "wrong"
    return max((_judged(cell, value) for cell, value in zip(trap.cells, values, strict=True)), key=WORST.index)


def _judged(cell: Cell, value: Any) -> Outcome:
    if cell is NULL:
        return "right" if value is None else "wrong"
    if any(meant is not None and _same(meant, value) for meant in (cell.value, cell.also)):
        return "right"
    return "text" if isinstance(value, str) and _json(value) in map(_json, cell.texts) else "wrong"


def _same(meant: Any, value: Any) -> bool:
    """Whether a value means the same: a whole number of any width, a moment in UTC with or without saying so.

    A decimal that became binary does not, also where it prints the same.
    """
    if isinstance(meant, datetime) and isinstance(value, datetime):
        return meant.replace(tzinfo=None) == value.replace(tzinfo=None)
    if isinstance(meant, int):
        return isinstance(value, int | Decimal) and meant == value
    if isinstance(meant, float | Decimal) and meant != meant:
        return isinstance(value, float | Decimal) and bool(value != value)
    return type(meant) is type(value) and bool(meant == value)


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal) if text.startswith("{") else text
    except ValueError:
        return text


@contextmanager
def laid(kind: str, folder: Path) -> Iterator[str]:
    """A table for each trap of a kind of database, removed afterwards; the database's URL.

    Raises OperationalError where no server answers.
    """
    url = SERVERS.get(kind, f"sqlite:///{folder / 'traps.db'}")
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    traps = {table_of(trap): trap for trap in TRAPS if trap.kind == kind}
    try:
        with engine.connect() as connection:
            for name, trap in traps.items():
                rows = ", ".join(f"({at}, {cell.sql})" for at, cell in enumerate(trap.cells))
                filled = f"INSERT INTO {name} VALUES {rows}"  # noqa: S608 - our own table
                made = f"CREATE TABLE {name} (id int PRIMARY KEY, v {trap.declared})"
                for statement in (trap.before, made, filled):
                    if statement:
                        connection.exec_driver_sql(statement.replace("%", "%%"))
        yield url
    finally:
        with suppress(OperationalError), engine.connect() as connection:
            for name in traps:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")


def table_of(trap: Trap) -> str:
    """The table's name, which no process that runs beside this one uses."""
    return f"{TABLE}_{os.environ.get(NUMBER) or os.getpid()}_{TRAPS.index(trap)}"


def ours(trap: Trap, url: str, folder: Path, **habits: Any) -> Outcome:
    """What our own connector makes of a trap."""
    import connectors
    from catalog.errors import SourceUnreadable
    from connectors.batch import settled

    source, dataset = contract(url, table_of(trap), **habits)
    try:
        batches = settled(connectors.read(source, dataset, folder=folder))
    except SourceUnreadable:
        return "refused"
    except BaseException as error:  # a panic of Rust is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return "crash"
    return judged(trap, [value for batch in batches for value in batch.frame["v"].to_list()])


def by_connectorx(trap: Trap, url: str) -> Outcome:
    """The same through connectorx, whose tables refuse more than its streams do."""
    import connectorx

    return _by_rival(trap, lambda asked: connectorx.read_sql(bare(url), asked, return_type="arrow").to_batches())


def by_adbc(trap: Trap, url: str) -> Outcome:
    """The same through ADBC."""
    with adbc(url) as connection, connection.cursor() as cursor:

        def read(asked: str) -> Any:
            cursor.execute(asked)
            return cursor.fetch_record_batch()

        return _by_rival(trap, read)


def _by_rival(trap: Trap, read: Callable[[str], Any]) -> Outcome:
    import polars as pl

    try:
        frames: list[Any] = [
            pl.from_arrow(batch)
            for batch in read(f"SELECT v FROM {table_of(trap)} ORDER BY id")  # noqa: S608 - our own table
        ]
    except Exception:  # noqa: BLE001 - whatever it says, it says something
        return "refused"
    try:
        values = [value for frame in frames for value in frame.to_series().to_list()]
    except ValueError:  # a date that Python has not
        values = [value for frame in frames for value in frame.to_series().cast(pl.String).to_list()]
    return judged(trap, values)


RIVALS = {"connectorx": by_connectorx, "ADBC": by_adbc}


def rival(name: str, kind: str, url: str) -> list[Outcome]:
    """All traps of a database through a rival, in another process, which may die."""
    left, told = [trap for trap in TRAPS if trap.kind == kind], list[Outcome]()
    while left:
        numbers = ",".join(str(TRAPS.index(trap)) for trap in left)
        command = [sys.executable, "-m", "evals.traps", name, url, numbers]
        with tempfile.TemporaryFile() as said:
            subprocess.run(command, cwd=ROOT, stdout=said, stderr=subprocess.DEVNULL, check=False,  # noqa: S603 - our own command
                           env={**os.environ, NUMBER: str(os.getpid())})  # fmt: skip
            said.seek(0)
            outcomes: list[Any] = said.read().decode().split()
        outcomes += ["crash"] if len(outcomes) < len(left) else []
        told += outcomes
        left = left[len(outcomes) :]
    return told


def _tried(name: str, url: str, traps: Sequence[Trap]) -> None:
    """Say what becomes of each, as it becomes known."""
    for trap in traps:
        try:
            told = RIVALS[name](trap, url)
        except BaseException as error:  # a panic of Rust is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            told = "refused" if isinstance(error, Exception) else "crash"
        print(told, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """Print the table, or be the process in which a rival tries."""
    given = list(sys.argv[1:] if words is None else words)
    if given:
        name, url, numbers = given
        _tried(name, url, [TRAPS[int(number)] for number in numbers.split(",")])
        return 0
    counts: dict[str, Counter[str]] = {}
    print("| database | trap | ours | ours, plain | connectorx | ADBC |\n|---|---|---|---|---|---|")
    for kind in ("postgresql", "mariadb", "sqlite"):
        with tempfile.TemporaryDirectory() as place, suppress(OperationalError), laid(kind, Path(place)) as url:
            rivals = {name: rival(name, kind, url) for name in RIVALS if _installed(name, kind)}
            for at, trap in enumerate(one for one in TRAPS if one.kind == kind):
                row = {
                    "ours": ours(trap, url, Path(place)),
                    "ours, plain": ours(trap, url, Path(place), reader="plain"),
                    **{name: told[at] for name, told in rivals.items()},
                }
                for way, outcome in row.items():
                    counts.setdefault(way, Counter())[outcome] += 1
                cells = [SHOWN.get(row.get(way, ""), "-") for way in ("ours", "ours, plain", *RIVALS)]
                declared = f", {trap.declared}" if trap.declared else ""
                print(f"| {kind} | {trap.what}{declared} | {' | '.join(cells)} |")
    print()
    for way, told in counts.items():
        print(f"{way}: {', '.join(f'{told[outcome]} {outcome}' for outcome in WORST if told[outcome])}")
    return 0


def _installed(name: str, kind: str) -> bool:
    return find_spec("connectorx" if name == "connectorx" else f"adbc_driver_{kind}") is not None


if __name__ == "__main__":
    sys.exit(main())

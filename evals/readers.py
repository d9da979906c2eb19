"""The ways to read a table into Polars frames that `evals.bench_databases` holds beside each other.

`python -m evals.readers WAY KIND URL TABLE [FOLDER]` reads once in a process of its own and prints one line of JSON:
rows, wall and CPU seconds from the first statement to the last frame (imports are not counted), and the process's peak
resident memory in MiB, which counts everything.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from catalog.models import Dataset, Field, Incremental, Place, Source

PLACE = Place(file="bench")
AT_ONCE = 50_000  # rows that a rival hands over at once
THROWN_AWAY = -1  # rows that nobody counted


class Reading(NamedTuple):
    """What one reading took: seconds, and MiB."""

    rows: int
    wall: float
    cpu: float
    peak: float
    path: str = ""


def contract(url: str, table: str, *, incremental: Incremental | None = None, **habits: Any) -> tuple[Source, Dataset]:
    """The source and the dataset that our own connector reads."""
    source = Source(name="bench", kind="sql", location=url, place=PLACE, **habits)
    key = Field(name="id", physical_name="id", type="integer", key_position=1, place=PLACE)
    dataset = Dataset(
        name="wide", version="1", title="Wide", source="bench", physical_name=table, fields=(key,), fingerprint="",
        place=PLACE, incremental=incremental or Incremental(),
    )  # fmt: skip
    return source, dataset


def ours(url: str, table: str, folder: Path, **habits: Any) -> Iterator[tuple[int, str]]:
    """Through the connector's own door, in the order of the key."""
    import connectors

    source, dataset = contract(url, table, **habits)
    for batch in connectors.read(source, dataset, folder=folder):
        yield batch.frame.height, batch.path


def into_raw(url: str, table: str, folder: Path) -> Iterator[tuple[int, str]]:
    """Ours, written as Parquet as the pipeline's first stage does."""
    import connectors
    from connectors.drifting import drift_of
    from pipelines.taking import taken_into

    source, dataset = contract(url, table)
    drift = drift_of(source, dataset, connectors.shape(source, dataset, folder=folder), None)
    taken = taken_into(source, dataset, drift, folder, folder / "raw.parquet", folder / "rejects.parquet", None)
    yield taken.rows, taken.path


def by_connectorx(url: str, table: str, folder: Path) -> Iterator[tuple[int, str]]:
    """Record batches, each made a frame; its default protocol."""
    import connectorx
    import polars as pl

    asked = f"SELECT * FROM {table}"  # noqa: S608 - our own table
    for batch in connectorx.read_sql(bare(url), asked, return_type="arrow_stream", batch_size=AT_ONCE):
        yield _height(pl.from_arrow(batch)), ""


def by_adbc(url: str, table: str, folder: Path) -> Iterator[tuple[int, str]]:
    """Record batches, each made a frame. A numeric stays the text it is."""
    import polars as pl

    options = {"adbc.sqlite.query.batch_rows": str(AT_ONCE)} if url.startswith("sqlite") else {}
    with adbc(url) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**options)
        cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own table
        for batch in cursor.fetch_record_batch():
            yield _height(pl.from_arrow(batch)), ""


def by_sqlalchemy(url: str, table: str, folder: Path) -> Iterator[tuple[int, str]]:
    """Rows in portions from a server-side cursor, turned into columns of our own types."""
    import polars as pl
    from sqlalchemy import create_engine, text

    types = _types(url)
    with create_engine(url).connect() as connection:
        asked = text(f"SELECT * FROM {table}")  # noqa: S608 - our own table
        for rows in connection.execution_options(yield_per=AT_ONCE).execute(asked).partitions(AT_ONCE):
            columns = zip(rows[0]._fields, zip(*rows, strict=True), types, strict=True)
            frame = pl.DataFrame([pl.Series(name, held, dtype=dtype) for name, held, dtype in columns])
            yield frame.height, ""


def by_psql(url: str, table: str, folder: Path) -> Iterator[tuple[int, str]]:
    """PostgreSQL's own client, which only throws the rows away: the floor. Its rows are not counted."""
    asked = f"COPY (SELECT * FROM {table}) TO STDOUT (FORMAT binary)"  # noqa: S608 - our own table
    subprocess.run(  # noqa: S603 - the database's own client
        [shutil.which("psql") or "psql", bare(url), "-qc", asked],
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    yield THROWN_AWAY, ""


WAYS: dict[str, Callable[[str, str, Path], Iterator[tuple[int, str]]]] = {
    "ours": ours,
    "ours, a snapshot for each table": lambda *place: ours(*place, snapshot="table"),
    "ours, two connections": lambda *place: ours(*place, connections=2),
    "ours, reader: plain": lambda *place: ours(*place, reader="plain"),
    "ours, into the raw zone": into_raw,
    "connectorx": by_connectorx,
    "ADBC": by_adbc,
    "SQLAlchemy": by_sqlalchemy,
    "psql, thrown away": by_psql,
}


def main() -> None:
    """Read once and print what it took."""
    way, kind, url, table, *rest = sys.argv[1:]
    folder = Path(rest[0]) if rest else Path.cwd()
    _import(way, kind)
    wall, cpu, rows, path = time.perf_counter(), _cpu(), 0, ""
    for height, path in WAYS[way](url, table, folder):  # noqa: B007 - the last one counts
        rows += height
    print(json.dumps(Reading(rows, time.perf_counter() - wall, _cpu() - cpu, peak(), path)._asdict()))


def peak() -> float:
    """The highest resident memory of this process so far, MiB. Where Linux tells it, without that of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare(url: str) -> str:
    """SQLAlchemy's URL as the rivals know it: without the name of a driver."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0].replace('mariadb', 'mysql')}://{rest}"


def adbc(url: str) -> Any:
    """A connection of ADBC's."""
    kind = bare(url).partition(":")[0]
    place = f"file:{url.removeprefix('sqlite:///')}?mode=ro" if kind == "sqlite" else bare(url)
    return import_module(f"adbc_driver_{kind}.dbapi").connect(place)


def _import(way: str, kind: str) -> None:
    """What a long-lived process has loaded already."""
    driver = {"postgresql": "psycopg", "mariadb": "pymysql", "sqlite": "sqlite3"}[kind]
    needed = {"connectorx": ["connectorx"], "ADBC": [f"adbc_driver_{kind}.dbapi"], "SQLAlchemy": [driver]}
    ours = ["pipelines.taking", "connectors.sql", "connectors.drifting", driver]
    for name in ("polars", "sqlalchemy", *needed.get(way, ours if way.startswith("ours") else [])):
        import_module(name)
    if way.startswith("ours"):
        from connectors.sql.dialects import dialect_of

        dialect_of(kind)


def _cpu() -> float:
    told = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in told)


def _types(url: str) -> list[Any]:
    """The types that we carry the sixteen columns in."""
    import polars as pl

    whole, real, text = pl.Int64(), pl.Float64(), pl.String()
    if url.startswith("sqlite"):
        return [whole] * 3 + [real] * 4 + [whole] + [text] * 8
    flag, zone = (pl.Boolean(), "UTC") if url.startswith("postgresql") else (whole, None)
    moments = [pl.Date(), pl.Datetime("us"), pl.Datetime("us", zone)]
    return [whole] * 3 + [pl.Decimal(12, 2), pl.Decimal(20, 6), real, real, flag, *moments] + [text] * 5


def _height(frame: Any) -> int:
    return int(frame.height)


if __name__ == "__main__":
    main()

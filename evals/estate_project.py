"""Write the estate of `evals.estate` as its four systems, with the contracts and the gap rules of their owners."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from evals.estate import RATINGS, Estate

WIDTHS = {"METER": 7, "KIND": 5, "INSTALLED": 19}  # of the mainframe's records, a blank between two
SOURCES: Mapping[str, Mapping[str, Any]] = {
    "care": {"kind": "sql", "location": "sqlite:///systems/care.db", "owner": "customer-care"},
    "billing": {"kind": "csv", "location": "systems/billing", "owner": "billing"},
    "host": {"kind": "fixed_width", "location": "systems/host", "owner": "meter-master"},
    "field": {"kind": "ndjson", "location": "systems/field", "owner": "field-service"},
    "store": {"kind": "excel", "location": "systems/field", "owner": "field-service"},
    "library": {"kind": "document", "location": "systems/library", "owner": "field-service"},
}
FILES = {"accounts": "accounts.csv", "invoices": "invoices.csv", "closed_days": "closed_days.csv",
         "day_counts": "day_counts.xlsx", "meters": "METERS.TXT", "visits": "visits.ndjson",
         "materials": "materials.ndjson", "guides": "guides/*"}  # fmt: skip

LOSSLESS = ("meters", "visits")  # their owners allow no row to be lost on its way

Fields = Mapping[str, str]  # name of the field: its column, logical type, and `key`


def _rated() -> dict[str, str]:
    kinds = {1: "integer", 0: "string"}
    return {f"rating_{number:02d}": f"RATING_{number:02d} {kinds[number % 2]}" for number in range(1, RATINGS + 1)}


CONTRACTS: Mapping[str, tuple[str, Fields]] = {
    "customers": ("care", {"customer": "CUST_NO string key", "name": "NAME string", "city": "CITY string",
                           "price": "PRICE number", "state": "STATE string", "changed": "CHANGED timestamp"}),
    "sites": ("care", {"site": "SITE string key", "customer": "CUST_NO string", "meter": "METER string",
                       "street": "STREET string"}),
    "ratings": ("care", {"plate": "PLATE string key", **_rated()}),
    "accounts": ("billing", {"customer": "CUST_NO string key", "city": "CITY string", "price": "PRICE number",
                             "address_changed": "ADDRESS_CHANGED timestamp"}),
    "invoices": ("billing", {"invoice": "INVOICE string key", "series": "SERIES string",
                             "customer": "CUST_NO string", "amount": "AMOUNT number"}),
    "closed_days": ("billing", {"day": "DAY date key"}),
    "day_counts": ("store", {"id": "ID string key", "depot": "DEPOT string", "day": "DAY date",
                               "jobs": "JOBS integer"}),
    "meters": ("host", {"meter": "METER string key", "kind": "KIND string", "installed": "INSTALLED timestamp"}),
    "visits": ("field", {"visit": "visit string key", "meter": "meter string", "depot": "depot string",
                         "note": "note string", "started": "started timestamp", "minutes": "minutes integer"}),
    "materials": ("field", {"item": "Item string key", "serial": "Serial string", "weight": "Weight string",
                            "length": "Length string", "text": "Text string", "bought": "Bought string"}),
    "guides": ("library", {"path": "path string key", "title": "title string", "text": "text string",
                           "pages": "pages integer", "format": "format string", "author": "author string",
                           "created": "created string", "modified": "modified string"}),
}  # fmt: skip
GAPS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "customers": [{"name": "active-customer", "kind": "missing_entity", "fields": ["customer"],
                   "systems": ["accounts.customer", "sites.customer"], "where": {"state": ["active"]}}],
    "sites": [{"name": "site-meter", "kind": "missing_reference", "fields": ["meter"], "to": ["meters.meter"],
               "direction": "both", "theirLateFrom": "installed", "lateness": "2d"}],
    "accounts": [{"name": "account-differs", "kind": "conflict", "with": "customers", "on": {"customer": "customer"},
                  "compare": [{"field": "city", "other": "city"},
                              {"field": "price", "other": "price", "tolerance": 0.01}]},
                 {"name": "old-address", "kind": "stale_field", "with": "customers", "on": {"customer": "customer"},
                  "changed": "address_changed", "theirChanged": "changed", "maxAge": "30d"}],
    "invoices": [{"name": "invoice-customer", "kind": "missing_reference", "fields": ["customer"],
                  "to": ["customers.customer"]},
                 {"name": "invoice-numbers", "kind": "missing_sequence", "field": "invoice", "per": ["series"]}],
    "day_counts": [{"name": "depot-days", "kind": "missing_period", "field": "day", "every": "1d", "per": ["depot"],
                    "calendar": "weekdays", "holidays": "closed_days.day"}],
    "visits": [{"name": "visit-meter", "kind": "missing_reference", "fields": ["meter"], "to": ["meters.meter"],
                "lateFrom": "started", "lateness": "2d"},
               {"name": "notes-by-depot", "kind": "segment_coverage", "field": "note", "per": ["depot"],
                "maxShare": 0.1, "minRows": 30}],
    "materials": [{"name": f"{name}-format", "kind": "mixed_format", "field": name}
                  for name in ("serial", "weight", "length", "text", "bought")],
}  # fmt: skip


def project(folder: Path) -> Path:
    """The project folder with its contracts; the systems are written by `deliver`."""
    for part in ("sources", "datasets", "policies"):
        (folder / part).mkdir(parents=True)
    _write(folder / "project.yaml", {"name": "utility", "model": "hashed-words"})
    _write(folder / "policies" / "access.yaml", {"local": {"clearance": "restricted"}})
    for name, source in SOURCES.items():
        _write(folder / "sources" / f"{name}.yaml", {"name": name, **source})
    for name in CONTRACTS:
        _write(folder / "datasets" / f"{name}.odcs.yaml", _contract(name))
    return folder


def _contract(name: str) -> dict[str, Any]:
    source, fields = CONTRACTS[name]
    text = " ".join(f"{{{field}|none}}" for field in list(fields)[:6])
    custom: dict[str, Any] = {"source": source, "documents": [
        {"name": "record", "title": f"{name} {{{next(iter(fields))}}}", "text": f"{text} {{known_gaps}}"}
    ]}  # fmt: skip
    if name == "guides":
        custom["quarantineThreshold"] = 0.5  # one that cannot be read takes no other down
    if name in LOSSLESS:
        custom["volume"] = {"quarantined": 0.0, "failed": 0.0}
    if name in GAPS:
        custom["gaps"] = [dict(rule) for rule in GAPS[name]]
    properties = [_property(field, *said.split()) for field, said in fields.items()]
    if source == "host":
        start = 1
        for one in properties:
            length = WIDTHS[one["physicalName"]]
            place = {"start": start, "length": length}
            one["customProperties"] = [{"property": "landbridge.position", "value": place}]
            start += length + 1
    return {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": f"utility.{name}", "name": name, "version": "1.0.0",
        "status": "active", "team": {"name": str(SOURCES[source]["owner"])},
        "schema": [{"name": name, "physicalName": FILES.get(name, name.upper()), "properties": properties}],
        "customProperties": [{"property": f"landbridge.{key}", "value": value} for key, value in custom.items()],
    }  # fmt: skip


def _property(field: str, column: str, kind: str, key: str = "") -> dict[str, Any]:
    keyed = {"primaryKey": True, "primaryKeyPosition": 1, "required": True} if key else {}
    return {"name": field, "physicalName": column, "logicalType": kind, **keyed}


def _write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def deliver(estate: Estate, folder: Path) -> None:
    """Write the systems below `folder` as they are now, in place of what was there."""
    for part in ("billing", "host", "field", "library/guides"):
        (folder / "systems" / part).mkdir(parents=True, exist_ok=True)
    systems = folder / "systems"
    _into_database(estate, systems / "care.db")
    for name in ("accounts", "invoices", "closed_days"):
        estate.frames[name].write_csv(systems / "billing" / FILES[name], datetime_format="%Y-%m-%dT%H:%M:%SZ")
    _into_records(estate, systems / "host" / FILES["meters"])
    for name in ("visits", "materials"):
        estate.frames[name].write_ndjson(systems / "field" / FILES[name])
    _into_workbook(estate.frames["day_counts"], systems / "field" / FILES["day_counts"])
    for name, content in estate.guides.items():
        (systems / "library" / "guides" / name).write_bytes(content)


def _into_database(estate: Estate, path: Path) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        for name in ("customers", "sites", "ratings"):
            frame = estate.frames[name].with_columns(pl.selectors.datetime().dt.strftime("%Y-%m-%d %H:%M:%S"))
            types: dict[type[pl.DataType], str] = {
                pl.Int64: "INTEGER",
                pl.Int32: "INTEGER",
                pl.UInt32: "INTEGER",
                pl.Float64: "REAL",
            }
            columns = [f'"{column}" {types.get(type(kind), "TEXT")}' for column, kind in frame.schema.items()]
            columns[0] += " PRIMARY KEY"
            database.execute(f"CREATE TABLE {name.upper()} ({', '.join(columns)})")
            marks = ", ".join("?" * frame.width)
            database.executemany(f"INSERT INTO {name.upper()} VALUES ({marks})", frame.iter_rows())  # noqa: S608
    database.close()


def _into_records(estate: Estate, path: Path) -> None:
    rows = estate.frames["meters"].with_columns(pl.col("INSTALLED").dt.strftime("%Y-%m-%dT%H:%M:%S"))
    cells = [pl.col(name).str.pad_end(width, " ") for name, width in WIDTHS.items()]
    lines = rows.select(pl.concat_str(cells, separator=" ")).to_series().to_list()
    path.write_text("\n".join([*lines, *estate.torn]) + "\n", encoding="ascii")


def _into_workbook(frame: pl.DataFrame, path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("days")
    sheet.append(frame.columns)
    for row in frame.iter_rows():  # a workbook is written by rows
        sheet.append(row)
    book.save(path)

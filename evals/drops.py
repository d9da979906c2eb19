"""A night's drop: a thousand small files of nine kinds, twenty of them broken, each in another way.

Every good file holds ROWS rows of the same four columns, whose `id` no other file has, so that a project with a dataset
per kind accounts for each of them.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import yaml

ROWS = 10
COLUMNS = ("id", "name", "amount", "day")
FILES = {
    "csv": 340,
    "packed": 100,
    "excel": 80,
    "json": 120,
    "ndjson": 140,
    "fixed": 80,
    "xml": 80,
    "dbf": 30,
    "archive": 10,
}  # fmt: skip - good ones, 980 in all
PATTERNS = {
    "csv": "*.csv", "packed": "*.csv.gz", "excel": "*.xlsx", "json": "*.json", "ndjson": "*.ndjson", "fixed": "*.txt",
    "xml": "*.xml", "dbf": "*.dbf", "archive": "*.zip!*.csv",
}  # fmt: skip
KINDS = {"packed": "csv", "archive": "csv", "fixed": "fixed_width"}
WIDTHS = {"id": 8, "name": 12, "amount": 8, "day": 10}
DIALECTS = ((",", "utf-8"), (";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8-sig"))
Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class Dropped:
    """What was written: for each dataset how many good files, and the names of the broken ones with what is wrong."""

    good: dict[str, int]
    broken: dict[str, str]


def dropped(folder: Path) -> Dropped:
    """Write the drop below `folder`, a folder for each dataset."""
    for name, count in FILES.items():
        (folder / name).mkdir(parents=True)
        for at in range(count):
            _write(folder / name, name, at, _rows(name, at))
    return Dropped(dict(FILES), _broken(folder))


def project(folder: Path, drop: Path, **source: Any) -> Path:
    """A project with a source and a dataset for each folder of the drop; `source` are further keys of the sources."""
    for name in ("sources", "datasets", "policies"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _yaml(folder / "project.yaml", {"name": "night", "model": "hashed-words"})
    _yaml(folder / "policies" / "access.yaml", {"local": {"clearance": "restricted"}})
    for name, pattern in PATTERNS.items():
        kind = KINDS.get(name, name)
        _yaml(folder / "sources" / f"{name}.yaml", {
            "name": name, "kind": kind, "location": str(drop / name), "settledAfter": 0, **source,
        })  # fmt: skip
        _yaml(folder / "datasets" / f"{name}.odcs.yaml", _contract(name, pattern))
    return folder


def _contract(name: str, pattern: str) -> dict[str, Any]:
    start, properties = 1, []
    for column in COLUMNS:
        one: dict[str, Any] = {"name": column, "physicalName": _physical(name, column), "logicalType": "string"}
        if column == "id":
            one |= {"primaryKey": True, "primaryKeyPosition": 1}
        if name == "fixed":
            place = {"start": start, "length": WIDTHS[column]}
            one["customProperties"] = [{"property": "landbridge.position", "value": place}]
            start += WIDTHS[column]
        properties.append(one)
    told = "{id}: {name|without a name}, {amount}, {day}. {known_gaps}"
    documents = [{"name": "row", "title": "Row {id}", "text": told}]
    custom = {"source": name, "deletionThreshold": 1.0, "documents": documents}
    return {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": f"night.{name}", "name": f"{name}_rows",
        "version": "1.0.0", "status": "active",
        "schema": [{"name": f"{name}_rows", "physicalName": pattern, "properties": properties}],
        "customProperties": [{"property": f"landbridge.{key}", "value": value} for key, value in custom.items()],
    }  # fmt: skip


def _physical(name: str, column: str) -> str:
    return column.upper() if name == "dbf" else column


def _yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _rows(name: str, at: int) -> list[Row]:
    first = at * ROWS
    return [
        (f"{name[0].upper()}{first + n:06d}", f"Größe {n}" if n % 3 else f"Item {n}", f"{n}.25",
         str(date(2024, 1, 1) + timedelta(days=n)))
        for n in range(ROWS)
    ]  # fmt: skip


def _csv(rows: Sequence[Sequence[str]], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\n" for row in (COLUMNS, *rows))


def _write(folder: Path, name: str, at: int, rows: Sequence[Row]) -> None:
    """One good file of a dataset."""
    stem = folder / f"{name}-{at:04d}"
    if name == "csv":
        separator, encoding = DIALECTS[at % len(DIALECTS)]
        stem.with_suffix(".csv").write_bytes(_csv(rows, separator).encode(encoding))
    elif name == "packed":
        stem.with_suffix(".csv.gz").write_bytes(gzip.compress(_csv(rows).encode(), mtime=0))
    elif name == "archive":
        stem.with_suffix(".zip").write_bytes(_zip({f"{stem.name}.csv": _csv(rows).encode()}))
    elif name == "excel":
        pl.DataFrame(list(rows), schema=list(COLUMNS), orient="row").write_excel(stem.with_suffix(".xlsx"))
    elif name == "json":
        told = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        stem.with_suffix(".json").write_text(json.dumps({"rows": told}, ensure_ascii=False), encoding="utf-8")
    elif name == "ndjson":
        lines = [json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows]
        stem.with_suffix(".ndjson").write_text("".join(lines), encoding="utf-8")
    elif name == "fixed":
        stem.with_suffix(".txt").write_text("".join(_fixed(row) for row in rows), encoding="utf-8")
    elif name == "xml":
        stem.with_suffix(".xml").write_bytes(_xml(rows))
    else:
        stem.with_suffix(".dbf").write_bytes(_dbf(rows))


def _fixed(row: Row) -> str:
    return "".join(value.ljust(width) for value, width in zip(row, WIDTHS.values(), strict=True)) + "\n"


def _xml(rows: Sequence[Row]) -> bytes:
    told = "".join(
        "<row>" + "".join(f"<{name}>{value}</{name}>" for name, value in zip(COLUMNS, row, strict=True)) + "</row>"
        for row in rows
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<rows>{told}</rows>\n'.encode()


def _dbf(rows: Sequence[Row]) -> bytes:
    """A dBASE III file with code page mark 3 (Windows-1252)."""
    length = 1 + sum(WIDTHS.values())
    head = struct.pack("<4BIHH17xBxx", 3, 124, 1, 1, len(rows), 32 + 32 * len(WIDTHS) + 1, length, 3)
    fields = b"".join(
        name.upper().encode().ljust(11, b"\0") + b"C" + bytes(4) + bytes([width]) + bytes(15)
        for name, width in WIDTHS.items()
    )
    told = [
        b" " + b"".join(v.encode("cp1252").ljust(w) for v, w in zip(row, WIDTHS.values(), strict=True)) for row in rows
    ]
    return head + fields + b"\r" + b"".join(told) + b"\x1a"


def _zip(members: dict[str, bytes], *, encrypted: bool = False) -> bytes:
    """A zip; an `encrypted` one only says that it is, which is all that a reader without the password sees."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    told = bytearray(target.getvalue())
    if encrypted:
        told[6] |= 1  # general purpose flag of the local header
        told[told.index(b"PK\x01\x02") + 8] |= 1  # and of the central directory
    return bytes(told)


def _broken(folder: Path) -> dict[str, str]:
    """Write the broken files; what is wrong with each, by its path below the drop."""
    told: dict[str, str] = {}
    for name, (what, content) in _kinds_of_broken().items():
        path = folder / name
        if callable(content):
            content(path)
        else:
            path.write_bytes(content)
        told[name] = what
    return told


def _kinds_of_broken() -> dict[str, tuple[str, bytes | Callable[[Path], object]]]:
    good = _csv(_rows("broken", 0))
    book = io.BytesIO()
    pl.DataFrame({name: [1] for name in COLUMNS}).write_excel(book)
    bomb = b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9)
    )
    noise = bytes(byte for n in range(4_000) for byte in ((n * 7919) % 251, (n * 104_729) % 256))
    return {
        "csv/broken-01.csv": ("empty", b""),
        "csv/broken-02.csv": ("nothing but NULs", bytes(4_096)),
        "csv/broken-03.csv": ("other columns", b"code,label\n1,a\n2,b\n3,c\n"),
        "csv/broken-04.csv": ("no text", noise),
        "csv/broken-05.csv": ("an error page", b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>\n"),
        "csv/broken-06.csv": ("a workbook under a wrong name", book.getvalue()),
        "csv/broken-07.csv": ("a pipe", os.mkfifo),
        "packed/broken-08.csv.gz": ("cut gzip", gzip.compress(noise + good.encode())[:-400]),
        "packed/broken-09.csv.gz": ("a wrong check sum", _spoiled(gzip.compress(good.encode()))),
        "packed/broken-10.csv.gz": ("a bomb", gzip.compress(b"a,b\n" + bytes(300 * 2**20), 9)),
        "excel/broken-11.xlsx": ("cut workbook", book.getvalue()[: len(book.getvalue()) // 2]),
        "excel/broken-12.xlsx": ("encrypted workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_040)),
        "excel/broken-13.xlsx": ("a zip without a workbook", _zip({"readme.txt": b"nothing here"})),
        "json/broken-14.json": ("cut JSON", b'{"rows": [{"id": "1", "name": "a"}, {"id": "2", "na'),
        "json/broken-15.json": ("JSON nested without end", b"[" * 200_000),
        "json/broken-16.json": ("JSON without records", b'"the service is not available"\n'),
        "xml/broken-17.xml": ("an entity bomb", bomb + b"]><rows><row><id>&j;</id></row></rows>"),
        "xml/broken-18.xml": ("cut XML", _xml(_rows("broken", 1))[:-80]),
        "dbf/broken-19.dbf": ("cut header", _dbf(_rows("broken", 2))[:40]),
        "archive/broken-20.zip": ("encrypted zip", _zip({"a.csv": good.encode()}, encrypted=True)),
    }  # fmt: skip


def _spoiled(packed: bytes) -> bytes:
    """The same with another check sum at its end."""
    return packed[:-8] + bytes(byte ^ 0xFF for byte in packed[-8:-4]) + packed[-4:]

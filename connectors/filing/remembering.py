"""The cursor of a read of files: what each file held, so that the next read parses only what is new.

`files`: for each, in reading order, `name`, `sha256` of its content, `rows` and `rejects` it gave, `schema` (its place
in `schemas`), what was `noticed`, and `refused` with its `remedy` where no rows came of it. `asked` is what the
read depended on besides.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import polars as pl

from catalog.errors import FileRefused
from catalog.fingerprint import code_fingerprint
from catalog.models import Dataset, Source
from connectors.filing.beside import content_of
from connectors.filing.facts import Facts
from connectors.filing.telling import as_json, from_json
from connectors.formats.tables import Noticed


@dataclass
class Entry:
    """What one file gave. It grows while the file is read."""

    name: str
    sha256: str
    rows: int = 0
    rejects: int = 0
    facts: Facts | None = None
    noticed: list[Noticed] = field(default_factory=list)
    refused: FileRefused | None = None
    held: bool = False  # its rows are those of an earlier read
    version: str = ""  # what its place vouches for; empty where only the content tells


def asked(source: Source, dataset: Dataset) -> str:
    """What a read depends on besides the files: declarations and code."""
    told = (
        source.model_dump_json(), content_of(source), dataset.fingerprint, str(dataset.fields),
        code_fingerprint("connectors"),
    )  # fmt: skip
    return hashlib.sha256("\x1f".join(told).encode()).hexdigest()


def cursor_of(entries: list[Entry], source: Source, dataset: Dataset) -> dict[str, Any]:
    """The cursor, as JSON values."""
    schemas: list[dict[str, Any]] = []
    files = []
    written = cache(_written)  # ten thousand files of one layout have one schema
    for one in entries:
        told = (
            None if one.facts is None else {"declared": one.facts.declared, "types": written(*one.facts.schema.items())}
        )
        if told is not None and told not in schemas:
            schemas.append(told)
        files.append({
            "name": one.name, "sha256": one.sha256, "rows": one.rows, "rejects": one.rejects,
            "schema": None if told is None else schemas.index(told), "noticed": as_json(one.noticed),
            "refused": one.refused.what if one.refused else "", "remedy": one.refused.remedy if one.refused else "",
            "held": one.held, "version": one.version,
        })  # fmt: skip
    return {"asked": asked(source, dataset), "files": files, "schemas": schemas}


Known = dict[str | tuple[str, str], Facts | FileRefused]


def remembered(source: Source, dataset: Dataset, cursor: Mapping[str, Any]) -> Known:
    """What is known of files that were read before, by content, and by name and version where a place vouches for it.

    Nothing where declarations or code are others now.
    """
    told: Known = {}
    for one in entries_of(cursor) if cursor.get("asked") == asked(source, dataset) else ():
        known = one.refused or one.facts
        if known is not None:
            told[one.sha256] = known
            if one.version:
                told[one.name, one.version] = known
    return told


def entries_of(cursor: Mapping[str, Any]) -> list[Entry]:
    """The files of a cursor, in its order."""
    facts = [Facts(_schema(one["types"]), dict(one["declared"])) for one in cursor["schemas"]]
    return [
        Entry(
            one["name"], one["sha256"], one["rows"], one["rejects"],
            None if one["schema"] is None else facts[one["schema"]], from_json(one["noticed"]),
            FileRefused(one["refused"], one["remedy"]) if one["refused"] else None, one["held"], one["version"],
        )
        for one in cursor["files"]
    ]  # fmt: skip


def _written(*columns: tuple[str, pl.DataType]) -> str:
    """A schema as text: an empty frame in Arrow's own form."""
    told = io.BytesIO()
    pl.DataFrame(schema=pl.Schema(columns)).write_ipc(told, compat_level=pl.CompatLevel.oldest())
    return told.getvalue().hex()


def _schema(told: str) -> pl.Schema:
    return pl.read_ipc(io.BytesIO(bytes.fromhex(told))).schema

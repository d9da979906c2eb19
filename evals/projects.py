"""A project folder with one database and contracts for tables of it, for exams that run what a person would run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

LOCATION = "PLANT_URL"  # the environment's variable that holds the database's URL


def written(
    folder: Path, tables: Mapping[str, Sequence[str]], *, incremental: Mapping[str, str] | None = None, **source: Any
) -> Path:
    """Write a project whose datasets are `tables`, each with the columns of its key; any number of rows may go.

    The database's URL is the environment's PLANT_URL. `source` are further keys of the source's file.
    """
    for name in ("sources", "datasets", "policies"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    place = f"${{env:{LOCATION}}}"
    _write(folder / "project.yaml", {"name": "plant", "model": "hashed-words"})
    _write(folder / "sources" / "plant.yaml", {"name": "plant", "kind": "sql", "location": place, **source})
    _write(folder / "policies" / "access.yaml", {"local": {"clearance": "restricted"}})
    for table, keys in tables.items():
        _write(folder / "datasets" / f"{table}.odcs.yaml", _contract(table, keys, dict(incremental or {})))
    return folder


def _contract(table: str, keys: Sequence[str], incremental: Mapping[str, str]) -> dict[str, Any]:
    properties = [
        {"name": key, "physicalName": key, "logicalType": "string", "primaryKey": True, "primaryKeyPosition": at + 1}
        for at, key in enumerate(keys)
    ]
    custom = {"source": "plant", "deletionThreshold": 1.0, **({"incremental": incremental} if incremental else {})}
    return {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": f"plant.{table}", "name": table, "version": "1.0.0",
        "status": "active", "schema": [{"name": table, "physicalName": table, "properties": properties}],
        "customProperties": [{"property": f"landbridge.{name}", "value": value} for name, value in custom.items()],
    }  # fmt: skip


def _write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

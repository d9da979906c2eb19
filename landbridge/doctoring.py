"""Examine a machine and a project, and say for each fault what to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from catalog.errors import LandbridgeError, ProjectError
from catalog.home import Home
from catalog.models import Project

NEEDED = (
    "dagster", "polars", "great-expectations", "lancedb", "sentence-transformers", "sqlalchemy", "duckdb", "torch",
)  # fmt: skip
FASTER = ("openvino", "onnxruntime")
FEED_TOLERATED = 4 * 1024**3  # bytes of a server's log that wait to be read
DISK_NEEDED = 2 * 1024**3  # bytes; the example with its model and history takes about half of it

Row = dict[str, Any]


def examine(folder: Path) -> list[Row]:
    """One row per examination: what, ok, detail, remedy."""
    rows = [_python(), *(_package(name) for name in NEEDED), _runtime(), *_plugins()]
    try:
        from catalog import load_project

        project = load_project(folder)
    except ProjectError as error:
        first = error.problems[0]
        return [*rows, _row("project", False, f"{len(error.problems)} problems; first: {first}", "landbridge check")]
    return [*rows, _row("project", True, f"{project.name}, {len(project.datasets)} datasets"), *_state(project)]


def _row(what: str, ok: bool, detail: str, remedy: str = "") -> Row:
    return {"what": what, "ok": ok, "detail": detail, "remedy": "" if ok else remedy}


def _python() -> Row:
    version = ".".join(map(str, sys.version_info[:3]))
    return _row("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _package(name: str) -> Row:
    try:
        return _row(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return _row(name, False, "not installed", "pip install -r requirements.lock")


def _runtime() -> Row:
    found = [name for name in FASTER if importlib.util.find_spec(name)]
    detail = ", ".join(found) or "sentence-transformers only: works, four times slower"
    return _row("embedding runtime", True, detail)


def _plugins() -> list[Row]:
    """Connectors that other distributions bring."""
    from connectors.plugins import examined

    return [
        _row(f"connector {kind}", not fault, f"{owners}: {fault}" if fault else owners, remedy)
        for kind, owners, fault, remedy in examined()
    ]


def _state(project: Project) -> list[Row]:
    from landbridge.checking import check_sources

    home = Home.of(project.folder)
    free = shutil.disk_usage(home.folder if home.folder.exists() else project.folder).free
    writable = os.access(home.folder if home.folder.exists() else home.folder.parent, os.W_OK)
    rows = [
        _row("home", writable, str(home.folder), "choose a writable folder with LANDBRIDGE_HOME"),
        _row("disk", free > DISK_NEEDED, f"{free / 1024**3:.1f} GiB free", "free at least 2 GiB"),
        _index(home),
        _model(project, home),
        _keys(project),
    ]
    unreachable = {finding.dataset: finding.message for finding in check_sources(project) if finding.blocking}
    for name in sorted(project.datasets):
        rows.append(_row(f"source of {name}", name not in unreachable, unreachable.get(name, "answers as promised"),
                         "landbridge check"))  # fmt: skip
    return rows + [_feed(project, name) for name in sorted(project.datasets)
                   if project.datasets[name].incremental.mode == "feed"]  # fmt: skip


def _feed(project: Project, name: str) -> Row:
    """What a server keeps for a change feed fills its disk until somebody reads it."""
    import connectors

    dataset = project.datasets[name]
    what = f"feed of {name}"
    try:
        kept = connectors.held_back(project.sources[dataset.source], dataset, folder=project.folder)
    except LandbridgeError as error:
        return _row(what, False, str(error), "docs/databases/change-feeds.md")
    detail = f"the server keeps {kept / 1024**2:,.0f} MiB of its log for it"
    return _row(what, kept < FEED_TOLERATED, detail, f"landbridge run, or for good: landbridge forget-feed {name}")


def _index(home: Home) -> Row:
    import index

    try:
        version = index.Store(home.index).tag("live")
    except LandbridgeError as error:
        return _row("index", False, str(error), "landbridge run")
    return _row("index", version is not None, f"live version {version}", "landbridge run")


def _model(project: Project, home: Home) -> Row:
    """Whether the model runs on a fast runtime, and if not, why: it then works all the same."""
    from importlib.metadata import entry_points

    from index.embed import PLUGINS
    from index.export import why_not_exported

    if entry_points(group=PLUGINS, name=project.model):
        return _row("embedding model", True, f"{project.model}, a plug-in's")
    why = why_not_exported(project.model, home.models)
    told = "prepared by the first run" if why is None else f"on sentence-transformers: {why}" if why else "exported"
    return _row("embedding model", True, f"{project.model}, {told}")


def _keys(project: Project) -> Row:
    from catalog.secrets import resolve

    try:
        for principal in project.policy.principals:
            resolve(principal.key, folder=project.folder)
    except LandbridgeError as error:
        return _row("API keys", False, str(error), "set the variable, or write the file")
    return _row("API keys", True, f"{len(project.policy.principals)} principals")

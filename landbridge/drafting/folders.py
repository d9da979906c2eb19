"""Compare a folder of files with a project folder, and propose the files that would close the difference."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.errors import FileRefused, Refusal, SecretUnresolved
from catalog.loader import CONTRACT_SUFFIX
from catalog.models import FILE_KINDS, Dataset, Project, Source
from catalog.secrets import resolve
from connectors.discovering.folders import FolderProfile, Group, discover_folder
from connectors.discovering.profiles import SystemProfile
from landbridge.drafting import project_text
from landbridge.drafting.contract_text import contract
from landbridge.drafting.datasets import DraftDataset, drafted
from landbridge.drafting.naming import slug
from landbridge.drafting.proposing import (
    Change,
    FileChange,
    Proposal,
    Wanted,
    columns_of,
    differences,
    existing_project,
    merged,
    new_file,
    project_file,
)

Sources = dict[tuple[str, str, str], str]  # folder, kind, settings: the name of the source


def folder_of(told: str, here: Path | None = None) -> Path | None:
    """The folder or file that `--from` names; None where it is no path of something that is there."""
    if "://" in told or "${" in told:
        return None
    place = ((here or Path.cwd()) / told).resolve()
    return place if place.exists() else None


def propose_files(place: Path, folder: Path, wanted: Wanted, *, now: datetime) -> Proposal:
    """What `folder` lacks to describe the files at `place`. Nothing is written.

    Raises Refusal where there is nothing that can be read, and ProjectError where `folder` holds a project that does
    not load.
    """
    if wanted.schema or wanted.views:
        raise Refusal("--schema and --views are for databases, and this is a folder of files", "Leave them out.")
    existing = existing_project(folder)
    held = _held(existing, place, folder)
    try:
        profile = discover_folder(place, tables=wanted.tables, sample=wanted.sample, keyless=frozenset(held))
    except FileRefused as error:
        raise Refusal(error.what, error.remedy) from None
    _refuse_nothing(profile, place)
    known, widened = _known(profile, held)
    drafts = drafted(
        profile.system, known={path: columns_of(dataset) for path, dataset in known.items()},
        taken=set(existing.datasets) if existing else set(),
    )  # fmt: skip
    name = existing.name if existing else slug(folder.resolve().name, "project")
    sources = _sources(profile, known, existing, place, folder, wanted)
    files, changes = _contracts(drafts, profile, known, sources, folder, name, now)
    changes += widened + _vanished(held, known, profile.system)
    new = _new_sources(profile, sources, existing, place, folder)
    told = ", ".join(sorted({sources[_key(profile.groups[draft.table.path])] for draft in drafts}))
    frame = project_file(folder, name, told, drafts)
    return Proposal(
        project=name, source=told, fresh=existing is None, files=(*frame, *new, *files), changes=tuple(changes),
        left_out=profile.system.left_out, variables=(), drafts=tuple(drafts),
    )  # fmt: skip


def _held(existing: Project | None, place: Path, folder: Path) -> dict[str, Dataset]:
    """The project's datasets that read files at `place`, by their paths below it."""
    told = {}
    for dataset in (existing.datasets if existing else {}).values():
        source = existing.sources[dataset.source] if existing else None
        base = _base(source, folder) if source and source.kind in FILE_KINDS else None
        if base is not None and base.is_relative_to(_root(place)):
            below = base.relative_to(_root(place)).as_posix()
            told[dataset.physical_name if below == "." else f"{below}/{dataset.physical_name}"] = dataset
    return told


def _root(place: Path) -> Path:
    return place.parent if place.is_file() else place


def _base(source: Source, folder: Path) -> Path | None:
    """Where a source's files lie on this machine."""
    try:
        told = resolve(source.location, folder=folder)
    except SecretUnresolved:
        return None
    return None if "://" in told else (folder / told).resolve()


def _refuse_nothing(profile: FolderProfile, place: Path) -> None:
    if profile.system.tables:
        return
    left = profile.system.left_out
    if left:
        more = f" (and {len(left) - 1} more are left out)" if len(left) > 1 else ""
        raise Refusal(f"no file can be read as it is: '{left[0].name}': {left[0].reason}{more}", left[0].remedy)
    raise Refusal(f"'{place.name}' holds no files that are asked for", "Check the path, and --table.")


def _known(profile: FolderProfile, held: Mapping[str, Dataset]) -> tuple[dict[str, Dataset], list[Change]]:
    """The datasets that the tables found have already; where one reads fewer files than are there, that is told."""
    known: dict[str, Dataset] = {}
    told: list[Change] = []
    for path, group in profile.groups.items():
        if path in held:
            known[path] = held[path]
            continue
        table = path.partition("#")[2]
        former = next((held[name + mark] for name in group.files for mark in (f"#{table}" if table else "",)
                       if name + mark in held), None)  # fmt: skip
        if former is not None:
            known[path] = former
            detail = f"'{group.below}' would read {len(group.files)} files, '{former.physical_name}' reads one"
            told.append(Change("new files", former.name, detail))
    return known, told


def _key(group: Group) -> tuple[str, str, str]:
    return (group.folder, group.kind, repr(sorted(group.settings.items())))


def _sources(
    profile: FolderProfile, known: Mapping[str, Dataset], existing: Project | None, place: Path, folder: Path,
    wanted: Wanted,
) -> Sources:  # fmt: skip
    """A name of a source for each folder, kind and dialect: that of the project's own where it has one."""
    told: Sources = {}
    taken = set(existing.sources) if existing else set()
    kinds: dict[str, set[str]] = {}
    for group in profile.groups.values():
        kinds.setdefault(group.folder, set()).add(group.kind)
    for path, group in profile.groups.items():
        if _key(group) in told:
            continue
        same = known[path].source if path in known else _same(group, existing, place, folder)
        if not same:
            base = wanted.source or slug(Path(group.folder or place.stem).name, "files")
            alone = len(kinds[group.folder]) == 1 and not wanted.source
            same = _free(slug(base if alone else f"{base}_{group.kind}", "files"), taken)
        taken.add(same)
        told[_key(group)] = same
    return told


def _same(group: Group, existing: Project | None, place: Path, folder: Path) -> str:
    """The source of the project that reads this folder in this way."""
    for source in (existing.sources if existing else {}).values():
        if source.kind == group.kind and _base(source, folder) == (_root(place) / group.folder).resolve():
            declared = {name: getattr(source, name) for name in group.settings}
            if declared == group.settings:
                return source.name
    return ""


def _free(name: str, taken: set[str]) -> str:
    told, number = name, 1
    while told in taken:
        number += 1
        told = f"{name}_{number}"
    return told


def _contracts(
    drafts: Sequence[DraftDataset], profile: FolderProfile, known: Mapping[str, Dataset], sources: Sources,
    folder: Path, project: str, now: datetime,
) -> tuple[list[FileChange], list[Change]]:  # fmt: skip
    """New contracts, and additions to those that are there."""
    by_name = {draft.name: draft for draft in drafts}
    files: list[FileChange] = []
    changes: list[Change] = []
    for draft in drafts:
        dataset = known.get(draft.table.path)
        if dataset is not None:
            files += merged(folder, dataset, draft)
            changes += differences(dataset, draft)
            continue
        source = sources[_key(profile.groups[draft.table.path])]
        file = f"datasets/{draft.name}{CONTRACT_SUFFIX}"
        files += new_file(folder, file, contract(draft, by_name, source=source, project=project, now=now))
        changes.append(Change("new table", draft.table.path, f"{len(draft.fields)} columns", file))
    return files, changes


def _vanished(held: Mapping[str, Dataset], known: Mapping[str, Dataset], system: SystemProfile) -> list[Change]:
    """Contracts of this place whose files are gone; what was left out is there."""
    there = {*(dataset.name for dataset in known.values())}
    left = {one.name for one in system.left_out}
    return [
        Change("vanished table", dataset.name, f"'{path}' is not there; {dataset.place.file}")
        for path, dataset in held.items()
        if dataset.name not in there and path not in left and path not in system.known
    ]


def _new_sources(
    profile: FolderProfile, sources: Sources, existing: Project | None, place: Path, folder: Path
) -> list[FileChange]:
    """The files of sources that the project does not have."""
    files: list[FileChange] = []
    seen: set[str] = set(existing.sources) if existing else set()
    for group in profile.groups.values():
        name = sources[_key(group)]
        if name in seen:
            continue
        seen.add(name)
        location = _written(_root(place) / group.folder, folder)
        where = group.folder or _root(place).name
        description = f"Files of kind {group.kind} in the folder {re.sub(r'[^ -~]', '?', where)}."
        settings: dict[str, Any] = dict(group.settings)
        text = project_text.files_source(name, group.kind, location, description, settings)
        files += new_file(folder, f"sources/{name}.yaml", text)
    return files


def _written(place: Path, folder: Path) -> str:
    """A location as a source writes it: below the project folder, or as a whole path."""
    base = folder.resolve()
    return place.relative_to(base).as_posix() if place.is_relative_to(base) else place.as_posix()

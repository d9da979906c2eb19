"""Compare a database with a project folder, and propose the files that would close the difference."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from catalog.errors import Refusal
from catalog.loader import CONTRACT_SUFFIX, PROJECT_FILE, load_project
from catalog.models import Dataset, Project
from connectors.discovering import discover, schemas_of
from connectors.discovering.profiles import LeftOut, SystemProfile
from connectors.discovering.reading import chosen
from expectations.suggesting.proposals import free_name, names_taken
from landbridge.drafting import project_text
from landbridge.drafting.contract_text import contract, orphan_rule, property_lines
from landbridge.drafting.datasets import DraftDataset, DraftField, DraftRelation, Known, drafted
from landbridge.drafting.gap_merging import AddedRule, with_gap_rules
from landbridge.drafting.locations import Location, located, same_database
from landbridge.drafting.merging import dash_column, with_properties
from landbridge.drafting.naming import slug

DEFAULT_SCHEMAS = ("public", "dbo", "main")  # a contract may name them, the catalog does not
ChangeKind = Literal[
    "new table", "new column", "new reference", "type changed", "vanished column", "vanished table", "new files"
]


@dataclass(frozen=True)
class Wanted:
    """What the caller asks for."""

    schema: str = ""
    tables: tuple[str, ...] = ()
    views: bool = False
    source: str = ""
    sample: int = 10_000


@dataclass(frozen=True)
class FileChange:
    """A file as it would be; `before` is None where there is none yet."""

    file: str  # relative to the project folder
    before: str | None
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        old = (self.before or "").splitlines(keepends=True)
        name = "/dev/null" if self.before is None else f"a/{self.file}"
        return "".join(difflib.unified_diff(old, self.after.splitlines(keepends=True), name, f"b/{self.file}"))


@dataclass(frozen=True)
class Change:
    """One difference between the database and the project. `file` is empty where only a person can settle it."""

    kind: ChangeKind
    what: str
    detail: str = ""
    file: str = ""


@dataclass(frozen=True)
class Proposal:
    """All that would be written, and all that is worth telling."""

    project: str
    source: str
    fresh: bool  # there was no project in the folder
    files: tuple[FileChange, ...]
    changes: tuple[Change, ...]
    left_out: tuple[LeftOut, ...]
    variables: tuple[str, ...]
    drafts: tuple[DraftDataset, ...] = field(repr=False)

    @property
    def to_settle(self) -> tuple[Change, ...]:
        """Differences that nothing written here would close."""
        return tuple(change for change in self.changes if not change.file)


def propose(url: str, folder: Path, wanted: Wanted, *, now: datetime, here: Path | None = None) -> Proposal:
    """What `folder` lacks to describe the database at `url`. Nothing is written.

    Raises Refusal and SecretUnresolved for a URL that is none, SourceError where the database does not answer, and
    ProjectError where the folder holds a project that does not load.
    """
    existing = existing_project(folder)
    location = located(url, folder=folder, source_name=wanted.source, here=here)
    source = _source_name(existing, location, wanted, folder)
    known = _known(existing, source)
    system = discover(
        location.given, folder=folder, schema=wanted.schema, tables=wanted.tables, views=wanted.views,
        sample=wanted.sample, keyless=frozenset(known),
    )  # fmt: skip
    _refuse_nothing(system, location, folder, wanted)
    contracts = {table: columns_of(dataset) for table, dataset in known.items()}
    taken = set(existing.datasets) if existing else set()
    drafts = drafted(system, known=contracts, taken=taken)
    by_name = {draft.name: draft for draft in drafts}
    name = existing.name if existing else slug(folder.resolve().name, "project")
    files: list[FileChange] = []
    changes: list[Change] = []
    for draft in drafts:
        held = known.get(draft.table.physical_name)
        if held is None:
            text = contract(draft, by_name, source=source, project=name, now=now)
            file = f"datasets/{draft.name}{CONTRACT_SUFFIX}"
            files += new_file(folder, file, text)
            changes.append(Change("new table", draft.table.physical_name, f"{len(draft.fields)} columns", file))
        else:
            files += merged(folder, held, draft)
            changes += differences(held, draft)
    changes += _vanished(known, system, wanted)
    files = [*_frame(folder, existing, name, source, location, drafts), *files]
    return Proposal(
        project=name, source=source, fresh=existing is None, files=tuple(files), changes=tuple(changes),
        left_out=system.left_out, variables=location.variables, drafts=tuple(drafts),
    )  # fmt: skip


def existing_project(folder: Path) -> Project | None:
    """The project in the folder; None where there is none, or where it holds no contract yet."""
    contracts = any((folder / "datasets").rglob(f"*{CONTRACT_SUFFIX}"))
    return load_project(folder) if (folder / PROJECT_FILE).is_file() and contracts else None


def _source_name(existing: Project | None, location: Location, wanted: Wanted, folder: Path) -> str:
    """The source in the project that is this database, else a name for a new one."""
    sources = existing.sources if existing else {}
    same = [
        name
        for name, one in sources.items()
        if one.kind == "sql" and same_database(one.location, location.given, folder=folder)
    ]
    name = slug(wanted.source, "") if wanted.source else ""
    if wanted.source and (not name or name != wanted.source):
        raise Refusal(f"--source-name {wanted.source}: no name of a source", "Use lowercase letters, digits and '_'.")
    if name in sources and name not in same:
        raise Refusal(f"the source '{name}' of this project is another database", "Give another --source-name.")
    if name:
        return name
    default = slug(location.database, "database")
    if same:
        return same[0]
    if default in sources:
        raise Refusal(f"the source '{default}' of this project is another database", "Give a --source-name.")
    return default


def _known(existing: Project | None, source: str) -> dict[str, Dataset]:
    """The datasets of the source by the table they read."""
    told = {}
    for dataset in (existing.datasets if existing else {}).values():
        if dataset.source == source:
            schema, dot, name = dataset.physical_name.partition(".")
            told[name if dot and schema in DEFAULT_SCHEMAS else dataset.physical_name] = dataset
    return told


def columns_of(dataset: Dataset) -> Known:
    """A dataset's name, and its fields by the columns that they read."""
    columns = {one.physical_name: (one.name, one.type) for one in dataset.fields if one.combine is None}
    return Known(dataset.name, columns)


def _refuse_nothing(system: SystemProfile, location: Location, folder: Path, wanted: Wanted) -> None:
    """No table at all is a fault with a remedy, and never an empty project."""
    if system.tables:
        return
    where = f"the schema '{wanted.schema}'" if wanted.schema else "the database"
    if wanted.tables and system.known:
        some = ", ".join(system.known[:8]) + (" ..." if len(system.known) > 8 else "")
        if not any(chosen(name.rpartition(".")[2], wanted.tables) for name in system.known):
            raise Refusal(f"--table {' '.join(wanted.tables)}: {where} has no such table", f"It has {some}.")
    if system.left_out:
        one = system.left_out[0]
        raise Refusal(f"no table can be read as it is: '{one.name}' {one.reason}", one.remedy)
    others = [name for name in schemas_of(location.given, folder=folder) if name != wanted.schema]
    told = f"Tables are in: {', '.join(others)}. Choose one with --schema." if others else (
        "Check the URL, and that this user may read its tables.")  # fmt: skip
    raise Refusal(f"{where} holds no table that this user can see", told)


def new_file(folder: Path, file: str, text: str) -> list[FileChange]:
    """A new file, unless something stands there already."""
    return [] if (folder / file).exists() else [FileChange(file, None, text)]


def project_file(folder: Path, name: str, source: str, drafts: Sequence[DraftDataset]) -> list[FileChange]:
    """project.yaml, where it is not there; `source` names the source, or several."""
    asked = project_text.questions(drafts, {draft.name: draft for draft in drafts})
    return new_file(folder, PROJECT_FILE, project_text.project(name, source, drafts, asked))


def _frame(
    folder: Path, existing: Project | None, name: str, source: str, location: Location,
    drafts: Sequence[DraftDataset],
) -> list[FileChange]:  # fmt: skip
    """project.yaml and the source's file, where they are not there."""
    told = project_file(folder, name, source, drafts)
    if existing and source in existing.sources:
        return told
    dialect = location.given.partition(":")[0].partition("+")[0] if "://" in location.given else "SQL"
    words = {
        "postgresql": "PostgreSQL",
        "mysql": "MySQL",
        "mariadb": "MariaDB",
        "sqlite": "SQLite",
        "mssql": "SQL Server",
    }
    told_as = f"The {words.get(dialect, dialect)} database {location.database}."
    text = project_text.source(source, location.written, told_as, location.variables)
    return told + new_file(folder, f"sources/{source}.yaml", text)


def merged(folder: Path, held: Dataset, draft: DraftDataset) -> list[FileChange]:
    """The contract with the columns it does not know, and a rule for each foreign key it does not know."""
    new, relations = _new_fields(held, draft), _new_relations(held, draft)
    if not new and not relations:
        return []
    after = before = (folder / held.place.file).read_bytes().decode("utf-8-sig")
    if new:
        indent = dash_column(before)
        after = with_properties(before, [line for one in new for line in property_lines(one, draft, indent=indent)])
    if relations:
        taken = names_taken(held)
        after = with_gap_rules(after, [_guard(taken, draft, one) for one in relations])
    return [FileChange(held.place.file, before, after)]


def _guard(taken: set[str], draft: DraftDataset, relation: DraftRelation) -> AddedRule:
    rule = orphan_rule(relation, draft)
    name = free_name(str(rule["name"]), taken)
    return AddedRule(rule | {"name": name}, ("suggestion: the source declares this reference now",))


def _new_relations(held: Dataset, draft: DraftDataset) -> list[DraftRelation]:
    """Foreign keys that the source declares, and that the contract neither states nor guards.

    An owner may state one without a rule, and is then not asked again.
    """
    told = {(one.fields, one.to_dataset) for one in held.relations}
    told |= {(one.fields, one.to_dataset) for one in held.gap_rules if one.kind == "missing_reference"}
    new = [one for one in draft.relations if one.comparable and not one.evidence]
    return [one for one in new if (one.fields, one.dataset) not in told and not held.query]


def _new_fields(held: Dataset, draft: DraftDataset) -> list[DraftField]:
    known = {one.physical_name for one in held.fields if one.combine is None}
    return [one for one in draft.fields if one.column.name not in known and not held.query]


def differences(held: Dataset, draft: DraftDataset) -> list[Change]:
    """New columns, columns that vanished, and columns whose declared type is another now."""
    told = [
        Change("new column", f"{held.name}.{one.name}", one.column.declared, held.place.file)
        for one in _new_fields(held, draft)
    ]
    if held.query:
        return told
    told += [
        Change("new reference", f"{held.name}.{'+'.join(one.fields)}", f"to {one.dataset}", held.place.file)
        for one in _new_relations(held, draft)
    ]
    there = {one.column.name: one.column for one in draft.fields}
    for one in held.fields:
        column = there.get(one.physical_name)
        if one.combine is not None:
            continue
        if column is None:
            told.append(Change("vanished column", f"{held.name}.{one.name}", f"'{one.physical_name}' is not there"))
        elif one.physical_type and not _same_type(one.physical_type, column.declared):
            told.append(
                Change("type changed", f"{held.name}.{one.name}", f"{one.physical_type} is {column.declared} now")
            )
    return told


def _same_type(promised: str, declared: str) -> bool:
    """Whether a contract's type is the declared one; a size that the contract does not give says nothing."""
    ours, theirs = promised.lower().replace(" ", ""), declared.lower().replace(" ", "")
    return ours == theirs or ("(" not in ours and ours == re.sub(r"\(.*?\)", "", theirs))


def _vanished(known: Mapping[str, Dataset], system: SystemProfile, wanted: Wanted) -> list[Change]:
    """Contracts whose table is gone; those of other schemas, and those not asked for, were not looked for."""
    told = []
    for table, dataset in known.items():
        schema, dot, name = table.rpartition(".")
        if table in system.known or dataset.query or not chosen(name, wanted.tables):
            continue
        if (schema if dot else "") == wanted.schema:
            told.append(Change("vanished table", dataset.name, f"'{table}' is not there; {dataset.place.file}"))
    return told

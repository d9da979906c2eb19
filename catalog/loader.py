"""Load a project folder: read every declaration, link them, and report all that is wrong at once.

Two passes. The first reads each file by itself; the second follows the names between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from catalog.contracts import Contract, read_contract
from catalog.errors import Problem, ProjectError
from catalog.links import link_problems
from catalog.models import Place, Project, Source
from catalog.names import is_cron, zone_fault
from catalog.policies import read_policy
from catalog.shapes import Filled, Shape, Slug, shaped
from catalog.sources import read_source
from catalog.world import World
from catalog.yaml_lines import Part, read_part

PROJECT_FILE = "project.yaml"
CONTRACT_SUFFIX = ".odcs.yaml"
_BESIDE = (".yaml", ".yml", ".json")  # what somebody may have meant to be read


def _cron(text: str) -> str:
    if not is_cron(text):
        raise ValueError(f"'{text}' is no schedule. Write five cron fields, such as 0 2 * * * for two at night")
    return text


def _zone(text: str) -> str:
    remedy = zone_fault(text)
    if remedy is not None:
        raise ValueError(f"the time zone '{text}' does not exist. {remedy.rstrip('.')}")
    return text


class ProjectShape(Shape):
    """What project.yaml may hold."""

    name: Slug
    title: str = ""
    description: str = ""
    schedule: Annotated[str, AfterValidator(_cron)] = "0 2 * * *"
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    model: Filled = "all-MiniLM-L6-v2"
    min_similarity: float = Field(default=0.30, ge=0, le=1)
    questions: list[Filled] = Field(default_factory=list)


def load_project(folder: Path | str) -> Project:
    """The project in `folder`, linked. Raises ProjectError with every Problem, sorted by file and line."""
    root = Path(folder).expanduser().resolve()
    found: list[Problem] = []
    if not (root / PROJECT_FILE).is_file():
        remedy = "Name a project folder with --project, or add project.yaml with 'name: ...'."
        raise ProjectError([Problem(PROJECT_FILE, 0, f"is not in {root}.", remedy)])
    settings = _settings(root, found)
    sources, lost_sources = _sources(_read(root, "sources", ".yaml", found), found)
    contracts, lost = _contracts(_read(root, "datasets", CONTRACT_SUFFIX, found), found)
    policy = read_policy([part for _, part in _read(root, "policies", ".yaml", found) if part], found=found)
    for contract in contracts.values():
        found.extend(link_problems(contract, World(contracts, sources, lost_sources | lost)))
    if not contracts and not lost:
        found.append(Problem("datasets", 0, "holds no contract.", f"Add datasets/<name>{CONTRACT_SUFFIX}."))
    if found or settings is None:
        raise ProjectError(sorted(set(found)))
    return Project(
        **settings.model_dump(exclude={"questions"}),
        questions=tuple(settings.questions),
        folder=root,
        sources=sources,
        datasets={name: contract.dataset for name, contract in contracts.items()},
        policy=policy,
    )


def _settings(root: Path, found: list[Problem]) -> ProjectShape | None:
    part = read_part(root / PROJECT_FILE, folder=root, found=found)
    return None if part is None else shaped(ProjectShape, part, found=found)


def _read(root: Path, room: str, suffix: str, found: list[Problem]) -> list[tuple[Path, Part | None]]:
    """The files of one folder, in the order of their names. What looks like a declaration and is none is a fault."""
    folder = root / room
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    for path in paths:
        if not path.name.endswith(suffix) and path.suffix in _BESIDE:
            file, stem = path.relative_to(root).as_posix(), path.name.split(".")[0]
            found.append(Problem(file, 0, "is not read.", f"Call it {stem}{suffix}, or move it elsewhere."))
    wanted = [path for path in paths if path.name.endswith(suffix)]
    return [(path, read_part(path, folder=root, found=found)) for path in wanted]


def _sources(parts: Sequence[tuple[Path, Part | None]], found: list[Problem]) -> tuple[dict[str, Source], set[str]]:
    sources: dict[str, Source] = {}
    lost: set[str] = set()
    for path, part in parts:
        source = None if part is None else read_source(part, found=found)
        if source is None:
            lost.update(_names(path, part))
        elif source.name in sources:
            found.append(_twice("source", source.name, source.place, sources[source.name].place))
        else:
            sources[source.name] = source
    return sources, lost


def _contracts(parts: Sequence[tuple[Path, Part | None]], found: list[Problem]) -> tuple[dict[str, Contract], set[str]]:
    contracts: dict[str, Contract] = {}
    lost: set[str] = set()
    for path, part in parts:
        contract = None if part is None else read_contract(part, found=found)
        if contract is None:
            lost.update(_names(path, part))
            continue
        dataset = contract.dataset
        if dataset.name in contracts:
            found.append(_twice("dataset", dataset.name, dataset.place, contracts[dataset.name].dataset.place))
        else:
            contracts[dataset.name] = contract
    return contracts, lost


def _twice(what: str, name: str, place: Place, first: Place) -> Problem:
    told = f"the {what} '{name}' is declared already in {first.file}."
    return Problem(place.file, place.line, told, "Give one of them another name.")


def _names(path: Path, part: Part | None) -> Iterable[str]:
    """What a file that did not read may have declared: the name inside, and the name of the file."""
    name = part.get("name").value if part is not None else None
    return [path.name.split(".")[0], *([name] if isinstance(name, str) else [])]

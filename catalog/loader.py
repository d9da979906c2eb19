"""Load a project folder: read every declaration, link them, and report all that is wrong at once.

Two passes. The first reads each file by itself; the second follows the names between them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from catalog.alerts import read_alerts
from catalog.chunk_sizes import read_chunks
from catalog.contracts import Contract, read_contract
from catalog.custom_rules import linked
from catalog.entities import read_entities
from catalog.errors import Problem, ProjectError
from catalog.glossary import read_glossary
from catalog.index_plans import read_index_plan
from catalog.links import link_problems
from catalog.local_plugins import local_names
from catalog.models import ChunkSizes, IndexPlan, Place, Project, Source
from catalog.names import is_cron, zone_fault
from catalog.policies import read_policy
from catalog.shapes import Filled, Shape, Slug, shaped
from catalog.sources import read_source
from catalog.use_cases import read_readiness, read_use_cases
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
    plugins: list[Filled] = Field(default_factory=list)
    use_cases: Any = None  # each entry is read by itself, once the datasets are known
    readiness: Any = None
    index: Any = None
    chunks: Any = None
    alerts: Any = None  # each by itself, as every fault in it has its line


def load_project(folder: Path | str) -> Project:
    """The project in `folder`, linked. Raises ProjectError with every Problem, sorted by file and line."""
    root = Path(folder).expanduser().resolve()
    found: list[Problem] = []
    if not (root / PROJECT_FILE).is_file():
        remedy = "Name a project folder with --project, or add project.yaml with 'name: ...'."
        raise ProjectError([Problem(PROJECT_FILE, 0, f"is not in {root}.", remedy)])
    written = read_part(root / PROJECT_FILE, folder=root, found=found)
    settings = None if written is None else shaped(ProjectShape, written, found=found)
    sources, lost_sources = _sources(_read(root, "sources", ".yaml", found), found)
    contracts, lost = _contracts(_read(root, "datasets", CONTRACT_SUFFIX, found), found)
    policy = read_policy([part for _, part in _read(root, "policies", ".yaml", found) if part], found=found)
    local = local_names(written.get("plugins"), root, found=found) if written and settings else {}
    contracts = {name: _linked(contract, local, found) for name, contract in contracts.items()}
    world = World(contracts, sources, lost_sources | lost)
    for contract in contracts.values():
        found.extend(link_problems(contract, world))
    entities = read_entities([part for _, part in _read(root, "entities", ".yaml", found) if part], world, found=found)
    if not contracts and not lost:
        found.append(Problem("datasets", 0, "holds no contract.", f"Add datasets/<name>{CONTRACT_SUFFIX}."))
    ready = _readiness(written, settings.name, contracts, lost, found) if written and settings else {}
    alerts = read_alerts(written.get("alerts"), found=found) if written else ()
    plan = read_index_plan(written.get("index"), found=found) if written else IndexPlan()
    chunks = read_chunks(written.get("chunks"), found=found) if written else ChunkSizes()
    glossary = read_glossary(root, world, found=found)
    if found or settings is None:
        raise ProjectError(sorted(set(found)))
    return Project(
        **settings.model_dump(exclude={"questions", "plugins", "use_cases", "readiness", "index", "chunks", "alerts"}),
        **ready,
        questions=tuple(settings.questions),
        plugins=tuple(settings.plugins),
        folder=root,
        sources=sources,
        datasets={name: contract.dataset for name, contract in contracts.items()},
        policy=policy,
        alerts=alerts,
        entities=entities,
        index=plan,
        chunks=chunks,
        glossary=glossary,
    )


def _readiness(
    written: Part, name: str, datasets: Collection[str], broken: Collection[str], found: list[Problem]
) -> dict[str, Any]:
    """What project.yaml says of readiness, as arguments of Project; faults are added to `found`."""
    cases = written.get("useCases")
    if cases.value is None:
        cases = written.get("use_cases")
    return {
        "use_cases": read_use_cases(cases, project=name, datasets=datasets, broken=broken, found=found),
        "readiness": read_readiness(written.get("readiness"), datasets=datasets, broken=broken, found=found),
    }


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


def _linked(contract: Contract, local: Mapping[str, str], found: list[Problem]) -> Contract:
    """The contract with its custom rules linked to what runs them."""
    return replace(contract, dataset=linked(contract.dataset, local, found=found))


def _twice(what: str, name: str, place: Place, first: Place) -> Problem:
    told = f"the {what} '{name}' is declared already in {first.file}."
    return Problem(place.file, place.line, told, "Give one of them another name.")


def _names(path: Path, part: Part | None) -> Iterable[str]:
    """What a file that did not read may have declared: the name inside, and the name of the file."""
    name = part.get("name").value if part is not None else None
    return [path.name.split(".")[0], *([name] if isinstance(name, str) else [])]

"""The airline example, seeded in a folder of its own."""

import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "airline"


def project_copy(folder: Path) -> Path:
    """The example's declarations, without whatever was built beside them."""
    ignored = shutil.ignore_patterns("systems", ".landbridge", "__pycache__")
    return Path(shutil.copytree(EXAMPLE, folder / "airline", ignore=ignored))


@pytest.fixture(scope="session")
def seeding() -> ModuleType:
    """examples/airline/seed.py as a module."""
    spec = importlib.util.spec_from_file_location("airline_seed", EXAMPLE / "seed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def airline(seeding: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole example, all flights. Tests only read it."""
    folder = project_copy(tmp_path_factory.mktemp("full"))
    seeding.seed(folder / "systems")
    return folder


@pytest.fixture(scope="session")
def small_original(seeding: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with 2,000 flights."""
    folder = project_copy(tmp_path_factory.mktemp("small"))
    seeding.seed(folder / "systems", flights=2000)
    return folder


@pytest.fixture
def small(small_original: Path, tmp_path: Path) -> Path:
    """The example with 2,000 flights, to be changed at will."""
    return Path(shutil.copytree(small_original, tmp_path / "airline"))


@pytest.fixture(scope="session")
def rows() -> Callable[[Path, str], pl.DataFrame]:
    """Reads a dataset of a project folder the way a run does: connector, then normalize."""
    import connectors
    from catalog import load_project
    from pipelines.normalize import normalize

    def read(folder: Path, name: str) -> pl.DataFrame:
        project = load_project(folder)
        dataset = project.datasets[name]
        batches = list(connectors.read(project.sources[dataset.source], dataset, folder=folder))
        assert sum(batch.rejects.height for batch in batches) == 0
        return normalize(pl.concat([batch.frame for batch in batches]), dataset)

    return read

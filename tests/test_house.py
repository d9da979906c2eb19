"""The house holds: rooms, wheel and linter name the same folders, and nobody pays for a library they do not use."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY = ("torch", "dagster", "great_expectations", "sentence_transformers", "lancedb", "polars", "openvino", "pandas")


def _packages() -> list[str]:
    return sorted(
        path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("tests", "examples")
    )


def test_package_folders_the_wheel_and_the_layers_are_the_same_list():
    wheel = sorted(CONFIG["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    linted = sorted(CONFIG["tool"]["importlinter"]["root_packages"])
    assert _packages() == wheel == linted


def test_every_room_has_a_place_in_the_layers():
    (layers,) = (c["layers"] for c in CONFIG["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    placed = sorted(room.strip() for layer in layers for room in layer.split("|"))
    assert placed == _packages()


def test_a_module_is_not_named_like_a_library_it_stands_beside():
    taken = {
        "dagster",
        "lancedb",
        "polars",
        "mcp",
        "alembic",
        "fastapi",
        "typer",
        "great_expectations",
        "sqlalchemy",
        "yaml",
    }
    clashes = [path for room in _packages() for path in (ROOT / room).rglob("*.py") if path.stem in taken]
    assert not clashes


def test_every_module_says_in_its_first_line_what_it_is_for():
    silent = [
        str(path.relative_to(ROOT))
        for room in _packages()
        for path in (ROOT / room).rglob("*.py")
        if not path.read_text().lstrip().startswith('"""')
    ]
    assert not silent


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("landbridge.cli", HEAVY),
        ("catalog", HEAVY),
        ("ledger", HEAVY),
        ("index", ("torch", "dagster", "great_expectations", "sentence_transformers")),
        ("expectations", ("torch", "dagster", "great_expectations", "sentence_transformers", "lancedb", "pandas")),
        ("serving.app", ("torch", "dagster", "great_expectations", "sentence_transformers")),
    ],
)
def test_importing_a_room_loads_only_what_it_uses(module, spared):
    code = f"import sys, {module}; print(*[name for name in {spared!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

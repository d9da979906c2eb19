"""Fingerprints of code and of declarations, so that a change processes again what it touches, and nothing else.

Code counts as what it does: comments, docstrings and layout are no part of it, and of a room only the modules count
that are on the way from the named ones. What a source does is found out once: `catalog.code_marks` keeps it.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Collection, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from catalog.code_marks import Code, CodeMarks

WHERE = "place"  # the file and the line of a declaration, which are no part of what it says
BY_NAME = frozenset({"import_module", "__import__"})
MARKS = CodeMarks(form=hashlib.sha256(Path(__file__).read_bytes()).hexdigest())


@cache
def code_fingerprint(*rooms: str) -> str:
    """SHA-256 over the names and bytes of all Python sources of these top-level packages; nothing is imported."""
    digest = hashlib.sha256()
    for room in sorted(set(rooms)):
        for folder in _folders(room):
            for path in sorted(folder.rglob("*.py")):
                source = path.read_bytes()
                name = f"{room}/{path.relative_to(folder).as_posix()}"
                digest.update(f"{name}\x1f{len(source)}\x1f".encode() + source)
    return digest.hexdigest()


@cache
def path_fingerprint(*modules: str, rooms: tuple[str, ...]) -> str:
    """SHA-256 over the code of these modules and of all that they import, as far as it lies in `rooms`.

    Nothing is imported. A package that gives out its modules by name counts whole, once anything is taken from it.
    """
    digest = hashlib.sha256()
    for name, code in sorted(_reached(modules, rooms).items()):
        digest.update(f"{name}\x1f{code}\x1f".encode())
    MARKS.keep()
    return digest.hexdigest()


def modules_on_path(*modules: str, rooms: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the modules that `path_fingerprint` is taken over."""
    return tuple(sorted(_reached(modules, rooms)))


def declared(declaration: BaseModel, *, without: Collection[str] = ()) -> str:
    """SHA-256 over what a declaration says, wherever it stands; `without` names keys of its own that do not count."""
    told = _placeless(declaration.model_dump(mode="json", exclude={WHERE, *without}))
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _placeless(one) for key, one in value.items() if key != WHERE or not _is_place(one)}
    return [_placeless(one) for one in value] if isinstance(value, list) else value


def _is_place(value: Any) -> bool:
    """Whether it is the place of a declaration, and not a field or a file that somebody called so."""
    return isinstance(value, dict) and value.keys() == {"file", "line"}


def _reached(modules: tuple[str, ...], rooms: tuple[str, ...]) -> dict[str, str]:
    """The mark of every module on the way, by its name."""
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if path is None or module in found:
            continue
        code = _code(path)
        found[module] = code.mark
        for parent in _parents(module):  # its own lines are run, but nothing is taken from what it imports
            above = _file(parent)
            if above is not None:
                found.setdefault(f"{parent}.__init__", _code(above).mark)
        if code.by_name and path.name == "__init__.py":
            waiting += _inside(module, path)
        for taken, name in code.imports:
            if taken.partition(".")[0] in rooms:
                inner = f"{taken}.{name}" if name else ""
                waiting.append(inner if inner and _file(inner) else taken)
    return found


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[:end]) for end in range(1, len(parts)))


def _inside(package: str, path: Path) -> Iterator[str]:
    for one in path.parent.rglob("*.py"):
        parts = one.relative_to(path.parent).with_suffix("").parts
        yield ".".join((package, *(part for part in parts if part != "__init__")))


@cache
def _file(module: str) -> Path | None:
    """The source of a module of ours; None where there is none."""
    room, *parts = module.split(".")
    for folder in _folders(room):
        at = folder.joinpath(*parts)
        for path in (at / "__init__.py", at.with_suffix(".py")):
            if path.is_file() and (parts or path.name == "__init__.py"):
                return path
    return None


@cache
def _code(path: Path) -> Code:
    return MARKS.of(path.read_bytes(), _parsed)


def _parsed(source: bytes) -> Code:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [one for at, one in enumerate(node.body) if at or not _is_text(one)]
            node.body = [one for one in node.body if not _is_for_types(one)]
    imports = tuple(_imports(tree))
    called = {getattr(node, "id", None) or getattr(node, "attr", None) for node in ast.walk(tree)}
    by_name = not called.isdisjoint(BY_NAME)
    return Code(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports, by_name)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_for_types(node: ast.stmt) -> bool:
    """An `if TYPE_CHECKING:` is never run."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.name, "") for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:  # the house has no relative imports
            yield from ((node.module, one.name) for one in node.names)


@cache
def _folders(room: str) -> list[Path]:
    spec = find_spec(room)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package named '{room}'", name=room)
    return [Path(place) for place in spec.submodule_search_locations]

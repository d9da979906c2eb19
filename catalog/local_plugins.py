"""Local modules that project.yaml names under `plugins`: which names they define, found without running them."""

from __future__ import annotations

import ast
from pathlib import Path

from catalog.errors import Problem
from catalog.yaml_lines import Part


def local_names(part: Part, root: Path, *, found: list[Problem]) -> dict[str, str]:
    """Public top-level functions and classes by name, with the module that has each, relative to the project folder.

    `part` is the list of modules. Nothing is imported; a module that does not parse is told with its own line.
    """
    names: dict[str, str] = {}
    for entry in part.items():
        for name in _names_in(entry, root, found):
            if names.setdefault(name, entry.value) != entry.value:
                what = f"'{name}' stands in {names[name]} and in {entry.value}."
                found.append(entry.problem(what, "Give each its own name."))
    return names


def _names_in(entry: Part, root: Path, found: list[Problem]) -> list[str]:
    path = (root / entry.value).resolve()
    if path.suffix != ".py" or not path.is_relative_to(root) or not path.is_file():
        what = f"'{entry.value}' is no Python module of the project folder."
        found.append(entry.problem(what, "Name a .py file, relative to project.yaml."))
        return []
    try:
        tree = ast.parse(path.read_bytes(), filename=entry.value)
    except (SyntaxError, ValueError) as error:
        line = (error.lineno or 0) if isinstance(error, SyntaxError) else 0
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        found.append(Problem(entry.value, line, f"the module does not parse: {reason}.", "Correct it."))
        return []
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [node.name for node in defined if not node.name.startswith("_")]

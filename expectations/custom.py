"""Run expectations of your own: a function or a Great Expectations class, by entry point or from a local module.

A function takes the rows and says of each whether it breaks the rule. Whatever it does wrong is a fault of its rule,
told with the name of who brought it, and takes nothing else down.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from catalog.custom_rules import EXPECTATIONS
from catalog.faults import is_fault, place_of
from catalog.models import Dataset, Rule
from catalog.plugins import code_of, offered, owner_of
from expectations.literals import RuleFault
from expectations.outcomes import META

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

RowTest = Callable[..., pl.Series]
"""`(frame, **kwargs) -> Series` of booleans, one per row: True where it breaks the rule, null where it has no say."""


def load(rule: Rule, folder: Path) -> Any:
    """The function or class that a custom rule names; `folder` is the project's. Raises RuleFault."""
    name = rule.arguments["type"]
    try:
        if rule.arguments.get("module"):
            loaded = getattr(_module(folder / rule.arguments["module"]), name, None)
        else:
            loaded = _entry(name).load()
    except RuleFault:
        raise
    except BaseException as error:
        if not is_fault(error) and not isinstance(error, SystemExit):  # a module may not end the process it is read in
            raise
        fault = RuleFault(f"{owner(rule)} does not load: {type(error).__name__}{place_of(error)}")
    else:
        if callable(loaded):
            return loaded
        fault = RuleFault(f"'{name}' of {owner(rule)} is neither a function nor an expectation")
    raise fault  # outside of the handler: a chained error would show what its text holds


def is_row_test(loaded: Any) -> bool:
    """Whether it is a function over the rows, and no class of the library."""
    return not inspect.isclass(loaded)


def failing_rows(rule: Rule, test: RowTest, frame: pl.DataFrame) -> pl.Series:
    """The rows that break the rule, never null; a row of which the function says nothing keeps it. Raises RuleFault."""
    kwargs = {name: value for name, value in rule.arguments["kwargs"].items() if name != "mostly"}
    try:
        answer = test(frame.clone(), **kwargs)  # a function that changes its frame changes a copy
    except BaseException as error:
        if not is_fault(error) and not isinstance(error, SystemExit):
            raise
        fault = f"failed with {type(error).__name__}{place_of(error)}"  # its text may quote a value
    else:
        fault = wrong_answer(answer, frame.height)
        if not fault:
            return answer.fill_null(False).alias(rule.name)
    raise RuleFault(f"'{rule.arguments['type']}' of {owner(rule)} {fault}")


def wrong_answer(answer: object, height: int) -> str:
    """Why it is no answer about `height` rows; empty where it is one."""
    if not isinstance(answer, pl.Series):
        return f"gives {type(answer).__name__} where a Series belongs"
    if answer.dtype != pl.Boolean and answer.dtype != pl.Null:
        return f"gives values of type {answer.dtype} where booleans belong"
    return "" if answer.len() == height else f"gives {answer.len():,} answers about {height:,} rows"


def expectation(rule: Rule, loaded: Any) -> Expectation:
    """The library's expectation of a class that a plug-in brings. Raises RuleFault."""
    from great_expectations.expectations.expectation import Expectation

    name = rule.arguments["type"]
    if not issubclass(loaded, Expectation) or inspect.isabstract(loaded):
        raise RuleFault(f"'{name}' of {owner(rule)} is a class, and no expectation that can run")
    try:
        made: Expectation = loaded(meta={META: rule.name}, **rule.arguments["kwargs"])
    except (ValueError, TypeError) as error:
        raise RuleFault(f"'{name}' of {owner(rule)} refuses its arguments: {' '.join(str(error).split())}") from None
    return made


def owner(rule: Rule) -> str:
    """Who brought a custom rule's code: a module of the project, or a distribution with its version."""
    module = rule.arguments.get("module")
    if module:
        return str(module)
    entries = offered(EXPECTATIONS).get(rule.arguments["type"], ())
    return " and ".join(owner_of(entry) for entry in entries) or "a distribution that is not installed"


def code_marks(dataset: Dataset, folder: Path) -> list[str]:
    """What changes when the code behind a contract's custom rules does, so that rows are judged again."""
    return [_mark(rule, folder) for rule in dataset.rules if rule.kind == "custom"]


def _mark(rule: Rule, folder: Path) -> str:
    if rule.arguments.get("module"):
        path = folder / rule.arguments["module"]
        return _content(path) if path.is_file() else ""
    entries = offered(EXPECTATIONS).get(rule.arguments["type"], ())
    return " ".join(f"{owner_of(entry)} {code_of(entry)}" for entry in entries)


def _entry(name: str) -> EntryPoint:
    entries = offered(EXPECTATIONS).get(name, ())
    if len(entries) != 1:
        owners = " and ".join(owner_of(entry) for entry in entries)
        raise RuleFault(f"'{name}' is offered by {owners}" if owners else f"no expectation is called '{name}' here")
    return entries[0]


def _module(path: Path) -> Any:
    return _loaded(path, _content(path))


@cache  # a daemon that stays up reads a module anew when its content changes
def _loaded(path: Path, content: str) -> Any:
    spec = spec_from_file_location(f"landbridge_local_{content[:16]}", path)
    if spec is None or spec.loader is None:
        raise RuleFault(f"{path.name} is no Python module")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

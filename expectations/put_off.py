"""Put off what a library imports for its rarer uses, until one of them comes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module, and loads it when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what the import system asks of any module
            raise AttributeError(name)
        _taken_away(self)
        return getattr(import_module(self.__name__), name)


@contextmanager
def put_off(*names: str) -> Iterator[None]:
    """Within it, an import of these modules loads none of them; who imports them afterwards gets the modules."""
    told = [_Later(name) for name in names if name not in sys.modules]
    sys.modules.update({one.__name__: one for one in told})
    try:
        yield
    finally:
        for one in told:
            _taken_away(one)


def _taken_away(one: _Later) -> None:
    if sys.modules.get(one.__name__) is one:
        del sys.modules[one.__name__]

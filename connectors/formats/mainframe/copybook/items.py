"""The items of a copybook as they were written: groups, elementary items, and the values that level 88 names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.errors import FileRefused
from connectors.formats.mainframe.fields import FieldType

FILLER = "FILLER"


@dataclass(frozen=True)
class Condition:
    """A level 88 entry: a name for values of the item above it, each word as it is written (`'A'`, `10`, `THRU`)."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """One entry of a copybook. `field` is None for a group, whose `children` it holds in order.

    `occurs` is the most elements it has, None where it is no table; `occurs_least` the fewest. `name` is fit for a
    column: `-` became `_`, and `:` and quotes are gone.
    """

    level: int
    name: str
    line: int
    field: FieldType | None = None
    picture: str = ""
    occurs: int | None = None
    occurs_least: int = 0
    depending_on: str = ""
    redefines: str = ""
    synchronized: bool = False
    charset: str = ""  # of text that declares its own: PIC U is UTF-8
    conditions: tuple[Condition, ...] = ()
    children: tuple[Item, ...] = ()

    @property
    def filler(self) -> bool:
        """Whether nothing names it."""
        return self.name.upper() == FILLER

    def all(self) -> Iterator[Item]:
        """It and everything below it."""
        yield self
        for child in self.children:
            yield from child.all()


@dataclass(frozen=True)
class Copybook:
    """The topmost entries (levels 01 and 77), and the names of level 66 entries, which are other names only."""

    roots: tuple[Item, ...]
    renames: tuple[str, ...] = ()


def refusal(line: int, what: str, remedy: str = "Correct the copybook.") -> FileRefused:
    """The refusal of a copybook because of one of its lines."""
    return FileRefused(f"copybook line {line}: {what}", remedy)


def column_name(identifier: str) -> str:
    """An identifier as a column's name."""
    return identifier.replace("-", "_").replace(":", "").replace("'", "").replace('"', "")

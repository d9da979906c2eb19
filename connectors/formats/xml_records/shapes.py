"""What elements of a document look like: their attributes, text and children, and what stands more than once.

The loops over elements are Python's: XML tells its elements one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from catalog.errors import FileRefused
from connectors.formats.xml_records.parsing import Name

MOST_PATHS = 10_000  # of elements in one document; more is not data of one kind
Key = tuple[str, str]  # namespace, local name


@dataclass(eq=False)
class Shape:
    """The elements at one path. `repeated`: two stood in one parent. `text`: some held more than blanks."""

    name: Name
    count: int = 0
    repeated: bool = False
    text: bool = False
    attributes: dict[Key, Name] = field(default_factory=dict)
    children: dict[Key, Shape] = field(default_factory=dict)

    @property
    def simple(self) -> bool:
        """Whether it is nothing but a text."""
        return not self.attributes and not self.children

    @property
    def mixed(self) -> bool:
        """Whether text and elements stand side by side in it."""
        return self.text and bool(self.children)

    def below(self) -> Iterator[Shape]:
        """Itself and everything in it."""
        yield self
        for child in self.children.values():
            yield from child.below()

    def kinds(self) -> int:
        """How many different values it and what is in it have."""
        return sum(len(one.attributes) + (not one.children or one.text) for one in self.below())

    def values(self) -> int:
        """How many texts it and what is in it have, about: attributes are not counted."""
        return sum(one.count for one in self.below() if not one.children or one.text)


@dataclass
class Survey:
    """Learns a document's shapes; a handler of `parsing`. `root` is there when the document has begun."""

    root: Shape | None = None
    _paths: int = 0
    _stack: list[tuple[Shape, set[Key]]] = field(default_factory=list)

    def start(self, name: Name, attributes: dict[Name, str]) -> None:
        """An element begins."""
        key = name[:2]
        if self._stack:
            parent, seen = self._stack[-1]
            shape = parent.children.get(key)
            if shape is None:
                shape = parent.children[key] = self._new(name)
            elif key in seen:
                shape.repeated = True
            seen.add(key)
        else:
            shape = self.root = self._new(name)
        shape.count += 1
        for one in attributes:
            if one[:2] not in shape.attributes:
                shape.attributes[one[:2]] = one
                self._count()
        self._stack.append((shape, set()))

    def end(self) -> None:
        """The innermost element ends."""
        self._stack.pop()

    def text(self, text: str) -> None:
        """Text of the innermost element."""
        shape = self._stack[-1][0]
        if not shape.text and not text.isspace():
            shape.text = True

    def _new(self, name: Name) -> Shape:
        self._count()
        return Shape(name)

    def _count(self) -> None:
        self._paths += 1
        if self._paths > MOST_PATHS:
            raise FileRefused(f"it has more than {MOST_PATHS:,} different paths", "Check that the file is data.")


def merged(shapes: list[Shape]) -> Shape:
    """One shape that fits the elements of all."""
    if len(shapes) == 1:
        return shapes[0]
    told = Shape(shapes[0].name)
    children: dict[Key, list[Shape]] = {}
    for shape in shapes:
        told.count += shape.count
        told.repeated = told.repeated or shape.repeated
        told.text = told.text or shape.text
        told.attributes |= shape.attributes
        for key, child in shape.children.items():
            children.setdefault(key, []).append(child)
    told.children = {key: merged(ones) for key, ones in children.items()}
    return told

"""Which elements of a document are its records: those a declared path names, or those that most of it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.errors import FileRefused
from connectors.formats.xml_records.shapes import Shape

FEW_KINDS = 12  # of values beside the records: a list's title, date and the like


@dataclass(frozen=True)
class Records:
    """The elements that are records: their shapes, and the path that tells them."""

    name: str
    path: str
    shapes: tuple[Shape, ...]


def declared(root: Shape, path: str, namespaces: Mapping[str, str]) -> Records:
    """The records at a path: `/root/orders/order`, or its last steps, `order`. Raises FileRefused for none."""
    steps = [step for step in path.split("/") if step]
    found = [shape for way, shape in _ways(root, (), namespaces) if _fits(way, steps, whole=path.startswith("/"))]
    if not steps or not found:
        raise FileRefused("it has no element at the path that `record` names", "Check the path, and its prefixes.")
    return Records(steps[-1], path, tuple(found))


def detected(root: Shape) -> list[Records]:
    """The document's tables, the likeliest first: repeated elements, and the document itself as one record."""
    document = Records(root.name[1], f"/{root.name[1]}", (root,))
    found = _repeated(root, f"/{root.name[1]}")
    complex_ones = [one for one in found if not one.shapes[0].simple]
    candidates = complex_ones or [one for one in found if root.kinds() == 1]
    candidates.sort(key=lambda one: (one.path.count("/"), -one.shapes[0].count))
    if candidates and _most_of(root, candidates[0].shapes[0]):
        return [*candidates, document]
    return [document, *candidates]


def _most_of(root: Shape, record: Shape) -> bool:
    """Whether a document is a list of these records with little around them."""
    around = root.kinds() - record.kinds()
    return around <= max(record.kinds(), FEW_KINDS) and 2 * record.values() >= root.values()


def _repeated(shape: Shape, path: str) -> list[Records]:
    """The elements that repeat, outside other elements that do."""
    told = []
    for child in shape.children.values():
        way = f"{path}/{child.name[1]}"
        told += [Records(child.name[1], way, (child,))] if child.repeated else _repeated(child, way)
    return told


def _ways(
    shape: Shape, above: tuple[tuple[str, str], ...], namespaces: Mapping[str, str]
) -> list[tuple[tuple[tuple[str, str], ...], Shape]]:
    space, local, _ = shape.name
    way = (*above, (local, f"{namespaces[space]}:{local}" if space in namespaces else local))
    return [(way, shape), *(one for child in shape.children.values() for one in _ways(child, way, namespaces))]


def _fits(way: tuple[tuple[str, str], ...], steps: list[str], *, whole: bool) -> bool:
    if len(way) < len(steps) or (whole and len(way) != len(steps)):
        return False
    return all(step in names for step, names in zip(reversed(steps), reversed(way), strict=False))

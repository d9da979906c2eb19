"""How long a record is by what stands in it: in a field, in an expression of fields, or in the counts of its tables.

These are asked for one record after the other, because each tells where the next begins. The few different bytes that
such fields hold are decoded once and remembered.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.errors import FileRefused
from connectors.formats.mainframe.copybook.items import column_name
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.layout import Layout, Node
from connectors.formats.mainframe.options import Options
from connectors.formats.mainframe.words import Measure

Counts = dict[str, str | int | None]
Mappings = dict[str, dict[str, int]]

REMEMBERED = 65_536  # different bytes; a field with more is decoded anew
OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
    ast.FloorDiv: operator.floordiv,
}


class Remembered:
    """One field's value in one record after another."""

    def __init__(self, field: FieldType, reading: Reading) -> None:
        self._field, self._reading = field, reading
        self.length = field.length
        self._known: dict[bytes, str | int | None] = {}

    def value(self, raw: bytes) -> str | int | None:
        """What the bytes say: whole numbers as int, other values as text, None where they hold none."""
        if raw not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[raw] = self._decoded(raw)
        return self._known[raw]

    def _decoded(self, raw: bytes) -> str | int | None:
        from connectors.formats.mainframe.decoding import decode

        value = decode(np.frombuffer(raw, np.uint8).reshape(1, -1), self._field, self._reading)[0]
        if value is None or isinstance(value, int):
            return value
        text = str(value).strip()
        return int(value) if not isinstance(value, str) and value == int(value) else text


def length_of_fields(said: str, layout: Layout, options: Options, reading: Reading) -> Measure:
    """A record's length by a field's name or an expression of fields. Raises FileRefused where it is none."""
    bare = said.replace("@", "").strip()
    names = {node.name.upper() for node in layout.all() if node.field is not None}
    if column_name(bare).upper() in names:
        return _by_field(layout.elementary(bare), options, reading)
    return _by_expression(bare, layout, options, reading)


def _by_field(node: Node, options: Options, reading: Reading) -> Measure:
    start, around = options.record_start_offset, options.record_start_offset + options.record_end_offset
    begin, end = start + node.offset, start + node.offset + node.length
    known, mapping = Remembered(_kind(node), reading), options.record_length_map

    def measure(portion: memoryview, place: int) -> int | None:
        if place + end > len(portion):
            return None
        value = known.value(bytes(portion[place + begin : place + end]))
        length = _mapped(value, mapping, node.name) if mapping else _whole(value, node.name)
        return length + options.rdw_adjustment + around

    return measure


def _kind(node: Node) -> FieldType:
    """What an elementary node is."""
    if node.field is None:
        raise FileRefused(f"'{node.name}' is a group", "Name a field.")
    return node.field


def _mapped(value: str | int | None, mapping: dict[str, int], name: str) -> int:
    length = mapping.get(str(value), mapping.get("_")) if value is not None else mapping.get("_")
    if length is None:
        raise FileRefused(
            f"a value of {name} stands for no length", "Add it, or `_` for all others, to record_length_map."
        )
    return length


def _whole(value: str | int | None, name: str) -> int:
    """A field's value as a length."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,9}", value):
        return int(value)
    if not isinstance(value, int):
        raise FileRefused(f"{name} holds no length", "Check the copybook and record_length_field.")
    return value


def _by_expression(said: str, layout: Layout, options: Options, reading: Reading) -> Measure:
    try:
        tree = ast.parse(said, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FileRefused(
            f"'{said[:80]}' is no field and no expression of fields", "Correct record_length_field."
        ) from error
    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})
    nodes = [layout.elementary(name) for name in names]
    fields = [(name, node, Remembered(_kind(node), reading)) for name, node in zip(names, nodes, strict=True)]
    start, around = options.record_start_offset, options.record_start_offset + options.record_end_offset
    need = max((start + node.offset + node.length for node in nodes), default=start)
    evaluate = _evaluated(tree, said)

    def measure(portion: memoryview, place: int) -> int | None:
        if place + need > len(portion):
            return None
        first = place + start
        values = {
            name: _whole(known.value(bytes(portion[first + node.offset : first + node.offset + node.length])), name)
            for name, node, known in fields
        }
        return evaluate(values) + around

    return measure


def _evaluated(tree: ast.expr, said: str) -> Callable[[dict[str, int]], int]:
    """An expression of whole numbers, names, `+ - * /` and brackets as a function."""
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int):
        number = int(tree.value)
        return lambda values: number
    if isinstance(tree, ast.Name):
        name = tree.id
        return lambda values: values[name]
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _evaluated(tree.operand, said)
        return lambda values: -inner(values)
    if isinstance(tree, ast.BinOp) and type(tree.op) in OPERATORS:
        left, right, apply = _evaluated(tree.left, said), _evaluated(tree.right, said), OPERATORS[type(tree.op)]
        return lambda values: _applied(apply, left(values), right(values))
    raise FileRefused(
        f"'{said[:80]}' holds more than numbers, fields, + - * / and brackets", "Correct record_length_field."
    )


def _applied(apply: Callable[[int, int], int], left: int, right: int) -> int:
    try:
        return apply(left, right)
    except ZeroDivisionError as error:
        raise FileRefused("record_length_field divides by zero", "Correct it.") from error


@dataclass(frozen=True)
class _Step:
    """A stretch of `length` bytes.

    With `known`, it says how many elements a table has; with `table`, it is a table of `inner`; with `inner` alone, it
    holds counts but is passed over as a whole, because it shares its bytes.
    """

    length: int
    name: str = ""
    known: Remembered | None = None
    table: Node | None = None
    inner: Sequence[_Step] = ()


def extent_of_tables(layout: Layout, options: Options, reading: Reading) -> Measure:
    """A record's length where tables take only the room of the elements they have."""
    steps = _steps(layout.roots, reading)
    start, around = options.record_start_offset, options.record_start_offset + options.record_end_offset
    mappings = occurs_mappings(options)

    def measure(portion: memoryview, place: int) -> int | None:
        end = _end(steps, portion, place + start, {}, mappings)
        return None if end is None else end - place - start + around

    return measure


def occurs_mappings(options: Options) -> Mappings:
    """Numbers of elements that texts stand for, by table."""
    return {column_name(name).upper(): dict(mapping) for name, mapping in options.occurs_mappings.items()}


def _steps(nodes: Sequence[Node], reading: Reading) -> list[_Step]:
    """What moves on through a record; items that share their bytes move it once."""
    told: list[_Step] = []
    for node in nodes:
        if node.extra:
            continue
        length, shared = 0 if node.redefined else node.size, node.redefined or bool(node.item.redefines)
        inner = _steps(node.children, reading) if node.field is None else [_Step(node.length)]
        if node.field is not None and node.counts and node.item.occurs is None:
            told.append(_Step(length, node.name.upper(), Remembered(node.field, reading)))
        elif not node.varies and not any(below.counts for below in node.all()):
            told.append(_Step(length))
        elif shared:
            told.append(_Step(length, inner=inner))
        elif node.item.occurs is not None:
            told.append(_Step(0, table=node, inner=inner))
        else:
            told += inner
    return told


def _end(steps: Sequence[_Step], portion: memoryview, at: int, counts: Counts, mappings: Mappings) -> int | None:
    """Where steps from `at` on end; None where the portion ends before a count is known."""
    for step in steps:
        if step.known is not None:
            if at + step.known.length > len(portion):
                return None
            counts[step.name] = step.known.value(bytes(portion[at : at + step.known.length]))
        elif step.table is not None:
            said = counts.get(step.table.item.depending_on.upper())
            for _ in range(elements(step.table, said, mappings)):
                after = _end(step.inner, portion, at, counts, mappings)
                if after is None:
                    return None
                at = after
        elif step.inner and _end(step.inner, portion, at, counts, mappings) is None:
            return None
        at += step.length
    return at


def elements(table: Node, said: str | int | None, mappings: Mappings) -> int:
    """How many elements a table has: what the field says it depends on, or the most where that cannot be."""
    most = table.item.occurs or 1
    if not table.item.depending_on:
        return most
    count = mappings.get(table.name.upper(), {}).get(said) if isinstance(said, str) else said
    return count if count is not None and table.item.occurs_least <= count <= most else most

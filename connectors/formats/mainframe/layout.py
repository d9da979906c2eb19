"""Where each item of a copybook lies in a record, and what it is called in the rows.

Offsets count from 0. A redefinition begins where the item it redefines begins, and the block of both is as long as the
longest of them. Names, FILLERs and roots follow the policies of Cobrix (`Options`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog.errors import FileRefused
from connectors.formats.mainframe.copybook import Copybook, Item
from connectors.formats.mainframe.copybook.items import FILLER, column_name, refusal
from connectors.formats.mainframe.fields import FieldType
from connectors.formats.mainframe.options import Options

LARGEST_RECORD = 100 * 2**20  # bytes; a copybook that describes more is a mistake
VALUE_BYTES = 24  # what a value takes beside its own bytes while it is decoded
RESERVED = ("_location", "_position")
ALIGNED = {2: 2, 4: 4, 8: 4}  # SYNC: bytes of a binary item, and what its offset is a multiple of
HEADING = "-------- FIELD LEVEL/NAME --------- --ATTRIBS--    FLD  START     END  LENGTH\n"


@dataclass
class Node:
    """An item in its place. Built in passes by `laid_out`, and not changed after.

    `length` is that of one element, `size` that of all of them and at least that of the block's longest redefinition.
    `kept`: it stands in the rows. `counts`: a table's number of elements depends on it. `extra`: it reads the bytes of
    the node before it once more (debug columns, text of groups). `segment`: only records of its segment hold it;
    `parent` names the segment group whose child it is. `alternative`: other items describe the same bytes.
    """

    item: Item
    name: str
    offset: int
    length: int
    size: int
    children: list[Node] = field(default_factory=list)
    redefined: bool = False
    kept: bool = True
    counts: bool = False
    extra: bool = False
    raw: bool = False
    segment: bool = False
    parent: str = ""
    alternative: bool = False

    @property
    def field(self) -> FieldType | None:
        """Its bytes, None for a group."""
        return self.item.field

    @property
    def varies(self) -> bool:
        """Whether a table of a number of elements that differs is in it, or is it."""
        return bool(self.item.depending_on) or any(child.varies for child in self.children)

    @property
    def weight(self) -> int:
        """About how many bytes its values take in memory, at most."""
        inner = sum(child.weight for child in self.children) if self.field is None else self.length + VALUE_BYTES
        return inner * (self.item.occurs or 1)

    @property
    def needed(self) -> bool:
        """Whether reading it can be left out."""
        return self.kept or self.counts or any(child.needed for child in self.children)

    def all(self) -> Iterator[Node]:
        """It and everything below it, in order."""
        yield self
        for child in self.children:
            yield from child.all()


@dataclass(frozen=True)
class Layout:
    """A record: its topmost nodes, its length in bytes, the nodes that are columns, and which of them were renamed."""

    roots: Sequence[Node]
    size: int
    columns: Sequence[Node]
    renamed: Sequence[str] = ()

    def all(self) -> Iterator[Node]:
        """All nodes in order."""
        for root in self.roots:
            yield from root.all()

    def elementary(self, name: str) -> Node:
        """The elementary item of a name, which lies at the same place in every record. Raises FileRefused."""
        wanted = column_name(name).upper()
        for node in _outside_tables(self.roots):
            if node.item.name.upper() == wanted and node.field is not None and not node.extra:
                return node
        raise FileRefused(f"the copybook has no single field '{name}'", "Name a field of it that is in no table.")

    def rows_of(self, size: int) -> int:
        """How many records may be decoded at once so that their values take about `size` bytes; at least one."""
        return max(1, size // max(1, sum(root.weight for root in self.roots)))

    @property
    def varies(self) -> bool:
        """Whether its length depends on its content, where tables take only the room of their elements."""
        return any(root.varies for root in self.roots)


def _outside_tables(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes that are in no table, in order."""
    for node in nodes:
        if node.item.occurs is None:
            yield node
            yield from _outside_tables(node.children)


def laid_out(copybooks: Sequence[Copybook], options: Options) -> Layout:
    """The layout of a record. Several copybooks describe the same bytes. Raises FileRefused."""
    items = [item for item in _together(copybooks) if item.name.upper() not in _left_out(options)]
    if not items:
        raise FileRefused("the copybook describes a header and a trailer, but no record", "Name only those.")
    roots, size = _Placing(options.synchronized).placed(items, 0)
    if size > LARGEST_RECORD:
        raise FileRefused(f"the copybook describes records of {size:,} bytes", "Check its OCCURS clauses.")
    _mark_counts(roots)
    _mark_segments(roots, options)
    _Fillers(options).name(roots)
    roots = _with_extras(roots, options)
    renamed = _made_unique(roots)
    columns = _columns(roots, options)
    return Layout(roots, size, columns, renamed + _made_unique(columns))


def _together(copybooks: Sequence[Copybook]) -> list[Item]:
    """The topmost items of all copybooks; those of the second and later ones redefine the first item of the first."""
    first, *others = copybooks
    return [*first.roots, *(replace(root, redefines=first.roots[0].name) for book in others for root in book.roots)]


def _left_out(options: Options) -> set[str]:
    """Roots that describe the file's header and trailer, not its records."""
    names = (options.record_header_name, options.record_trailer_name)
    return {column_name(name).upper() for name in names if name}


def root_length(copybooks: Sequence[Copybook], name: str, options: Options) -> int:
    """Bytes of the topmost item of a name: a file's header or trailer. Raises FileRefused."""
    roots, _ = _Placing(options.synchronized).placed([root for book in copybooks for root in book.roots], 0)
    for root in roots:
        if root.name.upper() == column_name(name).upper():
            return root.size
    raise FileRefused(f"the copybook has no topmost group '{name}'", "Name one of its level 01 groups.")


class _Placing:
    """Gives items their offsets."""

    def __init__(self, synchronized: bool) -> None:
        self._synchronized = synchronized

    def placed(self, items: Sequence[Item], start: int) -> tuple[list[Node], int]:
        """The nodes of neighbours and where the last of them ends."""
        told: list[Node] = []
        block: list[Node] = []
        at = start
        for item in items:
            if item.redefines:
                _check_redefines(item, block)
                block[-1].redefined = True
                block.append(self._node(item, at))
                _level_out(block)
            else:
                at = block[0].offset + block[0].size if block else at
                block = [self._node(item, at)]
                at = block[0].offset
            told.append(block[-1])
        return told, at + block[0].size if block else at

    def _node(self, item: Item, at: int) -> Node:
        """One item, beginning at `at` or at the next offset it may begin at."""
        children: list[Node] = []
        if item.field is not None:
            at = self._aligned(item, at)
            length = item.field.length
        else:
            children, end = self.placed(item.children, at)
            length = end - at
            if self._synchronized and item.occurs is not None:
                length += -length % max(_alignment(child.item) for child in _leaves(children))
        return Node(item, item.name, at, length, length * (item.occurs or 1), children)

    def _aligned(self, item: Item, at: int) -> int:
        return at + -at % _alignment(item) if self._synchronized else at


def _leaves(nodes: Sequence[Node]) -> Iterator[Node]:
    return (below for node in nodes for below in node.all() if below.field is not None)


def _alignment(item: Item) -> int:
    """What the offset of a SYNC item is a multiple of."""
    if not item.synchronized or item.field is None:
        return 1
    if item.field.usage == "double":
        return 8
    return ALIGNED.get(item.field.length, 1) if item.field.usage in ("binary", "float") else 1


def _check_redefines(item: Item, block: Sequence[Node]) -> None:
    """Refuse a redefinition of what does not stand directly before it."""
    if not block:
        raise refusal(item.line, f"{item.name} redefines {item.redefines}, but is the first of its group")
    if item.redefines.upper() not in {node.name.upper() for node in block}:
        raise refusal(item.line, f"{item.name} redefines {item.redefines}, which does not stand directly before it")


def _level_out(block: Sequence[Node]) -> None:
    """Give all redefinitions of the same bytes the room of the longest."""
    size = max(node.size for node in block)
    for node in block:
        node.size = size
        for below in node.all():
            below.alternative = True


def _mark_counts(roots: Sequence[Node]) -> None:
    """Mark the fields that tables depend on. Raises FileRefused where one is missing."""
    nodes = [node for root in roots for node in root.all()]
    wanted = {node.item.depending_on.upper(): node.item for node in nodes if node.item.depending_on}
    for node in nodes:
        if node.field is not None and node.name.upper() in wanted:
            node.counts = True
    found = {node.name.upper() for node in nodes if node.counts}
    for name, item in wanted.items():
        if name not in found:
            raise refusal(item.line, f"{item.name} depends on {item.depending_on}, which is not in the copybook")


def _mark_segments(roots: Sequence[Node], options: Options) -> None:
    """Mark the groups that only records of one segment hold, and whose children they are. Raises FileRefused."""
    groups = {node.name.upper(): node for root in roots for node in root.all() if node.field is None}
    for name in options.redefine_segment_id_map:
        _group(groups, name, "redefine_segment_id_map").segment = True
    for parent, children in options.segment_children.items():
        owner = _group(groups, parent, "segment_children")
        for child in children:
            group = _group(groups, child, "segment_children")
            if not group.segment or not owner.segment:
                raise FileRefused(f"'{parent}' or '{child}' has no segment id", "Name it in redefine_segment_id_map.")
            if _descends(owner, group, groups):
                raise FileRefused(f"segment '{child}' is its own ancestor", "Correct segment_children.")
            group.parent = owner.name


def _group(groups: Mapping[str, Node], name: str, option: str) -> Node:
    found = groups.get(column_name(name).upper())
    if found is None:
        raise FileRefused(f"{option} names '{name}', which is no group of the copybook", "Name a group of it.")
    return found


def _descends(node: Node, ancestor: Node, groups: Mapping[str, Node]) -> bool:
    """Whether a segment is another's descendant, or the same."""
    while True:
        if node is ancestor:
            return True
        if not node.parent:
            return False
        node = groups[node.parent.upper()]


class _Fillers:
    """Names what the copybook leaves unnamed, or leaves it out of the rows."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._groups = self._values = 0

    def name(self, roots: list[Node]) -> None:
        """Name all. Raises FileRefused where nothing is left."""
        if not self._named(roots, ""):
            raise FileRefused("the copybook consists of FILLER only", "Keep them with `drop_value_fillers: false`.")

    def _named(self, nodes: Sequence[Node], before: str) -> bool:
        """Name the nodes of one group; whether any of them is kept."""
        for node in nodes:
            if node.field is None:
                inside = self._named(node.children, node.name)
                node.kept = inside and not (node.item.filler and self._options.drop_group_fillers)
                if node.kept and node.item.filler:
                    self._groups += 1
                    node.name = self._called(f"{FILLER}_{self._groups}", before)
            else:
                node.kept = not (node.item.filler and self._options.drop_value_fillers)
                if node.kept and node.item.filler:
                    self._values += 1
                    node.name = self._called(f"{FILLER}_P{self._values}", before)
            before = node.name
        return any(node.kept for node in nodes)

    def _called(self, numbered: str, before: str) -> str:
        return numbered if self._options.filler_naming_policy == "sequence_numbers" else f"{FILLER}_AFTER_{before}"


def _with_extras(nodes: Sequence[Node], options: Options) -> list[Node]:
    """The nodes with debug columns after fields, and groups as text after the groups of `non_terminals`."""
    wanted = {column_name(name).upper() for name in options.non_terminals}
    told: list[Node] = []
    for node in nodes:
        node.children = _with_extras(node.children, options)
        told.append(node)
        if node.field is not None and options.debug != "none" and node.kept:
            told.append(_debug(node, options))
        if node.field is None and node.name.upper() in wanted:
            told.append(_extra(node, f"{node.name}_NT", FieldType("text", node.length), node.item.occurs))
    return told


def _debug(node: Node, options: Options) -> Node:
    """A field's bytes beside its value."""
    usage = FieldType("text" if options.debug == "string" else "bytes", node.length)
    told = _extra(node, f"{node.name}_debug", usage, node.item.occurs)
    told.raw = options.debug == "raw"
    return told


def _extra(node: Node, name: str, kind: FieldType, occurs: int | None) -> Node:
    item = replace(node.item, name=name, field=kind, children=(), charset="", occurs=occurs)
    return Node(item, name, node.offset, node.length, node.size, extra=True, alternative=True)


def _columns(roots: Sequence[Node], options: Options) -> list[Node]:
    """The nodes that become columns: those below the roots, or the roots."""
    flat = any(root.field is not None for root in roots)
    if options.schema_retention_policy == "keep_original" or flat:
        return [root for root in roots if root.kept and not root.parent]
    return [node for root in roots if root.kept for node in root.children if node.kept and not node.parent]


def _made_unique(columns: Sequence[Node]) -> list[str]:
    """Give neighbours of one name different ones, also below them; the new names. Raises FileRefused for ours."""
    renamed: list[str] = []
    used: set[str] = set()
    for node in columns:
        if node.name in RESERVED:
            raise FileRefused(f"the copybook has a field '{node.name}', which is a name of ours", "Rename it there.")
        if node.name in used:
            number = next(count for count in range(2, len(columns) + 2) if f"{node.name}_{count}" not in used)
            node.name = f"{node.name}_{number}"
            renamed.append(node.name)
        used.add(node.name)
        renamed += _made_unique([child for child in node.children if child.kept])
    return renamed


def printed(layout: Layout) -> str:
    """The layout as a table for people: each field with its first and last byte, from 1, and its length."""
    lines: list[str] = []

    def _line(node: Node, depth: int) -> None:
        marks = "D" * node.counts + "r" * node.redefined + "R" * bool(node.item.redefines)
        marks += "[]" * (node.item.occurs is not None)
        told = f"{'  ' * depth}{node.item.level} {node.name}"
        start = node.offset + 1
        place = f"{len(lines) + 1:>5}{start:>7}{start + node.size - 1:>7}{node.size:>7}"
        lines.append(f"{told:<39}{marks:<11}{place}")
        for child in node.children:
            if not child.extra:
                _line(child, depth + 1)

    for root in layout.roots:
        _line(root, 0)
    return "\n".join((HEADING, *lines))

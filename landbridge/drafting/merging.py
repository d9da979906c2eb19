"""Add properties to a contract that its owner has edited, without touching a letter of what stands there.

The new lines are put behind the last property as text. Where that is not possible (a list in flow style, tabs, anchors
at the end), the file is written anew by ruamel.yaml, which keeps comments and order but may wrap lines differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_UNWRAPPED = 10_000  # columns; ruamel.yaml would fold long lines of the owner's


def dash_column(text: str) -> int:
    """The column at which the properties of a contract begin, so that new ones stand below them."""
    found = _properties(text)
    return int(found.start_mark.column) if found is not None and not found.flow_style else 6


def with_properties(text: str, lines: Sequence[str]) -> str:
    """The contract's text with further properties; `lines` are entries at `dash_column(text)`."""
    added = plain("\n".join(lines))
    wanted = _appended(plain(text), added)
    inserted = _inserted(text, lines)
    if inserted is not None and same(inserted, wanted):
        return inserted
    yaml = round_trip()
    whole = yaml.load(text)
    whole["schema"][0]["properties"].extend(yaml.load("\n".join(lines)))
    out = StringIO()
    yaml.dump(whole, out)
    return out.getvalue()


def _inserted(text: str, lines: Sequence[str]) -> str | None:
    found = _properties(text)
    if found is None or found.flow_style or not found.value:
        return None
    kept = text.splitlines(keepends=True)
    at = line_behind(found.value[-1], kept)
    ending = "\r\n" if "\r\n" in text else "\n"
    before = kept[:at]
    if before and not before[-1].endswith("\n"):
        before[-1] += ending
    return "".join([*before, *(line + ending for line in lines), *kept[at:]])


def line_behind(node: Node, kept: Sequence[str]) -> int:
    """The number of the line behind a node's last one, counted from 0; comments that belong to it stay before it."""
    column = node.start_mark.column
    last = node
    while isinstance(last, MappingNode | SequenceNode) and last.value and not last.flow_style:
        last = last.value[-1][1] if isinstance(last, MappingNode) else last.value[-1]
    block = isinstance(last, ScalarNode) and last.style in ("|", ">")
    at = int(last.end_mark.line) + (0 if block else 1)
    while at > 0 and block and at <= len(kept) and not kept[at - 1].strip():
        at -= 1
    while at < len(kept) and kept[at].lstrip().startswith("#") and len(kept[at]) - len(kept[at].lstrip()) >= column:
        at += 1
    return at


def _properties(text: str) -> SequenceNode | None:
    """The node of the one schema object's properties."""
    node: Any = YAML().compose(text)
    for step in ("schema", 0, "properties"):
        if isinstance(step, int):
            node = node.value[step] if isinstance(node, SequenceNode) and len(node.value) > step else None
        else:
            node = next((value for key, value in node.value if key.value == step), None) if node else None
        if node is None:
            return None
    return node if isinstance(node, SequenceNode) else None


def round_trip() -> YAML:
    """A reader and writer that keeps comments, order, quotes and long lines."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _UNWRAPPED
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def plain(text: str) -> Any:
    """What YAML says, as plain lists and mappings."""
    return YAML(typ="safe", pure=True).load(text)


def same(text: str, wanted: Any) -> bool:
    """Whether YAML says what is wanted; False for a text that is no YAML."""
    try:
        return bool(plain(text) == wanted)
    except YAMLError:
        return False


def _appended(whole: Any, added: Sequence[Any]) -> Any:
    schema = whole["schema"]
    first = schema[0] | {"properties": [*schema[0]["properties"], *added]}
    return whole | {"schema": [first, *schema[1:]]}

"""Add gap rules to a contract that its owner has edited, without touching a letter of what stands there.

The new lines are put behind the last rule, the last of `customProperties`, or before `schema`, as text. Where that is
not possible (flow style, tabs), the file is written anew by ruamel.yaml, which keeps comments and order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from landbridge.drafting.merging import line_behind, plain, round_trip, same
from landbridge.drafting.yaml_text import WIDTH, entry, flow, remark

GAPS = "landbridge.gaps"


@dataclass(frozen=True)
class AddedRule:
    """A rule as a contract writes it, and the sentences that stand above it as comments."""

    rule: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


def rule_lines(one: AddedRule, *, indent: int) -> list[str]:
    """The rule as an entry of a list, below its remarks; on one line where it fits."""
    lines = [line for text in one.remarks for line in remark(text, indent=indent)]
    short = f"{' ' * indent}- {flow(one.rule)}"
    if len(short) <= WIDTH:
        return [*lines, short]
    inner = [line for key, value in one.rule.items() for line in _keyed(key, value, indent + 2)]
    return [*lines, f"{' ' * indent}- {inner[0].lstrip()}", *inner[1:]]


def _keyed(key: str, value: object, indent: int) -> list[str]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [f"{' ' * indent}{key}:", *(f"{' ' * indent}  - {flow(one)}" for one in value)]
    return entry(key, value, indent=indent)


def with_gap_rules(text: str, rules: Sequence[AddedRule]) -> str:
    """The contract's text with further gap rules."""
    wanted = _added(plain(text), [dict(one.rule) for one in rules])
    inserted = _inserted(text, rules)
    if inserted is not None and same(inserted, wanted):
        return inserted
    yaml = round_trip()
    whole = _added(yaml.load(text), [yaml.load(flow(one.rule)) for one in rules], in_place=True)
    out = StringIO()
    yaml.dump(whole, out)
    return out.getvalue()


def _inserted(text: str, rules: Sequence[AddedRule]) -> str | None:
    """The text with the rules put in as lines; None where what stands there is in flow style."""
    root = YAML().compose(text)
    custom = _of(root, "customProperties")
    gaps = next((one for one in _entries(custom) if _scalar(_of(one, "property")) == GAPS), None)
    value = _of(gaps, "value")
    kept = text.splitlines(keepends=True)
    if gaps is not None:
        if not _is_block(value):
            return None
        at, indent = line_behind(value.value[-1], kept), int(value.start_mark.column)
        lines = [line for one in rules for line in rule_lines(one, indent=indent)]
    elif custom is not None:
        if not _is_block(custom):
            return None
        at, lines = line_behind(custom.value[-1], kept), _property(rules, int(custom.start_mark.column))
    else:
        at, lines = _before_schema(root, kept), ["customProperties:", *_property(rules, 2)]
    ending = "\r\n" if "\r\n" in text else "\n"
    before = kept[:at]
    if before and not before[-1].endswith("\n"):
        before[-1] += ending
    return "".join([*before, *(line + ending for line in lines), *kept[at:]])


def _property(rules: Sequence[AddedRule], indent: int) -> list[str]:
    pad = " " * indent
    lines = [line for one in rules for line in rule_lines(one, indent=indent + 4)]
    return [f"{pad}- property: {GAPS}", f"{pad}  value:", *lines]


def _before_schema(root: Any, kept: Sequence[str]) -> int:
    """The line of `schema`, or of the comments above it, counted from 0."""
    at = next((int(key.start_mark.line) for key, _ in root.value if key.value == "schema"), len(kept))
    while at > 0 and kept[at - 1].startswith("#"):
        at -= 1
    return at


def _of(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _entries(node: Any) -> Sequence[Node]:
    return node.value if isinstance(node, SequenceNode) else ()


def _scalar(node: Any) -> object:
    return None if node is None else node.value


def _is_block(node: Any) -> bool:
    return isinstance(node, SequenceNode) and not node.flow_style and bool(node.value)


def _added(whole: Any, rules: list[Any], *, in_place: bool = False) -> Any:
    """The loaded contract with the rules in its list; a copy as far as it differs, unless `in_place`."""
    custom = whole.get("customProperties") or []
    there = next((n for n, one in enumerate(custom) if one.get("property") == GAPS), None)
    if in_place:
        if there is None:
            whole.setdefault("customProperties", []).append({"property": GAPS, "value": rules})
        else:
            custom[there]["value"] = custom[there].get("value") or []
            custom[there]["value"].extend(rules)
        return whole
    if there is None:
        return whole | {"customProperties": [*custom, {"property": GAPS, "value": rules}]}
    more = custom[there] | {"value": [*(custom[there].get("value") or []), *rules]}
    return whole | {"customProperties": [*custom[:there], more, *custom[there + 1 :]]}

"""Tell entities to a person at the command line: tables of what waits, and one entity whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from landbridge import show
from landbridge.entity_reviewing import FIRST, ID_SHOWN

COUNTS = ("records", "entities", "linked_entities", "by_key", "by_match", "by_decision", "refused", "waits")


def tell_summaries(found: Sequence[dict[str, Any]]) -> None:
    """A line for each entity of the project."""
    if not found:
        show.line("The project declares no entity: entities/ holds no file.")
        return
    show.table([one | {"members": ", ".join(one["members"])} for one in found], ("entity", "members", *COUNTS),
               right=COUNTS)  # fmt: skip


def tell_doubts(found: Sequence[dict[str, Any]], waits: int) -> None:
    """The pairs that wait, the most uncertain first."""
    if not found:
        show.line("No pair waits for a person.")
        return
    for one in found[:FIRST]:
        _pair(one)
    if waits > len(found[:FIRST]):
        show.line(f"and {waits - len(found[:FIRST]):,} more; --json lists all")
    show.line("landbridge entities accept PAIR, or refuse PAIR, with --reason TEXT")


def tell_entity(told: dict[str, Any]) -> None:
    """One entity: its golden record, its members, the links between them, and what people said."""
    show.line(f"{told['id']}  {told['entity']}")
    show.line("known by")
    for one in told["golden"]:
        others = f", {one['others']} other values" if one["others"] > 1 else ", 1 other value" if one["others"] else ""
        show.line(f"  {one['field']}: {one['value']}  ({one['source']}, {one['reason']}{others})")
    show.line("records")
    for one in told["members"]:
        show.line(f"  {one['dataset']}:{one['key']}")
    show.line("links")
    for one in told["links"]:
        _pair(one, indent="  ")
    show.line("decisions")
    for one in told["decisions"]:
        what = "the same" if one["same"] else "not the same"
        show.line(f"  {one['at'][:16]} {' and '.join(one['between'])} are {what}, by {one['by']}: {one['reason']}")


def _pair(one: dict[str, Any], *, indent: str = "") -> None:
    left, right = (f"{one[side]['dataset']}:{one[side]['key']}" for side in ("left", "right"))
    what = f"{one['decision']} by {one['way']}" if one["decision"] != "review" else f"review ({one['reason']})"
    show.line(f"{indent}{one['pair'][:ID_SHOWN]}  {one['probability']:.3f}  {left} and {right}  {what}")
    for word in ("agree", "differ", "unknown"):
        if one[word]:
            told = (f"{name} {_bits(one['evidence'][name])}".strip() for name in one[word])
            show.line(f"{indent}    {word}: {', '.join(told)}")
    if one["decision"] == "review":
        for side in ("left", "right"):
            values = ", ".join(f"{name}={value}" for name, value in one[side]["values"].items())
            show.line(f"{indent}    {one[side]['dataset']}: {values}")


def _bits(weight: float | None) -> str:
    return "" if weight is None else f"({weight:+.1f})"

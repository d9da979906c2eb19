"""One difference between two contracts of a dataset, and what it means for those who read the dataset."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import Enum
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from catalog.models import Classification, Declaration, Place

ChangeKind = Literal[
    "field_added", "field_removed", "field_renamed", "type_changed", "made_required", "made_optional", "key_changed",
    "classification_lowered", "classification_raised", "mask_weakened", "mask_strengthened", "personal_unmarked",
    "personal_marked", "roles_widened", "roles_narrowed", "meaning_changed", "value_loosened", "value_tightened",
    "rule_added", "rule_removed", "rule_loosened", "rule_tightened", "rule_described", "relation_added",
    "relation_removed", "gap_rule_added", "gap_rule_removed", "gap_rule_loosened", "gap_rule_tightened",
    "gap_rule_described", "document_added", "document_removed", "document_regrouped", "document_reworded",
    "scope_changed", "freshness_loosened", "freshness_tightened", "threshold_raised", "threshold_lowered",
    "reading_changed", "described",
]  # fmt: skip
Access = Literal["same", "widened", "narrowed"]
Effect = Literal["breaking", "widened access", "narrowed access", "compatible"]
SHOWN = 100  # characters of a value in a sentence
Plain: TypeAlias = Any  # what JSON can say


class Change(Declaration):
    """One difference. `subject` is the field, rule, relation or document it is about; empty: the whole dataset.

    `before` and `after` are the two values as text, None where there was none. `breaking`: code or agents that read
    the dataset may fail or be misled. `access`: who may see values that they could not see, or no longer.
    """

    kind: ChangeKind
    subject: str = ""
    before: str | None = None
    after: str | None = None
    breaking: bool = False
    access: Access = "same"
    sentence: str
    place: Place  # in the contract as it is now; what is gone has the place of what held it

    @property
    def effect(self) -> Effect:
        """The gravest thing to say of it, in two words."""
        if self.access == "widened":
            return "widened access"
        if self.breaking:
            return "breaking"
        return "narrowed access" if self.access == "narrowed" else "compatible"

    @property
    def needs_new_line(self) -> bool:
        """Whether only a new major version may carry it."""
        return self.breaking or self.access == "widened"

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.line}: {self.effect}: {self.sentence}"


def plain(value: object) -> Plain:
    """A declared value as JSON would give it back, without places: lists for tuples, so that both sides compare."""
    if isinstance(value, BaseModel):
        return {name: plain(one) for name, one in value if name != "place"}
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, timedelta):
        return f"{value / timedelta(hours=1):g} h"
    return value.name if isinstance(value, Enum) else value


def canonical(value: object) -> str:
    """One text for equal values; 1, "1", 1.0 and true are four different ones."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False)


def as_text(value: object) -> str | None:
    """A value as a person reads it; None where nothing is declared."""
    told = plain(value)
    if told is None or told == "" or (isinstance(told, list | dict) and not told):
        return None
    if isinstance(value, Classification):
        return value.name
    if isinstance(told, dict):
        told = {name: one for name, one in told.items() if one not in (None, "", [], {})}
    return told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)


def moved(before: str | None, after: str | None) -> str:
    """`from x to y`, as the end of a sentence."""
    return f"from {_short(before)} to {_short(after)}"


def _short(text: str | None) -> str:
    """A value on one line of a sentence; the whole of it stands in `before` and `after`."""
    line = "nothing" if text is None else " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."

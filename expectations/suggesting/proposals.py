"""What a suggested gap rule is: the words a contract would hold, why they are suggested, and what they would report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.models import Dataset, GapKind

LONGEST_NAME = 64


@dataclass(frozen=True)
class Proposal:
    """A rule that the rows speak for, before it was tried.

    `words` are the keys of the rule as a contract writes them, without `name`, `kind` and `severity`. `guards`: worth
    having although nothing is missing today. `measured` holds shares (0..1) and counts, never a value of a row.
    `confidence` (0..1) is the share of what was looked at that speaks for the rule, 1 where the contract says it;
    None: the share of the rows that the rule finds nothing in.
    """

    dataset: str
    kind: GapKind
    words: Mapping[str, Any]
    about: str  # begins the rule's name
    reason: str  # one sentence
    guards: bool = True
    measured: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None


@dataclass(frozen=True)
class Suggestion:
    """A rule that was tried: `found` is how many gaps, counted in `unit`, it would report today in `findings`."""

    dataset: str
    kind: GapKind
    rule: Mapping[str, Any]
    reason: str
    found: int
    findings: int
    unit: str
    measured: Mapping[str, float]
    confidence: float

    @property
    def id(self) -> str:
        """`DATASET/NAME`: the same while the rows speak for the same, and the contract does not take the name."""
        return f"{self.dataset}/{self.rule['name']}"

    def as_json(self) -> dict[str, Any]:
        """The documented shape of one entry in `gaps --suggest --json`."""
        return {
            "id": self.id, "confidence": round(self.confidence, 4), "dataset": self.dataset, "kind": self.kind,
            "rule": dict(self.rule), "reason": self.reason,
            "found": self.found, "findings": self.findings, "unit": self.unit, "measured": dict(self.measured),
        }  # fmt: skip


def free_name(about: str, taken: set[str]) -> str:
    """A rule name that the contract does not use: a letter, then letters, digits, hyphens; it is added to `taken`."""
    stem = re.sub(r"[^a-z0-9]+", "-", about.lower()).strip("-")
    stem = (stem if re.match("[a-z]", stem) else f"gap-{stem}")[:LONGEST_NAME].strip("-")
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem[: LONGEST_NAME - 4].strip('-')}-{number}"
    taken.add(name)
    return name


def names_taken(dataset: Dataset) -> set[str]:
    """The names of rules that the contract holds."""
    return {rule.name for rule in dataset.gap_rules} | {rule.name for rule in dataset.rules}


def percent(share: float) -> str:
    """`96.4 %`; rounded towards the middle, so that what is not whole does not read 100 %."""
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(share * 100, 0.01), 99.99):.2f} %".replace(".00 %", " %")

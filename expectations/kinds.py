"""Name the kind of gap that a finding tells of: one of the eleven, or `contract` for a promise about single rows."""

from __future__ import annotations

from typing import Literal, get_args

from catalog.models import GapKind, Project
from ledger import Finding

Kind = Literal[
    "orphan-reference", "missing-entity", "conflict", "stale-field", "missing-period", "coverage", "volume-loss",
    "mixed-format", "schema-drift", "knowledge-gap", "unreadable", "contract",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

_DECLARED: dict[GapKind, Kind] = {
    "missing_reference": "orphan-reference",
    "missing_entity": "missing-entity",
    "conflict": "conflict",
    "stale_field": "stale-field",
    "missing_period": "missing-period",
    "missing_sequence": "missing-period",
    "missing_value": "coverage",
    "segment_coverage": "coverage",
    "mixed_format": "mixed-format",
}
_FOUND: dict[str, Kind] = {  # rules that nobody declares, by their name before a slash
    "volume-loss": "volume-loss",
    "volume-drop": "volume-loss",
    "accounting": "volume-loss",
    "deletion-threshold": "volume-loss",
    "quarantine-threshold": "volume-loss",
    "knowledge-gap": "knowledge-gap",
    "drift": "schema-drift",
    "columns-renamed": "schema-drift",
    "field-absent": "schema-drift",
    "header-mismatch": "schema-drift",
    "rows-present": "unreadable",
    "source-readable": "unreadable",
    "file-readable": "unreadable",
    "lines-readable": "unreadable",
    "members-unread": "unreadable",
    "memo-file-missing": "unreadable",
    "needs-ocr": "unreadable",
    "pages-unreadable": "unreadable",
    "pictures-not-read": "unreadable",
    "sheets-unreadable": "unreadable",
    "value-unreadable": "unreadable",
    "characters-replaced": "mixed-format",
    "encoding-mixed": "mixed-format",
}
_OF_ENTITIES: dict[str, Kind] = {  # what stands behind the entity's name
    "chain": "conflict",
    "review": "knowledge-gap",
    "foreign-decisions": "knowledge-gap",
    "unused-decisions": "orphan-reference",
    "unjudged": "coverage",
    "skipped": "coverage",
}


def kind_of(finding: Finding, project: Project) -> Kind:
    """The kind of a finding. A declared gap rule has the kind that its contract says, whatever its name."""
    name = finding.rule.partition("/")[0]
    dataset = project.datasets.get(finding.dataset)
    if dataset and finding.stage == "gaps":
        declared = {rule.name: rule.kind for rule in dataset.gap_rules}
        if name in declared:
            return _DECLARED.get(declared[name], "contract")
    if finding.stage == "entities":
        return _of_entity(finding.rule, project)
    if dataset and finding.rule in {rule.name for rule in dataset.rules}:
        return "contract"  # whatever its owner calls it
    return _FOUND.get(name, "contract")


def _of_entity(rule: str, project: Project) -> Kind:
    """By what a finding tells of a declared entity: `entity-NAME-WHAT`, or `entity-NAME-conflict-DATASET`."""
    for name in project.entities:
        what = rule.removeprefix(f"entity-{name}-")
        if what in _OF_ENTITIES:
            return _OF_ENTITIES[what]
        if what != rule and what.startswith("conflict-"):
            return "conflict"
    return "contract"

"""Compare the world with the contracts, and the contracts with what is published, without running anything."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import connectors
from catalog.change import Change
from catalog.errors import Refusal, SourceError
from catalog.home import Home
from catalog.models import Classification, Project
from catalog.published import contract_path, published_contract, published_names
from connectors.shapes import Shape
from ledger import Finding

WITHDRAWING = ("deprecated", "retired")  # a dataset whose readers were told that it goes


@dataclass(frozen=True)
class ContractCheck:
    """What the contracts change against those that are published, and what of it is refused."""

    changes: tuple[tuple[str, Change], ...]  # each with its dataset
    findings: tuple[Finding, ...]


def check_contracts(project: Project) -> ContractCheck:
    """Hold every contract against the one its dataset was last published under; the sources are not asked."""
    from pipelines.contract_versions import compare, findings_of, unreadable

    home = Home.of(project.folder)
    changes: list[tuple[str, Change]] = []
    findings = _withdrawn(project, home)
    for name in sorted(project.datasets):
        try:
            compared = compare(home, project.datasets[name])
        except Refusal as refused:
            findings.append(unreadable(refused, project.datasets[name]))
            continue
        if compared is not None:
            changes += [(name, change) for change in compared.changes]
            findings += [_apart(finding) for finding in findings_of(compared)]
    return ContractCheck(tuple(changes), tuple(findings))


def change_row(dataset: str, change: Change) -> dict[str, Any]:
    """The documented shape of one change in `check --json`."""
    place = {"dataset": dataset, "file": change.place.file, "line": change.place.line, "effect": change.effect}
    return place | change.model_dump(mode="json", exclude={"place"})


def _apart(finding: Finding) -> Finding:
    """A finding without the changes it is made of, which are listed one by one."""
    return finding.model_copy(update={"evidence": {k: v for k, v in finding.evidence.items() if k != "changes"}})


def _withdrawn(project: Project, home: Home) -> list[Finding]:
    """Datasets that are published and that no contract declares any more, unless they were on their way out."""
    findings = []
    for name in published_names(home):
        if name in project.datasets:
            continue
        path = contract_path(home, name)
        try:
            before = published_contract(home, name)
        except Refusal:
            before = None  # unreadable, and undeclared: it is told all the same
        if before is not None and before.status in WITHDRAWING:
            continue
        findings.append(
            Finding(
                rule="contract-withdrawn", dataset=name, stage="indexed", severity="critical", count=1,
                unit="contracts", message="It is published, and no contract declares it any more.",
                owner=before.owner if before else "",
                remedy=f"Bring its contract back, publish it with status: deprecated, and remove it then. Where nobody "
                f"reads it any more, remove {path}.",
            )
        )  # fmt: skip
    return findings


def check_sources(project: Project) -> list[Finding]:
    """Reach every source and list where it differs from its contract; an unreachable one is a critical finding."""
    findings: list[Finding] = []
    told: set[str] = set()  # sources whose kind and options are judged, once and not for each dataset
    for name in sorted(project.datasets):
        dataset = project.datasets[name]
        source = project.sources[dataset.source]
        try:
            if source.name not in told:
                findings += connectors.kind_findings(source, dataset)
            told.add(source.name)
            findings += connectors.drift(source, dataset, folder=project.folder, last=_accepted(project, name))
        except SourceError as error:
            findings.append(connectors.unreadable(error, source, dataset))
    return findings


def _accepted(project: Project, name: str) -> Shape | None:
    """The shape of a dataset's source that the last run accepted; None before the first."""
    from pipelines.store import read_json

    told = read_json(Home.of(project.folder).manifest("raw", name)).get("shape")
    return Shape.model_validate(told) if told else None


def peek(project: Project, name: str, *, rows: int) -> tuple[list[dict[str, str]], list[dict[str, str]], list[Finding]]:
    """Columns with their types, the first rows as text (confidential values as ***), and the drift findings."""
    dataset = project.datasets[name]
    source = project.sources[dataset.source]
    findings = list(connectors.drift(source, dataset, folder=project.folder, last=_accepted(project, name)))
    slow = source.model_copy(update={"reader": "plain"})  # what it tells first is not voided later
    with closing(connectors.read(slow, dataset, folder=project.folder)) as batches:
        batch = next(batches)  # there is always one, with the columns
    frame = batch.frame.head(rows)
    fields = {field.physical_name: field for field in dataset.fields}
    columns = [
        {
            "column": column,
            "type": str(dtype),
            "field": fields[column].name if column in fields else "",
            "promised": fields[column].type if column in fields else "",
        }
        for column, dtype in frame.schema.items()
    ]
    open_columns = {
        column
        for column in frame.columns
        if column.startswith("_")
        or (
            column in fields
            and not fields[column].mask
            and not fields[column].personal
            and fields[column].classification <= Classification.internal
        )
    }

    def cell(column: str, value: Any) -> str:
        if value is None:
            return ""
        return str(value) if column in open_columns else "***"

    found = [{column: cell(column, value) for column, value in row.items()} for row in frame.iter_rows(named=True)]
    return columns, found, findings

"""Compare the world with the contracts, without running anything."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import connectors
from catalog.errors import SourceError
from catalog.home import Home
from catalog.models import Classification, Project
from connectors.shapes import Shape
from ledger import Finding


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

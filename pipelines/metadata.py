"""What the Dagster UI shows about an asset: counts, previews, findings, the contract behind it. No personal value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from catalog.models import Classification, Dataset, Project
from expectations.kinds import kind_of
from ledger import Account, Finding
from pipelines.site import Site
from pipelines.stages.gaps import Known
from pipelines.stages.indexed import Indexed
from pipelines.stages.raw import Raw
from pipelines.stages.ready import Ready
from pipelines.workplace import backlog, told_duration

PREVIEW_ROWS = 5
PREVIEW_WIDTH = 60  # characters of a cell

Metadata = dict[str, Any]


def of_source(project: Project, dataset: Dataset) -> Metadata:
    """Where rows come from. A location is shown as declared, so a secret stays a reference."""
    source = project.sources[dataset.source]
    return {
        "source": source.name,
        "kind": source.kind,
        "location": source.location,
        "holds": dataset.physical_name,
        "contract": dg.MetadataValue.path(str(project.folder / dataset.place.file)),
    }


def of_contract(project: Project, dataset: Dataset) -> Metadata:
    """The promised schema with types, descriptions and labels, as Dagster's column schema."""
    columns = [
        dg.TableColumn(
            name=field.name,
            type=field.type,
            description=field.description or None,
            constraints=dg.TableColumnConstraints(nullable=not field.required, unique=field.unique),
            tags={"classification": field.classification.name} | ({"mask": field.mask} if field.mask else {}),
        )
        for field in dataset.fields
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "contract": dg.MetadataValue.path(str(project.folder / dataset.place.file)),
        "contract_version": dataset.version,
        "primary_key": ", ".join(dataset.key),
    }


def of_documents(dataset: Dataset) -> Metadata:
    """The templates that rows are told by."""
    told = "\n".join(f"- **{template.name}**: {template.text}" for template in dataset.documents)
    return {"documents": dg.MetadataValue.md(told)}


def of_raw(site: Site, dataset: Dataset, raw: Raw) -> Metadata:
    """Rows pulled, lines refused, when the source was read and when it last changed."""
    return {
        "dagster/row_count": raw.rows,
        "rejected_lines": raw.rejected,
        "rows_fetched": raw.fetched,
        "way_of_the_rows": raw.path or "file",
        "changed": raw.changed,
        "checked_at": raw.checked_at,
        "changed_at": raw.changed_at,
        "file": dg.MetadataValue.path(str(site.home.raw(dataset.name))),
    }


def of_ready(site: Site, dataset: Dataset, ready: Ready) -> Metadata:
    """Rows that passed, rows set aside, and the first of them with confidential values hidden."""
    told: Metadata = {
        "dagster/row_count": ready.rows,
        "quarantined": ready.quarantined,
        "filtered": ready.filtered,
        "duplicate": ready.duplicate,
        "changed": ready.changed,
        "verdict": ready.verdict,
        "why": ready.why,
    }
    path = site.home.ready(dataset.name)
    if path.exists():
        told["preview"] = _preview(pl.read_parquet(path, n_rows=PREVIEW_ROWS), dataset)
        told["file"] = dg.MetadataValue.path(str(path))
    if ready.quarantined:
        told["quarantine_file"] = dg.MetadataValue.path(str(site.home.quarantine(dataset.name)))
    waiting = backlog(site, dataset.name)
    if waiting:
        told["quarantine"] = _table(
            [
                {
                    "rule": one.rule,
                    "open": one.open,
                    "oldest": told_duration(one.oldest),
                    "median_age": told_duration(one.median_age),
                    "out_in_90_days": one.out,
                    "median_time_to_release": told_duration(one.median_to_release),
                }
                for one in waiting
            ]
        )
    return told


def of_gaps(site: Site, known: Known) -> Metadata:
    """The gap report as a table."""
    return {"open_gaps": len(known.findings), "changed": known.changed, **of_findings(known.findings, site)}


def of_indexed(made: Indexed) -> Metadata:
    """The accounting, and what the run did to the index."""
    return {
        "dagster/row_count": made.account.indexed,
        "documents": made.documents,
        "added": made.added,
        "changed": made.changed,
        "deleted": made.deleted,
        "embedded": made.embedded,
        "truncated": made.truncated,
        "why": made.why,
        "index_version": made.version,
        "accounting": _accounting(made.account),
    }


def of_account(account: Account, findings: Sequence[Finding]) -> Metadata:
    """The identity, and the keys that break it."""
    told: Metadata = {"accounting": _accounting(account), "balanced": account.balanced}
    if account.missing_keys:
        told["keys"] = ", ".join(account.missing_keys)
    return told | of_findings(findings)


def of_findings(findings: Iterable[Finding], site: Site | None = None) -> Metadata:
    """Findings as a table, the gravest first; with their kind, state and age where the ledger of `site` is at hand."""
    order, findings = {"critical": 0, "warning": 1, "info": 2}, list(findings)
    lives = _lives(site, findings) if site and findings else {}
    rows: list[Mapping[str, str | int]] = [
        {
            "rule": finding.rule,
            "dataset": finding.dataset,
            "severity": finding.severity,
            "count": finding.count,
            "unit": finding.unit,
            "what": finding.message,
            "sample_keys": ", ".join(finding.sample_keys[:5]),
            "remedy": finding.remedy,
            **lives.get(finding.id, {}),
        }
        for finding in sorted(findings, key=lambda finding: (order[finding.severity], -finding.count))
    ]
    if not rows:
        return {"findings": "none"}
    return {"findings": _table(rows)}


def _lives(site: Site, findings: Sequence[Finding]) -> dict[str, dict[str, str]]:
    """What the ledger knows of findings, by their ids."""
    wanted, now = {finding.id for finding in findings}, site.clock()
    return {
        one.finding.id: {
            "kind": kind_of(one.finding, site.project),
            "state": one.state,
            "age": told_duration(one.age(now)),
        }
        for one in site.ledger.open_findings()
        if one.finding.id in wanted
    }


def _accounting(account: Account) -> dg.TableMetadataValue:
    names = ("read", "indexed", "quarantined", "filtered", "duplicate", "failed")
    return _table([{name: getattr(account, name) for name in names}])


def _table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])


def _preview(frame: pl.DataFrame, dataset: Dataset) -> dg.MarkdownMetadataValue:
    """A Markdown table of the first rows; personal, masked and confidential fields show as ***."""
    hidden = {
        field.name
        for field in dataset.fields
        if field.mask or field.personal or field.classification >= Classification.confidential
    }
    names = [field.name for field in dataset.fields]

    def cell(name: str, value: object) -> str:
        if value is None:
            return ""
        text = "***" if name in hidden else str(value)
        return text.replace("|", "\\|").replace("\n", " ")[:PREVIEW_WIDTH]

    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(cell(name, row[name]) for name in names) + " |" for row in frame.iter_rows(named=True)]
    return dg.MetadataValue.md("\n".join(lines))

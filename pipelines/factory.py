"""Dagster definitions from a project: per dataset `raw/x`, `ready/x`, `indexed/x`, and one `gaps` across them.

A pure function of the project. Assets are coarse on purpose, one per dataset and stage: a run records a handful of
events, however many rows there are. Bodies only call the stage functions and report what they returned.
"""
# No `from __future__ import annotations` here: Dagster reads the annotations of a context as they stand.

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg

from catalog.errors import ContractBlocked, LandbridgeError
from catalog.models import Dataset, Project
from ledger import Finding
from pipelines import metadata, stages
from pipelines.drops import file_sensor
from pipelines.site import Site
from pipelines.stages.indexed import related

REFRESH = "refresh"
ACCEPT_TAG = "landbridge/accept"  # names of datasets, comma-separated, whose drop a person approved for this run


def definitions_for(project: Project) -> dg.Definitions:
    """Assets, checks, the nightly schedule and the file-drop sensor of a project."""
    datasets = [project.datasets[name] for name in sorted(project.datasets)]
    assets: list[dg.AssetsDefinition] = [_gaps_asset(project)]
    checks: list[dg.AssetChecksDefinition] = []
    for dataset in datasets:
        assets += [_raw_asset(project, dataset), _ready_asset(project, dataset), _indexed_asset(project, dataset)]
        checks.append(_accounting_check(project, dataset))
    refresh = dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.all(),
        description="Pull every source, check it, find the gaps, bring the index up to date and publish it.",
    )
    nightly = dg.ScheduleDefinition(
        name="nightly",
        job=refresh,
        cron_schedule=project.schedule,
        execution_timezone=project.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The nightly refresh of everything.",
    )
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[refresh],
        schedules=[nightly],
        sensors=[file_sensor(project, REFRESH)],
        executor=dg.in_process_executor,
    )


def _site(project: Project, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Site:
    accepted = context.run.tags.get(ACCEPT_TAG, "")
    return Site.open(project, accept=frozenset(name for name in accepted.split(",") if name))


def _tags(dataset: Dataset) -> dict[str, str]:
    """The domain as a tag to filter by. Groups are the stages: the graph shows only the last part of a key."""
    name = _slug(dataset.domain)
    return {"landbridge/domain": name} if name else {}


def _slug(text: str) -> str:
    """A name as Dagster's tags and teams allow it."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text.lower())


def _owners(dataset: Dataset) -> list[str]:
    return [f"team:{_slug(dataset.owner)}"] if dataset.owner else []


def _described(dataset: Dataset, what: str) -> str:
    return f"{what}\n\n{dataset.title}. {dataset.description}".strip()


def _raw_asset(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    source = project.sources[dataset.source]

    @dg.asset(
        key=["raw", dataset.name],
        description=_described(dataset, f"Rows of `{dataset.physical_name}` as the source `{source.name}` holds them."),
        output_required=False,  # a held pull materializes nothing
        group_name="raw",
        op_tags={"dagster/priority": "1"},  # pulls come first: what is kept open at a source for them is kept shortly
        tags=_tags(dataset),
        owners=_owners(dataset),
        kinds={source.kind if source.kind != "fixed_width" else "file"},
        metadata=metadata.of_source(project, dataset),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=max(dataset.freshness, timedelta(minutes=2)))
        if dataset.freshness
        else None,
        check_specs=[
            dg.AssetCheckSpec(
                "source_keeps_its_promise",
                asset=["raw", dataset.name],
                blocking=True,
                description="The columns, the volume and the readable share are what the contract promises.",
            )
        ],
    )
    def raw(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        site = _site(project, context)
        try:
            pulled = stages.pull(site, dataset.name, run_id=context.run.run_id)
        except ContractBlocked as error:
            findings = site.ledger.findings(dataset=dataset.name, stage="raw")
            context.log.error(str(error))
            yield _check("source_keeps_its_promise", ["raw", dataset.name], findings, passed=False)
            return
        except LandbridgeError as error:
            raise dg.Failure(
                str(error), metadata={"remedy": getattr(error, "remedy", "")}, allow_retries=False
            ) from error
        yield dg.MaterializeResult(metadata=metadata.of_raw(site, dataset, pulled))
        yield _check("source_keeps_its_promise", ["raw", dataset.name], pulled.findings, passed=True)

    return raw


def _ready_asset(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    @dg.asset(
        key=["ready", dataset.name],
        deps=[["raw", dataset.name]],
        description=_described(dataset, "Rows that keep the contract: named, typed, in UTC, deduplicated, checked."),
        output_required=False,  # a blocked dataset keeps its last good rows
        group_name="ready",
        tags=_tags(dataset),
        owners=_owners(dataset),
        kinds={"polars", "parquet"},
        metadata=metadata.of_contract(project, dataset),
        check_specs=[
            dg.AssetCheckSpec(
                "contract",
                asset=["ready", dataset.name],
                blocking=True,
                description=f"{len(dataset.rules)} rules of the contract, checked by Great Expectations. "
                "A broken dataset rule blocks; a broken row rule sends rows to quarantine.",
            )
        ],
    )
    def ready(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        site = _site(project, context)
        made = stages.make_ready(site, dataset.name, run_id=context.run.run_id)
        if made.verdict != "block":
            yield dg.MaterializeResult(metadata=metadata.of_ready(site, dataset, made))
        yield _check("contract", ["ready", dataset.name], made.findings, passed=made.verdict != "block")

    return ready


def _gaps_asset(project: Project) -> dg.AssetsDefinition:
    names = sorted(project.datasets)

    @dg.asset(
        key=["gaps"],
        deps=[["ready", name] for name in names],
        description="What is missing or contradictory across systems: absent references, missing periods, conflicts.",
        group_name="gaps",
        kinds={"polars"},
        check_specs=[
            dg.AssetCheckSpec(
                "no_open_gaps", asset=["gaps"], description="A gap is never green: each one is a warning."
            )
        ],
    )
    def gaps(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        site = _site(project, context)
        known = stages.find_gaps(site, run_id=context.run.run_id)
        yield dg.MaterializeResult(metadata=metadata.of_gaps(known))
        yield _check("no_open_gaps", ["gaps"], known.findings, passed=not known.findings)

    return gaps


def _indexed_asset(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    told = sorted(related(dataset))

    @dg.asset(
        key=["indexed", dataset.name],
        deps=[["ready", dataset.name], ["gaps"], *(["ready", name] for name in told)],
        description=_described(dataset, "Documents agents may quote, embedded and published under the `live` tag."),
        group_name="indexed",
        tags=_tags(dataset),
        owners=_owners(dataset),
        kinds={"lancedb"},
        pool="index",
        metadata=metadata.of_documents(dataset),
    )
    def indexed(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        site = _site(project, context)
        try:
            made = stages.make_indexed(site, dataset.name, run_id=context.run.run_id)
        except LandbridgeError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        return dg.MaterializeResult(metadata=metadata.of_indexed(made))

    return indexed


def _accounting_check(project: Project, dataset: Dataset) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["indexed", dataset.name],
        name="accounting",
        description="read = indexed + quarantined + filtered + duplicate + failed, to the row, "
        "in the index as it is served; keys that break it are named.",
    )
    def accounting(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        site = _site(project, context)
        account, findings = stages.verify_indexed(site, dataset.name, run_id=context.run.run_id)
        return dg.AssetCheckResult(
            passed=account.balanced,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata=metadata.of_account(account, findings),
        )

    return accounting


def _check(
    name: str, key: list[str], findings: tuple[Finding, ...] | list[Finding], *, passed: bool
) -> dg.AssetCheckResult:
    """A failed check is an ERROR where a finding blocks, else a WARN; passed checks still list what was found."""
    blocking = any(finding.blocking for finding in findings)
    return dg.AssetCheckResult(
        passed=passed and not any(finding.severity == "critical" and finding.blocking for finding in findings),
        asset_key=key,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata=metadata.of_findings(findings),
    )


def load_definitions(folder: Path | str) -> dg.Definitions:
    """Definitions of the project in `folder`; raises ProjectError naming every fault in it."""
    from catalog import load_project

    return definitions_for(load_project(folder))

"""Dagster definitions from a project: per dataset `raw/x`, `ready/x`, `indexed/x`, and one `gaps` across them.

A pure function of the project. Assets are coarse on purpose, one per dataset and stage: a run records a handful of
events, however many rows there are. Bodies only call the stage functions and report what they returned.
"""
# No `from __future__ import annotations` here: Dagster reads the annotations of a context as they stand.

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from catalog.errors import ChangeHeld, ContractBlocked, LandbridgeError
from catalog.models import Dataset, Project
from ledger import Finding
from pipelines import asset_checks, metadata, stages
from pipelines.alert_sensors import alert_sensors
from pipelines.drops import file_sensor
from pipelines.entity_assets import entity_assets, entity_keys
from pipelines.readiness_assets import readiness_asset
from pipelines.site import Site
from pipelines.stages.indexed import related

REFRESH = "refresh"
ACCEPT_TAG = "landbridge/accept"  # names of datasets, comma-separated, whose drop a person approved for this run
ACCEPTED_BY_TAG = "landbridge/accepted-by"  # that person
HELD_TAG = "landbridge/held"  # names of datasets, comma-separated, of which a change waits for a person


def definitions_for(project: Project) -> dg.Definitions:
    """Assets, checks, the nightly schedule and the file-drop sensor of a project."""
    datasets = [project.datasets[name] for name in sorted(project.datasets)]
    assets: list[dg.AssetsDefinition] = [_gaps_asset(project), *entity_assets(project)]
    checks: list[dg.AssetChecksDefinition] = []
    for dataset in datasets:
        assets += [_raw_asset(project, dataset), _ready_asset(project, dataset), _indexed_asset(project, dataset)]
        checks.append(_accounting_check(project, dataset))
    assets.append(readiness_asset(project))
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
        sensors=[file_sensor(project, REFRESH), *alert_sensors(project)],
        executor=dg.in_process_executor,
    )


def _site(project: Project, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Site:
    accepted = context.run.tags.get(ACCEPT_TAG, "")
    by = context.run.tags.get(ACCEPTED_BY_TAG, "")
    return Site.open(project, accept=frozenset(name for name in accepted.split(",") if name), accepted_by=by)


def _held(context: dg.AssetExecutionContext, dataset: Dataset, told: str) -> None:
    """Mark the run: it is no failure, and it is not done. Nothing is materialized, so what is downstream is skipped."""
    context.log.warning(told)
    run = context.instance.get_run_by_id(context.run.run_id)
    names = {*run.tags.get(HELD_TAG, "").split(","), dataset.name} if run else {dataset.name}
    context.instance.add_run_tags(context.run.run_id, {HELD_TAG: ",".join(sorted(filter(None, names)))})


def _tags(dataset: Dataset) -> dict[str, str]:
    """The domain as a tag to filter by. Groups are the stages: the graph shows only the last part of a key."""
    name = _slug(dataset.domain)
    return {"landbridge/domain": name} if name else {}


def _slug(text: str) -> str:
    """A name as Dagster's tags and teams allow it."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text.lower())


def _owners(dataset: Dataset) -> list[str]:
    return [f"team:{_slug(dataset.owner)}"] if dataset.owner else []


def _freshness_policy(dataset: Dataset) -> dg.FreshnessPolicy | None:
    """The promised age of the source's read, below which Dagster shows the asset as fresh."""
    if dataset.freshness is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=max(dataset.freshness, timedelta(minutes=2)))


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
        freshness_policy=_freshness_policy(dataset),
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
            held = isinstance(error, ChangeHeld)
            if held:
                _held(context, dataset, str(error))
            else:
                context.log.error(str(error))
            yield _check(
                "source_keeps_its_promise", ["raw", dataset.name], findings, passed=False, held=held, site=site
            )
            return
        except LandbridgeError as error:
            raise dg.Failure(
                str(error), metadata={"remedy": getattr(error, "remedy", "")}, allow_retries=False
            ) from error
        yield dg.MaterializeResult(metadata=metadata.of_raw(site, dataset, pulled))
        yield _check("source_keeps_its_promise", ["raw", dataset.name], pulled.findings, passed=True, site=site)

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
        check_specs=asset_checks.contract_specs(dataset),
    )
    def ready(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        site = _site(project, context)
        made = stages.make_ready(site, dataset.name, run_id=context.run.run_id)
        report = asset_checks.of_check_report(site, dataset, made)
        if made.verdict != "block":
            yield dg.MaterializeResult(metadata=metadata.of_ready(site, dataset, made) | report)
        if made.held:
            _held(context, dataset, f"dataset '{dataset.name}' waits for approval: too many rows would be set aside")
        usable = made.verdict != "block"
        yield _check(
            "contract", ["ready", dataset.name], made.findings, passed=usable, held=made.held, more=report, site=site
        )
        yield from asset_checks.contract_results(dataset, made)

    return ready


def _gaps_asset(project: Project) -> dg.AssetsDefinition:
    names = sorted(project.datasets)

    @dg.asset(
        key=["gaps"],
        deps=[*(["ready", name] for name in names), *entity_keys(project)],
        description="What is missing or contradictory across systems: absent references, missing periods, conflicts.",
        group_name="gaps",
        kinds={"polars"},
        check_specs=asset_checks.gap_specs(project),
    )
    def gaps(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        site = _site(project, context)
        known = stages.find_gaps(site, run_id=context.run.run_id)
        yield dg.MaterializeResult(metadata=metadata.of_gaps(site, known) | asset_checks.of_gap_report(site, known))
        yield _check("no_open_gaps", ["gaps"], known.findings, passed=not known.findings, site=site)
        yield from asset_checks.gap_check_results(project, known)

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
        output_required=False,  # what is held is not published
        check_specs=[
            dg.AssetCheckSpec(
                "deletions",
                asset=["indexed", dataset.name],
                blocking=True,
                description="No more documents would go than the contract allows, or a person approved it.",
            )
        ],
        metadata=metadata.of_documents(dataset),
        freshness_policy=_freshness_policy(dataset),
    )
    def indexed(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        site = _site(project, context)
        try:
            made = stages.make_indexed(site, dataset.name, run_id=context.run.run_id)
        except ChangeHeld as error:
            _held(context, dataset, str(error))
            findings = site.ledger.findings(dataset=dataset.name, stage="indexed")
            yield _check("deletions", ["indexed", dataset.name], findings, passed=False, held=True, site=site)
            return
        except LandbridgeError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        yield dg.MaterializeResult(metadata=metadata.of_indexed(made))
        yield _check("deletions", ["indexed", dataset.name], made.findings, passed=True, site=site)

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
    name: str,
    key: list[str],
    findings: tuple[Finding, ...] | list[Finding],
    *,
    passed: bool,
    held: bool = False,
    more: Mapping[str, Any] | None = None,
    site: Site | None = None,
) -> dg.AssetCheckResult:
    """A failed check is an ERROR where a finding blocks, else a WARN; passed checks still list what was found.

    What is `held` is a WARN, too: nothing failed, a person is asked.
    """
    blocking = any(finding.blocking for finding in findings) and not held
    stops = [finding.message for finding in findings if finding.blocking]
    return dg.AssetCheckResult(
        description=stops[0] if stops else None,
        passed=passed and not any(finding.severity == "critical" and finding.blocking for finding in findings),
        asset_key=key,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata={**metadata.of_findings(findings, site), **(more or {})},
    )


def load_definitions(folder: Path | str) -> dg.Definitions:
    """Definitions of the project in `folder`; raises ProjectError naming every fault in it."""
    from catalog import load_project

    return definitions_for(load_project(folder))

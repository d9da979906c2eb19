"""Dagster definitions from a project: per dataset `raw/x`, `ready/x`, `indexed/x`, and one `gaps` across them.

A pure function of the project. Assets are coarse on purpose, one per dataset and stage: a run records a handful of
events, however many rows there are. Bodies only call the stage functions and report what they returned.
"""
# No `from __future__ import annotations` here: Dagster reads the annotations of a context as they stand.

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from catalog.models import Project
from pipelines import asset_checks, metadata, stages
from pipelines.alert_sensors import alert_sensors
from pipelines.card_assets import cards_asset
from pipelines.dataset_assets import accounting_check, indexed_asset, raw_asset, ready_asset
from pipelines.drops import file_sensor
from pipelines.entity_assets import entity_assets, entity_keys
from pipelines.readiness_assets import readiness_asset
from pipelines.run_marks import site_of

REFRESH = "refresh"
EXECUTOR = dg.in_process_executor.configured(
    # the step of a blocked dataset is red, but first it tells those behind it that its last good rows stand
    {"step_dependency_config": {"require_upstream_step_success": False}}
)


def definitions_for(project: Project) -> dg.Definitions:
    """Assets, checks, the nightly schedule and the file-drop sensor of a project."""
    datasets = [project.datasets[name] for name in sorted(project.datasets)]
    assets: list[dg.AssetsDefinition] = [_gaps_asset(project), *entity_assets(project)]
    checks: list[dg.AssetChecksDefinition] = []
    for dataset in datasets:
        assets += [raw_asset(project, dataset), ready_asset(project, dataset), indexed_asset(project, dataset)]
        checks.append(accounting_check(project, dataset))
    assets += [cards_asset(project), readiness_asset(project)]
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
        executor=EXECUTOR,
    )


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
        site = site_of(project, context)
        known = stages.find_gaps(site, run_id=context.run.run_id)
        yield dg.MaterializeResult(metadata=metadata.of_gaps(site, known) | asset_checks.of_gap_report(site, known))
        yield asset_checks.of_stage("no_open_gaps", ["gaps"], known.findings, passed=not known.findings, site=site)
        yield from asset_checks.gap_check_results(project, known)

    return gaps


def load_definitions(folder: Path | str) -> dg.Definitions:
    """Definitions of the project in `folder`; raises ProjectError naming every fault in it."""
    from catalog import load_project

    return definitions_for(load_project(folder))

"""What a Dagster run says of itself by tags, and how a step says that its dataset stands where it was.

An asset that stands is observed, not materialized: its time and Dagster's freshness stay those of the last good run.
"""
# No `from __future__ import annotations` here: Dagster reads the annotations of a context as they stand.

from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from catalog.models import Project
from pipelines.site import Site

ACCEPT_TAG = "landbridge/accept"  # names of datasets, comma-separated, whose drop a person approved for this run
ACCEPTED_BY_TAG = "landbridge/accepted-by"  # that person
HELD_TAG = "landbridge/held"  # names of datasets, comma-separated, of which a change waits for a person

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext
Told = dg.AssetCheckResult | dg.MaterializeResult[None] | dg.AssetObservation | dg.Output[None]


def site_of(project: Project, context: Context) -> Site:
    """The project at work in a run, with what a person accepted for it."""
    accepted = context.run.tags.get(ACCEPT_TAG, "")
    by = context.run.tags.get(ACCEPTED_BY_TAG, "")
    return Site.open(project, accept=frozenset(name for name in accepted.split(",") if name), accepted_by=by)


def mark_held(context: dg.AssetExecutionContext, dataset: str, told: str) -> None:
    """Mark the run: it is no failure, and it is not done."""
    context.log.warning(told)
    run = context.instance.get_run_by_id(context.run.run_id)
    names = {*run.tags.get(HELD_TAG, "").split(","), dataset} if run else {dataset}
    context.instance.add_run_tags(context.run.run_id, {HELD_TAG: ",".join(sorted(filter(None, names)))})


def stands(key: list[str], why: str, as_of: str) -> Iterator[dg.AssetObservation | dg.Output[None]]:
    """The output of a step that took nothing on: what is behind it goes on with what was there before.

    Dagster makes no materialization of an output with this mark. It is its own, for assets that are only observed.
    """
    yield dg.AssetObservation(asset_key=key, metadata={"stands": why, "as_of": as_of or "nothing was accepted yet"})
    yield dg.Output(None, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})

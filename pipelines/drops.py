"""Notice files that were dropped or changed, and refresh the datasets they feed."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg

import connectors
from catalog.errors import SourceError
from catalog.models import Dataset, Project
from pipelines.site import Site
from pipelines.store import fingerprint

SETTLED_AFTER = 5.0  # seconds without a write; a file still being copied waits for the next tick
EVERY = 30  # seconds between looks


def file_sensor(project: Project, job_name: str) -> dg.SensorDefinition:
    """A sensor that asks for one refresh when files of any dataset have changed and are no longer being written.

    The cursor is the state of all files at the last look, so a file that came while nobody watched is noticed.
    """
    watched = [dataset for dataset in project.datasets.values() if project.sources[dataset.source].kind != "sql"]

    @dg.sensor(
        name="dropped_files",
        job_name=job_name,
        minimum_interval_seconds=EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes when an export, a feed or a document folder changes.",
    )
    def dropped_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        site = Site.open(project)
        files = [path for dataset in watched for path in _files(site, dataset)]
        newest = max((path.stat().st_mtime for path in files), default=0.0)
        state = fingerprint(*(f"{path}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in sorted(files)))
        if state == context.cursor:
            return dg.SkipReason(f"{len(files)} files, none changed")
        if time.time() - newest < SETTLED_AFTER:
            return dg.SkipReason("a file is still being written")
        if context.cursor is None and all(site.home.raw(dataset.name).exists() for dataset in watched):
            context.update_cursor(state)
            if newest <= min(site.home.manifest("raw", dataset.name).stat().st_mtime for dataset in watched):
                return dg.SkipReason(f"{len(files)} files, all of them read already")
        context.update_cursor(state)
        return dg.RunRequest(run_key=state)

    return dropped_files


def _files(site: Site, dataset: Dataset) -> list[Path]:
    """The files of a dataset that are there now; an absent file is the run's finding, not the sensor's."""
    source = site.project.sources[dataset.source]
    try:
        return list(connectors.files_of(source, dataset, folder=site.project.folder))
    except SourceError:
        return []

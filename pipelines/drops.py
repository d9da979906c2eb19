"""Notice files that were dropped or changed, and refresh the datasets they feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

import connectors
from catalog.errors import LandbridgeError
from catalog.models import FILE_KINDS, Dataset, Project
from connectors import places
from pipelines.site import Site
from pipelines.store import fingerprint

EVERY = 30  # seconds between looks


LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Look:
    """What one look at a dataset's files tells: a mark of each, when the newest was written, whether all are whole."""

    marks: tuple[str, ...] = ()
    newest: datetime = LONG_AGO
    whole: bool = True


def file_sensor(project: Project, job_name: str) -> dg.SensorDefinition:
    """A sensor that asks for one refresh when files of any dataset have changed and are no longer being written.

    The cursor is the state of all files at the last look, so a file that came while nobody watched is noticed. Files
    on other machines are looked at by their listings; none is fetched.
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
        looks = [look(site, dataset) for dataset in watched]
        files = sorted({mark for one in looks for mark in one.marks})
        newest = max((one.newest for one in looks), default=LONG_AGO)
        state = fingerprint(*files)
        if state == context.cursor:
            return dg.SkipReason(f"{len(files)} files, none changed")
        if not all(one.whole for one in looks):
            return dg.SkipReason("a file is still being written")
        if context.cursor is None and all(site.home.raw(dataset.name).exists() for dataset in watched):
            context.update_cursor(state)
            if newest.timestamp() <= min(
                site.home.manifest("raw", dataset.name).stat().st_mtime for dataset in watched
            ):
                return dg.SkipReason(f"{len(files)} files, all of them read already")
        context.update_cursor(state)
        return dg.RunRequest(run_key=state)

    return dropped_files


def look(site: Site, dataset: Dataset) -> Look:
    """What is there of a dataset now; what is absent or cannot be reached is the run's finding, not the sensor's.

    A file whose marker has not come is not there yet.
    """
    source, folder = site.project.sources[dataset.source], site.project.folder
    try:
        if source.kind not in FILE_KINDS:
            return _of_paths(site, dataset)
        lying = [one for one in places.lying(source, dataset, folder=folder) if places.marked(one, source.marker)]
    except LandbridgeError:
        return Look()
    times = [one.entry.modified or datetime.now(UTC) for one in lying]
    marks = tuple(f"{source.name}:{one.name}:{one.state}" for one in lying)
    return Look(marks, max(times, default=LONG_AGO), not places.still_written(lying, source))


def _of_paths(site: Site, dataset: Dataset) -> Look:
    """The files of a plug-in's kind, which lie on this machine."""
    source = site.project.sources[dataset.source]
    told = [(path, path.stat()) for path in connectors.files_of(source, dataset, folder=site.project.folder)]
    newest = max((datetime.fromtimestamp(stat.st_mtime, UTC) for _, stat in told), default=LONG_AGO)
    marks = tuple(f"{path}:{stat.st_size}:{stat.st_mtime_ns}" for path, stat in told)
    return Look(marks, newest, (datetime.now(UTC) - newest).total_seconds() >= places.settled_after(source))

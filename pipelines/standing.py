"""Which datasets a run does not take on, and which of their rows stand meanwhile: the last that were accepted.

The others go on with the rows that stand. The gap stage decides it once for the whole run, and keeps it with the gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ledger import Finding
from pipelines.deletions import will_wait
from pipelines.site import Site
from pipelines.store import file_fingerprint, read_json


class Stop(BaseModel):
    """A dataset that a run does not take on, and why.

    `as_of` is when its source was read for the rows that stand, empty where no rows were ever accepted. `published`:
    those are the published rows, because the ready ones are ahead of what may be told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    stage: Literal["raw", "ready", "indexed"]
    as_of: str
    published: bool = False

    @property
    def told(self) -> str:
        """The rows that stand, for a reader."""
        if not self.as_of:
            return f"of '{self.dataset}' nothing was accepted yet"
        return f"'{self.dataset}' stands as of {self.as_of[:16].replace('T', ' ')} UTC"


def stopping(site: Site, name: str, *, before: Literal["ready", "indexed"] = "indexed") -> Finding | None:
    """What stops a dataset before a stage: the newest look at its source, or at its contract, blocks."""
    for stage in ("raw", "ready") if before == "indexed" else ("raw",):
        for finding in site.ledger.findings(dataset=name, stage=stage):
            if finding.blocking:
                return finding
    return None


def stops(site: Site, *, run_id: str) -> dict[str, Stop]:
    """Every dataset of the project that this run does not take on."""
    found: dict[str, Stop] = {}
    for name in sorted(site.project.datasets):
        finding, ahead = stopping(site, name), will_wait(site, name, run_id=run_id)
        if finding is not None or ahead:
            stage = "ready" if finding and finding.stage == "ready" else "raw" if finding else "indexed"
            found[name] = Stop(dataset=name, stage=stage, as_of=as_of(site, name, ahead=ahead), published=ahead)
    return found


def stops_kept(site: Site) -> dict[str, Stop]:
    """The stops that the last gap stage decided on."""
    kept = read_json(site.home.manifest("gaps", "all")).get("stops", [])
    return {one["dataset"]: Stop.model_validate(one) for one in kept}


def standing_rows(site: Site, name: str, stopped: Mapping[str, Stop]) -> Path:
    """The rows of a dataset that others may tell of; where nothing was ever accepted there is no such file."""
    return site.home.published(name) if name in stopped and stopped[name].published else site.home.ready(name)


def standing_mark(site: Site, name: str, stopped: Mapping[str, Stop]) -> str:
    """The fingerprint of these rows; empty where there are none."""
    if name in stopped and stopped[name].published:
        known: str = read_json(site.home.manifest("indexed", name)).get("ready", "")
        return known or file_fingerprint(site.home.published(name))
    mark: str = read_json(site.home.manifest("ready", name)).get("fingerprint", "")
    return mark


def as_of(site: Site, name: str, *, ahead: bool = False) -> str:
    """When the source was read for the rows that stand: the ready ones, or the published where these are `ahead`."""
    raw, ready, indexed = (read_json(site.home.manifest(stage, name)) for stage in ("raw", "ready", "indexed"))
    if not site.home.ready(name).exists():
        return ""
    moments: list[Any] = [indexed.get("as_of", "")]
    if not ahead:
        moments += [ready.get("as_of", ""), raw.get("checked_at", "") if ready.get("verdict") != "block" else ""]
    return str(max(moments))

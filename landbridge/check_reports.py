"""Where the report pages of checks and gaps lie, and what each says in a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catalog.home import Home
from catalog.models import Project

GAPS = "gaps across systems"


@dataclass(frozen=True)
class ReportFile:
    """One report: what it is about, its verdict, how many rules do not hold, when it was made, and its two files."""

    about: str
    verdict: str
    rules: int
    not_holding: int
    checked_at: str
    html: str
    json: str

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `report --json`."""
        return asdict(self)


def reports(project: Project, *, dataset: str | None = None) -> list[ReportFile]:
    """The reports there are, by dataset, and last that of the gaps; of one dataset only where it is named."""
    home = Home.of(project.folder)
    wanted = [(name, home.check_report(name)) for name in sorted(project.datasets) if dataset in (None, name)]
    if dataset is None:
        wanted.append((GAPS, home.gap_report))
    return [_read(about, path) for about, path in wanted if path.with_suffix(".json").exists()]


def _read(about: str, path: Path) -> ReportFile:
    beside = path.with_suffix(".json")
    told = json.loads(beside.read_text(encoding="utf-8"))
    broken = [one for one in told["results"] if one["verdict"] != "passed"]
    return ReportFile(
        about=about,
        verdict=told.get("verdict") or ("open" if told["findings"] else "none"),
        rules=len(told["results"]),
        not_holding=len(broken),
        checked_at=told["checked_at"],
        html=str(path),
        json=str(beside),
    )

"""Write the readiness report into the home: a page for people, the same as JSON for programs, each in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from catalog.fingerprint import path_fingerprint
from expectations.readiness import Score
from pipelines.site import Site
from pipelines.store import read_json, replacing, write_json


def write_readiness_report(site: Site, scores: Sequence[Score], now: datetime) -> None:
    """`reports/readiness.html` and `.json`; a run that is killed leaves the report of the one before."""
    from expectations.readiness.charts import Drawings
    from expectations.readiness.report_page import readiness_page

    path, kept = site.home.readiness_report, site.home.folder / "cache" / "charts.json"
    code = path_fingerprint("expectations.readiness.charts", rooms=("expectations",))
    known = read_json(kept)
    drawings = Drawings(known.get("drawn", {}) if known.get("code") == code else {})
    page = readiness_page(site.project, scores, site.ledger.readiness_history(), now, drawings)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    told = {"code": code, "drawn": drawings.told}
    if told != known:
        write_json(told, kept)
    write_json(report_json(site.project.name, scores, now), path.with_suffix(".json"))


def report_json(project: str, scores: Sequence[Score], now: datetime) -> dict[str, Any]:
    """The documented shape of the report, and of `landbridge readiness --json`."""
    told = [one.model_dump(mode="json") | {"known": one.known, "enough": one.enough} for one in scores]
    return {"project": project, "measured_at": now.isoformat(), "scores": told}

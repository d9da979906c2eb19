"""Write the readiness report into the home: a page for people, the same as JSON for programs, each in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from expectations.readiness import Score
from pipelines.site import Site
from pipelines.store import replacing, write_json


def write_readiness_report(site: Site, scores: Sequence[Score], now: datetime) -> None:
    """`reports/readiness.html` and `.json`; a run that is killed leaves the report of the one before."""
    from expectations.readiness.report_page import readiness_page

    path = site.home.readiness_report
    page = readiness_page(site.project, scores, site.ledger.readiness_history(), now)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_json(report_json(site.project.name, scores, now), path.with_suffix(".json"))


def report_json(project: str, scores: Sequence[Score], now: datetime) -> dict[str, Any]:
    """The documented shape of the report, and of `landbridge readiness --json`."""
    told = [one.model_dump(mode="json") | {"known": one.known, "enough": one.enough} for one in scores]
    return {"project": project, "measured_at": now.isoformat(), "scores": told}

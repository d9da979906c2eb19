"""Send alerts after runs that Dagster starts itself: by schedule, by a file drop, or from its UI.

A run of `landbridge run` alerts by itself; where a sensor sees it too, the ledger knows that nothing is left to tell.
"""

from __future__ import annotations

import dagster as dg

from catalog.models import Project
from pipelines.alerting import alert
from pipelines.site import Site

ENDS = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def alert_sensors(project: Project) -> list[dg.SensorDefinition]:
    """One sensor for each way in which a run ends; none where the project declares no alerts."""
    return [_sensor(project, end) for end in ENDS] if project.alerts else []


def _sensor(project: Project, end: dg.DagsterRunStatus) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=end,
        name=f"alerts_after_{end.value.lower()}",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the channels of project.yaml which findings opened.",
    )
    def told(context: dg.RunStatusSensorContext) -> dg.SkipReason:
        untold = alert(Site.open(project), context.dagster_run.run_id)
        reasons = "; ".join(finding.message for finding in untold)
        return dg.SkipReason(reasons or "every channel knows what it is to know")

    return told

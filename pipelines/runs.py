"""Run the whole refresh through Dagster in this process, and say what came of it."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import dagster as dg

import connectors
from catalog.models import Project
from ledger import Account, Finding
from ledger.models import EVERYWHERE, HeldChange
from pipelines.alerting import alert
from pipelines.factory import REFRESH, definitions_for
from pipelines.instance import dagster_environment
from pipelines.progress import Listener, listening
from pipelines.readiness_assets import KEY as READINESS
from pipelines.retelling import reasons
from pipelines.run_marks import ACCEPT_TAG, ACCEPTED_BY_TAG
from pipelines.site import Site
from pipelines.stages import measure_readiness

_AT_WORK: dict[str, Project] = {}  # the projects of the runs of this process


@dataclass(frozen=True)
class RunReport:
    """A finished run: `failures` are one line each; `blocked` names datasets that keep their last good version.

    `held` is what waits for a person: `status` is `held` where nothing failed beside it.
    """

    run_id: str
    status: Literal["success", "held", "failed"]
    seconds: float
    accounts: tuple[Account, ...]
    findings: tuple[Finding, ...]
    failures: tuple[str, ...]
    failed_checks: tuple[str, ...]
    blocked: tuple[str, ...]
    embedded: int
    index_version: int
    attributes: dict[str, Any] = field(default_factory=dict)
    held: tuple[HeldChange, ...] = ()
    why: dict[str, str] = field(default_factory=dict)  # by dataset: what was processed again, and what had changed

    @property
    def good(self) -> bool:
        """Whether nothing failed, no gate is red, and nothing waits."""
        return not self.failures and not self.failed_checks and not self.held


def execute(
    project: Project,
    *,
    accept: frozenset[str] = frozenset(),
    accepted_by: str = "",
    listener: Listener,
    history: dg.DagsterInstance | None = None,
) -> RunReport:
    """Refresh every dataset as one Dagster run; `accept` is the word of `accepted_by`.

    Dagster's history of it is kept in the project's home, or in another instance, which is closed afterwards.
    """
    site = Site.open(project, accept=accept, accepted_by=accepted_by)
    os.environ.update(dagster_environment(site.home, project.folder))
    began = time.monotonic()
    at_work = secrets.token_hex(8)  # Dagster keeps what it loaded under a name for as long as the process lives
    if history is None:
        with site.alone():  # two processes that make Dagster's storage at once fail in its migrations
            history = dg.DagsterInstance.get()
    _AT_WORK[at_work] = project
    try:
        job = dg.build_reconstructable_job("pipelines.runs", "refresh_job", (at_work,))
        with history as instance, listening(listener):
            result = dg.execute_job(  # not execute_in_process, which would leave the project's executor aside
                job,
                instance=instance,
                raise_on_error=False,
                tags={ACCEPT_TAG: ",".join(sorted(accept)), ACCEPTED_BY_TAG: accepted_by} if accept else None,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
    finally:
        connectors.release("")
        del _AT_WORK[at_work]
    if not _materialized(result) & {(READINESS,)}:  # a step before it crashed
        measure_readiness(site, run_id=result.run_id)
    alert(site, result.run_id)
    return _report(site, result, time.monotonic() - began)


def refresh_job(at_work: str) -> dg.JobDefinition:
    """The job of a run of this process, as Dagster asks for it by a name and its arguments."""
    return definitions_for(_AT_WORK[at_work]).resolve_job_def(REFRESH)


def _report(site: Site, result: dg.JobExecutionResult, seconds: float) -> RunReport:
    broken = [event for event in result.all_events if event.is_step_failure and not _by_a_check(event)]
    failures, told = tuple(_told(event) for event in broken), {event.step_key for event in broken}
    evaluated = [event for event in result.all_events if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION]
    failed = tuple(
        f"{'/'.join(check.asset_key.path)}: {check.check_name}"
        for check in (event.asset_check_evaluation_data for event in evaluated if event.step_key not in told)
        if not check.passed
        and check.severity == dg.AssetCheckSeverity.ERROR
        and list(check.asset_key.path) != ["gaps"]  # a grave gap stops nothing; `landbridge gaps` is its gate
    )
    done = _materialized(result)
    blocked = tuple(sorted(name for name in site.project.datasets if ("indexed", name) not in done))
    held = tuple(change for change in site.ledger.held(run_id=result.run_id) if change.waits)
    accounts = tuple(site.ledger.accounts())
    fresh = [account for account in accounts if account.run_id == result.run_id]
    return RunReport(
        run_id=result.run_id,
        status=_status(held, red=bool(failures or failed or not result.success)),
        seconds=round(seconds, 1),
        accounts=accounts,
        findings=tuple(one.finding for one in site.ledger.open_findings(known=(*site.project.datasets, EVERYWHERE))),
        failures=failures,
        failed_checks=failed,
        blocked=blocked,
        embedded=sum(account.embedded for account in fresh),
        index_version=max((account.index_version for account in accounts), default=0),
        held=held,
        why=reasons(site, run_id=result.run_id),
    )


def _materialized(result: dg.JobExecutionResult) -> set[tuple[str, ...]]:
    return {
        tuple(event.asset_key.path) for event in result.all_events if event.is_step_materialization and event.asset_key
    }


def _status(held: Sequence[HeldChange], *, red: bool) -> Literal["success", "held", "failed"]:
    if red:
        return "failed"
    return "held" if held else "success"


def _by_a_check(event: dg.DagsterEvent) -> bool:
    """Whether a step failed only because a blocking check did, which is told by the check."""
    error = event.step_failure_data.error
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def _told(event: dg.DagsterEvent) -> str:
    """The one line of a step failure a person can act on: our own message, not Dagster's wrapping."""
    data = event.step_failure_data
    step = (event.step_key or "").replace("__", "/")
    if data.user_failure_data is not None and data.user_failure_data.description:
        return f"{step}: {data.user_failure_data.description}"
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    told = error.message.strip().splitlines()[0] if error is not None and error.message.strip() else "failed"
    return f"{step}: {_without_class(told)}"


def _without_class(message: str) -> str:
    """`package.module.SomeError: what` without what only a programmer reads."""
    head, colon, rest = message.partition(": ")
    return rest if colon and " " not in head and head.endswith(("Error", "Exception", "Failure")) else message

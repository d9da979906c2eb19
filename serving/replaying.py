"""Answer as of then: which version of the index a number, a moment or a session names, and who may ask for it.

What was deleted or masked since still stands in earlier versions, so only the person at the command line and principals
with the role `auditor` may ask; what they see of it is decided by their labels of today.
"""

from __future__ import annotations

from datetime import datetime

import index
from catalog.models import Principal, Project
from index.publications import VersionPruned
from ledger import Ledger
from serving.limits import is_name
from serving.visibility import Absent, Forbidden

AUDITOR = "auditor"  # a role


def snapshot_as_of(
    told: str, *, principal: Principal, project: Project, store: index.Store, ledger: Ledger
) -> index.Snapshot:
    """The version that `told` names: its number, an ISO 8601 moment with a zone, or the id of a session.

    Forbidden for a caller who may not ask so, before anything is looked up; Absent for what names nothing, and for a
    version that is pruned; BadQuery for a moment without a zone.
    """
    if AUDITOR not in principal.roles and principal != project.policy.local:
        remedy = f"Give this principal the role '{AUDITOR}' in the policies."
        raise Forbidden("asking as of an earlier time is for auditors", remedy)
    try:
        return index.Snapshot(store, index.version_as_of(store, _meant(told, ledger)))
    except VersionPruned as error:
        raise Absent(error.what, error.remedy) from error


def _meant(told: str, ledger: Ledger) -> int | datetime:
    if told.isdecimal():
        return int(told)
    try:
        return datetime.fromisoformat(told)
    except ValueError:
        version = _version_of_session(told, ledger)
    if version is None:
        raise Absent(
            "as of what, cannot be told",
            "Give a version's number, a moment such as 2026-03-01T08:00:00Z, or the id of an answered session.",
        )
    return version


def _version_of_session(told: str, ledger: Ledger) -> int | None:
    """The version that the last answer of a session came from."""
    trace = ledger.trace(told) if is_name(told) else None
    versions = [step.attributes.get("index_version") for step in trace.steps] if trace else []
    return next((int(version) for version in reversed(versions) if version is not None), None)

"""Tell people of findings that opened: each once per channel and opening, and what could not be told is a finding.

The ledger keeps what was told, so a run that is repeated, or that two doors report, tells nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import Any

from catalog.errors import SecretUnresolved
from catalog.models import AlertChannel, Project
from catalog.secrets import resolve
from expectations.kinds import kind_of
from ledger import Finding, FindingState
from ledger.models import EVERYWHERE
from pipelines import alert_channels
from pipelines.alert_channels import Undelivered
from pipelines.site import Site

STAGE = "alerts"
RULE = "alert-undelivered"
PAUSES = (1.0, 4.0)  # seconds between three tries
MOST = 50  # findings in one message; the others are counted
WITHHELD = "The details quote data of a restricted dataset."
GRAVITY = {"critical": 0, "warning": 1, "info": 2}


def alert(site: Site, run_id: str, *, pause: Callable[[float], None] = time.sleep) -> tuple[Finding, ...]:
    """Tell every channel what opened and was not told yet; the findings are those about channels that took nothing."""
    channels = site.project.alerts
    before = [one.finding for one in site.ledger.open_findings(dataset=EVERYWHERE) if one.finding.stage == STAGE]
    if not channels and not before:
        return ()
    with site.alone("alerts.lock"):
        found = [finding for one in channels if (finding := _told(site, one, run_id, pause)) is not None]
        if found or before:
            site.ledger.record_findings(run_id, EVERYWHERE, STAGE, found, site.clock())
    return tuple(found)


def due(site: Site, channel: AlertChannel) -> list[FindingState]:
    """The open findings that a channel is to be told and was not, the gravest first."""
    sent = site.ledger.alerts_sent(channel.name)
    found = [
        one
        for one in site.ledger.open_findings(known=(*site.project.datasets, EVERYWHERE))
        if GRAVITY[one.finding.severity] <= GRAVITY[channel.least]
        and ("reopened" if one.reopened else "new") in channel.states
        and (one.finding.id, one.opening) not in sent
        and one.finding.rule != _rule(channel)  # a channel cannot tell that it does not work
    ]
    return sorted(found, key=lambda one: (GRAVITY[one.finding.severity], one.finding.dataset, one.finding.rule))


def _told(site: Site, channel: AlertChannel, run_id: str, pause: Callable[[float], None]) -> Finding | None:
    """Tell one channel, in one message; the finding where it was not taken."""
    waiting = due(site, channel)
    if not waiting:
        return None
    payload = payload_of(site.project, channel, waiting, run_id=run_id, at=site.clock().isoformat())
    try:
        _with_patience(lambda: _send(site, channel, payload), pause)
    except (Undelivered, SecretUnresolved) as error:
        site.ledger.record_alerts(channel.name, waiting, run_id=run_id, at=site.clock(), failure=str(error))
        return _undelivered(channel, waiting, str(error))
    site.ledger.record_alerts(channel.name, waiting, run_id=run_id, at=site.clock())
    return None


def _with_patience(send: Callable[[], None], pause: Callable[[float], None]) -> None:
    for wait in PAUSES:
        try:
            return send()
        except Undelivered as error:
            if not error.again:
                raise
            pause(wait)
    return send()


def _send(site: Site, channel: AlertChannel, payload: dict[str, Any]) -> None:
    folder = site.project.folder
    if channel.mail is not None:
        server = resolve(channel.mail.smtp, folder=folder)
        return alert_channels.mail(server, message_of(channel.mail.sender, channel.mail.to, payload))
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = {"Idempotency-Key": payload["id"]}
    if channel.signing_key:
        key = resolve(channel.signing_key, folder=folder)
        headers |= alert_channels.signature(body, key=key, sent_at=payload["at"])
    return alert_channels.post(resolve(channel.webhook, folder=folder), body, host=channel.host, headers=headers)


def payload_of(
    project: Project, channel: AlertChannel, told: Sequence[FindingState], *, run_id: str, at: str
) -> dict[str, Any]:
    """The message as JSON. Its `id` is the same when the same findings are tried again."""
    marks = "\x1f".join(f"{one.finding.id}:{one.opening}" for one in told)
    return {
        "id": hashlib.sha256(f"{project.name}\x1f{channel.name}\x1f{marks}".encode()).hexdigest()[:32],
        "project": project.name,
        "run_id": run_id,
        "at": at,
        "report": channel.link or "landbridge gaps",
        "count": len(told),
        "critical": sum(one.finding.severity == "critical" for one in told),
        "findings": [_entry(one, project) for one in told[:MOST]],
    }


def _entry(one: FindingState, project: Project) -> dict[str, Any]:
    """A finding without its evidence and sample keys: who gets an alert is not known to be cleared for them."""
    finding = one.finding
    return {
        "id": finding.id, "kind": kind_of(finding, project), "dataset": finding.dataset,
        "rule": finding.rule, "stage": finding.stage, "severity": finding.severity,
        "state": "reopened" if one.reopened else "new", "count": finding.count, "unit": finding.unit,
        "message": finding.message if _for_everybody(finding, project) else WITHHELD, "owner": finding.owner,
        "remedy": finding.remedy, "opened_at": one.opened_at.isoformat(), "blocking": finding.blocking,
    }  # fmt: skip


def _for_everybody(finding: Finding, project: Project) -> bool:
    """Whether the message quotes no dataset that only certain roles may read. Personal values are in no message."""
    name = finding.rule.partition("/")[0]
    dataset = project.datasets.get(finding.dataset)
    if dataset is None:
        return finding.dataset == EVERYWHERE
    rules = [rule for rule in dataset.gap_rules if rule.name == name]
    named = {dataset.name, *(other for rule in rules for other, _ in rule.named(dataset.name))}
    return not any(project.datasets[other].roles for other in named if other in project.datasets)


def message_of(sender: str, to: Sequence[str], payload: dict[str, Any]) -> EmailMessage:
    """The same as a mail in plain text."""
    message = EmailMessage()
    grave = f", {payload['critical']} critical" if payload["critical"] else ""
    several = "s" if payload["count"] > 1 else ""
    message["Subject"] = f"[{payload['project']}] {payload['count']} finding{several} opened{grave}"
    message["From"], message["To"] = sender, ", ".join(to)
    message["Message-ID"] = f"<{payload['id']}@{payload['project']}.landbridge>"
    told = [_paragraph(one) for one in payload["findings"]]
    more = payload["count"] - len(told)
    told += [f"And {more} more."] if more else []
    message.set_content("\n\n".join([*told, f"More: {payload['report']}"]) + "\n")
    return message


def _paragraph(one: dict[str, Any]) -> str:
    head = (
        f"{one['severity'].upper()} {one['dataset']} / {one['rule']}: {one['count']:,} {one['unit']} ({one['state']})"
    )
    return f"{head}\n  {one['message']}\n  owner: {one['owner'] or 'none'}\n  remedy: {one['remedy'] or 'none'}"


def _rule(channel: AlertChannel) -> str:
    return f"{RULE}/{channel.name}"


def _undelivered(channel: AlertChannel, waiting: Sequence[FindingState], reason: str) -> Finding:
    return Finding(
        rule=_rule(channel), dataset=EVERYWHERE, stage="alerts", severity="warning", count=len(waiting),
        unit="findings", message=f"The channel '{channel.name}' was not told of {len(waiting):,} findings: {reason}",
        evidence={"waiting": [one.finding.id for one in waiting[:MOST]]},
        remedy=f"Correct the channel ({channel.place.file}:{channel.place.line}); the next run tries again.",
    )  # fmt: skip

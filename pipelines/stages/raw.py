"""Pull rows from a source into the raw zone, unchanged, with what could not be read set aside and counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

import connectors
from catalog.errors import SourceError
from catalog.fingerprint import code_fingerprint
from catalog.models import Dataset, Source
from connectors.batch import Since
from connectors.drifting import Drift
from connectors.places.settling import STILL_WRITTEN
from ledger import Finding
from pipelines.drifting import as_agreed, lasting, observed, remembered, same_columns
from pipelines.holding import STAYS, Gate, vanished_keys
from pipelines.memos import checked_mark
from pipelines.progress import tell
from pipelines.site import Site, one_at_a_time
from pipelines.store import file_fingerprint, fingerprint, holds, read_json, replacing, sweep, write_json
from pipelines.taking import Taken, taken_into

LOST_COLUMNS = frozenset({"drift/missing-columns", "drift/renamed-columns"})  # a promise broken, not a change


@dataclass(frozen=True)
class Raw:
    """What one pull brought. `changed` is false when the source holds what it held last time.

    `path` names the way the rows took; `fetched` counts the rows that came over it, which are fewer than `rows` where
    only what changed was read.
    """

    dataset: str
    rows: int
    rejected: int
    changed: bool
    fingerprint: str
    checked_at: str
    changed_at: str
    findings: tuple[Finding, ...]
    path: str = ""
    fetched: int = 0


@one_at_a_time
def pull(site: Site, name: str, *, run_id: str) -> Raw:
    """Read the dataset's source into `raw/`. The last good rows stay when the source fails or breaks its promise.

    Raises SourceUnreachable or SourceUnreadable when nothing can be read, ContractBlocked when what is there must not
    go on: a promised column is gone, too many lines are unreadable. Raises ChangeHeld when a person may let it go on:
    the volume fell by more than the threshold, or a key or type changed.
    """
    dataset, source = site.dataset(name), site.project.sources[site.dataset(name).source]
    try:
        with connectors.within_run(run_id):
            gate = Gate(site, name, "raw", run_id)
            raw = _pull(site, dataset, source, gate)
    except SourceError as error:
        finding = connectors.unreadable(error, source, dataset)
        site.ledger.record_findings(run_id, name, "raw", [finding], site.clock())
        raise
    raw = replace(raw, findings=tuple(gate.told(raw.findings)))
    site.ledger.record_findings(run_id, name, "raw", list(raw.findings), site.clock())
    gate.close(raw.findings)
    site.ledger.record_state(
        name, "raw", checked_at=site.clock(), fingerprint=raw.fingerprint, changed=raw.changed, run_id=run_id
    )
    return raw


def _pull(site: Site, dataset: Dataset, source: Source, gate: Gate) -> Raw:
    home, folder = site.home, site.project.folder
    sweep(home.raw(dataset.name).parent)
    last = read_json(home.manifest("raw", dataset.name))
    now = site.clock().isoformat()
    memo = _memo(source, dataset, folder)
    whole = _whole(site, dataset.name, last)
    if memo and memo == last.get("memo") and whole and dataset.name not in site.accept:
        tell("raw", dataset.name, last["rows"], last["rows"])
        write_json({**last, "checked_at": now}, home.manifest("raw", dataset.name))
        return _told(dataset, last | {"checked_at": now}, changed=False, findings=_stored(last))
    drift = _agreed_drift(site, source, dataset, observed(site, source, dataset, last), gate)
    if drift.blocked:
        return _told(dataset, {"fingerprint": "", "rows": 0, "rejected": 0, "checked_at": now, "changed_at": now},
                     changed=False, findings=drift.findings)  # fmt: skip
    since = _since(site, dataset.name, last) if whole and same_columns(drift, last) else None
    with replacing(home.raw(dataset.name)) as temporary, replacing(home.rejects(dataset.name)) as refused:
        taken = taken_into(source, dataset, drift, folder, temporary, refused, since)
        lines = refused if taken.written else home.rejects(dataset.name)
        mark = file_fingerprint(temporary) if taken.written else last["fingerprint"]
        findings = [*drift.findings, *taken.findings]
        findings += _unreadable_lines(dataset, taken.rows, taken.rejected, lines)
        told_once = _volume_drop(site, dataset, taken, temporary, mark, last, gate)
        changed = mark != last.get("fingerprint") or not whole
        blocked = any(finding.blocking for finding in (*findings, *told_once))
        if blocked or not changed:
            temporary.unlink(missing_ok=True)
        if blocked or not taken.written:
            refused.unlink(missing_ok=True)
    waits = any(finding.rule == STILL_WRITTEN for finding in findings)  # nothing but time has to pass, then it is read
    manifest: dict[str, Any] = {
        "memo": "" if waits else memo, "fingerprint": mark, "rows": taken.rows, "rejected": taken.rejected,
        "checked_at": now, "changed_at": now if changed else last.get("changed_at", now), "path": taken.path,
        "fetched": taken.fetched, "cursor": taken.cursor, "rejects": _mark(home.rejects(dataset.name)),
        "findings": [finding.model_dump(mode="json") for finding in lasting(findings)],
        "approved": gate.mark or (None if changed else last.get("approved")),
        **remembered(drift),
    }  # fmt: skip
    if not blocked:  # the cursor counts from here on, with the rows that are in place already
        write_json(manifest, home.manifest("raw", dataset.name))
    return _told(dataset, manifest, changed=changed, findings=(*findings, *told_once))


def _agreed_drift(site: Site, source: Source, dataset: Dataset, seen: Drift, gate: Gate) -> Drift:
    """The drift to read with: as it was seen, or as a person approved it. A lost column is beyond approval.

    A dataset that is accepted for this run takes over what it looks like now, also where nothing blocks.
    """
    accepted = dataset.name in site.accept
    if not accepted and not seen.blocked:
        return seen
    agreed = as_agreed(source, dataset, seen)
    lost = any(finding.blocking and finding.rule in LOST_COLUMNS for finding in seen.findings)
    if agreed.blocked or (lost and not accepted):
        return seen
    content = fingerprint("drift", seen.shape.model_dump_json(), dataset.fingerprint)
    count = len(seen.shape.named())
    judged = [
        gate.judged(
            finding, kind="drift", content=content, unit="columns", before=count, after=count,
            share=finding.count / max(count, finding.count), threshold=0.0,
        )
        for finding in seen.findings
        if finding.blocking
    ]  # fmt: skip
    return seen if any(finding.blocking for finding in judged) else agreed


def _whole(site: Site, name: str, last: dict[str, Any]) -> bool:
    """Whether the rows and the rejected lines are those that the manifest speaks of."""
    lines = site.home.rejects(name)
    return holds(site.home.raw(name), last.get("fingerprint", "")) and last.get("rejects", "") in ("", _mark(lines))


def _mark(path: Path) -> str:
    return file_fingerprint(path) if path.exists() else ""


def _since(site: Site, name: str, last: dict[str, Any]) -> Since | None:
    """What is held, where a connector left a cursor to go on from."""
    lines = site.home.rejects(name)
    return Since(last["cursor"], site.home.raw(name), lines if lines.exists() else None) if last.get("cursor") else None


def _unreadable_lines(dataset: Dataset, rows: int, rejected: int, rejects: Path) -> list[Finding]:
    """The lines no row could be made of."""
    if not rejected:
        return []
    share = rejected / (rows + rejected)
    lines = pl.scan_parquet(rejects)
    place = pl.concat_str([pl.col("_location"), pl.col("_position").cast(pl.String)], separator=":", ignore_nulls=True)
    reasons = lines.group_by("reason").len().sort("len", "reason", descending=[True, False]).head(5).collect()
    return [Finding(
        rule="lines-readable", dataset=dataset.name, stage="raw", severity="critical", count=rejected, unit="lines",
        sample_keys=tuple(lines.select(place.alias("place")).head(20).collect()["place"].to_list()),
        message=f"{rejected} lines of {rows + rejected} could not be read as rows.",
        evidence={"share": share, "reasons": dict(reasons.iter_rows())},
        owner=dataset.owner, blocking=share > dataset.quarantine_threshold,
        remedy="Ask the owner of the export for a complete file; the lines are in raw/*.rejects.parquet.",
    )]  # fmt: skip


def _volume_drop(
    site: Site, dataset: Dataset, taken: Taken, temporary: Path, mark: str, last: dict[str, Any], gate: Gate
) -> list[Finding]:
    """A source that shrank by more than the threshold, or to nothing, whatever the threshold."""
    before, rows = int(last.get("rows", 0)), taken.rows
    lost = (before - rows) / before if before else 0.0
    if lost <= dataset.deletion_threshold and (rows or not before):
        return []
    content = fingerprint("volume", mark, dataset.fingerprint, before, rows, taken.rejected)
    finding = Finding(
        rule="volume-drop", dataset=dataset.name, stage="raw", severity="critical", count=before - rows,
        message=f"The source holds {rows} rows where it held {before} ({lost:.1%} fewer). {STAYS}",
        sample_keys=vanished_keys(site.home.raw(dataset.name), temporary, dataset),
        evidence={"before": before, "now": rows, "lost_share": lost, "threshold": dataset.deletion_threshold},
        owner=dataset.owner, blocking=True, remedy="Ask the owner of the source for a complete delivery.",
    )  # fmt: skip
    return [gate.judged(finding, kind="volume", content=content, before=before, after=rows, share=lost,
                        threshold=dataset.deletion_threshold)]  # fmt: skip


def _memo(source: Source, dataset: Dataset, folder: Path) -> str:
    """What the last read depended on; empty where a source cannot tell without being read, such as a database."""
    mark = connectors.mark(source, dataset, folder=folder)
    if mark is None:
        return ""
    return fingerprint(source.model_dump_json(), checked_mark(dataset), code_fingerprint("connectors"), mark)


def _stored(manifest: dict[str, Any]) -> tuple[Finding, ...]:
    return tuple(Finding.model_validate(finding) for finding in manifest.get("findings", []))


def _told(dataset: Dataset, manifest: dict[str, Any], *, changed: bool, findings: tuple[Finding, ...]) -> Raw:
    return Raw(
        dataset.name, manifest["rows"], manifest["rejected"], changed, manifest["fingerprint"],
        manifest["checked_at"], manifest["changed_at"], findings, manifest.get("path", ""), manifest.get("fetched", 0),
    )  # fmt: skip

"""Pull rows from a source into the raw zone, unchanged, with what could not be read set aside and counted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

import connectors
from catalog.errors import ContractBlocked, SourceError
from catalog.fingerprint import code_fingerprint
from catalog.models import Dataset, Source
from connectors.batch import Since
from connectors.places.settling import STILL_WRITTEN
from ledger import Finding
from pipelines.drifting import lasting, observed, remembered, same_columns
from pipelines.progress import tell
from pipelines.site import Site, one_at_a_time
from pipelines.store import file_fingerprint, fingerprint, holds, read_json, replacing, sweep, write_json
from pipelines.taking import taken_into


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
    go on: a promised column is gone, too many lines are unreadable, or the volume fell by more than the threshold.
    """
    dataset, source = site.dataset(name), site.project.sources[site.dataset(name).source]
    try:
        with connectors.within_run(run_id):
            raw = _pull(site, dataset, source)
    except SourceError as error:
        finding = connectors.unreadable(error, source, dataset)
        site.ledger.record_findings(run_id, name, "raw", [finding], site.clock())
        raise
    site.ledger.record_findings(run_id, name, "raw", list(raw.findings), site.clock())
    blocking = [finding for finding in raw.findings if finding.blocking]
    if blocking:
        raise ContractBlocked(name, [finding.rule for finding in blocking], blocking[0].message)
    site.ledger.record_state(
        name, "raw", checked_at=site.clock(), fingerprint=raw.fingerprint, changed=raw.changed, run_id=run_id
    )
    return raw


def _pull(site: Site, dataset: Dataset, source: Source) -> Raw:
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
    drift = observed(site, source, dataset, last)
    if drift.blocked:
        return _told(dataset, {"fingerprint": "", "rows": 0, "rejected": 0, "checked_at": now, "changed_at": now},
                     changed=False, findings=drift.findings)  # fmt: skip
    since = _since(site, dataset.name, last) if whole and same_columns(drift, last) else None
    with replacing(home.raw(dataset.name)) as temporary, replacing(home.rejects(dataset.name)) as refused:
        taken = taken_into(source, dataset, drift, folder, temporary, refused, since)
        lines = refused if taken.written else home.rejects(dataset.name)
        findings = [*drift.findings, *taken.findings]
        findings += _volume_findings(site, dataset, taken.rows, taken.rejected, lines, last)
        mark = file_fingerprint(temporary) if taken.written else last["fingerprint"]
        changed = mark != last.get("fingerprint") or not whole
        blocked = any(finding.blocking for finding in findings)
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
        **remembered(drift),
    }  # fmt: skip
    if not blocked:  # the cursor counts from here on, with the rows that are in place already
        write_json(manifest, home.manifest("raw", dataset.name))
    return _told(dataset, manifest, changed=changed, findings=tuple(findings))


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


def _volume_findings(
    site: Site, dataset: Dataset, rows: int, rejected: int, rejects: Path, last: dict[str, Any]
) -> list[Finding]:
    """What the number of lines says: unreadable ones, and a source that shrank."""
    findings = []
    if rejected:
        share = rejected / (rows + rejected)
        lines = pl.scan_parquet(rejects)
        place = pl.concat_str(
            [pl.col("_location"), pl.col("_position").cast(pl.String)], separator=":", ignore_nulls=True
        )
        reasons = lines.group_by("reason").len().sort("len", "reason", descending=[True, False]).head(5).collect()
        findings.append(Finding(
            rule="lines-readable", dataset=dataset.name, stage="raw", severity="critical", count=rejected, unit="lines",
            sample_keys=tuple(lines.select(place.alias("place")).head(20).collect()["place"].to_list()),
            message=f"{rejected} lines of {rows + rejected} could not be read as rows.",
            evidence={"share": share, "reasons": dict(reasons.iter_rows())},
            owner=dataset.owner, blocking=share > dataset.quarantine_threshold,
            remedy="Ask the owner of the export for a complete file; the lines are in raw/*.rejects.parquet.",
        ))  # fmt: skip
    before = int(last.get("rows", 0))
    lost = (before - rows) / before if before else 0.0
    if lost > dataset.deletion_threshold and dataset.name not in site.accept:
        findings.append(Finding(
            rule="volume-drop", dataset=dataset.name, stage="raw", severity="critical", count=before - rows,
            message=f"The source holds {rows} rows where it held {before}; nothing is taken until a person agrees.",
            evidence={"before": before, "now": rows, "lost_share": lost, "threshold": dataset.deletion_threshold},
            owner=dataset.owner, blocking=True,
            remedy=f"If the drop is real: landbridge run --accept {dataset.name}",
        ))  # fmt: skip
    return findings


def _memo(source: Source, dataset: Dataset, folder: Path) -> str:
    """What the last read depended on; empty where a source cannot tell without being read, such as a database."""
    mark = connectors.mark(source, dataset, folder=folder)
    if mark is None:
        return ""
    return fingerprint(source.model_dump_json(), dataset.fingerprint, code_fingerprint("connectors"), mark)


def _stored(manifest: dict[str, Any]) -> tuple[Finding, ...]:
    return tuple(Finding.model_validate(finding) for finding in manifest.get("findings", []))


def _told(dataset: Dataset, manifest: dict[str, Any], *, changed: bool, findings: tuple[Finding, ...]) -> Raw:
    return Raw(
        dataset.name, manifest["rows"], manifest["rejected"], changed, manifest["fingerprint"],
        manifest["checked_at"], manifest["changed_at"], findings, manifest.get("path", ""), manifest.get("fetched", 0),
    )  # fmt: skip

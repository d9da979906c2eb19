"""Turn raw rows into ready rows: normalized, checked against the contract, the failing ones set aside.

What people decided about rows in quarantine is applied here: fixes before the check, releases and rejects in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

import connectors
from catalog.fingerprint import code_fingerprint
from catalog.models import Dataset
from ledger import Finding
from pipelines.drifting import as_taken, undescribed
from pipelines.fixing import fixed
from pipelines.lapsing import decisions_that_fail
from pipelines.normalize import normalize
from pipelines.progress import tell
from pipelines.row_identity import contents, key_mark, row_ids
from pipelines.settling import Settled, settle
from pipelines.site import Site, one_at_a_time
from pipelines.store import fingerprint, holds, read_json, write_frame, write_json


@dataclass(frozen=True)
class Ready:
    """What the contract let through. A blocked dataset keeps the ready rows of its last good run."""

    dataset: str
    rows: int
    quarantined: int
    filtered: int
    duplicate: int
    changed: bool
    verdict: str
    fingerprint: str
    findings: tuple[Finding, ...]


@one_at_a_time
def make_ready(site: Site, name: str, *, run_id: str) -> Ready:
    """Normalize and check the raw rows of a dataset; skip both where nothing behind them changed."""
    connectors.release(run_id)  # what was kept at the sources for the rest of the pulls is wanted no longer
    dataset, home = site.dataset(name), site.home
    raw = read_json(home.manifest("raw", name))
    dataset, unknown = as_taken(dataset, raw), undescribed(dataset, raw)
    borne = [raw.get("drift", {}).get(part, []) for part in ("new", "doubted")]
    code = code_fingerprint("catalog", "pipelines", "expectations")
    decisions, key = site.ledger.quarantine_decisions(name), site.mask_key()
    memo = fingerprint(raw["fingerprint"], dataset.fingerprint, borne, code, len(decisions), key_mark(key))
    last = read_json(home.manifest("ready", name))
    # a dataset that blocked before it ever was ready has no file and no mark
    if last.get("memo") == memo and (holds(home.ready(name), last["fingerprint"]) or not last["fingerprint"]):
        tell("ready", name, last["rows"], last["rows"])
        return _told(name, last, changed=False)
    import expectations  # heavy work is near: checks load Great Expectations

    tell("ready", name, 0, raw["rows"])
    rows = pl.read_parquet(home.raw(name))
    taken = normalize(rows, dataset, undescribed=unknown)
    settled = settle(rows, taken, dataset, decisions, key)
    corrected, impossible = fixed(rows, settled.fixes(dataset, key))
    frame = taken if corrected is rows else normalize(corrected, dataset, undescribed=unknown)
    report = expectations.check(frame, dataset, settled.decided)
    quarantined = _identified(report.quarantined, rows, taken, dataset, key)
    findings = [
        *report.findings,
        *decisions_that_fail(settled, impossible, taken, quarantined, dataset, key_mark(key), last),
    ]
    _record_quarantine(site, quarantined, settled, dataset, run_id=run_id, whole=report.verdict != "block")
    now = site.clock()
    site.ledger.record_findings(run_id, name, "ready", findings, now)
    manifest = {
        "checked_at": now.isoformat(), "key_mark": key_mark(key), "applied": sorted(settled.standing),
        "memo": memo, "verdict": report.verdict, "rows": report.passed.height,
        "quarantined": report.quarantined.height, "filtered": report.filtered, "duplicate": report.duplicate,
        "fingerprint": last.get("fingerprint", ""),
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }  # fmt: skip
    before = last.get("fingerprint", "")
    if report.verdict != "block":
        manifest["fingerprint"] = write_frame(report.passed, home.ready(name))
    write_frame(quarantined, home.quarantine(name))
    write_json(manifest, home.manifest("ready", name))
    tell("ready", name, raw["rows"], raw["rows"])
    return _told(name, manifest, changed=manifest["fingerprint"] != before)


def _identified(
    quarantined: pl.DataFrame, raw: pl.DataFrame, taken: pl.DataFrame, dataset: Dataset, key: bytes
) -> pl.DataFrame:
    """The quarantine with each row's id, and the mark of its content, as the source gave it: before any fix."""
    numbers = quarantined["_row"]
    return quarantined.with_columns(row_ids(taken[numbers], dataset, key), contents(raw[numbers], dataset, key))


def _record_quarantine(
    site: Site, quarantined: pl.DataFrame, settled: Settled, dataset: Dataset, *, run_id: str, whole: bool
) -> None:
    """Who came into quarantine and who is out. A blocked delivery was not taken, so it lets nobody out."""
    rejected = [row_id for row_id, standing in settled.standing.items() if standing.rejected]
    open_rows = quarantined.filter(~pl.col("id").is_in(rejected)).select("id", "rules").explode("rules")
    site.ledger.record_quarantine(
        run_id, dataset.name, set(open_rows.iter_rows()), site.clock(), outcome=settled.outcome, whole=whole
    )


def _told(name: str, manifest: dict[str, object], *, changed: bool) -> Ready:
    findings = manifest.get("findings", [])
    assert isinstance(findings, list)  # noqa: S101 - the manifest is ours
    return Ready(
        dataset=name,
        rows=int(str(manifest["rows"])),
        quarantined=int(str(manifest["quarantined"])),
        filtered=int(str(manifest["filtered"])),
        duplicate=int(str(manifest["duplicate"])),
        changed=changed,
        verdict=str(manifest["verdict"]),
        fingerprint=str(manifest["fingerprint"]),
        findings=tuple(Finding.model_validate(finding) for finding in findings),
    )

"""Turn raw rows into ready rows: normalized, checked against the contract, the failing ones set aside."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

import connectors
from catalog.fingerprint import code_fingerprint
from ledger import Finding
from pipelines.drifting import as_taken, undescribed
from pipelines.normalize import normalize
from pipelines.progress import tell
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
    """Normalize and check the raw rows of a dataset; skip both when neither rows, contract nor code changed."""
    connectors.release(run_id)  # what was kept at the sources for the rest of the pulls is wanted no longer
    dataset, home = site.dataset(name), site.home
    raw = read_json(home.manifest("raw", name))
    dataset, unknown = as_taken(dataset, raw), undescribed(dataset, raw)
    borne = [raw.get("drift", {}).get(part, []) for part in ("new", "doubted")]
    code = code_fingerprint("catalog", "pipelines", "expectations")
    memo = fingerprint(raw["fingerprint"], dataset.fingerprint, borne, code)
    last = read_json(home.manifest("ready", name))
    # a dataset that blocked before it ever was ready has no file and no mark
    if last.get("memo") == memo and (holds(home.ready(name), last["fingerprint"]) or not last["fingerprint"]):
        tell("ready", name, last["rows"], last["rows"])
        return _told(name, last, changed=False)
    import expectations  # heavy work is near: checks load Great Expectations

    tell("ready", name, 0, raw["rows"])
    frame = normalize(pl.read_parquet(home.raw(name)), dataset, undescribed=unknown)
    report = expectations.check(frame, dataset)
    site.ledger.record_findings(run_id, name, "ready", list(report.findings), site.clock())
    manifest = {
        "memo": memo, "verdict": report.verdict, "rows": report.passed.height,
        "quarantined": report.quarantined.height, "filtered": report.filtered, "duplicate": report.duplicate,
        "fingerprint": last.get("fingerprint", ""),
        "findings": [finding.model_dump(mode="json") for finding in report.findings],
    }  # fmt: skip
    before = last.get("fingerprint", "")
    if report.verdict != "block":
        manifest["fingerprint"] = write_frame(report.passed, home.ready(name))
    write_frame(report.quarantined, home.quarantine(name))
    write_json(manifest, home.manifest("ready", name))
    tell("ready", name, raw["rows"], raw["rows"])
    return _told(name, manifest, changed=manifest["fingerprint"] != before)


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

"""Turn raw rows into ready rows: normalized, checked against the contract, the failing ones set aside.

What people decided about rows in quarantine is applied here: fixes before the check, releases and rejects in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

import connectors
from catalog.fingerprint import path_fingerprint
from catalog.models import Dataset
from expectations.checking import PRESENT, THRESHOLD
from expectations.custom import code_marks
from expectations.freshness import PREFIX, Freshness, freshness
from expectations.reports import Report
from expectations.results import RuleResult
from ledger import Finding
from pipelines.check_pages import as_json, findings_in, results_in, write_check_report
from pipelines.drifting import as_taken, undescribed
from pipelines.fixing import fixed
from pipelines.holding import Gate, agreed
from pipelines.lapsing import decisions_that_fail
from pipelines.memos import Parts, because, changed, checked_mark, checked_part
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
    results: tuple[RuleResult, ...] = ()
    held: bool = False  # it blocks only because a person has to approve it
    why: str = ""  # it was checked again, and what had changed


@one_at_a_time
def make_ready(site: Site, name: str, *, run_id: str) -> Ready:
    """Normalize and check the raw rows of a dataset; skip both where nothing behind them changed."""
    connectors.release(run_id)  # what was kept at the sources for the rest of the pulls is wanted no longer
    dataset, home = site.dataset(name), site.home
    raw = read_json(home.manifest("raw", name))
    dataset, unknown = as_taken(dataset, raw), undescribed(dataset, raw)
    borne = [raw.get("drift", {}).get(part, []) for part in ("new", "doubted")]
    decisions, key = site.ledger.quarantine_decisions(name), site.mask_key()
    parts: Parts = {
        "the rows": fingerprint(raw["fingerprint"], borne),
        "the contract": checked_mark(dataset),
        "the code": path_fingerprint("pipelines.stages.ready", rooms=("catalog", "pipelines", "expectations")),
        "the project's own checks": fingerprint(code_marks(dataset, site.project.folder)),
        "the decisions about rows": str(len(decisions)),
        "the mask key": key_mark(key),
    }
    memo = fingerprint(*parts.items())
    last = read_json(home.manifest("ready", name))
    # a dataset that blocked before it ever was ready has no file and no mark
    whole = holds(home.ready(name), last.get("fingerprint", "")) or not last.get("fingerprint")
    gate = Gate(site, name, "ready", run_id)
    if last.get("memo") == memo and whole and not last.get("held"):  # what waits is asked for anew by every run
        if last["verdict"] != "block":
            gate.keep(())
        tell("ready", name, last["rows"], last["rows"])
        last = {**_as_of_now(site, dataset, last, run_id=run_id), "why": "nothing that it is made of changed"}
        return _told(name, last, changed=False)
    from expectations.checking import check  # heavy work is near: checks load Great Expectations

    contract, dataset = dataset, checked_part(dataset)
    before_parts = last.get("parts", {})
    why = f"checked {'again ' if before_parts else ''}{because(changed(parts, before_parts), before_parts)}"
    tell("ready", name, 0, raw["rows"])
    rows = pl.read_parquet(home.raw(name))
    taken = normalize(rows, dataset, undescribed=unknown)
    settled = settle(rows, taken, dataset, decisions, key)
    corrected, impossible = fixed(rows, settled.fixes(dataset, key))
    frame = taken if corrected is rows else normalize(corrected, dataset, undescribed=unknown)
    report = check(frame, dataset, settled.decided, folder=site.project.folder)
    quarantined = _identified(report.quarantined, rows, taken, dataset, key)
    now = site.clock()
    basis = fingerprint(raw["fingerprint"], dataset.fingerprint, borne)
    judged, approved = _judged(report, raw, last, gate, basis)
    usable = not any(finding.blocking for finding in judged)
    aged = freshness(report.passed if usable else _last_ready(site, dataset), dataset, now)
    findings = [
        *judged,
        *aged.findings,
        *decisions_that_fail(settled, impossible, taken, quarantined, dataset, key_mark(key), last),
    ]
    _record_quarantine(site, quarantined, settled, dataset, run_id=run_id, whole=usable)
    site.ledger.record_findings(run_id, name, "ready", findings, now)
    manifest = {
        "as_of": raw.get("checked_at", "") if usable else last.get("as_of", ""),
        "checked_at": now.isoformat(), "key_mark": key_mark(key), "applied": sorted(settled.standing),
        "contract": dataset.fingerprint,
        "memo": memo, "parts": parts, "why": why, "run_id": run_id, "verdict": _verdict(report, usable=usable),
        "rows": report.passed.height,
        "quarantined": report.quarantined.height, "filtered": report.filtered, "duplicate": report.duplicate,
        "fingerprint": last.get("fingerprint", ""), "held": gate.holds(judged), "approved": approved,
        "findings": as_json(findings), "results": as_json([*report.results, *aged.results]),
    }  # fmt: skip
    before = last.get("fingerprint", "")
    if usable:
        manifest["fingerprint"] = write_frame(report.passed, home.ready(name))
    write_frame(quarantined, home.quarantine(name))
    write_check_report(site, contract, manifest)
    write_json(manifest, home.manifest("ready", name))
    gate.keep(judged)
    tell("ready", name, raw["rows"], raw["rows"])
    return _told(name, manifest, changed=manifest["fingerprint"] != before)


def _judged(
    report: Report, raw: Mapping[str, Any], last: Mapping[str, Any], gate: Gate, basis: str
) -> tuple[list[Finding], dict[str, Any] | None]:
    """The findings of a check as a person's word leaves them, and what later stages must know of that word.

    An approval stands as long as the same rows are held against the same contract and no more of them are set aside,
    as when a steward works the quarantine. A dataset without rows passes where its emptiness was approved.
    """
    told = {finding.rule: finding for finding in report.findings if finding.rule in (THRESHOLD, PRESENT)}
    before, after = report.passed.height + report.quarantined.height, report.passed.height
    known = last.get("approved") or {}
    stands = known.get("basis") == basis and report.quarantined.height <= known["lost"] and (after or known["empty"])
    over, absent = told.get(THRESHOLD), told.get(PRESENT)
    if over is not None:
        content = fingerprint("quarantine", basis, before, *report.quarantined["_row"].sort().to_list())
        share, threshold = over.evidence["share"], over.evidence["threshold"]
        told[THRESHOLD] = over = agreed(over, "A person approved it before.") if stands else gate.judged(
            over, kind="quarantine", content=content, before=before, after=after, share=share, threshold=threshold
        )  # fmt: skip
    emptied = bool((raw.get("approved") or {}).get("empty")) and not raw["rows"]
    if absent is not None and (emptied or (over is not None and not over.blocking)):
        told[PRESENT] = agreed(absent, "A person approved that nothing is left.")
    elif absent is not None and over is not None:
        gate.goes_along(PRESENT)
    findings = gate.told([told.get(finding.rule, finding) for finding in report.findings])
    if gate.mark is not None:
        return findings, gate.mark | {"basis": basis}
    stays = stands or any(finding.blocking for finding in findings)
    return findings, known if known and stays else None


def _verdict(report: Report, *, usable: bool) -> str:
    """The report's verdict after a person's word."""
    return "block" if not usable else "quarantine" if report.quarantined.height else "pass"


def _as_of_now(site: Site, dataset: Dataset, last: Mapping[str, Any], *, run_id: str) -> Mapping[str, Any]:
    """The manifest of a check that need not be repeated; only how old the fields are is judged anew."""
    other = last.get("contract") != dataset.fingerprint  # what differs in it touches no row
    if dataset.field_freshness:
        now = site.clock()
        last = _aged(last, freshness(_last_ready(site, dataset), dataset, now))
        site.ledger.record_findings(run_id, dataset.name, "ready", findings_in(last), now)
    last = {**last, "contract": dataset.fingerprint}
    if dataset.field_freshness or other:
        write_json(dict(last), site.home.manifest("ready", dataset.name))
    if dataset.field_freshness or other or not site.home.check_report(dataset.name).exists():
        write_check_report(site, dataset, last)
    return last


def _aged(manifest: Mapping[str, Any], aged: Freshness) -> dict[str, Any]:
    """The manifest with these ages in the place of those it tells."""
    results = [one for one in results_in(manifest) if one.kind != "freshness"]
    findings = [one for one in findings_in(manifest) if not one.rule.startswith(PREFIX)]
    told = {"results": as_json([*results, *aged.results]), "findings": as_json([*findings, *aged.findings])}
    return {**manifest, **told}


def _last_ready(site: Site, dataset: Dataset) -> pl.DataFrame | None:
    """The dated columns of the ready rows there are; None where there are none."""
    path, wanted = site.home.ready(dataset.name), [one.field for one in dataset.field_freshness]
    if not path.exists():
        return None
    rows = pl.scan_parquet(path)
    return rows.select(name for name in wanted if name in rows.collect_schema()).collect()


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


def _told(name: str, manifest: Mapping[str, Any], *, changed: bool) -> Ready:
    return Ready(
        dataset=name,
        rows=int(str(manifest["rows"])),
        quarantined=int(str(manifest["quarantined"])),
        filtered=int(str(manifest["filtered"])),
        duplicate=int(str(manifest["duplicate"])),
        changed=changed,
        verdict=str(manifest["verdict"]),
        fingerprint=str(manifest["fingerprint"]),
        findings=findings_in(manifest),
        held=bool(manifest.get("held")),
        results=results_in(manifest),
        why=str(manifest.get("why", "")),
    )

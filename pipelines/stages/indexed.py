"""Bring the index to what the ready rows say, publish it in one move, and account for every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import polars as pl

from catalog.errors import ContractBlocked
from catalog.fingerprint import code_fingerprint
from catalog.models import Dataset
from ledger import Account, Finding
from pipelines.contract_versions import holding, keep_contract, version_findings
from pipelines.progress import tell
from pipelines.site import Site, one_at_a_time
from pipelines.store import fingerprint, keep, read_json, write_frame, write_json


@dataclass(frozen=True)
class Indexed:
    """What a run did to the index for one dataset."""

    account: Account
    documents: int
    added: int
    changed: int
    deleted: int
    embedded: int
    truncated: int
    version: int
    findings: tuple[Finding, ...]


@one_at_a_time
def make_indexed(site: Site, name: str, *, run_id: str) -> Indexed:
    """Render, reconcile, publish. Nothing changed: no rendering, no model, no new version.

    Raises ContractBlocked when the change would delete more than the threshold, or when the contract breaks those who
    read what is published and has no version that says so; the live version stays as it is.
    """
    import index

    dataset, home = site.dataset(name), site.home
    store = index.Store(home.index)
    memo = _memo(site, dataset)
    last = read_json(home.manifest("indexed", name))
    broken = [
        finding for finding in site.ledger.findings(dataset=name, stage="indexed") if finding.rule == "accounting"
    ]
    if last.get("memo") == memo and store.tag("live") is not None and not broken:
        tell("indexed", name, last["documents"], last["documents"])
        manifest = last | _behind(site, name)
        _record(site, name, manifest, run_id=run_id, changed=False)
        account = _account(site, dataset, run_id, manifest, embedded=0)
        return _told(account, manifest | {"added": 0, "changed": 0, "deleted": 0, "embedded": 0}, ())
    waits = holding(home, _judged(site, dataset), teller=dataset)
    if waits:
        _hold(site, name, waits, run_id=run_id)
    warned = version_findings(home, dataset)
    known = pl.read_parquet(home.gaps) if home.gaps.exists() else None
    frames = {
        other: pl.read_parquet(home.ready(other)) for other in {name, *related(dataset)} if home.ready(other).exists()
    }
    chunks = index.render(dataset, frames, project=site.project, known=known, mask_key=site.mask_key())
    with store.writer():
        store.begin()
        change = index.reconcile(
            store, chunks, dataset=dataset, allow_deletes=name in site.accept,
            embedder=lambda: index.load_embedder(site.project.model, home.models),
            progress=lambda done, total: tell("indexed", name, done, total),
        )  # fmt: skip
        if change.held:
            _hold(site, name, change.findings, run_id=run_id)
        version = index.publish(store, change.version)
    write_frame(chunks.select("id", "hash", "document_id", "key", "rows"), home.chunks(name))
    manifest = {
        **_behind(site, name), "memo": memo, "run_id": run_id, "documents": chunks["document_id"].n_unique(),
        "version": version, "added": change.added, "changed": change.changed, "deleted": change.deleted,
        "embedded": change.embedded, "truncated": change.truncated,
        "warned": [finding.model_dump(mode="json") for finding in warned],
    }  # fmt: skip
    _record(site, name, manifest, run_id=run_id, changed=True)
    tell("indexed", name, manifest["documents"], manifest["documents"])
    account = _account(site, dataset, run_id, manifest, embedded=change.embedded)
    return _told(account, manifest, (*change.findings, *warned))


def _hold(site: Site, name: str, findings: Sequence[Finding], *, run_id: str) -> NoReturn:
    """Leave what is published as it is, and say why."""
    site.ledger.record_findings(run_id, name, "indexed", list(findings), site.clock())
    raise ContractBlocked(name, [finding.rule for finding in findings], findings[0].message)


def _judged(site: Site, dataset: Dataset) -> list[Dataset]:
    """The contracts that a dataset's documents rest on: its own, and those of the rows and gaps they tell."""
    told = {other for rule in dataset.gap_rules for other, _ in rule.named(dataset.name)}
    others = sorted((related(dataset) | told) - {dataset.name})
    return [dataset, *(site.dataset(name) for name in others)]


def verify_indexed(site: Site, name: str, *, run_id: str) -> tuple[Account, tuple[Finding, ...]]:
    """Compare what is served with what must be served, to the row; the findings name the keys that break it."""
    import index

    dataset, home = site.dataset(name), site.home
    expected = pl.read_parquet(home.chunks(name))
    store = index.Store(home.index)
    findings = list(index.verify(store, expected, dataset))
    manifest = read_json(home.manifest("indexed", name))
    embedded = manifest["embedded"] if manifest["run_id"] == run_id else 0  # the manifest is of the last run that wrote
    account = _account(site, dataset, run_id, manifest, embedded=embedded)
    missing = tuple(key for finding in findings for key in finding.sample_keys)[:20]
    account = account.model_copy(update={"missing_keys": missing})
    if not account.balanced and not findings:
        findings.append(_unbalanced(dataset, account))
    findings += [Finding.model_validate(one) for one in manifest.get("warned", ())]
    if manifest["memo"] != _memo(site, dataset):  # something waits to be published: what holds it stays told
        findings += holding(home, _judged(site, dataset), teller=dataset)
    site.ledger.record_account(account)
    site.ledger.record_findings(run_id, name, "indexed", findings, site.clock())
    return account, tuple(findings)


def related(dataset: Dataset) -> set[str]:
    """Other datasets whose rows this dataset's documents tell."""
    names: set[str] = set()
    for template in dataset.documents:
        names |= {lookup.dataset for lookup in template.lookups}
        names |= {relation.dataset for relation in template.related}
        names |= {lookup.dataset for relation in template.related for lookup in relation.lookups}
        if template.only_missing_in:
            names.add(template.only_missing_in[0])
    return names - {dataset.name}


def _memo(site: Site, dataset: Dataset) -> str:
    """Everything that a dataset's documents are made of."""
    home = site.home
    marks = [
        read_json(home.manifest("ready", name)).get("fingerprint", "")
        for name in sorted({dataset.name, *related(dataset)})
    ]
    contracts = [site.project.datasets[name].fingerprint for name in sorted({dataset.name, *related(dataset)})]
    known = ""
    if home.gaps.exists():
        told = pl.read_parquet(home.gaps).filter(pl.col("dataset") == dataset.name)
        known = fingerprint(*told.sort(told.columns).rows())
    source = site.project.sources[dataset.source].kind
    key, code = fingerprint(site.mask_key()), code_fingerprint("catalog", "index")
    return fingerprint(*marks, *contracts, known, source, site.project.name, site.project.model, key, code)


def _behind(site: Site, name: str) -> dict[str, Any]:
    """What lies behind the published documents: when the source was read, and what became of its rows.

    It is kept with the index, because a later read may be blocked while these documents are still served.
    """
    raw, ready = (read_json(site.home.manifest(stage, name)) for stage in ("raw", "ready"))
    counts = {
        "read": raw["rows"] + raw["rejected"], "quarantined": ready["quarantined"], "filtered": ready["filtered"],
        "duplicate": ready["duplicate"], "failed": raw["rejected"],
    }  # fmt: skip
    return {"as_of": raw["checked_at"], "counts": counts}


def _record(site: Site, name: str, manifest: dict[str, Any], *, run_id: str, changed: bool) -> None:
    keep(site.home.ready(name), site.home.published(name))
    keep_contract(site.home, site.dataset(name))
    write_json(manifest, site.home.manifest("indexed", name))
    as_of = datetime.fromisoformat(manifest["as_of"])
    site.ledger.record_state(
        name, "indexed", checked_at=as_of, fingerprint=manifest["memo"], changed=changed, run_id=run_id
    )


def _account(site: Site, dataset: Dataset, run_id: str, manifest: dict[str, Any], *, embedded: int) -> Account:
    """The accounting identity of one dataset, the indexed rows counted in the live index itself."""
    import index

    store = index.Store(site.home.index)
    return Account(
        dataset=dataset.name, run_id=run_id, at=site.clock(), indexed=index.covered(store, dataset.name),
        documents=manifest["documents"], embedded=embedded, index_version=store.tag("live") or 0, **manifest["counts"],
    )  # fmt: skip


def _unbalanced(dataset: Dataset, account: Account) -> Finding:
    parts = {part: getattr(account, part) for part in ("indexed", "quarantined", "filtered", "duplicate", "failed")}
    difference = account.read - sum(parts.values())
    return Finding(
        rule="accounting", dataset=dataset.name, stage="indexed", severity="critical", count=abs(difference),
        message=f"{account.read} rows were read, {sum(parts.values())} are accounted for.",
        evidence={"read": account.read, **parts}, owner=dataset.owner, blocking=True,
        remedy="Run again; if it stays, a document template drops rows: its first template must cover every row.",
    )  # fmt: skip


def _told(account: Account, manifest: dict[str, Any], findings: tuple[Finding, ...]) -> Indexed:
    return Indexed(
        account=account, documents=manifest["documents"], added=manifest["added"], changed=manifest["changed"],
        deleted=manifest["deleted"], embedded=manifest["embedded"], truncated=manifest.get("truncated", 0),
        version=account.index_version, findings=findings,
    )  # fmt: skip

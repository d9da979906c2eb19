"""Bring the index to what the ready rows say, publish it in one move, and account for every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import polars as pl

from catalog.errors import ContractBlocked
from catalog.fingerprint import code_fingerprint
from catalog.models import Dataset
from ledger import Account, Finding
from pipelines.contract_versions import holding, keep_contract, version_findings
from pipelines.holding import Gate
from pipelines.progress import tell
from pipelines.site import Site, one_at_a_time
from pipelines.store import fingerprint, keep, read_json, write_frame, write_json

if TYPE_CHECKING:
    from index import Change, Store


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

    Raises ChangeHeld when the change would delete more than the threshold and nobody approved that, ContractBlocked
    when the contract breaks those who read what is published and has no version that says so; the live version stays.
    """
    import index

    dataset, home = site.dataset(name), site.home
    store = index.Store(home.index)
    memo = _memo(site, dataset)
    last = read_json(home.manifest("indexed", name))
    gate = Gate(site, name, "indexed", run_id)
    broken = [
        finding for finding in site.ledger.findings(dataset=name, stage="indexed") if finding.rule == "accounting"
    ]
    if last.get("memo") == memo and store.tag("live") is not None and not broken:
        tell("indexed", name, last["documents"], last["documents"])
        manifest = last | _behind(site, name)
        _record(site, name, manifest, run_id=run_id, changed=False)
        gate.keep(())
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
        bring = partial(
            index.reconcile, store, chunks, dataset=dataset,
            embedder=lambda: index.load_embedder(site.project.model, home.models),
            progress=lambda done, total: tell("indexed", name, done, total),
        )  # fmt: skip
        change, told = bring(), list(warned)
        if change.held:
            found = [] if _foretold(site, dataset, change, last) else [_deletions(site, store, chunks, change, gate)]
            told += gate.told(found)
            if any(finding.blocking for finding in told):
                site.ledger.record_findings(run_id, name, "indexed", told, site.clock())
                gate.close(told)
            change = bring(allow_deletes=True)
        version = index.publish(store, change.version)
    write_frame(chunks.select("id", "hash", "document_id", "key", "rows"), home.chunks(name))
    manifest = {
        **_behind(site, name), "memo": memo, "run_id": run_id, "documents": chunks["document_id"].n_unique(),
        "version": version, "added": change.added, "changed": change.changed, "deleted": change.deleted,
        "embedded": change.embedded, "truncated": change.truncated,
        "warned": [finding.model_dump(mode="json") for finding in warned],
        "took": [mark["content"] for mark in _approved(site, name)],
    }  # fmt: skip
    _record(site, name, manifest, run_id=run_id, changed=True)
    gate.keep(())
    tell("indexed", name, manifest["documents"], manifest["documents"])
    account = _account(site, dataset, run_id, manifest, embedded=change.embedded)
    return _told(account, manifest, tuple(told))


def _approved(site: Site, name: str) -> list[dict[str, Any]]:
    """What people approved of the rows that are ready: at the source, and in quarantine."""
    marks = [read_json(site.home.manifest(stage, name)).get("approved") for stage in ("raw", "ready")]
    return [mark for mark in marks if mark]


def _foretold(site: Site, dataset: Dataset, change: Change, last: dict[str, Any]) -> bool:
    """Whether the deletions are those of rows whose going a person approved since the last publication.

    Each template may tell of each row, so as many documents may go with it.
    """
    (finding,) = change.findings
    marks = [mark for mark in _approved(site, dataset.name) if mark["content"] not in last.get("took", ())]
    rows = sum(mark["lost"] for mark in marks)
    left = finding.evidence["expected"] or any(mark["empty"] for mark in marks)
    return bool(marks and left) and finding.count <= rows * max(1, len(dataset.documents))


def _deletions(site: Site, store: Store, chunks: pl.DataFrame, change: Change, gate: Gate) -> Finding:
    """The finding that holds the index, or what is left of it where a person approved exactly these deletions."""
    (finding,) = change.findings
    told = finding.evidence
    gone = store.chunk_state(finding.dataset).join(chunks, on="document_id", how="anti")["document_id"]
    ready = read_json(site.home.manifest("ready", finding.dataset)).get("fingerprint", "")
    content = fingerprint(
        "deletion", ready, site.dataset(finding.dataset).fingerprint, told["live"], *gone.unique().sort().to_list()
    )
    return gate.judged(
        finding, kind="deletion", content=content, unit="documents", before=told["live"], after=told["expected"],
        share=told["would_delete"] / told["live"], threshold=told["threshold"],
    )  # fmt: skip


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
        findings += [one for one in site.ledger.findings(dataset=name, stage="indexed") if _waits(one)]
    site.ledger.record_account(account)
    site.ledger.record_findings(run_id, name, "indexed", findings, site.clock())
    return account, tuple(findings)


def _waits(finding: Finding) -> bool:
    return finding.rule == "deletion-threshold" and finding.blocking


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
    if site.home.settled(name).exists():
        keep(site.home.settled(name), site.home.published_settled(name))
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

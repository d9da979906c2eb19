"""Bring the index to what the ready rows say, publish it in one move, and account for every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

import polars as pl

from catalog.errors import ContractBlocked
from catalog.models import Dataset
from ledger import Account, Finding
from pipelines.borrowing import related
from pipelines.contract_versions import holding, keep_contract, version_findings
from pipelines.deletions import approved, foretold, judged_deletions
from pipelines.embedding import cache_of, cut_findings, embedder_of, is_other_model
from pipelines.holding import Gate
from pipelines.progress import tell
from pipelines.publications import finish, keep_publication, publish
from pipelines.retelling import code_mark, kept_templates, retold, told_rows
from pipelines.site import Site, one_at_a_time
from pipelines.standing import standing_mark, stops_kept
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
    why: str = ""  # which templates were rendered again, and what of theirs had changed


@one_at_a_time
def make_indexed(site: Site, name: str, *, run_id: str) -> Indexed:
    """Render, reconcile, publish. Nothing changed: no rendering, no model, no new version.

    Of what changed only those templates are rendered that it touches; the documents of the others stay as published.

    Raises ChangeHeld when the change would delete more than the threshold and nobody approved that, ContractBlocked
    when the contract breaks those who read what is published and has no version that says so; the live version stays.
    """
    import index

    dataset, home = site.dataset(name), site.home
    finish(site, run_id=run_id)
    store = index.Store(home.index)
    memo = _memo(site, dataset)
    last = read_json(home.manifest("indexed", name))
    gate = Gate(site, name, "indexed", run_id)
    broken = [
        finding for finding in site.ledger.findings(dataset=name, stage="indexed") if finding.rule == "accounting"
    ]
    other, cache = is_other_model(site, store), cache_of(site, name)
    if last.get("memo") == memo and store.tag("live") is not None and not broken and not other:
        tell("indexed", name, last["documents"], last["documents"])
        manifest = last | _behind(site, name)
        _record(site, name, manifest, run_id=run_id, changed=False)
        gate.keep(())
        if cache.waits():  # of a run that was killed, whose rows are gone again
            index.forget(store, cache)
        account = _account(site, dataset, run_id, manifest, embedded=0)
        none = {"added": 0, "changed": 0, "deleted": 0, "embedded": 0, "why": "nothing that it is made of changed"}
        return _told(account, manifest | none, ())
    waits = [*_unknown_rows(site, dataset), *holding(home, _judged(site, dataset), teller=dataset)]
    if waits:
        _hold(site, name, waits, run_id=run_id)
    warned = version_findings(home, dataset)
    doubt = "the accounting" if broken else "the model" if other else ""
    told_anew = retold(site, dataset, store, last.get("templates", {}), doubt=doubt)
    chunks = told_anew.chunks
    with store.writer(run=run_id):
        store.begin()
        embed = partial(embedder_of, site)
        counted = partial(tell, "indexed", name)
        anew = index.reindex(store, embed(), cache=cache, progress=counted) if other else 0
        bring = partial(
            index.reconcile, store, chunks, dataset=dataset, embedder=embed, progress=counted, cache=cache
        )  # fmt: skip
        change, told = bring(), list(warned)
        if change.held:
            (finding,) = change.findings
            if not foretold(site, dataset, finding, last):
                told += gate.told([judged_deletions(site, store.chunk_state(name), chunks, finding, gate)])
            if any(finding.blocking for finding in told):
                site.ledger.record_findings(run_id, name, "indexed", told, site.clock())
                gate.close(told)
            change = bring(allow_deletes=True)
        probing = embed() if change.embedded or anew else None  # a run that loaded no model loads none for the gates
        version = publish(site, store, chunks, change, told=told, embedder=probing, run_id=run_id)
    cut = cut_findings(store, dataset, cache)
    warned, told = [*warned, *cut], [*told, *cut]
    write_frame(chunks.select("id", "hash", "document_id", "key", "rows"), home.chunks(name))
    manifest = {
        **_behind(site, name), "memo": memo, "run_id": run_id, "documents": chunks["document_id"].n_unique(),
        "version": version, "added": change.added, "changed": change.changed, "deleted": change.deleted,
        "embedded": change.embedded + anew, "truncated": sum(finding.count for finding in cut),
        "warned": [finding.model_dump(mode="json") for finding in warned],
        "took": [mark["content"] for mark in approved(site, name)], "why": told_anew.why,
        "templates": kept_templates(told_anew),
    }  # fmt: skip
    _record(site, name, manifest, run_id=run_id, changed=True)
    keep_publication(site, version, store=store)
    index.forget(store, cache)
    gate.keep(())
    tell("indexed", name, manifest["documents"], manifest["documents"])
    account = _account(site, dataset, run_id, manifest, embedded=change.embedded + anew)
    return _told(account, manifest, tuple(told))


def _hold(site: Site, name: str, findings: Sequence[Finding], *, run_id: str) -> NoReturn:
    """Leave what is published as it is, and say why."""
    site.ledger.record_findings(run_id, name, "indexed", list(findings), site.clock())
    raise ContractBlocked(name, [finding.rule for finding in findings], findings[0].message)


def _unknown_rows(site: Site, dataset: Dataset) -> list[Finding]:
    """Why a dataset waits that tells of rows which were never accepted: it would tell that there are none."""
    absent = sorted(other for other, path in told_rows(site, dataset).items() if not path.exists())
    named = ", ".join(f"'{other}'" for other in absent)
    return [Finding(
        rule="rows-told-of", dataset=dataset.name, stage="indexed", severity="critical", count=len(absent),
        unit="datasets", message=f"Its documents tell of {named}, of which no rows were accepted yet.",
        evidence={"absent": absent}, owner=dataset.owner, blocking=True,
        remedy="See why these rows were not accepted; it is published by the first run that has them.",
    )] if absent else []  # fmt: skip


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


def _memo(site: Site, dataset: Dataset) -> str:
    """Everything that a dataset's documents are made of."""
    home, stopped = site.home, stops_kept(site)
    stopped.pop(dataset.name, None)  # its own rows are those that it would publish
    marks = [standing_mark(site, name, stopped) for name in sorted({dataset.name, *related(dataset)})]
    contracts = [site.project.datasets[name].fingerprint for name in sorted({dataset.name, *related(dataset)})]
    known = ""
    if home.gaps.exists():
        told = pl.read_parquet(home.gaps).filter(pl.col("dataset") == dataset.name)
        known = fingerprint(*told.sort(told.columns).rows())
    source = site.project.sources[dataset.source].kind
    key, code = fingerprint(site.mask_key()), code_mark()
    chunks = site.project.chunks.model_dump_json()
    return fingerprint(*marks, *contracts, known, source, site.project.name, site.project.model, chunks, key, code)


def _behind(site: Site, name: str) -> dict[str, Any]:
    """What lies behind the published documents: when the source was read, and what became of its rows.

    It is kept with the index, because a later read may be blocked while these documents are still served.
    """
    raw, ready = (read_json(site.home.manifest(stage, name)) for stage in ("raw", "ready"))
    counts = {
        "read": raw["rows"] + raw["rejected"], "quarantined": ready["quarantined"], "filtered": ready["filtered"],
        "duplicate": ready["duplicate"], "failed": raw["rejected"],
    }  # fmt: skip
    return {"as_of": raw["checked_at"], "counts": counts, "ready": ready["fingerprint"]}


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
        version=account.index_version, findings=findings, why=manifest.get("why", ""),
    )  # fmt: skip

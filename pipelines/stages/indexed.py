"""Bring the index to what the ready rows say, publish it in one move, and account for every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import polars as pl

from catalog.errors import ContractBlocked
from catalog.models import Dataset
from ledger import Account, Finding
from pipelines.borrowing import related
from pipelines.contract_versions import holding, version_findings
from pipelines.deletions import approved, foretold, judged_deletions
from pipelines.embedding import cache_of, cut_findings, embedder_of, is_other_model
from pipelines.holding import Gate
from pipelines.progress import tell
from pipelines.publications import Brought, begin, publish, settle, stand
from pipelines.retelling import Retold, code_mark, kept_templates, retold, told_rows
from pipelines.site import Site, one_at_a_time
from pipelines.standing import standing_mark, stops_kept
from pipelines.store import fingerprint, read_json

if TYPE_CHECKING:
    from index import Change, Embedder, Store, VectorCache


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

    dataset, store = site.dataset(name), index.Store(site.home.index)
    settle(site, store, run_id=run_id)
    last, gate = read_json(site.home.manifest("indexed", name)), Gate(site, name, "indexed", run_id)
    night = _Night(site, dataset, run_id, store, cache_of(site, name), _memo(site, dataset), last, gate)
    broken = any(finding.rule == "accounting" for finding in site.ledger.findings(dataset=name, stage="indexed"))
    other = is_other_model(site, store)
    if last.get("memo") == night.memo and store.tag("live") is not None and not broken and not other:
        return _stands(night)
    waits = [*_unknown_rows(site, dataset), *holding(site.home, _judged(site, dataset), teller=dataset)]
    if waits:
        _hold(site, name, waits, run_id=run_id)
    doubt = "the accounting" if broken else "the model" if other else ""
    told_anew = retold(site, dataset, store, last.get("templates", {}), doubt=doubt)
    return _published(night, told_anew, other=other)


@dataclass(frozen=True)
class _Night:
    """One dataset in one run, and the index that it is brought into."""

    site: Site
    dataset: Dataset
    run_id: str
    store: Store
    cache: VectorCache
    memo: str  # of what its documents are made of now
    last: dict[str, Any]  # the manifest of what is published of it
    gate: Gate

    def embedder(self) -> Embedder:
        """The project's model, loaded."""
        return embedder_of(self.site)


def _stands(night: _Night) -> Indexed:
    """Nothing changed: the documents stay, and what lies behind them is of the newest look at the source."""
    import index

    site, name, last = night.site, night.dataset.name, night.last
    tell("indexed", name, last["documents"], last["documents"])
    brought = Brought(night.dataset, last | _behind(site, name))
    stand(site, brought, night.store.tag("live") or 0, run_id=night.run_id, changed=False)
    night.gate.keep(())
    if night.cache.waits():  # of a run that was killed, whose rows are gone again
        index.forget(night.store, night.cache)
    account = _account(site, night.dataset, night.run_id, brought.manifest, embedded=0)
    none = {"added": 0, "changed": 0, "deleted": 0, "embedded": 0, "why": "nothing that it is made of changed"}
    return _told(account, {**brought.manifest, **none}, ())


def _published(night: _Night, told_anew: Retold, *, other: bool) -> Indexed:
    """Bring the chunks into the index and publish them, with `other` all vectors by the project's model first."""
    import index

    site, dataset, store, cache, run_id = night.site, night.dataset, night.store, night.cache, night.run_id
    name, warned = dataset.name, version_findings(site.home, dataset)
    with store.writer(run=run_id):
        begin(site, store)
        counted = partial(tell, "indexed", name)
        anew = index.reindex(store, night.embedder(), cache=cache, progress=counted) if other else 0
        change, told = _brought(night, told_anew.chunks, warned)
        cut = cut_findings(store, dataset, cache)
        manifest = _manifest(night, told_anew, change, anew=anew, warned=[*warned, *cut], cut=cut)
        probing = night.embedder() if manifest["embedded"] else None  # no model is loaded for the gates alone
        publish(
            site, store, Brought(dataset, manifest, told_anew.chunks), change.version,
            told=told, embedder=probing, run_id=run_id,
        )  # fmt: skip
    index.forget(store, cache)
    night.gate.keep(())
    tell("indexed", name, manifest["documents"], manifest["documents"])
    account = _account(site, dataset, run_id, manifest, embedded=manifest["embedded"])
    return _told(account, manifest, (*told, *cut))


def _brought(night: _Night, chunks: pl.DataFrame, warned: Sequence[Finding]) -> tuple[Change, list[Finding]]:
    """The change of the index, which nobody sees yet, and what is to be told of it.

    ChangeHeld where it would delete more than the threshold and nobody approved that.
    """
    import index

    site, dataset, name = night.site, night.dataset, night.dataset.name
    bring = partial(
        index.reconcile, night.store, chunks, dataset=dataset, embedder=night.embedder,
        progress=partial(tell, "indexed", name), cache=night.cache,
    )  # fmt: skip
    change, told = bring(), list(warned)
    if not change.held:
        return change, told
    (finding,) = change.findings
    if not foretold(site, dataset, finding, night.last):
        told += night.gate.told([judged_deletions(site, night.store.chunk_state(name), chunks, finding, night.gate)])
    if any(one.blocking for one in told):
        site.ledger.record_findings(night.run_id, name, "indexed", told, site.clock())
        night.gate.close(told)
    return bring(allow_deletes=True), told


def _manifest(
    night: _Night, told_anew: Retold, change: Change, *, anew: int, warned: Sequence[Finding], cut: Sequence[Finding]
) -> dict[str, Any]:
    """What the next run has to know of this publication."""
    name = night.dataset.name
    return {
        **_behind(night.site, name), "memo": night.memo, "run_id": night.run_id,
        "documents": told_anew.chunks["document_id"].n_unique(), "added": change.added, "changed": change.changed,
        "deleted": change.deleted, "embedded": change.embedded + anew,
        "truncated": sum(finding.count for finding in cut),
        "warned": [finding.model_dump(mode="json") for finding in warned],
        "took": [mark["content"] for mark in approved(night.site, name)], "why": told_anew.why,
        "templates": kept_templates(told_anew),
    }  # fmt: skip


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


def _account(site: Site, dataset: Dataset, run_id: str, manifest: Mapping[str, Any], *, embedded: int) -> Account:
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


def _told(account: Account, manifest: Mapping[str, Any], findings: tuple[Finding, ...]) -> Indexed:
    return Indexed(
        account=account, documents=manifest["documents"], added=manifest["added"], changed=manifest["changed"],
        deleted=manifest["deleted"], embedded=manifest["embedded"], truncated=manifest.get("truncated", 0),
        version=account.index_version, findings=findings, why=manifest.get("why", ""),
    )  # fmt: skip

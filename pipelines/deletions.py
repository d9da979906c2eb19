"""Judge what would go from the index: whether a person agreed to it, and whether it is going to wait for one."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.fingerprint import declared
from catalog.models import Dataset
from ledger import Finding
from pipelines.borrowing import related
from pipelines.holding import Gate
from pipelines.site import Site
from pipelines.store import fingerprint, read_json


def approved(site: Site, name: str) -> list[dict[str, Any]]:
    """What people approved of the rows that are ready: at the source, and in quarantine."""
    marks = [read_json(site.home.manifest(stage, name)).get("approved") for stage in ("raw", "ready")]
    return [mark for mark in marks if mark]


def foretold(site: Site, dataset: Dataset, finding: Finding, last: dict[str, Any]) -> bool:
    """Whether the deletions are those of rows whose going a person approved since the last publication.

    Each template may tell of each row, so as many documents may go with it.
    """
    marks = [mark for mark in approved(site, dataset.name) if mark["content"] not in last.get("took", ())]
    rows = sum(mark["lost"] for mark in marks)
    left = finding.evidence["expected"] or any(mark["empty"] for mark in marks)
    return bool(marks and left) and finding.count <= rows * max(1, len(dataset.documents))


def judged_deletions(site: Site, state: pl.DataFrame, chunks: pl.DataFrame, finding: Finding, gate: Gate) -> Finding:
    """The finding that holds the index, or what is left of it where a person approved exactly these deletions.

    `state` is what the index holds of the dataset, `chunks` what it would hold.
    """
    told = finding.evidence
    gone = state.join(chunks, on="document_id", how="anti")["document_id"]
    ready = read_json(site.home.manifest("ready", finding.dataset)).get("fingerprint", "")
    content = fingerprint(
        "deletion", ready, site.dataset(finding.dataset).fingerprint, told["live"], *gone.unique().sort().to_list()
    )
    return gate.judged(
        finding, kind="deletion", content=content, unit="documents", before=told["live"], after=told["expected"],
        share=told["would_delete"] / told["live"], threshold=told["threshold"],
    )  # fmt: skip


def will_wait(site: Site, name: str, *, run_id: str) -> bool:
    """Whether publishing the ready rows would wait for a person; then nobody else may tell of these rows, either.

    Documents are rendered for it only where so many rows behind published ones are gone that it may have to wait, or
    where documents tell of groups.
    """
    import index

    dataset, home = site.dataset(name), site.home
    last, needed = read_json(home.manifest("indexed", name)), {name, *related(dataset)}
    if not last or not all(home.ready(one).exists() for one in needed):
        return False
    most, live = _most_gone(site, dataset, last), last["documents"]
    if most == 0 or (most is not None and most < live and most <= dataset.deletion_threshold * live):
        return False
    frames = {one: pl.read_parquet(home.ready(one)) for one in needed}
    chunks = index.render(dataset, frames, project=site.project, known=None, mask_key=site.mask_key())
    state = index.Store(home.index).chunk_state(name, at="live")
    finding = index.too_many_deletions(state, chunks, dataset)
    if finding is None or foretold(site, dataset, finding, last):
        return False
    return judged_deletions(site, state, chunks, finding, Gate(site, name, "indexed", run_id)).blocking


def _most_gone(site: Site, dataset: Dataset, last: dict[str, Any]) -> int | None:
    """The most documents that may have gone since the last publication; None where only rendering tells."""
    home = site.home
    if read_json(home.manifest("ready", dataset.name)).get("fingerprint", "") == last.get("ready"):
        return 0
    if any(template.by or template.only_missing_in for template in dataset.documents):
        return None
    published = home.published(dataset.name)
    if not published.exists():
        return 0
    gone = pl.scan_parquet(published).select("_key").join(
        pl.scan_parquet(home.ready(dataset.name)).select("_key"), on="_key", how="anti"
    )  # fmt: skip
    count = gone.select(pl.len()).collect().item()
    return count * len(dataset.documents) if not count or _same_templates(dataset, last) else None


def _same_templates(dataset: Dataset, last: dict[str, Any]) -> bool:
    """Whether the documents were published by the templates of now, so that each row tells as many of them."""
    before = {name: one["parts"].get("its text") for name, one in last.get("templates", {}).items()}
    return before == {template.name: declared(template) for template in dataset.documents}

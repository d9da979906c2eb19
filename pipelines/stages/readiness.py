"""Score every dataset and use case from what the run left behind, keep what moved, and write the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from catalog.models import Dataset
from expectations.readiness import Evidence, Rows, Score, score, score_use_case
from ledger.models import ReadinessScore
from pipelines.probing import STAGE, Prober
from pipelines.readiness_pages import write_readiness_report
from pipelines.site import Site, one_at_a_time
from pipelines.store import read_json

if TYPE_CHECKING:
    from index import Embedder


@dataclass(frozen=True)
class Readiness:
    """The scores of all subjects, datasets before use cases, and the names of those whose evidence moved."""

    scores: tuple[Score, ...]
    moved: tuple[str, ...]

    @property
    def short(self) -> tuple[Score, ...]:
        """Those that are below their minimum, or were not measured whole."""
        return tuple(one for one in self.scores if not one.enough)


@one_at_a_time
def measure_readiness(site: Site, *, run_id: str, embedder: Callable[[], Embedder] | None = None) -> Readiness:
    """The readiness of everything in the project, as far as it can be known; nothing is read from a source.

    A score is added to the ledger only where its evidence moved. The index is asked only where it or a contract did.
    `embedder` makes the model of the questions; without one the project's own is loaded.
    """
    now, plan = site.clock(), site.project.readiness
    prober = Prober(site, embedder)
    scored = {
        name: score(dataset, gather(site, dataset, prober, now), plan)
        for name, dataset in sorted(site.project.datasets.items())
    }
    cases = [score_use_case(case, scored, prober.answered(case), plan, now) for case in site.project.use_cases]
    prober.keep_vectors()
    scores = (*scored.values(), *cases)
    moved = site.ledger.record_readiness([_entry(site, one, run_id) for one in scores])
    for one in scores:
        site.ledger.record_state(
            one.subject, STAGE, checked_at=now, fingerprint=one.fingerprint, changed=one.subject in moved, run_id=run_id
        )
    write_readiness_report(site, scores, now)
    return Readiness(scores, tuple(moved))


def _entry(site: Site, one: Score, run_id: str) -> ReadinessScore:
    """A score as the ledger keeps it, with the contracts it speaks of."""
    told = one.model_dump(mode="json", include={"dimensions", "blockers"})
    told["contracts"] = {name: site.dataset(name).fingerprint for name in one.datasets}
    return ReadinessScore(
        subject=one.subject, kind=one.kind, at=one.measured_at, run_id=run_id, total=one.total, known=one.known,
        dimensions=told, fingerprint=one.fingerprint,
    )  # fmt: skip


def gather(site: Site, dataset: Dataset, prober: Prober, now: datetime) -> Evidence:
    """All that the stages left behind about one dataset."""
    home, name = site.home, dataset.name
    raw, ready, indexed = (read_json(home.manifest(stage, name)) for stage in ("raw", "ready", "indexed"))
    gaps = read_json(home.manifest("gaps", "all"))
    held, filled = _filled(site, dataset)
    return Evidence(
        now=now,
        rows=_rows(raw, ready) if ready.get("contract") == dataset.fingerprint else None,
        held=held,
        filled=filled,
        findings=tuple(site.ledger.findings(dataset=name)),
        gaps_looked=dataset.fingerprint in gaps.get("contracts", ()),
        source_read=_moment(raw.get("checked_at")),
        published_read=_moment(indexed.get("as_of")),
        probe=prober.probe(dataset),
    )


def _rows(raw: Mapping[str, Any], ready: Mapping[str, Any]) -> Rows:
    return Rows(
        ready=ready["rows"], quarantined=ready["quarantined"], filtered=ready["filtered"],
        duplicate=ready["duplicate"], failed=raw.get("rejected", 0),
    )  # fmt: skip


def _filled(site: Site, dataset: Dataset) -> tuple[int, dict[str, int]]:
    """How many ready rows there are, and how many of them hold a value, by field."""
    path = site.home.ready(dataset.name)
    if not path.exists():
        return 0, {}
    frame = pl.scan_parquet(path)
    present = [field.name for field in dataset.fields if field.name in frame.collect_schema().names()]
    counted = frame.select(pl.len().alias("_rows"), *(pl.col(name).count() for name in present)).collect()
    counts = counted.row(0, named=True)
    return counts.pop("_rows"), counts


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

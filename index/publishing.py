"""Make the newest version of the index the answer: indices first, then the gates, then the tags, then the sweeping.

Readers only ever follow the `live` tag, so everything before its move is invisible, and a kill anywhere leaves the last
published version served. What was live before the run stays as `previous` for a rollback, however often it publishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

import polars as pl

from catalog.errors import IndexStoreError, Refusal
from catalog.models import Dataset, IndexPlan
from index import housekeeping, tuning
from index.faults import faults_told
from index.probing import NEAREST, measured
from index.publications import LIVE, PREVIOUS, enter, version_before
from index.reading import Snapshot
from index.store import Store
from index.tuning import Parameters
from ledger.models import EVERYWHERE, Finding

SAMPLE = 20

Gate = Callable[[Snapshot], Sequence[Finding]]  # looks at the staged version; a blocking finding stops the publication
Beside = Callable[[int], object]  # lays what goes with a version beside it, right before it is served


class PublicationStopped(Refusal):
    """A gate is red: what is live stays. `findings` say which gate, by how much, and how to go on."""

    def __init__(self, what: str, remedy: str, findings: tuple[Finding, ...]) -> None:
        super().__init__(what, remedy)
        self.args = (what, remedy, findings)
        self.findings = findings


def publish(
    store: Store,
    version: int,
    *,
    plan: IndexPlan | None = None,
    gates: Sequence[Gate] = (),
    now: datetime | None = None,
    run: str = "",
    beside: Beside | None = None,
) -> int:
    """Index, tidy, probe and publish `version`, which must be the newest; the number that is live afterwards.

    What one `run` publishes is taken back by one rollback; without a name each publication is. Publishing what is live
    already does nothing. PublicationStopped where a gate is red: `live` stays where it was, and the next run begins
    from there. IndexStoreError where the store cannot be written.
    """
    plan, moment = plan or IndexPlan(), now or datetime.now(UTC)
    with store.writer():
        table = store.latest()
        if table is None:
            raise IndexStoreError("there is no index to publish", "Run the pipeline first.")
        if table.version != version:
            raise IndexStoreError(
                f"version {version} is not the newest of the index any more ({table.version} is)",
                "Another run wrote in between; run again.",
            )
        live = store.tag(LIVE)
        if live == version:
            return version
        with faults_told(store.uri):
            before = version_before(store, run=run)
            staged = _staged(store, plan, before, moment)
        findings = tuple(finding for gate in (_recall_gate(plan), *gates) for finding in gate(staged))
        if any(finding.blocking for finding in findings):
            first = next(finding for finding in findings if finding.blocking)
            raise PublicationStopped(f"not published: {first.message}", first.remedy, findings)
        newest = staged.number
        if beside is not None:
            beside(newest)
        with faults_told(store.uri):
            enter(store, newest, moment, run=run, before=before)
            store.set_tag(LIVE, newest)
            if before is not None:
                store.set_tag(PREVIOUS, before)
            housekeeping.prune(store, plan)
        return newest


def accounting(expected: pl.DataFrame, dataset: Dataset, store: Store) -> Gate:
    """A gate for `publish`: the staged version holds exactly the chunks that it must of `dataset`; see `verify`."""
    return lambda staged: verify(store, expected, dataset, at="latest")


def rollback(store: Store, *, now: datetime | None = None) -> int:
    """Serve what was live before the run that published last; a second rollback returns.

    IndexStoreError where there was no run before.
    """
    with store.writer():
        live, before = store.tag(LIVE), version_before(store)
        if before is None or live is None or before not in store.versions:
            raise IndexStoreError("there is no run before the one that is served", "Only a second run makes one.")
        enter(store, before, now or datetime.now(UTC), before=live)
        store.set_tag(LIVE, before)
        store.set_tag(PREVIOUS, live)
        return before


def _staged(store: Store, plan: IndexPlan, before: int | None, now: datetime) -> Snapshot:
    """The newest content with its indices and its parameters, as it would be served."""
    table = store.latest()
    if table is None:
        raise IndexStoreError("the index vanished while it was published", "Run again.")
    housekeeping.compact(store, table, before=before, now=now, sparing=not tuning.fits(table, plan))
    known = tuning.parameters_of(table)
    found = measured(table, tuning.tuned(table, plan), plan.recall)
    if found.recall is not None and found.recall < plan.recall and found.trained_on == known.trained_on:
        # what was added since does not lie where the index was trained
        found = measured(table, tuning.tuned(table, plan, retrain=True), plan.recall)
    if found != known:
        tuning.write_parameters(table, found)
    return Snapshot(store, table.version)


def _recall_gate(plan: IndexPlan) -> Gate:
    def gate(staged: Snapshot) -> tuple[Finding, ...]:
        found = staged.parameters
        return () if found.recall is None or found.recall >= plan.recall else (_forgetful(found, plan),)

    return gate


def _forgetful(found: Parameters, plan: IndexPlan) -> Finding:
    return Finding(
        rule="index-recall", dataset=EVERYWHERE, stage="indexed", severity="critical", count=found.queries,
        unit="questions", blocking=True,
        message=(
            f"The vector index finds {found.recall:.1%} of the {NEAREST} nearest passages that an exact look finds; "
            f"{plan.recall:.1%} are promised. The last good version stays."
        ),
        evidence=found.model_dump(mode="json", exclude={"segments"}) | {"promised": plan.recall},
        remedy="Set `index: {kind: exact}` in project.yaml, which is slower and always right, or promise less recall.",
    )  # fmt: skip


def verify(
    store: Store, expected: pl.DataFrame, dataset: Dataset, *, at: Literal["latest", "live", "both"] = "both"
) -> tuple[Finding, ...]:
    """Compare what the index holds of a dataset with what it must hold (id, hash, document_id, key, rows).

    Before a publish ask for `latest`; afterwards both must agree. Every missing, extra or changed chunk counts; the
    finding names their keys.
    """
    places: tuple[Literal["latest", "live"], ...] = ("latest", "live") if at == "both" else (at,)
    wrong = pl.concat([_differences(store, expected, dataset, place) for place in places])
    if wrong.is_empty():
        return ()
    keys = wrong["key"].unique(maintain_order=True).to_list()
    counts = {
        place: {kind: wrong.filter((pl.col("at") == place) & (pl.col("kind") == kind)).height for kind in KINDS}
        for place in places
    }
    told = ", ".join(f"{n} {kind} ({place})" for place, kinds in counts.items() for kind, n in kinds.items() if n)
    finding = Finding(
        rule="accounting",
        dataset=dataset.name,
        stage="indexed",
        severity="critical",
        count=wrong["id"].n_unique(),
        unit="chunks",
        message=f"The index does not hold what it must of '{dataset.name}': {told}.",
        sample_keys=tuple(str(key) for key in keys[:SAMPLE]),
        evidence={
            "chunks": counts,
            "expected_rows": int(expected["rows"].sum()),
            "covered_rows": covered(store, dataset.name),
        },
        owner=dataset.owner,
        remedy="Run the pipeline again: it writes what is missing and deletes what is too much.",
        blocking=True,
    )
    return (finding,)


def covered(store: Store, dataset: str) -> int:
    """Rows of a dataset that the published chunks cover."""
    return int(store.chunk_state(dataset, at="live")["rows"].sum())


KINDS = ("missing", "extra", "changed")


def _differences(store: Store, expected: pl.DataFrame, dataset: Dataset, at: Literal["latest", "live"]) -> pl.DataFrame:
    """One line per chunk that is not as it must be: id, key, kind, at."""
    state = store.chunk_state(dataset.name, at=at)
    ours, theirs = expected.select("id", "key", "hash"), state.select("id", "key", "hash")
    missing = ours.join(theirs, on="id", how="anti")
    extra = theirs.join(ours, on="id", how="anti")
    doubled = theirs.filter(pl.col("id").is_duplicated()).unique("id")
    changed = ours.join(theirs.select("id", pl.col("hash").alias("old")), on="id").filter(
        pl.col("hash") != pl.col("old")
    )
    return pl.concat(
        frame.select("id", "key", pl.lit(kind).alias("kind"), pl.lit(at).alias("at"))
        for kind, frame in (("missing", missing), ("extra", extra), ("extra", doubled), ("changed", changed))
    )

"""The three Dagster assets of one dataset, and the check of its accounting. Bodies call the stages and report.

A dataset that is blocked or held stops here and nowhere else: its step is red or amber, its own later steps take
nothing on, and what is behind them goes on with its last good rows.
"""
# No `from __future__ import annotations` here: Dagster reads the annotations of a context as they stand.

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from catalog.errors import ChangeHeld, ContractBlocked, LandbridgeError
from catalog.models import Dataset, Project
from ledger import Finding
from pipelines import asset_checks, metadata, stages
from pipelines.borrowing import related
from pipelines.progress import Lines, listening
from pipelines.publications import index_metadata
from pipelines.run_marks import Told, mark_held, site_of, stands
from pipelines.site import Site
from pipelines.standing import as_of, stopping

PROMISE, DELETIONS, ACCOUNTING = "source_keeps_its_promise", "deletions", "accounting"


def _tags(dataset: Dataset) -> dict[str, str]:
    """The domain as a tag to filter by. Groups are the stages: the graph shows only the last part of a key."""
    name = _slug(dataset.domain)
    return {"landbridge/domain": name} if name else {}


def _slug(text: str) -> str:
    """A name as Dagster's tags and teams allow it."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text.lower())


def _owners(dataset: Dataset) -> list[str]:
    return [f"team:{_slug(dataset.owner)}"] if dataset.owner else []


def _freshness_policy(dataset: Dataset) -> dg.FreshnessPolicy | None:
    """The promised age of the source's read, below which Dagster shows the asset as fresh."""
    if dataset.freshness is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=max(dataset.freshness, timedelta(minutes=2)))


def _described(dataset: Dataset, what: str) -> str:
    return f"{what}\n\n{dataset.title}. {dataset.description}".strip()


def raw_asset(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    """`raw/x`: the rows of the source."""
    source = project.sources[dataset.source]

    @dg.asset(
        key=["raw", dataset.name],
        description=_described(dataset, f"Rows of `{dataset.physical_name}` as the source `{source.name}` holds them."),
        output_required=False,  # of a crash nothing is known
        group_name="raw",
        op_tags={"dagster/priority": "1"},  # pulls come first: what is kept open at a source for them is kept shortly
        tags=_tags(dataset),
        owners=_owners(dataset),
        kinds={source.kind if source.kind != "fixed_width" else "file"},
        metadata=metadata.of_source(project, dataset),
        freshness_policy=_freshness_policy(dataset),
        check_specs=[
            dg.AssetCheckSpec(
                PROMISE,
                asset=["raw", dataset.name],
                blocking=True,
                description="The columns, the volume and the readable share are what the contract promises.",
            )
        ],
    )
    def raw(context: dg.AssetExecutionContext) -> Iterator[Told]:
        site, key = site_of(project, context), ["raw", dataset.name]
        try:
            pulled = stages.pull(site, dataset.name, run_id=context.run.run_id)
        except LandbridgeError as error:
            held = isinstance(error, ChangeHeld)
            if held:
                mark_held(context, dataset.name, str(error))
            else:
                context.log.error(str(error))
            findings = site.ledger.findings(dataset=dataset.name, stage="raw")
            yield from stands(key, str(error), as_of(site, dataset.name))
            yield asset_checks.of_stage(PROMISE, key, findings, passed=False, held=held, site=site)
            if not isinstance(error, ContractBlocked):
                raise _failure(error) from error
            return
        yield dg.MaterializeResult(metadata=metadata.of_raw(site, dataset, pulled))
        yield asset_checks.of_stage(PROMISE, key, pulled.findings, passed=True, site=site)

    return raw


def ready_asset(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    """`ready/x`: the rows that keep the contract."""

    @dg.asset(
        key=["ready", dataset.name],
        deps=[["raw", dataset.name]],
        description=_described(dataset, "Rows that keep the contract: named, typed, in UTC, deduplicated, checked."),
        output_required=False,  # of a crash nothing is known
        group_name="ready",
        tags=_tags(dataset),
        owners=_owners(dataset),
        kinds={"polars", "parquet"},
        metadata=metadata.of_contract(project, dataset),
        check_specs=asset_checks.contract_specs(dataset),
    )
    def ready(context: dg.AssetExecutionContext) -> Iterator[Told]:
        site, key = site_of(project, context), ["ready", dataset.name]
        stop = stopping(site, dataset.name, before="ready")
        if stop is not None:
            yield from stands(key, _because(stop), as_of(site, dataset.name))
            yield from asset_checks.contract_unjudged(dataset, _because(stop))
            return
        made = stages.make_ready(site, dataset.name, run_id=context.run.run_id)
        report, usable = asset_checks.of_check_report(site, dataset, made), made.verdict != "block"
        if usable:
            yield dg.MaterializeResult(metadata=metadata.of_ready(site, dataset, made) | report)
        else:
            yield from stands(key, "The delivery is not accepted.", as_of(site, dataset.name))
        if made.held:
            mark_held(
                context, dataset.name,
                f"dataset '{dataset.name}' waits for approval: too many rows would be set aside",
            )  # fmt: skip
        yield asset_checks.of_stage(
            asset_checks.CONTRACT, key, made.findings, passed=usable, held=made.held, more=report, site=site
        )
        yield from asset_checks.contract_results(dataset, made)

    return ready


def indexed_asset(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    """`indexed/x`: the documents that are served."""
    told = sorted(related(dataset))

    @dg.asset(
        key=["indexed", dataset.name],
        deps=[["ready", dataset.name], ["gaps"], *(["ready", name] for name in told)],
        description=_described(dataset, "Documents agents may quote, embedded and published under the `live` tag."),
        group_name="indexed",
        tags=_tags(dataset),
        owners=_owners(dataset),
        kinds={"lancedb"},
        pool="index",
        output_required=False,  # of a crash nothing is known
        check_specs=[
            dg.AssetCheckSpec(
                DELETIONS,
                asset=["indexed", dataset.name],
                blocking=True,
                description="No more documents would go than the contract allows, or a person approved it.",
            )
        ],
        metadata=metadata.of_documents(dataset),
        freshness_policy=_freshness_policy(dataset),
    )
    def indexed(context: dg.AssetExecutionContext) -> Iterator[Told]:
        site, key = site_of(project, context), ["indexed", dataset.name]
        stop = stopping(site, dataset.name)
        if stop is not None:
            yield from stands(key, _because(stop), as_of(site, dataset.name))
            yield asset_checks.unjudged(key, DELETIONS, _because(stop))
            return
        try:
            with listening(Lines(context.log.info)):
                made = stages.make_indexed(site, dataset.name, run_id=context.run.run_id)
        except LandbridgeError as error:
            held = isinstance(error, ChangeHeld)
            if held:
                mark_held(context, dataset.name, str(error))
            findings = site.ledger.findings(dataset=dataset.name, stage="indexed")
            yield from stands(key, str(error), as_of(site, dataset.name))
            yield asset_checks.of_stage(DELETIONS, key, findings, passed=False, held=held, site=site)
            if not held:
                raise _failure(error) from error
            return
        yield dg.MaterializeResult(metadata=metadata.of_indexed(made) | index_metadata(site))
        yield asset_checks.of_stage(DELETIONS, key, made.findings, passed=True, site=site)

    return indexed


def accounting_check(project: Project, dataset: Dataset) -> dg.AssetChecksDefinition:
    """The accounting of a dataset that was published; of one that stopped it stays that of its last good run."""
    key = ["indexed", dataset.name]

    @dg.asset_check(
        asset=key,
        name=ACCOUNTING,
        description="read = indexed + quarantined + filtered + duplicate + failed, to the row, "
        "in the index as it is served; keys that break it are named.",
    )
    def accounting(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        site = site_of(project, context)
        stop = stopping(site, dataset.name) or _unpublished(site, dataset.name)
        if stop is not None:
            return asset_checks.unjudged(key, ACCOUNTING, _because(stop))
        try:
            account, findings = stages.verify_indexed(site, dataset.name, run_id=context.run.run_id)
        except LandbridgeError as error:
            raise _failure(error) from error
        return dg.AssetCheckResult(
            passed=account.balanced,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata=metadata.of_account(account, findings),
        )

    return accounting


def _unpublished(site: Site, name: str) -> Finding | None:
    """What kept the last run from publishing; a broken accounting is not such a thing."""
    found = site.ledger.findings(dataset=name, stage="indexed")
    return next((one for one in found if one.blocking and one.rule != ACCOUNTING), None)


def _because(stop: Finding) -> str:
    return f"Not looked at in this run, since '{stop.dataset}' stopped at {stop.stage} ({stop.rule})."


def _failure(error: LandbridgeError) -> dg.Failure:
    return dg.Failure(str(error), metadata={"remedy": getattr(error, "remedy", "")}, allow_retries=False)

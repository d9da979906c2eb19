"""What an entity's resolution leaves open, as findings: doubt that waits, chains of links, contradictions, blind spots.

Findings name pairs and entities by their ids, never by keys or values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from catalog.entity_models import Entity
from expectations.disclosure import SAMPLES
from expectations.linking.resolving import Resolution
from expectations.wording import listed
from ledger.models import Finding, Severity


def entity_findings(
    entity: Entity,
    resolution: Resolution,
    *,
    links: pl.DataFrame,
    members: pl.DataFrame,
    foreign: int,
    unused: int,
) -> tuple[Finding, ...]:
    """The findings of one resolution, under the first member's dataset.

    `links` has the columns of LINK_SCHEMA and `pair`, `members` has `entity_id`, `dataset` and `key`. `foreign` counts
    decisions that were made under another mask key, so that nobody knows which records they speak of; `unused` those
    about records that are not there.
    """
    told = [
        *_unjudged(entity, resolution), *_foreign(entity, foreign), *_chains(entity, members),
        *_conflicts(entity, members), *_waiting(entity, links), *_skipped(entity, resolution),
        *_unused(entity, unused),
    ]  # fmt: skip
    return tuple(told)


def _finding(
    entity: Entity, what: str, severity: Severity, count: int, unit: str, message: str, **more: Any
) -> Finding:
    return Finding(
        rule=f"entity-{entity.name}-{what}", dataset=entity.datasets[0], stage="entities", severity=severity,
        count=count, unit=unit, message=message, owner=entity.owner, **more,
    )  # fmt: skip


def _unjudged(entity: Entity, resolution: Resolution) -> Iterator[Finding]:
    if resolution.faults:
        message = f"Not all records of {entity.name} could be compared: {'; '.join(resolution.faults)}."
        remedy = f"Mend the dataset, or correct {entity.place.file}; until then links are missing."
        faults = {"faults": list(resolution.faults)}
        count = len(resolution.faults)
        yield _finding(entity, "unjudged", "critical", count, "faults", message, evidence=faults, remedy=remedy)


def _foreign(entity: Entity, foreign: int) -> Iterator[Finding]:
    if foreign:
        message = f"{_many(foreign, 'decision')} about {entity.name} cannot be applied: made under another mask key."
        remedy = "Restore the mask key of the home, or decide again: landbridge entities review."
        yield _finding(entity, "foreign-decisions", "critical", foreign, "decisions", message, remedy=remedy)


def _chains(entity: Entity, members: pl.DataFrame) -> Iterator[Finding]:
    sizes = members.group_by("entity_id").len("records").filter(pl.col("records") > entity.largest)
    if sizes.height:
        sizes = sizes.sort(-pl.col("records").cast(pl.Int64), "entity_id")
        largest = int(sizes["records"][0])
        message = (
            f"{_many(sizes.height, 'entity', 'entities')} of {entity.name} hold more than {entity.largest} records, "
            f"the largest {largest:,}: a chain of links is more likely than one thing."
        )
        remedy = "Show one with landbridge entities show ID, and refuse the links that join what is not one."
        yield _finding(
            entity, "chain", "critical", sizes.height, "entities", message, remedy=remedy,
            sample_keys=_samples(sizes["entity_id"]), evidence={"largest": largest, "limit": entity.largest},
        )  # fmt: skip


def _conflicts(entity: Entity, members: pl.DataFrame) -> Iterator[Finding]:
    for member in entity.members:
        if not member.one_per_entity:
            continue
        held = members.filter(pl.col("dataset") == member.dataset).group_by("entity_id").len("records")
        broken = held.filter(pl.col("records") > 1).sort("entity_id")
        if broken.height:
            message = (
                f"{_many(broken.height, 'entity', 'entities')} of {entity.name} hold several rows of {member.dataset}, "
                "which declares one per entity."
            )
            remedy = f"Mend the repeated rows in {member.dataset}, or refuse the links: landbridge entities show ID."
            yield _finding(
                entity, f"conflict-{member.dataset}", "critical", broken.height, "entities", message, remedy=remedy,
                sample_keys=_samples(broken["entity_id"]), evidence={"rows": int(broken["records"].sum())},
            )  # fmt: skip


def _waiting(entity: Entity, links: pl.DataFrame) -> Iterator[Finding]:
    waiting = links.filter(pl.col("decision") == "review")
    if waiting.height:
        reasons = dict(waiting.group_by("reason").len("pairs").sort("reason").iter_rows())
        message = (
            f"{_many(waiting.height, 'pair')} of {entity.name} wait for a person to say whether they are the same."
        )
        yield _finding(
            entity, "review", "warning", waiting.height, "pairs", message, evidence={"reasons": reasons},
            sample_keys=_samples(waiting["pair"]), remedy=f"landbridge entities review {entity.name}",
        )  # fmt: skip


def _skipped(entity: Entity, resolution: Resolution) -> Iterator[Finding]:
    pairs = sum(resolution.skipped.values())
    if pairs:
        message = (
            f"{_many(pairs, 'pair')} of {entity.name} were not looked at, as too many records share one value of "
            f"{listed(sorted(resolution.skipped))}."
        )
        remedy = "Block by a rarer field as well, or raise blockLimit."
        evidence = {"pairs": dict(resolution.skipped)}
        yield _finding(entity, "skipped", "info", pairs, "pairs", message, evidence=evidence, remedy=remedy)


def _unused(entity: Entity, unused: int) -> Iterator[Finding]:
    if unused:
        message = f"{_many(unused, 'decision')} about {entity.name} speak of records that are not there now."
        remedy = "Nothing to do where the records are gone for good; the decisions hold when they come back."
        yield _finding(entity, "unused-decisions", "info", unused, "decisions", message, remedy=remedy)


def _samples(names: pl.Series) -> tuple[str, ...]:
    return tuple(names.head(SAMPLES).to_list())


def _many(count: int, one: str, several: str = "") -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {several or one + 's'}"

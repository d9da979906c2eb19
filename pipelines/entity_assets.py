"""The asset `entities` of a project that declares any: which rows of several systems are one thing, and what waits."""
# No `from __future__ import annotations` here: Dagster reads the annotations of a context as they stand.

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import polars as pl

from catalog.models import Project
from pipelines import metadata, stages
from pipelines.site import Site
from pipelines.stages.entities import Entities

KEY = ["entities"]
CHECK = "nothing_waits"
SHOWN = 20  # pairs of the review queue


def entity_keys(project: Project) -> list[list[str]]:
    """The asset's key, for who depends on it; nothing where the project declares no entity."""
    return [KEY] if project.entities else []


def entity_assets(project: Project) -> list[dg.AssetsDefinition]:
    """The one asset of all entities; nothing where the project declares none."""
    if not project.entities:
        return []
    members = sorted({name for entity in project.entities.values() for name in entity.datasets})
    described = ", ".join(f"`{name}`" for name in sorted(project.entities))

    @dg.asset(
        key=KEY,
        deps=[["ready", name] for name in members],
        description=f"Which rows of several systems are one thing: {described}. No row is changed or merged.",
        group_name="entities",
        kinds={"polars", "parquet"},
        check_specs=[dg.AssetCheckSpec(CHECK, asset=KEY, description="No pair waits for a person, nothing conflicts.")],
    )
    def entities(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        site = Site.open(project)
        known = stages.resolve_entities(site, run_id=context.run.run_id)
        yield dg.MaterializeResult(metadata=of_entities(site, known))
        yield dg.AssetCheckResult(
            passed=not known.findings,
            asset_key=KEY,
            check_name=CHECK,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=metadata.of_findings(known.findings),
        )

    return [entities]


def of_entities(site: Site, known: Entities) -> metadata.Metadata:
    """Counts by entity, and the pairs that wait for a person, the most uncertain first; no key and no value."""
    counts: list[Mapping[str, str | int]] = [{"entity": name, **told} for name, told in known.counts.items()]
    waiting = [row for name in known.counts for row in review_queue(site, name)]
    told: metadata.Metadata = {"changed": known.changed, "entities": _table(counts)}
    return told | ({"review_queue": _table(waiting[:SHOWN])} if waiting else {})


def review_queue(site: Site, entity: str) -> list[dict[str, str | float]]:
    """The doubtful pairs of an entity as they may stand in the Dagster UI."""
    links = pl.read_parquet(site.home.entity(entity, "links"))
    waiting = links.filter(pl.col("decision") == "review").sort((pl.col("probability") - 0.5).abs(), "pair")
    return [
        {
            "entity": entity, "pair": row["pair"], "probability": round(row["probability"], 3),
            "between": f"{row['left_dataset']}, {row['right_dataset']}", "reason": row["reason"],
        }
        for row in waiting.head(SHOWN).iter_rows(named=True)
    ]  # fmt: skip


def _table(rows: Sequence[Mapping[str, str | int | float]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])

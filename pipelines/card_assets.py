"""The Dagster asset `catalog_cards`: what data there are, told to agents as documents like any other."""
# No `from __future__ import annotations` here: Dagster reads the annotations of a context as they stand.

import dagster as dg

from catalog.errors import LandbridgeError
from catalog.models import Project
from pipelines import stages
from pipelines.site import Site

KEY = "catalog_cards"


def cards_asset(project: Project) -> dg.AssetsDefinition:
    """`catalog_cards`, downstream of every `indexed/x`: a card tells of rows that agents can ask for."""

    @dg.asset(
        key=[KEY],
        deps=[["indexed", name] for name in sorted(project.datasets)],
        description="A card for each dataset and an entry for each word of the glossary, published with the documents.",
        group_name="catalog",
        kinds={"lancedb"},
        pool="index",
    )
    def catalog_cards(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        try:
            made = stages.make_cards(Site.open(project), run_id=context.run.run_id)
        except LandbridgeError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        told = ("documents", "added", "changed", "deleted", "embedded", "version")
        return dg.MaterializeResult(metadata={name: getattr(made, name) for name in told})

    return catalog_cards

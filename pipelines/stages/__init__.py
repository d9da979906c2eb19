"""The stages of a run as plain functions of a site and a dataset; everybody calls the same ones."""

from pipelines.stages.catalog_cards import Cards, make_cards
from pipelines.stages.entities import Entities, resolve_entities
from pipelines.stages.gaps import Known, find_gaps
from pipelines.stages.indexed import Indexed, make_indexed, verify_indexed
from pipelines.stages.raw import Raw, pull
from pipelines.stages.readiness import Readiness, measure_readiness
from pipelines.stages.ready import Ready, make_ready

__all__ = [
    "Cards", "Entities", "Indexed", "Known", "Raw", "Readiness", "Ready", "find_gaps", "make_cards", "make_indexed",
    "make_ready", "measure_readiness", "pull", "resolve_entities", "verify_indexed",
]  # fmt: skip

"""Watch what no rule declares: rows lost between the layers, and questions that found nothing.

Both change without any row changing, so they are looked at in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from catalog.models import Dataset
from expectations.disclosure import secrets
from expectations.knowledge import knowledge_gaps, shared_words
from expectations.volume import RUNS, Volume, volume_loss
from ledger import Account, Finding
from pipelines.question_memory import groups_of
from pipelines.site import Site
from pipelines.store import read_json

if TYPE_CHECKING:
    from index import Embedder

LOOKED_BACK = timedelta(days=90)  # over questions
MOST = 20_000  # questions, the newest


def watched(site: Site, embedder: Callable[[], Embedder] | None = None) -> list[Finding]:
    """The findings `volume-loss` and `knowledge-gap`, by dataset. `embedder` makes the model of the questions."""
    return [*volume_losses(site), *unknown_questions(site, embedder)]


def volume_losses(site: Site) -> list[Finding]:
    """Of each dataset whose rows have been checked since they were read: what was lost of them."""
    history = site.ledger.account_history(last=RUNS)
    found = [_volume_loss(site, site.dataset(name), history.get(name, [])) for name in sorted(site.project.datasets)]
    return [finding for finding in found if finding is not None]


def _volume_loss(site: Site, dataset: Dataset, history: list[Account]) -> Finding | None:
    raw, ready = (read_json(site.home.manifest(stage, dataset.name)) for stage in ("raw", "ready"))
    if not raw or not ready or ready.get("checked_at", "") < raw["changed_at"]:
        return None  # nothing was read yet, or what was read is not checked yet
    volume = Volume(
        read=raw["rows"] + raw["rejected"], ready=ready["rows"], quarantined=ready["quarantined"],
        filtered=ready["filtered"], duplicate=ready["duplicate"], failed=raw["rejected"],
    )  # fmt: skip
    return volume_loss(dataset, volume, history, taken=ready["verdict"] != "block")


def unknown_questions(site: Site, embedder: Callable[[], Embedder] | None = None) -> list[Finding]:
    """Questions of visits that nobody could answer, told in words that may be told."""
    groups = groups_of(site, site.ledger.questions(since=site.clock() - LOOKED_BACK, most=MOST), embedder)
    if not groups:
        return []
    shared = shared_words(groups)
    return knowledge_gaps(groups, site.project, told=shared - hidden_words(site, shared))


def hidden_words(site: Site, words: Collection[str]) -> frozenset[str]:
    """Those of some words that occur in a value that may not be told, in ready or quarantined rows of any dataset."""
    found: set[str] = set()
    for dataset in site.project.datasets.values():
        for path in (site.home.ready(dataset.name), site.home.raw(dataset.name)):
            if path.exists() and words:
                names = [
                    *secrets(dataset),
                    *(one.physical_name for one in dataset.fields if one.name in secrets(dataset)),
                ]
                schema = pl.read_parquet_schema(path)
                for name in dict.fromkeys(name for name in names if name in schema):
                    found |= _held(pl.scan_parquet(path), name, sorted(words))
    return frozenset(found)


def _held(rows: pl.LazyFrame, name: str, words: list[str]) -> set[str]:
    text = pl.col(name).cast(pl.String, strict=False).str.to_lowercase()
    held = rows.select(text.str.extract_many(words, overlapping=True).alias("word")).explode("word").unique().collect()
    return set(held["word"].drop_nulls())

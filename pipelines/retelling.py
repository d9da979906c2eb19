"""Tell the rows of a dataset again, template by template: those documents that a change touches, and no others.

What a template's documents were made of is kept with the publication, and a fingerprint of the documents themselves. A
template whose memo is the same, and whose published documents are those that were made then, is not rendered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from catalog.fingerprint import path_fingerprint
from catalog.models import Dataset
from pipelines.borrowing import borrowed_by, related
from pipelines.memos import Parts, changed, template_parts, told_again, told_part
from pipelines.site import Site
from pipelines.standing import standing_mark, standing_rows, stops_kept
from pipelines.store import fingerprint, read_json

if TYPE_CHECKING:
    from index import Store, Tokens

KEPT = ("id", "hash", "document_id", "key", "rows", "kind")  # what is read of documents that stay as they are


@dataclass(frozen=True)
class Retold:
    """All chunks of a dataset. Of those that stay as published only the columns KEPT are filled.

    `parts` are the memos of its templates, `why` says what was rendered and for what reason.
    """

    chunks: pl.DataFrame
    parts: dict[str, Parts]
    why: str


def told_rows(site: Site, dataset: Dataset) -> dict[str, Path]:
    """The ready rows of a dataset, and of every other that its documents tell of those that stand."""
    stopped = stops_kept(site)
    others = {other: standing_rows(site, other, stopped) for other in related(dataset)}
    return {dataset.name: site.home.ready(dataset.name), **others}


def retold(site: Site, dataset: Dataset, store: Store, last: Mapping[str, Any], *, doubt: str = "") -> Retold:
    """The chunks of a dataset; `last` is what `kept_templates` gave for what is published now.

    With `doubt`, such as "the accounting", every template is rendered, whatever its memo says, for that reason.
    """
    import index

    home, project = site.home, site.project
    known = pl.read_parquet(home.gaps) if home.gaps.exists() else None
    tokens = index.tokens_of(project.model, home.models)
    parts = _parts(site, dataset, known, tokens)
    before = {name: dict(one["parts"]) for name, one in last.items()}
    stored = _published(store, dataset)
    marks = _marks(stored)
    again: dict[str, tuple[str, ...]] = {}
    for template in dataset.documents:
        name = template.name
        if doubt or len(parts) < len(dataset.documents):  # two of one name are not told apart
            again[name] = (doubt or "a name that two templates share",)
        elif name not in last or changed(parts[name], before[name]):
            again[name] = changed(parts[name], before.get(name, {}))
        elif marks.get(name, "") != last[name]["chunks"]:
            again[name] = ("what is published",)
    templates = [one for one in dataset.documents if one.name in again]
    needed = {dataset.name, *(name for one in templates for name in borrowed_by(one))}
    part = told_part(project, dataset, templates)
    rendered = index.render(
        part.datasets[dataset.name],
        {name: pl.read_parquet(path) for name, path in told_rows(site, dataset).items() if name in needed},
        project=part, known=known, mask_key=site.mask_key(), tokens=tokens,
        counted=dataset.documents[0].name if len(parts) == len(dataset.documents) else None,
    ) if templates else pl.DataFrame(schema=index.CHUNKS)  # fmt: skip
    wanted = [one.name for one in dataset.documents if one.name not in again]
    chunks = pl.concat([rendered, stored.filter(pl.col("kind").is_in(wanted))], how="diagonal").sort("id")
    index.refuse_doubles(chunks, dataset.name)
    return Retold(chunks, parts, told_again(again, before, len(dataset.documents)))


def reasons(site: Site, *, run_id: str = "") -> dict[str, str]:
    """Of each dataset what was processed again last and why; with `run_id`, only what that run processed."""
    found = {}
    for name in sorted(site.project.datasets):
        told = [read_json(site.home.manifest(stage, name)) for stage in ("ready", "indexed")]
        why = [one["why"] for one in told if one.get("why") and run_id in ("", one.get("run_id", ""))]
        if why:
            found[name] = "; ".join(why)
    return found


def kept_templates(told: Retold) -> dict[str, Any]:
    """What the next run has to know of these documents, to be kept with their publication."""
    marks = _marks(told.chunks)
    return {name: {"parts": parts, "chunks": marks.get(name, "")} for name, parts in told.parts.items()}


def code_mark() -> str:
    """The fingerprint of the code that makes documents of rows."""
    return path_fingerprint("index.rendering", "index.reconciling", rooms=("catalog", "index"))


def _parts(site: Site, dataset: Dataset, known: pl.DataFrame | None, tokens: Tokens) -> dict[str, Parts]:
    stopped = stops_kept(site)
    stopped.pop(dataset.name, None)  # its own rows are those that it would publish
    rows = {name: standing_mark(site, name, stopped) for name in {dataset.name, *related(dataset)}}
    common = {
        "the model": fingerprint(site.project.model, tokens.limit, tokens.count.__qualname__),
        "the mask key": fingerprint(site.mask_key()),
        "the code": code_mark(),
    }
    return {
        template.name: template_parts(site.project, dataset, template, rows=rows, known=known, common=common)
        for template in dataset.documents
    }


def _published(store: Store, dataset: Dataset) -> pl.DataFrame:
    """The published chunks of a dataset, as far as they are read when they stay."""
    from index import CHUNKS

    # where nothing is published there are no types, either
    stored = store.chunk_state(dataset.name, at="live", columns=KEPT)
    return stored.cast({name: CHUNKS[name] for name in KEPT})


def _marks(chunks: pl.DataFrame) -> dict[str, str]:
    """The fingerprint of each template's chunks, by its name."""
    told = chunks.sort("id").select("kind", (pl.col("id") + "\x1f" + pl.col("hash")).alias("told"))
    return {str(kind): fingerprint(*some["told"].to_list()) for (kind,), some in told.group_by("kind")}

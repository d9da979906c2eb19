"""Tell the rows of a dataset again, template by template: those documents that a change touches, and no others.

What a template's documents were made of is kept with the publication, and a fingerprint of the documents themselves. A
template whose memo is the same, and whose published documents are those that were made then, is not rendered. Where
only rows or gaps are others, those documents that tell what they told are not cut and compared anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from catalog.fingerprint import path_fingerprint
from catalog.models import Dataset, DocumentTemplate, Project
from pipelines.borrowing import borrowed_by, related
from pipelines.memos import Parts, changed, is_of_rows, template_parts, told_again, told_part
from pipelines.site import Site
from pipelines.standing import standing_mark, standing_rows, stops_kept
from pipelines.store import fingerprint, read_json

if TYPE_CHECKING:
    from index import Store, Tokens

KEPT = ("id", "hash", "document_id", "key", "rows", "kind")  # what is read of documents that stay as they are
DOCUMENTS = {"document_id": pl.String, "kind": pl.String, "told": pl.String}  # a document, and what it told


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
    stored = _published(site, store, dataset)
    sound = frozenset(name for name, mark in _marks(stored).items() if name in last and mark == last[name]["chunks"])
    again = _to_render(dataset, parts, last, sound, doubt)
    documents, part = _documents(site, dataset, [one for one in dataset.documents if one.name in again], known)
    rows_only = [name for name in sound if name in again and all(map(is_of_rows, again[name]))]
    stays = documents.filter(pl.col("kind").is_in(rows_only)).join(stored, on=list(DOCUMENTS), how="semi")
    changed_ones = documents.join(stays, on="document_id", how="anti")
    rendered = index.chunked(changed_ones, part.datasets[dataset.name], project=part, tokens=tokens)
    rendered = rendered.join(documents.select("document_id", "told"), on="document_id", how="left")
    untouched = [one.name for one in dataset.documents if one.name not in again]
    kept = pl.col("kind").is_in(untouched) | pl.col("document_id").is_in(stays["document_id"].implode())
    chunks = pl.concat([rendered, stored.filter(kept)], how="diagonal").sort("id")
    index.refuse_doubles(chunks, dataset.name)
    before = {name: one["parts"] for name, one in last.items()}
    return Retold(chunks, parts, told_again(again, before, len(dataset.documents)))


def _to_render(
    dataset: Dataset, parts: Mapping[str, Parts], last: Mapping[str, Any], sound: Collection[str], doubt: str
) -> dict[str, tuple[str, ...]]:
    """The templates to render, each with the parts that are others; `sound` are those published as they were made."""
    again: dict[str, tuple[str, ...]] = {}
    for template in dataset.documents:
        name = template.name
        before = last[name]["parts"] if name in last else {}
        if doubt or len(parts) < len(dataset.documents):  # two of one name are not told apart
            again[name] = (doubt or "a name that two templates share",)
        elif changed(parts[name], before):
            again[name] = changed(parts[name], before)
        elif name not in sound and last[name]["chunks"]:
            again[name] = ("what is published",)
    return again


def _documents(
    site: Site, dataset: Dataset, templates: Sequence[DocumentTemplate], known: pl.DataFrame | None
) -> tuple[pl.DataFrame, Project]:
    """The documents of these templates, whole, and the project as far as they are made of it."""
    import index

    part = told_part(site.project, dataset, templates)
    if not templates:
        return pl.DataFrame(schema=DOCUMENTS), part
    needed = {dataset.name, *(name for one in templates for name in borrowed_by(one))}
    frames = {name: pl.read_parquet(path) for name, path in told_rows(site, dataset).items() if name in needed}
    names = [one.name for one in dataset.documents]
    documents = index.documents(
        part.datasets[dataset.name], frames, project=part, known=known, mask_key=site.mask_key(),
        counted=names[0] if len(set(names)) == len(names) else None,
    )  # fmt: skip
    return documents, part


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


def _published(site: Site, store: Store, dataset: Dataset) -> pl.DataFrame:
    """The published chunks of a dataset, as far as they are read when they stay, with what their documents told."""
    from index import CHUNKS

    # where nothing is published there are no types, either
    stored = store.chunk_state(dataset.name, at="live", columns=KEPT).cast({name: CHUNKS[name] for name in KEPT})
    path = site.home.chunks(dataset.name)
    told = pl.read_parquet(path) if path.exists() else stored.clear()
    if "told" not in told.columns:
        return stored.with_columns(pl.lit(None, pl.String).alias("told"))
    return stored.join(told.select("id", "told"), on="id", how="left")


def _marks(chunks: pl.DataFrame) -> dict[str, str]:
    """The fingerprint of each template's chunks, by its name."""
    told = chunks.sort("id").select("kind", (pl.col("id") + "\x1f" + pl.col("hash")).alias("told"))
    return {str(kind): fingerprint(*some["told"].to_list()) for (kind,), some in told.group_by("kind")}

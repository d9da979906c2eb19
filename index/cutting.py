"""Documents as chunks: the short ones as they are, the long ones cut, each passage with its place in the source.

Counting tokens is dear where documents are many, so that a text is counted only if it could be too long.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import polars as pl

from catalog.models import Dataset, Source
from index.children import LISTS
from index.chunking import Passage, Sizes, split_listed, split_markdown, split_text, title_of
from index.chunking.sentences import CHARACTERS_PER_TOKEN

MARKDOWN_KINDS = ("markdown", "document")
MARKDOWN_SUFFIXES = (".md", ".markdown", ".pdf", ".docx", ".docm", ".pptx", ".pptm", ".html", ".htm", ".xhtml")
CUT: dict[str, Any] = {
    "document": pl.UInt32, "title": pl.String, "location": pl.String, "breadcrumb": pl.String, "text": pl.String,
    "ordinal": pl.Int32,
}  # fmt: skip
TOKENS_PER_LETTER = 0.7  # at most: random letters have 0.68, words of any language that is written with them fewer


def is_markdown(source: Source, dataset: Dataset) -> bool:
    """Whether the texts of a dataset have headings, tables and pages: its rows are documents made for people."""
    if source.kind != "files":
        return source.kind in MARKDOWN_KINDS
    name = dataset.physical_name.partition("#")[0].rpartition("!")[2]
    return PurePosixPath(name).suffix.lower() in MARKDOWN_SUFFIXES


def with_passages(documents: pl.DataFrame, *, markdown: bool, sizes: Sizes) -> pl.DataFrame:
    """The documents with `id`, `ordinal`, `breadcrumb`, one row per passage; the first passage counts the rows."""
    long = pl.repeat(True, documents.height, eager=True) if markdown else _too_long(documents, sizes)
    whole = documents.filter(~long).with_columns(
        pl.lit("").alias("breadcrumb"), pl.lit(0, dtype=pl.Int32).alias("ordinal")
    )
    ordinal = pl.col("ordinal")
    chunks = pl.concat([whole, _cut(documents.filter(long), markdown=markdown, sizes=sizes)], how="diagonal")
    return chunks.with_columns(
        (pl.col("document_id") + "#" + ordinal.cast(pl.String)).alias("id"),
        pl.when(ordinal == 0).then(pl.col("rows")).otherwise(0).alias("rows"),
    )


def _too_long(documents: pl.DataFrame, sizes: Sizes) -> pl.Series:
    """Which documents do not fit into one passage, or list children; only those are counted that could be too long."""
    both = pl.concat_str("title", "text", separator="\n")
    letters, size = both.str.count_matches("[A-Za-z]{4}") * 4, both.str.len_bytes()
    most = size - both.str.count_matches(" ") - letters * (1 - TOKENS_PER_LETTER)
    listed = pl.col(LISTS).list.len().fill_null(0) > 0
    doubtful = documents.select(
        (pl.when(size <= sizes.most).then(False).otherwise(most > sizes.most) & ~listed).alias("doubtful")
    ).to_series()
    long = documents.select(listed.alias("long")).to_series()
    if not doubtful.any():
        return long
    texts = documents.filter(doubtful).select(both).to_series().to_list()
    counted = sizes.tokens.count(texts)
    longest = sizes.most * CHARACTERS_PER_TOKEN
    over = [size > sizes.most or len(text) > longest for size, text in zip(counted, texts, strict=True)]
    return long.scatter(doubtful.arg_true(), pl.Series(over, dtype=pl.Boolean))


def _cut(documents: pl.DataFrame, *, markdown: bool, sizes: Sizes) -> pl.DataFrame:
    """One row per passage of each document."""
    # a loop over documents: cutting walks lines with a memory of headings and fences, which no expression can
    titles = [title_of(title, sizes) for title in documents["title"].to_list()]
    told = zip(titles, documents["text"].to_list(), documents[LISTS].to_list(), strict=True)
    passages = [_passages(title, text, lists, markdown=markdown, sizes=sizes) for title, text, lists in told]
    found = [
        (number, title, _place(location, one), *one[:2], ordinal)
        for number, (title, location, many) in enumerate(
            zip(titles, documents["location"].to_list(), passages, strict=True)
        )
        for ordinal, one in enumerate(many)
    ]
    cut = pl.DataFrame(found, schema=CUT, orient="row")
    return documents.select(pl.exclude(*CUT))[cut["document"]].hstack(cut.drop("document"))


def _passages(
    title: str, text: str, lists: list[dict[str, str]] | None, *, markdown: bool, sizes: Sizes
) -> list[Passage]:
    told = [(one["name"], one["lines"]) for one in lists or ()]
    if markdown:
        listed = split_listed("", told, title=title, sizes=sizes) if told else []
        return [*split_markdown(text, title=title, sizes=sizes), *listed]
    if told:
        return split_listed(text, told, title=title, sizes=sizes)
    return split_text(text, title=title, sizes=sizes)


def _place(location: str, passage: Passage) -> str:
    """Where a passage stands: the pages of a paged file in place of the row's number."""
    if not passage.first_page:
        return location
    file = location.rpartition(":")[0]
    first, last = passage.first_page, passage.last_page
    return f"{file}:page {first}" if first == last else f"{file}:pages {first}-{last}"

"""Turn rows into text an agent can quote, and remember where each piece came from.

Everything a contract masks is masked first; what is told, labelled and hashed afterwards knows only the masked values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import polars as pl

from catalog.errors import IndexStoreError
from catalog.models import Dataset, DocumentTemplate, Project
from catalog.templates import inserted
from index.aggregates import aggregated, joinable, with_lookups, with_related
from index.children import LISTS, with_children
from index.chunking import Sizes
from index.cutting import is_markdown, with_passages
from index.labels import Labels, field_level, labels_of
from index.masking import RAW, mask
from index.schema import CHUNKS
from index.tokens import ESTIMATED, Tokens
from index.wording import KNOWN_GAPS, as_text, compile_template

NO_VALUE = "(none)"  # the key of the group whose `by` value is null: its rows count too
GAPS = "_gaps"
TOLD = "told"
HASHED = 1_000  # rows written out at once to be hashed: all of them would stand in memory a second time


def render(
    dataset: Dataset,
    frames: Mapping[str, pl.DataFrame],
    *,
    project: Project,
    known: pl.DataFrame | None,
    mask_key: bytes,
    tokens: Tokens = ESTIMATED,
    counted: str | None = None,
) -> pl.DataFrame:
    """The chunks a dataset's templates make of its ready rows; columns are `index.schema.CHUNKS`, ordered by id.

    `frames` holds the ready rows of this dataset and of every dataset its templates borrow from; `known` is what
    `expectations.gaps` knows (dataset, scope, field, key, rule, sentence). `tokens` counts as the project's model does,
    so that no chunk is longer than what the model reads. `counted` names the template whose documents count the rows,
    where `dataset` has not all of its templates; else it is the first.
    """
    found = documents(dataset, frames, project=project, known=known, mask_key=mask_key, counted=counted)
    return chunked(found, dataset, project=project, tokens=tokens)


def documents(
    dataset: Dataset,
    frames: Mapping[str, pl.DataFrame],
    *,
    project: Project,
    known: pl.DataFrame | None,
    mask_key: bytes,
    counted: str | None = None,
) -> pl.DataFrame:
    """What `render` cuts into chunks: one row per document, whole, with `told`, a hash over all that it tells."""
    others = {name: mask(frames[name], project.datasets[name], mask_key, keep_raw=True) for name in _needed(dataset)}
    told = [
        _documents(
            dataset,
            template,
            others,
            project=project,
            known=known,
            counted=template is dataset.documents[0] if counted is None else template.name == counted,
        )
        for template in dataset.documents
    ]
    if not told:
        return pl.DataFrame(schema={"document_id": pl.String, "kind": pl.String, TOLD: pl.String})
    found = pl.concat(told)
    return found.with_columns(_hashes(found, found.columns).alias(TOLD))


def chunked(documents: pl.DataFrame, dataset: Dataset, *, project: Project, tokens: Tokens = ESTIMATED) -> pl.DataFrame:
    """The chunks of these documents of a dataset. Each is cut on its own: a few give what they give among all."""
    if documents.is_empty():
        return pl.DataFrame(schema=CHUNKS)
    sizes = Sizes.of(tokens, most=project.chunks.tokens, overlap=project.chunks.overlap)
    documents = documents.drop(TOLD)
    markdown = is_markdown(project.sources[dataset.source], dataset)
    documents = documents if markdown else documents.with_columns(_tidy(pl.col("text")))
    return finished(with_passages(documents, markdown=markdown, sizes=sizes), dataset.name)


def finished(chunks: pl.DataFrame, name: str) -> pl.DataFrame:
    """The chunks of a dataset as they are stored, but for their vectors; ordered by id."""
    chunks = chunks.sort("id")
    refuse_doubles(chunks, name)
    chunks = chunks.select(pl.col(column).cast(dtype) for column, dtype in CHUNKS.items() if column != "hash")
    stored = [name for name in CHUNKS if name != "hash"]
    return chunks.with_columns(_hashes(chunks, stored).alias("hash")).select(list(CHUNKS))


def refuse_doubles(chunks: pl.DataFrame, name: str) -> None:
    """Two documents with one name would overwrite each other in silence."""
    doubled = chunks.filter(pl.col("id").is_duplicated() | pl.col("id").is_null())
    if doubled.height:
        raise IndexStoreError(
            f"{doubled.height} documents of '{name}' share a name, such as {doubled['document_id'][0]}",
            "Group by fields that tell them apart, or mask these with a pseudonym.",
        )


def _needed(dataset: Dataset) -> set[str]:
    """The datasets whose rows the templates read."""
    names = {dataset.name}
    for template in dataset.documents:
        names |= {lookup.dataset for lookup in template.lookups}
        names |= {one.dataset for one in template.related}
        names |= {lookup.dataset for one in template.related for lookup in one.lookups}
        names |= {one.dataset for one in template.children}
        names |= {lookup.dataset for one in template.children for lookup in one.lookups}
        names |= {template.only_missing_in[0]} if template.only_missing_in else set()
    return names


def _documents(
    dataset: Dataset,
    template: DocumentTemplate,
    others: dict[str, pl.DataFrame],
    *,
    project: Project,
    known: pl.DataFrame | None,
    counted: bool,
) -> pl.DataFrame:
    """One template's documents, not yet cut into chunks."""
    rows = with_lookups(others[dataset.name], template.lookups, others)
    if template.only_missing_in:
        rows = _missing(rows, template.by[0] if template.by else dataset.key[0], template.only_missing_in, others)
    labels = labels_of(dataset, template, project)
    found = _grouped(rows, template) if template.by else _single(rows)
    found = with_related(found, template.related, others)
    found = with_children(found, template.children, others)
    found = _with_gaps(found, dataset, template, known, labels)
    columns = {name: as_text(found.schema, name) for name in found.columns if name not in (GAPS, LISTS)}
    columns[KNOWN_GAPS] = pl.col(GAPS).list.join(" ").replace("", None)
    prefix = project.urn(dataset.name, f"{template.name}:" if template.by else "")
    return found.select(
        (pl.lit(prefix) + pl.col("_key")).alias("document_id"),
        pl.lit(dataset.name).alias("dataset"),
        pl.lit(template.name).alias("kind"),
        pl.col("_key").alias("key"),
        _tidy(compile_template(template.title, columns.__getitem__)).alias("title"),
        compile_template(template.text, columns.__getitem__).alias("text"),
        pl.lit(dataset.source).alias("source"),
        pl.col("_place").alias("location"),
        pl.lit(int(labels.classification), dtype=pl.Int8).alias("classification"),
        _list(labels.roles).alias("roles"),
        _exact_keys(template.keys or template.by or dataset.key, columns).alias("keys"),
        (pl.col("_rows") if counted else pl.lit(0)).cast(pl.Int64).alias("rows"),
        pl.col(GAPS).alias("gaps"),
        pl.col(LISTS),
    )


def _single(rows: pl.DataFrame) -> pl.DataFrame:
    """One document per row."""
    place = pl.concat_str(
        [pl.col("_location").fill_null(""), pl.col("_position").cast(pl.String).fill_null("")], separator=":"
    )
    return rows.with_columns(place.alias("_place"), pl.lit(1).alias("_rows"))


def _grouped(rows: pl.DataFrame, template: DocumentTemplate) -> pl.DataFrame:
    """One document per group: its `by` values, figures, and the first row's value of anything else inserted."""
    by = list(template.by)
    figures = aggregated(rows, by, template.aggregates)
    named = {*inserted(template.title), *inserted(template.text), *template.keys, *(RAW + name for name in by)}
    joined = [on for one in template.related for on in one.on] + [on for one in template.children for on in one.on]
    named |= {ours for name, _ in joined for ours in (name, RAW + name)}
    told = [name for name in rows.columns if name in named and name not in figures.columns]
    place = pl.col("_location").fill_null("").min()
    position = pl.col("_position").cast(pl.String).fill_null("").first()
    groups = rows.group_by(by, maintain_order=True).agg(
        pl.len().alias("_rows"),
        pl.when(pl.len() == 1).then(place + ":" + position).otherwise(place).alias("_place"),
        *(pl.col(name).first() for name in told),
    )
    key = pl.concat_str([as_text(rows.schema, name).fill_null(NO_VALUE) for name in by], separator="|")
    return groups.join(figures, on=by, how="left", nulls_equal=True, maintain_order="left").with_columns(
        key.alias("_key")
    )


def _missing(rows: pl.DataFrame, name: str, register: tuple[str, str], others: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows whose value of `name` no row of the register has; a row without a value misses nothing."""
    dataset, field = register
    theirs = others[dataset].select(joinable(others[dataset], field).alias("_on"))
    ours = rows.with_columns(joinable(rows, name).alias("_on")).drop_nulls("_on")
    return ours.join(theirs, on="_on", how="anti", maintain_order="left").drop("_on")


def _with_gaps(
    found: pl.DataFrame, dataset: Dataset, template: DocumentTemplate, known: pl.DataFrame | None, labels: Labels
) -> pl.DataFrame:
    """The documents with `_gaps`: the sentences known about each key, then the expected fields that are null."""
    sentences = _sentences(dataset, template, known, labels)
    by_row = not template.by
    name = "_key" if by_row else template.by[0]
    found = found.with_columns(joinable(found, name).alias("_on"))
    found = found.join(sentences, on="_on", how="left", maintain_order="left").drop("_on")
    absent = [
        pl.when(pl.col(field.name).is_null()).then(pl.lit(field.title or field.name.replace("_", " ")))
        for field in dataset.fields
        if by_row
        and field.expected
        and field.name in found.columns
        and field_level(dataset, field.name) <= labels.classification
    ]
    gaps = pl.col(GAPS).fill_null(_list(()))
    if not absent:
        return found.with_columns(gaps.alias(GAPS))
    names = pl.concat_str(absent, separator=", ", ignore_nulls=True)
    told = pl.when(names != "").then(pl.concat_list(pl.format("Not recorded: {}.", names)))
    return found.with_columns(gaps.list.concat(told.fill_null(_list(()))).alias(GAPS))


def _sentences(
    dataset: Dataset, template: DocumentTemplate, known: pl.DataFrame | None, labels: Labels
) -> pl.DataFrame:
    """What is known per key as `_on`, `_gaps`; not told: sentences about a field stricter than the document."""
    if known is None or len(template.by) > 1:
        return pl.DataFrame(schema={"_on": pl.String, GAPS: pl.List(pl.String)})
    about = (
        (pl.col("scope") == "value") & (pl.col("field") == template.by[0]) if template.by else pl.col("scope") == "row"
    )
    rows = known.filter((pl.col("dataset") == dataset.name) & about).drop_nulls("key")
    named = rows["field"].fill_null("").unique().to_list()
    told = [name for name in named if _level(dataset, name) <= labels.classification]
    veiled = [name for name in told if any(_is_masked(dataset, part) for part in [*_parts(name), *dataset.key])]
    # a sentence may quote the values of its field, and of the key: where either is masked only the rule is named
    general = pl.format("A known gap, '{}'; its values are masked.", pl.col("rule"))
    sentence = pl.when(pl.col("field").fill_null("").is_in(veiled)).then(general).otherwise(pl.col("sentence"))
    return (
        rows.filter(pl.col("field").fill_null("").is_in(told))
        .select(pl.col("key").alias("_on"), pl.col("rule"), sentence.alias("sentence"))
        .unique()
        .sort("_on", "rule", "sentence")
        .group_by("_on", maintain_order=True)
        .agg(pl.col("sentence").unique(maintain_order=True).alias(GAPS))
    )


def _parts(name: str) -> list[str]:
    return [part.strip() for part in name.split(",") if part.strip()]


def _level(dataset: Dataset, name: str) -> int:
    return max((int(field_level(dataset, part)) for part in _parts(name)), default=0)


def _is_masked(dataset: Dataset, name: str) -> bool:
    return any(field.name == name and field.mask for field in dataset.fields)


def _list(values: Sequence[str]) -> pl.Expr:
    """The same list in every row."""
    return pl.lit(pl.Series([list(values)], dtype=pl.List(pl.String))).first()


def _exact_keys(names: Sequence[str], columns: Mapping[str, pl.Expr]) -> pl.Expr:
    """The values that route a question straight to the document, in capitals."""
    values = [columns[name].str.strip_chars().str.to_uppercase().replace("", None) for name in names]
    return pl.concat_list(values).list.drop_nulls().list.unique(maintain_order=True)


def _tidy(text: pl.Expr) -> pl.Expr:
    """Without the double blanks that a vanished part leaves."""
    return text.str.replace_all(r"[ \t]{2,}", " ").str.replace_all(r" +([.,;])", "$1").str.strip_chars()


def _hashes(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """SHA-256 over these columns: of a chunk all that is stored of it but its vector."""
    # a loop over rows: Polars' own hash may change between versions, and then everything would be indexed again
    stored = pl.struct(*columns).struct.json_encode()
    parts = (part.select(stored).to_series() for part in frame.iter_slices(HASHED))
    hashes = [hashlib.sha256(one.encode()).hexdigest() for part in parts for one in part]
    return pl.Series(hashes, dtype=pl.String)

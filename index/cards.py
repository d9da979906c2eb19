"""Tell what data there are as documents of their own: a card for each dataset, an entry for each word of the glossary.

A card is cut by who may read it: each level of classification is a passage with its own labels, so that a caller is
told of the fields that he may see and of no other. Nothing is told of single rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import polars as pl

from catalog.models import Classification, Dataset, Definition, Field, Place, Project, Relation, Term
from index.chunking import Sizes, split_text, title_of
from index.labels import field_level
from index.rendering import finished
from index.tokens import ESTIMATED, Tokens

CATALOG = "_catalog"  # no contract may have such a name, so no dataset is meant by it
TERM_KIND, CARD_KIND = "term", "dataset"
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
MAGNITUDES = ((1_000_000, "millions of"), (1_000, "thousands of"), (100, "hundreds of"), (1, "fewer than a hundred"))


class _Told(NamedTuple):
    """A part of a card that has labels of its own."""

    text: str
    level: Classification
    roles: tuple[str, ...]


def catalog_dataset() -> Dataset:
    """What the cards are reconciled as: no contract is behind it, and any number of cards may go with theirs."""
    return Dataset(
        name=CATALOG, version="1", title="What data there are", source=CATALOG, physical_name=CATALOG, fields=(),
        deletion_threshold=1.0, fingerprint="", place=Place(file="project.yaml"),
    )  # fmt: skip


def render_cards(project: Project, *, rows: Mapping[str, int], tokens: Tokens = ESTIMATED) -> pl.DataFrame:
    """The chunks of all cards and terms; `rows` are the accepted rows of each dataset, told by their magnitude only."""
    sizes = Sizes.of(tokens, most=project.chunks.tokens, overlap=project.chunks.overlap)
    told: list[dict[str, Any]] = []
    for name in sorted(project.datasets):
        dataset = project.datasets[name]
        parts = _card(dataset, project, rows.get(name))
        told += _document(project, CARD_KIND, name, f"Dataset {dataset.title} ({name})", parts, dataset.place, sizes)
    for term in sorted(project.glossary, key=lambda one: one.name):
        parts = _entry(term, project)
        told += _document(project, TERM_KIND, term.name, f"Term {term.name}", parts, term.place, sizes)
    schema: dict[str, Any] = {"classification": pl.Int8, "ordinal": pl.Int32, "rows": pl.Int64}
    lists: dict[str, Any] = dict.fromkeys(("roles", "keys", "gaps"), pl.List(pl.String))
    return finished(pl.DataFrame(told, schema_overrides=schema | lists, infer_schema_length=None), CATALOG)


def _document(
    project: Project, kind: str, key: str, title: str, parts: list[_Told], place: Place, sizes: Sizes
) -> Iterator[dict[str, Any]]:
    """The passages of one card. They have no keys: the word "flights" in a question asks for flights, not for cards."""
    name, ordinal = project.urn(CATALOG, f"{kind}:{key}"), 0
    shown = title_of(title, sizes)
    for part in parts:
        for passage in split_text(part.text, title=shown, sizes=sizes):
            yield {
                "id": f"{name}#{ordinal}", "document_id": name, "dataset": CATALOG, "kind": kind, "key": key,
                "ordinal": ordinal, "title": shown, "text": passage.text, "breadcrumb": "", "source": CATALOG,
                "location": place.file, "classification": int(part.level), "roles": list(part.roles), "keys": [],
                "rows": 0, "gaps": [],
            }  # fmt: skip
            ordinal += 1


def _card(dataset: Dataset, project: Project, rows: int | None) -> list[_Told]:
    """The parts of a dataset's card: what it is, for whoever may see one of its fields; then the fields by level."""
    levels = sorted({field_level(dataset, field.name) for field in dataset.fields})
    about = _part(_about(dataset, project, rows), levels[0], dataset)
    fields = [_part(_fields(dataset, level), level, dataset) for level in levels]
    return [about, *fields, *_relations(dataset, project)]


def _part(text: str, level: Classification, dataset: Dataset) -> _Told:
    return _Told(text, level, () if level == Classification.public else dataset.roles)


def _about(dataset: Dataset, project: Project, rows: int | None) -> str:
    """What a dataset is, as the API tells it to whoever may see one of its fields."""
    source = project.sources[dataset.source]
    told = [
        f"The dataset {dataset.name} holds {dataset.title}.",
        dataset.description,
        _granularity(dataset),
        f"Domain: {dataset.domain}." if dataset.domain else "",
        f"Owner: {dataset.owner}." if dataset.owner else "",
        f"Source system: {source.name}{f', {_inside(source.description)}' if source.description else ''}.",
        f"It has {_magnitude(rows)} rows." if rows is not None else "",
        f"It is read again at least every {_span(dataset.freshness)}." if dataset.freshness else "",
        f"Defined at: {_defined(dataset.definitions)}." if dataset.definitions else "",
    ]
    return " ".join(one.strip() for one in told if one.strip())


def _granularity(dataset: Dataset) -> str:
    told = _inside(dataset.granularity)
    begun = told.casefold().startswith(("one row", "each row"))  # many contracts write the whole sentence
    if begun or not told:
        return f"{told}." if told else ""
    return f"One row is {told[:1].lower() if told[1:2].islower() else told[:1]}{told[1:]}."


def _fields(dataset: Dataset, level: Classification) -> str:
    fields = [field for field in dataset.fields if field_level(dataset, field.name) == level]
    return f"Fields of {dataset.name}: " + "; ".join(_field(field, dataset) for field in fields) + "."


def _field(field: Field, dataset: Dataset) -> str:
    notes: list[str] = [field.type]
    notes += ["primary key"] if field.name in dataset.key else []
    notes += [f"unit {field.unit.target}"] if field.unit else []
    notes += ["personal data"] if field.personal else []
    notes += [f"masked: {field.mask}"] if field.mask else []
    defined = f"defined at: {_defined(field.definitions)}" if field.definitions else ""
    meaning = ", ".join(filter(None, (_inside(field.title), _inside(field.description), defined)))
    return f"{field.name} ({', '.join(notes)}){f' {meaning}' if meaning else ''}"


def _defined(definitions: Sequence[Definition]) -> str:
    """`business definition: <https://...> (what stands there) and tutorial: <https://...>`."""
    told = []
    for one in definitions:
        kind = _HUMP.sub(" ", one.type).lower()
        told.append(f"{kind}: <{one.url}>" + (f" ({_inside(one.description)})" if one.description.strip() else ""))
    return " and ".join(told)


def _relations(dataset: Dataset, project: Project) -> Iterator[_Told]:
    """Each reference as a part of its own: it tells of fields of two datasets, so it is as strict as both."""
    for one in dataset.relations:
        other = project.datasets.get(one.to_dataset)
        if other is None:
            continue
        level = max(_level(dataset, one.fields), _level(other, one.to_fields))
        roles = _shared(dataset.roles, other.roles)
        if roles is not None:
            text = f"{dataset.name} refers to {other.name}: {_pairs(one)}."
            yield _Told(text, level, () if level == Classification.public else roles)


def _level(dataset: Dataset, names: tuple[str, ...]) -> Classification:
    return max(field_level(dataset, name) for name in names)


def _shared(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...] | None:
    """The roles that may read both; None where nobody may."""
    if not ours or not theirs:
        return ours or theirs
    return tuple(role for role in ours if role in theirs) or None


def _pairs(one: Relation) -> str:
    return ", ".join(f"{ours} is its {theirs}" for ours, theirs in zip(one.fields, one.to_fields, strict=True))


def _entry(term: Term, project: Project) -> list[_Told]:
    """A word and its meaning; then each place that holds it, as strict as the field that it names."""
    also = f" Also called {', '.join(term.synonyms)}." if term.synonyms else ""
    defined = f" Defined at: <{term.url}>." if term.url else ""
    told = f"{term.name}: {_inside(term.definition)}.{also}{defined}"
    parts = [_Told(told, term.classification, term.roles)]
    for name, field in term.found_in:
        dataset = project.datasets[name]
        level = field_level(dataset, field) if field else min(field_level(dataset, one.name) for one in dataset.fields)
        roles = _shared(term.roles, () if level == Classification.public else dataset.roles)
        if roles is not None:
            where = f"the field {field} of the dataset {name}" if field else f"the dataset {name}"
            told = f"{term.name} is found in {where}, {dataset.title}."
            parts.append(_Told(told, max(level, term.classification), roles))
    return parts


def _magnitude(rows: int) -> str:
    return next((told for least, told in MAGNITUDES if rows >= least), "no")


def _span(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"


def _inside(text: str) -> str:
    """A text as it can go on inside a sentence."""
    return " ".join(text.split()).rstrip(".")

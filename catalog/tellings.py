"""Make the document templates of a contract out of their shapes."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.extensions import AggregateShape, DocumentShape, LookupShape
from catalog.models import Aggregate, Children, DocumentTemplate, Lookup, Related
from catalog.shapes import split
from catalog.yaml_lines import Part


def document_template(shape: DocumentShape, part: Part) -> DocumentTemplate:
    """The template a shape declares."""
    return DocumentTemplate(
        name=shape.name,
        title=shape.title,
        text=shape.text,
        by=tuple(shape.by),
        only_missing_in=split(shape.only_missing_in) if shape.only_missing_in else None,
        lookups=_lookups(shape.lookups),
        aggregates=_aggregates(shape.aggregates),
        related=tuple(
            Related(
                name=one.name,
                dataset=one.dataset,
                on=_pairs(one.on),
                lookups=_lookups(one.lookups),
                aggregates=_aggregates(one.aggregates),
            )
            for one in shape.related
        ),
        children=tuple(
            Children(
                name=one.name,
                title=one.title or one.name.replace("_", " ").capitalize(),
                dataset=one.dataset,
                on=_pairs(one.on),
                text=one.text,
                order=tuple(one.order),
                limit=one.limit,
                lookups=_lookups(one.lookups),
            )
            for one in shape.children
        ),
        keys=tuple(shape.keys),
        place=part.place,
    )


def _pairs(on: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(on.items())


def _lookups(shapes: list[LookupShape]) -> tuple[Lookup, ...]:
    return tuple(Lookup(dataset=one.dataset, on=_pairs(one.on), fields=dict(one.fields)) for one in shapes)


def _aggregates(shapes: list[AggregateShape]) -> tuple[Aggregate, ...]:
    return tuple(Aggregate(**one.model_dump()) for one in shapes)

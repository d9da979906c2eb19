"""How far a document may travel: the strictest of everything it is told from.

A document is public only if every field it uses is; a masked field counts at most as internal, because what is left of
it names nobody. Roles follow the datasets that give more than public values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog.models import Aggregate, Children, Classification, Dataset, DocumentTemplate, Lookup, Project, Related
from catalog.templates import inserted
from index.wording import KNOWN_GAPS

NOBODY = "nobody"  # two datasets whose roles exclude each other: no role may read what joins them


class Labels(NamedTuple):
    """Classification and roles of every document of one template."""

    classification: Classification
    roles: tuple[str, ...]


class _Use(NamedTuple):
    dataset: Dataset
    field: str


def labels_of(dataset: Dataset, template: DocumentTemplate, project: Project) -> Labels:
    """The labels of a template's documents."""
    uses = list(_uses(dataset, template, project))
    level = max((field_level(use.dataset, use.field) for use in uses), default=Classification.internal)
    if level == Classification.public:
        return Labels(level, ())
    givers = {
        use.dataset.name: use.dataset for use in uses if field_level(use.dataset, use.field) > Classification.public
    }
    roles: tuple[str, ...] = ()
    for giver in [dataset, *givers.values()]:
        if giver.roles:
            shared = tuple(role for role in giver.roles if role in roles) if roles else giver.roles
            roles = shared or (f"\x00{NOBODY}",)
    return Labels(level, roles)


def field_level(dataset: Dataset, name: str) -> Classification:
    """The classification a field has in a document; a name the contract does not know is internal."""
    try:
        field = dataset.field(name)
    except KeyError:
        return Classification.internal
    return min(field.classification, Classification.internal) if field.mask else field.classification


def _uses(dataset: Dataset, template: DocumentTemplate, project: Project) -> Iterator[_Use]:
    """Every field a document is told from: inserted, aggregated, joined on, or part of its name."""
    names = [*inserted(template.title), *inserted(template.text), *template.keys]
    for name in dict.fromkeys([*names, *(template.by or dataset.key)]):
        if name != KNOWN_GAPS:
            yield from _uses_of_name(name, dataset, template, project)
    for one in template.children:
        yield from _child_uses(one, dataset, template.lookups, project)
    if template.only_missing_in:
        other, field = template.only_missing_in
        yield _Use(project.datasets[other], field)


def _uses_of_name(name: str, dataset: Dataset, template: DocumentTemplate, project: Project) -> Iterator[_Use]:
    own = {figure.name: figure for figure in template.aggregates}
    related = {f"{one.name}.{figure.name}": (one, figure) for one in template.related for figure in one.aggregates}
    if name in related:
        yield from _related_uses(*related[name], dataset, project)
    elif name in own:
        yield from _figure_uses(own[name], dataset, template.lookups, project)
    else:
        yield from _column_uses(name, dataset, template.lookups, project)


def _child_uses(one: Children, dataset: Dataset, lookups: tuple[Lookup, ...], project: Project) -> Iterator[_Use]:
    """What a list of children tells: the fields of its lines, the order they stand in, and whose children they are."""
    theirs = project.datasets[one.dataset]
    for ours, other in one.on:
        yield from _column_uses(ours, dataset, lookups, project)
        yield _Use(theirs, other)
    for name in (*inserted(one.text), *(name.removeprefix("-") for name in one.order)):
        yield from _column_uses(name, theirs, one.lookups, project)


def _related_uses(one: Related, figure: Aggregate, dataset: Dataset, project: Project) -> Iterator[_Use]:
    theirs = project.datasets[one.dataset]
    for ours, other in one.on:
        yield _Use(dataset, ours)
        yield _Use(theirs, other)
    yield from _figure_uses(figure, theirs, one.lookups, project)


def _figure_uses(figure: Aggregate, dataset: Dataset, lookups: tuple[Lookup, ...], project: Project) -> Iterator[_Use]:
    for name in filter(None, (figure.field, figure.where_null)):
        yield from _column_uses(name, dataset, lookups, project)


def _column_uses(name: str, dataset: Dataset, lookups: tuple[Lookup, ...], project: Project) -> Iterator[_Use]:
    for lookup in lookups:
        if name in lookup.fields:
            theirs = project.datasets[lookup.dataset]
            yield _Use(theirs, lookup.fields[name])
            for ours, other in lookup.on:
                yield from _column_uses(ours, dataset, tuple(one for one in lookups if one is not lookup), project)
                yield _Use(theirs, other)
            return
    yield _Use(dataset, name)

"""Know what a result was made of, so that a run makes anew what a change touches, no more, and says why.

The parts of a memo are named as a person would name them. A stage is given only what its memo covers: what a memo
leaves out cannot change what the stage makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from catalog.fingerprint import declared
from catalog.models import Classification, Dataset, DocumentTemplate, Project, Source
from pipelines.borrowing import borrowed_by
from pipelines.store import fingerprint

Parts = dict[str, str]  # what a result was made of, and the fingerprint of each
KNOWN_GAPS, ROWS = "the known gaps", "the rows"
TEXTS = 3  # templates that a sentence names with their reasons


def changed(now: Parts, last: Mapping[str, str]) -> tuple[str, ...]:
    """The parts that are others than last time, or that came or went; all where nothing is known of last time."""
    return tuple(sorted(name for name in {*now, *last} if now.get(name) != last.get(name)))


def because(names: Iterable[str], last: Mapping[str, str]) -> str:
    """`because the contract and the code changed`."""
    if not last:
        return "for the first time"
    told = sorted(names)
    many = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else "".join(told)
    return f"because {many} changed"


def checked_part(dataset: Dataset) -> Dataset:
    """The contract as reading and checking are given it: without what only documents and gap rules are made of."""
    fields = tuple(field.model_copy(update={"definitions": ()}) for field in dataset.fields)
    without = {"documents": (), "gap_rules": (), "roles": (), "version": "", "definitions": ()}
    return dataset.model_copy(update=without | {"fields": fields})


def checked_mark(dataset: Dataset) -> str:
    """The fingerprint of that part."""
    return declared(checked_part(dataset), without=("fingerprint",))


def told_part(project: Project, dataset: Dataset, templates: Iterable[DocumentTemplate]) -> Project:
    """The project as rendering is given it for these templates: their datasets, without what no document tells."""
    told = tuple(templates)
    named = {dataset.name, *(name for one in told for name in borrowed_by(one))}
    datasets = {name: _told(project.datasets[name]) for name in sorted(named)}
    datasets[dataset.name] = datasets[dataset.name].model_copy(update={"documents": told})
    source = project.sources[dataset.source]
    bare = Source(name=source.name, kind=source.kind, location="", place=source.place)
    return Project(
        name=project.name, folder=project.folder, sources={source.name: bare}, datasets=datasets,
        model=project.model, chunks=project.chunks,
    )  # fmt: skip


def _told(dataset: Dataset) -> Dataset:
    return Dataset(
        name=dataset.name, version="", title="", source=dataset.source, physical_name=dataset.physical_name,
        fields=tuple(field.model_copy(update={"description": "", "definitions": ()}) for field in dataset.fields),
        roles=dataset.roles, fingerprint="", place=dataset.place,
    )  # fmt: skip


def template_parts(
    project: Project,
    dataset: Dataset,
    template: DocumentTemplate,
    *,
    rows: Mapping[str, str],
    known: pl.DataFrame | None,
    common: Parts,
) -> Parts:
    """What the documents of one template are made of.

    `rows` are the fingerprints of the rows that stand, of this dataset and of those that its documents tell of; `known`
    are the gaps that are known; `common` is what all templates have in common, such as the code.
    """
    part = told_part(project, dataset, (template,))
    own = part.datasets[dataset.name].model_copy(update={"documents": ()})
    datasets = [own if one.name == own.name else one for one in part.datasets.values()]
    return {
        **common,
        "its text": declared(template),
        "its place among the templates": str(template.name == dataset.documents[0].name),
        "the policy": fingerprint(*(_policy(one) for one in datasets)),
        "the contract": fingerprint(*(declared(_without_policy(one)) for one in datasets)),
        "the project": declared(part, without=("folder", "datasets")),
        KNOWN_GAPS: _gaps(dataset, template, known),
        **{_rows_of(name, dataset): rows[name] for name in part.datasets},
    }


def told_again(rendered: Mapping[str, tuple[str, ...]], last: Mapping[str, Mapping[str, str]], count: int) -> str:
    """`re-rendered 1 of 3 templates: 'card' because its text changed`."""
    if not rendered:
        return f"re-rendered 0 of {count} templates"
    if not last:
        return f"rendered {count} {'template' if count == 1 else 'templates'} for the first time"
    named = [f"'{name}' {because(parts, last.get(name, {}))}" for name, parts in sorted(rendered.items())]
    more = [f"and {len(named) - TEXTS} more"] if len(named) > TEXTS else []
    return f"re-rendered {len(rendered)} of {count} templates: {'; '.join([*named[:TEXTS], *more])}"


def _rows_of(name: str, dataset: Dataset) -> str:
    return ROWS if name == dataset.name else f"{ROWS} of '{name}'"


def is_of_rows(part: str) -> bool:
    """Whether a part is what documents tell of, and not how they tell it."""
    return part in (KNOWN_GAPS, ROWS) or part.startswith(f"{ROWS} of ")


def _policy(dataset: Dataset) -> str:
    """Who may read what, and what is masked."""
    fields = [(field.name, int(field.classification), field.mask, field.personal) for field in dataset.fields]
    return fingerprint(dataset.name, dataset.roles, fields)


def _without_policy(dataset: Dataset) -> Dataset:
    fixed = {"classification": Classification.public, "mask": None, "personal": False, "labelled": False}
    fields = tuple(field.model_copy(update=fixed) for field in dataset.fields)
    return dataset.model_copy(update={"fields": fields, "roles": ()})


def _gaps(dataset: Dataset, template: DocumentTemplate, known: pl.DataFrame | None) -> str:
    """What is known of the rows, or of the values that the template groups by."""
    if known is None:
        return ""
    scope = "value" if template.by else "row"
    told = known.filter((pl.col("dataset") == dataset.name) & (pl.col("scope") == scope))
    return fingerprint(*told.sort(told.columns).rows())

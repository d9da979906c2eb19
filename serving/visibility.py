"""What a caller may be told about a dataset and its gaps; the rule itself stands in `catalog.access`.

A finding quotes values of the fields its rule looks at, in this dataset and in others. Who is not cleared for all of
them learns that the gap is there and how large it is, and nothing that it quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from catalog.access import may_see
from catalog.errors import BadQuery
from catalog.models import Classification, Dataset, Field, GapRule, Principal, Project, Rule
from expectations.disclosure import may_tell
from index.labels import field_level
from ledger import Finding

WITHHELD = "The details quote data that this caller may not see."


class Absent(BadQuery):
    """A dataset or session that is not there for this caller; whether it is there for others is not told."""


class Forbidden(BadQuery):
    """A thing that this caller may not ask for at all, whatever is there: so nothing is told by the refusal."""


def visible_fields(principal: Principal, dataset: Dataset) -> tuple[Field, ...]:
    """The fields whose values `principal` may see, masked where the contract masks them."""
    return tuple(
        field for field in dataset.fields if may_see(principal, int(field_level(dataset, field.name)), dataset.roles)
    )


def visible_datasets(principal: Principal, project: Project) -> dict[str, Dataset]:
    """The datasets of which `principal` may see at least one field, by name."""
    return {name: one for name, one in sorted(project.datasets.items()) if visible_fields(principal, one)}


def may_see_key(principal: Principal, dataset: Dataset) -> bool:
    """Whether `principal` may see the primary key: who may not must not learn which keys exist."""
    seen = {field.name for field in visible_fields(principal, dataset)}
    return bool(dataset.key) and set(dataset.key) <= seen


def may_see_evidence(principal: Principal, finding: Finding, project: Project) -> bool:
    """Whether `principal` is cleared for everything that `finding` may quote."""
    needed: dict[str, Classification] = {}
    for dataset, name in _quoted(finding, project):
        needed[dataset] = max(needed.get(dataset, Classification.public), _bare_level(project.datasets[dataset], name))
    return all(may_see(principal, int(level), project.datasets[name].roles) for name, level in needed.items())


def _bare_level(dataset: Dataset, name: str) -> Classification:
    """A field's own classification: nothing says that a finding quotes a masked value masked."""
    known = {field.name: field.classification for field in dataset.fields}
    return known.get(name, Classification.internal)


def _quoted(finding: Finding, project: Project) -> Iterator[tuple[str, str]]:
    """Every (dataset, field) that a finding may quote: what its rule names, and the key of the rows it samples.

    A rule that the contract does not declare, or that names no field, may quote any field that is not masked.
    """
    dataset = project.datasets[finding.dataset]
    rule = _declared(dataset, finding.rule)
    named = list(_of_gap(dataset, rule, project)) if isinstance(rule, GapRule) else list(_of_rule(dataset, rule))
    yield from named or ((dataset.name, field.name) for field in dataset.fields if not field.mask)
    yield from ((dataset.name, name) for name in dataset.key)


def _declared(dataset: Dataset, name: str) -> Rule | GapRule | None:
    rules: tuple[Rule | GapRule, ...] = (*dataset.gap_rules, *dataset.rules)
    exact = next((rule for rule in rules if rule.name == name), None)
    # a conflict is one finding per field, `rule/field`; the name of a gap rule holds no slash
    return exact or next((rule for rule in dataset.gap_rules if rule.name == name.partition("/")[0]), None)


def _of_gap(dataset: Dataset, rule: GapRule, project: Project) -> Iterator[tuple[str, str]]:
    """The fields of a rule across rows, periods or systems, on both sides, and those its evidence breaks down by."""
    yield from rule.named(dataset.name)
    if rule.direction != "forward":  # rows of the other dataset that nobody names are sampled by its key
        yield from ((rule.to_dataset, name) for name in project.datasets[rule.to_dataset].key)
    # what a further register says of a missing key, and where a value is missing, may be told by any tellable field
    wide = [name for name, _ in rule.also_in] + ([dataset.name] if rule.kind == "missing_value" else [])
    for name in wide:
        yield from ((name, field.name) for field in project.datasets[name].fields if may_tell(field))
    yield from rule.also_in


def _of_rule(dataset: Dataset, rule: Rule | None) -> Iterator[tuple[str, str]]:
    """The fields of a row or dataset rule; free expectations and SQL may look at any, so they name none."""
    if rule is None or rule.kind in ("expectation", "sql"):
        return
    names = [rule.field, *rule.arguments.get("fields", ())]
    yield from ((dataset.name, name) for name in names if name)

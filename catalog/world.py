"""All that the declarations of a project can refer to, and the faults of names that lead nowhere.

A file that failed the first pass is `broken`: what refers to it is not reported, since its repair may answer that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.contracts import Contract
from catalog.errors import Problem
from catalog.models import Field, Source
from catalog.names import did_you_mean
from catalog.yaml_lines import Part


@dataclass(frozen=True)
class World:
    """All that can be referred to, and the names whose files did not read."""

    contracts: Mapping[str, Contract]
    sources: Mapping[str, Source]
    broken: Collection[str]

    def fields(self, dataset: str) -> dict[str, Field] | None:
        """The fields of a dataset by name; None where there is no such dataset to ask."""
        contract = self.contracts.get(dataset)
        return None if contract is None else {field.name: field for field in contract.dataset.fields}

    def dataset_fault(self, name: str, at: Part) -> Iterator[Problem]:
        """That a dataset does not exist."""
        if name not in self.contracts and name not in self.broken:
            yield at.problem(
                f"there is no dataset '{name}'.", did_you_mean(name, self.contracts) or "Add its contract."
            )

    def field_fault(self, dataset: str, field: str, at: Part) -> Iterator[Problem]:
        """That a field of another dataset does not exist. An absent dataset is told by `dataset_fault`."""
        fields = self.fields(dataset)
        if fields is not None and field not in fields:
            yield missing_field(field, dataset, fields, at)


def missing_field(name: str, dataset: str, known: Iterable[str], at: Part) -> Problem:
    """That a name is no field of a dataset."""
    return at.problem(f"'{name}' is not a property of '{dataset}'.", did_you_mean(name, known))


def join_problems(pairs: Sequence[tuple[str, str]], ours: Mapping[str, Field], name: str, other: str, at: Part,
                  world: World) -> Iterator[Problem]:  # fmt: skip
    """That a join names fields which do not exist, or which cannot be compared."""
    theirs = world.fields(other)
    for mine, their in pairs:
        line = at.get(mine)
        if mine not in ours:
            yield missing_field(mine, name, ours, line)
        yield from world.field_fault(other, their, line)
        if theirs is not None and mine in ours and their in theirs and ours[mine].type != theirs[their].type:
            what = f"'{name}.{mine}' is {ours[mine].type} and '{other}.{their}' is {theirs[their].type}."
            yield line.problem(what, "Give both the same logicalType, else no row ever matches.")

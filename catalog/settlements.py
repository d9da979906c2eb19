"""Which facts the conflict rules of a project speak of, and which systems say something of each.

Two rules that compare the same field speak of one fact, so that a third system that only one of them names has its say
in both. A fact is settled once, under one order of systems of record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from catalog.models import ConflictField, Dataset, GapRule


@dataclass(frozen=True)
class Claimant:
    """One system's part: its field, the fields that name the entity, and the one that dates what it says.

    `space` is shared by those whose values of `on`, in this order, name the same entities. `unique` says that the
    contract promises one row for each.
    """

    dataset: str
    field: str
    on: tuple[str, ...]
    space: str
    unique: bool
    changed: str = ""


@dataclass(frozen=True)
class Declared:
    """One compared field of one conflict rule, with what it says of settling."""

    dataset: str
    rule: GapRule
    compared: ConflictField

    @property
    def record(self) -> tuple[str, ...]:
        """The systems of record that it declares."""
        return self.rule.record_of(self.compared)

    @property
    def changed(self) -> tuple[tuple[str, str], ...]:
        """The (dataset, field) pairs that it says date the claims."""
        pairs = ((self.dataset, self.rule.changed), (self.rule.to_dataset, self.rule.their_changed))
        return tuple(pair for pair in pairs if pair[1])


@dataclass(frozen=True)
class Settlement:
    """One fact: who says something of it, whose word counts most, and the rules that compare it."""

    name: str  # dataset.field of the first claimant
    claimants: tuple[Claimant, ...]
    declared: tuple[Declared, ...]

    @property
    def systems(self) -> tuple[str, ...]:
        """The datasets that say something."""
        return tuple(dict.fromkeys(one.dataset for one in self.claimants))

    @property
    def record(self) -> tuple[str, ...]:
        """The systems of record in order; the loader refuses rules that declare different ones."""
        return next((one.record for one in self.declared if one.record), ())

    @property
    def tolerance(self) -> float:
        """The smallest that its rules allow: no rule's conflict counts as agreement."""
        return min(one.compared.tolerance for one in self.declared)

    def field_of(self, dataset: str) -> str:
        """The field, the first by name, with which a system speaks."""
        return next(one.field for one in self.claimants if one.dataset == dataset)


def settlements(datasets: Mapping[str, Dataset]) -> tuple[Settlement, ...]:
    """Every fact that conflict rules compare, by name. A rule whose peer is unknown is left out."""
    compared = [
        Declared(name, rule, one)
        for name, dataset in sorted(datasets.items())
        for rule in dataset.gap_rules
        if rule.kind == "conflict" and rule.to_dataset in datasets
        for one in rule.compare
    ]
    keys, spaces, facts = _Joined(), _Joined(), _Joined()
    for one in compared:
        for mine, their in one.rule.on:
            keys.join((one.dataset, mine), (one.rule.to_dataset, their))
    ends = [_ends(one, datasets, keys) for one in compared]
    for ours, theirs in ends:
        spaces.join((ours.dataset, ours.on), (theirs.dataset, theirs.on))
        facts.join(_mark(ours), _mark(theirs))
    grouped: dict[Hashable, list[tuple[Declared, Claimant, Claimant]]] = defaultdict(list)
    for one, (ours, theirs) in zip(compared, ends, strict=True):
        grouped[facts.of(_mark(ours))].append((one, ours, theirs))
    return tuple(sorted((_settlement(group, spaces) for group in grouped.values()), key=lambda one: one.name))


def families(facts: Iterable[Settlement]) -> tuple[tuple[Settlement, ...], ...]:
    """The facts that systems share, together: what a system is worth is learned from all that it says beside others."""
    facts, systems = tuple(facts), _Joined()
    for fact in facts:
        for name in fact.systems:
            systems.join(fact.systems[0], name)
    grouped: dict[Hashable, list[Settlement]] = defaultdict(list)
    for fact in facts:
        grouped[systems.of(fact.systems[0])].append(fact)
    return tuple(tuple(group) for group in grouped.values())


def _ends(one: Declared, datasets: Mapping[str, Dataset], keys: _Joined) -> tuple[Claimant, Claimant]:
    """Both sides, their key fields in an order that other rules about the same entity find too."""
    pairs = sorted(one.rule.on, key=lambda pair: (str(keys.of((one.dataset, pair[0]))), pair))
    told = ((one.dataset, one.compared.field, 0), (one.rule.to_dataset, one.compared.other, 1))
    ours, theirs = (
        Claimant(name, field, on := tuple(pair[side] for pair in pairs), "", _is_unique(datasets[name], on))
        for name, field, side in told
    )
    return ours, theirs


def _is_unique(dataset: Dataset, on: tuple[str, ...]) -> bool:
    named = any(field.unique and field.name in on for field in dataset.fields)
    return named or (bool(dataset.key) and set(dataset.key) <= set(on))


def _mark(one: Claimant) -> tuple[str, str, tuple[str, ...]]:
    """What two rules must share to speak of one fact: the field of one row, or of the rows that the same key names."""
    return one.dataset, one.field, () if one.unique else tuple(sorted(one.on))


def _settlement(group: list[tuple[Declared, Claimant, Claimant]], spaces: _Joined) -> Settlement:
    declared = tuple(one for one, _, _ in group)
    dated = dict(pair for one in reversed(declared) for pair in one.changed)
    found = {
        Claimant(one.dataset, one.field, one.on, str(spaces.of((one.dataset, one.on))), one.unique,
                 dated.get(one.dataset, ""))
        for _, *ends in group for one in ends
    }  # fmt: skip
    claimants = tuple(sorted(found, key=lambda one: (one.dataset, one.field, one.on)))
    return Settlement(f"{claimants[0].dataset}.{claimants[0].field}", claimants, declared)


class _Joined:
    """What belongs together, directly or through others, named by its least member."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def of(self, one: Hashable) -> Hashable:
        while (above := self._above.get(one, one)) != one:
            one = above
        return one

    def join(self, one: Hashable, other: Hashable) -> None:
        least, most = sorted((self.of(one), self.of(other)), key=str)
        self._above[most] = least

"""What a project says of entities that several datasets hold: who their members are, what makes two records one thing.

An entity merges nothing. Its records stay as they are; links between them are kept beside them, and one word of a
person takes a link back.
"""

from __future__ import annotations

from typing import Literal

from catalog.declaration import Declaration, Place

MatchKind = Literal["text", "code", "number", "date", "exact"]
BlockBy = Literal["value", "prefix", "words"]
Survivorship = Literal["order", "most_complete", "newest"]
Engine = Literal["polars", "splink"]
LARGEST = 20  # records of one entity beyond which a chain of links is more likely than one thing


class Member(Declaration):
    """A dataset whose rows are records of the entity, each known by its primary key.

    `one_per_entity`: no two of its rows are the same thing, so a pair of such datasets is linked one to one, and two
    rows that end up in one entity are a conflict.
    """

    dataset: str
    one_per_entity: bool = False


class EntityKey(Declaration):
    """Fields by dataset, in the same order; records that agree on all of them are one thing, whatever else they say."""

    fields: dict[str, tuple[str, ...]]


class MatchField(Declaration):
    """One fact that several datasets hold, and how alike it must be: the kinds of `expectations.linking`."""

    name: str
    kind: MatchKind = "text"
    fields: dict[str, str]  # by dataset


class MatchBlock(Declaration):
    """Only records that agree on some block are compared, on all of its `fields` (names of match fields)."""

    fields: tuple[str, ...]
    by: BlockBy = "value"
    length: int = 4


class Match(Declaration):
    """How records that no key decides are weighed against each other. `suggested`: from the names and the values."""

    suggested: bool = False
    fields: tuple[MatchField, ...] = ()
    blocking: tuple[MatchBlock, ...] = ()
    agreeing: int = 2  # fields that a link rests on at least
    block_limit: int = 10_000  # pairs that one value may bring; more are skipped and told


class GoldenField(Declaration):
    """Which record's value an entity is known by.

    `order`: the first of `sources` (dataset, field) that holds one. `most_complete`: of the record that fills the most
    golden fields. `newest`: of the record whose field in `changed` (by dataset) is the latest.
    """

    name: str
    sources: tuple[tuple[str, str], ...]
    rule: Survivorship = "order"
    changed: dict[str, str] = {}


class Entity(Declaration):
    """A thing in the world that rows of several datasets, or several rows of one, speak of.

    From the probability `accept` on a pair is linked, from `review` on a person looks. More than `largest` records of
    one entity are told as a likely chain of wrong links. `engine` weighs what the match fields say.
    """

    name: str
    title: str = ""
    owner: str = ""
    members: tuple[Member, ...]
    keys: tuple[EntityKey, ...] = ()
    match: Match | None = None
    engine: Engine = "polars"
    accept: float = 0.9
    review: float = 0.5
    largest: int = LARGEST
    golden: tuple[GoldenField, ...] = ()
    place: Place

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of the members, in the order in which they are declared."""
        return tuple(one.dataset for one in self.members)

    def member(self, dataset: str) -> Member:
        """The member of a dataset; KeyError if it is none."""
        for one in self.members:
            if one.dataset == dataset:
                return one
        raise KeyError(dataset)

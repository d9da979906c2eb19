"""How records of two systems are compared: which fields, how alike, which pairs at all, and what counts as the same."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from catalog.entity_models import Engine, MatchKind
from catalog.models import Declaration
from catalog.names import did_you_mean

Kind = MatchKind
BLOCK_LIMIT = 10_000  # pairs: a hundred records on either side
MOST_FIELDS = 20  # patterns of levels stay countable; `catalog.entity_links` refuses more
LEVELS: dict[Kind, tuple[float, ...]] = {  # the lowest similarity of each level below "the same"
    "text": (0.9, 0.75, 0.6, 0.4),
    "code": (0.8, 0.65),
    "number": (0.95,),
    "date": (0.99, 0.5),
    "exact": (),
}


class Comparison(Declaration):
    """Two columns that hold the same fact. `levels` are similarities from 0 to 1, falling; unset, those of the kind.

    `text`: names, titles, addresses, without regard to case, accents, punctuation and the order of words. `code`:
    telephone numbers and other identifiers, without regard to punctuation. `number` and `date`: nearness. `exact`: as
    text.
    """

    name: str = Field(min_length=1)
    left: str
    right: str
    kind: Kind = "text"
    levels: tuple[float, ...] = ()
    term_frequency: bool = True  # agreement on a rare value says more than on a common one

    @model_validator(mode="after")
    def _levels_fall(self) -> Self:
        if any(not 0 < level <= 1 for level in self.levels) or list(self.levels) != sorted(set(self.levels))[::-1]:
            raise ValueError(f"levels of '{self.name}' must fall, between 1 and 0: (0.9, 0.7)")
        return self

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The levels in force."""
        return self.levels or LEVELS[self.kind]


class BlockingKey(Declaration):
    """Only records that agree on some blocking key become a pair, on all of its `fields` (names of comparisons).

    `value`: the whole value. `prefix`: its first `length` characters. `words`: one of its `length` rarest words that
    both sides know (one field only).
    """

    fields: tuple[str, ...] = Field(min_length=1)
    by: Literal["value", "prefix", "words"] = "value"
    length: int = Field(default=4, ge=1, le=16)

    @model_validator(mode="after")
    def _words_of_one_field(self) -> Self:
        if self.by == "words" and len(self.fields) > 1:
            raise ValueError(f"blocking by words takes one field, not {len(self.fields)}")
        return self

    @property
    def name(self) -> str:
        """`words(title)`, `value(surname+city)`."""
        return f"{self.by}({'+'.join(self.fields)})"


class LinkPlan(Declaration):
    """What `link` needs to know. Comparisons need blocking keys; `keys` are comparisons that decide alone.

    From the probability `accept` on a pair is linked, from `review` on a person looks. A link rests on at least
    `agreeing` fields that agree; a pair with fewer is reviewed. `block_limit` bounds the pairs that one value of a
    blocking key may make; a larger block is skipped and counted. `engine` learns what agreement weighs.
    """

    left: str = "left"  # what the sides are called in clusters, as a rule their datasets
    right: str = "right"
    left_key: str
    right_key: str
    comparisons: tuple[Comparison, ...] = Field(min_length=1, max_length=MOST_FIELDS)
    blocking: tuple[BlockingKey, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    accept: float = Field(default=0.9, gt=0, le=1)
    review: float = Field(default=0.5, gt=0, le=1)
    agreeing: int = Field(default=2, ge=1)
    one_to_one: bool = False
    block_limit: int = Field(default=BLOCK_LIMIT, ge=1)
    engine: Engine = "polars"

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        names = [one.name for one in self.comparisons]
        if len(set(names)) < len(names):
            raise ValueError(f"comparisons must have names of their own, not {', '.join(names)}")
        if self.review > self.accept:
            raise ValueError(f"review ({self.review}) must not be above accept ({self.accept})")
        if not (self.blocking or self.keys):
            raise ValueError("a plan needs a blocking key or a deterministic key, or no pair is ever compared")
        wanted = [name for fields in (*self.keys, *(one.fields for one in self.blocking)) for name in fields]
        for name in wanted:
            if name not in names:
                raise ValueError(f"'{name}' is not a comparison of this plan. {did_you_mean(name, names)}".strip())
        text = [one.name for one in self.comparisons if one.kind == "text"]
        for key in self.blocking:
            if key.by == "words" and key.fields[0] not in text:
                raise ValueError(f"{key.name}: only a comparison of the kind text has words to block by")
        return self

    @property
    def ways(self) -> tuple[BlockingKey, ...]:
        """All that makes a pair: the blocking keys, and the deterministic keys as such."""
        return (*self.blocking, *(BlockingKey(fields=fields) for fields in self.keys))

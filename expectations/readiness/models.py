"""A readiness score taken apart: dimensions, the parts that were measured, and what each part loses to whom.

Everything can be recomputed by a reader: a part is `value` of `of`, a dimension the mean of its parts, a total the
weighted mean of its dimensions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from catalog.models import DimensionName

Kind = Literal["dataset", "use case"]
SHOWN_BLOCKERS = 3


class Measured(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Loss(Measured):
    """What keeps a part from being whole: `amount` of its `of`, who can change that, and how.

    `findings` are the ids of the findings behind it. No value of a row stands here.
    """

    what: str
    amount: float
    owner: str = ""
    remedy: str = ""
    findings: tuple[str, ...] = ()


class Part(Measured):
    """One measurement: `value` of `of` is well, in the units that `what` names. `of` is above 0.

    `unknown` says why it could not be measured; then `value` is 0. `evidence` is what the number was made from, and
    moves the score; `seen` is told beside it and does not: moments and ages pass by themselves.
    """

    name: str
    what: str
    value: float
    of: float
    losses: tuple[Loss, ...] = ()
    unknown: str = ""
    evidence: dict[str, Any] = {}
    seen: dict[str, Any] = {}

    @property
    def share(self) -> float:
        """How much of it is well, 0 to 1; 0 where it is unknown."""
        return 0.0 if self.unknown else min(max(self.value / self.of, 0.0), 1.0)


class Dimension(Measured):
    """One side of readiness. `score` is 0 to 100, and None where one of the parts is unknown."""

    name: str
    weight: float
    score: float | None
    parts: tuple[Part, ...]

    @property
    def unknown(self) -> str:
        """Why it was not measured; empty where it was."""
        return next((part.unknown for part in self.parts if part.unknown), "")


class Blocker(Measured):
    """What costs a subject most: `points` of its total would come back if it were mended."""

    dimension: str
    dataset: str  # empty for a question of a use case
    what: str
    points: float
    owner: str = ""
    remedy: str = ""
    findings: tuple[str, ...] = ()
    unknown: bool = False


class Score(Measured):
    """The readiness of a dataset or of a use case: 0 to 100, and why not more.

    `minimum` is what the project asks for. `blockers` are all there are, the costliest first. `fingerprint` is of the
    evidence: the same evidence has the same one, whenever it was measured.
    """

    subject: str
    kind: Kind
    title: str
    owner: str
    total: float
    minimum: float | None
    severity: Literal["critical", "warning"]
    dimensions: tuple[Dimension, ...]
    blockers: tuple[Blocker, ...]
    fingerprint: str
    datasets: tuple[str, ...]  # that it rests on
    measured_at: datetime

    @property
    def known(self) -> bool:
        """Whether every dimension was measured."""
        return all(one.score is not None for one in self.dimensions)

    @property
    def enough(self) -> bool:
        """Whether it was measured whole, and is not below the minimum."""
        return self.known and (self.minimum is None or self.total >= self.minimum)

    def dimension(self, name: DimensionName | Literal["questions"]) -> Dimension:
        """The dimension called `name`; KeyError if there is none."""
        for one in self.dimensions:
            if one.name == name:
                return one
        raise KeyError(name)

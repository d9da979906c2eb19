"""What a project says of being ready: what agents are to do with its data, and how much is enough for that."""

from __future__ import annotations

from typing import Literal

from catalog.declaration import Declaration, Place

DimensionName = Literal["completeness", "validity", "consistency", "freshness", "governance", "retrievability"]


class AgentQuestion(Declaration):
    """What an agent will ask, and what must be among the first five answers: a record by its URN, or a dataset."""

    ask: str
    expect: str


class UseCase(Declaration):
    """What agents are to do with some datasets, and the readiness score below which they should not."""

    name: str
    title: str = ""
    owner: str = ""
    datasets: tuple[str, ...]
    questions: tuple[AgentQuestion, ...] = ()
    minimum: float = 80.0
    severity: Literal["critical", "warning"] = "warning"  # of a score below the minimum
    place: Place


class ReadinessPlan(Declaration):
    """How readiness is weighed: a dimension without a weight weighs 1, a dataset without a minimum has none."""

    weights: dict[DimensionName, float] = {}
    minimum: float | None = None  # of every dataset
    minimums: dict[str, float] = {}  # of single datasets
    severity: Literal["critical", "warning"] = "warning"  # of a dataset's score below its minimum

    def minimum_of(self, dataset: str) -> float | None:
        """The lowest score that the dataset should have; None where nothing is declared."""
        return self.minimums.get(dataset, self.minimum)

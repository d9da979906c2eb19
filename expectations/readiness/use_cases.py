"""The readiness of a use case: as ready as its datasets, the worst of them above all, and as its own questions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.models import ReadinessPlan, UseCase
from expectations.readiness.models import Blocker, Dimension, Loss, Part, Score
from expectations.readiness.scoring import MEASURES, costliest, dimension, fingerprint, told_down, total

QUESTIONS = "questions"
WORST = 0.5  # of a dimension comes from the worst dataset, the rest from the mean of all


@dataclass(frozen=True)
class Answered:
    """What came of a use case's questions: for each the rank of what it expects, None where it did not come.

    `unknown` says why nobody could ask.
    """

    ranks: tuple[int | None, ...] = ()
    unknown: str = ""


def score_use_case(
    case: UseCase, scores: Mapping[str, Score], answered: Answered, plan: ReadinessPlan, now: datetime
) -> Score:
    """A use case, from the scores of its datasets and the answers to its questions. KeyError if a score is lacking."""
    of = [scores[name] for name in sorted(case.datasets)]
    dimensions = [_over(name, of, weight=plan.weights.get(name, 1.0)) for name in MEASURES]
    own = dimension(QUESTIONS, (_questions(case, answered),), weight=1.0)
    everything = (*dimensions, own)
    return Score(
        subject=case.name,
        kind="use case",
        title=case.title or case.name.replace("-", " ").replace("_", " ").capitalize(),
        owner=case.owner,
        total=total(everything),
        minimum=case.minimum,
        severity=case.severity,
        dimensions=everything,
        blockers=tuple(sorted(_blockers(everything, of), key=costliest)),
        fingerprint=fingerprint("".join(one.fingerprint for one in of), everything),
        datasets=case.datasets,
        measured_at=now,
    )


def _over(name: str, scores: Sequence[Score], *, weight: float) -> Dimension:
    """Half the worst dataset, half the mean of all."""
    ones = [next(one for one in score.dimensions if one.name == name) for score in scores]
    parts = tuple(
        Part(name=score.subject, what=f"points of {score.title}", value=one.score or 0.0, of=100, unknown=one.unknown)
        for score, one in zip(scores, ones, strict=True)
    )
    if any(part.unknown for part in parts):
        return Dimension(name=name, weight=weight, score=None, parts=parts)
    points = [one.score or 0.0 for one in ones]
    mixed = WORST * min(points) + (1 - WORST) * math.fsum(points) / len(points)
    return Dimension(name=name, weight=weight, score=told_down(mixed), parts=parts)


def _questions(case: UseCase, answered: Answered) -> Part:
    """The questions of the use case whose record or dataset is among the first five."""
    what = "questions of the use case that are answered by what they expect, among the first five"
    count = len(case.questions)
    reason = answered.unknown if count else "the use case declares no questions"
    if reason:
        remedy = "Run: landbridge run." if count else f"Add questions to '{case.name}' in {case.place.file}."
        loss = Loss(what=f"Not measured: {reason}.", amount=1, owner=case.owner, remedy=remedy)
        return Part(name=QUESTIONS, what=what, value=0, of=max(count, 1), losses=(loss,), unknown=reason)
    missed = [one for one, rank in zip(case.questions, answered.ranks, strict=True) if rank is None]
    losses = tuple(
        Loss(
            what=f"'{one.ask}' is not answered by {one.expect}.",
            amount=1,
            owner=case.owner,
            remedy="Ask it (landbridge ask) and see what comes instead: the document lacks the words, or the record.",
        )
        for one in missed
    )
    told = {"missed": sorted(one.ask for one in missed)}
    return Part(name=QUESTIONS, what=what, value=count - len(missed), of=count, losses=losses, evidence=told)


def _blockers(dimensions: Sequence[Dimension], scores: Sequence[Score]) -> list[Blocker]:
    """The blockers of the datasets, each by what it costs this use case, and the questions without their answer."""
    weights = math.fsum(one.weight for one in dimensions)
    found: list[Blocker] = []
    for one in dimensions:
        worth = 100 * one.weight / weights
        if one.name == QUESTIONS:
            found += [_unanswered(loss, one.parts[0], worth) for loss in one.parts[0].losses]
        else:
            found += [_in_points(blocker, worth * share) for blocker, share in _costs(one, scores)]
    return [one for one in found if one.points > 0]


def _unanswered(loss: Loss, part: Part, worth: float) -> Blocker:
    points = worth * (1.0 if part.unknown else loss.amount / part.of)
    told = loss.model_dump(exclude={"amount"})
    return Blocker(dimension=QUESTIONS, dataset="", points=points, unknown=bool(part.unknown), **told)


def _costs(one: Dimension, scores: Sequence[Score]) -> Iterator[tuple[Blocker, float]]:
    """The datasets' blockers of a dimension with the share of it that each costs, 0 to 1.

    Where datasets are unknown, the dimension waits for them alone.
    """
    named = {
        score.subject: [blocker for blocker in score.blockers if blocker.dimension == one.name] for score in scores
    }
    if one.score is None:
        unknown = [blocker for blockers in named.values() for blocker in blockers if blocker.unknown]
        yield from ((blocker, 1 / len(unknown)) for blocker in unknown)
        return
    worst = min(one.parts, key=lambda part: (part.value, part.name)).name
    for part in one.parts:
        weight = (1 - WORST) / len(one.parts) + (WORST if part.name == worst else 0.0)
        lost = math.fsum(blocker.points for blocker in named[part.name])
        for blocker in named[part.name]:
            yield blocker, weight * (1 - part.share) * blocker.points / lost


def _in_points(blocker: Blocker, points: float) -> Blocker:
    return blocker.model_copy(update={"points": points})

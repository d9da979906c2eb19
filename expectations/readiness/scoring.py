"""Put measured parts together: a dimension is the mean of its parts, a total the weighted mean of its dimensions."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from catalog.models import Dataset, DimensionName, ReadinessPlan
from expectations.readiness.evidence import Evidence
from expectations.readiness.models import Blocker, Dimension, Loss, Part, Score
from expectations.readiness.of_contract import governance
from expectations.readiness.of_rows import completeness, consistency, validity
from expectations.readiness.of_service import Measure, freshness, retrievability

FORMULA = 1  # of the scores in the ledger; another formula is another evidence
MEASURES: Mapping[DimensionName, Measure] = {
    "completeness": completeness,
    "validity": validity,
    "consistency": consistency,
    "freshness": freshness,
    "governance": governance,
    "retrievability": retrievability,
}
NOISE = 1e-7  # of sums of binary fractions, in tenths of a point


def score(dataset: Dataset, evidence: Evidence, plan: ReadinessPlan) -> Score:
    """The readiness of one dataset, 0 to 100, with every part it is made of and every blocker in it.

    What was not measured counts as 0 and is told as not measured. Equal evidence gives an equal fingerprint.
    """
    dimensions = tuple(
        dimension(name, tuple(measure(dataset, evidence)), weight=plan.weights.get(name, 1.0))
        for name, measure in MEASURES.items()
    )
    return Score(
        subject=dataset.name,
        kind="dataset",
        title=dataset.title,
        owner=dataset.owner,
        total=total(dimensions),
        minimum=plan.minimum_of(dataset.name),
        severity=plan.severity,
        dimensions=dimensions,
        blockers=tuple(sorted(blockers(dimensions, dataset.name), key=costliest)),
        fingerprint=fingerprint(dataset.fingerprint, dimensions),
        datasets=(dataset.name,),
        measured_at=evidence.now,
    )


def dimension(name: str, parts: tuple[Part, ...], *, weight: float) -> Dimension:
    """A dimension over its parts; one unknown part makes it unknown, since nobody knows the mean then."""
    unknown = any(part.unknown for part in parts)
    mean = None if unknown else 100 * math.fsum(part.share for part in parts) / len(parts)
    return Dimension(name=name, weight=weight, score=None if mean is None else told_down(mean), parts=parts)


def total(dimensions: Sequence[Dimension]) -> float:
    """The weighted mean, where an unknown dimension counts as 0."""
    weights = math.fsum(one.weight for one in dimensions)
    return told_down(math.fsum(one.weight * (one.score or 0.0) for one in dimensions) / weights)


def told_down(points: float) -> float:
    """Rounded down to a tenth: what is not whole never reads 100."""
    return math.floor(points * 10 + NOISE) / 10


def blockers(dimensions: Sequence[Dimension], dataset: str) -> list[Blocker]:
    """What costs points, each with those that its mending alone would give back.

    An unknown dimension costs all it could give, and is one blocker: its other parts give nothing until it is known.
    """
    weights = math.fsum(one.weight for one in dimensions)
    found: list[Blocker] = []
    for one in dimensions:
        worth = 100 * one.weight / weights
        unknown = next((part for part in one.parts if part.unknown), None)
        if unknown is not None:
            found += [_blocker(one, loss, dataset, worth, unknown=True) for loss in unknown.losses[:1]]
            continue
        of_part = worth / len(one.parts)
        found += [
            _blocker(one, loss, dataset, of_part * loss.amount / part.of) for part in one.parts for loss in part.losses
        ]
    return merged(one for one in found if one.points > 0)


def merged(found: Iterable[Blocker]) -> list[Blocker]:
    """What one remedy mends is one blocker, told by what costs most of it."""
    by_remedy: dict[tuple[str, str, str], list[Blocker]] = defaultdict(list)
    for one in sorted(found, key=costliest):
        by_remedy[one.dimension, one.dataset, one.remedy or one.what].append(one)
    return [
        ones[0].model_copy(
            update={
                "points": math.fsum(one.points for one in ones),
                "findings": tuple(dict.fromkeys(finding for one in ones for finding in one.findings)),
            }
        )
        for ones in by_remedy.values()
    ]


def _blocker(one: Dimension, loss: Loss, dataset: str, points: float, *, unknown: bool = False) -> Blocker:
    told = loss.model_dump(exclude={"amount"})
    return Blocker(dimension=one.name, dataset=dataset, points=points, unknown=unknown, **told)


def costliest(one: Blocker) -> tuple[float, str, str, str]:
    """The order of blockers: the costliest first; of equal ones by where they are and what they say."""
    return (-one.points, one.dimension, one.dataset, one.what)


def fingerprint(contract: str, dimensions: Sequence[Dimension]) -> str:
    """SHA-256 of what moves a score: the contract, the weights, and what each part was made from.

    Not the moments that were seen, nor the sentences: they may be worded otherwise tomorrow.
    """
    told = [
        [one.name, one.weight, [[part.name, part.value, part.of, part.unknown, part.evidence] for part in one.parts]]
        for one in dimensions
    ]
    content = json.dumps([FORMULA, contract, told], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(content.encode()).hexdigest()

"""Readiness in the words of somebody who owns a business process: what a dimension asks, where a score stands."""

from __future__ import annotations

import math
from collections.abc import Sequence

from expectations.readiness.models import Blocker, Score

ASKS = {
    "completeness": "Is everything there that should be?",
    "validity": "Does it keep its own rules?",
    "consistency": "Do the systems agree?",
    "freshness": "Is it recent enough?",
    "governance": "Is it owned, described and guarded?",
    "retrievability": "Is it found when somebody asks?",
    "questions": "Are the questions of this use case answered?",
}


def standing(score: Score) -> tuple[str, str]:
    """Where a score stands, in a word, and the tone of it on a page."""
    if not score.known:
        return "not measured", "bad"
    if score.minimum is None:
        return "no minimum", "calm"
    return ("enough", "good") if score.enough else ("below", "amber")


def verdict(score: Score) -> str:
    """What that means for whoever relies on it."""
    of = f"{score.total:.1f} of 100"
    needed = "" if score.minimum is None else f"; {score.minimum:g} are needed"
    if not score.known:
        names = [one.name for one in score.dimensions if one.score is None]
        return f"{of}{needed}. Nobody knows about {listed(names)}, and what is not known counts as nothing."
    if not score.enough:
        return f"{of}{needed}. Agents should not be relied on for it yet."
    return f"{of}{needed}. Agents may be relied on for it; what is missing is told with every answer."


def told(blocker: Blocker) -> str:
    """What a blocker costs: `7.4 points of completeness`."""
    return f"{points(blocker.points)} of {blocker.dimension}"


def number(value: float) -> str:
    """At most three decimals, rounded down, so that what is not whole is not told as whole."""
    told = f"{math.floor(value * 1000 + 1e-6) / 1000:,.3f}"
    return told.rstrip("0").rstrip(".")


def points(value: float) -> str:
    """`1 point`, `7.4 points`, `less than 0.1 points`."""
    if value < 0.1:
        return "less than 0.1 points"
    return "1 point" if f"{value:.1f}" == "1.0" else f"{value:.1f} points"


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

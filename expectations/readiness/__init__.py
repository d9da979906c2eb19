"""Is a dataset ready for agents, is a use case: a score from 0 to 100 out of measured parts, with what blocks it.

Pure: evidence comes in, a `Score` comes out; who gathers the evidence and keeps the scores is `pipelines`' affair.
"""

from __future__ import annotations

from expectations.readiness.evidence import NOT_ASKED, Asked, Evidence, Probe, Rows
from expectations.readiness.models import SHOWN_BLOCKERS, Blocker, Dimension, Loss, Part, Score
from expectations.readiness.scoring import MEASURES, score
from expectations.readiness.use_cases import Answered, score_use_case

__all__ = [
    "MEASURES", "NOT_ASKED", "SHOWN_BLOCKERS", "Answered", "Asked", "Blocker", "Dimension", "Evidence", "Loss", "Part",
    "Probe", "Rows", "Score", "score", "score_use_case",
]  # fmt: skip

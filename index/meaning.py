"""How near two sentences must be to mean the same, for the models of which that was measured."""

from __future__ import annotations

from index.embed import Embedder

SAME_MEANING = {"all-MiniLM-L6-v2": 0.52}  # `python -m evals.question_groups` chooses it


def same_meaning(embedder: Embedder) -> float | None:
    """The cosine from which on two questions may mean the same; None where nobody measured it.

    An embedder of your own tells it as the attribute `same_meaning`: models differ too much for a common number.
    """
    told: float | None = getattr(embedder, "same_meaning", None)
    return told if told is not None else SAME_MEANING.get(embedder.name.partition("@")[0])

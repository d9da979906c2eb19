"""How well questions are grouped by meaning: pairwise precision, recall and F1 beside equal words, on paraphrases.

The threshold is chosen on one half of the questions, as the one with the best F1 of those that put hardly anything
together wrongly, and reported on the other half.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import index
from evals.paraphrases import CHOSEN_ON, REPORTED_ON
from expectations.question_groups import Meaning, grouped
from ledger.models import Asked

THRESHOLDS = [n / 100 for n in range(40, 91, 3)]
RIGHT = 0.95  # of the pairs put together, at least: a merged question hides what is missing
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
Labelled = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Measured:
    """Of all pairs of questions, those that were put together and those that belong together."""

    together: int
    right: int
    belong: int

    @property
    def precision(self) -> float:
        """The share of the pairs put together that belong together."""
        return self.right / self.together if self.together else 1.0

    @property
    def recall(self) -> float:
        """The share of the pairs that belong together that were put together."""
        return self.right / self.belong

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / (self.together + self.belong)


def measured(labelled: Labelled, meaning: Callable[[], Meaning | str]) -> Measured:
    """Ask every question twice, first wordings first, so that each stands in a group, and compare with the labels."""
    texts = [group[n] for n in range(max(map(len, labelled))) for group in labelled if n < len(group)]
    asked = [
        Asked(question=text, session_id=f"{n}-{again}", at=BEGAN + timedelta(minutes=n, hours=again), known=False)
        for again in (0, 24)
        for n, text in enumerate(texts)
    ]
    groups = grouped(asked, key=b"exam", meaning=meaning).groups
    made = {one.question: group.id for group in groups for one in group.asked}
    label = {text: n for n, group in enumerate(labelled) for text in group}
    pairs = [(made[one] == made[other], label[one] == label[other]) for one, other in combinations(texts, 2)]
    return Measured(sum(one for one, _ in pairs), sum(all(pair) for pair in pairs), sum(one for _, one in pairs))


def chosen(labelled: Labelled, at: Callable[[float], Meaning]) -> float:
    """The threshold with the best F1 of those with a precision of RIGHT."""
    tried = {alike: measured(labelled, lambda alike=alike: at(alike)) for alike in THRESHOLDS}  # type: ignore[misc]  # bound at once
    return max((one.f1, alike) for alike, one in tried.items() if one.precision >= RIGHT)[1]


def main() -> None:
    """Print the table, and the time for many different questions."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--many", type=int, default=5_000, help="different questions to group in one run")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        model = index.load_embedder(given.model, Path(folder))

        def at(alike: float) -> Meaning:
            return Meaning(model.name, alike, model.embed)

        alike = chosen(CHOSEN_ON, at)
        print(f"{model.name}: a cosine of {alike} is chosen\n{'':<24} {'precision':>10} {'recall':>8} {'F1':>8}")
        for half, labelled in (("chosen on", CHOSEN_ON), ("reported on", REPORTED_ON)):
            for name, meaning in (("meaning", lambda: at(alike)), ("equal words", lambda: "the rival")):
                one = measured(labelled, meaning)
                print(f"{half + ', ' + name:<24} {one.precision:>10.2f} {one.recall:>8.2f} {one.f1:>8.2f}")
        many = [
            Asked(question=f"{_word(n)} {_word(n // 5)} {_word(n // 125)} at the {_word(n // 25)}", session_id=str(n),
                  at=BEGAN + timedelta(minutes=n), known=False)
            for n in range(given.many)
        ]  # fmt: skip
        began = process_time()
        first = grouped(many, key=b"exam", meaning=lambda: at(alike))
        between = process_time()
        grouped(many, key=b"exam", placed=first.placed, meaning=lambda: at(alike))
        print(f"{given.many:,} questions: {between - began:.1f} s of CPU, again {process_time() - between:.2f} s")


def _word(n: int) -> str:
    """A word that stands for a number, from syllables."""
    first, second, third = (
        ("ba", "de", "fi", "go", "ku"),
        ("lam", "mer", "nis", "ror", "sut"),
        ("a", "e", "i", "o", "u"),
    )
    return first[n % 5] + second[n // 5 % 5] + third[n // 25 % 5]


if __name__ == "__main__":
    main()

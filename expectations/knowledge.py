"""Tell what was asked and not known: questions of visits that found nothing, grouped by their words.

A question may hold anything. What is quoted of one is only words that the project itself uses, and words that several
visits used and no hidden field holds.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.models import Project
from ledger import Finding
from ledger.models import EVERYWHERE, Asked

RULE = "knowledge-gap"
FEWEST = 2  # times a question is asked before it is a gap
MOST = 50  # groups told, the most asked first
LONGEST = 160  # characters of a quoted question
HIDDEN = "..."
NUMBER = "#"
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_SMALL = frozenset({  # words that say how something is asked, not what
    "a", "about", "an", "and", "any", "are", "at", "be", "by", "can", "could", "did", "do", "does", "find", "for",
    "from", "get", "give", "had", "has", "have", "how", "i", "in", "is", "it", "know", "list", "me", "of", "on", "or",
    "our", "please", "show", "tell", "that", "the", "their", "there", "they", "this", "to", "us", "was", "we",
    "were", "what", "when", "where", "which", "who", "whose", "why", "will", "with", "would", "you", "your",
})  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Questions with the same words, in one dataset or everywhere, the newest first."""

    dataset: str
    words: frozenset[str]
    asked: tuple[Asked, ...]

    @property
    def unanswered(self) -> tuple[Asked, ...]:
        """Those since the last one that found something."""
        known = max((one.at for one in self.asked if one.known), default=None)
        return tuple(one for one in self.asked if not one.known and (known is None or one.at > known))


def words_of(question: str) -> tuple[str, ...]:
    """The words of a question in order: folded, without punctuation, each number as `#`."""
    folded = unicodedata.normalize("NFKC", question).casefold()
    return tuple(NUMBER if any(map(str.isdigit, word)) else word for word in _WORD.findall(folded))


def unanswered(asked: Iterable[Asked]) -> list[Group]:
    """The questions that nobody could answer when they were asked last, the most asked first."""
    groups: dict[tuple[str, frozenset[str]], list[Asked]] = defaultdict(list)
    for one in asked:
        words = words_of(one.question)
        content = frozenset(words) - _SMALL or frozenset(words)
        dataset = one.datasets[0] if len(one.datasets) == 1 else EVERYWHERE
        groups[dataset, content].append(one)
    told = [
        Group(dataset, words, tuple(sorted(found, key=lambda one: one.at, reverse=True)))
        for (dataset, words), found in groups.items()
    ]
    gaps = [group for group in told if len(group.unanswered) >= FEWEST]
    return sorted(gaps, key=lambda group: (-len(group.unanswered), group.dataset, sorted(group.words)))


def vocabulary(project: Project) -> frozenset[str]:
    """The words that the project itself uses: names and titles of its datasets and fields."""
    texts = [project.name, project.title]
    for dataset in project.datasets.values():
        texts += [dataset.name, dataset.title, dataset.domain]
        texts += [text for field in dataset.fields for text in (field.name, field.title)]
    return frozenset(word for text in texts for word in words_of(text.replace("_", " ")))


def shared_words(groups: Iterable[Group]) -> frozenset[str]:
    """The words of unanswered questions that at least two visits used, and that are not small."""
    visits: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        for one in group.unanswered:
            for word in words_of(one.question):
                visits[word].add(one.session_id)
    return frozenset(word for word, seen in visits.items() if len(seen) > 1) - _SMALL - {NUMBER}


def knowledge_gaps(groups: Sequence[Group], project: Project, *, told: Collection[str], key: bytes) -> list[Finding]:
    """One finding for each group, `knowledge-gap/<mark>`; `told` holds the words that may be quoted.

    The mark is made with `key`, so that nobody can try questions until one fits. More than 50 groups are counted.
    """
    shown = {*told, *vocabulary(project), *_SMALL, NUMBER}
    found = [_finding(group, project, shown, key) for group in groups[:MOST]]
    more = groups[MOST:]
    if more:
        count = sum(len(group.unanswered) for group in more)
        message = f"{count:,} questions of {len(more):,} further kinds found nothing."
        found.append(_gap(f"{RULE}/more", EVERYWHERE, count, message, {"groups": len(more)}, owner=""))
    return found


def _finding(group: Group, project: Project, shown: Collection[str], key: bytes) -> Finding:
    asked = group.unanswered
    visits = len({one.session_id for one in asked})
    example = _quoted(asked[0].question, shown)
    dataset = group.dataset if group.dataset in project.datasets else EVERYWHERE
    where = "" if dataset == EVERYWHERE else f" in '{dataset}'"
    message = (
        f"{len(asked):,} questions in {visits:,} visit{'s' if visits > 1 else ''} found nothing{where}, the last on "
        f'{asked[0].at:%Y-%m-%d}: "{example}".'
    )
    evidence = {"example": example, "visits": visits, "first_asked": asked[-1].at.isoformat(),
                "last_asked": asked[0].at.isoformat()}  # fmt: skip
    mark = hmac.new(key, f"{group.dataset}\x1f{' '.join(sorted(group.words))}".encode(), hashlib.sha256).hexdigest()[
        :12
    ]
    owner = "" if dataset == EVERYWHERE else project.datasets[dataset].owner
    return _gap(f"{RULE}/{mark}", dataset, len(asked), message, evidence, owner=owner)


def _gap(rule: str, dataset: str, count: int, message: str, evidence: Mapping[str, object], *, owner: str) -> Finding:
    return Finding(
        rule=rule, dataset=dataset, stage="gaps", severity="warning", count=count, unit="questions", message=message,
        evidence=dict(evidence), owner=owner,
        remedy="Bring in the records that answer it, or let a document tell them; it closes when it is answered, or "
        "when nobody has asked for 90 days.",
    )  # fmt: skip


def _quoted(question: str, shown: Collection[str]) -> str:
    """A question without the words that may not be told; what stands between words is left out, too."""
    told: list[str] = []
    for word in words_of(question):
        one = word if word in shown else HIDDEN
        if one != HIDDEN or told[-1:] != [HIDDEN]:
            told.append(one)
    return " ".join(told)[:LONGEST]

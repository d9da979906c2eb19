"""Group questions that found nothing: those with the same words are one form, forms that mean the same one family.

The first form of a family gives it its id, which a later paraphrase does not change. What a question is about must
agree: numbers, codes and names. Two forms of which one word was put in another's place ask for two things, however
near they are.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ledger.models import EVERYWHERE, Asked

FEWEST = 2  # times a question is asked before it is a gap
NUMBER = "#"
SAME_WORDS = "equal words"
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.?!]\s*$")
SMALL = frozenset({  # words that say how something is asked, not what
    "a", "about", "an", "and", "any", "are", "at", "be", "by", "can", "could", "did", "do", "does", "find", "for",
    "from", "get", "give", "had", "has", "have", "how", "i", "in", "is", "it", "know", "list", "me", "of", "on", "or",
    "our", "please", "show", "tell", "that", "the", "their", "there", "they", "this", "to", "us", "was", "we",
    "were", "what", "when", "where", "which", "who", "whose", "why", "will", "with", "would", "you", "your",
})  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """A model of sentences. Cosine `alike` and above: two questions mean the same. `embed` gives rows of length 1."""

    name: str
    alike: float
    embed: Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Form:
    """Questions with the same words in one dataset or everywhere, numbers aside; none of them is answered."""

    dataset: str
    words: frozenset[str]
    asked: tuple[Asked, ...]  # the first one first

    @cached_property
    def first(self) -> str:
        """The first question, numbers as `#`: no model is told whom or what it is about."""
        return _WORD.sub(lambda word: NUMBER if _is_number(word.group()) else word.group(), self.asked[0].question)

    @cached_property
    def names(self) -> frozenset[str]:
        """Words of the first question that are written as names or codes."""
        return frozenset(_names(self.first))

    @cached_property
    def all_words(self) -> frozenset[str]:
        """Every word of the first question, small ones too."""
        return frozenset(words_of(self.first))


@dataclass(frozen=True)
class Group:
    """Questions for one thing, or for several things in one way, that nobody could answer; the newest first."""

    dataset: str
    id: str
    asked: tuple[Asked, ...]
    things: int  # about how many different numbers and codes
    grouped_by: str

    @property
    def typical(self) -> str:
        """The wording asked most often; of several the one that was asked first."""
        oldest_first = [one.question for one in reversed(self.asked)]
        counted = Counter(words_of(question) for question in oldest_first)
        return max(oldest_first, key=lambda question: counted[words_of(question)])

    @property
    def wordings(self) -> int:
        """How many different sets of words say it."""
        return len({_content(one.question) for one in self.asked})


@dataclass(frozen=True)
class Grouping:
    """The groups, the most asked first, and `placed`: the family of each form's mark that was grouped by meaning.

    Marks are made with a key, so that nobody can try questions until one fits.
    """

    groups: tuple[Group, ...]
    placed: Mapping[str, str]


def words_of(question: str) -> tuple[str, ...]:
    """The words of a question in order: folded, without punctuation, each number as `#`."""
    return tuple(NUMBER if _is_number(word) else word for word in _folded(question))


def grouped(
    asked: Iterable[Asked],
    *,
    key: bytes,
    placed: Mapping[str, str] | None = None,
    meaning: Callable[[], Meaning | str] = lambda: "no model was asked for",
) -> Grouping:
    """The questions that nobody could answer when they were asked last, and that were asked twice.

    `placed` is what an earlier call gave: only forms that are new are embedded, beside the first of each family, and
    `meaning` is called only when there are some. Where it gives a reason instead of a model, new forms stay alone.
    """
    every = _by_words(asked)
    marks = {place: _mark(key, *place) for place in every}
    forms = sorted(_unanswered(every), key=lambda form: (form.asked[0].at, form.dataset, sorted(form.words)))
    still_asked = set(marks.values())
    known = {mark: family for mark, family in (placed or {}).items() if mark in still_asked}
    families: dict[str, list[Form]] = defaultdict(list)
    new: list[Form] = []
    for form in forms:
        mark = marks[form.dataset, form.words]
        families[known[mark]].append(form) if mark in known else new.append(form)
    model = meaning() if new else ""
    by = dict.fromkeys(families, "meaning")
    named = [(form, marks[form.dataset, form.words]) for form in new]
    for (form, mark), family in zip(named, _families_of(named, families, model), strict=True):
        families[family].append(form)
        by.setdefault(family, "meaning" if isinstance(model, Meaning) else f"{SAME_WORDS}: {model}")
        known |= {mark: family} if isinstance(model, Meaning) else {}
    groups = [group for family, some in families.items() for group in _groups(family, some, by[family], key)]
    return Grouping(tuple(sorted(groups, key=lambda one: (-len(one.asked), one.dataset, one.id))), known)


def _by_words(asked: Iterable[Asked]) -> dict[tuple[str, frozenset[str]], list[Asked]]:
    told: dict[tuple[str, frozenset[str]], list[Asked]] = defaultdict(list)
    for one in asked:
        told[one.datasets[0] if len(one.datasets) == 1 else EVERYWHERE, _content(one.question)].append(one)
    return told


def _unanswered(every: Mapping[tuple[str, frozenset[str]], list[Asked]]) -> Iterator[Form]:
    """The forms with the questions since the last one about the same thing that found something."""
    for (dataset, words), asked in every.items():
        known: dict[frozenset[str], Asked] = {}
        for one in sorted((one for one in asked if one.known), key=lambda one: one.at):
            known[things_of(one.question)] = one
        open_ones = [
            one for one in asked
            if not one.known and ((last := known.get(things_of(one.question))) is None or one.at > last.at)
        ]  # fmt: skip
        if open_ones:
            yield Form(dataset, words, tuple(sorted(open_ones, key=lambda one: (one.at, one.question))))


def _families_of(
    new: Sequence[tuple[Form, str]], families: Mapping[str, Sequence[Form]], model: Meaning | str
) -> list[str]:
    """The family of each new form, which comes with its mark: one that it joins, else one that is called by the mark.

    One pass, the oldest first, each compared with the first form of every family only: memory grows with the families.
    """
    if not isinstance(model, Meaning):
        return [mark for _, mark in new]
    heads = [(family, forms[0]) for family, forms in families.items()]
    vectors = model.embed([form.first for form in (*(head for _, head in heads), *(form for form, _ in new))])
    begun = np.array(vectors, copy=True)  # its first rows stand for `heads`
    told: list[str] = []
    for row, (form, mark) in enumerate(new, start=len(heads)):
        near = begun[: len(heads)] @ vectors[row]
        order = (n for n in np.argsort(-near, kind="stable") if near[n] >= model.alike)
        found = next((heads[n][0] for n in order if _agree(form, heads[n][1])), None)
        if found is None:
            begun[len(heads)] = vectors[row]
            heads.append((mark, form))
        told.append(found or mark)
    return told


def _agree(one: Form, other: Form) -> bool:
    """Whether two forms can ask for the same: in one dataset, of the same names, not with one word put for another."""
    if one.dataset != other.dataset or (NUMBER in one.words) != (NUMBER in other.words):
        return False
    if not (one.names <= other.all_words and other.names <= one.all_words):
        return False
    mine, theirs = one.words - other.words, other.words - one.words
    return not (len(mine) == 1 == len(theirs) and one.words & other.words)


def _groups(family: str, forms: Sequence[Form], by: str, key: bytes) -> Iterator[Group]:
    """A group for each thing that was asked for twice; what is left of a family about several things is one, too."""
    about: dict[frozenset[str], list[Asked]] = defaultdict(list)
    for one in (one for form in forms for one in form.asked):
        about[things_of(one.question)].append(one)
    rest: list[Asked] = []
    for things, asked in about.items():
        if len(asked) < FEWEST:
            rest += asked
        else:
            yield _group(forms[0].dataset, _mark(key, family, things) if things else family, asked, 1, by)
    if rest and len(about) > 1:
        yield _group(forms[0].dataset, family, rest, len({things_of(one.question) for one in rest}), by)


def _group(dataset: str, mark: str, asked: Sequence[Asked], things: int, by: str) -> Group:
    newest_first = tuple(sorted(asked, key=lambda one: (one.at, one.question), reverse=True))
    return Group(dataset, mark, newest_first, things, by)


def _mark(key: bytes, of: str, words: Iterable[str]) -> str:
    return hmac.new(key, f"{of}\x1f{' '.join(sorted(words))}".encode(), hashlib.sha256).hexdigest()[:12]


def things_of(question: str) -> frozenset[str]:
    """The numbers and codes with digits in a question, which say what it is about."""
    return frozenset(word for word in _folded(question) if _is_number(word))


def _content(question: str) -> frozenset[str]:
    words = words_of(question)
    return frozenset(words) - SMALL or frozenset(words)


def _folded(question: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", question).casefold())


def _is_number(word: str) -> bool:
    return any(map(str.isdigit, word))


def _names(question: str) -> Iterator[str]:
    """Words in capitals, unless all are, and words with a capital that no sentence begins with."""
    for found in _WORD.finditer(unicodedata.normalize("NFKC", question)):
        word, before = found.group(), found.string[: found.start()]
        begins = not before.strip() or _SENTENCE_END.search(before)
        code = word.isupper() and not found.string.isupper()
        if len(word) > 1 and word.isalpha() and (code or (word[0].isupper() and not begins)):
            yield word.casefold()

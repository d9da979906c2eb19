"""Make questions whose answer is known: each is about one published document, and none copies its text."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

WORDS = 6  # of a text, those that fewest other documents of the sample have
FEWEST = 3  # words that can stand for a document
SHORTEST = 4  # letters; shorter words say little
LONGEST = 300  # characters of a question's subject
WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:['-][^\W\d_]+)*(?!\w)")  # letters: nobody asks for a figure


@dataclass(frozen=True)
class KnownItem:
    """A question and the document that answers it. `form` is title, key or words."""

    document_id: str
    form: str
    text: str


def known_items(documents: pl.DataFrame) -> list[KnownItem]:
    """One question for each document of a sample (document_id, title, text, keys, keys_are_its_own).

    title: what the document is called. key: its keys, where no other document has the same. words: the rarest words of
    its text that are no part of its title or keys, where one of them is its own within the sample. Which of these forms
    a document is asked in is told by a hash of its name; the order of the rows does not matter.
    """
    rows = documents.sort("document_id").to_dicts()  # a loop over at most some dozen documents
    counted = Counter(word for row in rows for word in set(_words(row["text"])))
    return [_chosen(forms) for row in rows if (forms := list(_forms(row, counted)))]


def _chosen(forms: Sequence[KnownItem]) -> KnownItem:
    mark = hashlib.sha256(forms[0].document_id.encode()).digest()
    return forms[int.from_bytes(mark[:4]) % len(forms)]


def _forms(row: Mapping[str, Any], counted: Counter[str]) -> Iterator[KnownItem]:
    name, title, keys = str(row["document_id"]), str(row["title"] or "").strip(), " ".join(row["keys"] or ())
    if title:
        yield KnownItem(name, "title", f"Tell me about {title[:LONGEST]}.")
    if row["keys_are_its_own"]:
        yield KnownItem(name, "key", f"What do we know of {keys[:LONGEST]}?")
    rare = _rarest(str(row["text"] or ""), f"{title} {keys}", counted)
    if len(rare) >= FEWEST and any(counted[word] == 1 for word in rare):
        yield KnownItem(name, "words", f"Which record speaks of {', '.join(rare)}?")


def _rarest(text: str, named: str, counted: Counter[str]) -> Sequence[str]:
    """The words that fewest documents have, in the order in which the text has them."""
    names = set(_words(named))
    words = [word for word in dict.fromkeys(_words(text)) if word not in names and len(word) >= SHORTEST]
    chosen = set(sorted(words, key=lambda word: (counted[word], words.index(word)))[:WORDS])
    return [word for word in words if word in chosen]


def _words(text: object) -> list[str]:
    return WORD.findall(str(text or "").casefold())

"""Read a document's text template: words, `{field}`, `{field|substitute}`, `[[ vanishes when a value is null ]]`.

A placeholder is a name or `related.aggregate`. Groups do not nest, and a brace is always a placeholder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from catalog.names import shown

KNOWN_GAPS = "known_gaps"  # the placeholder for what is missing or contradictory about a key

_TOKEN = re.compile(r"\{(?P<insert>[^{}]*)\}|(?P<open>\[\[)|(?P<close>\]\])|(?P<stray>[{}])")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)?")


@dataclass(frozen=True)
class Text:
    """Words as they stand."""

    text: str


@dataclass(frozen=True)
class Insert:
    """A value; `substitute` stands in where there is none (None: no substitute was written)."""

    name: str
    substitute: str | None = None


@dataclass(frozen=True)
class Optional:
    """A passage that vanishes as a whole when a value inside it, without a substitute, is null."""

    segments: tuple[Text | Insert, ...]


Segment: TypeAlias = Text | Insert | Optional


class TemplateFault(ValueError):
    """A template that cannot be read: what is wrong, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what, self.remedy = what, remedy

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}"


def parse(text: str) -> tuple[Segment, ...]:
    """The segments of a template, in order. Raises TemplateFault for unbalanced braces, nested groups and bad names."""
    told: list[Segment] = []
    group: list[Text | Insert] | None = None
    end = 0
    for token in _TOKEN.finditer(text):
        pieces: list[Text | Insert] = [Text(text[end : token.start()])] if token.start() > end else []
        end = token.end()
        if token["stray"]:
            remedy = "A brace begins and ends a placeholder: {field}."
            raise TemplateFault(f"unbalanced '{token['stray']}' in {_near(text, token.start())}", remedy)
        if token["insert"] is not None:
            pieces.append(_insert(token["insert"]))
        if group is None:
            told.extend(pieces)
        else:
            group.extend(pieces)
        if token["open"]:
            if group is not None:
                raise TemplateFault(f"a [[ ]] inside a [[ ]] in {_near(text, token.start())}", "Groups do not nest.")
            group = []
        elif token["close"]:
            if group is None:
                raise TemplateFault(f"unbalanced ']]' in {_near(text, token.start())}", "Open the group with '[['.")
            told.append(Optional(tuple(group)))
            group = None
    if group is not None:
        raise TemplateFault("unbalanced '[['", "Close the group with ']]'.")
    return (*told, Text(text[end:])) if end < len(text) else tuple(told)


def inserted(text: str) -> tuple[str, ...]:
    """The names a template inserts, in order, each once."""
    flat: list[Text | Insert] = []
    for segment in parse(text):
        flat.extend(segment.segments if isinstance(segment, Optional) else (segment,))
    return tuple(dict.fromkeys(one.name for one in flat if isinstance(one, Insert)))


def _insert(inside: str) -> Insert:
    name, bar, substitute = inside.partition("|")
    if not _NAME.fullmatch(name):
        raise TemplateFault(f"{shown(name)} is no name for a placeholder", "Write {field} or {related.aggregate}.")
    return Insert(name, substitute if bar else None)


def _near(text: str, at: int) -> str:
    return shown(text[max(0, at - 15) : at + 15])

"""Read ODCS `authoritativeDefinitions`: the pages by which a dataset or a field is defined outside of its contract.

A definition of the type businessDefinition links what it stands at to the term of the glossary that it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.errors import Problem
from catalog.models import Dataset, Definition, Term
from catalog.names import shown
from catalog.secrets import holds_password
from catalog.yaml_lines import Part

BUSINESS = "businessDefinition"
_NO_URL = re.compile(r"[\s\x00-\x1f\x7f<>]")


def read_definitions(*holders: Part, found: list[Problem]) -> tuple[Definition, ...]:
    """The definitions that stand at these parts of a contract, each once; faults are added to `found`."""
    told: list[Definition] = []
    for at in (one for holder in holders for one in holder.get("authoritativeDefinitions").items()):
        found.extend(_problems(at))
        told.append(Definition(
            url=at.value["url"], type=at.value["type"],
            id=at.get("id").value or "", description=at.get("description").value or "",
        ))  # fmt: skip
    return tuple(dict.fromkeys(told))


def defined_by(term: Term, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """The dataset (with an empty field) and its fields that name `term` as their business definition."""
    if any(_names(one, term) for one in dataset.definitions):
        yield dataset.name, ""
    for field in dataset.fields:
        if any(_names(one, term) for one in field.definitions):
            yield dataset.name, field.name


def url_fault(url: str) -> str | None:
    """None where `url` may be told to readers, else what is wrong with it, as the end of a sentence, and the remedy."""
    if not url or _NO_URL.search(url):
        return f"{shown(url)} is no URL. Write one without spaces, such as https://wiki.example.org/tail-number"
    return "a password stands in the URL. Remove it: definitions are told to readers" if holds_password(url) else None


def _problems(at: Part) -> Iterator[Problem]:
    """What ODCS leaves open; that `url` and `type` are texts was seen before."""
    fault = url_fault(at.value["url"])
    if fault:
        yield at.get("url").problem(f"'url': {fault}.")
    if not at.value["type"].strip():
        yield at.get("type").problem("'type' is empty.", f"Write {BUSINESS}, glossary or tutorial, for example.")


def _names(definition: Definition, term: Term) -> bool:
    same = definition.url == term.url or (term.id and definition.id == term.id)
    return definition.type == BUSINESS and bool(same)

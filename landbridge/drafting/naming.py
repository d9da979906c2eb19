"""Names that Landbridge allows for what a source calls anything: `Order Details` is the dataset `order_details`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping

from catalog.names import SLUG
from catalog.templates import KNOWN_GAPS
from connectors.discovering.words import words

LONGEST_DATASET, LONGEST_FIELD = 60, 120  # room for a number behind the name
RESERVED = {KNOWN_GAPS}


def dataset_names(
    originals: Iterable[str], *, taken: Collection[str] = (), called: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A dataset name for each physical name, each once; the same every time for the same tables.

    `called` are the words for those whose physical name is a path.
    """
    return _named(originals, prefix="table", longest=LONGEST_DATASET, taken=taken, called=called or {})


def field_names(originals: Iterable[str], *, taken: Collection[str] = ()) -> dict[str, str]:
    """A field name for each column, each once, whatever the case of its letters."""
    return _named(originals, prefix="column", longest=LONGEST_FIELD, taken={*taken, *RESERVED}, called={})


def slug(text: str, default: str) -> str:
    """A name for a project or a source."""
    told = _snake(text, default, 60)
    return told if SLUG.fullmatch(told) else default


def title(name: str) -> str:
    """A name as a person writes it: `InvoiceLine` is `Invoice line`; short capitals stay as they are."""
    told = " ".join(words(name))
    if not told:
        return name.strip()
    return name if name.isupper() and len(name) <= 3 else told[:1].upper() + told[1:]


def _named(
    originals: Iterable[str], *, prefix: str, longest: int, taken: Collection[str], called: Mapping[str, str]
) -> dict[str, str]:
    used = {name.casefold() for name in taken}
    named: dict[str, str] = {}
    for original in originals:
        wanted = name = _snake(called.get(original, original), prefix, longest)
        number = 1
        while name in used:
            number += 1
            name = f"{wanted}_{number}"
        used.add(name)
        named[original] = name
    return named


def _snake(original: str, prefix: str, longest: int) -> str:
    """Lower-case words with `_` between; a name in letters we cannot write gets a short mark of its own."""
    told = "_".join(words(original))
    if not told or (not original.isascii() and len(told) < len(original) // 2):
        mark = hashlib.sha256(original.encode()).hexdigest()[:6]
        told = "_".join(filter(None, (prefix, told, mark)))
    if not told[0].isalpha():
        told = f"{prefix}_{told}"
    return told[:longest].rstrip("_")

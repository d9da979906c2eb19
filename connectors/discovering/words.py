"""Take names of tables and columns apart into plain words: `CustomerID` and `customer_id` are the same."""

from __future__ import annotations

import re
import unicodedata

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
     "ð": "d", "þ": "th", "\u0131": "i", "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
)  # fmt: skip
_KEPT = (
    "status",
    "series",
    "news",
    "species",
    "analysis",
    "basis",
    "address",
    "business",
    "process",
    "class",
    "access",
)


def plain(text: str) -> str:
    """Letters without their marks: `Größe` is `Groesse`, `Prénom` is `Prenom`."""
    composed = unicodedata.normalize("NFC", text).translate(_LETTERS)
    decomposed = unicodedata.normalize("NFKD", composed)
    return "".join(one for one in decomposed if not unicodedata.combining(one))


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case; digits stay with the letters before them."""
    spaced = _BOUNDARY.sub(" ", plain(name))
    return tuple(re.findall(r"[a-z0-9]+", spaced.casefold()))


def singular(word: str) -> str:
    """One of what an English plural names; other words stay as they are."""
    if word in _KEPT or len(word) < 4 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word.removesuffix("s")


def one_of(name: str) -> tuple[str, ...]:
    """The words of a table's name for one of its rows: `Order Details` holds an order detail."""
    told = words(name)
    return (*told[:-1], singular(told[-1])) if told else ()


def many(name: str) -> str:
    """A table's name for several of its rows, as a person writes it: `InvoiceLine` holds `Invoice lines`."""
    told = list(one_of(name))
    if not told:
        return name
    last = told[-1]
    if last == words(name)[-1]:  # it was no plural
        last = (
            last[:-1] + "ies"
            if last[-1:] == "y" and last[-2:-1] not in "aeiou"
            else last + ("es" if last[-1:] in "sx" else "s")
        )
    else:
        last = words(name)[-1]
    return " ".join([*told[:-1], last]).capitalize()

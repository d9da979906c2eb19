"""Guess which columns hold personal data, by their names and by what their values look like; in doubt the stricter one.

A guess is never certain: it is written into a contract with its reason, and a person confirms or deletes it. Keys stay
keys: where one is personal it becomes a pseudonym, which still names the same row everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from catalog.models import Classification, LogicalType, Mask
from connectors.discovering.personal_words import (
    ABOUT,
    ACCOUNT,
    ADDRESS,
    ALWAYS,
    BIRTH,
    CARD,
    IDENTITY,
    LOGIN,
    MAIL,
    NAME,
    NEAR_PERSONS,
    NETWORK,
    NOTES,
    OF_PERSONS,
    PAY,
    PERSONS,
    PHONE,
    PICTURE,
    PLACE,
    PLACES,
    POSTCODE,
    SECRET,
    THINGS,
    WHOSE,
    Kind,
)
from connectors.discovering.profiles import MOMENTS, ColumnProfile, TableProfile
from connectors.discovering.words import one_of, words

ENOUGH = 0.6  # share of different values that must look alike
RARE = 0.02  # share of free texts that quote a mail address or a phone number
_MAIL = re.compile(r"[^\s@<>\"(),;:]+@[^\s@<>\"(),;:]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?:\+|00|\()?[0-9][0-9 ()./-]{5,22}[0-9](?: ?(?:x|ext\.?) ?[0-9]{1,6})?")
_SURE_PHONE = re.compile(r"\+[0-9 ()./-]{7,22}|\([0-9]{1,5}\)[0-9 ./-]{5,18}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?")
_SSN = re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_STREET = re.compile(
    r"\b[0-9]+[a-z]?,? .*\b(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|way|court|ct|place|square)\b"
    r"|\b[0-9]+[a-z]?,? .*\b(?:rue|calle)\b"
    r"|(?:str(?:asse|aße|\.)|weg|platz|allee|gasse|straat|gatan|vej|via|rua|calle|avenida|av\.|rue)\b.* [0-9]+",
    re.IGNORECASE,
)
_QUOTED = re.compile(rf"{_MAIL.pattern}|\+[0-9][0-9 ()-]{{8,}}[0-9]")
_TEXTS = (NAME, MAIL, ADDRESS, LOGIN, NOTES, SECRET)  # only text is one of these
_DIGITS = (PHONE, POSTCODE, CARD, ACCOUNT, IDENTITY, NETWORK)  # text, or whole numbers


class Personal(NamedTuple):
    """What a column seems to hold, what to do with it, and why."""

    kind: Kind
    mask: Mask
    evidence: str

    @property
    def classification(self) -> Classification:
        """How far its values may travel."""
        return self.kind.classification


def about_persons(table: TableProfile) -> bool:
    """Whether rows of the table are persons, by its name or because it has first and last names."""
    told = set(one_of(table.name)) | set(words(table.name))
    if told & PERSONS:
        return True
    return any("".join(words(column.name)) in OF_PERSONS for column in table.columns)


def personal(column: ColumnProfile, table: TableProfile, kind: LogicalType, *, keyed: bool = False) -> Personal | None:
    """The guess about one column that is read as `kind`; `keyed`: it is part of a key, or names another table's row."""
    if kind in ("boolean", "time"):
        return None
    told = words(column.name)
    values = [text for text in column.values if text.strip()]
    named = _named(told, table)
    if named is not None and not _possible(named, column, kind):
        named = None
    if keyed and kind != "string" and named not in (IDENTITY, CARD, ACCOUNT):
        return None  # a number that counts rows
    seen = _seen(values, kind, told)
    found = seen if named is None or (seen is not None and seen.classification > named.classification) else named
    if found is None:
        return None
    mask: Mask = "pseudonym" if keyed else found.mask
    if mask == "year" and kind not in ("date", "timestamp") and not _holds_years(values):
        mask = "redact"
    count = sum(1 for text in values if _LOOKS[found](text)) if found in _LOOKS else 0
    reasons = ["its name"] if named is found else []
    reasons += [f"{count} of {len(values)} different values"] if count else []
    return Personal(found, mask, " and ".join(reasons) or "texts that quote mail addresses or phone numbers")


def _named(told: Sequence[str], table: TableProfile) -> Kind | None:
    """What the name says."""
    always = _of_name(told, ALWAYS)
    places = set(one_of(table.name)) & PLACES
    if always in (ADDRESS, PHONE, MAIL) and places and not about_persons(table):
        return None
    if always is not None:
        return always
    near = _of_name(told, NEAR_PERSONS)
    if near is None:
        return None
    if near is POSTCODE:
        with_address = any(_of_name(words(one.name), ALWAYS) is ADDRESS for one in table.columns)
        return near if with_address and (not places or about_persons(table)) else None
    return near if about_persons(table) else None


def _of_name(told: Sequence[str], known: Iterable[tuple[Kind, frozenset[str]]]) -> Kind | None:
    if not told or (told[-1] in ABOUT and "".join(told) not in _KNOWN and "".join(told[-2:]) not in _KNOWN):
        return None
    for start in range(len(told)):
        if start and not set(told[:start]) <= WHOSE:
            break
        if start and told[:start] and set(told[:start]) & THINGS and told[start:] == ("name",):
            return None  # company_name
        rest = "".join(told[start:])
        bare = rest.rstrip("0123456789")
        for kind, names in known:
            if rest in names or bare in names:
                return kind
    return None


_KNOWN = {name for _, names in (*ALWAYS, *NEAR_PERSONS) for name in names}


def _possible(kind: Kind, column: ColumnProfile, type_: LogicalType) -> bool:
    """Whether a column of this type can be that at all."""
    if kind in _TEXTS:
        return type_ == "string"
    if kind in _DIGITS:
        return type_ in ("string", "integer")
    if kind is BIRTH:
        return type_ in ("string", "integer", "date", "timestamp")
    if kind is PAY:
        return type_ in ("integer", "number", "string")
    if kind is PLACE:
        return type_ in ("number", "string")
    if kind is PICTURE:
        return type_ == "string"
    return column.family not in MOMENTS


def _seen(values: Sequence[str], kind: LogicalType, told: Sequence[str]) -> Kind | None:
    """What most of the values look like, whatever the name says."""
    if kind not in ("string", "integer") or not values:
        return None
    for found in (MAIL, ACCOUNT, IDENTITY, CARD, NETWORK, PHONE, ADDRESS):
        if kind == "integer" and found is not CARD:
            continue
        looks = _SURE_PHONE.fullmatch if found is PHONE else _LOOKS[found]
        if sum(1 for text in values if looks(text)) >= max(ENOUGH * len(values), 1):
            if found is NETWORK and "version" in told:
                continue
            return found
    quoting = sum(1 for text in values if _QUOTED.search(text))
    return NOTES if quoting and quoting >= RARE * len(values) else None


def _holds_years(values: Sequence[str]) -> bool:
    return all(re.search(r"[0-9]{4}", text) for text in values)


def is_iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616)."""
    told = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(told):
        return False
    return int("".join(str(int(sign, 36)) for sign in told[4:] + told[:4])) % 97 == 1


def is_card(text: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812), and its first digits are a card's."""
    told = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"(?:3[0-9]|4[0-9]|5[0-9]|6[0-9]|2[2-7])[0-9]{10,17}", told):
        return False
    doubled = [int(sign) * 2 if at % 2 else int(sign) for at, sign in enumerate(reversed(told))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def is_phone(text: str) -> bool:
    """Whether a text can be a phone number: 6 to 15 digits with the usual signs between."""
    return bool(_PHONE.fullmatch(text.strip())) and 6 <= sum(sign.isdigit() for sign in text) <= 20


_LOOKS: dict[Kind, Callable[[str], object]] = {
    MAIL: lambda text: _MAIL.fullmatch(text.strip()),
    PHONE: is_phone,
    ACCOUNT: is_iban,
    CARD: is_card,
    IDENTITY: lambda text: _SSN.fullmatch(text.strip()),
    NETWORK: lambda text: _IPV4.fullmatch(text.strip()),
    ADDRESS: _STREET.search,
}

"""Tell what became of the fields of a contract: gone, renamed, of another type or meaning, seen by more or by fewer."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.change import Access, Change, ChangeKind, as_text, moved, plain
from catalog.models import BlobPolicy, Dataset, Field, Mask

_MEANING = {  # what a value says, and in which shape: the same text would be another fact
    "unit": "unit", "zone": "time zone", "format": "format", "scale": "decimals", "combine": "combination",
    "decimal_comma": "decimal comma",
}  # fmt: skip
_READING = ("physical_name", "physical_type", "null_values", "start", "length")
_DESCRIBED = {  # attribute: what changes
    "title": "the title of",
    "description": "the description of",
    "definitions": "the definitions of",
    "labelled": "whether the contract itself classifies",
}
_JUDGED = {  # by a function of their own; `unique` is a rule
    "name", "type", "required", "unique", "key_position", "classification", "personal", "mask", "blob",
    "on_bad_value", "expected", "place",
}  # fmt: skip
# how much a mask hides; two of one rank show different parts of a value
HIDES: dict[Mask | None, int] = {None: 0, "last4": 1, "year": 1, "pseudonym": 2, "redact": 3, "drop": 4}
_GIVES: dict[BlobPolicy, int] = {"skip": 0, "hash": 1, "extract": 2}


def renames(before: Dataset, after: Dataset) -> dict[str, str]:
    """Old names to new ones: of two fields that read the same column, where only one name is in each contract."""
    old, new = ({field.name: field for field in dataset.fields} for dataset in (before, after))
    gone = {field.physical_name: name for name, field in old.items() if name not in new and field.combine is None}
    come = {field.physical_name: name for name, field in new.items() if name not in old and field.combine is None}
    return {name: come[column] for column, name in gone.items() if column in come}


def field_changes(before: Dataset, after: Dataset, *, renamed: dict[str, str]) -> Iterator[Change]:
    """What became of each field, in the order of the old contract; new ones follow."""
    new = {field.name: field for field in after.fields}
    for field in before.fields:
        name = renamed.get(field.name, field.name)
        if name not in new:
            sentence = f"the field '{field.name}' ({field.type}) is removed."
            yield Change(kind="field_removed", subject=field.name, before=field.type, breaking=True,
                         sentence=sentence, place=after.place)  # fmt: skip
        else:
            yield from _field_change(field, new[name])
    known = {renamed.get(field.name, field.name) for field in before.fields}
    for field in after.fields:
        if field.name not in known:
            sentence = f"the field '{field.name}' ({field.type}) is added."
            yield _change("field_added", field, None, field.type, sentence)


def _field_change(was: Field, now: Field) -> Iterator[Change]:
    if was.name != now.name:
        sentence = f"the field '{was.name}' is now called '{now.name}'."
        yield _change("field_renamed", now, was.name, now.name, sentence, breaking=True)
    if was.type != now.type:
        sentence = f"the type of '{now.name}' changes from {was.type} to {now.type}."
        yield _change("type_changed", now, was.type, now.type, sentence, breaking=True)
    yield from _requirement(was, now)
    for name, word in _meanings().items():
        if plain(getattr(was, name)) != plain(getattr(now, name)):
            before, after = as_text(getattr(was, name)), as_text(getattr(now, name))
            sentence = f"the {word} of '{now.name}' changes {moved(before, after)}: its values mean something else."
            yield _change("meaning_changed", now, before, after, sentence, breaking=True)
    yield from _access(was, now)
    yield from _blob(was, now)
    yield from _promises(was, now)
    yield from _told_only(was, now)


def _meanings() -> dict[str, str]:
    """Attributes that change what a value says, with a word for each; one that nobody judged is taken for such."""
    others = set(Field.model_fields) - {*_MEANING, *_READING, *_DESCRIBED, *_JUDGED}
    return _MEANING | {name: name.replace("_", " ") for name in sorted(others)}


def _requirement(was: Field, now: Field) -> Iterator[Change]:
    before, after = (field.required or field.key_position is not None for field in (was, now))
    if before and not after:
        sentence = f"'{now.name}' is no longer required: readers may meet null."
        yield _change("made_optional", now, "required", "optional", sentence, breaking=True)
    elif after and not before:
        sentence = f"'{now.name}' is now required."
        yield _change("made_required", now, "optional", "required", sentence)


def _access(was: Field, now: Field) -> Iterator[Change]:
    """Who may see the values, and how much of them."""
    before, after = was.classification, now.classification
    if after != before:
        lower = after < before
        sentence = f"'{now.name}' is {after.name} instead of {before.name}: {'more' if lower else 'fewer'} may see it."
        yield _change("classification_lowered" if lower else "classification_raised", now, before.name, after.name,
                      sentence, access="widened" if lower else "narrowed")  # fmt: skip
    if was.mask != now.mask:
        weaker = HIDES[now.mask] <= HIDES[was.mask]  # of two that show different parts, the new part is news
        sentence = f"the mask of '{now.name}' changes {moved(was.mask, now.mask)}"
        sentence += ": it shows what it did not before." if weaker else ": it shows less."
        yield _change("mask_weakened" if weaker else "mask_strengthened", now, was.mask, now.mask, sentence,
                      breaking=weaker, access="widened" if weaker else "narrowed")  # fmt: skip
    if was.personal != now.personal:
        kind: ChangeKind = "personal_marked" if now.personal else "personal_unmarked"
        sentence = f"'{now.name}' is {'now' if now.personal else 'no longer'} marked as personal data."
        yield _change(kind, now, as_text(was.personal), as_text(now.personal), sentence,
                      access="narrowed" if now.personal else "widened")  # fmt: skip


def _blob(was: Field, now: Field) -> Iterator[Change]:
    if was.blob == now.blob:
        return
    more = _GIVES[now.blob] > _GIVES[was.blob]
    sentence = f"of the binary values of '{now.name}' readers get {now.blob} instead of {was.blob}."
    yield _change("meaning_changed", now, was.blob, now.blob, sentence, breaking=True,
                  access="widened" if more else "narrowed")  # fmt: skip


def _promises(was: Field, now: Field) -> Iterator[Change]:
    """What becomes of a bad value, and whether the absence of a value is told."""
    if was.on_bad_value != now.on_bad_value:
        looser = now.on_bad_value == "discard_value"
        means = "a null may hide a bad value" if looser else "no row with a bad value is served"
        sentence = f"a bad value of '{now.name}' means {now.on_bad_value} instead of {was.on_bad_value}: {means}."
        yield _change("value_loosened" if looser else "value_tightened", now, was.on_bad_value, now.on_bad_value,
                      sentence, breaking=looser)  # fmt: skip
    if was.expected != now.expected:
        looser = was.expected
        sentence = f"the absence of '{now.name}' is {'no longer' if looser else 'now'} told as a known gap."
        yield _change("value_loosened" if looser else "value_tightened", now, as_text(was.expected),
                      as_text(now.expected), sentence, breaking=looser)  # fmt: skip


def _told_only(was: Field, now: Field) -> Iterator[Change]:
    """Differences that no reader of the values notices."""
    reading = [name for name in _READING if getattr(was, name) != getattr(now, name)]
    for name in reading:
        before, after = as_text(getattr(was, name)), as_text(getattr(now, name))
        sentence = f"'{now.name}' is read in another way: {name} {moved(before, after)}."
        yield _change("reading_changed", now, before, after, sentence)
    for name, what in _DESCRIBED.items():
        if getattr(was, name) != getattr(now, name):
            before, after = (as_text(told) if (told := getattr(one, name)) else None for one in (was, now))
            yield _change("described", now, before, after, f"{what} '{now.name}' changes.")


def _change(
    kind: ChangeKind, field: Field, before: str | None, after: str | None, sentence: str, *,
    breaking: bool = False, access: Access = "same",
) -> Change:  # fmt: skip
    return Change(kind=kind, subject=field.name, before=before, after=after, breaking=breaking, access=access,
                  sentence=sentence, place=field.place)  # fmt: skip

"""Compare two contracts of one dataset: every difference once, and which of them break those who read the dataset.

Access that narrows is told and never counted as breaking: to hold it would keep showing what may no longer be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from catalog.change import Access, Change, ChangeKind, as_text, canonical, moved, plain
from catalog.field_changes import field_changes, renames
from catalog.models import Dataset, DocumentTemplate
from catalog.rule_changes import gap_rule_changes, rule_changes

__all__ = ["Change", "changes"]

_DESCRIBED = ("title", "description", "domain", "owner", "status", "granularity", "promises", "definitions")
_READING = ("source", "physical_name", "query", "incremental", "files", "drift", "deletion_threshold", "volume")
_JUDGED = {  # by a function of their own, or no part of what is promised
    "name", "version", "fields", "rules", "relations", "gap_rules", "documents", "keep", "roles", "freshness",
    "field_freshness", "quarantine_threshold", "fingerprint", "place",
}  # fmt: skip
_GROUPING = ("by", "only_missing_in")  # of a template: which documents there are


def changes(before: Dataset, after: Dataset) -> list[Change]:
    """Every difference, fields first; the name, the version, the fingerprint and the places are none."""
    renamed = renames(before, after)
    return [
        *field_changes(before, after, renamed=renamed),
        *_key(before, after, renamed),
        *_roles(before, after),
        *_scope(before, after, renamed),
        *rule_changes(before, after, renamed=renamed),
        *gap_rule_changes(before, after, renamed=renamed),
        *_relations(before, after, renamed),
        *_documents(before, after),
        *_freshness(before, after, renamed),
        *_threshold(before, after),
        *_told_only(before, after),
        *_unjudged(before, after),
    ]


def _change(
    kind: ChangeKind, after: Dataset, values: tuple[object, object], sentence: str, *,
    breaking: bool = False, access: Access = "same",
) -> Change:  # fmt: skip
    first, then = (as_text(value) for value in values)
    return Change(kind=kind, before=first, after=then, breaking=breaking, access=access, sentence=sentence,
                  place=after.place)  # fmt: skip


def _key(before: Dataset, after: Dataset, renamed: Mapping[str, str]) -> Iterator[Change]:
    was, now = tuple(renamed.get(name, name) for name in before.key), after.key
    if was != now:
        sentence = f"the primary key changes from {', '.join(before.key)} to {', '.join(now)}: records are named anew."
        yield _change("key_changed", after, (before.key, now), sentence, breaking=True)


def _roles(before: Dataset, after: Dataset) -> Iterator[Change]:
    """Who may read. Without roles it is everybody with the clearance."""
    was, now = set(before.roles), set(after.roles)
    values = (before.roles, after.roles)
    come, gone = sorted(now - was), sorted(was - now)
    if was and (come or not now):
        whom = ", ".join(come) if now else "everybody with the clearance"
        sentence = f"the dataset is now also for {whom}."
        yield _change("roles_widened", after, values, sentence, breaking=True, access="widened")
    if now and (gone or not was):
        whom = ", ".join(gone) if was else f"everybody, only for {', '.join(come)}"
        sentence = f"the dataset is no longer for {whom}."
        yield _change("roles_narrowed", after, values, sentence, access="narrowed")


def _scope(before: Dataset, after: Dataset, renamed: Mapping[str, str]) -> Iterator[Change]:
    was = {renamed.get(name, name): values for name, values in before.keep.items()}
    for name in sorted({*was, *after.keep}):
        old, new = (_kept(keep, name) for keep in (was, after.keep))
        if old != new:
            told = moved(
                *("every row" if one is None else f"rows with {', '.join(one) or 'none'}" for one in (old, new))
            )
            sentence = f"the scope by '{name}' changes {told}."
            change = _change("scope_changed", after, (old, new), sentence, breaking=True)
            yield change.model_copy(update={"subject": name})


def _kept(keep: Mapping[str, tuple[str, ...]], name: str) -> list[str] | None:
    return sorted(set(keep[name])) if name in keep else None


def _relations(before: Dataset, after: Dataset, renamed: Mapping[str, str]) -> Iterator[Change]:
    """References to other datasets, which readers follow."""
    old = {
        (tuple(renamed.get(name, name) for name in one.fields), one.to_dataset, one.to_fields)
        for one in before.relations
    }
    new = {(one.fields, one.to_dataset, one.to_fields): one for one in after.relations}
    for fields, dataset, theirs in sorted(old - set(new)):
        told = f"{', '.join(fields)} -> {dataset}.{', '.join(theirs)}"
        yield Change(kind="relation_removed", subject=fields[0], before=told, breaking=True,
                     sentence=f"the reference {told} is removed.", place=after.place)  # fmt: skip
    for (fields, dataset, theirs), one in new.items():
        if (fields, dataset, theirs) not in old:
            told = f"{', '.join(fields)} -> {dataset}.{', '.join(theirs)}"
            yield Change(kind="relation_added", subject=fields[0], after=told,
                         sentence=f"the reference {told} is added.", place=one.place)  # fmt: skip


def _documents(before: Dataset, after: Dataset) -> Iterator[Change]:
    old, new = ({one.name: one for one in dataset.documents} for dataset in (before, after))
    for name, template in old.items():
        if name not in new:
            yield Change(kind="document_removed", subject=name, before=template.title, breaking=True,
                         sentence=f"the document '{name}' is removed.", place=after.place)  # fmt: skip
        else:
            yield from _document(template, new[name])
    for name, template in new.items():
        if name not in old:
            yield Change(kind="document_added", subject=name, after=template.title,
                         sentence=f"the document '{name}' is added.", place=template.place)  # fmt: skip


def _document(was: DocumentTemplate, now: DocumentTemplate) -> Iterator[Change]:
    old, new = plain(was), plain(now)
    for name in (one for one in old if canonical(old[one]) != canonical(new[one])):
        regrouped, before, after = name in _GROUPING, as_text(old[name]), as_text(new[name])
        sentence = f"the document '{now.name}' changes its {name.replace('_', ' ')}"
        sentence += f" {moved(before, after)}: other documents take its place." if regrouped else "."
        yield Change(kind="document_regrouped" if regrouped else "document_reworded", subject=now.name, before=before,
                     after=after, breaking=regrouped, sentence=sentence, place=now.place)  # fmt: skip


def _freshness(before: Dataset, after: Dataset, renamed: Mapping[str, str]) -> Iterator[Change]:
    """Of the source's read, and of each field with a promise of its own."""
    old = {renamed.get(one.field, one.field): one.max_age for one in before.field_freshness}
    new = {one.field: one.max_age for one in after.field_freshness}
    pairs = [("", before.freshness, after.freshness)]
    pairs += [(f" of '{name}'", old.get(name), new.get(name)) for name in sorted({*old, *new})]
    for of, was, now in pairs:
        if was == now:
            continue
        looser = was is not None and (now is None or now > was)
        told = moved(as_text(was), as_text(now))
        kind: ChangeKind = "freshness_loosened" if looser else "freshness_tightened"
        yield _change(kind, after, (was, now), f"the promised freshness{of} changes {told}.", breaking=looser)


def _threshold(before: Dataset, after: Dataset) -> Iterator[Change]:
    was, now = before.quarantine_threshold, after.quarantine_threshold
    if was != now:
        sentence = f"the dataset is held when {now:.2%} of its rows are in quarantine, not {was:.2%}."
        kind: ChangeKind = "threshold_raised" if now > was else "threshold_lowered"
        yield _change(kind, after, (was, now), sentence, breaking=now > was)


def _told_only(before: Dataset, after: Dataset) -> Iterator[Change]:
    """Differences that no reader of the values notices."""
    for kind, names in (("reading_changed", _READING), ("described", _DESCRIBED)):
        for name in names:
            was, now = getattr(before, name), getattr(after, name)
            if plain(was) != plain(now):
                told = f" {moved(as_text(was), as_text(now))}" if kind == "reading_changed" else ""
                sentence = f"the {name.replace('_', ' ')} of the dataset changes{told}."
                yield _change("reading_changed" if told else "described", after, (was, now), sentence)


def _unjudged(before: Dataset, after: Dataset) -> Iterator[Change]:
    """Parts of a contract that nobody said are harmless."""
    for name in sorted(set(Dataset.model_fields) - {*_JUDGED, *_DESCRIBED, *_READING}):
        was, now = getattr(before, name), getattr(after, name)
        if canonical(was) != canonical(now):
            sentence = f"the {name.replace('_', ' ')} of the dataset changes {moved(as_text(was), as_text(now))}."
            yield _change("meaning_changed", after, (was, now), sentence, breaking=True)

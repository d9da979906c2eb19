"""A first document for each dataset: a row told in sentences, with the readable names of what it refers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.discovering.personal import about_persons
from connectors.discovering.words import many, one_of, words
from landbridge.drafting.datasets import DraftDataset, DraftField, DraftRelation
from landbridge.drafting.naming import title

TOLD = 60  # fields told of one row; more make a text that no question finds
LONG = 500  # characters; longer texts stand at the end
COUNTED = 5  # other datasets whose rows are counted
FURTHER = 2  # names that are borrowed through a parent, for each parent
LISTED = 30  # names of the other side that a row of a link table's document lists
FILLED = 0.8  # share of rows that have a readable name, at least
NAMES = ("name", "title", "label", "subject", "description")
NOT_NAMES = {"file", "path", "host", "user", "login", "contact", "table", "job", "type", "courtesy", "note", "notes"}


@dataclass
class _Telling:
    """What a document borrows, and what it tells of each reference."""

    lookups: list[dict[str, Any]] = field(default_factory=list)
    parents: list[tuple[str, str]] = field(default_factory=list)  # (label, placeholder)
    instead: dict[str, str] = field(default_factory=dict)  # our field -> the readable name borrowed for it


def template(draft: DraftDataset, drafts: Mapping[str, DraftDataset]) -> dict[str, Any]:
    """The value of `landbridge.documents` for one dataset: one template over every row."""
    telling = _borrowed(draft, drafts)
    if is_link(draft):
        return _link_template(draft, drafts, telling)
    related = list(_related(draft, drafts))
    told: dict[str, Any] = {
        "name": "_".join(one_of(draft.table.name)).strip("_")[:60] or draft.name,
        "title": _title(draft, telling),
        "text": _text(draft, telling, related),
    }
    if not told["name"][:1].isalpha():  # a name in letters that no template may have
        told["name"] = draft.name
    if telling.lookups:
        told["lookups"] = telling.lookups
    if related:
        told["related"] = [one for _, one in related]
    return told


def is_link(draft: DraftDataset) -> bool:
    """Whether rows only say that a row of one table belongs to a row of another, and nothing about it."""
    sides = [relation for relation in draft.relations if len(relation.fields) == 1 and relation.comparable]
    linked = {relation.fields[0] for relation in sides}
    return len(draft.fields) == len(draft.key) == len(linked) == len(sides) == 2


def _link_template(draft: DraftDataset, drafts: Mapping[str, DraftDataset], telling: _Telling) -> dict[str, Any]:
    """One document for each row of the side that has more of them, with a list of what it belongs to."""
    one, other = sorted(draft.key, key=lambda side: (-side.column.distinct, side.name))
    name, theirs = telling.instead.get(one.name), telling.instead.get(other.name, other.name)
    names = set(telling.instead.values())
    role, roles = _role_of(one.name, draft), many(_role_of(other.name, draft))
    subject = f"{{{name}|{one.name.replace('_', ' ')} unknown}}" if name else f"{{{one.name}}}"
    own = f"{title(role)} {subject}" + (f" ({_label(one).lower()} {{{one.name}}})" if name else "")
    return {
        "name": "_".join(one_of(draft.table.name))[:60] or draft.name,
        "title": f"{roles} of the {title(role).lower()} {subject}",
        "text": f"{own} has {{rows}} {roles.lower()}[[: {{others}}]]. {{known_gaps}}",
        "by": [one.name],
        "lookups": [
            {**lookup, "fields": {new: old for new, old in lookup["fields"].items() if new in names}}
            for lookup in telling.lookups
            if set(lookup["fields"]) & names
        ],
        "aggregates": [
            {"name": "rows", "function": "count"},
            {"name": "others", "function": "top", "field": theirs, "limit": LISTED},
        ],
    }  # fmt: skip


def _role_of(field_name: str, draft: DraftDataset) -> str:
    relation = next(one for one in draft.relations if one.fields == (field_name,))
    return _role(relation, draft)


def readable(draft: DraftDataset) -> DraftField | None:
    """The field by which a person would call a row; None where no field that is open to all does."""
    referring = {name for relation in draft.relations for name in relation.fields}
    able = [one for one in draft.fields if one.name not in referring and _is_open(one) and _name_rank(one, draft) < 9]
    return min(able, key=lambda one: _name_rank(one, draft), default=None)


def _is_open(one: DraftField) -> bool:
    if one.masked or one.read.binary or one.read.type != "string" or one.column.longest > 200:
        return False
    return not one.column.rows or one.column.nulls <= (1 - FILLED) * one.column.rows


def _name_rank(one: DraftField, draft: DraftDataset) -> int:
    """0 for `name`, up to 8 for names that only may be meant; 9 for others."""
    told, own = words(one.column.name), one_of(draft.table.name)
    if not told or set(told) & NOT_NAMES or (told[-1] == "title" and about_persons(draft.table)):
        return 9
    if told[-1] not in NAMES and not told[-1].endswith(("name", "bezeichnung", "titel")):
        return 9
    if told == ("name",) or told == (*own, "name") or told == (*own[-1:], "name"):
        return 0
    place = NAMES.index(told[-1]) if told[-1] in NAMES else 0
    if told[-1] == "description" and one.column.longest > 80:
        return 9
    return 1 + place + (0 if len(told) == 1 or told[: len(own)] == own else 2)


def _borrowed(draft: DraftDataset, drafts: Mapping[str, DraftDataset]) -> _Telling:
    """Lookups to each parent's readable name, and to the names of what the parent refers to."""
    telling = _Telling()
    taken = {one.name for one in draft.fields}
    for relation in draft.relations:
        parent = drafts.get(relation.dataset)
        if parent is None or not relation.comparable:
            continue
        role = _role(relation, draft)
        fields: dict[str, str] = {}
        further: list[dict[str, Any]] = []
        name = readable(parent)
        if name is not None:
            new = _free(_joined(role, name.name), taken)
            fields[new] = name.name
            telling.parents.append((role.replace("_", " "), f"{{{new}}}"))
            if len(relation.fields) == 1:
                telling.instead[relation.fields[0]] = new
        if parent.name != draft.name:
            further = _further(parent, draft, drafts, role, fields, telling, taken)
        if fields:
            on = dict(zip(relation.fields, relation.to_fields, strict=True))
            telling.lookups += [{"dataset": parent.name, "on": on, "fields": fields}, *further]
    return telling


def _further(
    parent: DraftDataset, draft: DraftDataset, drafts: Mapping[str, DraftDataset], role: str, fields: dict[str, str],
    telling: _Telling, taken: set[str],
) -> list[dict[str, Any]]:  # fmt: skip
    """Lookups one step further: the artist of a track's album. What the row refers to itself is not told twice."""
    told: list[dict[str, Any]] = []
    own = {relation.dataset for relation in draft.relations} | {draft.name}
    for relation in parent.relations:
        other = drafts.get(relation.dataset)
        if other is None or relation.dataset in own or not relation.comparable or len(relation.fields) != 1:
            continue
        name = readable(other)
        if name is None or next(one for one in parent.fields if one.name == relation.fields[0]).masked:
            continue
        if len(told) == FURTHER:
            break
        link = _free(f"{role}_{relation.fields[0]}", taken)
        theirs = _role(relation, parent)
        new = _free(f"{role}_{_joined(theirs, name.name)}", taken)
        fields[link] = relation.fields[0]
        told.append({"dataset": other.name, "on": {link: relation.to_fields[0]}, "fields": {new: name.name}})
        label = f"{theirs} of the {role}".replace("_", " ")
        telling.parents.append((label, f"{{{new}}}"))
    return told


def _role(relation: DraftRelation, draft: DraftDataset) -> str:
    """What the parent is to the row: `album_id` is the album, `ship_via` stays as it is."""
    if len(relation.fields) > 1:
        return relation.dataset
    column = next(one.column.name for one in draft.fields if one.name == relation.fields[0])
    told = list(words(column))
    while len(told) > 1 and told[-1] in ("id", "key", "code", "no", "nr", "fk"):
        told.pop()
    return "_".join(told) or relation.fields[0]


def _joined(role: str, name: str) -> str:
    """`album_title`; not `category_category_name`."""
    return name if name.startswith(f"{role}_") else f"{role}_{name}"


def _free(name: str, taken: set[str]) -> str:
    told, number = name, 1
    while told in taken:
        number += 1
        told = f"{name}_{number}"
    taken.add(told)
    return told


def _title(draft: DraftDataset, telling: _Telling) -> str:
    kind = _kind(draft)
    name = readable(draft)
    if name is not None:
        return f"{kind} {_named(name)}"
    parts = [
        f"{{{telling.instead[one.name]}|{_label(one).lower()} unknown}}"
        if one.name in telling.instead
        else f"{{{one.name}}}"
        for one in draft.key
    ]
    return f"{kind} {' / '.join(parts)}"


def _text(draft: DraftDataset, telling: _Telling, related: Sequence[tuple[str, dict[str, Any]]]) -> str:
    kind = _kind(draft)
    name = readable(draft)
    key = ", ".join(f"{_label(one).lower()} {{{one.name}}}" for one in draft.key)
    whole = name is not None and draft.key == (name,)
    first = f"{kind} {_named(name)}" if name else f"{kind} with {key}"
    first += f" ({key})" if name and not whole else ""
    first += "".join(f"[[, {label} {place}]]" for label, place in telling.parents)
    sentences = [f"{first}."]
    keyed = {one.name for one in draft.key}
    facts = [
        one
        for one in draft.fields
        if one.name not in keyed and one is not name and one.name not in telling.instead
        and not one.masked and not one.read.binary
    ]  # fmt: skip
    facts = sorted(facts[:TOLD], key=lambda one: one.column.longest > LONG)
    for one in facts:
        told = f"{_label(one)}: {{{one.name}}}."
        sentences.append(f" {told}" if one.required else f"[[ {told}]]")
    sentences += [f" {label}: {{{one['name']}.count}}." for label, one in related]
    return "".join(sentences) + " {known_gaps}"


def _named(name: DraftField) -> str:
    """The readable name, which some row may lack."""
    return f"{{{name.name}}}" if name.required else f"{{{name.name}|without a {words(name.column.name)[-1]}}}"


def _label(one: DraftField) -> str:
    return _safe(title(one.column.name))


def _kind(draft: DraftDataset) -> str:
    """What one row is."""
    told = " ".join(one_of(draft.table.name)) or _safe(title(draft.table.name))
    return told[:1].upper() + told[1:]


def _safe(text: str) -> str:
    """Words without the signs that mean something in a template."""
    return text.replace("{", "(").replace("}", ")").replace("[", "(").replace("]", ")")


def _related(draft: DraftDataset, drafts: Mapping[str, DraftDataset]) -> list[tuple[str, dict[str, Any]]]:
    """The datasets whose rows refer to this one, to be counted."""
    told: list[tuple[str, dict[str, Any]]] = []
    for other in sorted(drafts.values(), key=lambda one: one.name):
        facing = [one for one in other.relations if one.dataset == draft.name and one.comparable]
        for relation in facing:
            alone = len(facing) == 1 and other.name != draft.name
            name = other.name if alone else "_".join((other.name, *relation.fields))[:120]
            label = _safe(many(other.table.name))
            label += "" if alone else f" by {' and '.join(relation.fields).replace('_', ' ')}"
            on = dict(zip(relation.to_fields, relation.fields, strict=True))
            told.append((label, {
                "name": name, "dataset": other.name, "on": on, "aggregates": [{"name": "count", "function": "count"}],
            }))  # fmt: skip
    return told[:COUNTED]

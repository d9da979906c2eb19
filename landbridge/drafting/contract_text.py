"""The text of one contract: ODCS in YAML, with a comment at everything that was guessed and not declared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.discovering.words import one_of, words
from landbridge.drafting.datasets import DraftDataset, DraftField, DraftRelation
from landbridge.drafting.naming import title
from landbridge.drafting.telling import template
from landbridge.drafting.yaml_text import WIDTH, entry, flow, remark, scalar

VERSION = "v3.1.0"
HEAD = (
    "Drafted from the source by `landbridge init`. A comment that begins with `guess` or `suggestion` marks what the "
    "source does not declare: confirm it or correct it, then delete the comment. This file is yours: a later `init` "
    "only adds to it, and only with --write."
)
LOCAL = (
    "guess: moments without a zone are read as UTC; where the clock is local, add logicalTypeOptions: "
    "{defaultTimezone: Europe/Berlin}"
)
CHANGED = ("modified", "updated", "changed", "lastupdate", "lastmodified", "modifieddate", "updatedate", "rowversion",
           "geaendert", "aenderungsdatum", "modification", "edited", "touched")  # fmt: skip
DAILY, WEEKLY = timedelta(days=2), timedelta(days=8)  # how new the newest change must be, to speak for a rhythm


def contract(
    draft: DraftDataset, drafts: Mapping[str, DraftDataset], *, source: str, project: str, now: datetime
) -> str:
    """The whole file."""
    table = draft.table
    lines = [
        *remark(HEAD),
        f"apiVersion: {VERSION}",
        "kind: DataContract",
        f"id: {scalar(f'{project}.{draft.name}')}",
        f"name: {scalar(draft.name)}",
        "version: 1.0.0",
        "status: draft",
        "description:",
        *entry("purpose", table.comment or f"{title(table.name)} of the source {source}.", indent=2,
               comment="" if table.comment else "the source says nothing about it"),
        *_freshness(draft, now),
        "customProperties:",
        f"  - {flow({'property': 'landbridge.source', 'value': source})}",
        *_watermark(draft),
        *_documents(template(draft, drafts)),
        *_gaps(draft),
        "schema:",
        f"  - name: {scalar(draft.name)}",
        *entry("physicalName", table.below or table.physical_name, indent=4),
        *entry("businessName", title(table.name), indent=4),
        f"    dataGranularityDescription: {scalar(f'One row per {_key_words(draft)}.')}",
        *_key_remarks(draft),
        *_composite(draft),
        "    properties:",
    ]  # fmt: skip
    local = next((one for one in draft.fields if one.read.type == "timestamp" and not _is_zoned(one)), None)
    for one in draft.fields:
        lines += remark(LOCAL, indent=6) if one is local else []
        lines += property_lines(one, draft)
    return "\n".join(lines) + "\n"


def property_lines(one: DraftField, draft: DraftDataset, *, indent: int = 6) -> list[str]:
    """One property as an entry of `properties`."""
    pad, inner = " " * indent, indent + 2
    lines = [f"{pad}- name: {scalar(one.name)}"]
    lines += entry("physicalName", one.column.name, indent=inner) if one.column.name != one.name else []
    lines += entry("businessName", title(one.column.name), indent=inner)
    lines += entry("description", one.column.comment, indent=inner) if one.column.comment else []
    lines += entry(
        "logicalType", one.read.type, indent=inner, comment=f"guess: {one.read.note}" if one.read.note else ""
    )
    lines += entry("physicalType", one.column.declared, indent=inner) if one.column.declared else []
    if one.read.format:
        lines.append(f"{' ' * inner}logicalTypeOptions: {flow({'format': one.read.format})}")
    if one.column.allowed and one.read.type == "string":
        lines += [
            "  " * (inner // 2) + "enum:",
            *(f"{' ' * inner}  - {flow({'value': v})}" for v in one.column.allowed),
        ]
    if one.key_position:
        lines += [f"{' ' * inner}primaryKey: true", f"{' ' * inner}primaryKeyPosition: {one.key_position}"]
    lines += [f"{' ' * inner}required: true"] if one.required else []
    lines += [f"{' ' * inner}unique: true"] if one.unique else []
    lines += _labels(one, inner)
    lines += _relationships(one, draft, inner)
    custom = list(_custom(one))
    if custom:
        lines.append(f"{' ' * inner}customProperties:")
        for name, value in custom:
            lines.append(f"{' ' * inner}  - {flow({'property': f'landbridge.{name}', 'value': value})}")
    return lines


def _is_zoned(one: DraftField) -> bool:
    """Whether the declaration says that moments carry a zone."""
    told = one.column.declared
    return "with time zone" in told or told.startswith(("timestamptz", "datetimeoffset"))


def _labels(one: DraftField, indent: int) -> list[str]:
    if one.guess is None:
        return [f"{' ' * indent}classification: internal"]
    comment = f"guess: {one.guess.kind.name}, by {one.guess.evidence}"
    return [
        *entry("classification", one.guess.classification.name, indent=indent, comment=comment),
        f"{' ' * indent}tags: [personal]",
    ]


def _custom(one: DraftField) -> list[tuple[str, Any]]:
    told: list[tuple[str, Any]] = []
    if one.read.null_values:
        told.append(("nullValues", list(one.read.null_values)))
    if one.read.decimal_comma:
        told.append(("decimalComma", True))
    if one.read.scale is not None:
        told.append(("scale", one.read.scale))
    if one.read.binary:
        told.append(("blob", "skip"))
    if one.guess is not None:
        told.append(("mask", one.guess.mask))
    return told


def _relationships(one: DraftField, draft: DraftDataset, indent: int) -> list[str]:
    lines: list[str] = []
    for relation in draft.relations:
        if relation.fields == (one.name,):
            lines += remark(_why(relation), indent=indent + 2) if _why(relation) else []
            lines.append(
                f"{' ' * indent}  - {flow({'type': 'foreignKey', 'to': f'{relation.dataset}.{relation.to_fields[0]}'})}"
            )
    lost = [
        f"the source declares a reference to {lost.table} ({', '.join(lost.to_columns)}), which has no contract here"
        for lost in draft.unfollowed
        if lost.columns[:1] == (one.column.name,)
    ]
    told = [line for reason in lost for line in remark(reason, indent=indent)]
    return [*told, *([f"{' ' * indent}relationships:", *lines] if lines else [])]


def _why(relation: DraftRelation) -> str:
    if relation.evidence:
        return f"suggestion: by {relation.evidence}; the source declares no reference"
    return "" if relation.comparable else "the two sides have different types, so no gap rule compares them"


def _composite(draft: DraftDataset) -> list[str]:
    """References of several columns stand at the schema object."""
    lines = [
        f"      - {flow({'type': 'foreignKey', 'from': [f'{draft.name}.{name}' for name in relation.fields], 'to': [f'{relation.dataset}.{name}' for name in relation.to_fields]})}"  # noqa: E501  # one line of YAML
        for relation in draft.relations
        if len(relation.fields) > 1
    ]
    return ["    relationships:", *lines] if lines else []


def _key_words(draft: DraftDataset) -> str:
    return " and ".join(" ".join(words(one.column.name)) or one.name for one in draft.key)


def _key_remarks(draft: DraftDataset) -> list[str]:
    if not draft.key_guessed:
        return []
    looked = "all" if draft.table.whole else "the sampled"
    key = " and ".join(one.name for one in draft.key)
    return remark(f"guess: the source declares no key; {key} is filled and unique in {looked} rows", indent=4)


def _documents(told: Mapping[str, Any]) -> list[str]:
    lines = ["  - property: landbridge.documents", "    value:", f"      - name: {scalar(told['name'])}"]
    lines += entry("title", told["title"], indent=8)
    lines += entry("text", told["text"], indent=8)
    if told.get("by"):
        lines += entry("by", told["by"], indent=8)
    for key in ("lookups", "aggregates", "related"):
        if told.get(key):
            lines.append(f"        {key}:")
            for one in told[key]:
                lines += _item(one, indent=10)
    return lines


def _item(value: Mapping[str, Any], *, indent: int) -> list[str]:
    """One entry of a list: on one line where it fits."""
    line = f"{' ' * indent}- {flow(value)}"
    if len(line) <= WIDTH:
        return [line]
    lines = [line for key, one in value.items() for line in entry(key, one, indent=indent + 2)]
    return [f"{' ' * indent}- {lines[0].lstrip()}", *lines[1:]]


def _gaps(draft: DraftDataset) -> list[str]:
    lines: list[str] = []
    for relation in draft.relations:
        if not relation.comparable:
            continue
        value = orphan_rule(relation, draft)
        lines += remark("suggestion: the source declares no such reference", indent=6) if relation.evidence else []
        lines += _item(value, indent=6)
    return ["  - property: landbridge.gaps", "    value:", *lines] if lines else []


def orphan_rule(relation: DraftRelation, draft: DraftDataset) -> dict[str, Any]:
    """The gap rule that tells the rows whose reference names nothing."""
    parent = " ".join(one_of(relation.dataset)) or relation.dataset
    return {
        "name": _gap_name(draft, relation), "kind": "missing_reference",
        "title": f"Rows of {title(draft.table.name).lower()} whose {_words_of(relation, draft)} names no {parent}",
        "fields": list(relation.fields), "to": [f"{relation.dataset}.{name}" for name in relation.to_fields],
        "severity": "info" if relation.evidence else "warning",
    }  # fmt: skip


def _words_of(relation: DraftRelation, draft: DraftDataset) -> str:
    columns = [one.column.name for name in relation.fields for one in draft.fields if one.name == name]
    return " and ".join(title(column).lower() for column in columns)


def _gap_name(draft: DraftDataset, relation: DraftRelation) -> str:
    """Unique in the dataset: fields tell references to one parent apart."""
    return "-".join((*relation.fields, "not-in", relation.dataset))[:64].rstrip("-_").lower()


def _changed(draft: DraftDataset) -> DraftField | None:
    """The column that seems to grow with every change of a row."""
    for one in draft.fields:
        told = "".join(words(one.column.name))
        named = any(told == word or told.startswith(word) or told.endswith(f"last{word}") for word in CHANGED)
        if named and one.read.type in ("timestamp", "date") and one.column.newest is not None:
            return one
    return None


def _freshness(draft: DraftDataset, now: datetime) -> list[str]:
    one = _changed(draft)
    age = now - one.column.newest if one and one.column.newest else None
    if one is None or age is None or age > WEEKLY or age < -timedelta(days=1):
        return []
    days = 2 if age <= DAILY else 14
    return [
        *remark(f"guess: the newest {one.column.name} was {max(0, age.days)} days old when this was drafted"),
        "slaProperties:",
        f"  - {flow({'property': 'freshness', 'value': days, 'unit': 'd'})}",
    ]


def _watermark(draft: DraftDataset) -> list[str]:
    one = _changed(draft)
    if one is None or one.read.type != "timestamp":
        return []
    value = flow({"property": "landbridge.incremental", "value": {"mode": "watermark", "column": one.column.name}})
    return [
        *remark(f"suggestion: if every change of a row moves {one.column.name}, read only what changed:", indent=2),
        f"  # - {value}",
    ]

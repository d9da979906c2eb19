"""Read `datasets/*.odcs.yaml`: one data contract becomes one `Dataset`. The vocabulary is in docs/contracts.md.

Only what one file can tell is checked here; names in other files are `catalog.links`' affair.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.definitions import read_definitions
from catalog.errors import Problem
from catalog.extensions import ContractExtensions, IncrementalShape, gather, strays
from catalog.fields import primary_key, read_field
from catalog.freshness import freshness_of
from catalog.gap_rules import gap_rule
from catalog.models import Classification, Dataset, Field, Incremental, Relation, VolumeLimits
from catalog.names import DATASET, shown
from catalog.odcs import odcs_problems
from catalog.rules import rules_of
from catalog.shapes import shaped
from catalog.tellings import document_template
from catalog.yaml_lines import Part

_PLACES = (  # where `landbridge.` names have a meaning
    ("customProperties",),
    ("schema", "properties", "customProperties"),
    ("schema", "properties", "quality", "customProperties"),
    ("schema", "quality", "customProperties"),
)


@dataclass(frozen=True)
class Contract:
    """A dataset with the places its parts were read from, for the second pass."""

    dataset: Dataset
    source: Part
    keep: Part
    properties: tuple[Part, ...]  # one per field, in order
    documents: tuple[Part, ...]  # one per template, in order
    gaps: tuple[Part, ...]  # one per gap rule, in order


def read_contract(part: Part, *, found: list[Problem]) -> Contract | None:
    """The contract a file declares; None after its faults were added to `found`."""
    faults = odcs_problems(part) if isinstance(part.value, dict) else [_no_mapping(part)]
    faults = faults or [*_ours(part), *strays(part, allowed=_PLACES)]
    contract = None if faults else _contract(part, faults)
    found.extend(faults)
    return None if faults else contract


def _contract(part: Part, found: list[Problem]) -> Contract | None:
    """The contract of a file that ODCS allows."""
    extensions = gather(part, ContractExtensions, found=found)
    schema = part.get("schema", 0)
    properties = tuple(schema.get("properties").items())
    if extensions.get("source").value is None:
        what = "no landbridge.source: nobody knows where the rows come from."
        remedy = "Add {property: landbridge.source, value: <name of a source>} to customProperties."
        found.append(part.get("customProperties").problem(what, remedy))
        extensions.value.setdefault("source", "?")  # so that the other names are still checked
    shape = shaped(ContractExtensions, extensions, found=found)
    fields = [read_field(one, found=found) for one in properties]
    if shape is None or any(field is None for field in fields):
        return None
    keyed = primary_key([field for field in fields if field is not None], schema, properties, found=found)
    key = [one.name for one in sorted(keyed, key=lambda one: one.key_position or 0) if one.key_position is not None]
    documents = tuple(extensions.get("documents").items())
    gaps = tuple(extensions.get("gaps").items())
    gap_rules = [gap_rule(one, at, found=found) for one, at in zip(shape.gaps, gaps, strict=True)]
    freshness, field_freshness = freshness_of(part, keyed, found=found)
    name: str = part.value["name"]
    dataset = Dataset(
        name=name,
        version=part.value["version"],
        title=schema.get("businessName").value or name.replace("_", " ").capitalize(),
        description=_description(part) or schema.get("description").value or "",
        domain=part.get("domain").value or "",
        owner=part.get("team", "name").value or "",
        status=part.get("status").value or "active",
        source=shape.source,
        physical_name=schema.get("physicalName").value or schema.value["name"],
        granularity=schema.get("dataGranularityDescription").value or "",
        definitions=read_definitions(part, part.get("description"), schema, found=found),
        fields=tuple(keyed),
        rules=rules_of(schema, keyed, properties, key=key, found=found),
        relations=_relations(name, schema, properties, found),
        gap_rules=tuple(one for one in gap_rules if one is not None),
        documents=tuple(document_template(one, at) for one, at in zip(shape.documents, documents, strict=True)),
        keep={field: tuple(values) for field, values in shape.keep.items()},
        roles=_roles(part, keyed, found),
        freshness=freshness,
        field_freshness=field_freshness,
        promises=tuple(dict.fromkeys(entry.value["property"] for entry in part.get("slaProperties").items())),
        drift=shape.drift,
        files=shape.files,
        incremental=_incremental(shape.incremental, extensions.get("incremental"), found),
        query=shape.query,
        quarantine_threshold=shape.quarantine_threshold,
        deletion_threshold=shape.deletion_threshold,
        volume=VolumeLimits(**shape.volume.model_dump()) if shape.volume else VolumeLimits(),
        fingerprint=fingerprint(part.value),
        place=part.get("name").place,
    )
    return Contract(dataset, extensions.get("source"), extensions.get("keep"), properties, documents, gaps)


def fingerprint(content: object) -> str:
    """SHA-256 of parsed YAML: the same whatever the comments, the layout and the order of keys."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _no_mapping(part: Part) -> Problem:
    return part.problem("a contract is a mapping of keys.", "Begin with 'apiVersion: v3.1.0' and 'kind: DataContract'.")


def _ours(part: Part) -> list[Problem]:
    """What ODCS leaves open and Landbridge needs."""
    told = []
    name, schemas, version = part.get("name"), part.get("schema").items(), part.get("apiVersion")
    if name.value is None:
        told.append(part.problem("the key 'name' is missing.", "Add 'name: ...': the dataset's name."))
    elif not DATASET.fullmatch(name.value):
        what = f"{shown(name.value)} is no dataset name."
        told.append(name.problem(what, "Use lowercase letters, digits and '_', a letter first."))
    if not version.value.startswith("v3."):
        told.append(version.problem(f"ODCS {version.value} is not read here.", "Write apiVersion: v3.1.0."))
    if len(schemas) != 1:
        what = f"'schema' holds {len(schemas)} objects."
        told.append(part.get("schema").problem(what, "Write exactly one; every dataset has its own contract."))
    elif not schemas[0].get("properties").items():
        told.append(schemas[0].problem("the schema has no properties.", "List the fields under 'properties'."))
    return told


def _description(part: Part) -> str:
    told = [part.get("description", key).value for key in ("purpose", "usage", "limitations")]
    return " ".join(" ".join(text.split()) for text in told if text)


def _roles(part: Part, fields: Sequence[Field], found: list[Problem]) -> tuple[str, ...]:
    readers = []
    for entry in part.get("roles").items():
        access = entry.get("access")
        if access.value not in ("read", "write"):  # a role that is misread would open the dataset to everyone
            what = f"role '{entry.value['role']}' does not say whether it reads."
            found.append(access.problem(what, "Write access: read, or access: write."))
        elif access.value == "read":
            readers.append(entry.value["role"])
    if readers and all(field.classification == Classification.public for field in fields):
        what = "the dataset has roles that read it, and all of its fields are public: anybody may read them."
        found.append(part.get("roles").problem(what, "Label the fields internal or stricter, or remove the roles."))
    return tuple(dict.fromkeys(readers))


def _incremental(shape: IncrementalShape | None, part: Part, found: list[Problem]) -> Incremental:
    """How the table is read again; a key that has no meaning in its mode is a fault."""
    if shape is None:
        return Incremental()
    meant = {"watermark": ("column", "overlap"), "feed": ("slot", "publication")}.get(shape.mode, ())
    for key in ("column", "overlap", "slot", "publication"):
        if getattr(shape, key) and key not in meant:
            what = f"'{key}' has no meaning in mode '{shape.mode}'."
            found.append(part.get(key).problem(what, f"Allowed beside it: {', '.join(meant) or 'nothing'}."))
    if shape.mode == "watermark" and not shape.column:
        what = "mode 'watermark' needs a column."
        found.append(part.problem(what, "Add 'column: ...': the source's column that grows with every change."))
    return Incremental(**shape.model_dump())


def _relations(name: str, schema: Part, properties: Sequence[Part], found: list[Problem]) -> tuple[Relation, ...]:
    own = [(part.value["name"], one) for part in properties for one in part.get("relationships").items()]
    relations = [_relation([field], one, found) for field, one in own]
    for one in schema.get("relationships").items():
        fields = []
        for reference in _several(one.get("from").value):
            dataset, _, field = reference.partition(".")
            if dataset not in (name, schema.value["name"]):
                what = f"'from' names '{dataset}', which is not this dataset."
                found.append(one.get("from").problem(what, f"Write {name}.{field}, or move the relationship there."))
            fields.append(field)
        relations.append(_relation(fields, one, found))
    return tuple(one for one in relations if one is not None)


def _relation(fields: Sequence[str], part: Part, found: list[Problem]) -> Relation | None:
    to = part.get("to")
    parts = [reference.split(".") for reference in _several(to.value)]
    if any(len(one) != 2 for one in parts) or len({one[0] for one in parts}) != 1:
        found.append(to.problem(f"'to' cannot be {shown(to.value)}.", "Write dataset.field."))
        return None
    if len(parts) != len(fields):
        found.append(to.problem("'from' and 'to' differ in length.", "Write one 'to' for each 'from'."))
        return None
    return Relation(
        fields=tuple(fields), to_dataset=parts[0][0], to_fields=tuple(one[1] for one in parts), place=to.place
    )


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value

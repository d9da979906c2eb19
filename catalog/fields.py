"""Read the properties of a contract: each becomes a `Field` with its type, its habits in the source and its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from catalog.definitions import read_definitions
from catalog.errors import Problem
from catalog.extensions import FieldExtensions, gather
from catalog.models import Classification, Combine, Field, LogicalType, Unit
from catalog.names import FIELD, did_you_mean, shown, zone_fault
from catalog.shapes import shaped
from catalog.templates import KNOWN_GAPS
from catalog.yaml_lines import Part

_MOMENTS = ("date", "timestamp", "time")


def read_field(part: Part, *, found: list[Problem]) -> Field | None:
    """The field a property declares; None after its faults were added to `found`."""
    before = len(found)
    name: str = part.value["name"]
    extensions = gather(part, FieldExtensions, found=found)
    shape = shaped(FieldExtensions, extensions, found=found)
    _check_name(name, part, found)
    _check_type(part, found)
    label = _classification(part, found)
    options = part.get("logicalTypeOptions")
    _check_zone(options.get("defaultTimezone"), found)
    definitions = read_definitions(part, found=found)
    if shape is not None:
        _check_habits(shape, part, extensions, found)
    if shape is None or len(found) > before:
        return None
    position = part.get("primaryKeyPosition").value
    return Field(
        name=name,
        physical_name=name if shape.combine else part.get("physicalName").value or name,
        type=part.value["logicalType"],
        physical_type=part.get("physicalType").value or "",
        title=part.get("businessName").value or "",
        description=part.get("description").value or "",
        required=part.get("required").value or False,
        unique=part.get("unique").value or False,
        key_position=(position or -1) if part.get("primaryKey").value else None,
        classification=label,
        labelled=part.get("classification").value is not None,
        personal="personal" in (part.get("tags").value or ()),
        format=options.get("format").value if part.value["logicalType"] in _MOMENTS else None,
        zone=options.get("defaultTimezone").value or "UTC",
        scale=shape.scale,
        null_values=tuple(shape.null_values),
        decimal_comma=shape.decimal_comma,
        unit=Unit(**shape.unit.model_dump()) if shape.unit else None,
        combine=Combine(**shape.combine.model_dump()) if shape.combine else None,
        start=shape.position.start if shape.position else None,
        length=shape.position.length if shape.position else None,
        mask=shape.mask,
        blob=shape.blob,
        on_bad_value=shape.on_bad_value,
        expected=shape.expected,
        definitions=definitions,
        place=part.place,
    )


def primary_key(fields: Sequence[Field], schema: Part, parts: Sequence[Part], *, found: list[Problem]) -> list[Field]:
    """The fields with key positions that count from 1; a key is missing or positions clash: a fault."""
    keyed = [(field, part) for field, part in zip(fields, parts, strict=True) if field.key_position is not None]
    for field, part in zip(fields, parts, strict=True):
        if field.key_position is None and (part.get("primaryKeyPosition").value or -1) > 0:
            what = f"'{field.name}' has a primaryKeyPosition and is no primary key."
            found.append(part.get("primaryKeyPosition").problem(what, "Add primaryKey: true."))
    if not keyed:
        what = f"the primary key of '{schema.value['name']}' is missing."
        found.append(schema.problem(what, "Add primaryKey: true to the property that names a row."))
    positions = [field.key_position for field, _ in keyed]
    if all(position == -1 for position in positions):  # ODCS's default: none was written, so the order tells
        positions = list(range(1, len(keyed) + 1))
    elif sorted(filter(None, positions)) != list(range(1, len(keyed) + 1)):
        at = keyed[-1][1].get("primaryKeyPosition")
        found.append(at.problem("primaryKeyPosition must count 1, 2, ... over the key.", "Number each key field once."))
    order = {field.name: position for (field, _), position in zip(keyed, positions, strict=True)}
    return [field.model_copy(update={"key_position": order.get(field.name)}) for field in fields]


def _check_name(name: str, part: Part, found: list[Problem]) -> None:
    if not FIELD.fullmatch(name):
        what = f"{shown(name)} is no field name."
        found.append(
            part.get("name").problem(what, "Use letters, digits and '_', a letter first; physicalName is free.")
        )
    elif name == KNOWN_GAPS:
        found.append(part.get("name").problem(f"'{name}' is a word of templates.", "Choose another name."))


def _check_type(part: Part, found: list[Problem]) -> None:
    known, given = get_args(LogicalType), part.get("logicalType")
    if given.value is None:
        what = f"'{part.value['name']}' has no logicalType."
        found.append(part.problem(what, f"Add one of {', '.join(known)}."))
    elif given.value not in known:
        found.append(given.problem(f"the type '{given.value}' is not read here.", f"Write one of {', '.join(known)}."))


def _classification(part: Part, found: list[Problem]) -> Classification:
    given = part.get("classification")
    if given.value is None:
        return Classification.internal
    if given.value not in Classification.__members__:
        hint = did_you_mean(given.value, Classification.__members__)
        found.append(given.problem(f"'classification' cannot be {shown(given.value)}.", hint))
        return Classification.restricted
    return Classification[given.value]


def _check_zone(part: Part, found: list[Problem]) -> None:
    remedy = zone_fault(part.value) if part.value is not None else None
    if remedy is not None:
        found.append(part.problem(f"the time zone {shown(part.value)} does not exist.", remedy))


def _check_habits(shape: FieldExtensions, part: Part, extensions: Part, found: list[Problem]) -> None:
    """Habits of the source that do not fit the type."""
    kind, name = part.get("logicalType").value, part.value["name"]
    if kind != "number":
        for key, value in (("unit", shape.unit), ("scale", shape.scale)):
            if value is not None:
                what = f"landbridge.{key} of '{name}' needs a number, and its type is {kind}."
                found.append(extensions.get(key).problem(what, "Write logicalType: number."))
    combine, at = shape.combine, extensions.get("combine")
    if combine is None:
        return
    if kind != "timestamp":
        what = f"landbridge.combine makes a timestamp, and the type of '{name}' is {kind}."
        found.append(at.problem(what, "Write logicalType: timestamp."))
    if bool(combine.zone) == bool(combine.zone_field):
        what = f"landbridge.combine of '{name}' needs either 'zone' or 'zoneField'."
        found.append(at.problem(what, "Write zone: America/New_York, or the field that holds the zone."))
    remedy = zone_fault(combine.zone) if combine.zone else None
    if remedy is not None:
        found.append(at.get("zone").problem(f"the time zone {shown(combine.zone)} does not exist.", remedy))

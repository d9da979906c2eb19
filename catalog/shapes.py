"""Check what Landbridge reads beyond ODCS against small pydantic shapes, and tell each fault in one clear line."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from catalog.errors import Problem
from catalog.names import DATASET, FIELD, SLUG, did_you_mean, shown
from catalog.yaml_lines import Part


class Shape(BaseModel):
    """What a mapping in YAML may hold: camelCase keys, exact types, nothing unknown."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        strict=True,
        extra="forbid",
        frozen=True,
        serialize_by_alias=False,
    )


S = TypeVar("S", bound=Shape)


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text):
        raise ValueError(f"{shown(text)} is no name. Use lowercase letters, digits, '-' and '_', a letter first")
    return text


def _dataset(text: str) -> str:
    if not DATASET.fullmatch(text):
        raise ValueError(f"{shown(text)} is no dataset name. Use lowercase letters, digits and '_', a letter first")
    return text


def _field(text: str) -> str:
    if not FIELD.fullmatch(text):
        raise ValueError(f"{shown(text)} is no field name. Use letters, digits and '_', a letter first")
    return text


def _reference(text: str) -> str:
    dataset, dot, field = text.partition(".")
    if not (dot and dataset and field) or "." in field:
        raise ValueError(f"{shown(text)} is no reference. Write dataset.field")
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty. Write something, or remove the key")
    return text


Slug = Annotated[str, AfterValidator(_slug)]
DatasetName = Annotated[str, AfterValidator(_dataset)]
FieldName = Annotated[str, AfterValidator(_field)]
Reference = Annotated[str, AfterValidator(_reference)]  # dataset.field
Filled = Annotated[str, AfterValidator(_filled)]


def split(reference: str) -> tuple[str, str]:
    """`dataset.field` as its two names."""
    dataset, _, field = reference.partition(".")
    return dataset, field


def shaped(shape: type[S], part: Part, *, found: list[Problem]) -> S | None:
    """The value of `part` as `shape`; None after its faults were added to `found`."""
    if not isinstance(part.value, dict):
        found.append(part.problem(f"a mapping belongs here, not {kind(part.value)}.", f"Known keys: {_keys(shape)}."))
        return None
    try:
        return shape.model_validate(part.value)
    except ValidationError as error:
        found.extend(_told(fault, shape, part) for fault in error.errors(include_url=False))
        return None


def kind(value: object) -> str:
    """What a YAML value is, in words."""
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
    }
    return names.get(type(value), "nothing")


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def _told(fault: ErrorDetails, shape: type[Shape], part: Part) -> Problem:
    steps = fault["loc"]
    at, name = part.get(*steps), next((step for step in reversed(steps) if isinstance(step, str)), "")
    context: dict[str, Any] = fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            known = [str(field.alias) for field in _shape_at(shape, steps[:-1]).model_fields.values()]
            return at.problem(f"unknown key {shown(steps[-1])}.", did_you_mean(str(steps[-1]), known))
        case "missing":
            return at.problem(f"the key '{steps[-1]}' is missing.", f"Add '{steps[-1]}: ...' here.")
        case "literal_error":
            known = [str(one) for one in _literals(context.get("expected", ""))]
            what = f"'{name}' cannot be {shown(fault['input'])}."
            return at.problem(what, f"{did_you_mean(str(fault['input']), known)} Allowed: {', '.join(known)}.".strip())
        case "value_error":
            return at.problem(f"'{name}': {context.get('error', fault['msg'])}.")
        case wanted if wanted in _WANTED:
            quote = f'Put it in quotes: "{fault["input"]}".' if _WANTED[wanted] == "text" and _quotable(fault) else ""
            return at.problem(f"'{name}' must be {_WANTED[wanted]}, not {kind(fault['input'])}.", quote)
        case _:
            return at.problem(f"'{name}': {fault['msg'][:1].lower()}{fault['msg'][1:]}, not {shown(fault['input'])}.")


def _quotable(fault: ErrorDetails) -> bool:
    return isinstance(fault["input"], int | float)


def _literals(expected: str) -> list[str]:
    return [text.strip("' ") for text in expected.replace(" or ", ", ").split(",")]


def _keys(shape: type[Shape]) -> str:
    return ", ".join(str(field.alias) for field in shape.model_fields.values())


def _shape_at(shape: type[Shape], steps: tuple[int | str, ...]) -> type[Shape]:
    for step in steps:
        fields = {field.alias: field for field in shape.model_fields.values()}
        if step in fields:
            shape = _inner(fields[str(step)].annotation) or shape
    return shape


def _inner(annotation: Any) -> type[Shape] | None:
    if inspect.isclass(annotation) and issubclass(annotation, Shape):
        return annotation
    return next((inner for argument in get_args(annotation) if (inner := _inner(argument))), None)

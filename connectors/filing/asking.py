"""What a source declares about its files, as the options of their format, and what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.formats import FORMATS, format_named
from connectors.formats.tables import FormatOptions, Limits
from connectors.places.limits import limit_faults
from connectors.places.storage import storage_faults

COMMON = ("rows", "table", "storage", "limits")  # options that every kind of file takes
SHARED = ("encoding", "separator", "quote", "header_lines", "footer_pattern")  # of a source, where a format has them
ANY = "files"  # the kind that takes any format


def options_for(name: str, source: Source, dataset: Dataset) -> FormatOptions:
    """The options of the format `name`. Raises SourceUnreadable where they are not what it knows."""
    module = format_named(name)
    own = getattr(module, "options_of", None)
    try:
        if own is not None:
            told: FormatOptions = own(source.model_copy(update={"options": given(name, source)}), dataset)
            return told
        return module.Options(**declared(name, source))
    except ValidationError as error:
        raise SourceUnreadable(
            source.name, dataset.name, "; ".join(faults_of(error, module.Options)).rstrip("."),
            f"Correct `options` in {source.place.file}.",
        ) from None  # fmt: skip


def declared(name: str, source: Source) -> dict[str, Any]:
    """What a source declares for the format `name`: its `options`, and what stands beside them."""
    known = format_named(name).Options.model_fields
    beside = {one: getattr(source, one) for one in SHARED if one in known and getattr(source, one) not in ("", None, 0)}
    if source.quote == "" and "quote" in known:
        beside["quote"] = ""  # declared: there is none
    return {**beside, **given(name, source)}


def given(name: str, source: Source) -> dict[str, Any]:
    """The source's `options` that are for the format `name`."""
    told = source.options.get(name, {}) if source.kind == ANY else source.options
    return {one: value for one, value in dict(told).items() if one not in COMMON}


def limits_of(source: Source) -> Limits:
    """How much of a file may be held at once."""
    return Limits(source.batch_rows, source.batch_bytes, source.cell_bytes)


def option_faults(source: Source, dataset: Dataset) -> list[str]:
    """What is wrong with a source's options, a sentence each."""
    told = [*storage_faults(source), *limit_faults(source.options.get("limits", {}))]
    return told + _format_faults(source, dataset)


def _format_faults(source: Source, dataset: Dataset) -> list[str]:
    if source.kind != ANY:
        return _faults(source.kind, source, dataset)
    unknown = [name for name in source.options if name not in (*COMMON, *FORMATS)]
    told = [f"there is no option '{name}'{_near(name, (*COMMON, *FORMATS))}" for name in unknown]
    return told + [fault for name in FORMATS if name in source.options for fault in _faults(name, source, dataset)]


def faults_of(error: ValidationError, options: type[FormatOptions]) -> list[str]:
    """What pydantic found, a sentence each, without a value."""
    told = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(map(str, fault["loc"])) or "options"
        if fault["type"] == "extra_forbidden":
            told.append(f"there is no option '{name}'{_near(name, (*COMMON, *options.model_fields))}")
        else:
            told.append(f"option '{name}': {fault['msg'].removeprefix('Value error, ')}")
    return told


def _faults(name: str, source: Source, dataset: Dataset) -> list[str]:
    try:
        options_for(name, source, dataset)
    except SourceUnreadable as error:
        return [error.detail]
    return []


def _near(name: str, known: Sequence[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f". Did you mean '{found[0]}'?" if found else ""

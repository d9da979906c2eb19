"""Check the options of a format that somebody gave, and say which of them is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from catalog.errors import FileRefused
from connectors.formats.tables import FormatOptions

PATHS = ("copybook", "copybooks", "copies")  # options that name files beside the one that is read


def validated(kind: type[FormatOptions], given: Mapping[str, Any], *, name: str, folder: Path) -> FormatOptions:
    """The options of the format `name` as its own class. Raises FileRefused for an unknown one and a wrong value."""
    whole = {one: _placed(value, folder) if one in PATHS else value for one, value in given.items()}
    try:
        return kind.model_validate(whole)
    except ValidationError as error:
        texts = _meant_as_texts(error, whole)
        if texts is not None:
            return validated(kind, texts, name=name, folder=folder)
        from connectors.filing.asking import faults_of

        raise FileRefused("; ".join(faults_of(error, kind)), f"They are listed for the format '{name}'.") from None


def _placed(value: Any, folder: Path) -> Any:
    """A path, or several, below the folder that it is relative to."""
    if isinstance(value, Mapping):
        return {name: _placed(one, folder) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_placed(one, folder) for one in value]
    return str(folder / value) if isinstance(value, str | Path) else value


def _meant_as_texts(error: ValidationError, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options with numbers as text where text is asked for (`encoding=1252`); None where that is not the fault."""
    wrong = {one["loc"][0] for one in error.errors() if one["type"] == "string_type" and len(one["loc"]) == 1}
    able = {str(name) for name in wrong if isinstance(given.get(str(name)), int | float)}
    if not able or len(able) < len(error.errors()):
        return None
    return {name: json.dumps(value) if name in able else value for name, value in given.items()}

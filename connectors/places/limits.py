"""How much an archive or a compressed file may become, and how many files a dataset may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source


class PlaceLimits(BaseModel):
    """`options.limits` of a source. Sizes are bytes; above one a file is refused, and the others go on."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file_bytes: int = Field(default=64 * 2**30, ge=1)  # of one file, as it lies there or unpacked
    expanded_bytes: int = Field(default=256 * 2**30, ge=1)  # of all members of one archive
    ratio: int = Field(default=250, ge=1)  # times that packed bytes may grow, once they are above RATIO_FROM
    members: int = Field(default=100_000, ge=1)  # of one archive
    files: int = Field(default=1_000_000, ge=1)  # of one dataset


RATIO_FROM = 64 * 2**20  # unpacked bytes that harm nobody, however well they were packed
MOST_NESTED = 3  # archives within archives


def limits_of(source: Source, dataset: Dataset) -> PlaceLimits:
    """The source's limits. Raises SourceUnreadable where they are not declared as they must be."""
    told = source.options.get("limits", {})
    faults = limit_faults(told)
    if faults:
        raise SourceUnreadable(source.name, dataset.name, faults[0], "Correct `options.limits` of the source.")
    return PlaceLimits.model_validate(dict(told))


def limit_faults(told: Any) -> list[str]:
    """What is wrong with declared limits, a sentence each."""
    if not isinstance(told, Mapping):
        return ["`limits` is no mapping of names to numbers"]
    try:
        PlaceLimits.model_validate(dict(told))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        return [f"`limits.{'.'.join(map(str, fault['loc']))}`: {fault['msg']}" for fault in faults]
    return []

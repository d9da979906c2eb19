"""How old what we tell is: when each source was last read, against what its contract promises."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from catalog.models import Dataset
from ledger import State


class Age(NamedTuple):
    """When a source was read, how long ago, and whether that keeps the promise; None where it is not known."""

    as_of: datetime | None
    age_seconds: float | None
    fresh: bool | None


def source_reads(states: Mapping[tuple[str, str], State]) -> dict[str, datetime]:
    """When the source of each dataset was read for what is served now; a later read that was blocked does not count."""
    return {dataset: state.checked_at for (dataset, stage), state in states.items() if stage == "indexed"}


def age_of(dataset: Dataset, reads: Mapping[str, datetime], now: datetime) -> Age:
    """The age of a dataset's rows at `now`."""
    as_of = reads.get(dataset.name)
    if as_of is None:
        return Age(None, None, None)
    age = (now - as_of).total_seconds()
    promise = dataset.freshness
    return Age(as_of, age, None if promise is None else age <= promise.total_seconds())

"""What became of one rule: the count of Great Expectations, the rows Polars names, and whether the two agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from catalog.models import Rule

META = "rule"  # where an expectation carries the name of its rule: results come in any order


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation. `error` is set where it could not be evaluated: neither pass nor failure."""

    success: bool
    count: int | None = None  # rows that fail, as the library counted them
    observed: Any = None
    error: str = ""


@dataclass(frozen=True)
class Judged:
    """A rule held against the rows. `failing` marks rows, and is None for a rule about the whole dataset.

    `count` is of failing rows where rows are counted; `subject` the number of rows the rule speaks about, those with a
    value. `counts` are both counts where the two implementations disagree. `error` tells why there is no judgement;
    `quotes_rows` that it comes from the engine and may quote values.
    """

    rule: Rule
    broken: bool = False
    count: int | None = None
    subject: int = 0
    failing: pl.Series | None = None
    observed: Any = None
    error: str = ""
    quotes_rows: bool = False
    counts: tuple[int, int] | None = None

    @property
    def quarantines(self) -> bool:
        """Whether the rule moves the rows that break it out."""
        return self.broken and self.failing is not None and self.rule.action == "quarantine"

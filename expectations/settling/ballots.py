"""The claims of one field as numbers: who says which value of which cell, in arrays that learning runs over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

MOST_WRONG = 10  # false values that a source may choose from; Dong et al. 2009 found the outcome hardly moved by it

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ballot:
    """All claims of one field. `who`, `value`, `weight` and `compared` have an entry per claim, sorted by value.

    `weight` is a source's say, divided where it says two things; `compared` marks claims of cells that two sources
    speak of. `cell` has an entry per value, the cell it is of. `wrong` is the number of false values that could be
    said of a cell.
    """

    who: Numbers
    value: Numbers
    weight: Floats
    compared: Flags
    cell: Numbers
    wrong: int

    @property
    def starts(self) -> Numbers:
        """The first value of each cell."""
        return np.flatnonzero(np.diff(self.cell, prepend=-1))


def ballots(told: pl.DataFrame, *, fields: int) -> list[Ballot]:
    """One per field, in their order, of the standing claims of `comparable`."""
    votes = told.filter("standing").unique(subset=["said", "who"], keep="first", maintain_order=True)
    votes = votes.with_columns(others=pl.col("who").n_unique().over("cell") > 1, says=pl.len().over("cell", "who"))
    parts = votes.partition_by("what", as_dict=True, maintain_order=True)
    return [_ballot(parts[(what,)]) for what in range(fields)]


def _ballot(votes: pl.DataFrame) -> Ballot:
    values = votes.unique(subset="said", keep="first", maintain_order=True)
    return Ballot(
        who=_array(votes["who"], np.int64),
        value=_array(votes["said"].rle_id(), np.int64),
        weight=1.0 / _array(votes["says"], np.float64),
        compared=_array(votes["others"], np.bool_),
        cell=_array(values["cell"].rle_id(), np.int64),
        wrong=min(max(values["same"].n_unique() - 1, 1), MOST_WRONG),
    )


def _array(series: pl.Series, dtype: Any) -> Any:
    return series.to_numpy().astype(dtype)

"""The claims of one field as numbers: who says which value of which cell, in arrays that learning runs over."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    said of a cell. `times` tells for each value how many cells it stands for: those of which all say the same are
    counted, and come last.
    """

    who: Numbers
    value: Numbers
    weight: Floats
    compared: Flags
    cell: Numbers
    wrong: int
    times: Floats

    @property
    def starts(self) -> Numbers:
        """The first value of each cell."""
        return np.flatnonzero(np.diff(self.cell, prepend=-1))


def ballots(told: pl.DataFrame, *, fields: int, alike: pl.DataFrame | None = None) -> list[Ballot]:
    """One per field, in their order, of the standing claims of `comparable`, and of the counted cells of `alike`."""
    votes = told.filter("standing").unique(subset=["said", "who"], keep="first", maintain_order=True)
    votes = votes.with_columns(others=pl.col("who").n_unique().over("cell") > 1, says=pl.len().over("cell", "who"))
    parts = votes.partition_by("what", as_dict=True, maintain_order=True)
    cast = [_ballot(parts[(what,)]) for what in range(fields)]
    if alike is None or alike.is_empty():
        return cast
    names = told.select("what", "field").unique().sort("what")["field"]
    counted = alike.sort("field", "sources")
    numbers = told.select("source", "who").unique()
    return [
        _with_alike(ballot, counted.filter(pl.col("field") == name), numbers)
        for ballot, name in zip(cast, names, strict=True)
    ]


def _with_alike(ballot: Ballot, counted: pl.DataFrame, numbers: pl.DataFrame) -> Ballot:
    """The ballot with one cell of one value for each set of sources, which stands for all of them."""
    claims = counted.with_row_index("at").explode("sources").join(numbers, left_on="sources", right_on="source")
    claims = claims.sort("at", "who")
    values, cells = len(ballot.cell), int(ballot.cell.max(initial=-1)) + 1
    return replace(
        ballot,
        who=np.concatenate([ballot.who, _array(claims["who"], np.int64)]),
        value=np.concatenate([ballot.value, values + _array(claims["at"], np.int64)]),
        weight=np.concatenate([ballot.weight, np.ones(claims.height)]),
        compared=np.concatenate([ballot.compared, np.ones(claims.height, dtype=np.bool_)]),
        cell=np.concatenate([ballot.cell, cells + np.arange(counted.height)]),
        times=np.concatenate([ballot.times, _array(counted["cells"], np.float64)]),
    )


def _ballot(votes: pl.DataFrame) -> Ballot:
    values = votes.unique(subset="said", keep="first", maintain_order=True)
    return Ballot(
        who=_array(votes["who"], np.int64),
        value=_array(votes["said"].rle_id(), np.int64),
        weight=1.0 / _array(votes["says"], np.float64),
        compared=_array(votes["others"], np.bool_),
        cell=_array(values["cell"].rle_id(), np.int64),
        wrong=min(max(values["same"].n_unique() - 1, 1), MOST_WRONG),
        times=np.ones(values.height),
    )


def _array(series: pl.Series, dtype: Any) -> Any:
    return series.to_numpy().astype(dtype)

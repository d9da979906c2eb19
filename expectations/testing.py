"""For authors of expectations: the laws that a function must keep, as one call, and a double of a bad one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from expectations.custom import wrong_answer


def assert_lawful(
    test: Callable[..., pl.Series], *, keeping: pl.DataFrame, breaking: pl.DataFrame, **kwargs: Any
) -> None:
    """Hold a function against what a check relies on; AssertionError says which law it breaks.

    No row of `keeping` breaks the rule and every row of `breaking` does. The answer has one boolean per row, also over
    no rows; asking twice gives the same; the frame is left as it was.
    """
    for frame, breaks in ((keeping, False), (keeping.clear(), False), (breaking, True)):
        before = frame.clone()
        answer = test(frame, **kwargs)
        wrong = wrong_answer(answer, before.height)
        assert not wrong, f"over {before.height} rows it {wrong}"  # noqa: S101 - it is what this kit is for
        assert frame.equals(before), "it changes the frame it is given"  # noqa: S101
        assert test(before, **kwargs).equals(answer), "asked twice, it answers differently"  # noqa: S101
        told = answer.fill_null(False).to_list()
        places = [place for place, broken in enumerate(told) if broken != breaks]
        assert not places, f"rows {places} should {'break' if breaks else 'keep'} the rule"  # noqa: S101


def failing_expectation(frame: pl.DataFrame, **_: Any) -> pl.Series:
    """A double of an expectation that does not work; its error quotes a value, as real ones do."""
    raise ValueError(f"cannot read {frame.row(0) if frame.height else 'nothing'}")

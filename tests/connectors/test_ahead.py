"""Frames made in a second thread come in the order of their portions, and so do their errors."""

import threading

import polars as pl
import pytest

from connectors.sql.ahead import framed
from connectors.sql.types import Misfit


def _frame(number):
    if number == 3:
        raise Misfit(["v"])
    return pl.DataFrame({"v": [number]})


def test_frames_come_in_the_order_of_their_portions():
    assert [frame["v"][0] for frame in framed(iter(range(3)), _frame)] == [0, 1, 2]


def test_no_portion_is_no_frame():
    assert list(framed(iter(()), _frame)) == []


def test_a_misfit_comes_behind_the_frames_before_it():
    frames = framed(iter(range(9)), _frame)
    assert [next(frames)["v"][0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Misfit):
        next(frames)


def test_portions_are_received_by_the_caller_and_at_most_two_ahead():
    received = []

    def portions():
        for number in range(100):
            received.append((number, threading.get_ident()))
            yield number * 10

    frames = framed(portions(), lambda number: pl.DataFrame({"v": [number]}))
    next(frames)
    frames.close()
    assert {who for _, who in received} == {threading.get_ident()}
    assert len(received) == 2


def test_an_error_of_the_receiving_side_comes_as_it_is():
    def portions():
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(framed(portions(), _frame))

"""A few random histories of rows and declarations: what is answered is what it must be, after each run."""

import pytest

from evals.answerable import live_through

HISTORIES = 10


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_what_is_answered_after_each_run_is_right(seed, tmp_path):
    outcome = live_through(seed, tmp_path / "shop", runs=1)
    assert outcome.documents
    assert outcome.right, (outcome.changes, outcome.ghosts, outcome.losses, outcome.leaks, outcome.stale)

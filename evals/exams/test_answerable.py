"""500 random histories of inserts, updates, deletes, renames, policies and templates: 0 ghosts, 0 losses.

After each run the answerable documents, their labels and their places, of three callers, equal those worked out by hand
from the rows; no masked value is in the table; and the chunks are, to the byte, those of a build from nothing. Run by
`make exam`; 1,700 runs take about twenty minutes of one core.
"""

import pytest

from evals.answerable import live_through

pytestmark = pytest.mark.exam
PORTIONS, EACH = 20, 25
RUNS, LONG = 2, 12  # runs after the first, and those of the last history of each portion


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_no_ghost_and_no_loss_in_any_history(portion, tmp_path, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_SETTLED_AFTER", "0")  # the files are written at once
    runs = documents = 0
    wrong = {}
    for number in range(EACH):
        seed = 10_000 + portion * EACH + number
        one = live_through(seed, tmp_path / str(seed), runs=LONG if number == EACH - 1 else RUNS)
        runs, documents = runs + one.runs, documents + one.documents
        if not one.right:
            wrong[seed] = (one.changes, one.ghosts[:3], one.losses[:3], one.leaks[:3], one.stale[:3])
    print(f"\n{EACH} histories, {runs} runs, {documents} documents compared, {len(wrong)} histories wrong")
    assert documents > runs
    assert wrong == {}


def test_the_histories_are_500():
    assert PORTIONS * EACH == 500

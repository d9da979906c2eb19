"""Of 400 gaps planted in four systems nearly all are told, under their keys, and nothing else is; nothing of the whole.

Run by `make exam`; it takes about a minute.
"""

import pytest

from evals.planting import KINDS
from evals.readiness import examined

pytestmark = pytest.mark.exam
GAPS, SEEDS = 400, (1, 2, 3)
LEAST = 0.95


@pytest.fixture(scope="module", params=SEEDS)
def exam(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDBRIDGE_SETTLED_AFTER", "0")
        return examined(tmp_path_factory.mktemp("estate") / "utility", request.param, gaps=GAPS)


def test_nothing_is_told_of_the_whole_estate(exam):
    assert exam.clean == ()
    assert exam.rows > 20_000


def test_every_kind_of_gap_is_found_and_nothing_else(exam):
    assert [one.kind for one in exam.lines] == list(KINDS), "nothing is told that belongs to no kind"
    assert exam.total.planted == GAPS
    assert [one for one in (*exam.lines, exam.total) if min(one.recall, one.precision) < LEAST] == []

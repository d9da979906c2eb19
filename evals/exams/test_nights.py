"""A year of nights with 1 % churn leaves the index about as small and as quick as one that is built fresh."""

import pytest

from catalog.models import IndexPlan
from evals import nights

pytestmark = pytest.mark.exam


@pytest.mark.parametrize(
    ("count", "plan"),
    [(365, IndexPlan(exact_up_to=2_000)), (60, IndexPlan())],
    ids=["a year with a vector index", "two months without one"],
)
def test_no_night_takes_more_disk_than_one_and_a_half_fresh_indices(tmp_path, count, plan):
    year = nights.run(tmp_path, chunks=5_000, nights=count, plan=plan)
    assert year.rows == 5_000
    assert max(year.worst_disk_ratio, year.disk_ratio) <= 1.5
    assert year.peak_disk_ratio <= 1.8, "nothing is pruned before the next version is live"
    assert year.versions <= 20
    assert year.deleted <= 0.15
    assert year.fragments <= 40 and year.segments <= 12

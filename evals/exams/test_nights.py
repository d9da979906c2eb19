"""A year of nights with 1 % churn leaves the index about as small and as quick as one that is built fresh."""

import pytest

from catalog.models import IndexPlan
from evals import nights

pytestmark = pytest.mark.exam


def test_a_year_of_nights_keeps_disk_and_versions_in_bounds(tmp_path):
    year = nights.run(tmp_path, chunks=5_000, nights=365, plan=IndexPlan())
    assert year.rows == 5_000
    assert year.disk_ratio <= 1.5
    assert year.versions <= 40

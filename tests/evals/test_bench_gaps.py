"""What gap rules hold in memory does not follow the number of rows."""

import pytest

from catalog.home import Home
from evals.bench_gaps import RULES, spent_on, write_ready


@pytest.mark.exam
def test_ten_gap_rules_over_four_times_the_rows_take_hardly_more_memory(tmp_path):
    spent = []
    for rows in (500_000, 2_000_000):
        write_ready(Home(tmp_path / str(rows)), rows)
        spent.append(spent_on(str(tmp_path / str(rows))))
    few, many = spent
    assert few["told"] == many["told"] == len(RULES)
    assert many["peak"] < few["peak"] * 1.5

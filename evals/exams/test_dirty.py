"""Ten lines by somebody who knows the field find the wrong cells of dirty data, and more than detectors without them.

Run by `make exam`; it takes about ten seconds.
"""

import pytest

from evals.dirty import DATA, LINES, OWNERS, contract_lines, measured

pytestmark = [
    pytest.mark.exam,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs the files of ../shared/data"),
]


@pytest.mark.parametrize(("name", "least"), [("beers", 0.98), ("hospital", 0.75)])
def test_a_contract_of_ten_lines_finds_the_wrong_cells(name, least):
    ours, *rivals = measured(name).values()
    assert len(contract_lines(OWNERS[name])) <= LINES
    assert ours.f1 >= least
    assert ours.f1 > max(rival.f1 for rival in rivals)

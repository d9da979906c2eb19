"""Wherever a ground truth exists, what is read is right or refused with a reason, and never accepted but wrong."""

import pytest

from evals.truths import SHARED, verdicts

pytestmark = pytest.mark.exam


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the files of ../shared/data")
def test_nothing_is_accepted_but_wrong():
    told = verdicts(SHARED)
    assert len(told) == 4
    for one in told:
        assert one.right > 0
        assert not one.wrong, (one.group, one.examples)

"""Values that other readers bend, cut or die of: ours tells each exactly, or as its text, or refuses; on every way."""

import os
from datetime import date

import pytest
from sqlalchemy.exc import OperationalError

from evals.traps import TRAPS, judged, laid, ours

WAYS = [
    ("postgresql", {}),
    ("postgresql", {"connections": 2}),
    ("postgresql", {"reader": "plain"}),
    ("mariadb", {}),
    ("mariadb", {"snapshot": "table"}),
    ("mariadb", {"reader": "plain"}),
    ("sqlite", {}),
    ("sqlite", {"reader": "plain"}),
]


@pytest.mark.parametrize(("kind", "habits"), WAYS)
def test_no_odd_value_comes_changed_or_ends_the_reader(tmp_path, kind, habits):
    try:
        with laid(kind, tmp_path) as url:
            told = {trap.what: ours(trap, url, tmp_path, **habits) for trap in TRAPS if trap.kind == kind}
    except OperationalError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {kind} answers on this machine")
    assert {what: outcome for what, outcome in told.items() if outcome in ("wrong", "crash")} == {}
    assert [what for what, outcome in told.items() if outcome == "refused"] in ([], ["text that is no UTF-8"])


def test_the_judge_knows_a_bent_value_from_an_exact_one():
    infinite = next(trap for trap in TRAPS if trap.what == "infinite date")
    assert judged(infinite, [date(2024, 1, 5), date(9999, 12, 31)]) == "wrong"
    assert judged(infinite, ["2024-01-05", "infinity"]) == "text"
    assert judged(infinite, ["2024-01-05"]) == "wrong"
    cut = next(trap for trap in TRAPS if trap.what == "19 decimals")
    assert judged(cut, [cut.cells[0].value, round(cut.cells[1].value, 10)]) == "wrong"
    assert judged(cut, [cut.cells[0].value, float(cut.cells[1].value)]) == "wrong"
    assert judged(cut, [cut.cells[0].value, cut.cells[1].value]) == "right"

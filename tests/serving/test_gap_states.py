"""An agent is told how long a gap has been open, of which kind it is, and never a gap that nobody looks at any more."""

from datetime import timedelta

from ledger import Finding
from tests.serving.harbour import NOW, harbour_at


def test_a_gap_carries_its_kind_its_state_and_its_age(tmp_path):
    harbour = harbour_at(tmp_path)
    context = harbour.context()
    told = Finding(rule="pier-unknown", dataset="ships", stage="gaps", severity="warning", count=3, message="Told.")
    for days, found in ((9, [told]), (8, []), (3, [told]), (1, [told])):
        context.ledger.record_findings(f"r{days}", "ships", "gaps", found, NOW - timedelta(days=days))
    (gap,) = context.list_gaps(harbour.principal("officer"))
    assert (gap.kind, gap.state) == ("orphan-reference", "reopened")
    assert (gap.first_seen, gap.age_seconds) == (NOW - timedelta(days=9), 3 * 86_400)


def test_a_gap_of_a_dataset_that_is_declared_no_longer_is_not_told(tmp_path):
    harbour = harbour_at(tmp_path)
    context = harbour.context()
    told = Finding(rule="r", dataset="barges", stage="gaps", severity="warning", count=3, message="Told.")
    context.ledger.record_findings("r1", "barges", "gaps", [told], NOW)
    assert context.list_gaps(harbour.principal("officer")) == ()

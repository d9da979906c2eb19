"""Changes wait for a person, an approval counts for what it was given for, and nothing is rewritten."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.models import Approval, HeldChange

T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def change(run="run1", content="c1", at=T0, **given):
    told = {"dataset": "orders", "stage": "raw", "rule": "volume-drop", "kind": "volume", "before": 40, "after": 1}
    told |= {"share": 0.975, "threshold": 0.15, "message": "39 rows fewer", "sample_keys": ("1", "2"), "owner": "sales"}
    return HeldChange(run_id=run, fingerprint=content, at=at, since=at, **told | given)


def approval(at=T0, **given):
    return Approval(by="steward", reason="a closed shop", at=at, **given)


def test_what_was_recorded_comes_back_as_it_was(ledger):
    made = ledger.record_held(change())
    assert ledger.held() == [made]
    assert made == change().model_copy(update={"id": made.id})


def test_the_oldest_comes_first_and_the_same_content_once_under_its_newest_run(ledger):
    ledger.record_held(change(dataset="late", at=T0 + DAY))
    ledger.record_held(change())
    ledger.record_held(change("run2", at=T0 + 2 * DAY))
    first, second = ledger.held()
    assert (first.dataset, first.run_id, first.since) == ("orders", "run2", T0)
    assert second.dataset == "late"


def test_other_content_replaces_what_waited_and_starts_its_own_time(ledger):
    ledger.record_held(change())
    ledger.record_held(change("run2", "c2", at=T0 + DAY))
    (waits,) = ledger.held()
    assert (waits.fingerprint, waits.since) == ("c2", T0 + DAY)
    (before,) = ledger.held(run_id="run1")
    assert (before.end.outcome, before.end.run_id, before.end.at) == ("replaced", "run2", T0 + DAY)


def test_other_kinds_and_other_stages_wait_side_by_side(ledger):
    ledger.record_held(change())
    ledger.record_held(change(content="shape", kind="drift", rule="drift/key"))
    ledger.record_held(change(content="rows", kind="quarantine", stage="ready"))
    assert len(ledger.held()) == 3


def test_an_approval_counts_for_its_content_alone(ledger):
    ledger.approve([ledger.record_held(change())], approval())
    assert ledger.approval("orders", "raw", "c1") == approval()
    assert ledger.approval("orders", "raw", "c2") is None
    assert ledger.approval("orders", "ready", "c1") is None
    assert ledger.approval("customers", "raw", "c1") is None


def test_an_approval_of_one_night_counts_for_the_nights_after_it(ledger):
    first = ledger.record_held(change())
    ledger.record_held(change("run2", at=T0 + DAY))
    ledger.approve([first], approval(at=T0 + DAY))
    (waits,) = ledger.held()
    assert (waits.run_id, waits.waits, waits.approval.by) == ("run2", False, "steward")


@pytest.mark.parametrize("outcome", ["taken", "gone"])
def test_an_approval_ends_with_the_waiting(ledger, outcome):
    ledger.approve([ledger.record_held(change())], approval())
    ledger.end_held("orders", "raw", run_id="run2", outcome=outcome, at=T0 + DAY)
    assert ledger.held() == []
    assert ledger.approval("orders", "raw", "c1") is None
    ledger.record_held(change("run3", at=T0 + 2 * DAY))
    assert ledger.approval("orders", "raw", "c1") is None, "the same content later is a new question"


def test_what_nobody_approved_was_not_taken(ledger):
    ledger.approve([ledger.record_held(change())], approval())
    ledger.record_held(change(content="shape", kind="drift"))
    ledger.end_held("orders", "raw", run_id="run2", outcome="taken", at=T0 + DAY)
    assert {one.kind: one.end.outcome for one in ledger.held(run_id="run1")} == {"volume": "taken", "drift": "replaced"}


def test_a_run_that_failed_over_something_else_keeps_what_was_approved(ledger):
    ledger.approve([ledger.record_held(change())], approval())
    ledger.record_held(change(content="shape", kind="drift"))
    ledger.end_held("orders", "raw", run_id="run2", outcome="replaced", at=T0 + DAY)
    (kept,) = ledger.held()
    assert (kept.kind, kept.approval.by) == ("volume", "steward")


def test_another_dataset_is_left_alone(ledger):
    ledger.record_held(change())
    ledger.end_held("customers", "raw", run_id="run2", outcome="gone", at=T0)
    ledger.end_held("orders", "ready", run_id="run2", outcome="gone", at=T0)
    assert len(ledger.held()) == 1


def test_everything_that_ever_waited_can_be_read_again(ledger):
    ledger.record_held(change())
    ledger.end_held("orders", "raw", run_id="run2", outcome="gone", at=T0)
    ledger.record_held(change("run3", "c3"))
    assert [one.run_id for one in ledger.held(everything=True)] == ["run1", "run3"]


def test_nothing_left_is_told_of_rows_and_documents_and_not_of_columns():
    assert change(after=0).empties
    assert not change(after=1).empties
    assert not change(after=0, kind="drift", unit="columns").empties

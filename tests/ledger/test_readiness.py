"""A score is kept when its evidence moved, and only then; the rows are its history."""

from datetime import UTC, datetime, timedelta

from ledger.models import ReadinessScore

T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)


def scored(subject="orders", *, day=0, total=90.5, mark="a", **changes):
    told = {"kind": "dataset", "at": T0 + timedelta(days=day), "run_id": f"run-{day}", "known": True,
            "dimensions": {"dimensions": [{"name": "validity", "score": total}]}}  # fmt: skip
    return ReadinessScore(subject=subject, total=total, fingerprint=mark, **(told | changes))


def test_a_score_comes_back_as_it_was_recorded(ledger):
    one = scored(known=False)
    assert ledger.record_readiness([one]) == ["orders"]
    assert ledger.readiness() == [one]


def test_the_same_evidence_adds_no_row_however_often_it_is_measured(ledger):
    ledger.record_readiness([scored()])
    assert ledger.record_readiness([scored(day=1)]) == []
    assert [one.at for one in ledger.readiness_history()] == [T0]


def test_other_evidence_adds_a_row_also_where_it_was_seen_before(ledger):
    for day, mark in enumerate("aba"):
        assert ledger.record_readiness([scored(day=day, mark=mark)]) == ["orders"]
    assert [one.fingerprint for one in ledger.readiness_history("orders")] == ["a", "b", "a"]


def test_subjects_move_by_themselves(ledger):
    ledger.record_readiness([scored(), scored("desk", kind="use case")])
    assert ledger.record_readiness([scored(day=1), scored("desk", day=1, mark="b", kind="use case")]) == ["desk"]
    assert [(one.subject, one.fingerprint) for one in ledger.readiness()] == [("desk", "b"), ("orders", "a")]


def test_the_history_is_cut_per_subject_to_its_newest_rows(ledger):
    for day in range(4):
        ledger.record_readiness([scored(day=day, mark=f"{day}"), scored("stock", mark="same")])
    told = [(one.subject, one.fingerprint) for one in ledger.readiness_history(last=2)]
    assert told == [("stock", "same"), ("orders", "2"), ("orders", "3")]

"""Rows lost on the way are told: without a reason always, with one when they are more than allowed or usual."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.models import Dataset, Place, VolumeLimits
from expectations.volume import PARTS, Volume, volume_loss
from ledger import Account

HERE = Place(file="datasets/orders.odcs.yaml")
T0 = datetime(2026, 3, 1, tzinfo=UTC)


def orders(**limits):
    return Dataset(name="orders", version="1.0.0", title="Orders", owner="sales", source="till", physical_name="ORD",
                   fields=(), fingerprint="f", place=HERE, volume=VolumeLimits(**limits))  # fmt: skip


def volume(read=100, **parts):
    counts = dict.fromkeys(PARTS, 0) | parts
    return Volume(**{"read": read, "ready": read - sum(counts.values())} | counts)


def runs(*quarantined, read=100):
    return [
        Account(dataset="orders", run_id=f"r{n}", at=T0, read=read, indexed=read - q, quarantined=q, filtered=0,
                duplicate=0, failed=0)
        for n, q in enumerate(quarantined)
    ]  # fmt: skip


def test_a_row_that_is_neither_ready_nor_set_aside_is_critical():
    lost = volume_loss(orders(), Volume(100, 97, 1, 1, 0, 0), [])
    assert (lost.rule, lost.severity, lost.count) == ("volume-loss", "critical", 1)
    assert "1 are neither ready nor set aside" in lost.message


def test_more_rows_out_than_in_is_critical_too():
    assert volume_loss(orders(), Volume(100, 102, 0, 0, 0, 0), []).severity == "critical"


@pytest.mark.parametrize("part", PARTS)
def test_a_share_above_what_the_contract_allows_is_a_loss(part):
    (limits, at, above) = ({part: 0.1}, volume(**{part: 10}), volume(**{part: 13}))
    assert volume_loss(orders(**limits), at, []) is None
    lost = volume_loss(orders(**limits), above, [])
    assert (lost.severity, lost.count, lost.owner) == ("warning", 3, "sales")
    assert lost.evidence["lost"][part] == {"share": 0.13, "declared": 0.1, "beyond": 3}


def test_a_jump_above_what_is_usual_is_a_loss_and_one_odd_run_is_not_usual():
    history = runs(1, 90, 1, 2, 1)
    assert volume_loss(orders(), volume(quarantined=6), history) is None
    lost = volume_loss(orders(), volume(quarantined=12), history)
    assert lost.count == 11
    assert "12 are in quarantine (12.0%; usual are 1.0%)" in lost.message
    assert volume_loss(orders(jump=0.2), volume(quarantined=12), history) is None


def test_nothing_is_usual_before_three_runs_and_empty_ones_do_not_count():
    assert volume_loss(orders(), volume(quarantined=80), runs(0, 0)) is None
    assert volume_loss(orders(), volume(quarantined=80), [*runs(0, 0), *runs(0, read=0)]) is None
    assert volume_loss(orders(), volume(quarantined=80), runs(0, 0, 0)) is not None


def test_less_than_usual_is_no_loss():
    assert volume_loss(orders(), volume(), runs(50, 50, 50)) is None


def test_a_delivery_that_was_refused_as_a_whole_lost_nothing():
    assert volume_loss(orders(quarantined=0), volume(quarantined=80), [], taken=False) is None


def test_no_rows_at_all_are_no_share_of_anything():
    assert volume_loss(orders(quarantined=0), volume(read=0), runs(0, 0, 0)) is None


@given(read=st.integers(1, 500), usual=st.floats(0, 0.5), lost=st.floats(0, 0.5))
def test_the_same_shares_as_ever_are_never_a_loss_and_much_more_always_is(read, usual, lost):
    before = int(read * usual)
    history = runs(*[before] * 5, read=read)
    assert volume_loss(orders(), volume(read, quarantined=before), history) is None
    now = before + int(read * lost)
    told = volume_loss(orders(), volume(read, quarantined=now), history)
    assert (told is not None) == ((now - before) / read > 0.05 + 1e-9)

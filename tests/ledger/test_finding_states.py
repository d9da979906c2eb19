"""A finding is followed from look to look: new, open, resolved, reopened; what nobody looked at has not changed."""

import time
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Finding, Ledger

T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)


def finding(rule="orphans", dataset="orders", stage="gaps", count=3, **changes):
    return Finding(rule=rule, dataset=dataset, stage=stage, count=count, message="Told.",
                   **{"severity": "warning"} | changes)  # fmt: skip


def look(ledger, day, *rules, dataset="orders", stage="gaps", rows=3):
    told = [finding(rule, dataset, stage, rows) for rule in rules]
    ledger.record_findings(f"r{day}", dataset, stage, told, T0 + timedelta(days=day))


def day(number):
    return T0 + timedelta(days=number)


def only(found):
    (one,) = found
    return one


def test_what_only_the_newest_look_told_is_new(ledger):
    look(ledger, 0)
    look(ledger, 1, "orphans")
    one = only(ledger.open_findings())
    assert (one.state, one.first_seen, one.opened_at, one.reopened) == ("new", day(1), day(1), 0)


def test_what_two_looks_told_is_open_and_ages_from_the_first(ledger):
    look(ledger, 0, "orphans", rows=2)
    look(ledger, 3, "orphans", rows=5)
    one = only(ledger.open_findings())
    assert (one.state, one.opened_at, one.last_seen, one.finding.count) == ("open", day(0), day(3), 5)
    assert one.age(day(10)) == timedelta(days=10)


def test_a_look_that_does_not_tell_it_resolves_it(ledger):
    look(ledger, 0, "orphans")
    look(ledger, 2)
    look(ledger, 9)
    assert ledger.open_findings() == []
    one = only(ledger.finding_history())
    assert (one.state, one.resolved_at, one.last_seen) == ("resolved", day(2), day(0))
    assert one.age(day(30)) == timedelta(days=2)


def test_what_comes_back_is_reopened_until_it_is_resolved_and_remembers_when_it_was_first_seen(ledger):
    for number, rules in enumerate([("orphans",), (), ("orphans",), (), ("orphans",), ("orphans",)]):
        look(ledger, number, *rules)
    one = only(ledger.open_findings())
    assert (one.state, one.reopened, one.first_seen, one.opened_at) == ("reopened", 2, day(0), day(4))
    assert ledger.finding_counts(one.finding.id) == [
        (day(0), 3), (day(1), 0), (day(2), 3), (day(3), 0), (day(4), 3), (day(5), 3)
    ]  # fmt: skip


def test_a_stage_that_was_skipped_changes_nothing_about_its_findings(ledger):
    look(ledger, 0, "orphans")
    look(ledger, 1, dataset="orders", stage="ready")
    look(ledger, 1, dataset="crew", stage="gaps")
    assert only(ledger.open_findings()).state == "new"


def test_looks_are_in_the_order_in_which_they_were_made_whatever_the_clock_says(ledger):
    look(ledger, 5, "orphans")
    look(ledger, 1)
    look(ledger, 0, "orphans")
    one = only(ledger.open_findings())
    assert (one.state, one.first_seen, one.opened_at) == ("reopened", day(5), day(0))
    assert one.age(day(0) - timedelta(hours=1)) == timedelta()


def test_findings_of_a_dataset_that_is_no_longer_declared_are_withdrawn_and_not_open(ledger):
    look(ledger, 0, "orphans")
    look(ledger, 0, "mates", dataset="crew")
    assert [one.finding.dataset for one in ledger.open_findings(known=["orders"])] == ["orders"]
    told = {one.finding.dataset: one.state for one in ledger.finding_history(known=["orders"])}
    assert told == {"crew": "withdrawn", "orders": "new"}


def test_one_dataset_is_told_alone(ledger):
    look(ledger, 0, "orphans")
    look(ledger, 0, "mates", dataset="crew")
    assert [one.finding.rule for one in ledger.open_findings(dataset="crew")] == ["mates"]
    assert [one.finding.rule for one in ledger.finding_history(dataset="orders")] == ["orphans"]


def test_the_open_findings_are_those_of_the_newest_look_with_all_that_they_tell(ledger):
    whole = finding(severity="critical", sample_keys=("a", "b"), evidence={"x": [1]}, owner="o", remedy="m")
    ledger.record_findings("r0", "orders", "gaps", [whole], T0)
    assert [one.finding for one in ledger.open_findings()] == ledger.findings() == [whole]


def test_a_rule_told_twice_in_one_look_is_followed_once(ledger):
    look(ledger, 0, "orphans", "orphans")
    assert only(ledger.open_findings()).state == "new"


@pytest.fixture(scope="module")
def shared():
    opened = Ledger("sqlite://")
    yield opened
    opened.close()


NAMES = count()


@settings(deadline=None)  # the first example makes the tables
@given(told=st.lists(st.booleans(), min_size=1, max_size=12))
def test_the_state_is_what_walking_through_the_looks_by_hand_gives(shared, told):
    name = f"d{next(NAMES)}"
    for number, seen in enumerate(told):
        look(shared, number, *(["orphans"] if seen else []), dataset=name)
    found = shared.finding_history(dataset=name)
    opened = [n for n, seen in enumerate(told) if seen and (n == 0 or not told[n - 1])]
    if not opened:
        assert found == []
        return
    one = only(found)
    assert one.first_seen == day(told.index(True))
    assert one.opened_at == day(opened[-1])
    assert one.reopened == len(opened) - 1
    if told[-1]:
        newest = "new" if opened == [len(told) - 1] else "open" if len(opened) == 1 else "reopened"
        assert (one.state, one.resolved_at) == (newest, None)
    else:
        after = told.index(False, opened[-1])
        assert (one.state, one.resolved_at) == ("resolved", day(after))
    assert [one.finding for one in shared.open_findings(dataset=name)] == shared.findings(dataset=name)


def test_many_looks_of_fifty_findings_are_followed_at_once(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    for number in range(200):
        rules = [f"rule-{n}" for n in range(50) if (number + n) % 7]
        look(ledger, number, *rules)
    began = time.perf_counter()
    found = ledger.finding_history()
    took = time.perf_counter() - began
    assert len(found) == 50
    assert took < 3  # 0.05 s alone, 0.25 s for 1,000 looks; the bound only tells a query that is no longer linear
    ledger.close()


@pytest.mark.parametrize("name", ["open_findings", "finding_history"])
def test_an_empty_ledger_tells_nothing(ledger, name):
    assert getattr(ledger, name)() == []
    assert ledger.finding_counts("none") == []

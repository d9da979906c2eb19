"""Rows come into quarantine and go out again; what people decide stays as they said it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine, text

from ledger.models import QuarantineDecision, Sighting
from ledger.tables import METADATA

T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = "accounts findings interactions messages recordings session_ends sessions states steps"  # of the first version
A, B = ("row-a", "amount-range"), ("row-b", "amount-range")


def decision(**given):
    told = {"dataset": "orders", "row_id": "row-a", "kind": "reject", "taken": "t1", "key_mark": "m1", "by": "C1"}
    return QuarantineDecision(**told | {"reason": "a test row", "at": T0} | given)


def cleared(row_id, rule):
    return "cleared"


def test_a_row_is_as_old_as_the_check_that_first_saw_it(ledger):
    ledger.record_quarantine("r1", "orders", {A}, T0, outcome=cleared)
    ledger.record_quarantine("r2", "orders", {A, B}, T0 + DAY, outcome=cleared)
    first, second = ledger.sightings("orders")
    assert (first.row_id, first.first_seen, first.resolved_at) == ("row-a", T0, None)
    assert (second.row_id, second.first_seen) == ("row-b", T0 + DAY)


def test_an_open_row_was_last_seen_by_the_newest_check(ledger):
    ledger.record_quarantine("r1", "orders", {A}, T0, outcome=cleared)
    ledger.record_findings("r2", "orders", "ready", [], T0 + DAY)
    (one,) = ledger.sightings("orders")
    assert (one.first_seen, one.last_seen) == (T0, T0 + DAY)


def test_a_row_that_is_out_says_when_and_why(ledger):
    ledger.record_quarantine("r1", "orders", {A, B}, T0, outcome=cleared)
    ledger.record_quarantine("r2", "orders", {B}, T0 + DAY, outcome=lambda row_id, rule: "fix")
    assert [one.row_id for one in ledger.sightings("orders")] == ["row-b"]
    _, out = ledger.sightings("orders", resolved_since=T0)
    assert out == Sighting(
        dataset="orders", row_id="row-a", rule="amount-range", first_seen=T0, last_seen=T0, resolved_at=T0 + DAY,
        outcome="fix",
    )  # fmt: skip


def test_a_row_that_comes_back_is_young_again_and_its_first_stay_remains(ledger):
    for day, held in enumerate(({A}, set(), {A})):
        ledger.record_quarantine("r", "orders", held, T0 + day * DAY, outcome=cleared)
    again, before = ledger.sightings("orders", resolved_since=T0)
    assert (again.first_seen, again.resolved_at) == (T0 + 2 * DAY, None)
    assert (before.first_seen, before.resolved_at) == (T0, T0 + DAY)


def test_what_was_resolved_before_a_moment_is_not_told(ledger):
    ledger.record_quarantine("r1", "orders", {A}, T0, outcome=cleared)
    ledger.record_quarantine("r2", "orders", set(), T0 + DAY, outcome=cleared)
    assert ledger.sightings("orders", resolved_since=T0 + 2 * DAY) == []


def test_a_delivery_that_was_not_taken_lets_nobody_out(ledger):
    ledger.record_quarantine("r1", "orders", {A}, T0, outcome=cleared)
    ledger.record_quarantine("r2", "orders", {B}, T0 + DAY, outcome=cleared, whole=False)
    assert {one.row_id for one in ledger.sightings("orders")} == {"row-a", "row-b"}


def test_a_check_that_saw_the_same_adds_nothing(ledger, url):
    for _ in range(3):
        ledger.record_quarantine("r1", "orders", {A, B}, T0, outcome=cleared)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM quarantine_sightings")) == 2
    engine.dispose()


def test_datasets_do_not_see_each_other(ledger):
    ledger.record_quarantine("r1", "orders", {A}, T0, outcome=cleared)
    ledger.record_quarantine("r1", "crew", set(), T0, outcome=cleared)
    assert len(ledger.sightings("orders")) == 1
    assert ledger.sightings("crew") == []


def test_decisions_come_back_in_the_order_in_which_they_were_made(ledger):
    made = [
        decision(),
        decision(kind="release", rule="amount-range", key="7", location="ORD", position=7),
        decision(kind="fix", field="amount", value="7,50 ß", sealed=True, at=T0 - DAY),
    ]
    ledger.record_quarantine_decisions(made[:2])
    ledger.record_quarantine_decisions(made[2:])
    ledger.record_quarantine_decisions([decision(dataset="crew")])
    assert ledger.quarantine_decisions("orders") == made


def test_deciding_nothing_writes_nothing(ledger):
    ledger.record_quarantine_decisions([])
    assert ledger.quarantine_decisions("orders") == []


def test_a_ledger_of_the_first_version_gets_the_new_tables_and_keeps_its_rows(url):
    from alembic import command
    from alembic.config import Config

    from ledger import Ledger
    from ledger.opening import MIGRATIONS, open_ledger

    old = Ledger(url)
    old.record_quarantine("r1", "orders", {A}, T0, outcome=cleared)
    old.record_findings("r1", "orders", "ready", [], T0)
    old.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            if table.name not in FIRST.split():
                connection.execute(text(f"DROP TABLE {table.name}"))
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.stamp(config, "0001")
    engine.dispose()
    open_ledger(url).dispose()
    new = Ledger(url)
    assert new.sightings("orders") == []
    new.record_quarantine("r2", "orders", {A}, T0 + DAY, outcome=cleared)
    assert len(new.sightings("orders")) == 1
    new.close()

"""What people say of a pair of records stays as they said it, in the order in which they said it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import inspect, text

from ledger import Ledger
from ledger.models import EntityDecision

T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)


def decision(**given):
    told = {
        "entity": "customer", "left_dataset": "crm", "left_id": "a", "left_key": "17", "right_dataset": "billing",
        "right_id": "b", "right_key": "B1", "same": True, "key_mark": "m1", "by": "Steward 1", "at": T0,
    }  # fmt: skip
    return EntityDecision(**told | {"reason": "one address"} | given)


def test_decisions_come_back_in_the_order_in_which_they_were_made(ledger):
    made = [decision(), decision(same=False, reason="two branches", at=T0 - timedelta(days=1)), decision()]
    ledger.record_entity_decisions(made[:1])
    ledger.record_entity_decisions(made[1:])
    ledger.record_entity_decisions([decision(entity="supplier")])
    assert ledger.entity_decisions("customer") == made


def test_deciding_nothing_writes_nothing(ledger):
    ledger.record_entity_decisions([])
    assert ledger.entity_decisions("customer") == []


def test_a_pair_is_the_same_whoever_stands_left():
    turned = decision(left_id="b", right_id="a")
    assert turned.records == decision().records == ("a", "b")


def test_a_ledger_of_the_second_version_gets_the_new_table_and_keeps_its_rows(url):
    from alembic import command
    from alembic.config import Config

    from ledger.opening import MIGRATIONS, _engine, _parsed

    engine = _engine(_parsed(url))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        told = "run_id, dataset, stage, checked_at, fingerprint, changed"
        values = "'r1', 'orders', 'raw', '2026-03-01 02:00:00', 'f', true"
        connection.execute(text(f"INSERT INTO states ({told}) VALUES ({values})"))
    assert "entity_decisions" not in inspect(engine).get_table_names()
    engine.dispose()
    new = Ledger(url)
    new.record_entity_decisions([decision()])
    assert (new.entity_decisions("customer"), len(new.states())) == ([decision()], 1)
    new.close()

"""What is true now is the newest word; what was true stays in the tables; a trace comes back as it happened."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import create_engine, text

from ledger import Account, Finding, Interaction, Ledger, Message, Session, Step

T0 = datetime(2026, 3, 29, 0, 59, 59, 123456, tzinfo=UTC)


def finding(rule="orphans", dataset="orders", stage="gaps", **changes):
    told = {"severity": "warning", "count": 3, "message": "Three rows point nowhere."} | changes
    return Finding(rule=rule, dataset=dataset, stage=stage, **told)


def account(dataset="orders", **changes):
    counts = {"read": 5, "indexed": 3, "quarantined": 1, "filtered": 1, "duplicate": 0, "failed": 0}
    return Account(dataset=dataset, **({"run_id": "r1", "at": T0} | counts | changes))


def session(number=1, **changes):
    return Session(id=f"s{number}", channel="http", principal="dispatcher", started_at=T0, **changes)


def turn(number, session_id="s1"):
    return Interaction(id=f"{session_id}-i{number}", session_id=session_id, topic="search", started_at=T0, ended_at=T0,
                       attributes={"index_version": number})  # fmt: skip


def step(number, interaction):
    return Step(id=f"{interaction}-p{number}", interaction_id=interaction, type="ACTION_STEP", name="retrieval",
                input="Zürich?", output="[]", started_at=T0, attributes={"n": number})  # fmt: skip


def message(kind, interaction, session_id="s1"):
    return Message(id=f"{interaction}-{kind}", session_id=session_id, interaction_id=interaction, type=kind,
                   content="où? 飛行機 🛩", sent_at=T0)  # fmt: skip


def test_a_finding_comes_back_as_it_was_recorded(ledger):
    told = finding(
        sample_keys=("N1|2", "ß"),
        evidence={"share": 0.25, "rows": [{"key": "A", "theirs": None}], "nested": {"n": 1}},
        owner="fleet", remedy="Ask them.", blocking=True, unit="periods",
    )  # fmt: skip
    ledger.record_findings("r1", "orders", "gaps", [told], T0)
    assert ledger.findings() == [told]


def test_the_newest_look_at_a_stage_replaces_the_one_before_and_no_other_stage(ledger):
    ledger.record_findings("r1", "orders", "gaps", [finding("a"), finding("b")], T0)
    ledger.record_findings("r1", "orders", "raw", [finding("c", stage="raw")], T0)
    ledger.record_findings("r1", "crew", "gaps", [finding("d", dataset="crew")], T0)
    ledger.record_findings("r2", "orders", "gaps", [finding("b")], T0 - timedelta(days=1))  # a clock that was set back
    assert [one.rule for one in ledger.findings()] == ["d", "b", "c"]
    assert [one.rule for one in ledger.findings(dataset="orders")] == ["b", "c"]
    assert [one.rule for one in ledger.findings(dataset="orders", stage="raw")] == ["c"]


def test_nothing_found_is_a_word_too(ledger):
    ledger.record_findings("r1", "orders", "gaps", [finding()], T0)
    ledger.record_findings("r2", "orders", "gaps", [], T0)
    assert ledger.findings() == []


def test_a_finding_that_is_no_longer_open_stays_in_the_table(ledger, url):
    ledger.record_findings("r1", "orders", "gaps", [finding()], T0)
    ledger.record_findings("r2", "orders", "gaps", [], T0)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM findings")) == 1
    engine.dispose()


def test_a_number_that_is_none_in_the_evidence_does_not_break_the_record(ledger):
    ledger.record_findings("r1", "orders", "gaps", [finding(evidence={"mean": float("nan")})], T0)
    (told,) = ledger.findings()
    assert told.evidence["mean"] is None or told.evidence["mean"] != told.evidence["mean"]


def test_the_newest_account_of_each_dataset_counts(ledger):
    ledger.record_account(account())
    ledger.record_account(account(indexed=2, missing_keys=("K1",)))
    ledger.record_account(account("crew"))
    crew, orders = ledger.accounts()
    assert (crew.dataset, crew.balanced) == ("crew", True)
    assert (orders.indexed, orders.missing_keys, orders.balanced) == (2, ("K1",), False)


def test_the_same_account_said_twice_stands_once(ledger, url):
    ledger.record_account(account())
    ledger.record_account(account(at=T0 + timedelta(hours=1)))
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM accounts")) == 1
    engine.dispose()


def test_a_state_tells_when_it_last_looked_and_when_it_last_changed(ledger):
    for hours, changed in ((0, True), (1, False), (2, False)):
        ledger.record_state("orders", "raw", checked_at=T0 + timedelta(hours=hours), fingerprint=f"f{hours}",
                            changed=changed, run_id=f"r{hours}")  # fmt: skip
    state = ledger.states()[("orders", "raw")]
    assert (state.checked_at, state.changed_at) == (T0 + timedelta(hours=2), T0)
    assert (state.run_id, state.fingerprint) == ("r2", "f2")


def test_moments_keep_their_microseconds_and_any_zone_is_told_in_utc(ledger):
    elsewhere = T0.astimezone(timezone(timedelta(hours=5, minutes=30)))
    ledger.start_session(Session(id="s1", channel="mcp", principal="x", started_at=elsewhere))
    started = ledger.session("s1").started_at
    assert started == T0
    assert started.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(ledger):
    with pytest.raises(Exception, match="aware times only"):
        ledger.record_findings("r1", "orders", "gaps", [], datetime(2026, 1, 1))


def test_a_trace_comes_back_whole_and_in_order(ledger):
    ledger.start_session(session())
    ledger.start_session(session())
    for number in (1, 2, 3):
        one = turn(number)
        ledger.record_turn(one, steps=[step(2, one.id), step(1, one.id)],
                           messages=[message("Input", one.id), message("Output", one.id)])  # fmt: skip
    ledger.end_session("s1", T0 + timedelta(minutes=1), "USER_ENDED")
    ledger.end_session("s1", T0 + timedelta(minutes=9), "AGENT_ENDED")
    trace = ledger.trace("s1")
    assert (trace.session.ended_at, trace.session.end_type) == (T0 + timedelta(minutes=1), "USER_ENDED")
    assert [one.id for one in trace.interactions] == ["s1-i1", "s1-i2", "s1-i3"]
    assert [one.attributes["n"] for one in trace.steps] == [2, 1, 2, 1, 2, 1]
    assert [one.type for one in trace.messages] == ["Input", "Output"] * 3
    assert trace.messages[0].content == "où? 飛行機 🛩"
    assert ledger.last_interaction("s1") == turn(3)


def test_a_visit_that_never_was_is_none(ledger):
    assert ledger.session("s9") is None
    assert ledger.trace("s9") is None
    assert ledger.last_interaction("s9") is None
    with pytest.raises(KeyError):
        ledger.end_session("s9", T0, "USER_ENDED")


def test_a_turn_that_fails_half_way_leaves_nothing_of_itself(ledger):
    ledger.start_session(session())
    one = turn(1)
    with pytest.raises(Exception, match="does not answer"):
        ledger.record_turn(one, steps=[step(1, one.id), step(1, one.id)])
    assert ledger.trace("s1").interactions == ()


def test_many_threads_write_their_turns_and_none_is_lost(ledger):
    ledger.start_session(session())

    def visit(number):
        ledger.start_session(session(2))
        ledger.record_turn(turn(number), messages=[message("Input", turn(number).id)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(40)))
    assert len(ledger.trace("s1").interactions) == 40


def test_two_ledgers_on_one_database_tell_the_same(ledger, url):
    other = Ledger(url)
    ledger.record_account(account())
    assert other.accounts() == ledger.accounts()
    other.close()

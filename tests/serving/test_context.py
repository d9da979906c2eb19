"""The service below all doors: cited, dated, governed, traced."""

import json
from datetime import timedelta

import pytest

import index
from catalog.errors import BadQuery, IndexStoreError, LedgerError


def _search(context, harbour, question="Ship S1", *, caller="officer", **more):
    return context.search(question, principal=harbour.principal(caller), channel="cli", **more)


def test_an_answer_tells_its_source_age_and_visit(harbour):
    answer = _search(harbour.context(), harbour)
    hit = next(hit for hit in answer.hits if hit.urn == harbour.urn("fees"))
    assert hit.citation.source == "office"
    assert hit.age_seconds == timedelta(days=3).total_seconds()
    assert hit.fresh is False
    assert answer.session_id
    assert answer.interaction_id


def test_a_visit_goes_on_with_its_session_id(harbour):
    context = harbour.context()
    first = _search(context, harbour)
    second = _search(context, harbour, session_id=first.session_id)
    trace = context.ledger.trace(first.session_id)
    assert [turn.id for turn in trace.interactions] == [first.interaction_id, second.interaction_id]
    assert trace.interactions[1].previous_id == first.interaction_id


@pytest.mark.parametrize("caller", ["clerk", "anonymous"])
def test_a_session_of_someone_else_is_refused_like_one_that_is_not(harbour, caller):
    context = harbour.context()
    theirs = _search(context, harbour).session_id
    told = set()
    for session_id in (theirs, "no-such-session", "", "x" * 5000, "\ud800"):
        with pytest.raises(BadQuery) as refused:
            _search(context, harbour, caller=caller, session_id=session_id)
        told.add(str(refused.value))
    assert len(told) == 1
    assert len(context.ledger.trace(theirs).interactions) == 1


def test_an_ended_visit_does_not_go_on(harbour):
    context = harbour.context()
    session_id = _search(context, harbour).session_id
    context.ledger.end_session(session_id, context.clock(), "done")
    with pytest.raises(BadQuery):
        _search(context, harbour, session_id=session_id)


def test_the_trace_holds_the_question_the_decision_and_names_but_no_record_text(harbour):
    context = harbour.context()
    answer = _search(context, harbour, purpose="audit", limit=3)
    trace = context.ledger.trace(answer.session_id)
    assert (trace.session.principal, trace.session.channel) == ("officer", "cli")
    (turn,) = trace.interactions
    assert (turn.type, turn.topic) == ("TURN", "audit")
    access, retrieval = trace.steps
    assert access.type == "TRUST_GUARDRAILS_STEP"
    assert access.attributes["datasets"] == ["crew", "fees", "piers", "ships"]
    assert (retrieval.type, retrieval.previous_id) == ("ACTION_STEP", access.id)
    assert retrieval.attributes["urns"] == [hit.urn for hit in answer.hits]
    assert retrieval.attributes["index_version"] == answer.index_version
    asked, told = trace.messages
    assert (asked.type, asked.content, told.type) == ("Input", "Ship S1", "Output")
    assert [one["urn"] for one in json.loads(told.content)] == [hit.urn for hit in answer.hits]
    assert "Confidential" not in trace.model_dump_json()


@pytest.mark.parametrize(
    "asked",
    [
        {"question": "  "},
        {"question": "x" * 100_000},
        {"limit": -1},
        {"limit": 51},
        {"purpose": "x" * 501},
        {"datasets": ("no-such",)},
        {"filters": [index.Filter(field="key", op="in", value=("k",) * 101)]},
        {"filters": [index.Filter(field="key", value="x" * 501)]},
        {"filters": [index.Filter(field="key", value="x")] * 9},
    ],
)
def test_a_question_outside_the_limits_is_refused_in_one_line_and_traced(harbour, asked):
    names = iter(f"{id(asked)}-{number}" for number in range(20))
    context = harbour.context(new_id=lambda: next(names))
    with pytest.raises(BadQuery) as refused:
        _search(context, harbour, **asked)
    assert "\n" not in str(refused.value)
    trace = context.ledger.trace(f"{id(asked)}-0")
    assert trace.steps[-1].error == str(refused.value)
    assert len(trace.messages[0].content) <= 2000


def test_a_dataset_that_is_not_the_callers_is_as_absent_as_one_that_is_not(harbour):
    context, told = harbour.context(), set()
    for name in ("crew", "no-such"):
        with pytest.raises(BadQuery) as refused:
            _search(context, harbour, caller="outsider", datasets=(name,))
        told.add(str(refused.value))
    assert len(told) == 1


def test_a_fault_is_traced_by_its_type_and_raised(harbour, monkeypatch):
    names = iter(f"fault-{number}" for number in range(20))
    context = harbour.context(new_id=lambda: next(names))
    monkeypatch.setattr(index, "search", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _search(context, harbour)
    assert context.ledger.trace("fault-0").steps[-1].error == "ZeroDivisionError"


def test_without_a_trace_nothing_is_answered(harbour, monkeypatch):
    context = harbour.context()

    def broken(*_, **__):
        raise LedgerError("the disk is full")

    monkeypatch.setattr(context.ledger, "record_turn", broken)
    with pytest.raises(LedgerError):
        _search(context, harbour)


def test_before_the_first_publish_every_question_says_what_to_do(empty_harbour):
    context = empty_harbour.context()
    with pytest.raises(IndexStoreError, match="landbridge run"):
        _search(context, empty_harbour)
    with pytest.raises(IndexStoreError, match="landbridge run"):
        context.get_record(empty_harbour.urn("piers", "P1"), principal=empty_harbour.principal("clerk"))
    assert "landbridge run" in context.not_ready()


def test_the_model_is_loaded_once_and_only_for_a_question(harbour, monkeypatch):
    loaded = []
    monkeypatch.setattr(index, "load_embedder", lambda *told, **named: loaded.append((told, named)) or harbour.embedder)
    context = harbour.context(embedder=None)
    context.list_datasets(harbour.principal("clerk"))
    assert not loaded
    _search(context, harbour)
    _search(context, harbour)
    assert len(loaded) == 1
    assert loaded == [(("hashed-words", harbour.home.models), {"named": harbour.embedder.name})]


def test_a_dataset_is_described_as_far_as_the_caller_may_see(harbour):
    (piers,) = harbour.context().list_datasets(harbour.principal("anonymous"))[:1]
    assert piers.name == "piers"
    assert piers.rows.read == 2
    assert piers.fresh is True
    assert piers.open_findings == 1
    ships = next(one for one in harbour.context().list_datasets(harbour.principal("anonymous")) if one.name == "ships")
    assert [one.name for one in ships.fields] == ["pier"]
    assert ships.withheld_fields == 3


def test_a_record_is_the_document_and_the_row_behind_it(harbour):
    record = harbour.context().get_record(harbour.urn("ships"), principal=harbour.principal("clerk"))
    assert record.title == "ships S1"
    assert record.values["hold"] == "Hold-Internal"
    assert record.values["owner"] != "Owner-Masked"
    assert record.citation.location.startswith("office.csv")
    assert record.fresh is True

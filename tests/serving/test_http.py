"""The HTTP door: what it answers, and one clear line for everything it does not."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from urllib.parse import quote

import httpx2
import pytest
from starlette.testclient import TestClient

from serving.gate import Gate
from tests.serving.harbour import ODD_KEY, bearer

JSON = {"Content-Type": "application/json"}
UNKNOWN_NAMES = ("classification", "roles_text", "search_text", "Traceback", "lance", "sqlite")


def _problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert set(told) == {"type", "title", "status", "detail"}
    assert told["status"] == status
    assert "\n" not in told["detail"]
    assert len(told["detail"]) < 1000
    assert not any(name in told["detail"] for name in UNKNOWN_NAMES)
    return told["detail"]


def test_a_search_over_http_is_cited_and_traced(harbour, web):
    answer = web.post("/v1/search", json={"query": "Ship S1", "limit": 3, "purpose": "test"}, headers=bearer("officer"))
    assert answer.status_code == 200
    told = answer.json()
    assert 0 < len(told["hits"]) <= 3
    assert told["hits"][0]["citation"]["urn"].startswith("urn:landbridge:harbour:")
    trace = harbour.context().ledger.trace(told["session_id"])
    assert (trace.session.channel, trace.session.principal) == ("http", "officer")
    assert trace.interactions[0].id == told["interaction_id"]


def test_datasets_and_filters_narrow_a_search(web):
    asked = {"query": "Ship", "limit": 50, "datasets": ["ships", "fees"], "filters": [{"field": "key", "value": "S2"}]}
    hits = web.post("/v1/search", json=asked, headers=bearer("officer")).json()["hits"]
    assert {(hit["dataset"], hit["key"]) for hit in hits} == {("ships", "S2"), ("fees", "S2")}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"query": ""}', 422),
        (b'{"query": " "}', 422),
        (b'{"query": "' + b"x" * 100_000 + b'"}', 422),
        (b'{"query": 7}', 422),
        (b'{"query": "\\ud800"}', 422),
        (b"{}", 422),
        (b'{"query": "x", "limit": -1}', 422),
        (b'{"query": "x", "limit": 51}', 422),
        (b'{"query": "x", "limit": 1e400}', 422),
        (b'{"query": "x", "limit": "8"}', 422),
        (b'{"query": "x", "limit": 2.5}', 422),
        (b'{"query": "x", "limit": true}', 422),
        (b'{"query": "x", "limit": null}', 422),
        (b'{"query": "x", "k": 3}', 422),
        (b'{"query": "x", "datasets": ["no-such"]}', 404),
        (b'{"query": "x", "filters": [{"field": "classification", "value": "0"}]}', 422),
        (b'{"query": "x", "filters": [{"field": "key", "op": "like", "value": "%"}]}', 422),
        (b'{"query": "x", "filters": "dataset = \'crew\' OR 1=1"}', 422),
        (b'{"query": "x", "session_id": "no-such"}', 404),
        (b"[]", 422),
        (b"null", 422),
        (b"", 422),
        (b"not json", 400),
        (b'{"query": "\xff\xfe"}', 400),
        (b"[" * 100_000, 400),
        (b'{"query": "' + b"x" * 1_100_000 + b'"}', 413),
    ],
)
def test_bad_input_is_one_clear_line(web, body, status):
    _problem(web.post("/v1/search", content=body, headers=JSON), status)


def test_a_body_that_hides_its_size_is_cut_off(web):
    chunks = (b"x" * 65_536 for _ in range(40))
    _problem(web.post("/v1/search", content=chunks, headers=JSON), 413)


@pytest.mark.parametrize("query", ["'; DROP TABLE chunks; --", "x\x00y", "*:* AND (", "\u202e\u0000", "🛳" * 500])
def test_odd_questions_are_only_text(web, query):
    assert web.post("/v1/search", json={"query": query}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/search", 405),
        ("GET", "/mcp", 405),
        ("GET", "/nothing", 404),
        ("GET", "/v1/datasets/no-such", 404),
        ("GET", "/v1/datasets/" + "x" * 100, 422),
        ("GET", "/v1/gaps?severity=loud", 422),
        ("GET", "/v1/gaps?sev=critical", 422),
        ("GET", "/v1/gaps?dataset=no-such", 404),
        ("GET", "/v1/records/", 404),
        ("GET", "/v1/records/urn:x", 404),
        ("GET", "/v1/records/%00", 404),
        ("GET", "/v1/records/%ff%fe", 404),
        ("GET", "/v1/records/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/records/" + "x" * 3000, 422),
    ],
)
def test_a_bad_address_is_one_clear_line(web, method, path, status):
    _problem(web.request(method, path), status)


def test_a_record_is_read_by_a_urn_with_any_character_in_it(harbour, live):
    urn = harbour.urn("piers", ODD_KEY)  # over the real server: the test client undoes escapes twice
    answer = httpx2.get(f"{live}/v1/records/{quote(urn, safe='')}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["urn"] == urn
    assert answer.json()["values"]["code"] == ODD_KEY


def test_gaps_are_filtered_and_the_gravest_comes_first(web):
    found = web.get("/v1/gaps", headers=bearer("officer")).json()["gaps"]
    assert [gap["severity"] for gap in found] == ["critical", "warning", "warning", "info"]
    asked = {"dataset": "ships", "severity": "warning", "rule": "pier-unknown"}
    (gap,) = web.get("/v1/gaps", params=asked, headers=bearer("officer")).json()["gaps"]
    assert gap["stage"] == "gaps"


def test_values_that_json_has_no_word_for_are_told_all_the_same(harbour, web, monkeypatch):
    from datetime import date, timedelta
    from decimal import Decimal

    values = {"a": float("nan"), "b": Decimal("1.50"), "c": date(2026, 1, 2), "d": timedelta(hours=1), "e": b"x"}
    row = {"values": values, "dataset": "piers", "key": "P7", "withheld": [], "location": "office.csv", "position": 2}
    monkeypatch.setattr("index.read_rows", lambda *_: row)
    told = web.get(f"/v1/records/{harbour.urn('piers', 'P7')}")
    assert told.status_code == 200, told.text
    assert told.json()["values"] == {"a": None, "b": "1.50", "c": "2026-01-02", "d": "PT1H", "e": "x"}


def test_health_is_up_and_ready_only_with_an_index(web, empty_harbour):
    assert web.get("/healthz").json() == {"status": "up"}
    assert web.get("/readyz").json() == {"status": "ready"}
    with TestClient(empty_harbour.app()) as client:
        assert client.get("/healthz").status_code == 200
        assert "landbridge run" in _problem(client.get("/readyz"), 503)
        assert "landbridge run" in _problem(client.post("/v1/search", json={"query": "x"}), 503)
        assert client.get("/v1/datasets").status_code == 200


def test_a_published_index_is_served_without_a_restart(empty_harbour):
    context = empty_harbour.context()
    context.reader.every = 0.0  # it looks every few seconds
    with TestClient(empty_harbour.app(context=context)) as client:
        assert client.get("/readyz").status_code == 503
        empty_harbour.publish()
        assert client.get("/readyz").json() == {"status": "ready"}


def test_a_ledger_that_fails_is_503_and_its_address_is_not_told(harbour, monkeypatch):
    from catalog.errors import LedgerError

    context = harbour.context()

    def broken(*_, **__):
        raise LedgerError("the ledger postgresql://someone@db.internal/x does not answer: column chunks.secret")

    for name in ("states", "record_turn", "accounts", "findings", "open_findings"):
        monkeypatch.setattr(context.ledger, name, broken)
    with TestClient(harbour.app(context=context)) as client:
        for path in ("/readyz", "/v1/datasets", "/v1/gaps"):
            assert "db.internal" not in _problem(client.get(path), 503)
        assert "db.internal" not in _problem(client.post("/v1/search", json={"query": "x"}), 503)


def test_an_unforeseen_fault_is_500_without_its_text(harbour, monkeypatch):
    context = harbour.context()
    monkeypatch.setattr(context, "list_datasets", lambda *_: 1 / 0)
    with TestClient(harbour.app(context=context), raise_server_exceptions=False) as client:
        assert "division" not in _problem(client.get("/v1/datasets"), 500)


def test_answers_are_not_kept_by_caches(web):
    assert web.get("/v1/datasets").headers["cache-control"] == "no-store"
    assert web.get("/v1/datasets").headers["x-content-type-options"] == "nosniff"


def test_when_too_many_wait_the_next_is_told_to_come_back(harbour, monkeypatch):
    context, held, started = harbour.context(), threading.Event(), threading.Semaphore(0)

    def slow(_):
        started.release()
        held.wait(10)
        return ()

    monkeypatch.setattr(context, "list_datasets", slow)
    app = harbour.app(context=context, gate=Gate(at_once=1, waiting=1))
    with TestClient(app) as client, ThreadPoolExecutor(4) as pool:
        first = pool.submit(client.get, "/v1/datasets")
        started.acquire(timeout=10)
        others = [pool.submit(client.get, "/v1/datasets") for _ in range(3)]
        answered = as_completed(others, timeout=10)
        refused = [next(answered).result(), next(answered).result()]
        assert client.get("/healthz").status_code == 200
        held.set()
        assert [one.result().status_code for one in (first, *answered)] == [200, 200]
    for one in refused:
        _problem(one, 503)
        assert one.headers["retry-after"] == "1"


def test_the_log_holds_the_route_and_the_caller_but_no_question(harbour, caplog):
    caplog.set_level(logging.DEBUG)
    with TestClient(harbour.app()) as web:
        web.post("/v1/search", json={"query": "xyzzy-question"}, headers=bearer("clerk"))
        web.get("/v1/records/urn:xyzzy-key")
        web.get("/v1/gaps?rule=xyzzy-rule")
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("serving")]
    assert any(line.startswith("POST /v1/search 200") and line.endswith("clerk") for line in ours)
    assert any(line.startswith("GET /v1/records/{urn:path} 404") and line.endswith("anonymous") for line in ours)
    assert "xyzzy" not in "\n".join(ours)

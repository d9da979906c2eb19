"""Keys: known ones name a principal, unknown ones nobody, and none is ever told, kept or logged."""

import logging

import pytest
from starlette.testclient import TestClient

from catalog.errors import ProjectError, SecretUnresolved
from catalog.models import Policy, Principal
from serving.callers import Callers
from tests.serving.harbour import KEYS, bearer, visit

DOORS = [
    ("GET", "/v1/datasets"), ("GET", "/v1/datasets/piers"), ("GET", "/v1/gaps"), ("GET", "/v1/records/urn:x"),
    ("POST", "/v1/search"), ("POST", "/mcp"), ("GET", "/mcp"), ("GET", "/no-such-door"),
]  # fmt: skip
BAD = [
    [("Authorization", "Bearer not-a-key")],
    [("Authorization", "Bearer")],
    [("Authorization", "Bearer ")],
    [("Authorization", "")],
    [("Authorization", f"Basic {KEYS['clerk']}")],
    [("Authorization", KEYS["clerk"])],
    [("X-API-Key", "")],
    [("X-API-Key", "not-a-key")],
    [("X-API-Key", KEYS["clerk"].upper())],
    [("X-API-Key", KEYS["clerk"]), ("Authorization", f"Bearer {KEYS['officer']}")],
    [("X-API-Key", KEYS["clerk"]), ("X-API-Key", "not-a-key")],
    [("X-API-Key", b"\xff\xfe")],
]


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_key_that_is_nobodys_is_401_at_every_door(web, method, path):
    told = web.request(
        method, path, headers={"X-API-Key": "not-a-key"}, json={"query": "x"} if method == "POST" else None
    )
    assert told.status_code == 401
    assert told.headers["www-authenticate"].startswith("Bearer")
    assert told.headers["content-type"] == "application/problem+json"
    assert set(told.json()) == {"type", "title", "status", "detail"}


def test_all_bad_keys_are_answered_alike(web):
    answers = {
        (told.status_code, told.content) for told in (web.get("/v1/datasets", headers=headers) for headers in BAD)
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 401


def test_the_official_client_is_refused_with_a_bad_key(live):
    async def work(client):
        return await client.list_tools()

    for mode in ("auto", "legacy"):
        with pytest.raises(Exception, match=r".") as refused:
            visit(live, work, headers={"X-API-Key": "not-a-key"}, mode=mode)
        assert "not-a-key" not in str(refused.value)


def test_health_and_the_description_need_no_key_and_mind_no_bad_one(web):
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert web.get(path, headers={"X-API-Key": "not-a-key"}).status_code == 200


def test_a_key_without_a_value_refuses_to_start(harbour, monkeypatch):
    monkeypatch.delenv("HARBOUR_CLERK_KEY")
    with pytest.raises(SecretUnresolved, match="HARBOUR_CLERK_KEY"):
        harbour.app()


def test_an_empty_key_file_refuses_to_start(harbour, tmp_path):
    (tmp_path / "clerk.key").write_text(" \n")
    clerk = Principal(name="clerk", key=f"${{file:{tmp_path}/clerk.key}}")
    with pytest.raises(SecretUnresolved, match="empty"):
        Callers.of(harbour.project.model_copy(update={"policy": Policy(principals=(clerk,))}))


def test_two_callers_with_one_key_refuse_to_start_and_the_key_is_not_told(harbour, monkeypatch):
    monkeypatch.setenv("HARBOUR_OFFICER_KEY", KEYS["clerk"])
    with pytest.raises(ProjectError, match="'clerk' and 'officer'") as refused:
        Callers.of(harbour.project)
    assert KEYS["clerk"] not in str(refused.value)


def test_a_principal_without_a_key_cannot_be_called(harbour):
    policy = Policy(principals=(Principal(name="keyless"),))
    callers = Callers.of(harbour.project.model_copy(update={"policy": policy}))
    assert callers.identify([(b"x-api-key", b"")]) is None


def test_the_callers_hold_no_key(harbour):
    callers = Callers.of(harbour.project)
    assert not any(key in repr(vars(callers)) for key in KEYS.values())


def test_no_key_reaches_a_log_an_answer_or_the_trace(harbour, caplog):
    caplog.set_level(logging.DEBUG)
    context = harbour.context()
    told = []
    with TestClient(
        harbour.app(context=context), base_url="http://127.0.0.1:8787", raise_server_exceptions=False
    ) as web:
        for headers in (bearer("clerk"), {"X-API-Key": KEYS["clerk"]}, {"X-API-Key": f"{KEYS['clerk']}x"}):
            for method, path in DOORS:
                answer = web.request(
                    method, path, headers=headers, json={"query": "Ship S1"} if method == "POST" else None
                )
                told += [answer.text, str(answer.headers), context_text(context, answer)]
        told.append(web.get("/readyz").text)
    assert KEYS["clerk"] not in "\n".join(told)
    assert KEYS["clerk"] not in "\n".join(f"{one.getMessage()} {one.exc_text}" for one in caplog.records)


def context_text(context, answer):
    session_id = answer.json().get("session_id") if answer.headers.get("content-type") == "application/json" else None
    return context.ledger.trace(session_id).model_dump_json() if session_id else ""

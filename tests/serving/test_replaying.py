"""An answer can be asked again as of then, by those who may, and says so when that version is gone."""

import dataclasses

import pytest
from starlette.testclient import TestClient

import index
from catalog.errors import BadQuery
from catalog.models import Classification, Principal
from serving.visibility import Absent, Forbidden
from tests.serving.harbour import bearer, running, visit

AUDITOR = Principal(name="auditor", clearance=Classification.restricted, roles=("auditor", "ops"))
QUESTION = "which ship lies in the harbour"


@pytest.fixture
def harbour(empty_harbour):
    """One of its own, as it is published to."""
    empty_harbour.publish()
    empty_harbour.fill()
    return empty_harbour


@pytest.fixture
def doors(harbour):
    """The same harbour, where the officer is an auditor, too."""
    principals = tuple(
        one.model_copy(update={"roles": (*one.roles, "auditor")}) if one.name == "officer" else one
        for one in harbour.project.policy.principals
    )
    policy = harbour.project.policy.model_copy(update={"principals": principals})
    return dataclasses.replace(harbour, project=harbour.project.model_copy(update={"policy": policy}))


@pytest.fixture
def ask(harbour):
    def one(*, principal=AUDITOR, **more):
        return harbour.context().search(QUESTION, principal=principal, channel="http", **more)

    return one


def test_a_session_is_replayed_with_the_same_hits_after_another_publication(harbour, ask):
    first = ask()
    assert first.known
    store = index.Store(harbour.home.index)
    store.latest().to_lance().delete(f"document_id = '{first.hits[0].document_id}'")
    index.publish(store, store.version)
    now = ask()
    assert [hit.urn for hit in now.hits] != [hit.urn for hit in first.hits]
    for as_of in (first.session_id, str(first.index_version)):
        then = ask(as_of=as_of)
        assert [(hit.urn, hit.text) for hit in then.hits] == [(hit.urn, hit.text) for hit in first.hits]
        assert then.index_version == first.index_version
        assert {hit.as_of for hit in then.hits} == {None}, "nobody knows when the sources had been read"


def test_a_version_that_was_pruned_is_told(harbour, ask):
    with pytest.raises(Absent, match="version 9999 is not kept"):
        ask(as_of="9999")


def test_only_auditors_may_ask_as_of_then(ask):
    reader = AUDITOR.model_copy(update={"name": "reader", "roles": ("ops",)})
    for as_of in ("1", "9999", "nonsense"):
        with pytest.raises(Forbidden, match=r"is for auditors.*the role 'auditor'"):
            ask(principal=reader, as_of=as_of)


def test_over_http_who_is_no_auditor_is_forbidden_and_an_auditor_is_answered(harbour, ask, doors):
    then = str(ask().index_version)
    with TestClient(doors.app(), base_url="http://127.0.0.1:8787") as web:
        for name in ("clerk", "anonymous"):
            told = web.post("/v1/search", json={"query": QUESTION, "as_of": then}, headers=bearer(name))
            assert (told.status_code, told.json()["title"]) == (403, "Forbidden")
            assert told.json()["detail"].startswith("Asking as of an earlier time is for auditors.")
        told = web.post("/v1/search", json={"query": QUESTION, "as_of": then}, headers=bearer("officer"))
        assert told.status_code == 200 and str(told.json()["index_version"]) == then


def test_an_agent_asks_as_of_then_by_the_same_rule(ask, doors):
    then = str(ask().index_version)

    async def work(client):
        return await client.call_tool("search", {"query": QUESTION, "as_of": then})

    with running(doors.app()) as address:
        clerk, officer = (visit(address, work, headers=bearer(name)) for name in ("clerk", "officer"))
    assert clerk.is_error and "is for auditors" in clerk.content[0].text
    assert not officer.is_error and str(officer.structured_content["index_version"]) == then


@pytest.mark.parametrize("as_of", ["yesterday", "2026-03-01", "no-such-session"])
def test_what_names_no_version_is_refused_in_words(ask, as_of):
    with pytest.raises(BadQuery, match=r"as of what|no time zone"):
        ask(as_of=as_of)

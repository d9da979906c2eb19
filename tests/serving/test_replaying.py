"""An answer can be asked again as of then, by those who may, and says so when that version is gone."""

import pytest

import index
from catalog.errors import BadQuery
from catalog.models import Classification, Principal
from serving.visibility import Absent

AUDITOR = Principal(name="auditor", clearance=Classification.restricted, roles=("auditor", "ops"))
QUESTION = "which ship lies in the harbour"


@pytest.fixture
def harbour(empty_harbour):
    """One of its own, as it is published to."""
    empty_harbour.publish()
    empty_harbour.fill()
    return empty_harbour


@pytest.fixture
def ask(harbour):
    def one(*, principal=AUDITOR, **more):
        return harbour.context().search(QUESTION, principal=principal, channel="http", **more)

    return one


def test_a_session_is_replayed_with_the_same_hits_after_another_publication(harbour, ask):
    first = ask()
    assert first.known
    store = index.Store(harbour.home.index)
    store.latest().delete(f"document_id = '{first.hits[0].document_id}'")
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
    with pytest.raises(BadQuery, match="is for auditors"):
        ask(principal=reader, as_of="1")


@pytest.mark.parametrize("as_of", ["yesterday", "2026-03-01", "no-such-session"])
def test_what_names_no_version_is_refused_in_words(ask, as_of):
    with pytest.raises(BadQuery, match=r"as of what|no time zone"):
        ask(as_of=as_of)

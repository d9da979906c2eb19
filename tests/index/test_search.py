"""Questions get cited, governed hits, or an honest "not known"; nothing a caller writes breaks or widens anything."""

from __future__ import annotations

import random
import shutil
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from catalog.errors import BadQuery, IndexStoreError
from catalog.models import Principal, Project
from index import Answer, Change, Filter, Query, Store, get_document, search
from index.testing import HashEmbedder

Frames = dict[str, pl.DataFrame]
Ask = Callable[..., Answer]
PAYLOADS = (
    "x' OR '1'='1",
    "aircraft' OR 1=1 --",
    "x) OR (true",
    "aircraft'; DROP TABLE chunks",
    'dataset" OR "1"="1',
    "\\' OR 1=1",
    "aircraft\x00",
    "x' UNION SELECT vector",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves the index that it built; the others copy it."""
    return tmp_path_factory.mktemp("built") / "index"


@pytest.fixture
def ask(
    built: Path,
    build: Callable[..., Change],
    frames: Frames,
    store: Store,
    embedder: HashEmbedder,
    project: Project,
    insider: Principal,
) -> Ask:
    if built.exists():
        shutil.copytree(built, store.uri, dirs_exist_ok=True)
    else:
        for name in ("aircraft", "airports", "flights"):
            build(name, frames)
        shutil.copytree(store.uri, built)

    def asked(text: str, *, principal: Principal = insider, linked: Project = project, **more: object) -> Answer:
        given = {
            "text": text,
            "principal": principal,
            **{k: v for k, v in more.items() if k not in ("freshness", "now")},
        }
        clock = {k: v for k, v in more.items() if k in ("freshness", "now")}
        return search(Query.model_validate(given), store=store, embedder=embedder, project=linked, **clock)  # type: ignore[arg-type]

    return asked


def test_a_key_in_the_question_comes_first_and_is_cited(ask: Ask) -> None:
    answer = ask("What is known about n2bb?")
    first = answer.hits[0]
    assert (first.key, first.rank) == ("N2BB", 1)
    assert first.why.startswith("key match 'N2BB'")
    assert {hit.key for hit in answer.hits[:2]} == {"N2BB"}
    assert first.citation.model_dump() == {
        "source": "ops",
        "dataset": first.dataset,
        "location": first.citation.location,
        "key": "N2BB",
        "urn": first.urn,
    }
    assert "Two registers disagree on the model." in answer.gaps


def test_a_word_that_is_also_a_code_routes_only_in_capitals(
    build: Callable[..., Change], frames: Frames, ask: Ask
) -> None:
    coded = frames["airports"].with_columns(pl.Series("code", ["AS", "US"]), pl.Series("_key", ["AS", "US"]))
    build("airports", {**frames, "airports": coded})
    assert not [hit for hit in ask("what is known as well of us").hits if "key match" in hit.why]
    assert ask("the AS airport").hits[0].key == "AS"


def test_a_code_inside_a_longer_name_does_not_route(build: Callable[..., Change], frames: Frames, ask: Ask) -> None:
    coded = frames["airports"].with_columns(
        pl.Series("code", ["SAN", "San Juan"]), pl.Series("_key", ["SAN", "San Juan"])
    )
    build("airports", {**frames, "airports": coded})
    for question in ("who flew to San Juan", "who flew to SAN JUAN?"):
        routed = [hit.key for hit in ask(question).hits if "key match" in hit.why]
        assert routed == ["San Juan"], question
    both = {hit.key for hit in ask("from SAN to San Juan").hits if "key match" in hit.why}
    assert both == {"SAN", "San Juan"}


def test_a_question_about_nothing_here_is_not_known_and_says_what_was_searched(ask: Ask) -> None:
    answer = ask("zebra quokka okapi", datasets=("aircraft",))
    assert not answer.known and not answer.hits
    assert "close enough" in answer.reason and "aircraft" in answer.reason and "insider" in answer.reason


def test_an_exact_key_answers_however_far_the_rest_of_the_question_is(ask: Ask, project: Project) -> None:
    strict = project.model_copy(update={"min_similarity": 0.999})
    answer = ask("zebra quokka okapi N9ZZ and more", linked=strict)
    assert [hit.key for hit in answer.hits] == ["N9ZZ"]


def test_a_document_is_listed_once(ask: Ask) -> None:
    ids = [hit.document_id for hit in ask("Boston flights aircraft", limit=50).hits]
    assert len(ids) == len(set(ids))


def test_the_age_of_an_answer_is_told_against_its_promise(ask: Ask, project: Project) -> None:
    promised = project.datasets["aircraft"].model_copy(update={"freshness": timedelta(days=1)})
    linked = project.model_copy(update={"datasets": {**project.datasets, "aircraft": promised}})
    now = datetime(2026, 1, 3, tzinfo=UTC)
    read = {"aircraft": now - timedelta(days=2)}
    hits = {hit.dataset: hit for hit in ask("N1AA", linked=linked, freshness=read, now=now).hits}
    assert (hits["aircraft"].age_seconds, hits["aircraft"].fresh) == (172_800.0, False)
    assert (hits["flights"].as_of, hits["flights"].fresh) == (None, None)


@pytest.mark.parametrize(("text", "limit"), [("", 8), ("  \n", 8), ("x" * 2001, 8), ("x", 0), ("x", -1), ("x", 51)])
def test_a_question_outside_the_limits_is_refused(text: str, limit: int, insider: Principal) -> None:
    with pytest.raises(BadQuery):
        Query(text=text, limit=limit, principal=insider)


def test_no_punctuation_breaks_the_question(ask: Ask) -> None:
    rng = random.Random(7)
    signs = string.punctuation + " \t\n\"'“”()[]{}^~*?:\\/+-!&|AND OR NOT NEAR\x00é漢🛫"
    texts = ["".join(rng.choices(signs, k=rng.randint(1, 60))) + "x" for _ in range(40)]
    for text in [*texts, *PAYLOADS, 'title:"', "N1AA AND (", "a" * 2000, "the of and", "N1AA~2^3"]:
        assert isinstance(ask(text), Answer)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("field", ["dataset", "kind", "source", "key", "document_id"])
def test_a_filter_is_a_value_and_never_a_piece_of_a_filter(ask: Ask, field: str, payload: str) -> None:
    assert ask("Boston N1AA", filters=({"field": field, "value": payload},)).hits == ()
    assert ask("Boston N1AA", filters=({"field": field, "op": "in", "value": (payload, "nope")},)).hits == ()


def test_filters_narrow(ask: Ask) -> None:
    assert {hit.dataset for hit in ask("N1AA Boston", datasets=("flights",)).hits} == {"flights"}
    assert {hit.key for hit in ask("N1AA N2BB", filters=(Filter(field="key", op="in", value=("N2BB",)),)).hits} == {
        "N2BB"
    }
    assert ask("N1AA", filters=(Filter(field="key", op="in", value=()),)).hits == ()


def test_a_payload_as_a_document_name_finds_nothing(ask: Ask, store: Store, insider: Principal) -> None:
    assert ask("N1AA").known
    for payload in PAYLOADS:
        assert get_document(store, insider, payload) is None


def test_a_document_is_given_whole_to_those_who_may_see_it(ask: Ask, store: Store, insider: Principal) -> None:
    assert ask("N1AA").known
    urn = "urn:landbridge:demo:aircraft:N1AA"
    document = get_document(store, insider, urn)
    assert document is not None
    assert document["citation"]["location"] == "ops.csv:2"
    assert "vector" not in document
    assert get_document(store, Principal(name="anonymous"), urn) is None


def test_an_anonymous_caller_sees_public_documents_only(ask: Ask) -> None:
    answer = ask("BOS Boston N1AA", principal=Principal(name="anonymous"), limit=50)
    assert {hit.dataset for hit in answer.hits} == {"airports"}
    assert {hit.visible_because for hit in answer.hits} == {"it is public"}


def test_before_the_first_publish_the_index_says_so(
    store: Store, embedder: HashEmbedder, project: Project, insider: Principal
) -> None:
    with pytest.raises(IndexStoreError, match="nothing is published"):
        search(Query(text="x", principal=insider), store=store, embedder=embedder, project=project)


def test_another_model_may_not_ask(ask: Ask, store: Store, project: Project, insider: Principal) -> None:
    assert ask("N1AA").known
    with pytest.raises(IndexStoreError, match="built by the model"):
        other = HashEmbedder(name="another@2")
        search(Query(text="x", principal=insider), store=store, embedder=other, project=project)


def test_the_stores_own_words_do_not_reach_the_caller(
    ask: Ask, store: Store, embedder: HashEmbedder, project: Project, insider: Principal
) -> None:
    assert ask("N1AA").known
    short = HashEmbedder(dimension=7)  # the store refuses a vector of this length, and names its columns
    with pytest.raises(IndexStoreError) as caught:
        search(Query(text="N1AA", principal=insider), store=store, embedder=short, project=project)
    assert "vector" not in str(caught.value) and "roles" not in str(caught.value)

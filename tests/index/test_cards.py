"""Agents can ask what data there are, and learn of no field that they may not see."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from catalog.models import Classification, Dataset, Definition, Field, Place, Principal, Project, Relation, Term
from index import Store, catalog_dataset, publish, reconcile, render_cards, search
from index.answers import Query
from index.cards import CATALOG
from index.records import get_document
from index.testing import HashEmbedder

HERE = Place(file="glossary.yaml")
STRANGER = Principal(name="stranger", clearance=Classification.public)


def cards_of(project: Project, name: str) -> list[str]:
    return render_cards(project, rows={}).filter(pl.col("key") == name).sort("ordinal")["text"].to_list()


def test_a_card_tells_what_a_dataset_is_its_fields_and_what_is_masked(project: Project, aircraft: Dataset) -> None:
    told = aircraft.model_copy(update={"owner": "fleet-records", "granularity": "one aircraft"})
    linked = project.model_copy(update={"datasets": {**project.datasets, "aircraft": told}})
    about, fields = cards_of(linked, "aircraft")
    assert "One row is one aircraft. Owner: fleet-records. Source system: ops." in about
    assert "tail_number (string, primary key)" in fields
    assert "owner (string, personal data, masked: pseudonym)" in fields


def test_rows_are_told_by_magnitude_so_that_a_card_does_not_change_with_each(project: Project) -> None:
    one, other = (render_cards(project, rows={"flights": count}) for count in (1_204, 8_000))
    assert one["hash"].to_list() == other["hash"].to_list()
    assert any("It has thousands of rows." in text for text in one["text"])


def test_a_contract_that_changes_changes_its_own_card_only(project: Project, airports: Dataset) -> None:
    other = airports.model_copy(update={"description": "Where aircraft land."})
    changed = project.model_copy(update={"datasets": {**project.datasets, "airports": other}})
    both = render_cards(project, rows={}).join(render_cards(changed, rows={}), on="id", suffix="_then")
    assert both.filter(pl.col("hash") != pl.col("hash_then"))["key"].unique().to_list() == ["airports"]


def test_a_field_above_the_caller_is_not_told_to_him(
    project: Project, airports: Dataset, new_field: Callable[..., Field], store: Store, embedder: HashEmbedder
) -> None:
    secret = new_field("radar_frequency", classification=Classification.restricted)
    other = airports.model_copy(update={"fields": (*airports.fields, secret)})
    linked = project.model_copy(update={"datasets": {"airports": other}})
    published(linked, store, embedder)
    name = linked.urn(CATALOG, "dataset:airports")
    seen = get_document(store, STRANGER, name)
    cleared = Principal(name="insider", clearance=Classification.restricted, roles=("ops",))
    whole = get_document(store, cleared, name)
    assert seen is not None
    assert whole is not None
    assert "code (string, primary key)" in seen["text"]
    assert "radar_frequency" not in seen["text"]
    assert "radar_frequency" in whole["text"]


def test_a_reference_is_as_strict_as_both_of_its_ends(project: Project, flights: Dataset) -> None:
    relation = Relation(fields=("dest",), to_dataset="airports", to_fields=("code",), place=HERE)
    linked = {**project.datasets, "flights": flights.model_copy(update={"relations": (relation,), "roles": ("crew",)})}
    assert not any("refers to" in text for text in cards_of(project.model_copy(update={"datasets": linked}), "flights"))
    linked["flights"] = linked["flights"].model_copy(update={"roles": ("crew", "ops")})
    chunks = render_cards(project.model_copy(update={"datasets": linked}), rows={})
    told = chunks.filter(pl.col("text").str.contains("refers to")).row(0, named=True)
    assert told["text"] == "flights refers to airports: dest is its code."
    assert (told["classification"], told["roles"]) == (int(Classification.internal), ["ops"])


def test_a_word_tells_where_it_is_found_only_to_those_who_may_see_that_field(project: Project) -> None:
    term = Term(
        name="Tail number", definition="The registration painted on an aircraft.", synonyms=("registration",),
        found_in=(("aircraft", "tail_number"), ("airports", "code")), classification=Classification.public, place=HERE,
    )  # fmt: skip
    chunks = render_cards(project.model_copy(update={"glossary": (term,)}), rows={}).filter(pl.col("kind") == "term")
    seen = chunks.filter(pl.col("classification") == 0)["text"].to_list()
    assert seen[0].endswith("painted on an aircraft. Also called registration.")
    assert [text for text in seen if "found in" in text] == [
        "Tail number is found in the field code of the dataset airports, airports."
    ]
    assert chunks.filter(pl.col("classification") == 1).height == 1


def test_cards_and_words_tell_where_they_are_defined_to_those_who_may_see_the_field(
    project: Project, airports: Dataset, new_field: Callable[..., Field]
) -> None:
    wiki = Definition(url="https://wiki.example.org/radar", type="businessDefinition", description="Our wording.")
    video = Definition(url="https://video.example.org/1", type="videoTutorial")
    secret = new_field("radar", title="Radar", classification=Classification.restricted, definitions=(wiki, video))
    told = airports.model_copy(update={"fields": (*airports.fields, secret), "definitions": (video,)})
    term = Term(name="Radar", definition="It sees aircraft.", url=wiki.url, place=HERE)
    linked = project.model_copy(update={"datasets": {"airports": told}, "glossary": (term,)})
    about, public, restricted = cards_of(linked, "airports")
    assert about.endswith(" Defined at: video tutorial: <https://video.example.org/1>.")
    assert "wiki.example.org" not in about + public
    assert restricted == (
        "Fields of airports: radar (string) Radar, defined at: business definition: <https://wiki.example.org/radar> "
        "(Our wording) and video tutorial: <https://video.example.org/1>."
    )
    assert cards_of(linked, "Radar") == ["Radar: It sees aircraft. Defined at: <https://wiki.example.org/radar>."]


def test_the_card_answers_which_data_there_are(project: Project, store: Store, embedder: HashEmbedder) -> None:
    published(project, store, embedder)
    question = Query(text="which dataset holds aircraft", principal=Principal(name="me", clearance=2))
    answer = search(question, store=store, embedder=embedder, project=project)
    assert (answer.hits[0].dataset, answer.hits[0].key) == (CATALOG, "aircraft")


def published(project: Project, store: Store, embedder: HashEmbedder) -> None:
    with store.writer():
        store.begin()
        chunks = render_cards(project, rows={})
        change = reconcile(store, chunks, dataset=catalog_dataset(), embedder=lambda: embedder)
        publish(store, change.version)

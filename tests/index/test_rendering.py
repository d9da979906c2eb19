"""Rows become text: figures, borrowed names, gaps, places and labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from catalog.errors import IndexStoreError
from catalog.models import Classification, Dataset, DocumentTemplate, Field, Lookup, Place, Project, Source
from index import render
from index.labels import NOBODY, labels_of
from index.tokens import Tokens
from index.wording import as_text, compile_template

Chunks = Callable[..., pl.DataFrame]
HERE = Place(file="datasets/test.odcs.yaml")


def only(chunks: pl.DataFrame, key: str, kind: str) -> dict[str, object]:
    return chunks.filter((pl.col("key") == key) & (pl.col("kind") == kind)).row(0, named=True)


def test_a_row_is_told_with_its_flights_and_the_names_of_their_destinations(
    chunks_of: Chunks, frames: dict[str, pl.DataFrame]
) -> None:
    told = only(chunks_of("aircraft", frames), "N1AA", "aircraft")
    assert told["document_id"] == "urn:landbridge:demo:aircraft:N1AA"
    assert "N1AA is a 737, built 1999, owned by tok_owner_" in str(told["text"])
    assert "Flights: 3, to Boston (2), San Juan (1), mean delay 2.5." in str(told["text"])
    assert (told["location"], told["rows"], told["keys"]) == ("ops.csv:2", 1, ["N1AA"])


def test_what_is_missing_or_contradictory_is_told_in_the_text_and_listed(
    chunks_of: Chunks, frames: dict[str, pl.DataFrame]
) -> None:
    told = only(chunks_of("aircraft", frames), "N2BB", "aircraft")
    gaps = ["Two registers disagree on the model.", "Not recorded: year built."]
    assert told["gaps"] == gaps
    assert str(told["text"]).endswith(" ".join(gaps))
    assert "N2BB is a nameless model, owned by" in str(told["text"])


def test_where_no_flight_belongs_the_count_is_zero_and_the_rest_unknown(
    chunks_of: Chunks, frames: dict[str, pl.DataFrame]
) -> None:
    told = only(chunks_of("aircraft", frames), "N9ZZ", "aircraft")
    assert "Flights: 0, to unknown, mean delay unknown." in str(told["text"])


def test_a_group_tells_its_rows_and_covers_them(chunks_of: Chunks, frames: dict[str, pl.DataFrame]) -> None:
    chunks = chunks_of("flights", frames)
    told = only(chunks, "N1AA", "tail")
    assert told["text"] == "N1AA flew 3 times to 2 places, worst delay 4, 1 without one."
    assert (told["rows"], told["location"]) == (3, "ops.csv")
    assert chunks["rows"].sum() == frames["flights"].height


def test_rows_without_the_grouping_value_are_covered_too(chunks_of: Chunks, frames: dict[str, pl.DataFrame]) -> None:
    told = only(chunks_of("flights", frames), "(none)", "tail")
    assert (told["title"], told["rows"], told["keys"]) == ("Flights of unknown", 1, [])


def test_a_template_for_the_missing_keeps_only_what_the_register_lacks(
    chunks_of: Chunks, frames: dict[str, pl.DataFrame]
) -> None:
    orphans = chunks_of("flights", frames).filter(pl.col("kind") == "unregistered")
    assert orphans["key"].to_list() == ["N3CC"]
    assert orphans["gaps"].to_list() == [["No registry knows N3CC."]]
    assert orphans["rows"].sum() == 0  # the first template counts the rows


def test_rows_in_another_order_give_the_same_hashes(chunks_of: Chunks, frames: dict[str, pl.DataFrame]) -> None:
    shuffled = {**frames, "flights": frames["flights"].sample(fraction=1.0, shuffle=True, seed=3)}
    ours, theirs = chunks_of("aircraft", frames), chunks_of("aircraft", shuffled)
    assert ours["hash"].to_list() == theirs["hash"].to_list()


def test_values_read_as_people_write_them() -> None:
    frame = pl.DataFrame(
        {
            "whole": [12.0],
            "part": [12.25],
            "none": [float("nan")],
            "exact": [Decimal("12.50")],
            "day": [date(2013, 1, 2)],
            "moment": [datetime(2013, 1, 2, 3, 4, 5, tzinfo=UTC)],
            "yes": [True],
        }
    )
    told = frame.select(as_text(frame.schema, name).alias(name) for name in frame.columns).row(0)
    assert told == ("12", "12.25", None, "12.50", "2013-01-02", "2013-01-02 03:04 UTC", "yes")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{a}", "unknown"),
        ("{a|none}", "none"),
        ("x[[, a {a}]][[, b {b}]]", "x, b B"),
        ("[[{a|sub} {b}]]", "sub B"),
        ("", ""),
    ],
)
def test_a_template_tells_absence_as_it_was_asked_to(template: str, told: str) -> None:
    frame = pl.DataFrame({"a": [None], "b": ["B"]}, schema={"a": pl.String, "b": pl.String})
    assert frame.select(compile_template(template, pl.col).alias("t"))["t"].to_list() == [told]


def test_a_document_of_public_fields_alone_is_public_and_needs_no_role(
    chunks_of: Chunks, frames: dict[str, pl.DataFrame]
) -> None:
    chunks = chunks_of("airports", frames)
    assert chunks["classification"].unique().to_list() == [int(Classification.public)]
    assert chunks["roles"].to_list() == [[], []]


def test_a_masked_field_counts_as_internal_and_a_plain_one_as_labelled(project: Project, aircraft: Dataset) -> None:
    template = aircraft.documents[0]
    assert labels_of(aircraft, template, project).classification == Classification.internal
    unmasked = tuple(one.model_copy(update={"mask": None}) for one in aircraft.fields)
    bare = aircraft.model_copy(update={"fields": unmasked})
    assert labels_of(bare, template, project).classification == Classification.restricted


def test_a_document_told_from_two_datasets_asks_for_a_role_of_both(project: Project, aircraft: Dataset) -> None:
    def with_roles(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
        mine = aircraft.model_copy(update={"roles": ours})
        other = project.datasets["flights"].model_copy(update={"roles": theirs})
        linked = project.model_copy(update={"datasets": {**project.datasets, "aircraft": mine, "flights": other}})
        return labels_of(mine, aircraft.documents[0], linked).roles

    assert with_roles((), ("crew",)) == ("crew",)
    assert with_roles(("ops", "crew"), ("crew",)) == ("crew",)
    assert with_roles(("ops",), ("crew",)) == (f"\x00{NOBODY}",)


def test_a_gap_of_a_stricter_field_is_not_told_in_a_laxer_document(
    project: Project, frames: dict[str, pl.DataFrame], new_field: Callable[..., Field]
) -> None:
    airports = project.datasets["airports"]
    secret = new_field("code_word", classification=Classification.restricted, expected=True)
    stricter = airports.model_copy(update={"fields": (*airports.fields, secret)})
    linked = project.model_copy(update={"datasets": {**project.datasets, "airports": stricter}})
    rows = [("airports", "row", "code_word", "BOS", "r", "The code word SWORDFISH is old.")]
    known = pl.DataFrame(rows, schema=["dataset", "scope", "field", "key", "rule", "sentence"], orient="row")
    with_secret = {**frames, "airports": frames["airports"].with_columns(pl.lit(None, pl.String).alias("code_word"))}
    chunks = render(stricter, with_secret, project=linked, known=known, mask_key=b"k")
    assert chunks["gaps"].to_list() == [[], []]
    assert chunks["classification"].max() == int(Classification.public)


def test_a_lookup_takes_the_first_of_duplicates_and_keeps_the_rows(
    project: Project, frames: dict[str, pl.DataFrame], flights: Dataset
) -> None:
    template = DocumentTemplate(
        name="flight",
        title="Flight {id}",
        text="To {place|nowhere known}.",
        lookups=(Lookup(dataset="airports", on=(("dest", "code"),), fields={"place": "name"}),),
        place=HERE,
    )
    one = flights.model_copy(update={"documents": (template,)})
    doubled = pl.concat([frames["airports"], frames["airports"].with_columns(pl.lit("Other").alias("name"))])
    chunks = render(one, {**frames, "airports": doubled}, project=project, known=None, mask_key=b"k")
    assert chunks.height == frames["flights"].height
    assert set(chunks["text"]) == {"To Boston.", "To San Juan.", "To nowhere known."}


def test_two_documents_of_one_name_are_refused(project: Project, frames: dict[str, pl.DataFrame]) -> None:
    doubled = {**frames, "airports": pl.concat([frames["airports"]] * 2)}
    with pytest.raises(IndexStoreError, match="share a name"):
        render(project.datasets["airports"], doubled, project=project, known=None, mask_key=b"k")


def test_a_long_markdown_file_becomes_chunks_with_breadcrumbs_and_counts_once(
    project: Project, new_dataset: Callable[..., Dataset], new_field: Callable[..., Field], new_frame: Chunks
) -> None:
    template = DocumentTemplate(name="guide", title="{title}", text="{body}", place=HERE)
    fields = [new_field("path", key_position=1), new_field("title"), new_field("body")]
    guides = new_dataset("guides", fields, [template], source="docs")
    source = Source(name="docs", kind="markdown", location=".", place=HERE)
    linked = project.model_copy(update={"datasets": {"guides": guides}, "sources": {"docs": source}})
    body = "# De-icing\nIntro.\n\n## Fluids\n" + "Use the right fluid. " * 100 + "\n\n## Times\n|a|b|\n|-|-|\n|1|2|\n"
    frame = new_frame({"path": ["de-icing.md"], "title": ["De-icing"], "body": [body]}, "path")
    chunks = render(guides, {"guides": frame}, project=linked, known=None, mask_key=b"k").sort("ordinal")
    assert chunks["breadcrumb"].unique(maintain_order=True).to_list() == [
        "De-icing",
        "De-icing > Fluids",
        "De-icing > Times",
    ]
    assert chunks["id"].to_list() == [f"urn:landbridge:demo:guides:de-icing.md#{n}" for n in range(chunks.height)]
    assert chunks["rows"].to_list() == [1] + [0] * (chunks.height - 1)


@pytest.mark.parametrize(
    ("kind", "pattern", "paged"),
    [("document", "*.pdf", True), ("files", "a.zip!*.pdf", True), ("files", "*.csv", False)],
)
def test_passages_of_a_paged_file_cite_the_page(
    project: Project, new_dataset: Callable[..., Dataset], new_field: Callable[..., Field], new_frame: Chunks,
    kind: str, pattern: str, paged: bool,
) -> None:  # fmt: skip
    template = DocumentTemplate(name="manual", title="{path}", text="{body}", place=HERE)
    fields = [new_field("path", key_position=1), new_field("body")]
    manuals = new_dataset("manuals", fields, [template], source="docs", physical_name=pattern)
    source = Source(name="docs", kind=kind, location=".", place=HERE)
    linked = project.model_copy(update={"datasets": {"manuals": manuals}, "sources": {"docs": source}})
    body = "# One\nFirst page.\n\n<!-- page 2 -->\n\n# Two\nSecond page.\n\n<!-- page 3 -->\n\nThird page."
    frame = new_frame({"path": ["m.pdf"], "body": [body]}, "path")
    chunks = render(manuals, {"manuals": frame}, project=linked, known=None, mask_key=b"k").sort("ordinal")
    cited = ["ops.csv:page 1", "ops.csv:pages 2-3"] if paged else ["ops.csv:2"]
    assert chunks["location"].to_list() == cited


def test_a_card_longer_than_the_model_reads_is_cut_and_a_shorter_one_is_not(
    project: Project, frames: dict[str, pl.DataFrame], airports: Dataset
) -> None:
    asked: list[str] = []

    def count(texts: Sequence[str]) -> list[int]:
        asked.extend(texts)
        return [len(text.split()) for text in texts]

    long = frames["airports"].with_columns(
        pl.when(pl.col("code") == "BOS").then(pl.lit("very " * 60 + "long")).otherwise(pl.col("name")).alias("name")
    )
    chunks = render(
        airports, {"airports": long}, project=project, known=None, mask_key=b"k", tokens=Tokens(count, limit=40)
    )
    assert chunks.group_by("key").len().sort("key").rows() == [("BOS", 2), ("SJU", 1)]
    assert not any("San Juan" in text for text in asked)  # it cannot be too long, so it is not counted

"""Masked values reach nothing: no text, no key, no vector, no file of the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from catalog.models import Classification, Dataset, DocumentTemplate, Field, Place, Principal, Project
from index import Change, Store, mask, read_rows, render
from index.masking import RAW, pseudonym
from index.testing import HashEmbedder

CANARY = "Xenia Canary-7781"
HERE = Place(file="datasets/test.odcs.yaml")


def test_a_masked_value_is_in_no_chunk_no_embedded_text_and_no_file(
    build: Callable[..., Change], store: Store, embedder: HashEmbedder, frames: dict[str, pl.DataFrame]
) -> None:
    for name in ("aircraft", "airports", "flights"):
        build(name, frames)
    assert embedder.embedded and not any("Canary" in text for text in embedder.embedded)
    files = [path for path in Path(store.uri).rglob("*") if path.is_file()]
    assert files and not any(b"Canary" in path.read_bytes() for path in files)


def test_every_mask_does_what_it_says(new_dataset: Callable[..., Dataset], new_field: Callable[..., Field]) -> None:
    masks = ("pseudonym", "redact", "drop", "last4", "year")
    dataset = new_dataset("d", [new_field("id", key_position=1), *(new_field(m, mask=m) for m in masks)], [])
    frame = pl.DataFrame({"id": ["1", "2"], **{m: ["1234567", None] for m in masks}}).with_columns(
        pl.lit(date(1984, 5, 6)).alias("year")
    )
    first, second = mask(frame, dataset, b"key").rows(named=True)
    assert first == {
        "id": "1",
        "pseudonym": pseudonym("1234567", "pseudonym", b"key"),
        "redact": "[redacted]",
        "drop": None,
        "last4": "****4567",
        "year": "1984",
    }
    assert {name: second[name] for name in masks[:4]} == dict.fromkeys(masks[:4])


def test_a_pseudonym_is_stable_for_a_key_and_another_for_another_key() -> None:
    token = pseudonym("Ann", "name", b"one")
    assert token == pseudonym("Ann", "name", b"one")
    assert token.startswith("tok_name_") and len(token) == len("tok_name_") + 26
    assert token not in (pseudonym("Ann", "name", b"two"), pseudonym("Ann", "nick", b"one"))


def test_a_masked_key_is_masked_in_names_and_in_sentences_and_still_joins(
    project: Project,
    new_dataset: Callable[..., Dataset],
    new_field: Callable[..., Field],
    new_frame: Callable[..., pl.DataFrame],
) -> None:
    template = DocumentTemplate(name="p", title="{id}", text="{id} {nick}. {known_gaps}", place=HERE)
    crew = new_dataset(
        "crew", [new_field("id", key_position=1, mask="redact"), new_field("nick", mask="redact")], [template]
    )
    frame = new_frame({"id": [CANARY, "Other Canary"], "nick": ["Canary", "Canary"]}, "id")
    rows = [("crew", "row", "nick", CANARY, "odd-nick", f"{CANARY} has an odd nick.")]
    known = pl.DataFrame(rows, schema=["dataset", "scope", "field", "key", "rule", "sentence"], orient="row")
    linked = project.model_copy(update={"datasets": {"crew": crew}})
    chunks = render(crew, {"crew": frame}, project=linked, known=known, mask_key=b"k")
    assert "Canary" not in chunks.write_json()
    assert chunks["key"].str.starts_with("tok_key_").all()
    assert chunks["gaps"].list.len().sum() == 1


def test_the_plain_copies_for_joins_are_only_made_when_asked(
    aircraft: Dataset, frames: dict[str, pl.DataFrame]
) -> None:
    assert not [name for name in mask(frames["aircraft"], aircraft, b"k").columns if name.startswith(RAW)]


def test_a_governed_row_lists_what_it_withholds(
    tmp_path: Path, aircraft: Dataset, frames: dict[str, pl.DataFrame]
) -> None:
    path = tmp_path / "aircraft.parquet"
    frames["aircraft"].write_parquet(path)
    fields = tuple(
        one.model_copy(update={"classification": Classification.confidential}) if one.name == "model" else one
        for one in aircraft.fields
    )
    dataset = aircraft.model_copy(update={"fields": fields})
    reader = Principal(name="reader", clearance=Classification.internal)
    row = read_rows(path, dataset, reader, "N1AA", b"k")
    assert row is not None
    assert row["withheld"] == ["model"]
    assert row["values"]["owner"].startswith("tok_owner_")
    assert CANARY not in str(row)
    assert read_rows(path, dataset, Principal(name="anonymous"), "N1AA", b"k") is None
    assert read_rows(path, dataset, reader, "' OR '1'='1", b"k") is None

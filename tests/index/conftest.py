"""A small airline in memory: three datasets of one source, and an index that is built from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from catalog.models import (
    Aggregate,
    Classification,
    Dataset,
    DocumentTemplate,
    Field,
    Lookup,
    Place,
    Principal,
    Project,
    Related,
    Source,
)
from index import Change, Store, publish, reconcile, render
from index.testing import HashEmbedder

HERE = Place(file="datasets/test.odcs.yaml")
PUBLIC = Classification.public
CANARY = "Xenia Canary-7781"


def field(name: str, kind: str = "string", **more: object) -> Field:
    return Field.model_validate({"name": name, "physical_name": name, "type": kind, "place": HERE, **more})


def contract(name: str, fields: list[Field], documents: list[DocumentTemplate], **more: object) -> Dataset:
    given = {"name": name, "title": name, "fields": tuple(fields), "documents": tuple(documents), **more}
    fixed = {"version": "1.0.0", "source": "ops", "physical_name": name, "fingerprint": name, "place": HERE}
    return Dataset.model_validate(fixed | given)


@pytest.fixture
def new_field() -> Callable[..., Field]:
    return field


@pytest.fixture
def new_dataset() -> Callable[..., Dataset]:
    return contract


@pytest.fixture
def airports() -> Dataset:
    template = DocumentTemplate(name="airport", title="Airport {code}", text="{code} is {name}.", place=HERE)
    fields = [field("code", key_position=1, classification=PUBLIC), field("name", classification=PUBLIC)]
    return contract("airports", fields, [template], roles=("ops",))


@pytest.fixture
def aircraft() -> Dataset:
    flights = Related(
        name="flights",
        dataset="flights",
        on=(("tail_number", "tail"),),
        lookups=(Lookup(dataset="airports", on=(("dest", "code"),), fields={"dest_name": "name"}),),
        aggregates=(
            Aggregate(name="count", function="count"),
            Aggregate(name="top", function="top", field="dest_name", limit=2),
            Aggregate(name="delay", function="mean", field="delay"),
        ),
    )
    template = DocumentTemplate(
        name="aircraft",
        title="Aircraft {tail_number}",
        text=(
            "{tail_number} is a {model|nameless model}[[, built {year_built}]], owned by {owner}. "
            "Flights: {flights.count}, to {flights.top}, mean delay {flights.delay}. {known_gaps}"
        ),
        related=(flights,),
        place=HERE,
    )
    fields = [
        field("tail_number", key_position=1),
        field("model"),
        field("year_built", "integer", expected=True),
        field("owner", personal=True, mask="pseudonym", classification=Classification.restricted),
    ]
    return contract("aircraft", fields, [template])


@pytest.fixture
def flights() -> Dataset:
    figures = (
        Aggregate(name="n", function="count"),
        Aggregate(name="places", function="distinct", field="dest"),
        Aggregate(name="worst", function="max", field="delay"),
        Aggregate(name="undelayed", function="count", where_null="delay"),
    )
    told = DocumentTemplate(
        name="tail",
        title="Flights of {tail}",
        text="{tail} flew {n} times to {places} places, worst delay {worst}, {undelayed} without one. {known_gaps}",
        by=("tail",),
        aggregates=figures,
        place=HERE,
    )
    orphan = DocumentTemplate(
        name="unregistered",
        title="{tail} is not registered",
        text="{tail} flew but is in no registry.",
        by=("tail",),
        only_missing_in=("aircraft", "tail_number"),
        place=HERE,
    )
    fields = [field("id", "integer", key_position=1), field("tail"), field("dest"), field("delay", "number")]
    return contract("flights", fields, [told, orphan])


@pytest.fixture
def project(tmp_path: Path, aircraft: Dataset, airports: Dataset, flights: Dataset) -> Project:
    return Project(
        name="demo",
        folder=tmp_path,
        sources={"ops": Source(name="ops", kind="csv", location=".", place=HERE)},
        datasets={one.name: one for one in (aircraft, airports, flights)},
    )


def ready(columns: dict[str, list[object]], key: str) -> pl.DataFrame:
    frame = pl.DataFrame(columns, strict=False)
    return frame.with_columns(
        pl.col(key).cast(pl.String).alias("_key"),
        pl.lit("ops.csv").alias("_location"),
        pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("_position"),
    )


@pytest.fixture
def new_frame() -> Callable[..., pl.DataFrame]:
    return ready


@pytest.fixture
def frames() -> dict[str, pl.DataFrame]:
    return {
        "aircraft": ready(
            {
                "tail_number": ["N1AA", "N2BB", "N9ZZ"],
                "model": ["737", None, "A320"],
                "year_built": [1999, None, 2001],
                "owner": [CANARY, CANARY, None],
            },
            "tail_number",
        ),
        "airports": ready(
            {"code": ["BOS", "SJU", "BOS"], "name": ["Boston", "San Juan", "Second Boston"]}, "code"
        ).head(2),
        "flights": ready(
            {
                "id": [1, 2, 3, 4, 5, 6],
                "tail": ["N1AA", "N1AA", "N1AA", "N2BB", "N3CC", None],
                "dest": ["BOS", "SJU", "BOS", "PSE", "BOS", "BOS"],
                "delay": [1.0, None, 4.0, -2.5, 3.0, 3.0],
            },
            "id",
        ),
    }


@pytest.fixture
def known() -> pl.DataFrame:
    rows = [
        ("aircraft", "row", "model", "N2BB", "model-conflict", "Two registers disagree on the model."),
        ("flights", "value", "tail", "N3CC", "unregistered", "No registry knows N3CC."),
    ]
    return pl.DataFrame(rows, schema=["dataset", "scope", "field", "key", "rule", "sentence"], orient="row")


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "index")


@pytest.fixture
def insider() -> Principal:
    return Principal(name="insider", clearance=Classification.confidential, roles=("ops",))


@pytest.fixture
def chunks_of(project: Project, known: pl.DataFrame) -> Callable[..., pl.DataFrame]:
    def chunks(name: str, frames: dict[str, pl.DataFrame], *, known: pl.DataFrame | None = known) -> pl.DataFrame:
        return render(project.datasets[name], frames, project=project, known=known, mask_key=b"k" * 32)

    return chunks


@pytest.fixture
def build(
    project: Project, store: Store, embedder: HashEmbedder, chunks_of: Callable[..., pl.DataFrame]
) -> Callable[..., Change]:
    """One dataset the whole way: render, reconcile, publish."""

    def one(name: str, frames: dict[str, pl.DataFrame]) -> Change:
        with store.writer():
            store.begin()
            chunks = chunks_of(name, frames)
            change = reconcile(store, chunks, dataset=project.datasets[name], embedder=lambda: embedder)
            if change.any:
                publish(store, change.version)
        return change

    return one

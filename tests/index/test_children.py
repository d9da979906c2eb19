"""A document lists the rows that belong to it, one line each."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from catalog.models import Children, Classification, Dataset, DocumentTemplate, Lookup, Place, Project
from index import render
from index.labels import labels_of
from index.tokens import Tokens

HERE = Place(file="datasets/test.odcs.yaml")
LEGS = Children(
    name="legs", title="Legs", dataset="flights", on=(("tail_number", "tail"),), order=("-delay", "id"), limit=2,
    text="{id} to {place}[[, {delay} min late]]",
    lookups=(Lookup(dataset="airports", on=(("dest", "code"),), fields={"place": "name"}),),
)  # fmt: skip
Told = Callable[..., pl.DataFrame]


def with_children(aircraft: Dataset, children: Children = LEGS, text: str = "{tail_number} flew.") -> Dataset:
    template = DocumentTemplate(name="a", title="Aircraft {tail_number}", text=text, children=(children,), place=HERE)
    return aircraft.model_copy(update={"documents": (template,)})


@pytest.fixture
def told(project: Project, aircraft: Dataset) -> Told:
    def render_with(frames: dict[str, pl.DataFrame], children: Children = LEGS, **more: object) -> pl.DataFrame:
        one = with_children(aircraft, children)
        linked = project.model_copy(update={"datasets": {**project.datasets, "aircraft": one}})
        return render(one, frames, project=linked, known=None, mask_key=b"k" * 32, **more)  # type: ignore[arg-type]

    return render_with


def test_children_stand_in_their_order_and_the_rest_is_counted(told: Told, frames: dict[str, pl.DataFrame]) -> None:
    text = told(frames).filter(pl.col("key") == "N1AA")["text"].item()
    assert text == "N1AA flew.\nLegs:\n- 3 to Boston, 4 min late\n- 1 to Boston, 1 min late\n- and 1 more"


def test_a_record_without_children_has_no_list(told: Told, frames: dict[str, pl.DataFrame]) -> None:
    assert told(frames).filter(pl.col("key") == "N9ZZ")["text"].item() == "N9ZZ flew."


def test_the_order_of_the_rows_read_changes_nothing(told: Told, frames: dict[str, pl.DataFrame]) -> None:
    shuffled = {**frames, "flights": frames["flights"].reverse()}
    assert told(frames)["hash"].to_list() == told(shuffled)["hash"].to_list()


def test_a_child_that_comes_or_goes_changes_its_parent_and_no_other(
    told: Told, frames: dict[str, pl.DataFrame]
) -> None:
    without = {**frames, "flights": frames["flights"].filter(pl.col("id") != 4)}
    both = told(frames).join(told(without), on="id", suffix="_then")
    assert both.filter(pl.col("hash") != pl.col("hash_then"))["key"].to_list() == ["N2BB"]


def test_a_long_list_goes_on_in_passages_of_the_same_title(told: Told, frames: dict[str, pl.DataFrame]) -> None:
    words = Tokens(lambda texts: [len(text.split()) for text in texts], 24)
    many = pl.concat([frames["flights"].head(1).with_columns(pl.lit(n).alias("id"), pl.lit(str(n)).alias("_key"))
                      for n in range(40)])  # fmt: skip
    chunks = told({**frames, "flights": many}, LEGS.model_copy(update={"limit": 30}), tokens=words)
    parts = chunks.filter(pl.col("key") == "N1AA").sort("ordinal")
    assert parts.height > 3
    assert parts["title"].unique().to_list() == ["Aircraft N1AA"]
    assert parts["breadcrumb"].to_list() == ["", *["Legs"] * (parts.height - 1)]
    assert parts["rows"].to_list() == [1, *[0] * (parts.height - 1)]
    assert "\n".join(parts["text"].to_list()).count("- ") == 31
    assert parts["text"].to_list()[-1].endswith("- and 10 more")


def test_a_child_is_masked_before_it_is_told(
    told: Told, frames: dict[str, pl.DataFrame], project: Project, aircraft: Dataset
) -> None:
    masked = tuple(
        one.model_copy(update={"mask": "pseudonym"}) if one.name == "dest" else one
        for one in project.datasets["flights"].fields
    )
    flights = project.datasets["flights"].model_copy(update={"fields": masked})
    one = with_children(aircraft, LEGS.model_copy(update={"text": "to {dest}", "lookups": ()}))
    linked = project.model_copy(update={"datasets": {**project.datasets, "flights": flights, "aircraft": one}})
    texts = "".join(render(one, frames, project=linked, known=None, mask_key=b"k" * 32)["text"])
    assert "to tok_dest_" in texts
    assert "to BOS" not in texts


@pytest.mark.parametrize(("field", "children"), [("delay", LEGS), ("dest", LEGS.model_copy(update={"order": ()}))])
def test_a_list_is_as_strict_as_all_that_it_tells_orders_by_or_borrows_on(
    project: Project, aircraft: Dataset, field: str, children: Children
) -> None:
    secret = tuple(
        one.model_copy(update={"classification": Classification.restricted}) if one.name == field else one
        for one in project.datasets["flights"].fields
    )
    flights = project.datasets["flights"].model_copy(update={"fields": secret, "roles": ("crew",)})
    one = with_children(aircraft, children.model_copy(update={"text": "{id}[[ {place}]]"}))
    linked = project.model_copy(update={"datasets": {**project.datasets, "flights": flights}})
    assert labels_of(one, one.documents[0], linked) == (Classification.restricted, ("crew",))

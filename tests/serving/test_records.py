"""A record is of one version: the document, the row behind it, what was settled about it, and the contract."""

import json

import polars as pl
import pytest

import index
from catalog.models import Classification
from catalog.published import contract_json, contract_path
from tests.serving.harbour import FRAMES


@pytest.fixture
def harbour(empty_harbour):
    """One of its own, published once, with what goes with it beside the version."""
    empty_harbour.publish()
    empty_harbour.fill()
    lay(empty_harbour, hold="of the first night")
    return empty_harbour


def lay(harbour, *, hold, beside=True):
    """Let the ships' hold be that text in the rows that go with the live version, or in the home itself."""
    version = index.Store(harbour.home.index).tag("live")
    home = harbour.home.at(version) if beside else harbour.home
    path = home.published("ships")
    path.parent.mkdir(parents=True, exist_ok=True)
    FRAMES["ships"].with_columns(pl.lit(hold).alias("hold")).write_parquet(path)
    return home


def hold(context, harbour):
    record = context.get_record(harbour.urn("ships"), principal=harbour.principal("clerk"))
    return record.values.get("hold")


def test_rows_of_a_publication_under_way_are_not_told(harbour):
    lay(harbour, hold="of the next night", beside=False)
    assert hold(harbour.context(), harbour) == "of the first night"


def test_a_reader_that_has_not_heard_of_the_next_version_goes_on_with_the_rows_of_its_own(harbour):
    late = harbour.context()
    assert hold(late, harbour) == "of the first night"
    store = index.Store(harbour.home.index)
    store.latest().to_lance().delete(f"document_id = '{harbour.urn('piers', 'P1')}'")
    index.publish(store, store.version)
    lay(harbour, hold="of the second night")
    assert hold(late, harbour) == "of the first night"
    assert hold(harbour.context(), harbour) == "of the second night"


def test_the_contract_that_goes_with_the_version_narrows_its_rows(harbour):
    home = lay(harbour, hold="of the first night")
    ships = harbour.project.datasets["ships"]
    hidden = tuple(
        one.model_copy(update={"classification": Classification.restricted}) if one.name == "hold" else one
        for one in ships.fields
    )
    path = contract_path(home, "ships")
    path.write_text(json.dumps(contract_json(ships.model_copy(update={"fields": hidden}))))
    assert hold(harbour.context(), harbour) is None
    path.unlink()
    assert hold(harbour.context(), harbour) == "of the first night"


def test_a_dataset_that_was_not_published_with_the_version_has_no_row_in_it(harbour):
    version = index.Store(harbour.home.index).tag("live")
    harbour.home.at(version).published("ships").unlink()
    assert harbour.home.published("ships").exists()
    assert hold(harbour.context(), harbour) is None

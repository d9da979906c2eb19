"""Published rows are shown under the contract they were published under, and under nothing wider."""

import json

import pytest

from catalog import Home, load_project
from catalog.models import Classification
from catalog.published import contract_json, contract_path, served_under


@pytest.fixture
def trips(folder):
    return load_project(folder).datasets["trips"]


@pytest.fixture
def published(tmp_path):
    """Store a contract as the one that is in force."""
    home = Home(tmp_path / "home")

    def stored(dataset):
        contract_path(home, dataset.name).parent.mkdir(parents=True, exist_ok=True)
        contract_path(home, dataset.name).write_text(json.dumps(contract_json(dataset)))
        return home

    return stored


def with_first(dataset, **update):
    first, *others = dataset.fields
    return dataset.model_copy(update={"fields": (first.model_copy(update=update), *others)})


@pytest.mark.parametrize(
    ("then", "now", "shown"),
    [
        ("redact", None, "redact"), (None, "redact", "redact"), ("last4", "year", "redact"),
        ("pseudonym", "last4", "pseudonym"), ("year", "year", "year"), (None, None, None),
    ],
)  # fmt: skip
def test_a_mask_is_never_weaker_than_either_contract_says(trips, published, then, now, shown):
    home = published(with_first(trips, mask=then))
    assert served_under(home, with_first(trips, mask=now)).fields[0].mask == shown


def test_a_classification_that_rises_holds_at_once_and_one_that_falls_waits(trips, published):
    public, secret = (with_first(trips, classification=Classification[name]) for name in ("public", "restricted"))
    assert served_under(published(public), secret).fields[0].classification == Classification.restricted
    assert served_under(published(secret), public).fields[0].classification == Classification.restricted


@pytest.mark.parametrize(
    ("then", "now", "roles"),
    [
        (("a", "b"), ("b", "c"), ("b",)), ((), ("a",), ("a",)), (("a",), (), ("a",)), ((), (), ()),
        (("a",), ("b",), None),
    ],
)  # fmt: skip
def test_only_roles_of_both_contracts_read(trips, published, then, now, roles):
    home = published(trips.model_copy(update={"roles": then}))
    served = served_under(home, trips.model_copy(update={"roles": now}))
    assert (None if served is None else served.roles) == roles


def test_a_published_contract_that_cannot_be_read_shows_nothing(trips, published):
    home = published(trips)
    contract_path(home, "trips").write_text("{")
    assert served_under(home, trips) is None


def test_what_was_never_published_is_shown_as_declared(trips, tmp_path):
    assert served_under(Home(tmp_path / "home"), trips) is trips

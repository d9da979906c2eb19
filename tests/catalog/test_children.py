"""Children of a document, the glossary and the sizes of passages: what refers to nothing is refused with its line."""

import re

import pytest

from catalog import load_project
from catalog.errors import ProjectError
from catalog.models import Classification

CHILDREN = {"name": "orders", "dataset": "orders", "on": {"id": "customer"}, "text": "{number}: {amount}"}
TERM = {"term": "Customer", "definition": "Who buys.", "foundIn": ["customers", "orders.customer"]}


@pytest.fixture
def field_names(shop):
    project = load_project(shop.folder)
    return {name: [field.name for field in one.fields] for name, one in project.datasets.items()}


def with_children(shop, **changes):
    customers = shop.customers()
    custom = next(one for one in customers["customProperties"] if one["property"] == "landbridge.documents")
    key, amount = (shop.orders()["schema"][0]["properties"][at]["name"] for at in (0, -1))
    owner = next(one["name"] for one in shop.orders()["schema"][0]["properties"] if "customer" in one["name"])
    told = CHILDREN | {"on": {"id": owner}, "text": f"{{{key}}}: {{{amount}}}"} | changes
    custom["value"] = [{"name": "customer", "title": "{name}", "text": "{name}", "children": [told]}]
    shop.write("datasets/customers.odcs.yaml", customers)
    return load_project(shop.folder).datasets["customers"].documents[0].children


def test_children_are_read_with_their_defaults(shop):
    (one,) = with_children(shop)
    assert (one.title, one.dataset, one.order, one.limit) == ("Orders", "orders", (), 100)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"dataset": "order"}, r"there is no dataset 'order'\. Did you mean 'orders'\?"),
        ({"on": {"id": "buyer"}}, r"'buyer'"),
        ({"on": {"who": "number"}}, r"'who'"),
        ({"text": "{nothing}"}, r"'nothing'"),
        ({"text": "{open"}, r"unbalanced '\{'"),
        ({"order": ["-nothing"]}, r"'nothing'"),
        ({"limit": 0}, r"'limit'"),
        ({"orders": 1}, r"unknown key 'orders'"),
        ({"lookups": [{"dataset": "customers", "on": {"nothing": "id"}, "fields": {"who": "name"}}]}, r"'nothing'"),
    ],
)
def test_children_that_tell_what_is_not_there_are_refused_with_their_line(shop, changes, told):
    with pytest.raises(ProjectError) as refused:
        with_children(shop, **changes)
    assert re.search(rf"datasets/customers\.odcs\.yaml:\d+: .*{told}", str(refused.value))


def test_the_glossary_is_read_and_its_words_are_internal_unless_it_says_otherwise(shop):
    assert load_project(shop.folder).glossary == ()
    shop.write("glossary.yaml", {"terms": [TERM | {"foundIn": ["customers", "customers.city"]}]})
    (term,) = load_project(shop.folder).glossary
    assert term.found_in == (("customers", ""), ("customers", "city"))
    assert term.classification == Classification.internal


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ([{"term": "A"}], "the key 'definition' is missing"),
        ([TERM | {"foundIn": ["customer"]}], "there is no dataset 'customer'"),
        ([TERM | {"foundIn": ["customers.town"]}], "'town'"),
        ([TERM | {"foundIn": []}, TERM | {"term": "CUSTOMER", "foundIn": []}], "stands on line"),
        ([], "'terms'"),
    ],
)
def test_a_glossary_that_refers_to_nothing_is_refused_with_its_line(shop, terms, told):
    shop.write("glossary.yaml", {"terms": terms})
    with pytest.raises(ProjectError) as refused:
        load_project(shop.folder)
    assert re.search(rf"glossary\.yaml:\d+: .*{told}", str(refused.value))


@pytest.mark.parametrize("chunks", [{"tokens": 8}, {"overlap": -1}, {"tokens": 90, "overlap": 60}, {"size": 1}])
def test_sizes_of_passages_that_make_no_sense_are_refused(shop, chunks):
    shop.write("project.yaml", {"name": "shop", "chunks": chunks})
    with pytest.raises(ProjectError, match=r"project\.yaml:\d+: "):
        load_project(shop.folder)


def test_sizes_of_passages_are_read(shop):
    shop.write("project.yaml", {"name": "shop", "chunks": {"tokens": 200, "overlap": 0}})
    assert load_project(shop.folder).chunks.model_dump() == {"tokens": 200, "overlap": 0}

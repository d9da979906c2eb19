"""project.yaml says what agents are to do with datasets; what leads nowhere is refused with its line."""

import pytest

from catalog import load_project
from catalog.errors import ProjectError

CASE = {"name": "desk", "datasets": ["orders"], "questions": [{"ask": "What was ordered?", "expect": "orders"}]}


def project(shop, **told):
    shop.write("project.yaml", {"name": "shop", **told})
    return load_project(shop.folder)


def faults(shop, **told):
    with pytest.raises(ProjectError) as refused:
        project(shop, **told)
    return str(refused.value)


def case(**changes):
    return {"useCases": [CASE | changes]}


def test_a_use_case_is_read_with_its_defaults(shop):
    (one,) = project(shop, **case(title="Order desk", owner="team crew-data")).use_cases
    assert (one.name, one.datasets, one.minimum, one.severity) == ("desk", ("orders",), 80.0, "warning")
    assert (one.questions[0].ask, one.questions[0].expect) == ("What was ordered?", "orders")


def test_the_key_may_be_written_with_an_underscore_too(shop):
    assert [one.name for one in project(shop, use_cases=[CASE]).use_cases] == ["desk"]


def test_a_record_of_the_project_may_be_expected(shop):
    urn = "urn:landbridge:shop:orders:7"
    (one,) = project(shop, **case(questions=[{"ask": "Order 7?", "expect": urn}])).use_cases
    assert one.questions[0].expect == urn


def test_weights_and_minimums_are_read(shop):
    told = {"weights": {"validity": 2}, "minimum": 70, "datasets": {"orders": 90}, "severity": "critical"}
    plan = project(shop, readiness=told).readiness
    assert plan.weights == {"validity": 2.0}
    assert (plan.minimum_of("orders"), plan.minimum_of("customers"), plan.severity) == (90.0, 70.0, "critical")


def test_nothing_said_is_no_minimum_at_all(shop):
    found = project(shop)
    assert (found.use_cases, found.readiness.minimum_of("orders")) == ((), None)


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (case(datasets=["order"]), "there is no dataset 'order'. Did you mean 'orders'?"),
        (case(datasets=[]), "'datasets'"),
        (case(datasets=["orders", "orders"]), "'orders' is listed 2 times."),
        (case(minimum=101), "'minimum'"),
        (case(severity="fatal"), "'severity' cannot be 'fatal'"),
        (case(owners="x"), "unknown key 'owners'. Did you mean 'owner'?"),
        (case(name="orders"), "'orders' is the name of a dataset, too."),
        (case(questions=[{"ask": "x"}]), "the key 'expect' is missing."),
        (case(questions=[{"ask": "x", "expect": "customers"}]), "'customers' is not among the datasets of 'desk'."),
        (case(questions=[{"ask": "x", "expect": "urn:landbridge:other:orders:1"}]), "is no record of this project."),
        (case(questions=[{"ask": "x", "expect": "urn:landbridge:shop:orders:"}]), "is no record of this project."),
        ({"useCases": [CASE, CASE]}, "the use case 'desk' is declared already on line"),
        ({"useCases": CASE}, "'useCases' must be a list."),
        ({"readiness": {"weights": {"valid": 1}}}, "'valid' is no dimension of readiness. Did you mean 'validity'?"),
        ({"readiness": {"datasets": {"order": 1}}}, "there is no dataset 'order'. Did you mean 'orders'?"),
        ({"readiness": {"minimum": -1}}, "'minimum'"),
        ({"readiness": {"weight": {}}}, "unknown key 'weight'. Did you mean 'weights'?"),
    ],
)
def test_what_leads_nowhere_is_refused_with_its_line(shop, told, fault):
    refused = faults(shop, **told)
    assert fault in refused
    assert int(refused.split(":")[1]) > 1
    assert refused.startswith("project.yaml:")


def test_weights_that_leave_nothing_are_refused(shop):
    names = ("completeness", "validity", "consistency", "freshness", "governance", "retrievability")
    assert "every dimension weighs 0." in faults(shop, readiness={"weights": dict.fromkeys(names, 0)})

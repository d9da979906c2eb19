"""Bad input: what cannot hold, cannot run or has nothing to be held against gives its finding or its error."""

import time

import polars as pl
import pytest

import expectations
from catalog import load_project
from catalog.errors import ProjectError
from catalog.patterns import engine_fault
from expectations.failing import for_polars
from expectations.literals import sql
from expectations.results import gap_results
from tests.conftest import Shop

ORDERS = "datasets/orders.odcs.yaml"
COUNTS = [{"metric": "rowCount", "mustBeGreaterThan": 9, "name": "many"},
          {"metric": "rowCount", "mustBeLessThan": 5, "name": "few"}]  # fmt: skip


def problems(shop, *, amount=None, customer=None, dataset=(), **settings):
    """What is wrong with the shop once its orders have these rules, as `line: message`."""
    told = Shop.orders()
    _, buyer, price = told["schema"][0]["properties"]
    buyer |= customer or {}
    price |= amount or {}
    told["schema"][0]["quality"] = list(dataset)
    shop.write(ORDERS, told)
    if settings:
        shop.write("project.yaml", {"name": "shop", "model": "hashed-words", **settings})
    with pytest.raises(ProjectError) as raised:
        load_project(shop.folder)
    found = raised.value.problems
    assert all(one.file in (ORDERS, "rules.py", "project.yaml") and one.line > 0 for one in found)
    return " ".join(str(one) for one in found)


def expecting(kind, **kwargs):
    return {"type": "custom", "engine": "greatExpectations", "implementation": {"type": kind, "kwargs": kwargs}}


def invalid(**arguments):
    return {"metric": "invalidValues", "mustBe": 0, "arguments": arguments}


CONTRADICTIONS = [
    ({"amount": {"quality": [invalid(minimum=9, maximum=1)]}}, "its minimum is above its maximum"),
    ({"amount": {"quality": [invalid(maximum=-1)]}}, "no value keeps both"),
    ({"customer": {"quality": [invalid(validValues=["A", "B"]), invalid(validValues=["C"])]}}, "in both sets"),
    ({"customer": {"quality": [invalid(validValues=["A", "B"], pattern=r"^\d+$")]}}, "refuses every value"),
    ({"customer": {"quality": [invalid(validValues=["A"])], "logicalTypeOptions": {"minLength": 2}}}, "refuses every"),
    ({"customer": {"required": True, "quality": [expecting("expect_column_values_to_be_null")]}}, "there and be miss"),
    ({"dataset": COUNTS}, "'few': it contradicts 'many'"),
    (
        {"customer": {"required": True, "unique": True, "quality": [invalid(validValues=["A", "B"])]},
         "dataset": COUNTS[:1]},
        "has only 2 values to be unique with",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "why"), CONTRADICTIONS, ids=[why for _, why in CONTRADICTIONS])
def test_promises_that_nothing_can_keep_together_are_refused_where_they_stand(shop, rules, why):
    assert why in problems(shop, **rules)


def test_promises_that_only_nearly_contradict_each_other_load(shop):
    told = Shop.orders()
    told["schema"][0]["properties"][1]["quality"] = [
        invalid(validValues=["A", "7"], pattern=r"^\d+$"), invalid(validValues=["7", "x"]),
    ]  # fmt: skip
    told["schema"][0]["quality"] = [COUNTS[0], COUNTS[1] | {"mustBeLessThan": 50}]
    shop.write(ORDERS, told)
    assert len(load_project(shop.folder).datasets["orders"].rules) == 8


def test_a_rule_that_nobody_knows_is_refused_with_the_name_that_was_meant(shop):
    told = problems(shop, customer={"quality": [expecting("expect_column_values_to_be_uniqe")]})
    assert "Did you mean 'expect_column_values_to_be_unique'?" in told
    own = {"type": "custom", "engine": "landbridge", "implementation": {"type": "check_diget"}}
    (shop.folder / "rules.py").write_text("def check_digit(frame): ...\n")
    told = problems(shop, customer={"quality": [own]}, plugins=["rules.py"])
    assert "no expectation is called 'check_diget' here. Did you mean 'check_digit'?" in told


@pytest.mark.parametrize(
    ("plugins", "code", "why"),
    [
        (["rules.py"], "def f(:\n", "rules.py:1: the module does not parse"),
        (["../rules.py"], "", "is no Python module of the project folder"),
        (["absent.py"], "", "is no Python module of the project folder"),
    ],
)
def test_a_local_module_that_cannot_be_read_is_told_and_never_run(shop, plugins, code, why):
    (shop.folder / "rules.py").write_text(code or "raise SystemExit('it was run')\n")
    assert why in problems(shop, plugins=plugins)


REFUSED = [
    (r"^(?!X)\w+$", "looks ahead"), (r"(?<=a)b", "looks ahead"), (r"(a)\1", "refers back"), ("a++", "possessive"),
    ("(?>a)b", "possessive"), (r"a\Z", r"'\Z'"), ("a{1001}", "more than 1,000"), ("(?:a{50}){50}", "more than 1,000"),
    ("[a&&b]", "'&&'"), ("(", "is no regular expression"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "why"), REFUSED)
def test_a_pattern_that_the_engines_cannot_run_is_refused_when_it_is_read(shop, pattern, why):
    assert why in problems(shop, customer={"logicalTypeOptions": {"pattern": pattern}})
    assert why in problems(
        shop, customer={"quality": [expecting("expect_column_values_to_match_regex", regex=pattern)]}
    )


ACCEPTED = [
    r"^N\d{1,5}[A-Z]{0,2}$", r"(?P<x>a)", "(?i)abc", r"[\[a\]]", "[[:alpha:]]+", "[]a]", "[^]a]", "a{1000}", r"\bA\B",
    r"(?:a|b)*?", r"\x41", "a{,3}", "a{", r"\\b", r"(?m)^a$", r"[\w.-]+@[\w-]+\.\w{2,}", "a[b-]", "((a{10}){10}){10}",
]  # fmt: skip


@pytest.mark.parametrize("pattern", ACCEPTED)
def test_a_pattern_that_is_accepted_runs_in_both_engines_alike(pattern):
    import duckdb

    assert engine_fault(pattern) is None
    texts = ["", "abc", "N12AB", "a-b@c.de", "[a]", "ALPHA", "a{"]
    told = pl.Series("x", texts).to_frame().select(pl.col("x").str.contains(for_polars(pattern))).to_series().to_list()
    query = f"SELECT regexp_matches(x, {sql(pattern)}) FROM (SELECT unnest({texts}) AS x)"
    assert [row[0] for row in duckdb.sql(query).fetchall()] == told


def test_a_pattern_that_explodes_elsewhere_takes_time_in_proportion_here(make):
    rule = make.rule("pattern", "x", regex="(a+)+$", action="report")
    dataset = make.contract(make.field("x"), rules=(rule,))
    expectations.check(make.rows(dataset, x=["warm"]), dataset)
    frame = make.rows(dataset, x=["a" * 30_000 + "!"])
    began = time.process_time()
    (finding,) = expectations.check(frame, dataset).findings
    assert time.process_time() - began < 2
    assert finding.count == 1


ROWS = [
    ([], "block", {"rows-present"}),
    (["b", "b", "b"], "block", {"rows-present", "x-in_set"}),
    (["a"], "pass", set()),
    (["b"], "block", {"rows-present", "x-in_set"}),
]


@pytest.mark.parametrize(("values", "verdict", "found"), ROWS, ids=["none", "all bad", "one", "one bad"])
def test_no_rows_only_bad_rows_and_a_single_row_each_have_their_verdict(make, values, verdict, found):
    dataset = make.contract(make.field("x"), rules=(make.rule("in_set", "x", values=("a",)),))
    report = expectations.check(make.rows(dataset, x=pl.Series(values, dtype=pl.String)), dataset)
    assert report.verdict == verdict
    assert {finding.rule for finding in report.findings} == found
    assert {one.verdict for one in report.results} == {"unjudged" if not values else "failed" if found else "passed"}


def test_a_gap_rule_whose_system_of_record_gave_no_rows_is_not_evaluated(make):
    compare = ({"field": "x", "other": "x"},)
    rule = make.gap("conflict", to_dataset="ports", on=(("id", "id"),), compare=compare)
    trips = make.contract(make.field("x"), gap_rules=(rule,))
    project = make.project(trips, make.contract(make.field("x"), name="ports"))
    findings = expectations.gaps(project, {"trips": make.rows(trips, x=["a"])}).findings
    assert [(one.severity, one.evidence["absent"]) for one in findings] == [("critical", ["ports"])]
    assert [one.verdict for one in gap_results(project, findings)] == ["errored"]


def test_a_gap_rule_on_a_column_that_drift_removed_is_not_evaluated(make):
    trips = make.contract(make.field("x"), gap_rules=(make.gap("missing_value", field="x"),))
    rows = make.rows(trips, x=["a"]).drop("x")
    findings = expectations.gaps(make.project(trips), {"trips": rows}).findings
    assert [(one.severity, one.evidence["columns"]) for one in findings] == [("critical", ["trips.x"])]


def cyclic(shop):
    """Customers name their last order, orders name their customer; rules, relations and documents go both ways."""
    customers, orders = Shop.customers(), Shop.orders()
    customers["schema"][0]["properties"].append(
        {"name": "last", "physicalName": "LAST", "logicalType": "integer", "relationships": [{"to": "orders.number"}]}
    )
    gap = {"name": "last-order-known", "kind": "missing_reference", "fields": ["last"], "to": ["orders.number"]}
    customers["customProperties"].append({"property": "landbridge.gaps", "value": [gap]})
    orders["schema"][0]["properties"][1]["relationships"] = [{"to": "customers.id"}]
    told = next(one for one in orders["customProperties"] if one["property"] == "landbridge.documents")
    told["value"][0]["lookups"] = [
        {"dataset": "customers", "on": {"customer": "id"}, "fields": {"customer_name": "name"}}
    ]
    shop.write("datasets/customers.odcs.yaml", customers)
    shop.write(ORDERS, orders)
    return load_project(shop.folder)


def test_datasets_that_refer_to_each_other_load_and_their_assets_form_no_circle(shop):
    from pipelines.factory import definitions_for

    graph = definitions_for(cyclic(shop)).resolve_asset_graph()
    order = [key.to_user_string() for level in graph.toposorted_asset_keys_by_level for key in level]
    assert len(order) == len(set(order))
    assert {f"{stage}/{name}" for stage in ("raw", "ready", "indexed") for name in ("customers", "orders")} < set(order)
    assert order.index("gaps") > order.index("ready/orders")


def test_references_in_a_circle_are_judged_each_way(make):
    there = make.gap("missing_reference", name="there", fields=("x",), to_dataset="ports", to_fields=("id",))
    back = make.gap("missing_reference", name="back", fields=("x",), to_dataset="trips", to_fields=("id",))
    trips = make.contract(make.field("x", "integer"), gap_rules=(there,))
    ports = make.contract(make.field("x", "integer"), gap_rules=(back,), name="ports")
    frames = {"trips": make.rows(trips, x=[1, 9]), "ports": make.rows(ports, x=[1, 2])}
    findings = expectations.gaps(make.project(trips, ports), frames).findings
    assert [(one.rule, one.count, one.sample_keys) for one in findings] == [("there", 1, ("9",))]


def test_a_dataset_may_refer_to_itself(make):
    rule = make.gap("missing_reference", fields=("x",), to_dataset="trips", to_fields=("id",))
    trips = make.contract(make.field("x", "integer"), gap_rules=(rule,))
    (finding,) = expectations.gaps(make.project(trips), {"trips": make.rows(trips, x=[2, 9, None])}).findings
    assert finding.sample_keys == ("9",)

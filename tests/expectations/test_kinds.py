"""Every finding has one kind: what its contract declares, or what the rule that found it looks for."""

from pathlib import Path
from typing import get_args

import pytest

from catalog.entity_models import Entity, Member
from catalog.models import Dataset, GapKind, GapRule, Place, Project, Rule
from expectations.kinds import KINDS, kind_of
from ledger import Finding

HERE = Place(file="datasets/orders.odcs.yaml")


def project(*gap_rules, rules=()):
    dataset = Dataset(name="orders", version="1.0.0", title="Orders", source="till", physical_name="ORD", fields=(),
                      gap_rules=gap_rules, rules=rules, fingerprint="f", place=HERE)  # fmt: skip
    return Project(name="shop", folder=Path(), sources={}, datasets={"orders": dataset})


def finding(rule, stage, dataset="orders"):
    return Finding(rule=rule, dataset=dataset, stage=stage, severity="warning", count=1, message="Told.")


def declared(kind, name="mine"):
    return GapRule(name=name, kind=kind, place=HERE)


@pytest.mark.parametrize("kind", get_args(GapKind))
def test_a_declared_gap_has_the_kind_of_its_rule_whatever_it_is_called(kind):
    told = {kind_of(finding(rule, "gaps"), project(declared(kind))) for rule in ("mine", "mine/backward")}
    assert len(told) == 1
    assert told <= set(KINDS) - {"contract", "volume-loss", "knowledge-gap", "schema-drift", "unreadable"}


@pytest.mark.parametrize(
    ("rule", "stage", "kind"),
    [
        ("drift/new-columns", "raw", "schema-drift"),
        ("source-readable", "raw", "unreadable"),
        ("file-readable/a.csv", "raw", "unreadable"),
        ("lines-readable", "raw", "unreadable"),
        ("rows-present", "ready", "unreadable"),
        ("volume-drop", "raw", "volume-loss"),
        ("accounting", "indexed", "volume-loss"),
        ("volume-loss", "gaps", "volume-loss"),
        ("knowledge-gap/0a1b", "gaps", "knowledge-gap"),
        ("amount-range", "ready", "contract"),
        ("contract-version", "indexed", "contract"),
        ("alert-undelivered/ops", "alerts", "contract"),
    ],
)
def test_a_rule_that_nobody_declares_has_the_kind_of_what_it_looks_for(rule, stage, kind):
    assert kind_of(finding(rule, stage), project()) == kind


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("entity-firm-chain", "conflict"),
        ("entity-firm-conflict-orders", "conflict"),
        ("entity-firm-conflict-review", "conflict"),
        ("entity-firm-review", "knowledge-gap"),
        ("entity-firm-foreign-decisions", "knowledge-gap"),
        ("entity-firm-unused-decisions", "orphan-reference"),
        ("entity-firm-unjudged", "coverage"),
        ("entity-firm-skipped", "coverage"),
        ("entity-gone-review", "contract"),
    ],
)
def test_what_is_open_about_an_entity_has_a_kind_too(rule, kind):
    firm = Entity(name="firm", members=(Member(dataset="orders"),), place=HERE)
    assert kind_of(finding(rule, "entities"), project().model_copy(update={"entities": {"firm": firm}})) == kind


def test_all_eleven_kinds_can_be_told():
    told = {kind_of(finding("mine", "gaps"), project(declared(kind))) for kind in get_args(GapKind)}
    found = ("volume-loss", "knowledge-gap", "drift/key", "source-readable")
    told |= {kind_of(finding(rule, "raw"), project()) for rule in found}
    assert told == set(KINDS) - {"contract"}


def test_a_rule_of_the_contract_is_one_even_where_its_owner_calls_it_like_one_of_ours():
    own = Rule(name="accounting", kind="not_null", field="x", place=HERE)
    assert kind_of(finding("accounting", "ready"), project(rules=(own,))) == "contract"


def test_a_finding_of_a_dataset_that_is_no_longer_declared_still_has_a_kind():
    assert kind_of(finding("mine", "gaps", dataset="gone"), project(declared("conflict"))) == "contract"

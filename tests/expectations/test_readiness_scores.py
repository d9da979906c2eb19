"""A score is what its evidence says: bounded, monotone, blind to order, and never whole where nothing was measured."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.models import (
    AgentQuestion,
    Classification,
    Dataset,
    Field,
    GapRule,
    Place,
    ReadinessPlan,
    Rule,
    UseCase,
)
from expectations.readiness import Answered, Asked, Evidence, Probe, Rows, score, score_use_case
from ledger import Finding

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE = Place(file="datasets/orders.odcs.yaml", line=1)
DIMENSIONS = ("completeness", "validity", "consistency", "freshness", "governance", "retrievability")


def field(name, **changes):
    told = {"physical_name": name, "type": "string", "description": "What it is.", "labelled": True, "place": HERE}
    return Field(name=name, **(told | changes))


def dataset(**changes):
    """A contract that says everything, so that only the evidence can cost it points."""
    told = {
        "name": "orders",
        "version": "1.0.0",
        "title": "Orders",
        "description": "What was ordered.",
        "owner": "team crew-data",
        "source": "till",
        "physical_name": "ORD",
        "fields": (field("id", key_position=1), field("city", expected=True)),
        "rules": (Rule(name="city-known", kind="not_null", field="city", place=HERE),),
        "gap_rules": (GapRule(name="orphans", kind="missing_reference", place=HERE),
                      GapRule(name="differ", kind="conflict", place=HERE)),
        "freshness": timedelta(hours=26),
        "promises": ("freshness", "retention"),
        "fingerprint": "f",
        "place": HERE,
    }  # fmt: skip
    return Dataset(**(told | changes))


def evidence(**changes):
    """Everything was measured, and everything is well."""
    told = {
        "now": NOW,
        "rows": Rows(ready=100, quarantined=0, filtered=0, duplicate=0, failed=0),
        "held": 100,
        "filled": {"id": 100, "city": 100},
        "gaps_looked": True,
        "source_read": NOW - timedelta(hours=1),
        "published_read": NOW - timedelta(hours=1),
        "probe": Probe((Asked("urn:a", "title", 1), Asked("urn:b", "key", 1)), "hashed-words@1"),
    }
    return Evidence(**(told | changes))


def finding(rule, stage="gaps", count=10, **changes):
    told = {"severity": "warning", "message": f"{rule} is broken.", "evidence": {"share": count / 100}}
    return Finding(rule=rule, dataset="orders", stage=stage, count=count, **(told | changes))


def scored(contract=None, plan=None, **changes):
    return score(contract or dataset(), evidence(**changes), plan or ReadinessPlan())


def points(found, name):
    return found.dimension(name).score


def test_a_dataset_with_nothing_missing_scores_100_and_has_no_blocker():
    found = scored()
    assert (found.total, found.blockers, found.known) == (100.0, (), True)


def test_a_dataset_that_never_ran_is_unknown_in_all_that_only_a_run_can_tell_and_they_count_as_nothing():
    found = score(dataset(), Evidence(now=NOW), ReadinessPlan())
    unknown = [one.name for one in found.dimensions if one.score is None]
    assert unknown == ["completeness", "validity", "consistency", "freshness", "retrievability"]
    assert (found.known, found.enough, found.total) == (False, False, 16.6)
    assert all(one.unknown and one.what.startswith("Not measured") for one in found.blockers)


@pytest.mark.parametrize(
    ("dimension", "changes"),
    [
        ("completeness", {"gaps_looked": False}),
        ("consistency", {"gaps_looked": False}),
        ("completeness", {"held": 0}),
        ("validity", {"rows": None}),
        ("freshness", {"source_read": None}),
        ("freshness", {"published_read": None}),
        ("retrievability", {"probe": Probe(unknown="the model is absent")}),
        ("retrievability", {"probe": Probe()}),
        ("completeness", {"findings": (finding("orphans", count=0, evidence={"status": "not evaluated"}),)}),
        ("validity", {"findings": (finding("city-known", "ready", evidence={"status": "errored"}),)}),
        ("validity", {"rows": Rows(0, 0, 0, 0, 0)}),
    ],
)
def test_what_was_not_measured_is_unknown_and_told_as_such(dimension, changes):
    found = scored(**changes)
    assert points(found, dimension) is None
    blocker = next(one for one in found.blockers if one.dimension == dimension)
    assert blocker.unknown
    assert blocker.points == pytest.approx(100 / 6)


def test_a_promise_that_nobody_made_is_not_kept():
    assert points(scored(dataset(freshness=None, promises=())), "freshness") is None


@given(st.lists(st.integers(0, 100), min_size=2, max_size=2).map(sorted))
def test_fewer_nulls_never_lower_completeness(filled):
    fewer, more = (points(scored(filled={"id": 100, "city": count}), "completeness") for count in filled)
    assert 0 <= fewer <= more <= 100


@given(st.lists(st.integers(0, 100), min_size=2, max_size=2).map(sorted),
       st.sampled_from(["quarantined", "duplicate", "failed"]))  # fmt: skip
def test_more_bad_rows_never_raise_a_score(counts, what):
    def total(bad):
        rows = {"ready": 100, "quarantined": 0, "filtered": 0, "duplicate": 0, "failed": 0} | {what: bad}
        return scored(rows=Rows(**rows)).total

    few, many = map(total, counts)
    assert 0 <= many <= few <= 100


@given(st.lists(st.integers(1, 100), min_size=2, max_size=2).map(sorted))
def test_a_larger_gap_never_raises_a_score(counts):
    few, many = (scored(findings=(finding("orphans", count=count),)).total for count in counts)
    assert many <= few < 100


RANKS = st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=1, max_size=20)
COUNTS = st.integers(0, 1000)


@settings(max_examples=60)
@given(rows=st.builds(Rows, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS), held=COUNTS, filled=COUNTS, ranks=RANKS,
       age=st.integers(0, 1000), share=st.floats(0, 1), weight=st.floats(0, 9), looked=st.booleans())  # fmt: skip
def test_a_score_is_within_bounds_and_what_is_lost_is_what_the_blockers_cost(
    rows, held, filled, ranks, age, share, weight, looked
):
    found = scored(
        plan=ReadinessPlan(weights={"validity": weight}), rows=rows, held=held, filled={"id": held, "city": filled},
        gaps_looked=looked, source_read=NOW - timedelta(hours=age),
        findings=(finding("differ", evidence={"share": share}),),
        probe=Probe(tuple(Asked(f"urn:{n}", "title", rank) for n, rank in enumerate(ranks))),
    )  # fmt: skip
    assert 0 <= found.total <= 100
    lost = sum(one.points for one in found.blockers)
    assert 100 - lost - 0.21 <= found.total <= 100 - lost + 1e-6  # rounded down to a tenth, twice
    assert list(found.blockers) == sorted(found.blockers, key=lambda one: -one.points)


@given(st.randoms(), RANKS)
def test_the_order_of_what_was_found_moves_nothing(random, ranks):
    asked = [Asked(f"urn:{number}", "title", rank) for number, rank in enumerate(ranks)]
    findings = [finding("orphans"), finding("differ/city", count=7), finding("city-known", "ready", count=3)]
    first = scored(findings=tuple(findings), probe=Probe(tuple(asked)))
    random.shuffle(asked)
    random.shuffle(findings)
    again = scored(findings=tuple(findings), probe=Probe(tuple(asked)))
    assert (again.total, again.fingerprint, again.blockers) == (first.total, first.fingerprint, first.blockers)


def test_time_alone_moves_nothing_until_the_promise_is_over():
    first = scored(source_read=NOW - timedelta(hours=1))
    older = scored(source_read=NOW - timedelta(hours=25))
    late = scored(source_read=NOW - timedelta(hours=27))
    later = scored(source_read=NOW - timedelta(hours=50))
    gone = scored(source_read=NOW - timedelta(hours=53))
    assert first.fingerprint == older.fingerprint
    assert late.fingerprint == later.fingerprint != first.fingerprint
    assert [points(one, "freshness") for one in (first, late, gone)] == [100.0, 75.0, 50.0]


def test_what_is_not_whole_never_reads_100():
    found = scored(rows=Rows(ready=10_000_000, quarantined=1, filtered=0, duplicate=0, failed=0))
    assert points(found, "validity") == 99.9
    assert found.total == 99.9


def test_a_gap_rule_counts_by_its_worst_field_and_names_its_findings():
    findings = (finding("differ/city", count=40), finding("differ/name", count=20))
    found = scored(findings=findings)
    assert points(found, "consistency") == 80.0  # keys whole, the rule 60 of 100
    (blocker,) = [one for one in found.blockers if one.dimension == "consistency"]
    assert set(blocker.findings) == {one.id for one in findings}


@pytest.mark.parametrize(
    ("evidence_told", "unit", "lost"),
    [
        ({"expected": 40}, "periods", 0.25),
        ({"seen": 30}, "numbers", 0.25),
        ({"judged": 20, "gaps": 5, "share": 0.9}, "rows", 0.25),
        ({"compared": 40}, "rows", 0.25),
        ({}, "rows", 0.1),
        ({}, "entities", 1.0),
    ],
)
def test_the_share_of_a_gap_is_of_what_its_rule_looked_at(evidence_told, unit, lost):
    found = scored(findings=(finding("orphans", count=10, unit=unit, evidence=evidence_told),))
    (part,) = [one for one in found.dimension("completeness").parts if one.name == "gaps"]
    assert part.share == pytest.approx(1 - lost)


def test_a_delivery_that_is_held_costs_validity_and_says_what_to_do():
    held = finding("volume-drop", "raw", severity="critical", blocking=True, remedy="landbridge run --accept orders")
    found = scored(findings=(held,))
    assert points(found, "validity") == 75.0
    assert found.blockers[0].remedy == "landbridge run --accept orders"


def test_governance_is_read_from_the_contract_alone():
    bare = dataset(
        owner="", description="", version="2", promises=("freshness",),
        fields=(field("id", key_position=1, labelled=False), field("mail", personal=True, description="")),
    )  # fmt: skip
    found = scored(bare, filled={"id": 100})
    lost = {part.name: part.share for part in found.dimension("governance").parts if part.share < 1}
    assert lost == {"owner": 0, "purpose": 0, "retention": 0, "version": 0, "labels": 0.5, "meaning": 0.5, "masks": 0}
    told = " ".join(one.what for one in found.blockers)
    assert "mail" in told  # the name of a field, never a value of it


def test_a_personal_field_is_guarded_by_a_mask_or_by_confidence_and_roles():
    secret = field("mail", personal=True, classification=Classification.confidential)
    masked = field("mail", personal=True, mask="redact")
    for guarded, roles in ((secret, ("crew",)), (masked, ())):
        assert points(scored(dataset(fields=(field("id", key_position=1), guarded), roles=roles)), "governance") == 100
    without = scored(dataset(fields=(field("id", key_position=1), secret)))
    assert {part.name for part in without.dimension("governance").parts if part.share < 1} == {"masks", "roles"}


def test_weights_of_the_project_weigh():
    found = scored(plan=ReadinessPlan(weights={"validity": 5}), rows=Rows(100, 100, 0, 0, 0))
    assert points(found, "validity") < 100
    assert found.total < scored(rows=Rows(100, 100, 0, 0, 0)).total


# -- use cases


def case(**changes):
    told = {"name": "desk", "datasets": ("orders", "stock"), "place": HERE, "questions": (QUESTION, QUESTION)}
    return UseCase(**(told | changes))


QUESTION = AgentQuestion(ask="What was ordered?", expect="orders")


def both(**changes):
    good = scored(dataset(name="orders"))
    return {"orders": good, "stock": scored(dataset(name="stock"), **changes)}


def judged(scores, ranks=(1, 2), **changes):
    return score_use_case(case(**changes), scores, Answered(ranks), ReadinessPlan(), NOW)


def test_a_use_case_is_as_good_as_its_datasets_the_worst_above_all():
    found = judged(both(findings=(finding("orphans", count=100),)))
    assert points(found, "completeness") == 62.5  # of 100 and 50: half the worst, half the mean
    worst = found.blockers[0]
    assert (worst.dimension, worst.dataset) == ("completeness", "stock")
    assert sum(one.points for one in found.blockers) == pytest.approx(100 - found.total, abs=0.21)


def test_a_question_that_is_not_answered_costs_the_use_case():
    found = judged(both(), ranks=(1, None))
    assert points(found, "questions") == 50.0
    assert "What was ordered?" in found.blockers[0].what


def test_a_use_case_without_questions_or_with_an_unknown_dataset_is_unknown():
    assert points(judged(both(), questions=(), ranks=()), "questions") is None
    found = judged(both(source_read=None))
    assert points(found, "freshness") is None
    assert not found.enough
    unasked = score_use_case(case(), both(), Answered(unknown="nothing is published"), ReadinessPlan(), NOW)
    assert points(unasked, "questions") is None


def test_the_order_of_datasets_does_not_move_a_use_case():
    scores = both(findings=(finding("orphans"),))
    assert judged(scores).fingerprint == judged(scores, datasets=("stock", "orders")).fingerprint
    assert judged(scores).total == judged(scores, datasets=("stock", "orders")).total

"""Linking: what is the same is linked with its evidence, doubt goes to a person, and the person's word holds."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from catalog.errors import Refusal
from expectations.linking import BlockingKey, Comparison, LinkPlan, duplicates, link, suggested
from expectations.linking.clusters import components, torn
from expectations.linking.weights import at_most_one

FIRST = ["Ada", "Bert", "Carla", "Dora", "Emil", "Frida", "Gustav", "Hanna", "Ivo", "Jutta"]
LAST = ["Abelson", "Brinkman", "Castellano", "Dijkstra", "Ekström", "Fontaine", "Gärtner", "Hollander", "Ivarsson",
        "Jankowski", "Kowalczyk", "Lindqvist"]  # fmt: skip
FIELDS = (("name", "text"), ("phone", "code"), ("town", "text"))


def compared(*fields):
    return tuple(Comparison(name=name, left=name, right=name, kind=kind) for name, kind in fields)


def plan(**told):
    usual = {
        "left": "crm", "right": "billing", "left_key": "id", "right_key": "id", "comparisons": compared(*FIELDS),
        "blocking": (BlockingKey(fields=("name",), by="words"), BlockingKey(fields=("phone",))),
    }  # fmt: skip
    return LinkPlan(**{**usual, **told})


def customers(many=100, start=0):
    """Customers with names of two words, telephone numbers, and one of seven towns."""
    return pl.DataFrame({
        "id": [f"c{number}" for number in range(start, start + many)],
        "name": [f"{FIRST[number % 10]} {LAST[(number // 10) % 12]}" for number in range(start, start + many)],
        "phone": [f"0{(number * 7_919 + 1_234_567) % 9_999_991:07d}" for number in range(start, start + many)],
        "town": [f"Town {'abcdefg'[number % 7]}" for number in range(start, start + many)],
    })  # fmt: skip


def altered(frame, row, **values):
    told = [pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
            for name, value in values.items()]  # fmt: skip
    return frame.with_columns(told)


def linked(links):
    return set(links.pairs.filter(pl.col("decision") == "link").select("left", "right").iter_rows())


def decision(links, left, right):
    rows = links.pairs.filter((pl.col("left") == left) & (pl.col("right") == right))
    return rows.select("decision", "reason").row(0) if rows.height else None


def said(*rows):
    return pl.DataFrame(rows, schema={"left": pl.String, "right": pl.String, "same": pl.Boolean}, orient="row")


def test_records_that_are_written_otherwise_are_linked():
    other = altered(
        customers(), 3, name="ABELSON, dora", phone=customers()["phone"][3][:4] + "/" + customers()["phone"][3][4:]
    )
    other = altered(other, 33, name="Dora Dijkstr", phone=customers()["phone"][33])
    links = link(customers(), other, plan())
    assert linked(links) == {(key, key) for key in customers()["id"]}


def test_a_pair_shows_what_each_field_weighs():
    links = link(customers(), altered(customers(), 3, town="Elsewhere"), plan())
    pair = links.pairs.row(by_predicate=(pl.col("left") == "c3") & (pl.col("right") == "c3"), named=True)
    assert pair["weight"] == pytest.approx(pair["weight_name"] + pair["weight_phone"] + pair["weight_town"])
    assert pair["weight_town"] < 0 < pair["weight_phone"]
    assert (links.pairs["weight_town"] > 0).sum() == 99


def test_a_missing_value_weighs_nothing():
    links = link(customers(), altered(customers(), 3, town=None), plan())
    assert links.pairs.filter(pl.col("right") == "c3")["weight_town"].to_list() == [0.0]


def test_what_rests_on_one_field_is_for_a_person():
    other = altered(customers(), 3, phone=None, town=None)
    links = link(
        altered(customers(), 3, name="Quirinus Unheardof"), altered(other, 3, name="Quirinus Unheardof"), plan()
    )
    assert decision(links, "c3", "c3") in [("review", "few_fields"), ("review", "weights")]


def test_an_agreement_on_a_rare_value_weighs_more_than_on_a_common_one():
    towns = [pl.when(pl.int_range(pl.len()) < 90).then(pl.lit("Bigtown")).otherwise(pl.col("town")).alias("town")]
    frame = customers().with_columns(towns)
    pairs = link(frame, frame, plan()).pairs
    weights = dict(pairs.filter(pl.col("left") == pl.col("right")).select("left", "weight_town").iter_rows())
    assert weights["c95"] > weights["c5"]


def test_a_declared_key_decides_alone():
    other = altered(customers(), 3, name="Nobody Else", town="Elsewhere")
    links = link(customers(), other, plan(keys=(("phone",),)))
    assert decision(links, "c3", "c3") == ("link", "key")


def test_no_record_has_two_partners_where_the_plan_says_so():
    twice = pl.concat([customers(), customers().head(1).with_columns(pl.lit("again").alias("id"))])
    many, one = link(customers(), twice, plan()), link(customers(), twice, plan(one_to_one=True))
    assert {("c0", "c0"), ("c0", "again")} <= linked(many)
    assert {decision(one, "c0", "c0")[0], decision(one, "c0", "again")[0]} == {"review"}
    assert len({left for left, _ in linked(one)}) == len(linked(one)) == 99


def test_one_row_takes_a_link_back_and_a_later_one_restores_it():
    apart, again = said(("c3", "c3", False)), said(("c3", "c3", False), ("c3", "c3", True))
    assert decision(link(customers(), customers(), plan()), "c3", "c3") == ("link", "weights")
    assert decision(link(customers(), customers(), plan(), decisions=apart), "c3", "c3") == ("no", "person")
    assert decision(link(customers(), customers(), plan(), decisions=again), "c3", "c3") == ("link", "person")


def test_a_person_links_what_no_key_brought_together():
    links = link(customers(), customers(), plan(), decisions=said(("c1", "c42", True)))
    assert decision(links, "c1", "c42") == ("link", "person")
    assert links.pairs.filter(pl.col("right") == "c42")["weight_name"].is_not_null().all()


def test_a_decision_about_a_record_that_is_gone_is_counted():
    links = link(customers(), customers(), plan(), decisions=said(("c1", "gone", True), ("c1", "c1", True)))
    assert links.unused == 1


def test_records_kept_apart_stay_apart_also_by_way_of_a_third():
    again = (customers(1).with_columns(pl.lit(name).alias("id")) for name in "xy")
    triple = pl.concat([customers(), *again])
    links = duplicates(triple, plan(), decisions=said(("x", "c0", False)))
    home = dict(links.clusters.select("key", "cluster").iter_rows())
    assert decision(links, "c0", "x") == ("no", "person")
    assert home.get("c0") != home.get("x") or "x" not in home
    assert links.pairs.filter(pl.col("reason") == "kept_apart").height == 1


def test_duplicates_of_one_frame_are_pairs_once_and_never_with_themselves():
    frame = pl.concat([customers(), customers(50).with_columns(("d" + pl.col("id")).alias("id"))])
    assert linked(duplicates(frame, plan())) == {(f"c{number}", f"dc{number}") for number in range(50)}


def test_a_cluster_keeps_its_name_when_rows_come_in_another_order():
    one = link(customers(), customers(), plan()).clusters
    other = link(customers().reverse(), customers().sample(fraction=1, shuffle=True, seed=1), plan()).clusters
    assert one.equals(other)
    assert one.row(0) == ("billing:c0", "billing", "c0")


def test_the_same_records_and_seed_give_the_same_links():
    one, other = (link(customers(), altered(customers(), 3, name="x"), plan(), seed=4).pairs for _ in range(2))
    assert one.equals(other)


def test_labels_move_the_threshold_and_what_a_field_is_worth():
    other = customers().with_columns(pl.col("town").shuffle(seed=1))
    labels = pl.concat([said(*((key, key, True) for key in customers()["id"][:30])),
                        said(*((f"c{n}", f"c{n + 1}", False) for n in range(30)))])  # fmt: skip
    without, taught = link(customers(), other, plan()).model, link(customers(), other, plan(), labels=labels).model
    assert taught.accept != without.accept
    assert not np.array_equal(taught.m[0], without.m[0])


def test_few_labels_leave_the_threshold_of_the_plan():
    assert link(customers(), customers(), plan(), labels=said(("c1", "c1", True))).model.accept == 0.9


def test_blocks_above_the_limit_are_counted_not_compared():
    crowded = customers().with_columns(pl.lit("0555").alias("phone"))
    links = link(crowded, crowded, plan(block_limit=100))
    assert links.skipped == {"value(phone)": 10_000}


def test_a_prefix_brings_together_what_differs_further_on():
    ends = customers().with_columns((pl.col("phone") + "9").alias("phone"))
    by_value, by_prefix = (
        link(customers(), ends, plan(blocking=(BlockingKey(fields=("phone",), by=by, length=8),)))
        for by in ("value", "prefix")
    )
    assert by_value.candidates == 0
    assert by_prefix.candidates == 100
    assert linked(by_prefix) == {(key, key) for key in customers()["id"]}


def test_dates_and_numbers_that_are_near_agree_more_than_those_that_are_far():
    fields = (*FIELDS, ("born", "date"), ("paid", "number"))
    born = pl.date_range(pl.date(1990, 1, 1), pl.date(2020, 1, 1), "100d", eager=True).head(100)
    frame = customers().with_columns(born.alias("born"), pl.Series("paid", range(100)) * 10.0)
    near = frame.with_columns(pl.when(pl.int_range(100) < 50).then(pl.col("born").dt.offset_by("2d")).otherwise("born"),
                              pl.when(pl.int_range(100) < 50).then(pl.col("paid") + 1).otherwise("paid"))  # fmt: skip
    other = altered(near, 99, paid=1.0)
    pairs = link(frame, other, plan(comparisons=compared(*fields))).pairs.filter(pl.col("left") == pl.col("right"))
    weights = {row["left"]: row for row in pairs.iter_rows(named=True)}
    assert weights["c99"]["weight_paid"] < weights["c9"]["weight_paid"]
    assert weights["c9"]["weight_born"] > 0


UNNAMED = customers(3).with_columns(pl.lit(None, pl.String).alias(name) for name in ("name", "phone"))


@pytest.mark.parametrize("left", [customers(0), customers(1), UNNAMED])
def test_frames_with_little_or_nothing_in_them_link_what_they_can(left):
    for one, other in ((left, customers(5)), (customers(5), left)):
        links = link(one, other, plan())
        assert links.pairs.columns[:5] == ["left", "right", "probability", "decision", "reason"]
        assert linked(links) <= {(key, key) for key in customers(5)["id"]}
    assert duplicates(left, plan()).pairs.is_empty()


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (customers(3).drop("town"), "'billing' has no column 'town'"),
        (customers(3).drop("id"), "'billing' has no column 'id'"),
        (customers(3).with_columns(pl.lit("c0").alias("id")), "repeat one"),
        (altered(customers(3), 0, id=None), "without one"),
    ],
)
def test_a_plan_that_does_not_fit_the_frame_is_refused(frame, told):
    with pytest.raises(Refusal, match=told):
        link(customers(3), frame, plan())


def test_decisions_without_an_answer_are_refused():
    for wrong in (said(("c1", "c1", None)), said(("c1", "c1", True)).drop("same")):
        with pytest.raises(Refusal, match="same must be true or false"):
            link(customers(3), customers(3), plan(), decisions=wrong)


def test_a_plan_for_two_systems_is_refused_for_duplicates():
    with pytest.raises(Refusal, match="two systems"):
        duplicates(customers(3), plan(one_to_one=True))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"blocking": (BlockingKey(fields=("nane",)),)}, "Did you mean 'name'"),
        ({"accept": 0.4, "review": 0.5}, "must not be above"),
        ({"blocking": ()}, "no pair is ever compared"),
        ({"comparisons": compared(FIELDS[0], FIELDS[0])}, "names of their own"),
        ({"blocking": (BlockingKey(fields=("phone",), by="words"),)}, "has words to block by"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(wrong, told):
    with pytest.raises(ValidationError, match=told):
        plan(**wrong)


def test_a_suggested_plan_finds_columns_by_name_and_by_what_they_hold():
    other = customers().rename({"name": "Customer", "phone": "tel", "town": "TOWN", "id": "number"}).with_columns(
        pl.col("number").str.replace("c", "b"))  # fmt: skip
    told = suggested(customers(), other, names=("crm", "billing"))
    assert (told.left_key, told.right_key) == ("id", "number")
    assert {(one.left, one.right, one.kind) for one in told.comparisons} == {
        ("name", "Customer", "text"), ("phone", "tel", "code"), ("town", "TOWN", "text"),
    }  # fmt: skip
    assert linked(link(customers(), other, told)) == {(f"c{number}", f"b{number}") for number in range(100)}


def test_frames_that_share_nothing_get_no_plan():
    with pytest.raises(Refusal, match="seem to hold the same"):
        suggested(customers(), pl.DataFrame({"key": ["1", "2"], "colour": ["red", "blue"]}))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_components_are_what_links_reach(edges):
    left, right = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    lowest = components(left, right, 31)
    assert all(lowest[one] == lowest[other] for one, other in edges)
    groups = {number: {number} for number in range(31)}
    for one, other in edges:
        union = groups[one] | groups[other]
        groups.update(dict.fromkeys(union, union))
    assert lowest.tolist() == [min(groups[number]) for number in range(31)]


PLACE = st.integers(0, 12)


@given(st.lists(st.tuples(PLACE, PLACE), max_size=30), st.tuples(st.integers(0, 5), st.integers(6, 12)))
def test_links_give_way_until_records_kept_apart_are_apart(edges, apart):
    left, right = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    kept = ~torn(left, right, [apart], 13)
    lowest = components(left[kept], right[kept], 13)
    assert lowest[apart[0]] != lowest[apart[1]]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(1e-6, 1e6)), min_size=1, max_size=25))
def test_the_partners_of_a_record_share_one_probability(edges):
    distinct = {(left, right): odds for left, right, odds in edges}
    left, right = (np.array([pair[side] for pair in distinct], np.int64) for side in (0, 1))
    told = at_most_one(np.array(list(distinct.values())), left, right + 7, rounds=100)
    for side in (left, right + 7):
        assert np.bincount(side, told).max() <= 1 + 1e-3


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(30)))
def test_the_order_of_rows_changes_nothing(order):
    frame = customers(30)
    assert linked(link(frame, frame[order], plan())) == linked(link(frame, frame, plan()))

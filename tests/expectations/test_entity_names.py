"""An entity keeps its name while its records come and go; no two entities share one."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.linking.entity_names import BEFORE, named

NOTHING = pl.DataFrame(schema=BEFORE)


def grouped(*groups):
    """Records by group, `a` in the order of their names; a record's id is made of its name."""
    rows = sorted((key, number) for number, group in enumerate(groups) for key in group)
    first = {}
    for place, (_, number) in enumerate(rows):
        first.setdefault(number, place)
    return pl.DataFrame({
        "dataset": ["crm"] * len(rows), "key": [key for key, _ in rows],
        "record": [f"{key}0000000000000000000" for key, _ in rows], "group": [first[number] for _, number in rows],
    }, schema={"dataset": pl.String, "key": pl.String, "record": pl.String, "group": pl.Int64})  # fmt: skip


def names(told):
    return dict(told.select("key", "entity_id").iter_rows())


def test_without_a_memory_an_entity_is_called_by_its_anchor():
    told = names(named(grouped("ab", "c"), NOTHING, entity="customer"))
    assert told == {
        "a": "customer-a000000000000000",
        "b": "customer-a000000000000000",
        "c": "customer-c000000000000000",
    }


def test_a_member_that_comes_first_renames_nobody():
    before = named(grouped("bc"), NOTHING, entity="customer")
    assert len({*names(named(grouped("abc"), before, entity="customer")).values(), *names(before).values()}) == 1


def test_of_two_that_become_one_the_larger_gives_its_name():
    before = named(grouped("ab", "cde"), NOTHING, entity="customer")
    after = names(named(grouped("abcde"), before, entity="customer"))
    assert set(after.values()) == {names(before)["c"]}


def test_of_one_that_becomes_two_the_larger_keeps_the_name_and_the_other_gets_a_free_one():
    before = named(grouped("abc"), NOTHING, entity="customer")
    after = names(named(grouped("a", "bc"), before, entity="customer"))
    assert after["b"] == after["c"] == names(before)["a"]
    assert after["a"] not in names(before).values()


def test_of_one_that_becomes_two_of_a_size_the_anchor_keeps_the_name():
    before = named(grouped("ab"), NOTHING, entity="customer")
    after = names(named(grouped("a", "b"), before, entity="customer"))
    assert after["a"] == names(before)["a"] != after["b"]


PARTITIONS = st.lists(st.sampled_from(range(6)), min_size=1, max_size=12).map(
    lambda places: ["".join("abcdefghijkl"[n] for n, one in enumerate(places) if one == at) for at in set(places)]
)


@given(st.lists(PARTITIONS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_happened_each_group_has_one_name_of_its_own(history):
    before = NOTHING
    for groups in history:
        told = named(grouped(*groups), before, entity="customer")
        by_group = dict(told.select("group", "entity_id").iter_rows())
        assert told.height == sum(map(len, groups))
        assert told["entity_id"].n_unique() == len(by_group) == len(groups)
        assert all(told.filter(pl.col("group") == one)["entity_id"].n_unique() == 1 for one in by_group)
        before = told


@given(PARTITIONS)
@settings(max_examples=30, deadline=None)
def test_what_did_not_change_keeps_its_name(groups):
    once = named(grouped(*groups), NOTHING, entity="customer")
    again = named(grouped(*groups), once, entity="customer")
    assert names(once) == names(again)

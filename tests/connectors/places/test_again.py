"""Which files are read again is decided by their content."""

import time

from hypothesis import given
from hypothesis import strategies as st

from connectors.places.again import plan, reading_order

NAMES = st.sampled_from([f"{name}.csv" for name in "abcdef"])
FILES = st.dictionaries(NAMES, st.sampled_from(["1", "2", "3", "4"]), max_size=6)


def cursor(files, refused=()):
    """What a read of these files leaves, as a reader of files writes it."""
    told = plan(found(files))
    twice = {name for name, _ in told.twice}
    return {"files": [
        {"name": name, "sha256": sha, "rows": 1, "rejects": 0, "refused": "broken" if name in refused else ""}
        for name, sha in found(files) if name not in twice
    ]}  # fmt: skip


def found(files):
    return sorted(files.items(), key=lambda one: reading_order(one[0]))


@given(before=FILES, after=FILES)
def test_what_is_held_afterwards_is_what_a_whole_read_would_hold(before, after):
    whole, told = plan(found(after)), plan(found(after), cursor(before))
    held = {one["name"]: one["sha256"] for one in cursor(before)["files"]}
    rows = {new: held[old] for old, new in told.kept.items()} | {name: after[name] for name in told.read}
    assert rows == {name: after[name] for name in whole.read}
    assert (told.order, told.twice) == (whole.order, whole.twice) == (whole.read, whole.twice)
    assert sorted([*told.gone, *told.kept]) == sorted(held)


@given(before=FILES, after=FILES)
def test_no_content_that_is_held_is_read_again(before, after):
    told = plan(found(after), cursor(before))
    assert not {after[name] for name in told.read} & set(before.values())


@given(before=FILES, after=FILES)
def test_with_append_nothing_is_gone_but_what_was_renamed_or_changed(before, after):
    told = plan(found(after), cursor(before), append=True)
    held = [one["name"] for one in cursor(before)["files"]]
    assert set(held) - set(told.kept) <= set(after), "rows only go where their file's content is another one now"
    assert told.order == sorted(set(told.kept.values()) | set(told.read), key=reading_order)


@given(before=FILES, after=FILES)
def test_where_a_file_is_known_by_its_name_a_renamed_one_is_new_and_copies_are_two(before, after):
    held = {"files": [{"name": name, "sha256": sha, "rows": 1, "rejects": 0} for name, sha in found(before)]}
    told = plan(found(after), held, named=True)
    same = {name for name in after if before.get(name) == after[name]}
    assert told.kept == {name: name for name in same}
    assert set(told.read) == set(after) - same
    assert told.twice == []


def test_a_file_is_kept_under_its_new_name_and_two_may_change_places():
    before = {"a": "1", "b": "2"}
    assert plan([("c", "1")], cursor(before)).kept == {"a": "c"}
    swapped = plan([("a", "2"), ("b", "1")], cursor(before))
    assert (swapped.kept, swapped.read, swapped.gone) == ({"a": "b", "b": "a"}, [], [])


def test_a_copy_is_told_and_the_first_of_both_is_the_one_that_counts():
    told = plan([("a", "1"), ("b", "1")], cursor({"b": "1"}))
    assert (told.kept, told.twice, told.read) == ({"b": "a"}, [("b", "a")], [])


def test_what_cannot_be_opened_keeps_its_rows_and_so_do_the_members_of_an_archive():
    before = {"a.csv": "1", "n.zip!a.csv": "2", "n.zip!b.csv": "3", "o.zip!a.csv": "4"}
    told = plan([("a.csv", ""), ("n.zip", "")], cursor(before))
    assert told.kept == {"a.csv": "a.csv", "n.zip!a.csv": "n.zip!a.csv", "n.zip!b.csv": "n.zip!b.csv"}
    assert (told.gone, told.read) == (["o.zip!a.csv"], [])


def test_a_file_that_was_refused_is_not_parsed_again_and_gives_no_rows_to_a_renamed_one():
    held = cursor({"a": "1"}, refused=["a"])
    assert plan([("a", "1")], held).kept == {"a": "a"}
    assert plan([("b", "1")], held).read == ["b"]


def test_ten_times_the_files_are_compared_in_a_moment_and_not_in_a_hundred_times_the_time():
    files = {f"{number:06}.md": str(number) for number in range(30_000)}
    held, began = cursor(files), time.process_time()
    told = plan(found(files), held, named=True)
    assert len(told.kept) == 30_000
    assert time.process_time() - began < 3  # 0.1 s; where each file is compared with all others it takes half a minute

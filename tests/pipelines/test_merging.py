"""What changed, merged into the rows held: as if everything had been read anew."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.merging import fits, folded, merged

SCHEMA = {"k": pl.Int64, "p": pl.String, "v": pl.String, "_location": pl.String, "_position": pl.Int64}
KEYS = st.tuples(st.integers(0, 9), st.sampled_from(["", "a", "b'"]))
ROWS = st.dictionaries(KEYS, st.none() | st.text(max_size=3), max_size=20)
STEP = st.lists(st.tuples(KEYS, st.none() | st.text(max_size=3), st.booleans()), max_size=8)


def _frame(rows):
    told = [(*key, value, "t", at) for at, (key, value) in enumerate(rows.items(), 1)]
    return pl.DataFrame(told, schema=SCHEMA, orient="row")


@given(rows=ROWS, steps=st.lists(STEP, min_size=1, max_size=4))
def test_rows_are_what_they_would_be_after_each_change_in_turn(tmp_path_factory, rows, steps):
    folder = tmp_path_factory.mktemp("raw")
    base, target = folder / "base.parquet", folder / "target.parquet"
    _frame(rows).write_parquet(base)
    want, parts = dict(rows), []
    for step in steps:
        last = {key: (value, gone) for key, value, gone in step}
        parts.append((_frame({key: value for key, (value, gone) in last.items() if not gone}),
                      pl.DataFrame([key for key, (_, gone) in last.items() if gone],
                                   schema={"k": pl.Int64, "p": pl.String}, orient="row")))  # fmt: skip
        for key, (value, gone) in last.items():
            want.pop(key, None) if gone else want.__setitem__(key, value)
    assert merged(base, folded(parts), target) == len(want)
    told = pl.read_parquet(target)
    assert {(k, p): v for k, p, v in told.select("k", "p", "v").iter_rows()} == want
    assert told["_position"].to_list() == list(range(1, len(want) + 1))
    assert told.schema == pl.read_parquet(base).schema


def test_a_changed_row_stays_where_it_was_and_a_new_one_comes_behind(tmp_path):
    base, target = tmp_path / "base.parquet", tmp_path / "target.parquet"
    _frame({(1, "a"): "x", (2, "a"): "y", (3, "a"): "z"}).write_parquet(base)
    gone = pl.DataFrame({"k": [3], "p": ["a"]})
    merged(base, folded([(_frame({(0, "a"): "new", (1, "a"): "changed"}), gone)]), target)
    assert pl.read_parquet(target)["v"].to_list() == ["changed", "y", "new"]


def test_a_change_with_other_types_does_not_fit(tmp_path):
    base = tmp_path / "base.parquet"
    _frame({(1, "a"): "x"}).write_parquet(base)
    none = pl.DataFrame(schema={"k": pl.Int64, "p": pl.String})
    rows = _frame({(1, "a"): "x"})
    assert fits(base, folded([(rows, none)]))
    assert not fits(base, folded([(rows.with_columns(v=pl.lit(1)), none)]))
    assert not fits(base, folded([(rows.drop("v"), none)]))

"""Suggest how two frames could be linked: columns that tell the same, how to compare them, and which pairs to look at.

A suggestion is for a person to read and keep. It never makes a column a deterministic key: that is declared.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from catalog.errors import Refusal
from expectations.linking.plans import BLOCK_LIMIT, MOST_FIELDS, BlockingKey, Comparison, Kind, LinkPlan
from expectations.linking.values import folded
from expectations.wording import as_text

SAMPLE = 20_000  # rows of either side that are looked at
SAME_NAME = 0.8  # similarity of column names that need no help from the values
SHARED_WORDS = 0.3  # of the poorer column, where names do not tell
ALMOST_ALL = 0.95  # values that must look like a number or a date
PAIRS_PER_RECORD = 10.0  # that a blocking key may bring by chance
MOST_KEYS = 8
FIELDS_AT_LEAST = 3  # that a key has where no cheaper one is found
RARE_WORDS_REACH = 0.5  # of the records that must hold a rare word


@dataclass(frozen=True)
class _Sampled:
    """One column, looked at."""

    name: str
    title: str
    kind: Kind
    words: frozenset[str]


def suggested(
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    left_key: str = "",
    right_key: str = "",
    one_to_one: bool = False,
    names: tuple[str, str] = ("left", "right"),
    seed: int = 0,
) -> LinkPlan:
    """A plan for `link`, from names and values. A key that is not named is the first unique and filled column.

    Refuses frames in which no columns correspond.
    """
    keys = left_key or _key_of(left, names[0]), right_key or _key_of(right, names[1])
    sides = [_sampled(frame, key, seed) for frame, key in zip((left, right), keys, strict=True)]
    comparisons = _comparisons(*sides)
    if not comparisons:
        raise Refusal(f"no columns of '{names[0]}' and '{names[1]}' seem to hold the same", "Write the plan by hand.")
    blocking = _blocking(comparisons, left, right, seed)
    return LinkPlan(
        left=names[0], right=names[1], left_key=keys[0], right_key=keys[1], comparisons=tuple(comparisons),
        blocking=tuple(blocking), one_to_one=one_to_one,
    )  # fmt: skip


def _key_of(frame: pl.DataFrame, side: str) -> str:
    unique = [
        name for name in frame.columns if frame[name].null_count() == 0 and frame[name].n_unique() == frame.height
    ]
    told = [name for name in unique if re.search(r"(^|[^a-z])(id|key|no|nr|code)$", name.lower())]
    if not unique:
        raise Refusal(f"no column of '{side}' is unique and filled", "Name its key, or number its rows.")
    return (told or unique)[0]


def _sampled(frame: pl.DataFrame, key: str, seed: int) -> list[_Sampled]:
    rows = frame.sample(min(SAMPLE, frame.height), seed=seed)
    return [_look(rows, name) for name in frame.columns if name != key and not name.startswith("_")]


def _look(rows: pl.DataFrame, name: str) -> _Sampled:
    text = rows.select(as_text(rows.schema, name).alias("text")).to_series().drop_nulls()
    kind = _kind(rows.schema[name], text)
    plain = Comparison(name=name, left=name, right=name, kind="text" if kind == "code" else kind)
    words = folded(rows, name, plain).drop_nulls().str.split(" ").explode(empty_as_null=False).unique()
    title = re.split(r"[#/:.]", name)[-1]
    return _Sampled(name, re.sub(r"[^a-z0-9]+", " ", title.lower()).strip(), kind, frozenset(words))


def _kind(dtype: pl.DataType, text: pl.Series) -> Kind:
    if dtype.is_temporal():
        return "date" if dtype in (pl.Date, pl.Datetime) else "exact"
    if dtype == pl.Boolean:
        return "exact"
    if text.is_empty():
        return "text"
    if text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_not_null().mean() >= ALMOST_ALL:  # type: ignore[operator]  # a mean of booleans
        return "date"
    if text.str.strip_chars().cast(pl.Float64, strict=False).is_not_null().mean() >= ALMOST_ALL:  # type: ignore[operator]
        return "code" if text.str.contains(r"^(0\d|\+|\d{7})").mean() >= 0.5 else "number"  # type: ignore[operator]
    digits = int(text.str.count_matches(r"\p{N}").sum()) / max(int(text.str.count_matches(r"[\p{L}\p{N}]").sum()), 1)
    return "code" if digits > 0.5 else "text"


def _comparisons(left: Sequence[_Sampled], right: Sequence[_Sampled]) -> list[Comparison]:
    """Each column with the one that tells the same, the surest pairs first."""
    scored = [(_correspond(one, other), one, other) for one in left for other in right]
    scored = sorted((told for told in scored if told[0] > 0), key=lambda told: -told[0])
    taken: dict[str, _Sampled] = {}
    for _, one, other in scored:
        if one.name not in taken and all(other is not before for before in taken.values()):
            taken[one.name] = other
    found = [(one, taken[one.name]) for one in left if one.name in taken]
    titles = [one.title.replace(" ", "_") or one.name for one, _ in found]
    names = titles if len(set(titles)) == len(titles) else [one.name for one, _ in found]
    return [
        Comparison(name=name, left=one.name, right=other.name, kind=_common(one, other))
        for name, (one, other) in zip(names, found, strict=True)
    ][:MOST_FIELDS]


def _correspond(one: _Sampled, other: _Sampled) -> float:
    """0 where they do not seem to; else the likeness of the names and of the words they hold."""
    named = difflib.SequenceMatcher(None, one.title, other.title).ratio()
    shared = len(one.words & other.words) / max(min(len(one.words), len(other.words)), 1)
    textual = {one.kind, other.kind} <= {"text", "code"}
    if one.kind != other.kind and not textual:
        return named if named >= SAME_NAME and one.title else 0.0
    if named >= SAME_NAME or (textual and shared >= SHARED_WORDS) or (one.kind == "date" and shared >= SHARED_WORDS):
        return named + shared
    return 0.0


def _common(one: _Sampled, other: _Sampled) -> Kind:
    return one.kind if one.kind == other.kind else "text"


def _blocking(
    comparisons: Sequence[Comparison], left: pl.DataFrame, right: pl.DataFrame, seed: int
) -> list[BlockingKey]:
    """Rare words, then values and pairs of values that bring few pairs by chance: an error in one leaves the others."""
    sides = [frame.sample(min(SAMPLE, frame.height), seed=seed) for frame in (left, right)]
    many = left.height, right.height
    affordable = PAIRS_PER_RECORD * sum(many)
    worded = [one for one in comparisons if one.kind == "text" and _has_rare_words(one, sides, many)]
    keys = [BlockingKey(fields=(one.name,), by="words") for one in worded]
    chances = {one.name: _chance(one, sides) for one in comparisons}
    if max(many) <= SAMPLE:  # all was seen: what never agrees brings no pair
        chances = {name: chance for name, chance in chances.items() if chance}
    alone = [name for name, chance in chances.items() if chance * many[0] * many[1] <= affordable]
    by_value = [name for name in alone if name not in [one.name for one in worded]]
    keys += [BlockingKey(fields=(name,)) for name in sorted(by_value, key=lambda name: chances[name])]
    both = {pair: chances[pair[0]] * chances[pair[1]] for pair in combinations(sorted(set(chances) - set(alone)), 2)}
    both = {pair: chance for pair, chance in both.items() if chance * many[0] * many[1] <= affordable}
    keys += [BlockingKey(fields=pair) for pair in sorted(both, key=lambda pair: (both[pair], pair))]
    rarest = sorted(chances, key=lambda name: chances[name])[:FIELDS_AT_LEAST] or [comparisons[0].name]
    return keys[:MOST_KEYS] or [BlockingKey(fields=tuple(rarest))]


def _chance(one: Comparison, sides: Sequence[pl.DataFrame]) -> float:
    """That a left and a right record hold the same value, from the values of both samples."""
    counted = [
        folded(frame, name, one)
        .drop_nulls()
        .value_counts(name="count")
        .with_columns(pl.col("count") / max(frame.height, 1))
        for frame, name in zip(sides, (one.left, one.right), strict=True)
    ]
    met = counted[0].join(counted[1], on="value", suffix="_right")
    return float((met["count"] * met["count_right"]).sum())


def _has_rare_words(one: Comparison, sides: Sequence[pl.DataFrame], many: tuple[int, int]) -> bool:
    """Whether most records hold a word that few others do, also when there are as many records as there are."""
    limit = BLOCK_LIMIT**0.5
    reached = []
    for frame, name, rows in zip(sides, (one.left, one.right), many, strict=True):
        words = pl.DataFrame({"word": folded(frame, name, one).drop_nulls().str.split(" ").list.unique()})
        words = words.with_row_index("row").explode("word", empty_as_null=False)
        scale = rows / max(frame.height, 1)
        rarest = words.with_columns(pl.len().over("word").alias("held")).group_by("row").agg(pl.col("held").min())
        reached.append(float((rarest["held"] * scale <= limit).mean() or 0.0))
    return min(reached, default=0.0) >= RARE_WORDS_REACH

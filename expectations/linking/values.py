"""Values of two systems made comparable: folded, numbered once, kept as bits and words that compare at column speed.

Equal folded values of both sides get one number, so whatever is costly is done once a value and not once a pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from expectations.linking.plans import Comparison
from expectations.wording import as_text

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MISSING = -1
SIGNATURE_BYTES = 64  # 512 bits: a name of 20 letter pairs shares one of them by chance
LONGEST = 96  # bytes of a value whose letter pairs count
WORDS = 16  # the rarest words of a value that count
AT_ONCE = 100_000  # values that are made into bits in one go


@dataclass(frozen=True)
class Column:
    """One comparison's values: a number per record of either side (-1: missing), and per value what is compared."""

    comparison: Comparison
    left: Ints
    right: Ints
    values: pl.Series  # distinct and folded
    counts: Ints  # records of both sides that hold the value
    bits: npt.NDArray[np.uint64] | None = None  # letter pairs
    bit_counts: Ints | None = None
    words: npt.NDArray[np.int32] | None = None  # the rarest first, padded by -1
    word_weights: Floats | None = None  # by word: how rare it is
    word_reach: Ints | None = None  # by word: how many records of the other side hold it, at least
    weighs: Floats | None = None  # by value: all its words
    numbers: Floats | None = None  # NaN where the text is none
    spread: float = 1.0  # of the numbers of all records: from the first quartile to the third

    def same(self, left: Ints, right: Ints) -> npt.NDArray[np.bool_]:
        """Whether each pair of records holds one and the same value."""
        mine = self.left[left]
        return np.asarray((mine != MISSING) & (mine == self.right[right]))


def column(comparison: Comparison, left: pl.DataFrame, right: pl.DataFrame, *, within: bool = False) -> Column:
    """Both frames' values of one comparison."""
    mine = folded(left, comparison.left, comparison)
    theirs = folded(right, comparison.right, comparison)
    both = pl.concat([mine, theirs])
    values = both.drop_nulls().unique().sort()
    numbers = both.replace_strict(values, np.arange(len(values)), default=MISSING, return_dtype=pl.Int64).to_numpy()
    ours, others = numbers[: len(mine)], numbers[len(mine) :]
    told: dict[str, Any] = {}
    if comparison.kind == "text":
        told = _words(values, ours, others, within=within)
    if comparison.kind in ("text", "code"):
        told["bits"] = signatures(values)
        told["bit_counts"] = np.bitwise_count(told["bits"]).sum(axis=1, dtype=np.int64)
    if comparison.kind in ("number", "date"):
        told["numbers"] = _numbers(values, comparison)
        told["spread"] = _spread(told["numbers"][numbers[numbers >= 0]])
    counts = np.bincount(numbers[numbers >= 0], minlength=len(values)).astype(np.int64)
    return Column(comparison=comparison, left=ours, right=others, values=values, counts=counts, **told)


def folded(frame: pl.DataFrame, name: str, comparison: Comparison) -> pl.Series:
    """The values as text that is equal where they mean the same; null where nothing is left."""
    text = as_text(frame.schema, name)
    if comparison.kind in ("text", "code"):
        text = text.str.replace_all(r"&#?\w{2,8};", "").str.normalize("NFKD").str.to_lowercase()
        text = text.str.replace_all("[\\p{M}'\u2019`]", "")
        text = text.str.replace_all(r"[^\p{L}\p{N}]+", " " if comparison.kind == "text" else "")
    elif comparison.kind == "number":
        number = text.str.strip_chars().cast(pl.Float64, strict=False) + 0.0  # + 0.0: -0.0 is 0.0
        text = number.cast(pl.String).fill_null(text)
    text = text.str.strip_chars()
    return frame.select(pl.when(text.str.len_bytes() > 0).then(text).alias("value")).to_series()


def signatures(values: pl.Series) -> npt.NDArray[np.uint64]:
    """Each value's pairs of neighbouring bytes as bits of a fixed width (a Bloom filter with one hash).

    Bloom filters compared by Dice: Schnell, Bachteler and Reiher 2009, BMC Med. Inform. Decis. Mak. 9:41.
    """
    bits = np.zeros((len(values), SIGNATURE_BYTES), np.uint8)
    for start in range(0, len(values), AT_ONCE):
        texts = (" " + values.slice(start, AT_ONCE) + " ").cast(pl.Binary).to_list()
        letters = np.array(texts, dtype=f"S{LONGEST}").view(np.uint8).reshape(-1, LONGEST)
        _mark(bits[start : start + len(texts)], letters)
    return bits.view(np.uint64)


def _mark(bits: npt.NDArray[np.uint8], letters: npt.NDArray[np.uint8]) -> None:
    for place in range(LONGEST - 1):  # by place in the value, not by value
        rows = np.flatnonzero(letters[:, place + 1])
        pair = letters[rows, place].astype(np.uint32) * 256 + letters[rows, place + 1]
        bit = (pair * np.uint32(2_654_435_761)) >> np.uint32(23)  # Knuth's multiplicative hash; 9 bits: 512 places
        bits[rows, bit >> 3] |= (1 << (bit & 7)).astype(np.uint8)


def _words(values: pl.Series, left: Ints, right: Ints, *, within: bool) -> dict[str, Any]:
    """The words of each value as numbers, the rarest first; a word is as heavy as it is rare (inverse frequency)."""
    split = pl.DataFrame({"value": np.arange(len(values)), "word": values.str.split(" ").list.unique()})
    told = split.explode("word", empty_as_null=False).with_columns(pl.col("word").rank("dense").cast(pl.Int64) - 1)
    value, word = told["value"].to_numpy(), told["word"].to_numpy()
    many = int(word.max()) + 1 if len(word) else 0
    ours, theirs = (_holders(side, len(values))[value] for side in (left, right))
    ours, theirs = (np.bincount(word, side, minlength=many).astype(np.int64) for side in (ours, theirs))
    weights = np.log((len(left) + len(right) + 1) / np.maximum(ours + theirs, 1))
    order = np.lexsort((word, -weights[word], value))
    value, word = value[order], word[order]
    place = np.arange(len(value)) - np.searchsorted(value, value)
    width = min(WORDS, int(place.max()) + 1) if len(place) else 1
    matrix = np.full((len(values), width), MISSING, np.int32)
    kept = place < width
    matrix[value[kept], place[kept]] = word[kept]
    reach = ours - 1 if within else np.minimum(ours, theirs)  # within one frame a word is shared from two records on
    weighs = np.bincount(value[kept], weights[word[kept]], minlength=len(values))
    return {"words": matrix, "word_weights": weights, "word_reach": reach, "weighs": weighs}


def _holders(side: Ints, many: int) -> Ints:
    return np.bincount(side[side >= 0], minlength=many).astype(np.int64)


def _numbers(values: pl.Series, comparison: Comparison) -> Floats:
    if comparison.kind == "number":
        return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    days = values.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32).cast(pl.Float64)
    return days.fill_null(float("nan")).to_numpy()


def _spread(numbers: Floats) -> float:
    known = numbers[np.isfinite(numbers)]
    low, high = np.quantile(known, [0.25, 0.75]) if len(known) else (0.0, 0.0)
    return float(high - low) or 1.0

"""Measure the linking of records: how right it is where the truth is known, and what a million records cost.

    python -m evals.linking [--seeds 10] [--data ../shared/data/er/ccer] [--rows 0]

The sets are pairs of catalogues whose matches people wrote down: restaurants, and publications. Each is linked by the
plan that `suggested` makes of it, without labels and with 200, beside splink, where it is installed, and the rival:
records of which at least half the words are shared (Jaccard 0.5). With `--rows N`, N synthetic records of people, half
on either side, are linked in a process of their own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from expectations.linking import LinkPlan, Links, link, suggested

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "er" / "ccer"
LABELS = 200
FAINT = 0.001  # probability from which a candidate may be drawn as a label
JACCARD = 0.5
SHARED = 0.5  # of the synthetic people stand on both sides
SETS = {
    "restaurants": ("D1", "rest1clean.csv", "rest2clean.csv", "|"),
    "publications": ("D4", "dblpclean.csv", "acmclean.csv", "%"),
}


@dataclass(frozen=True)
class Known:
    """Two catalogues and their true matches, a row each: `left`, `right`."""

    left: pl.DataFrame
    right: pl.DataFrame
    truth: pl.DataFrame


class Score(NamedTuple):
    """How much of what was linked is right, how much of what is right was linked, and both in one."""

    precision: float
    recall: float
    f1: float


def known(name: str, folder: Path = DATA) -> Known:
    """A set by its name in SETS."""
    place, one, other, mark = SETS[name]
    left, right, truth = (pl.read_csv(folder / place / file, separator=mark, infer_schema=False)
                          for file in (one, other, "gtclean.csv"))  # fmt: skip
    return Known(left, right, truth.rename({"D1": "left", "D2": "right"}))


def score(found: pl.DataFrame, truth: pl.DataFrame) -> Score:
    """Of pairs against the true ones."""
    right = found.join(truth, on=["left", "right"], how="inner").height
    return Score(right / max(found.height, 1), right / truth.height, 2 * right / (found.height + truth.height))


def linked(links: Links) -> pl.DataFrame:
    """The pairs that need no person."""
    return links.pairs.filter(pl.col("decision") == "link").select("left", "right")


def labels(one: Known, plan: LinkPlan, seed: int) -> pl.DataFrame:
    """200 candidates with their truth, half of them likely matches, as a person would be asked."""
    wide = link(one.left, one.right, plan.model_copy(update={"review": FAINT, "one_to_one": False})).pairs
    likely = pl.col("probability") >= 0.5  # more likely than not
    halves = [wide.filter(likely), wide.filter(~likely)]
    drawn = pl.concat([half.sample(min(LABELS // 2, half.height), seed=seed) for half in halves]).select(
        "left", "right"
    )
    told = drawn.join(one.truth.with_columns(pl.lit(True).alias("same")), on=["left", "right"], how="left")
    return told.with_columns(pl.col("same").fill_null(False))


def jaccard(one: Known, limit: float = JACCARD) -> pl.DataFrame:
    """The rival: pairs of records that share at least so much of their words, all fields taken together."""
    return _alike(one).filter(pl.col("alike") >= limit).select("left", "right")


def _alike(one: Known) -> pl.DataFrame:
    words = [_words(frame) for frame in (one.left, one.right)]
    sizes = [side.group_by("id").len("size") for side in words]
    shared = words[0].join(words[1], on="word").group_by("id", "id_right").len("shared")
    told = shared.join(sizes[0], on="id").join(sizes[1].rename({"id": "id_right"}), on="id_right", suffix="_right")
    alike = pl.col("shared") / (pl.col("size") + pl.col("size_right") - pl.col("shared"))
    return told.select(pl.col("id").alias("left"), pl.col("id_right").alias("right"), alike.alias("alike"))


def _words(frame: pl.DataFrame) -> pl.DataFrame:
    text = pl.concat_str(pl.exclude("id").fill_null(""), separator=" ").str.to_lowercase()
    split = text.str.extract_all(r"[\p{L}\p{N}]+").list.unique().alias("word")
    return frame.select("id", split).explode("word").drop_nulls("word")


def reached(one: Known, plan: LinkPlan) -> tuple[float, int, int]:
    """How much of the truth is among the candidates, how many candidates there are, and how many pairs in all."""
    from expectations.linking.blocking import candidates
    from expectations.linking.values import column

    columns = {each.name: column(each, one.left, one.right) for each in plan.comparisons}
    batches = [
        pl.DataFrame({"left": one.left[plan.left_key].gather(left), "right": one.right[plan.right_key].gather(right)})
        for left, right in candidates(plan, columns).batches()
    ]
    pairs = pl.concat(batches)
    return score(pairs, one.truth).recall, pairs.height, one.left.height * one.right.height


def people(rows: int, seed: int = 0) -> Known:
    """Synthetic records of people, half on either side, the same people in part; typing errors, gaps and changes."""
    chance = np.random.default_rng(seed)
    side, both = rows // 2, int(rows // 2 * SHARED)
    persons = _persons(2 * side - both, chance)
    left, right = persons[:side], persons[side - both :]
    order = chance.permutation(side)
    right = _spoiled(right, chance)[order].with_columns(pl.int_range(pl.len()).cast(pl.String).alias("id"))
    left = _spoiled(left, chance).with_columns(pl.int_range(pl.len()).cast(pl.String).alias("id"))
    truth = left.join(right, on="person").select(pl.col("id").alias("left"), pl.col("id_right").alias("right"))
    return Known(left.drop("person"), right.drop("person"), truth)


def _persons(many: int, chance: np.random.Generator) -> pl.DataFrame:
    given, family, streets, towns = (_names(size, chance) for size in (2_000, 30_000, 20_000, 3_000))
    numbers = chance.integers(1, 200, many).astype(str)
    birth = np.datetime64("1940-01-01") + chance.integers(0, 24_000, many)
    return pl.DataFrame({
        "person": np.arange(many),
        "given_name": _drawn(given, many, chance),
        "family_name": _drawn(family, many, chance),
        "birth_date": birth.astype("datetime64[D]").astype(str),
        "street": pl.Series(_drawn(streets, many, chance)) + " " + pl.Series(numbers),
        "town": _drawn(towns, many, chance),
        "telephone": (chance.integers(10**8, 10**9, many)).astype(str),
    })  # fmt: skip


def _names(many: int, chance: np.random.Generator) -> np.ndarray:
    syllables = np.array(
        [first + second for first in "bdfgklmnprstvw" for second in ("a", "e", "i", "o", "u", "an", "er")]
    )
    parts = [syllables[chance.integers(len(syllables), size=many)] for _ in range(3)]
    return np.char.add(np.char.add(parts[0], parts[1]), parts[2])


def _drawn(names: np.ndarray, many: int, chance: np.random.Generator) -> list[str]:
    """Some names are common and most are rare, as names are (Zipf)."""
    weights = 1 / np.arange(1, len(names) + 1) ** 0.8
    drawn: list[str] = names[chance.choice(len(names), size=many, p=weights / weights.sum())].tolist()
    return drawn


def _spoiled(persons: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    """One value in ten with a letter lost, and some missing or replaced by another person's."""
    told = persons
    for name in [one for one in persons.columns if one != "person"]:
        dice, place = (pl.Series(chance.random(persons.height)) for _ in range(2))
        cut = (pl.lit(place) * pl.col(name).str.len_chars()).cast(pl.Int64)
        typo = pl.col(name).str.slice(0, cut) + pl.col(name).str.slice(cut + 1)
        other = persons[name].gather(chance.permutation(persons.height))
        gap, moved = pl.lit(dice) < 0.05, pl.lit(dice) < 0.10
        spoiled = pl.when(gap).then(None).when(moved).then(other).when(pl.lit(dice) < 0.20).then(typo)
        told = told.with_columns(spoiled.otherwise(pl.col(name)).alias(name))
    return told


def main(words: Sequence[str] | None = None) -> int:
    """Print the tables, or be the process that links the synthetic records."""
    given = list(sys.argv[1:] if words is None else words)
    if given[:1] == ["once"]:
        print(json.dumps(_once(int(given[1]))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=10, help="draws of 200 labels (default 10)")
    parser.add_argument("--data", type=Path, default=DATA, help=f"folder of the sets (default {DATA})")
    parser.add_argument("--rows", type=int, default=0, help="synthetic records to link instead (default none)")
    asked = parser.parse_args(given)
    if asked.rows:
        _many(asked.rows)
        return 0
    if not asked.data.is_dir():
        print(f"The sets are not here ({asked.data}); name their folder with --data.")
        return 0
    for name in SETS:
        _one_set(name, known(name, asked.data), asked.seeds)
    return 0


def _one_set(name: str, one: Known, seeds: int) -> None:
    plan = suggested(one.left, one.right, one_to_one=True)
    recall, many, of = reached(one, plan)
    print(f"## {name}: {one.left.height:,} and {one.right.height:,} records, {one.truth.height:,} matches\n")
    keys = ", ".join(key.name for key in plan.blocking)
    print(f"blocking {keys}: {recall:.1%} of matches, {many:,} of {of:,} pairs\n")
    print("| way | precision | recall | F1 |\n|---|---|---|---|")
    print(_line(f"words, Jaccard {JACCARD}", [score(jaccard(one), one.truth)]))
    alike = _alike(one)
    tried = [alike.filter(pl.col("alike") >= limit / 20).select("left", "right") for limit in range(4, 20)]
    best = max((score(pairs, one.truth) for pairs in tried), key=lambda told: told.f1)
    print(_line("words, Jaccard at the threshold that the truth likes best", [best]))
    for way, used in (("one to one", plan), ("any number", plan.model_copy(update={"one_to_one": False}))):
        print(_line(f"{way}, no labels", [score(linked(link(one.left, one.right, used)), one.truth)]))
        told = [link(one.left, one.right, used, labels=labels(one, plan, seed)) for seed in range(seeds)]
        print(_line(f"{way}, {LABELS} labels, n={seeds}", [score(linked(links), one.truth) for links in told]))
        if find_spec("splink") is not None:
            other = link(one.left, one.right, used.model_copy(update={"engine": "splink"}))
            print(_line(f"{way}, splink, no labels", [score(linked(other), one.truth)]))
    print()


def _line(way: str, scores: Sequence[Score]) -> str:
    """Medians, with the lowest and highest where there are several."""
    cells = [[getattr(one, name) for one in scores] for name in Score._fields]
    told = [f"{statistics.median(cell):.3f}" + (f" ({min(cell):.3f} to {max(cell):.3f})" if len(cell) > 1 else "")
            for cell in cells]  # fmt: skip
    return f"| {way} | {' | '.join(told)} |"


def _many(rows: int) -> None:
    command = [sys.executable, "-m", "evals.linking", "once", str(rows)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise RuntimeError(f"linking {rows:,} records ended with {done.returncode}: {done.stderr[-2000:]}")
    for name, value in json.loads(done.stdout.splitlines()[-1]).items():
        print(f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}")


def _once(rows: int) -> dict[str, object]:
    """Time and memory of suggesting a plan and linking, apart from making the records."""
    one = people(rows)
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    start, cpu = time.perf_counter(), time.process_time()
    plan = suggested(one.left, one.right)
    planned = time.perf_counter()
    links = link(one.left, one.right, plan)
    ended = time.perf_counter()
    found = score(linked(links), one.truth)
    return {
        "records": one.left.height + one.right.height,
        "blocking": ", ".join(key.name for key in plan.blocking),
        "candidates": links.candidates,
        "skipped": sum(links.skipped.values()),
        "suggesting, s": round(planned - start, 1),
        "linking, s": round(ended - planned, 1),
        "CPU, s": round(time.process_time() - cpu, 1),
        "peak, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "of which the records, MiB": made,
        "precision": round(found.precision, 4),
        "recall": round(found.recall, 4),
        "F1": round(found.f1, 4),
    }


if __name__ == "__main__":
    sys.exit(main())

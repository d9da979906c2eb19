"""Measure how conflicting claims are settled where the truth is known, beside a majority vote and the last writer.

    python -m evals.settling [claims]

The set is made here: 30 sources of differing reliability per field, a third of all claims wrong, some sources that copy
others with their errors, some that still tell an earlier value, and much that is missing. Wrong values are not drawn
evenly: of the few that are plausible for a cell the first is the likeliest, so that independent sources err alike too.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from expectations.settling import settle
from expectations.settling.ballots import Flags, Floats, Numbers

CELL = ["entity", "field"]
NOW = datetime(2026, 1, 1)
FIELDS = {"state": 5, "city": 200, "price": 5000, "serial": 100_000}  # and how many values are possible
SOURCES, ENTITIES, HALVES, SEEDS = 30, 1000, 20, 5
RECORDS, RECORD_TRUST = 2, 0.97  # systems of record per field, and how often they are right
COPIERS, COPIED = 9, 0.85  # sources that copy one of three others, and the share of its claims that they take over
STALE, STALE_CELLS = 5, 0.5  # sources that do not follow changes, in so many cells
CHANGED = 0.4  # the share of cells that once had another value
PLAUSIBLE = (0.4, 0.25, 0.2, 0.1, 0.05)  # how often each of a cell's wrong values is the one that is said
SCALE, ROUNDS = 1_000_000, 3

Votes = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class World:
    """Claims, the true value of each entity and field, and the systems of record of each field."""

    claims: pl.DataFrame
    truth: pl.DataFrame
    record: Mapping[str, Sequence[str]]


def world(seed: int, *, entities: int = ENTITIES) -> World:
    """A set of claims about `entities`, the same for the same seed."""
    draw = np.random.default_rng(seed)
    names = [f"S{number:02d}" for number in range(SOURCES)]
    chosen = draw.permutation(SOURCES - COPIERS)[: RECORDS * len(FIELDS)].reshape(-1, RECORDS)
    made = [_field(draw, field, entities, record) for field, record in zip(FIELDS, chosen, strict=True)]
    claims, truth = (pl.concat(frames) for frames in zip(*made, strict=True))
    claims = claims.with_columns(source=pl.Series(names).gather(claims["source"]))
    records = {field: [names[number] for number in record] for field, record in zip(FIELDS, chosen, strict=True)}
    return World(claims, truth, records)


def _field(draw: np.random.Generator, field: str, entities: int, record: Numbers) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Claims and truth of one field. The last `COPIERS` sources copy; the `STALE` before them are behind the times."""
    truth = draw.integers(FIELDS[field], size=entities)
    wrong = _plausible(draw, truth, FIELDS[field])
    trust = draw.uniform(0.35, 0.95, SOURCES)
    trust[record] = RECORD_TRUST
    said = _said(draw, truth, wrong, trust)
    days = draw.integers(0, 365, said.shape)
    there = draw.random(said.shape) < draw.uniform(0.2, 0.7, SOURCES)
    there[:, record] = draw.random((entities, RECORDS)) < 0.7
    stale = np.setdiff1d(np.arange(SOURCES - COPIERS - STALE, SOURCES - COPIERS), record)
    earlier = np.where(draw.random(entities) < CHANGED, wrong[:, -1], truth)
    old = draw.random((entities, len(stale))) < STALE_CELLS
    said[:, stale] = np.where(old, earlier[:, None], said[:, stale])
    days[:, stale] += np.where(old, 300, 0)
    _copy(draw, said, there, trust)
    true = pl.DataFrame({"entity": _names("E", np.arange(entities)), "field": field, "true": _names("v", truth)})
    return _claims(field, said, there, days), true


def _plausible(draw: np.random.Generator, truth: Numbers, possible: int) -> Numbers:
    """Of each entity the wrong values that are said of it, at most as many as `PLAUSIBLE` has, all different."""
    away = np.argsort(draw.random((len(truth), min(possible - 1, 40))))[:, : len(PLAUSIBLE)] + 1
    wrong: Numbers = (truth[:, None] + away) % possible
    return wrong


def _said(draw: np.random.Generator, truth: Numbers, wrong: Numbers, trust: Floats) -> Numbers:
    """What each source would say of each entity."""
    chances = np.array(PLAUSIBLE[: wrong.shape[1]])
    shape = (len(truth), len(trust))
    error = draw.choice(wrong.shape[1], p=chances / chances.sum(), size=shape)
    return np.where(draw.random(shape) < trust, truth[:, None], wrong[np.arange(len(truth))[:, None], error])


def _copy(draw: np.random.Generator, said: Numbers, there: Flags, trust: Floats) -> None:
    """Three originals, all among the less reliable; each copier takes over what its own says, and what it does not."""
    first = len(trust) - COPIERS
    originals = np.argsort(trust[:first])[2:8:2]
    for number in range(first, len(trust)):
        original = originals[number % len(originals)]
        takes = draw.random(len(said)) < COPIED
        said[:, number] = np.where(takes, said[:, original], said[:, number])
        there[:, number] = np.where(takes, there[:, original], there[:, number])


def _claims(field: str, said: Numbers, there: Flags, days: Numbers) -> pl.DataFrame:
    entity, source = np.nonzero(there)
    claims = {"entity": _names("E", entity), "source": source, "value": _names("v", said[there]), "at": days[there]}
    at = pl.lit(NOW) - pl.duration(days="at")
    return pl.DataFrame(claims).select("entity", "source", "value", at.alias("at"), field=pl.lit(field))


def _names(letter: str, numbers: Numbers) -> pl.Series:
    return pl.select(pl.format(letter + "{}", pl.lit(pl.Series(numbers)))).to_series()


def by_majority(claims: pl.DataFrame) -> pl.DataFrame:
    """The value that most sources say; of equally many the newest."""
    votes = claims.group_by(*CELL, "value").agg(pl.len(), pl.col("at").max())
    return _first(votes.sort(*CELL, "len", "at", "value", descending=[False, False, True, True, False]))


def by_last_writer(claims: pl.DataFrame) -> pl.DataFrame:
    """The newest value; of equally new ones the one that sorts first."""
    return _first(claims.sort(*CELL, "at", "value", descending=[False, False, True, False]))


def _first(ranked: pl.DataFrame) -> pl.DataFrame:
    return ranked.unique(subset=CELL, keep="first", maintain_order=True).select(*CELL, "value")


def by_record_then_majority(claims: pl.DataFrame, record: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """What the first declared system of record says, and where none says anything the majority."""
    ranks = [(field, source, rank) for field, names in record.items() for rank, source in enumerate(names)]
    ranked = claims.join(pl.DataFrame(ranks, schema=["field", "source", "rank"], orient="row"), on=["field", "source"])
    told = _first(ranked.sort(*CELL, "rank"))
    return pl.concat([told, by_majority(claims).join(told, on=CELL, how="anti")])


def by_reliability(claims: pl.DataFrame) -> pl.DataFrame:
    """Ours, with nothing declared."""
    return settle(claims).winners


def f1(winners: pl.DataFrame, claims: pl.DataFrame, truth: pl.DataFrame) -> float:
    """Of precision over what is decided and recall over the cells that any claim speaks of."""
    spoken = truth.join(claims.select(CELL).unique(), on=CELL)
    right = spoken.join(winners, on=CELL).filter(pl.col("value") == pl.col("true")).height
    decided = winners["value"].drop_nulls().len()
    return 2 * right / (decided + spoken.height) if decided else 0.0


def half(one: World, seed: int, *, keep: Iterable[str] = ()) -> pl.DataFrame:
    """The claims of a random half of the sources, those of `keep` among them."""
    names, kept = one.claims["source"].unique().sort().to_list(), sorted(set(keep))
    others = [name for name in names if name not in kept]
    drawn = np.random.default_rng(seed).permutation(others)[: max(len(names) // 2 - len(kept), 0)]
    return one.claims.filter(pl.col("source").is_in([*kept, *drawn.tolist()]))


def measured(
    *, seeds: int = SEEDS, halves: int = HALVES, entities: int = ENTITIES
) -> dict[str, dict[str, list[float]]]:
    """F1 of each way: with all sources once per seed, with random halves, and with halves that keep the records."""
    told: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        one = world(seed, entities=entities)
        kept = {name for names in one.record.values() for name in names}
        sets = [("all sources", one.claims)]
        for number in range(halves // seeds):
            sets.append(("half of them", half(one, number)))
            sets.append(("half, records kept", half(one, number, keep=kept)))
        for name, claims in sets:
            for way, winners in _ways(one).items():
                told.setdefault(way, {}).setdefault(name, []).append(f1(winners(claims), claims, one.truth))
    return told


def _ways(one: World) -> dict[str, Votes]:
    return {
        "last writer": by_last_writer,
        "majority": by_majority,
        "settle, nothing declared": by_reliability,
        "declared records, then majority": lambda claims: by_record_then_majority(claims, one.record),
        "settle, declared records": lambda claims: settle(claims, record=one.record).winners,
    }


@dataclass(frozen=True)
class Spent:
    """Seconds, and memory in MB: what the process had before and at most."""

    cpu: float
    wall: float
    before: float
    peak: float


def spent(way: Votes, path: Path) -> Spent:
    """One run over the claims of a Parquet file, in a process of its own so that its peak is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, way, path).result()


def _run(way: Votes, path: Path) -> Spent:
    claims = pl.read_parquet(path)
    way(claims.head(1000))
    before, cpu, wall = _memory(), time.process_time(), time.perf_counter()
    way(claims)
    return Spent(time.process_time() - cpu, time.perf_counter() - wall, before, _memory())


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _told(numbers: Sequence[float], digits: int = 3) -> str:
    return f"{statistics.median(numbers):.{digits}f} ({min(numbers):.{digits}f}-{max(numbers):.{digits}f})"


def _print_scores(told: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    columns = list(told["majority"])
    runs = ", ".join(f"{name} {len(scores)}" for name, scores in told["majority"].items())
    print(f"{SOURCES} sources, {ENTITIES:,} entities x {len(FIELDS)} fields; F1, median (range); runs: {runs}\n")
    print(f"| way | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for way, scores in told.items():
        print(f"| {way} | {' | '.join(_told(scores[name]) for name in columns)} |")


def _print_costs(path: Path) -> None:
    print("| way | CPU seconds | wall seconds | peak memory, MB (before) |\n|---|---|---|---:|")
    for name, way in (("majority", by_majority), ("settle", by_reliability)):
        runs = [spent(way, path) for _ in range(ROUNDS)]
        cpu, wall = _told([run.cpu for run in runs], 1), _told([run.wall for run in runs], 1)
        print(f"| {name} | {cpu} | {wall} | {max(run.peak for run in runs):,.0f} ({runs[0].before:,.0f}) |")


def main(words: Sequence[str]) -> int:
    """Print the tables."""
    _print_scores(measured())
    size = int(words[0]) if words else SCALE
    claims = world(0, entities=max(size // 50, 50)).claims.head(size)
    print(f"\n{claims.height:,} claims, {ROUNDS} runs each, median (range)\n")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "claims.parquet"
        claims.write_parquet(path)
        _print_costs(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

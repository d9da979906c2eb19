"""Weigh candidate pairs with Splink on DuckDB instead of with our own weights: the extra `splink`.

Splink learns m and u and scores the pairs; which pairs are compared, the share of matches among them and what becomes
of a pair are decided as for the other engine. Nothing leaves the machine: DuckDB may fetch no extension.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from catalog.errors import Refusal
from expectations.linking import weights as learning
from expectations.linking.alike import DAYS_APART
from expectations.linking.scoring import FAINTEST, Scored, joined
from expectations.linking.tasks import Known, Task
from expectations.linking.values import MISSING, Column, Ints

AT_ONCE = 4_000_000  # pairs that Splink scores in one query
LEARN_FROM = 300_000.0  # pairs that a round of expectation maximisation looks at
RANDOM_PAIRS = 500_000.0
TEACHERS = 3  # fields, the most telling, on whose agreement the others are learned
WINKLER = 0.4  # of the distance of letter pairs that the one of Jaro and Winkler is, about
SIDES = ("a", "b")  # Splink stands the sides in the order of their names
_PAIR_SCHEMA = ("match_key", "join_key_l", "join_key_r")


def require_splink(where: str = "") -> None:
    """Refusal where the extra is not installed; `where` says what asks for it."""
    if find_spec("splink") is None:
        what = f"{where and where + ': '}the engine splink is an extra that is not installed"
        raise Refusal(what, "pip install 'landbridge[splink]', or write engine: polars.")


def splink_scores(task: Task, said: Known, *, seed: int = 0) -> tuple[learning.Model, Scored, int]:
    """The model, the scored pairs, and how many pairs were compared.

    Pairs that cannot be matches are left out, unless they share a key or a person decided.
    Refusal where Splink is not installed, or the plan compares one field only: Splink learns a field from pairs that
    agree on another one.
    """
    require_splink()
    if len(task.columns) < 2:
        raise Refusal("the engine splink needs two fields to compare", "Name another one, or write engine: polars.")
    logging.getLogger("splink").setLevel(logging.ERROR)  # it tells every query, and warns of each rare level
    with TemporaryDirectory(prefix="landbridge-splink-") as folder:
        linker = _linker(task, folder)
        with closing(linker.connection):
            _train(task, linker, seed)
            scored, compared = _all_scores(task, linker, said)
            model = _model(task, linker)
    share = learning.learned_share(
        scored.total, scored.left, task.nodes(scored.right),
        most=min(len(task.left), len(task.right)), of=task.pairs_there_are,
    )  # fmt: skip
    return replace(model, share=share), scored, compared


@dataclass(frozen=True)
class _Linker:
    """Splink at work on a task: its linker, and the database that it works in."""

    splink: Any
    api: Any
    connection: Any
    within: bool


def _linker(task: Task, folder: str) -> _Linker:
    import duckdb
    from splink import DuckDBAPI, Linker, SettingsCreator

    closed = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    connection = duckdb.connect(":memory:", config={**closed, "temp_directory": folder})
    api = DuckDBAPI(connection)
    settings = SettingsCreator(
        link_type="dedupe_only" if task.within else "link_only",
        comparisons=[_comparison(place, one) for place, one in enumerate(task.columns)],
        probability_two_random_records_match=_generous(task),
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,
    )
    sides = [api.register(_records(task, side), dataset_display_name=side) for side in SIDES[: 1 if task.within else 2]]
    return _Linker(Linker(sides, settings, log_level=None), api, connection, task.within)


def _generous(task: Task) -> float:
    """As many matches as there can be, so that no pair is left out before their share is known."""
    return learning.highest_share(min(len(task.left), len(task.right)), task.pairs_there_are)


def _records(task: Task, side: str) -> Any:
    """The records of a side as Arrow: `unique_id` is their number, `f0`, `w0`, `n0` text, words, number of a field."""
    columns = {"unique_id": pl.Series(np.arange(len(task.left if side == SIDES[0] else task.right)))}
    for place, one in enumerate(task.columns):
        numbers = one.left if side == SIDES[0] else one.right
        at = pl.Series(numbers).set(pl.Series(numbers == MISSING), None)
        for letter, values in _forms(one):
            columns[f"{letter}{place}"] = values.gather(at)
    return pl.DataFrame(columns).to_arrow(compat_level=pl.CompatLevel.oldest())


def _forms(one: Column) -> Iterator[tuple[str, pl.Series]]:
    """What Splink compares of each distinct value."""
    yield "f", one.values
    if one.words is not None:
        listed = pl.Series(one.words.astype(np.int64), dtype=pl.Array(pl.Int64, one.words.shape[1])).arr.to_list()
        yield "w", listed.list.eval(pl.element().filter(pl.element() != MISSING))
    if one.numbers is not None:
        yield "n", pl.Series(one.numbers).fill_nan(None)


def _comparison(place: int, one: Column) -> Any:
    """The levels of a field, as far apart as those of the other engine."""
    from splink.comparison_level_library import CustomLevel, ElseLevel, ExactMatchLevel, NullLevel
    from splink.comparison_library import CustomComparison

    field = f"f{place}"
    same = ExactMatchLevel(field, term_frequency_adjustments=one.comparison.term_frequency)
    near = [CustomLevel(_near(place, one, limit)) for limit in one.comparison.thresholds]
    return CustomComparison([NullLevel(field), same, *near, ElseLevel()], output_column_name=field)


def _near(place: int, one: Column, limit: float) -> str:
    """The condition in SQL under which two values are at least so alike."""
    if one.numbers is not None:
        scale = DAYS_APART if one.comparison.kind == "date" else one.spread
        return f"1 - abs(n{place}_l - n{place}_r) / {scale} >= {limit}"
    letters = f"jaro_winkler_similarity(f{place}_l, f{place}_r) >= {1 - WINKLER * (1 - limit):.4f}"
    if one.words is None:
        return letters
    words = f"2.0 * len(list_intersect(w{place}_l, w{place}_r)) >= {limit} * (len(w{place}_l) + len(w{place}_r))"
    return f"({letters} or {words})"


def _train(task: Task, linker: _Linker, seed: int) -> None:
    """Learn u from random pairs, and m from pairs that agree on one of the fields of which most values are known.

    What nothing taught keeps Splink's first guess.
    """
    from splink import block_on
    from splink.internals.exceptions import EMTrainingException

    if not task.pairs.total:
        return
    training = linker.splink.training
    training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=seed + 1)
    for place in _teachers(task):
        try:
            training.estimate_parameters_using_expectation_maximisation(
                block_on(f"f{place}"), max_pairs=LEARN_FROM, estimate_without_term_frequencies=True
            )
        except EMTrainingException as error:
            name = task.columns[place].comparison.name
            told = f"Splink learned nothing from pairs that agree on '{name}'"
            raise Refusal(told, "Leave the field out, or write engine: polars.") from error


def _teachers(task: Task) -> list[int]:
    """The places of the fields of which most values are known, where some pair agrees on them."""
    agreeing = {place: _agreeing(one, within=task.within) for place, one in enumerate(task.columns)}
    telling = sorted(agreeing, key=lambda place: -len(task.columns[place].values))
    return [place for place in telling if agreeing[place]][:TEACHERS]


def _agreeing(one: Column, *, within: bool) -> int:
    """Pairs of records that hold the same value."""
    mine, theirs = (np.bincount(side[side >= 0], minlength=len(one.values)) for side in (one.left, one.right))
    return int((mine * (mine - 1) // 2 if within else mine * theirs).sum())


def _all_scores(task: Task, linker: _Linker, said: Known) -> tuple[Scored, int]:
    """The pairs that are not out of the question, those of a key, and those that a person decided."""
    kept, compared = [_nothing(task)], 0
    for left, right in _batches(task):
        compared += len(left)
        kept.append(_scored(task, linker, left, right, least=min(FAINTEST, task.plan.review)))
        sure = task.sure(left, right)
        kept.append(_missing(task, linker, kept[-1], left[sure], right[sure]))
    found = joined(kept)
    return joined([found, _missing(task, linker, found, said.left, said.right)]), compared


def _batches(task: Task) -> Iterator[tuple[Ints, Ints]]:
    """Candidate pairs in batches that are worth a query."""
    held: list[tuple[Ints, Ints]] = []
    for batch in task.pairs.batches():
        held.append(batch)
        if sum(len(left) for left, _ in held) >= AT_ONCE:
            yield _concatenated(held)
            held = []
    if held:
        yield _concatenated(held)


def _concatenated(parts: Sequence[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    return np.concatenate([left for left, _ in parts]), np.concatenate([right for _, right in parts])


def _missing(task: Task, linker: _Linker, found: Scored, left: Ints, right: Ints) -> Scored:
    """Those of the pairs that were found too unlikely to be kept, or were no candidates."""
    more = ~np.isin(task.packed(left, right), task.packed(found.left, found.right))
    return _scored(task, linker, left[more], right[more])


def _scored(task: Task, linker: _Linker, left: Ints, right: Ints, *, least: float | None = None) -> Scored:
    if not len(left):
        return _nothing(task)
    pairs = linker.api.register(_pairs(linker, left, right))
    linker.splink.table_management.register_blocked_pairs_for_predict(pairs)
    told = linker.splink.inference.predict(threshold_match_probability=least, warning_mode="never")
    bits = ", ".join(f"{_bits(place, one)} as f{place}" for place, one in enumerate(task.columns))
    found = linker.connection.sql(
        f"select unique_id_l, unique_id_r, match_probability, {bits} from {told.physical_name}"  # noqa: S608 - our names
    ).pl()
    told.drop_table_from_database_and_remove_from_cache()
    linker.connection.unregister(pairs.physical_name)  # Splink would hold the pairs of every batch
    left, right = (found[f"unique_id_{side}"].to_numpy().astype(np.int64) for side in "lr")
    weighed = np.stack([found[f"f{place}"].to_numpy() for place in range(len(task.columns))])
    return Scored(left, right, weighed, task.sure(left, right), found["match_probability"].to_numpy())


def _bits(place: int, one: Column) -> str:
    return f"mw_f{place}" + (f" + coalesce(mw_tf_adj_f{place}, 0)" if one.comparison.term_frequency else "")


def _pairs(linker: _Linker, left: Ints, right: Ints) -> Any:
    """Pairs of record numbers as Splink names them; with two sides a record is called by its side, too."""
    keys = [pl.Series(left), pl.Series(right)]
    if not linker.within:
        keys = [side + "-__-" + key.cast(pl.String) for side, key in zip(SIDES, keys, strict=True)]
    columns = dict(zip(_PAIR_SCHEMA, [pl.repeat("0", len(left), eager=True), *keys], strict=True))
    return pl.DataFrame(columns).to_arrow(compat_level=pl.CompatLevel.oldest())


def _nothing(task: Task) -> Scored:
    none = np.zeros(0, np.int64)
    return Scored(none, none, np.zeros((len(task.columns), 0)), np.zeros(0, bool), np.zeros(0))


def _model(task: Task, linker: _Linker) -> learning.Model:
    """What Splink learned, the levels rising as ours do; the share of matches is still the highest there may be."""
    told: dict[str, list[Any]] = {"m": [], "u": []}
    for comparison in linker.splink._settings_obj.comparisons:  # it has no other door to them
        rising = [level for level in comparison.comparison_levels if not level.is_null_level][::-1]
        told["m"].append(np.array([level.m_probability for level in rising], np.float64))
        told["u"].append(np.array([level.u_probability for level in rising], np.float64))
    m, u = (tuple(told[name]) for name in "mu")
    return learning.Model(task.plan.comparisons, m, u, _generous(task), task.plan.accept)

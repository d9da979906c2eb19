"""Measure a contract check of 1,000,000 rows x 16 columns beside raw Polars and Great Expectations on pandas.

    python -m evals.bench_expectations [rows]

Each way runs in this process after a warm-up on few rows; the ways take turns, and median and range are shown, and how
many times the CPU of raw Polars in the same round each takes.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import polars as pl

from catalog.models import Dataset, Field, LogicalType, Place, Rule, RuleKind
from expectations import check

ROWS = 1_000_000
ROUNDS = 7
FLOOR = "raw Polars, counts only"
PLACE = Place(file="bench")
TEXTS, NUMBERS = 6, 5


def frame_of(rows: int) -> pl.DataFrame:
    """Sixteen columns of five types, as `normalize` leaves them; a thousandth of the rows break a rule."""
    number = pl.int_range(rows)
    columns = {
        "id": number,
        "code": pl.format("N{}", number % 900 + 100),
        "state": pl.when(number % 3 == 0).then(pl.lit("open")).otherwise(pl.lit("late")),
        "day": pl.date(2020, 1, 1) + pl.duration(days=number % 900),
        "at": pl.datetime(2020, 1, 1, time_unit="us", time_zone="UTC") + pl.duration(seconds=number),
        **{f"text{n}": pl.format("text {} of {}", number % 5000, n) for n in range(TEXTS)},
        **{f"number{n}": (number % 1000 + n) / 10 for n in range(NUMBERS)},
    }
    frame = pl.select(expression.alias(name) for name, expression in columns.items())
    bad = pl.col("id") % 1000 == 999
    faults = pl.List(pl.Struct({"field": pl.String, "value": pl.String, "reason": pl.String, "mode": pl.String}))
    return frame.with_columns(pl.when(bad).then(-1.0).otherwise("number0").alias("number0")).with_columns(
        pl.lit("bench").alias("_location"),
        pl.col("id").alias("_position"),
        pl.col("id").cast(pl.String).alias("_key"),
        pl.lit("ready").alias("_outcome"),
        pl.Series("_faults", [[]], dtype=faults).new_from_index(0, rows),
    )


def contract() -> Dataset:
    """Ten checks over seven columns, one of each kind and more."""
    types: dict[str, LogicalType] = {"id": "integer", "day": "date", "at": "timestamp"}
    types |= dict.fromkeys(("code", "state", *(f"text{n}" for n in range(TEXTS))), "string")
    types |= dict.fromkeys((f"number{n}" for n in range(NUMBERS)), "number")
    given: list[tuple[str, RuleKind, dict[str, object]]] = [
        ("id-required", "not_null", {}),
        ("id-unique", "unique", {"fields": ("id",)}),
        ("code-pattern", "pattern", {"regex": "^N[0-9]{3}$"}),
        ("code-length", "length", {"min": 4, "max": 4}),
        ("state-known", "in_set", {"values": ("open", "closed", "late")}),
        ("day-range", "range", {"min": "2020-01-01", "max": "2029-12-31"}),
        ("number0-range", "range", {"min": 0, "max": 1000}),
        ("number1-range", "range", {"min": 0, "max": 1000}),
        ("text0-required", "not_null", {}),
    ]
    rules = [
        Rule(name=name, kind=kind, field=name.partition("-")[0], arguments=arguments, place=PLACE)
        for name, kind, arguments in given
    ]
    count = Rule(name="rows", kind="row_count", arguments={"min": 1, "max": None}, action="block", place=PLACE)
    fields = tuple(Field(name=name, physical_name=name, type=kind, place=PLACE) for name, kind in types.items())
    return Dataset(
        name="bench", version="1", title="Bench", source="bench", physical_name="bench", place=PLACE, fingerprint="",
        fields=fields, rules=(*rules, count),
    )  # fmt: skip


def by_polars(frame: pl.DataFrame) -> int:
    """The ten checks as one select: the floor."""
    length = pl.col("code").str.len_chars()
    told = frame.select(
        pl.col("id").null_count().alias("a"),
        pl.col("id").is_duplicated().sum().alias("b"),
        (~pl.col("code").str.contains("^N[0-9]{3}$")).sum().alias("c"),
        ((length < 4) | (length > 4)).sum().alias("d"),
        (~pl.col("state").is_in(["open", "closed", "late"])).sum().alias("e"),
        ((pl.col("day") < pl.date(2020, 1, 1)) | (pl.col("day") > pl.date(2029, 12, 31))).sum().alias("f"),
        ((pl.col("number0") < 0) | (pl.col("number0") > 1000)).sum().alias("g"),
        ((pl.col("number1") < 0) | (pl.col("number1") > 1000)).sum().alias("h"),
        pl.col("text0").null_count().alias("i"),
    )
    return sum(told.row(0))


def by_duckdb(frame: pl.DataFrame) -> int:
    """The ten checks by the library as `check` runs it: the frame registered, each rule counted."""
    from expectations.engine import session
    from expectations.suites import expectation_of

    dataset = contract()
    with session(frame.select(field.name for field in dataset.fields)) as held:
        outcomes = held.run([expectation_of(rule, dataset) for rule in dataset.rules])
    return sum(one.count or 0 for one in outcomes.values())


def by_pandas(frame: pl.DataFrame) -> int:
    """The ten checks in the library's own way, the conversion to pandas included."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    kinds: Any = gx.expectations
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    pandas = frame.select(pl.exclude("^_.*$")).to_pandas()
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pandas})
    suite = gx.ExpectationSuite(
        name="bench",
        expectations=[
            kinds.ExpectColumnValuesToNotBeNull(column="id"),
            kinds.ExpectColumnValuesToBeUnique(column="id"),
            kinds.ExpectColumnValuesToMatchRegex(column="code", regex="^N[0-9]{3}$"),
            kinds.ExpectColumnValueLengthsToBeBetween(column="code", min_value=4, max_value=4),
            kinds.ExpectColumnValuesToBeInSet(column="state", value_set=["open", "closed", "late"]),
            kinds.ExpectColumnValuesToBeBetween(column="day", min_value="2020-01-01", max_value="2029-12-31"),
            kinds.ExpectColumnValuesToBeBetween(column="number0", min_value=0, max_value=1000),
            kinds.ExpectColumnValuesToBeBetween(column="number1", min_value=0, max_value=1000),
            kinds.ExpectColumnValuesToNotBeNull(column="text0"),
            kinds.ExpectTableRowCountToBeBetween(min_value=1),
        ],
    )
    results = batch.validate(suite, result_format="SUMMARY").results
    return sum(result.result.get("unexpected_count") or 0 for result in results)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    dataset, frame, few = contract(), frame_of(rows), frame_of(1000)
    ways: dict[str, Callable[[pl.DataFrame], int]] = {
        FLOOR: by_polars,
        "Great Expectations on DuckDB, registered": by_duckdb,
        "check (both counts, split, findings)": lambda one: check(one, dataset).quarantined.height,
        "Great Expectations on pandas": by_pandas,
    }
    for way in ways.values():
        way(few)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    found: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            found[name] = way(frame)
            spent[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    print(f"{rows:,} rows x 16 columns x {len(dataset.rules)} checks, {ROUNDS} rounds, seconds: median (range)")
    print(f"{'way':<42} {'CPU':<20} {'wall':<20} {'times the CPU of Polars':<24} failing")
    floor = [cpu for cpu, _ in spent[FLOOR]]
    for name, times in spent.items():
        cpu_s, wall_s = zip(*times, strict=True)
        ratios = tuple(cpu / least for cpu, least in zip(cpu_s, floor, strict=True))
        print(f"{name:<42} {_told(cpu_s):<20} {_told(wall_s):<20} {_told(ratios):<24} {found[name]:,}")


def _told(times: tuple[float, ...]) -> str:
    return f"{statistics.median(times):.2f} ({min(times):.2f}-{max(times):.2f})"


if __name__ == "__main__":
    main()

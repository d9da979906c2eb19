"""Run Great Expectations on one held DuckDB connection over a Polars frame, which it would not do by itself.

Its SQL engine closes the connection before it fetches, and DuckDB's results are then empty; so `get_connection` is
overridden to yield one connection that stays open (Great Expectations 1.24.1; a test fails when that changes). The
frame is registered as Arrow and read through a query asset: no copy to pandas, no table to reflect. The connection
reads nothing else: DuckDB's access to files and network is off before a contract's SQL runs.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import polars as pl
import pyarrow as pa

from expectations.outcomes import META, Outcome
from expectations.put_off import put_off

SELDOM = ("scipy.stats", "altair")  # for rules about distributions, and their drawings: 1 s and 80 MiB

_log = logging.getLogger("great_expectations")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # its lines may quote values of the rows; what it finds is told as findings


def _release_duckdb() -> None:
    """Drop the dialect's hold on DuckDB, whose binding prints a page about leaks where a process ends before it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "duckdb_engine"]:
        vars(sys.modules[name]).clear()


atexit.register(_release_duckdb)  # before the library is imported, so that it runs after the library's own handlers

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
with warnings.catch_warnings(), put_off(*SELDOM):
    warnings.simplefilter("ignore")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations.expectation import Expectation

ROW = "_row"  # number of a row in the frame, from 0
FRAME = "frame_rows"
ROW_QUERIES = ("unexpected_rows_expectation", "counted_rows_expectation")  # what they observe is a number of rows
_LOCKED_DOWN = (
    "SET TimeZone = 'UTC'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_one_at_a_time = threading.RLock()  # the library keeps its context in a global


class HeldConnectionEngine(SqlAlchemyExecutionEngine):
    """The SQL engine with one connection that stays open until the session ends."""

    @contextmanager
    def get_connection(self) -> Generator[Any, None, None]:
        """The held connection. DuckDB commits each statement, so that a query that fails fails no other."""
        if self._connection is None:
            for name in ("do_begin", "do_commit", "do_rollback"):
                setattr(self.engine.dialect, name, _no_transaction)
            self._connection = self.engine.connect()
        yield self._connection


def _no_transaction(connection: object) -> None:
    """Statements are read-only and stand alone."""


class HeldDuckDBDatasource(SQLDatasource):
    """A DuckDB data source whose queries all use the held connection."""

    type: Literal["held_duckdb"] = "held_duckdb"  # type: ignore[assignment]  # the library tells sources apart by it
    execution_engine_override: ClassVar[Any] = HeldConnectionEngine


class Session:
    """A frame that expectations can be held against."""

    def __init__(self, batch: Batch, numbered: Batch) -> None:
        self._batch = batch
        self._numbered = numbered

    def run(self, expectations: Sequence[Expectation]) -> dict[str, Outcome]:
        """The outcome of every expectation by the name of its rule; one without a result has an error."""
        suite = gx.ExpectationSuite(name="contract", expectations=list(expectations))
        names = [expectation.meta[META] for expectation in expectations if expectation.meta]
        if len(suite.expectations) != len(names):  # it drops what it does not know, and is then green
            lost = f"the suite holds {len(suite.expectations)} of {len(names)} expectations"
            return {name: Outcome(success=False, error=lost) for name in names}
        results = self._batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
        found = {_rule_of(result): _outcome(result) for result in results.results}
        nothing = Outcome(success=False, error="Great Expectations gave no result")
        return {name: found.get(name, nothing) for name in names}

    def failing_rows(self, expectation: Expectation, count: int) -> list[int]:
        """The numbers of the rows that fail a row expectation, all `count` of them."""
        wanted = {
            "result_format": "COMPLETE",
            "partial_unexpected_count": count,  # its SQL engine cuts the list there whatever the format
            "unexpected_index_column_names": [ROW],
            "exclude_unexpected_values": True,  # row numbers without the values of the rows
        }
        result = self._numbered.validate(expectation, result_format=wanted)
        listed = result.result.get("unexpected_index_list") or []
        return [number for part in listed for number in part.get(ROW, [])]

    def observed(self, expectation: Expectation) -> Any:
        """The value that an SQL rule's query gave, None for no value."""
        result = self._batch.validate(expectation, result_format="COMPLETE")
        rows = result.result.get("details", {}).get("unexpected_rows", [])
        return rows[0].get("value") if rows else None


@contextmanager
def session(frame: pl.DataFrame) -> Iterator[Session]:
    """Open a session on a frame of contract fields. The frame is read where it lies."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        source = context.data_sources.add_held_duckdb(
            name="rows", connection_string="duckdb:///:memory:", create_temp_table=False
        )
        engine = source.get_execution_engine()
        with engine.get_connection() as connection:
            duck = connection.connection.driver_connection
            duck.abort()  # what the dialect asked on connecting
            duck.register(FRAME, _as_arrow(frame.with_row_index(ROW)))
            for statement in _LOCKED_DOWN:
                duck.execute(statement)
            try:
                plain, numbered = (
                    source.add_query_asset(name, query=query).add_batch_definition("all").get_batch()
                    for name, query in (
                        ("plain", f"SELECT * EXCLUDE ({ROW}) FROM {FRAME}"),  # noqa: S608 - our own names
                        ("numbered", f"SELECT * FROM {FRAME}"),  # noqa: S608
                    )
                )
                yield Session(plain, numbered)
            finally:
                duck.abort()  # a result that was not read to its end
                duck.unregister(FRAME)
                connection.close()
                engine.engine.dispose()


def _as_arrow(frame: pl.DataFrame) -> pa.Table:
    """The frame as Arrow; times in microseconds, since DuckDB does not compare its nanosecond times."""
    table = frame.to_arrow()
    for place, column in enumerate(table.schema):
        if pa.types.is_time64(column.type):
            table = table.set_column(place, column.name, table.column(place).cast(pa.time64("us"), safe=False))
    return table


def _rule_of(result: Any) -> str:
    """Results come in any order; the name travels with the expectation."""
    return str((result.expectation_config.meta or {}).get(META))


def _outcome(result: Any) -> Outcome:
    error = _error(result.exception_info or {})
    if error:
        return Outcome(success=False, error=error)
    told = result.result
    observed = told.get("observed_value")
    if "unexpected_count" in told:
        count = int(told["unexpected_count"] or 0)  # over no rows the library counts None
        return Outcome(success=bool(result.success), count=count, observed=observed)
    rows = result.expectation_config.type in ROW_QUERIES
    return Outcome(success=bool(result.success), count=int(observed) if rows else None, observed=observed)


def _error(info: dict[str, Any]) -> str:
    """The first exception of a result, flat or one per metric, on one line and without the SQL and its parameters."""
    parts = [info] if "raised_exception" in info else list(info.values())
    for part in parts:
        if isinstance(part, dict) and part.get("raised_exception"):
            text = str(part.get("exception_message") or "an exception without a message")
            return " ".join(text.split("\n\nLINE ")[0].split("[SQL:")[0].split())
    return ""

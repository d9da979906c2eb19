"""Hold the rules of a contract against its rows, by Great Expectations and by Polars, and compare the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from catalog.models import Dataset, Rule
from expectations import custom
from expectations.failing import failing
from expectations.literals import RuleFault
from expectations.outcomes import Judged, Outcome

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

    from expectations.engine import Session

SHARE_NOISE = 1e-9  # so that 5 rows of 100 are within a tolerance of 5 percent


def judge(rows: pl.DataFrame, dataset: Dataset, folder: Path = Path()) -> list[Judged]:
    """Every rule of the contract, judged over `rows`, in the order of the contract; `folder` is the project's."""
    if not dataset.rules:
        return []
    from expectations.engine import session  # seconds of import, and only where there is something to check
    from expectations.suites import as_plain, expectation_of

    rules = [as_plain(rule) for rule in dataset.rules]
    faults: dict[str, str] = {}
    made: dict[str, Expectation] = {}
    own: dict[str, pl.Series] = {}
    for rule in rules:
        try:
            if rule.kind != "custom":
                made[rule.name] = expectation_of(rule, dataset)
            elif custom.is_row_test(loaded := custom.load(rule, folder)):
                own[rule.name] = custom.failing_rows(rule, loaded, rows.select(field.name for field in dataset.fields))
            else:
                made[rule.name] = custom.expectation(rule, loaded)
        except RuleFault as fault:
            faults[rule.name] = str(fault)
    marks = _marks(rules, rows, dataset, faults)
    with session(rows.select(_needed(rules, dataset))) as held:
        outcomes = held.run([made[name] for name in made if name not in faults])
        return [
            Judged(rule, error=faults[rule.name])
            if rule.name in faults
            else _of_function(rule, own[rule.name])
            if rule.name in own
            else _judged(rule, rows, outcomes[rule.name], marks.get(rule.name), made[rule.name], held)
            for rule in rules
        ]


def _needed(rules: Sequence[Rule], dataset: Dataset) -> list[str]:
    """The columns that rules look at; all of them where a rule may look at any."""
    names = [field.name for field in dataset.fields]
    if any(rule.kind in ("sql", "expectation", "custom") for rule in rules):
        return names
    used = {name for rule in rules for name in (*rule.arguments.get("fields", ()), rule.field)}
    return [name for name in names if name in used] or names[:1]


def _marks(
    rules: Sequence[Rule], rows: pl.DataFrame, dataset: Dataset, faults: dict[str, str]
) -> Mapping[str, pl.Series]:
    """The rows that break each row rule; what cannot be told is added to `faults`."""
    expressions: dict[str, pl.Expr] = {}
    for rule in rules:
        try:
            if rule.name not in faults and (test := failing(rule, dataset)) is not None:
                expressions[rule.name] = test.alias(rule.name)
        except RuleFault as fault:
            faults[rule.name] = str(fault)
    try:
        return rows.select(**expressions).to_dict()
    except pl.exceptions.PolarsError:
        return _one_by_one(rows, expressions, faults)


def _one_by_one(
    rows: pl.DataFrame, expressions: Mapping[str, pl.Expr], faults: dict[str, str]
) -> Mapping[str, pl.Series]:
    """Find the rule that Polars refuses, so that it takes no other down."""
    marks: dict[str, pl.Series] = {}
    for name, expression in expressions.items():
        try:
            marks[name] = rows.select(expression).to_series()
        except pl.exceptions.PolarsError as error:
            faults[name] = f"Polars cannot evaluate it ({type(error).__name__})"  # its text may quote a value
    return marks


def _judged(
    rule: Rule, rows: pl.DataFrame, outcome: Outcome, mark: pl.Series | None, made: Expectation, held: Session
) -> Judged:
    if outcome.error:
        return Judged(rule, error=outcome.error, quotes_rows=True)
    if mark is not None:
        return _of_rows(rule, rows, outcome, mark)
    if rule.kind in ("expectation", "custom") and rule.tolerance is None and _names_rows(made):
        return _of_listed_rows(rule, rows, outcome, made, held)
    observed = outcome.observed
    if rule.kind == "sql":
        observed = None if outcome.success else held.observed(made)
    return Judged(rule, broken=not outcome.success, count=outcome.count, subject=rows.height, observed=observed)


def _of_rows(rule: Rule, rows: pl.DataFrame, outcome: Outcome, mark: pl.Series) -> Judged:
    """A rule that both count: the counts must be equal, and a tolerance is judged by the share."""
    count = int(mark.sum())
    subject = rows.height if rule.kind == "not_null" else _with_value(rule, rows)
    agreed = outcome.count == count and outcome.success == (count == 0)
    counts = None if agreed else (outcome.count or 0, count)
    if rule.tolerance is None:
        return Judged(rule, broken=count > 0, count=count, subject=subject, failing=mark, counts=counts)
    broken = subject > 0 and count / subject > rule.tolerance + SHARE_NOISE
    return Judged(rule, broken=broken, count=count, subject=subject, counts=counts)


def _of_function(rule: Rule, mark: pl.Series) -> Judged:
    """A rule of one's own, which has no second opinion."""
    count, subject = int(mark.sum()), mark.len()
    if rule.tolerance is None:
        return Judged(rule, broken=count > 0, count=count, subject=subject, failing=mark)
    broken = subject > 0 and count / subject > rule.tolerance + SHARE_NOISE
    return Judged(rule, broken=broken, count=count, subject=subject)


def _with_value(rule: Rule, rows: pl.DataFrame) -> int:
    names = dict.fromkeys(name for name in (*rule.arguments.get("fields", ()), rule.field) if name)
    return int(rows.select(pl.all_horizontal(pl.col(name).is_not_null() for name in names).sum()).item())


def _names_rows(expectation: Expectation) -> bool:
    """Whether the library judges row by row, and so can list the rows."""
    from great_expectations.expectations import expectation as kinds

    return isinstance(
        expectation,
        kinds.ColumnMapExpectation | kinds.ColumnPairMapExpectation | kinds.MulticolumnMapExpectation,
    )


def _of_listed_rows(rule: Rule, rows: pl.DataFrame, outcome: Outcome, made: Expectation, held: Session) -> Judged:
    """A rule that only the library can judge: its list of rows must be as long as its count."""
    count = outcome.count or 0
    listed = held.failing_rows(made, count) if count else []
    numbers = pl.Series("numbers", sorted(set(listed)), dtype=pl.Int64)
    mark = pl.int_range(rows.height, eager=True).is_in(numbers.implode()).alias(rule.name)
    counts = None if numbers.len() == count and outcome.success == (count == 0) else (count, numbers.len())
    return Judged(rule, broken=count > 0, count=count, subject=rows.height, failing=mark, counts=counts)

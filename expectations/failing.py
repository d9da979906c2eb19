"""Name the rows that break a rule, as a Polars expression: the second opinion on what Great Expectations counts.

A row without a value breaks only `not_null`. Patterns are searched for anywhere in the text, and the escapes for digit,
word, blank and word boundary mean ASCII, as in DuckDB and in ECMA-262, the dialect ODCS names; Polars would read them
as Unicode.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from catalog.models import Dataset, Field, Rule
from expectations.dependencies import departing
from expectations.literals import RuleFault, bound, members

_TOKEN = re.compile(r"\\[pPx]\{[^}]*\}|\\.|\{(?!\d+(?:,\d*)?\})", re.DOTALL)
_ASCII = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[0-9A-Za-z_]",
    "W": "[^0-9A-Za-z_]",
    "s": r"[\t\n\x0C\r ]",
    "S": r"[^\t\n\x0C\r ]",
    "b": r"(?-u:\b)",
}


def failing(rule: Rule, dataset: Dataset) -> pl.Expr | None:
    """True where a row breaks the rule, never null; None for a rule that only Great Expectations can judge.

    Raises RuleFault where the rule makes no sense for its field.
    """
    if rule.kind == "unique":
        return _repeated(list(rule.arguments["fields"]))
    if rule.kind == "functional_dependency" and rule.field is not None:
        return departing(list(rule.arguments["fields"]), rule.field)
    test = _TESTS.get(rule.kind)
    if test is None or rule.field is None:
        return None
    return test(rule, dataset.field(rule.field)).fill_null(False)


def for_polars(regex: str) -> str:
    """A pattern as Polars must read it: ASCII classes spelled out, and a brace that counts nothing taken as itself."""
    return _TOKEN.sub(lambda found: r"\{" if found[0] == "{" else _ASCII.get(found[0][1:], found[0]), regex)


def _repeated(names: list[str]) -> pl.Expr:
    present = pl.all_horizontal(pl.col(name).is_not_null() for name in names)
    value = pl.col(names[0]) if len(names) == 1 else pl.struct(names)
    return value.is_duplicated() & present


def _absent(rule: Rule, field: Field) -> pl.Expr:
    return pl.col(field.name).is_null()


def _outside_set(rule: Rule, field: Field) -> pl.Expr:
    allowed = members(rule.arguments["values"], field)
    dtype = pl.Decimal(38, field.scale) if field.type == "number" and field.scale is not None else None
    values = pl.Series(allowed, dtype=dtype) if allowed else None
    column = pl.col(field.name)
    return column.is_not_null() if values is None else ~column.is_in(values.implode())


def _unlike(rule: Rule, field: Field) -> pl.Expr:
    regex = for_polars(rule.arguments["regex"])
    return ~text_of(field).str.contains(regex) ^ pl.lit(bool(rule.arguments.get("negate", False)))


def _outside_range(rule: Rule, field: Field) -> pl.Expr:
    return _outside(pl.col(field.name), rule, field)


def _outside(column: pl.Expr, rule: Rule, field: Field) -> pl.Expr:
    low, high = (rule.arguments.get(end) for end in ("min", "max"))
    below = pl.lit(False) if low is None else column < _literal(bound(low, field, "min"), field)
    above = pl.lit(False) if high is None else column > _literal(bound(high, field, "max"), field)
    return below | above


def _literal(value: object, field: Field) -> pl.Expr:
    if field.type == "number" and field.scale is not None:
        return pl.lit(value, dtype=pl.Decimal(38, field.scale))
    return pl.lit(value)


def _outside_length(rule: Rule, field: Field) -> pl.Expr:
    if field.type != "string":
        raise RuleFault(f"'{field.name}' is {field.type}, and only text has a length")
    length = pl.col(field.name).str.len_chars()
    low, high = (rule.arguments.get(end) for end in ("min", "max"))
    below = pl.lit(False) if low is None else length < low
    above = pl.lit(False) if high is None else length > high
    return (below | above) & pl.col(field.name).is_not_null()


def text_of(field: Field) -> pl.Expr:
    """The text that a pattern is held against."""
    if field.type not in ("string", "integer", "date"):
        raise RuleFault(f"'{field.name}' is {field.type}; a pattern speaks about text, a whole number or a date")
    return pl.col(field.name).cast(pl.String)


_TESTS: dict[str, Callable[[Rule, Field], pl.Expr]] = {
    "not_null": _absent,
    "in_set": _outside_set,
    "pattern": _unlike,
    "range": _outside_range,
    "length": _outside_length,
}

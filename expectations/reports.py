"""What checks and gap rules answer, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from expectations.results import RuleResult
from ledger import Finding

Verdict = Literal["pass", "quarantine", "block"]

KNOWN = {
    "dataset": pl.String,
    "scope": pl.String,
    "field": pl.String,
    "key": pl.String,
    "rule": pl.String,
    "sentence": pl.String,
}


@dataclass(frozen=True)
class Report:
    """What a contract let through: every row of the frame is in exactly one of the four counts.

    `passed` has the contract's fields, `_location`, `_position` and `_key`; `quarantined` one row per row set aside
    (see `expectations.quarantine`). `filtered` counts rows out of scope and rows that an unreadable value discards,
    `duplicate` rows whose key comes again. A `block` verdict means that none of it may be used. `results` says of every
    rule what became of it, in the order of the contract.
    """

    passed: pl.DataFrame
    quarantined: pl.DataFrame
    findings: tuple[Finding, ...]
    verdict: Verdict
    filtered: int
    duplicate: int
    results: tuple[RuleResult, ...] = ()


@dataclass(frozen=True)
class GapReport:
    """The open gaps, and what is known of each key, as sentences that a document may quote.

    `known` has the columns `dataset`, `scope` (`row`: `key` is a row's `_key`; `value`: `key` is a value of `field`),
    `field`, `key`, `rule`, `sentence`. `settled` says who is right about each contested field of a row, with the
    columns of `expectations.settled_rows.SETTLED`.
    """

    findings: tuple[Finding, ...]
    known: pl.DataFrame
    settled: pl.DataFrame

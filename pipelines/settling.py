"""Find the rows that people decided about among the rows of today, and say which decisions still hold.

A decision holds as long as its row says what it said when the person looked at it. The newest reject undoes what was
decided before it, and is undone by what is decided after it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from catalog.models import Dataset
from expectations.decided import Decided
from expectations.disclosure import HIDDEN
from ledger.models import Outcome, QuarantineDecision
from pipelines.fixing import Fix
from pipelines.row_identity import contents, key_mark, row_ids, unsealed


@dataclass(frozen=True)
class Standing:
    """What holds for one row: it is rejected, or released from rules, or has fields fixed."""

    rejected: bool = False
    released: frozenset[str] = frozenset()
    fixes: Mapping[str, QuarantineDecision] = field(default_factory=dict)

    def outcome(self, rule: str) -> Outcome:
        """Why a row is no longer open for a rule."""
        if self.rejected:
            return "reject"
        return "release" if rule in self.released else "fix" if self.fixes else "cleared"


@dataclass(frozen=True)
class Settled:
    """The decisions that hold now, by row id; where those rows are; and the rows whose decisions no longer hold."""

    standing: Mapping[str, Standing] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    lapsed: Mapping[str, int] = field(default_factory=dict)
    foreign: int = 0  # decisions made with another mask key, whose rows nobody can find

    @property
    def decided(self) -> Decided:
        """What the check must know."""
        released: dict[str, list[int]] = defaultdict(list)
        for row_id, standing in self.standing.items():
            for rule in standing.released:
                released[rule].append(self.numbers[row_id])
        return Decided(released, [self.numbers[row_id] for row_id, one in self.standing.items() if one.rejected])

    def fixes(self, dataset: Dataset, key: bytes) -> list[Fix]:
        """The cells to change in the raw rows."""
        return [
            Fix(self.numbers[row_id], column_of(dataset, one.field), plain_value(one, dataset, key))
            for row_id, standing in self.standing.items()
            for one in standing.fixes.values()
        ]

    def outcome(self, row_id: str, rule: str) -> Outcome:
        """Why a row is no longer open for a rule."""
        return self.standing.get(row_id, Standing()).outcome(rule)


def settle(
    raw: pl.DataFrame, frame: pl.DataFrame, dataset: Dataset, decisions: Sequence[QuarantineDecision], key: bytes
) -> Settled:
    """Hold decisions against the rows as they were taken: `frame` is `raw` normalized, row by row."""
    mark = key_mark(key)
    ours: dict[str, list[QuarantineDecision]] = defaultdict(list)
    for one in decisions:
        if one.key_mark == mark:
            ours[one.row_id].append(one)
    found = _found(frame, dataset, ours, key)
    now = contents(raw[list(found.values())], dataset, key).to_list() if found else []
    standing, lapsed = {}, {}
    for (row_id, number), content in zip(found.items(), now, strict=True):
        holding = [one for one in ours[row_id] if one.taken == content]
        if holding:
            standing[row_id] = standing_of(holding)
        else:
            lapsed[row_id] = number
    return Settled(standing, found, lapsed, sum(one.key_mark != mark for one in decisions))


def standing_of(decisions: Sequence[QuarantineDecision]) -> Standing:
    """What decisions about one row with one content come to, in the order in which they were made."""
    after: list[QuarantineDecision] = []
    for one in decisions:
        after = [one] if one.kind == "reject" or (after and after[0].kind == "reject") else [*after, one]
    return Standing(
        rejected=bool(after) and after[-1].kind == "reject",
        released=frozenset(one.rule for one in after if one.kind == "release"),
        fixes={one.field: one for one in after if one.kind == "fix"},
    )


def column_of(dataset: Dataset, name: str) -> str:
    """The source's column behind a field; empty where the contract no longer has it, or makes it of others."""
    found = [one for one in dataset.fields if one.name == name and one.combine is None]
    return found[0].physical_name if found else ""


def plain_value(decision: QuarantineDecision, dataset: Dataset, key: bytes) -> str:
    """The value of a fix, unsealed where it is sealed."""
    if not decision.sealed:
        return decision.value
    return unsealed(decision.value, about=about(decision.row_id, decision.field), key=key)


def about(row_id: str, name: str) -> str:
    """What a sealed value is bound to."""
    return f"{row_id}\x1f{name}"


def _found(
    frame: pl.DataFrame, dataset: Dataset, decisions: Mapping[str, Sequence[QuarantineDecision]], key: bytes
) -> dict[str, int]:
    """The numbers of the decided rows in the frame, by row id, as far as they are there and in scope."""
    if not decisions:
        return {}
    ready = frame.with_row_index("_row").filter(pl.col("_outcome") == "ready")
    ready = ready.select(pl.col("_row").cast(pl.Int64), "_key", "_location", "_position")
    newest = [made[-1] for made in decisions.values()]
    keys = [one.key for one in newest if one.key not in ("", HIDDEN)]
    places = pl.DataFrame(
        [(one.location, one.position) for one in newest],
        schema={"_location": pl.String, "_position": pl.Int64}, orient="row",
    ).unique()  # fmt: skip
    there = ready.join(places, on=places.columns, how="semi", maintain_order="left")
    near = pl.concat([ready.filter(pl.col("_key").is_in(keys)), there]).unique("_row")
    found = _named(near, dataset, decisions, key)
    moved = [row_id for row_id, made in decisions.items() if row_id not in found and made[-1].key == HIDDEN]
    if moved:  # their keys may not be kept, and they stand elsewhere now: every key must be hashed to find them
        found |= _named(ready.filter(pl.col("_key").is_not_null()), dataset, decisions, key)
    return found


def _named(
    rows: pl.DataFrame, dataset: Dataset, decisions: Mapping[str, Sequence[QuarantineDecision]], key: bytes
) -> dict[str, int]:
    ids = row_ids(rows, dataset, key).to_list()
    return {row_id: number for row_id, number in zip(ids, rows["_row"].to_list(), strict=True) if row_id in decisions}

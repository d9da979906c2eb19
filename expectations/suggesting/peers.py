"""Suggest rules between datasets that hold the same things: facts that may differ, stale records, absent entities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from catalog.models import Dataset, Field
from expectations.across import keyed
from expectations.settling.claims import FLOAT_NOISE, folded
from expectations.suggesting.looks import FEWEST, Look, handed_out, inside, same_name, words
from expectations.suggesting.proposals import Proposal, percent
from expectations.wording import listed

SHARED = 0.50  # of the keys of the smaller dataset
SAME_FACT = 0.50  # of the values that both hold agree; below it they are two facts with one name
CLOSE = 0.01  # of the range of a number: near enough to be the same fact
MOST_DECIMALS = 6
SYSTEMS = 3  # that know an entity, before one that does not is missed
USUAL_LAG = 0.90  # of the records that lag behind are not older than what is suggested
LONGEST_LAG = timedelta(days=3650)
_CHANGED = {"changed", "modified", "updated", "edited", "geaendert"}


@dataclass(frozen=True)
class _Peer:
    other: Dataset
    on: tuple[tuple[str, str], ...]
    shared: float


def between(look: Look, dataset: Dataset) -> Iterator[Proposal]:
    """What can be asked of a dataset and of those whose keys it shares."""
    peers = _peers(look, dataset)
    yield from _entities(look, dataset, peers)
    yield from _contradictions(look, dataset, peers)
    yield from _staleness(look, dataset, peers)


def _peers(look: Look, dataset: Dataset) -> list[_Peer]:
    """The datasets whose keys include, or are included in, this dataset's."""
    found = [_peer(look, dataset, other) for other in look.datasets if other.name != dataset.name]
    return [one for one in found if one is not None]


def _peer(look: Look, dataset: Dataset, other: Dataset) -> _Peer | None:
    theirs, ours = other.key, dataset.key
    if not ours or len(ours) != len(theirs):
        return None
    if any(dataset.field(mine).type != other.field(their).type for mine, their in zip(ours, theirs, strict=True)):
        return None
    on = tuple(zip(ours, theirs, strict=True))
    if any(_by_chance(look, dataset, other, mine, their) for mine, their in on):
        return None
    if len(on) == 1:
        mine, their = look.values(dataset.name, ours[0]), look.values(other.name, theirs[0])
        return _sharing(other, on, inside(mine, their), min(mine.len(), their.len()))
    whole, others = look.rows(dataset.name, *ours), look.rows(other.name, *theirs)
    here, there, names = keyed(whole.schema, others.schema, on)
    left, right = here(whole), there(others)
    common = left.select(names).unique().join(right.select(names).unique(), on=names, how="semi").height
    return _sharing(other, on, common, min(left.height, right.height))


def _by_chance(look: Look, dataset: Dataset, other: Dataset, mine: str, their: str) -> bool:
    """Whether the two are numbers under names that do not tell of the same thing."""
    if same_name(dataset.field(mine), other.field(their), other.name):
        return False
    return any(handed_out(look.values(name, field)) for name, field in ((dataset.name, mine), (other.name, their)))


def _sharing(other: Dataset, on: tuple[tuple[str, str], ...], common: int, smaller: int) -> _Peer | None:
    return _Peer(other, on, common / smaller) if common >= FEWEST and common >= SHARED * smaller else None


def _contradictions(look: Look, dataset: Dataset, peers: list[_Peer]) -> Iterator[Proposal]:
    """Fields of one name in two datasets with the same keys, told once, by the smaller one."""
    for peer in peers:
        if (look.height(dataset.name), dataset.name) > (look.height(peer.other.name), peer.other.name):
            continue
        told = _told(dataset, peer.other)
        pairs = [(mine, their) for mine, their in _namesakes(look, dataset, peer.other)
                 if (mine.name, their.name) not in told]  # fmt: skip
        compared = [one for mine, their in pairs if (one := _compared(look, dataset, peer, mine, their))]
        if compared:
            reason = (
                f"{percent(peer.shared)} of the keys of the smaller of {dataset.name} and {peer.other.name} are in the "
                f"other one, and both hold {listed([one['field'] for one in compared])}."
            )
            rule = {"with": peer.other.name, "on": dict(peer.on), "compare": compared}
            yield Proposal(dataset.name, "conflict", rule, about=f"differs-from-{peer.other.name}", reason=reason,
                           confidence=peer.shared, measured={"shared": peer.shared})  # fmt: skip


def _told(dataset: Dataset, other: Dataset) -> set[tuple[str, str]]:
    """The pairs of fields that a conflict rule of either side compares."""
    mine = {(one.field, one.other) for rule in dataset.gap_rules
            if rule.kind == "conflict" and rule.to_dataset == other.name for one in rule.compare}  # fmt: skip
    return mine | {(one.other, one.field) for rule in other.gap_rules
                   if rule.kind == "conflict" and rule.to_dataset == dataset.name for one in rule.compare}  # fmt: skip


def _namesakes(look: Look, dataset: Dataset, other: Dataset) -> Iterator[tuple[Field, Field]]:
    theirs = [field for field in other.fields if field.name not in other.key]
    for mine in dataset.fields:
        if mine.name in dataset.key or _is_change(mine):
            continue
        for their in theirs:
            titled = bool(mine.title) and mine.title.casefold() == their.title.casefold()
            numbers = {mine.type, their.type} <= {"integer", "number"}
            if (mine.name == their.name or titled) and (mine.type == their.type or numbers):
                yield mine, their
                break


def _compared(look: Look, dataset: Dataset, peer: _Peer, mine: Field, their: Field) -> dict[str, Any] | None:
    """One entry of `compare`; None where the two fields hold different facts."""
    both = _both(look, dataset, peer, mine.name, their.name).drop_nulls()
    if both.height < FEWEST:
        return None
    entry: dict[str, Any] = {"field": mine.name, "other": their.name}
    if mine.type in ("integer", "number"):
        left, right = (both[name].cast(pl.Float64) for name in ("_mine", "_their"))
        width = float(left.quantile(0.95) or 0) - float(left.quantile(0.05) or 0)
        near = (left - right).abs() <= max(width * CLOSE, FLOAT_NOISE)
        tolerance = _rounding(left, right)
        entry |= {"tolerance": tolerance} if tolerance else {}
    elif mine.type == "string":
        near = both.select(folded(pl.col("_mine")) == folded(pl.col("_their"))).to_series()
    else:
        near = both["_mine"] == both["_their"]
    return entry if near.sum() >= SAME_FACT * both.height else None


def _both(look: Look, dataset: Dataset, peer: _Peer, mine: str, their: str) -> pl.DataFrame:
    """The two fields of the records that both hold, as `_mine` and `_their`."""
    ours = look.rows(dataset.name, *dict.fromkeys([*(one for one, _ in peer.on), mine]))
    theirs = look.rows(peer.other.name, *dict.fromkeys([*(one for _, one in peer.on), their]))
    here, there, on = keyed(ours.schema, theirs.schema, peer.on)
    left, right = here(ours.with_columns(_mine=mine)), there(theirs.with_columns(_their=their))
    return left.select(*on, "_mine").join(right.select(*on, "_their").unique(on, keep="first", maintain_order=True),
                                          on=on, maintain_order="left").select("_mine", "_their")  # fmt: skip


def _rounding(left: pl.Series, right: pl.Series) -> float:
    """Half of the last decimal of the coarser side, which rounding alone explains; 0 where both are as fine."""
    decimals = [_decimals(one) for one in (left, right)]
    return 0.0 if decimals[0] == decimals[1] else round(0.5 * 10.0 ** -min(decimals), MOST_DECIMALS + 1)


def _decimals(numbers: pl.Series) -> int:
    """How many decimals the numbers are written with, at most six."""
    whole = [(numbers - numbers.round(places)).abs().max() for places in range(MOST_DECIMALS)]
    return next((n for n, off in enumerate(whole) if float(off or 0) < FLOAT_NOISE), MOST_DECIMALS)  # type: ignore[arg-type]  # of numbers a number


def _is_change(field: Field) -> bool:
    return field.type in ("date", "timestamp") and bool(words(field.name) & _CHANGED)


def _staleness(look: Look, dataset: Dataset, peers: list[_Peer]) -> Iterator[Proposal]:
    """Records whose peer in another dataset was changed later, where both sides say when they were changed."""
    mine = next((field for field in dataset.fields if _is_change(field)), None)
    told = {rule.to_dataset for rule in dataset.gap_rules if rule.kind == "stale_field"}
    if mine is None:
        return
    for peer in peers:
        their = next((one for one in peer.other.fields if _is_change(one) and one.type == mine.type), None)
        if their is None or peer.other.name in told:
            continue
        both = _both(look, dataset, peer, mine.name, their.name).drop_nulls()
        behind = both.select(lag=pl.col("_their") - pl.col("_mine")).filter(pl.col("lag") > timedelta())["lag"]
        usual = behind.dt.total_days().quantile(USUAL_LAG, "higher") if behind.len() >= FEWEST else None
        if usual is None or usual > LONGEST_LAG.days:
            continue
        yield Proposal(
            dataset.name, "stale_field",
            {"with": peer.other.name, "on": dict(peer.on), "changed": mine.name, "theirChanged": their.name,
             "maxAge": f"{int(usual) + 1}d"},
            about=f"older-than-{peer.other.name}",
            reason=f"{peer.other.name} holds the same keys and says in {their.name} when it changed; 90 % of the "
                   f"records that lag behind do so by {int(usual) + 1} days at most.",
            confidence=peer.shared, measured={"shared": peer.shared, "behind": behind.len() / both.height},
        )  # fmt: skip


def _entities(look: Look, dataset: Dataset, others: list[_Peer]) -> Iterator[Proposal]:
    """Entities that two further datasets name by the same key, told by the largest of them."""
    if len(dataset.key) != 1 or any(one.kind == "missing_entity" for one in dataset.gap_rules):
        return
    size = (look.height(dataset.name), dataset.name)
    if len(others) + 1 < SYSTEMS or any((look.height(one.other.name), one.other.name) > size for one in others):
        return
    systems = [f"{one.other.name}.{their}" for one in others for _, their in one.on]
    reason = f"{listed([dataset.name, *(one.other.name for one in others)])} name the same things by one key."
    yield Proposal(dataset.name, "missing_entity", {"fields": list(dataset.key), "systems": systems},
                   about=f"{dataset.key[0]}-unknown-elsewhere", reason=reason,
                   confidence=(shared := min(one.shared for one in others)), measured={"shared": shared})  # fmt: skip

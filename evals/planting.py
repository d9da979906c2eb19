"""Plant gaps of eleven kinds in the estate of `evals.estate`, each under a key that no other gap touches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import islice, product

import numpy as np
import polars as pl

from evals.estate import LATE, NOW, STALE, TOWNS, Estate, Planted, Question
from ledger.models import EVERYWHERE

PARTS = ("hydrant", "manifold", "gasket", "actuator", "strainer", "gearbox", "coupling", "regulator")
ASKED = ("torque", "warranty", "colour", "lifetime", "torsion", "voltage", "lubricant", "origin")
MOST_LISTED = 20  # sequences and periods are judged by their evidence, which lists 20 ranges

ORPHAN, ENTITY, CONFLICT, STALE_FIELD, PERIOD, SEGMENT, VOLUME, MIXTURE, DRIFT, KNOWLEDGE, EXTRACTION = KINDS = (
    "orphan reference", "missing entity", "conflicting values", "stale field", "missing period or number",
    "coverage by segment", "volume loss between layers", "mixed format", "schema drift", "knowledge gap",
    "unreadable extraction",
)  # fmt: skip


class Ground:
    """An estate to plant in: rows are drawn once only, so that no two gaps meet in one."""

    def __init__(self, estate: Estate, seed: int) -> None:
        self.estate = Estate(dict(estate.frames), dict(estate.guides), questions=list(estate.questions))
        self._draw = np.random.default_rng([seed, 1])
        self._taken: dict[str, set[str]] = {}

    def keys(self, name: str, key: str, count: int, where: pl.Expr | None = None, *, of: str = "") -> list[str]:
        """So many different values of `key` in the rows that `where` keeps, each handed out once per `of`."""
        frame = self.estate.frames[name]
        found = frame if where is None else frame.filter(where)
        taken = self._taken.setdefault(of or name, set())
        free = sorted(set(found[key].drop_nulls().to_list()) - taken)
        if len(free) < count:
            raise ValueError(f"{name} has {len(free)} free rows for {count} gaps; make the estate larger")
        chosen = [free[place] for place in sorted(self._draw.permutation(len(free))[:count])]
        taken.update(chosen)
        return chosen

    def change(self, name: str, key: str, keys: Sequence[str], **values: pl.Expr) -> None:
        """Give the rows with these keys other values."""
        hit = pl.col(key).is_in(list(keys))
        self.estate.frames[name] = self.estate.frames[name].with_columns(
            pl.when(hit).then(value).otherwise(pl.col(column)).alias(column) for column, value in values.items()
        )

    def drop(self, name: str, keep: pl.Expr) -> None:
        """Keep only these rows."""
        self.estate.frames[name] = self.estate.frames[name].filter(keep)

    def plant(self, kind: str, dataset: str, keys: Sequence[str]) -> None:
        """Note the gaps."""
        self.estate.planted.extend(Planted(kind, dataset, key) for key in keys)


def damaged(estate: Estate, seed: int, *, gaps: int, kinds: Sequence[str] = KINDS) -> Estate:
    """A copy of the estate with `gaps` gaps, spread evenly over the kinds."""
    ground = Ground(estate, seed)
    for place, kind in enumerate(kinds):
        _PLANTERS[kind](ground, gaps // len(kinds) + (place < gaps % len(kinds)))
    return ground.estate


def _split(count: int, parts: int) -> list[int]:
    return [count // parts + (place < count % parts) for place in range(parts)]


def _orphans(ground: Ground, count: int) -> None:
    """Visits of meters nobody knows, invoices to nobody, meters that stand nowhere."""
    visits, invoices, meters = _split(count, 3)
    settled = pl.col("started").str.slice(0, 10) < (NOW - 2 * LATE).date().isoformat()
    keys = ground.keys("visits", "visit", visits, settled & pl.col("meter").is_not_null())
    ground.change("visits", "visit", keys, meter=pl.lit("M9") + pl.col("visit").str.slice(1))
    ground.plant(ORPHAN, "visits", keys)
    keys = ground.keys("invoices", "INVOICE", invoices)
    ground.change("invoices", "INVOICE", keys, CUST_NO=pl.lit("C9") + pl.col("INVOICE").str.slice(-4))
    ground.plant(ORPHAN, "invoices", keys)
    keys = ground.keys("sites", "METER", meters)
    ground.change("sites", "METER", keys, METER=pl.lit(None, pl.String))
    ground.plant(ORPHAN, "meters", keys)


def _entities(ground: Ground, count: int) -> None:
    """Active customers without an account, and without a site."""
    accounts, sites = _split(count, 2)
    active = pl.col("STATE") == "active"
    keys = ground.keys("customers", "CUST_NO", accounts, active)
    ground.drop("accounts", ~pl.col("CUST_NO").is_in(keys))
    ground.plant(ENTITY, "customers", keys)
    keys = ground.keys("customers", "CUST_NO", sites, active)
    ground.change("sites", "CUST_NO", keys, CUST_NO=pl.lit(None, pl.String))
    ground.plant(ENTITY, "customers", keys)


def _conflicts(ground: Ground, count: int) -> None:
    """Another town, and a price two cents away where one is allowed."""
    towns, prices = _split(count, 2)
    keys = ground.keys("accounts", "CUST_NO", towns, of="customers")
    town = (
        pl.col("CITY")
        .str.strip_chars()
        .str.to_lowercase()
        .replace_strict([one.lower() for one in TOWNS], [*TOWNS[1:], TOWNS[0]])
    )
    ground.change("accounts", "CUST_NO", keys, CITY=town)
    ground.plant(CONFLICT, "accounts", keys)
    keys = ground.keys("accounts", "CUST_NO", prices, pl.col("PRICE").is_not_null(), of="customers")
    ground.change("accounts", "CUST_NO", keys, PRICE=(pl.col("PRICE") + 0.02).round(2))
    ground.plant(CONFLICT, "accounts", keys)


def _stale(ground: Ground, count: int) -> None:
    """An address that is a day older than it may be, and some whose age nobody knows."""
    unknown = min(4, count // 4)
    keys = ground.keys("accounts", "CUST_NO", count, of="customers")
    changed = ground.estate.frames["customers"].select("CUST_NO", pl.col("CHANGED") - STALE - timedelta(days=1))
    late = pl.col("CUST_NO").replace_strict(changed["CUST_NO"], changed["CHANGED"], default=None)
    ground.change("accounts", "CUST_NO", keys[unknown:], ADDRESS_CHANGED=late)
    ground.change("accounts", "CUST_NO", keys[:unknown], ADDRESS_CHANGED=pl.lit(None, pl.Datetime("us")))
    ground.plant(STALE_FIELD, "accounts", keys)


def _periods(ground: Ground, count: int) -> None:
    """A day that a depot did not report, and an invoice that is not there, each with neighbours on both sides."""
    days = min(MOST_LISTED, count // 2)
    number = pl.col("INVOICE").str.slice(-5).cast(pl.Int64)
    inside = (number > number.min().over("SERIES")) & (number < number.max().over("SERIES")) & (number % 2 == 0)
    keys = ground.keys("invoices", "INVOICE", count - days, inside)
    ground.drop("invoices", ~pl.col("INVOICE").is_in(keys))
    ground.plant(PERIOD, "invoices", [f"{key[0]}|{key}" for key in keys])
    depots = ground.keys("day_counts", "DEPOT", days)
    inner = pl.col("DAY").is_between(pl.date(2024, 3, 11), pl.date(2024, 6, 20))
    gone = [ground.keys("day_counts", "ID", 1, inner & (pl.col("DEPOT") == depot), of="days")[0] for depot in depots]
    lost = ground.estate.frames["day_counts"].filter(pl.col("ID").is_in(gone))
    ground.drop("day_counts", ~pl.col("ID").is_in(gone))
    ground.plant(PERIOD, "day_counts", [f"{depot}|{day}" for depot, day in lost.select("DEPOT", "DAY").iter_rows()])


def _segments(ground: Ground, count: int) -> None:
    """Depots that leave every third note empty, where a tenth may be."""
    large = pl.len().over("depot") >= 30
    depots = ground.keys("visits", "depot", count, large, of="depots")
    hit = pl.col("depot").is_in(depots) & (pl.int_range(pl.len()) % 3 == 0)
    frame = ground.estate.frames["visits"]
    ground.estate.frames["visits"] = frame.with_columns(pl.when(hit).then(None).otherwise("note").alias("note"))
    ground.plant(SEGMENT, "visits", depots)


def _volume(ground: Ground, count: int) -> None:
    """Lines that are cut off, and visits whose length is no number: they leave on the way to the ready rows."""
    lines, visits = _split(count, 2)
    ground.estate.torn = [f"M77{number:04d} GA" for number in range(lines)]
    first = ground.estate.frames["meters"].height + 1
    ground.plant(VOLUME, "meters", [f"METERS.TXT:{first + number}" for number in range(lines)])
    keys = ground.keys("visits", "visit", visits)
    minutes = pl.col("minutes").cast(pl.String)
    ground.estate.frames["visits"] = ground.estate.frames["visits"].with_columns(minutes)
    ground.change("visits", "visit", keys, minutes=pl.lit("half a day"))
    ground.plant(VOLUME, "visits", keys)


def _mixtures(ground: Ground, count: int) -> None:
    """One value in the wrong shape in each of so many rows."""
    shapes: list[dict[str, pl.Expr]] = [
        {"Serial": pl.lit("Mar-22")}, {"Serial": pl.lit("1.23E+11")}, {"Weight": pl.lit("3,5")},
        {"Length": pl.col("Length") + " mm"}, {"Bought": pl.lit("12/25/2024")}, {"Text": pl.lit("GrÃ¼nes Rohr")},
        {"Text": pl.lit("Gr\N{REPLACEMENT CHARACTER}nes Rohr")},
    ]  # fmt: skip
    for shape, part in zip(shapes, _split(count, len(shapes)), strict=True):
        keys = ground.keys("materials", "Item", part)
        ground.change("materials", "Item", keys, **shape)
        ground.plant(MIXTURE, "materials", keys)


def _drift(ground: Ground, count: int) -> None:
    """Columns that are gone, new, of another type, and renamed, which is one gone and one new."""
    renamed = count // 8
    gone, new, retyped = _split(count - 2 * renamed, 3)
    frame = ground.estate.frames["ratings"]
    names = [name for name in frame.columns if name != "PLATE"]
    dropped, changed, moved = names[:gone], names[20 : 20 + retyped], names[50 : 50 + renamed]
    frame = frame.drop(dropped).rename({name: f"{name}_V2" for name in moved})
    other = {name: pl.col(name).cast(pl.String) if frame.schema[name] != pl.String else pl.lit(7) for name in changed}
    frame = frame.with_columns(value.alias(name) for name, value in other.items())
    frame = frame.with_columns(pl.lit(number).alias(f"EXTRA_{number}") for number in range(new))
    ground.estate.frames["ratings"] = frame
    ground.plant(DRIFT, "ratings", [*dropped, *changed, *moved, *(f"{name}_V2" for name in moved)])
    ground.plant(DRIFT, "ratings", [f"EXTRA_{number}" for number in range(new)])


def _extractions(ground: Ground, count: int) -> None:
    """Guides that are empty, cut off, or not what their name says."""
    spoilt = [
        (".txt", b""),
        (".txt", b" \n\n"),
        (".pdf", b"%PDF-1.7\n1 0 obj\n<<"),
        (".docx", b"PK\x03\x04cut"),
        (".html", b"<html><body></body></html>"),
    ]
    for number in range(count):
        suffix, content = spoilt[number % len(spoilt)]
        name = f"manual-{number:03d}{suffix}"
        ground.estate.guides[name] = content
        ground.plant(EXTRACTION, "guides", [name])


def _unknown(ground: Ground, count: int) -> None:
    """What two visits each wanted to know and nobody told them."""
    for part, what in islice(product(PARTS, ASKED), count):
        ground.estate.questions += [Question(f"What is the {what} of the {part}?", known=False)] * 2
        ground.plant(KNOWLEDGE, EVERYWHERE, [f"what is the {what} of the {part}"])


_PLANTERS: Mapping[str, Callable[[Ground, int], None]] = {
    ORPHAN: _orphans, ENTITY: _entities, CONFLICT: _conflicts, STALE_FIELD: _stale, PERIOD: _periods,
    SEGMENT: _segments, VOLUME: _volume, MIXTURE: _mixtures, DRIFT: _drift, KNOWLEDGE: _unknown,
    EXTRACTION: _extractions,
}  # fmt: skip

"""Make the systems of a utility with a field service, whole and then with gaps whose kind and keys are known.

Four systems hold ten datasets: customer care (SQLite), billing (CSV), the meter master of a mainframe (fixed width) and
the field service (NDJSON, an Excel workbook, a folder of guides). Everything is drawn from a seed. The whole estate
holds what looks like a gap and is none: late rows inside their window, holidays, differences within a tolerance, small
segments, codes that look like spreadsheet damage. `damaged` plants the gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product

import numpy as np
import polars as pl

NOW = datetime(2024, 6, 28, 18)  # the newest moment of the data, a Friday
LATE = timedelta(days=2)  # a reference may be so late
STALE = timedelta(days=30)  # an address may be so old
HOLIDAYS = (date(2024, 3, 29), date(2024, 4, 1), date(2024, 5, 1), date(2024, 5, 20))
SMALL = 20  # visits of a depot that is too small to be judged
TOWNS = ("Alder Cross", "Brackenford", "Cold Ashby", "Dunmere", "Eskdale", "Fallowfield", "Grünau", "Harrow Weald")
SERIES = ("N", "S", "W")
RATINGS = 60  # columns of the table that drifts

Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Planted:
    """One gap: its kind, the dataset that tells of it, and the key under which it does."""

    kind: str
    dataset: str
    key: str


@dataclass(frozen=True)
class Question:
    """A question of one visit, and whether anything was found."""

    text: str
    known: bool


@dataclass
class Estate:
    """The rows of every dataset as its system writes them, the guides by file name, and the gaps planted in them.

    `questions` were asked in this order, each in a visit of its own.
    """

    frames: Frames
    guides: dict[str, bytes]
    torn: list[str] = field(default_factory=list)  # lines of the mainframe's file that are cut off
    questions: list[Question] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows in all datasets; a guide is one."""
        return sum(frame.height for frame in self.frames.values()) + len(self.guides)


def whole(seed: int, *, scale: float = 1.0) -> Estate:
    """The estate without a gap, of about 20,000 rows times `scale`; the same for the same seed."""
    draw = np.random.default_rng(seed)
    count = int(2000 * scale)
    depots = [f"Depot {number:02d}" for number in range(1, max(16, int(80 * scale)) + 1)]
    customers = _customers(draw, count)
    meters = _meters(draw, count + count // 4)
    frames = {
        "customers": customers,
        "sites": _sites(draw, customers, meters),
        "accounts": _accounts(draw, customers),
        "invoices": _invoices(draw, customers, int(4000 * scale)),
        "closed_days": pl.DataFrame({"DAY": [day.isoformat() for day in HOLIDAYS]}),
        "meters": meters,
        "visits": _visits(draw, meters, depots, scale),
        "day_counts": _day_counts(draw, depots),
        "materials": _materials(draw, max(200, int(800 * scale))),
        "ratings": _ratings(draw, 50),
    }
    guides = {f"guide-{number:03d}.txt": _guide(number) for number in range(1, max(30, int(120 * scale)) + 1)}
    return Estate(frames, guides, questions=_questions())


def _texts(prefix: str, count: int, *, first: int = 1, width: int = 5) -> list[str]:
    return [f"{prefix}{number:0{width}d}" for number in range(first, first + count)]


def _moments(draw: np.random.Generator, count: int, *, newest: datetime, days: int) -> list[datetime]:
    return [newest - timedelta(minutes=int(minutes)) for minutes in draw.integers(0, days * 24 * 60, count)]


def _customers(draw: np.random.Generator, count: int) -> pl.DataFrame:
    """Every tenth is closed. What another system need not know."""
    state = ["closed" if number % 10 == 9 else "active" for number in range(count)]
    return pl.DataFrame({
        "CUST_NO": _texts("C", count), "NAME": [f"Connection holder {number}" for number in range(1, count + 1)],
        "CITY": draw.choice(TOWNS, count), "PRICE": (draw.integers(2000, 4000, count) / 100).tolist(),
        "STATE": state, "CHANGED": _moments(draw, count, newest=NOW - LATE, days=400),
    })  # fmt: skip


def _sites(draw: np.random.Generator, customers: pl.DataFrame, meters: pl.DataFrame) -> pl.DataFrame:
    """One for each customer and some without one; the newest meters have no site yet, inside their window."""
    settled = meters.filter(pl.col("INSTALLED") < NOW - LATE)["METER"]
    people = [*customers["CUST_NO"], *[None] * (settled.len() - customers.height)]
    return pl.DataFrame({
        "SITE": _texts("S", settled.len()), "CUST_NO": people, "METER": settled,
        "STREET": [f"{number} Mill Lane" for number in draw.integers(1, 300, settled.len())],
    })  # fmt: skip


def _meters(draw: np.random.Generator, count: int) -> pl.DataFrame:
    """The last twenty were installed within the window in which their site may still be missing."""
    moments = _moments(draw, count, newest=NOW - 2 * LATE, days=900)
    moments[-20:] = [NOW - LATE + timedelta(hours=hours + 1) for hours in range(20)]
    moments[-1] = NOW
    kinds = draw.choice(("GAS", "WATER", "POWER"), count)
    return pl.DataFrame({"METER": _texts("M", count, width=6), "KIND": kinds, "INSTALLED": moments})


def _accounts(draw: np.random.Generator, customers: pl.DataFrame) -> pl.DataFrame:
    """Billing says the same in its own spelling, a cent apart, later than the address changed by up to 30 days."""
    number = pl.int_range(pl.len())
    known = customers.filter((pl.col("STATE") == "active") | (number % 20 == 19))
    behind = [timedelta(days=int(days)) for days in draw.integers(0, STALE.days + 1, known.height)]
    return known.select(
        "CUST_NO",
        pl.when(number % 7 == 0).then(pl.col("CITY").str.to_uppercase() + " ").otherwise("CITY").alias("CITY"),
        pl.when(number % 11 == 0).then(None).otherwise((pl.col("PRICE") + 0.01 * (number % 2)).round(2)).alias("PRICE"),
        (pl.col("CHANGED") - pl.Series(behind)).alias("ADDRESS_CHANGED"),
    )


def _invoices(draw: np.random.Generator, customers: pl.DataFrame, count: int) -> pl.DataFrame:
    """Three series without a hole, each from another first number."""
    each = count // len(SERIES)
    firsts = dict(zip(SERIES, (7, 107, 207), strict=True))
    numbers = [f"{one}-2024-{firsts[one] + number:05d}" for one in SERIES for number in range(each)]
    series = [one for one in SERIES for _ in range(each)]
    return pl.DataFrame({
        "INVOICE": numbers, "SERIES": series, "CUST_NO": draw.choice(customers["CUST_NO"].to_numpy(), len(numbers)),
        "AMOUNT": (draw.integers(1000, 90000, len(numbers)) / 100).tolist(),
    })  # fmt: skip


def _visits(draw: np.random.Generator, meters: pl.DataFrame, depots: list[str], scale: float) -> pl.DataFrame:
    """Most depots write notes; the last has too few visits to be judged, and none of them has a note.

    The newest visits name meters that the mainframe may still take up; some name none.
    """
    each = max(40, int(4800 * scale) // len(depots))
    of = [one for one in depots[:-1] for _ in range(each)] + [depots[-1]] * SMALL
    moments = sorted(_moments(draw, len(of) - 12, newest=NOW - 2 * LATE, days=180))
    awaited = [NOW - LATE + timedelta(hours=hours + 1) for hours in range(11)] + [NOW]
    named = [*draw.choice(meters["METER"].to_numpy(), len(of) - 12).tolist(), *_texts("M8", 12)]
    named[5:200:20] = [None] * len(named[5:200:20])
    shuffled = draw.permutation(len(of) - 12).tolist()
    moments = [moments[place] for place in shuffled] + awaited
    notes = ["done" if place % each else None for place in range(len(of) - SMALL)] + [None] * SMALL
    return pl.DataFrame({
        "visit": _texts("V", len(of)), "meter": named, "depot": of, "note": notes,
        "started": [moment.isoformat() + "Z" for moment in moments], "minutes": draw.integers(5, 240, len(of)),
    })  # fmt: skip


def _day_counts(draw: np.random.Generator, depots: list[str]) -> pl.DataFrame:
    """Every weekday of four months that is no holiday, for each depot."""
    days = [date(2024, 3, 4) + timedelta(days=number) for number in range(117)]
    open_ = [day for day in days if day.weekday() < 5 and day not in HOLIDAYS]
    pairs = list(product(depots, open_))
    return pl.DataFrame({
        "ID": _texts("R", len(pairs)), "DEPOT": [depot for depot, _ in pairs],
        "DAY": [day for _, day in pairs], "JOBS": draw.integers(0, 40, len(pairs)),
    })  # fmt: skip


def _materials(draw: np.random.Generator, count: int) -> pl.DataFrame:
    """Texts that are odd and right: 1,250 and 1.250, 3/4/2024, MAR-100, Grünes Ölfaß."""
    number = np.arange(count)
    day = [f"{1 + one % 28:02d}/{1 + one % 12:02d}/2024" for one in number]
    return pl.DataFrame({
        "Item": _texts("P", count),
        "Serial": [f"MAR-{100 + one}" if one % 9 == 0 else f"{one % 90:02d}E{one % 7}X{one:04d}" for one in number],
        "Weight": ["1,250" if one % 50 == 0 else f"{draw.integers(1, 900) / 10:.1f}" for one in number],
        "Length": [str(draw.integers(1, 900)) for _ in number],
        "Text": ["Grünes Ölfaß, 5 Straße" if one % 13 == 0 else f"Valve set {one}" for one in number],
        "Bought": day,
    })  # fmt: skip


def _ratings(draw: np.random.Generator, count: int) -> pl.DataFrame:
    """A wide table of plates: `RATING_01` and so on, whole numbers and texts in turn."""
    columns: dict[str, Sequence[str] | np.ndarray] = {"PLATE": _texts("T", count)}
    for number in range(1, RATINGS + 1):
        name = f"RATING_{number:02d}"
        columns[name] = draw.integers(0, 500, count) if number % 2 else draw.choice(("low", "high"), count)
    return pl.DataFrame(columns)


def _guide(number: int) -> bytes:
    return (
        f"Guide {number}\n\nClose valve {number % 40} before the meter is taken out. Wait {number} seconds.\n".encode()
    )


def _questions() -> list[Question]:
    """Answered ones, one that nobody asked again, and one that was answered in the end."""
    answered = [Question(f"When was meter M{number:06d} installed?", known=True) for number in range(1, 9)]
    once = Question("Who painted the pumping station?", known=False)
    late = [Question("How do I bleed the heat exchanger?", known) for known in (False, False, True)]
    return [*answered, once, *late]

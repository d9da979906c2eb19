"""Values that are in another format than the rest of their column: what a spreadsheet, a locale or a code page left.

Each kind of mixture is a finding of its own. What is damaged anywhere (mojibake, replacement characters) counts always;
of two formats that are both in use the rarer one counts, so a column that is written in one format has no gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from catalog.models import Dataset, GapRule
from expectations.across import Seen, Systems, gap, of_rows
from expectations.disclosure import row_names, told_rows
from expectations.portions import Reduce, Rows, joined
from expectations.wording import label
from expectations.wording import rows as rows_text
from ledger import Finding

EXAMPLES = 5  # rows in the evidence

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
SPREADSHEET = rf"(?i)^(?:{_MONTH}-[0-9]{{1,2}}|[0-9]{{1,2}}-{_MONTH}|[0-9](?:\.[0-9]+)?E\+[0-9]{{2,3}})$"
DATE_YEAR_LAST = r"^([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-](?:[0-9]{4}|[0-9]{2})(?:[ T].*)?$"
DATE_YEAR_FIRST = r"^[0-9]{4}[/.\-]([0-9]{1,2})[/.\-]([0-9]{1,2})(?:[ T].*)?$"
TEXT, DATES = "_text", {"_year_last": DATE_YEAR_LAST, "_year_first": DATE_YEAR_FIRST}  # columns beside the value
MONTHS, DAYS = 12, 31
THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+$|^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+$"  # 1,234 says no mark
COMMA = r"^[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+),[0-9]+$"
POINT = r"^[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)\.[0-9]+$"
BARE = r"^[+-]?[0-9]+(?:[.,][0-9]+)*$"
# a letter that follows at once is a unit only where it is m, V or W: 12A is a house number
UNIT = (
    r"^[+-]?[0-9]+(?:[.,][0-9]+)*"
    r"(\s+\p{L}[\p{L}/.²³]{0,11}|\p{L}{2}[\p{L}/.²³]{0,10}|[mVW]|\s*[%°µ€$£\"\x{2032}\x{2033}][\p{L}]{0,3})$"
)
MOST_UNITS = 12  # different spellings; more are the letters of codes
# the 64 bytes that continue a UTF-8 sequence, as Windows-1252 and Latin-1 show them; _ODD without what ends sentences
_AFTER = r"[\x{80}-\x{BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"  # noqa: RUF001 - these very characters
_ODD = r"[\x{80}-\x{9F}\x{A1}-\x{AA}\x{AC}-\x{AF}\x{B1}-\x{B6}\x{B8}-\x{BA}\x{BC}-\x{BF}€‚ƒ†‡ˆ‰ŠŒŽ™š›œžŸ]"  # noqa: RUF001
MOJIBAKE = (  # sequences of two bytes, of three and of four; what real text may hold by chance must come twice
    rf"[ÂÃ]{_AFTER}|[ÄÅ]{_ODD}|(?:[Æ-ß]{_AFTER}){{2}}|â{_AFTER}{{2}}|(?:[à-ï]{_AFTER}{{2}}){{2}}|ðŸ"
)
REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Mixture:
    """The rows of one kind that differ from the rest, and what the rest was."""

    kind: str
    rows: pl.DataFrame
    says: str  # behind `3 rows of 200 `
    sentence: str  # behind the label of the field
    facts: dict[str, Any] = field(default_factory=dict)


def mixed_format(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """One finding `<rule>/<kind>` for each kind of value that is in another format than the rest of `field`.

    The values are counted first, and only the rows of a kind that was found are brought.
    """
    column = _Column(systems.frames[dataset.name], rule.field)
    seen = Seen()
    for look in (_spreadsheet, _swapped, _decimal_marks, _units, _mojibake, _replaced):
        mixture = look(column)
        if mixture.rows.is_empty():
            continue
        name = f"{rule.name}/{mixture.kind}"
        seen.findings.append(_found(rule, dataset, mixture, column.values, name))
        sentence = pl.lit(f"{label(dataset, rule.field)} {mixture.sentence}")
        seen.known.append(of_rows(mixture.rows, dataset, name, about=rule.field, sentence=sentence))
    return seen


class _Column:
    """The values of a field: how many have which mark, and the rows that have it."""

    def __init__(self, rows: Rows, name: str) -> None:
        self._rows, self._name, self._marks = rows, name, _marks()
        self.values = rows.height - rows.nulls(name)
        counted = [mark.sum().alias(kind) for kind, mark in self._marks.items()]
        counts = rows.folded(lambda part: _read(part, name).select(counted), lambda parts: parts.sum())
        self._counts = counts.row(0, named=True)

    def count(self, *marks: str) -> int:
        """How many values have one of the marks, of which no value has two."""
        return sum(self._counts[mark] for mark in marks)

    def rows(self, *marks: str) -> pl.DataFrame:
        """The rows that have one of the marks, those of the first mark first; none are looked for where none are."""
        parts = [self._rows.kept(self._filter(mark)) for mark in marks if self._counts[mark]]
        return joined(parts) if parts else pl.DataFrame()

    def _filter(self, mark: str) -> Reduce:
        return lambda rows: _read(rows, self._name).filter(self._marks[mark]).drop(TEXT, *DATES)

    def rarer(self, one: str, other: str) -> tuple[str, bool]:
        """The rarer of two formats, and whether that is the first; of two equal ones it is the first."""
        first = self.count(one) <= self.count(other)
        return (one if first else other), first

    def mostly(self, count: int) -> bool:
        """Whether at least half of the values are so: a number among titles says nothing of the titles."""
        return count * 2 >= self.values

    def units(self) -> int:
        """How many different units there are."""
        unit = pl.col(self._name).str.strip_chars().str.extract(UNIT).str.strip_chars().drop_nulls().n_unique()
        return int(self._rows.scan.select(unit).collect(engine="streaming").item())


def _read(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows with a value, with its text and what its parts are where it is a date."""
    texts = rows.drop_nulls(name).with_columns(pl.col(name).str.strip_chars().alias(TEXT))
    return texts.with_columns(pl.col(TEXT).str.extract_groups(pattern).alias(date) for date, pattern in DATES.items())


def _marks() -> dict[str, pl.Expr]:
    """What is looked for in a value, by name."""
    text = pl.col(TEXT)
    certain = ~text.str.contains(THOUSANDS)
    marks = {
        "spreadsheet": text.str.contains(SPREADSHEET), "comma": text.str.contains(COMMA) & certain,
        "point": text.str.contains(POINT) & certain, "bare": text.str.contains(BARE),
        "suffixed": text.str.contains(UNIT), "mojibake": text.str.contains(MOJIBAKE),
        "replaced": text.str.contains(REPLACED, literal=True),
    }  # fmt: skip
    return marks | {f"{date}.{what}": mark for date in DATES for what, mark in _day_and_month(date).items()}


def _found(rule: GapRule, dataset: Dataset, mixture: Mixture, height: int, name: str) -> Finding:
    evidence = {
        "field": rule.field,
        "values": height,
        "share": mixture.rows.height / height,
        **mixture.facts,
        "rows": told_rows(mixture.rows, dataset, [rule.field, *dataset.key], limit=EXAMPLES),
    }
    message = f"{rows_text(mixture.rows.height)} of {height:,} {mixture.says} in '{rule.field}'."
    return gap(rule, dataset, name=name, count=mixture.rows.height, message=message, evidence=evidence,
               sample_keys=row_names(mixture.rows, dataset))  # fmt: skip


def _spreadsheet(column: _Column) -> Mixture:
    """`Mar-22`, `5-Jun` and `1.23E+11` among other values: identifiers that a spreadsheet took for dates or numbers."""
    rest = column.values - column.count("spreadsheet")
    rows = column.rows("spreadsheet") if column.mostly(rest) else pl.DataFrame()
    return Mixture("spreadsheet", rows, "look as if a spreadsheet had turned them into a date or a rounded number",
                   "looks as if a spreadsheet had changed it.", {"other_values": rest})  # fmt: skip


def _swapped(column: _Column) -> Mixture:
    """Dates whose day and month can only be read the other way than in most of the column's unambiguous dates."""
    rare, facts = [], {}
    for name in DATES:
        swapped, day = column.rarer(f"{name}.day_first", f"{name}.month_first")
        if column.count(swapped):
            rare.append(swapped)
            counts = {what: column.count(f"{name}.{what}") for what in ("day_first", "month_first", "ambiguous")}
            facts[name.removeprefix("_")] = {"usual": "month first" if day else "day first", **counts}
    return Mixture("day-month", column.rows(*rare), "have day and month in the other order than most dates",
                   "has day and month in another order than most.", {"order": facts})  # fmt: skip


def _day_and_month(date: str) -> dict[str, pl.Expr]:
    """Whether a date can only be read day first, only month first, or either way."""
    first, second = (pl.col(date).struct[place].cast(pl.Int64) for place in (0, 1))
    marks = {
        "day_first": first.is_between(MONTHS + 1, DAYS) & second.is_between(1, MONTHS),
        "month_first": second.is_between(MONTHS + 1, DAYS) & first.is_between(1, MONTHS),
        "ambiguous": first.is_between(1, MONTHS) & second.is_between(1, MONTHS) & (first != second),
    }
    return {what: mark.fill_null(False) for what, mark in marks.items()}


def _decimal_marks(column: _Column) -> Mixture:
    """`3,5` among `3.5`, or the other way round; `1,234` may be either and counts for neither."""
    rarer, commas = column.rarer("comma", "point")
    rows = column.rows(rarer) if column.mostly(column.count("bare")) else pl.DataFrame()
    rare, usual = ("comma", "point") if commas else ("point", "comma")
    return Mixture("decimal-mark", rows, f"are numbers with a decimal {rare}, where most have a decimal {usual},",
                   f"is written with a decimal {rare}, unlike most.",
                   {"comma": column.count("comma"), "point": column.count("point")})  # fmt: skip


def _units(column: _Column) -> Mixture:
    """`12 oz` among `12`, or the other way round."""
    rarer, units = column.rarer("suffixed", "bare")
    found = column.count(rarer) and column.mostly(column.count("bare", "suffixed"))
    rows = column.rows(rarer) if found and column.units() <= MOST_UNITS else pl.DataFrame()
    says = ("are numbers with a unit among bare ones", "is written with a unit, unlike most.") if units else (
        "are bare numbers among such with a unit", "is written without a unit, unlike most.")  # fmt: skip
    return Mixture("unit", rows, *says, {"with_unit": column.count("suffixed"), "bare": column.count("bare")})


def _mojibake(column: _Column) -> Mixture:
    """`MÃ¼ller`, `donâ€™t`: UTF-8 that was read as Windows-1252 or Latin-1."""
    return Mixture("mojibake", column.rows("mojibake"), "hold UTF-8 that was read as another code page",
                   "holds characters misread.")  # fmt: skip


def _replaced(column: _Column) -> Mixture:
    """Characters that a reader could not decode; what they were is lost here."""
    return Mixture("replacement-character", column.rows("replaced"),
                   "hold replacement characters, so something is lost", "has lost characters.")  # fmt: skip

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
from expectations.wording import label
from expectations.wording import rows as rows_text
from ledger import Finding

EXAMPLES = 5  # rows in the evidence

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
SPREADSHEET = rf"(?i)^(?:{_MONTH}-[0-9]{{1,2}}|[0-9]{{1,2}}-{_MONTH}|[0-9](?:\.[0-9]+)?E\+[0-9]{{2,3}})$"
DATE_YEAR_LAST = r"^([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-](?:[0-9]{4}|[0-9]{2})(?:[ T].*)?$"
DATE_YEAR_FIRST = r"^[0-9]{4}[/.\-]([0-9]{1,2})[/.\-]([0-9]{1,2})(?:[ T].*)?$"
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
    """One finding `<rule>/<kind>` for each kind of value that is in another format than the rest of `field`."""
    frame = systems.frames[dataset.name].drop_nulls(rule.field)
    text = frame[rule.field].str.strip_chars()
    seen = Seen()
    for look in (_spreadsheet, _swapped, _decimal_marks, _units, _mojibake, _replaced):
        mixture = look(frame, text)
        if mixture.rows.is_empty():
            continue
        name = f"{rule.name}/{mixture.kind}"
        seen.findings.append(_found(rule, dataset, mixture, frame.height, name))
        sentence = pl.lit(f"{label(dataset, rule.field)} {mixture.sentence}")
        seen.known.append(of_rows(mixture.rows, dataset, name, about=rule.field, sentence=sentence))
    return seen


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


def _rarer(frame: pl.DataFrame, one: pl.Series, other: pl.Series) -> tuple[pl.DataFrame, bool]:
    """The rows of the rarer of two formats, and whether that is the first; of two equal ones it is the first."""
    first = one.sum() <= other.sum()
    return frame.filter(one if first else other), bool(first)


def _mostly(mark: pl.Series) -> bool:
    """Whether at least half of the values are so: a number among titles says nothing of the titles."""
    return int(mark.sum()) * 2 >= mark.len()


def _spreadsheet(frame: pl.DataFrame, text: pl.Series) -> Mixture:
    """`Mar-22`, `5-Jun` and `1.23E+11` among other values: identifiers that a spreadsheet took for dates or numbers."""
    mangled = text.str.contains(SPREADSHEET)
    rest = text.len() - int(mangled.sum())
    rows = frame.filter(mangled) if _mostly(~mangled) else frame.clear()
    return Mixture("spreadsheet", rows, "look as if a spreadsheet had turned them into a date or a rounded number",
                   "looks as if a spreadsheet had changed it.", {"other_values": rest})  # fmt: skip


def _swapped(frame: pl.DataFrame, text: pl.Series) -> Mixture:
    """Dates whose day and month can only be read the other way than in most of the column's unambiguous dates."""
    parts = [_day_and_month(text, DATE_YEAR_LAST), _day_and_month(text, DATE_YEAR_FIRST)]
    rows, facts = [], {}
    for name, (day_first, month_first, either) in zip(("year_last", "year_first"), parts, strict=True):
        swapped, day = _rarer(frame, day_first, month_first)
        rows.append(swapped)
        if not swapped.is_empty():
            facts[name] = {"usual": "month first" if day else "day first", "day_first": int(day_first.sum()),
                           "month_first": int(month_first.sum()), "ambiguous": int(either.sum())}  # fmt: skip
    return Mixture("day-month", pl.concat(rows), "have day and month in the other order than most dates",
                   "has day and month in another order than most.", {"order": facts})  # fmt: skip


def _day_and_month(text: pl.Series, pattern: str) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Whether a date can only be read day first, only month first, or either way."""
    groups = text.str.extract_groups(pattern)
    names = [one.name for one in groups.dtype.fields]  # type: ignore[attr-defined] # a struct has them
    first, second = (groups.struct.field(name).cast(pl.Int64) for name in names)
    day_first = first.is_between(MONTHS + 1, DAYS) & second.is_between(1, MONTHS)
    month_first = second.is_between(MONTHS + 1, DAYS) & first.is_between(1, MONTHS)
    either = first.is_between(1, MONTHS) & second.is_between(1, MONTHS) & (first != second)
    return day_first.fill_null(False), month_first.fill_null(False), either.fill_null(False)


def _decimal_marks(frame: pl.DataFrame, text: pl.Series) -> Mixture:
    """`3,5` among `3.5`, or the other way round; `1,234` may be either and counts for neither."""
    certain = ~text.str.contains(THOUSANDS)
    comma, point = text.str.contains(COMMA) & certain, text.str.contains(POINT) & certain
    rows, commas = _rarer(frame, comma, point)
    rows = rows if _mostly(text.str.contains(BARE)) else frame.clear()
    rare, usual = ("comma", "point") if commas else ("point", "comma")
    return Mixture("decimal-mark", rows, f"are numbers with a decimal {rare}, where most have a decimal {usual},",
                   f"is written with a decimal {rare}, unlike most.",
                   {"comma": int(comma.sum()), "point": int(point.sum())})  # fmt: skip


def _units(frame: pl.DataFrame, text: pl.Series) -> Mixture:
    """`12 oz` among `12`, or the other way round."""
    bare, unit = text.str.contains(BARE), text.str.extract(UNIT).str.strip_chars()
    suffixed = unit.is_not_null()
    rows, units = _rarer(frame, suffixed, bare)
    few = unit.drop_nulls().n_unique() <= MOST_UNITS
    rows = rows if few and _mostly(bare | suffixed) else frame.clear()
    says = ("are numbers with a unit among bare ones", "is written with a unit, unlike most.") if units else (
        "are bare numbers among such with a unit", "is written without a unit, unlike most.")  # fmt: skip
    return Mixture("unit", rows, *says, {"with_unit": int(suffixed.sum()), "bare": int(bare.sum())})


def _mojibake(frame: pl.DataFrame, text: pl.Series) -> Mixture:
    """`MÃ¼ller`, `donâ€™t`: UTF-8 that was read as Windows-1252 or Latin-1."""
    return Mixture("mojibake", frame.filter(text.str.contains(MOJIBAKE)),
                   "hold UTF-8 that was read as another code page", "holds characters misread.")  # fmt: skip


def _replaced(frame: pl.DataFrame, text: pl.Series) -> Mixture:
    """Characters that a reader could not decode; what they were is lost here."""
    return Mixture("replacement-character", frame.filter(text.str.contains(REPLACED, literal=True)),
                   "hold replacement characters, so something is lost", "has lost characters.")  # fmt: skip

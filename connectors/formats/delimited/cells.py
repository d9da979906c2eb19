"""What kind of value a cell of text looks like: the evidence by which a header is told from the rows below it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

MISSING = frozenset(  # in the spellings of statistical offices, too
    (
        "",
        "-",
        "--",
        "---",
        ".",
        "..",
        "...",
        "n/a",
        "na",
        "n.a.",
        "nan",
        "null",
        "none",
        "nil",
        "*",
        "**",
        "x",
        ":",
        "?",
    )
) | frozenset(
    (
        "\N{EN DASH}",
        "—",
        "…",
        "#n/a",
        "n.d.",
        "nd",
        "(null)",
        "\\n",
        "tbd",
        "c",
        "u",
        "z",
        "s",
        "[c]",
        "[x]",
        "[z]",
        "[u]",
    )
)
NUMBER = re.compile(
    r"[(<>~≈±]?\s*[-+−]?\s*(?:[$€£¥₹]|[A-Z]{2,3}\s|US\$)?\s*[-+−]?"  # noqa: RUF001 - the minus sign of typesetters
    r"(?:\d{1,3}(?:[ ,.'’\xa0\u202f]\d{3})+|\d+)?(?:[.,]?\d+)(?:[eE][-+]?\d+)?\s*[-+]?(?:%|‰|[$€£])?\)?\s*[*a-e†‡r]?"  # noqa: RUF001
)
MONTH = r"(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zé]*\.?"
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[T ].{4,20})?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?:[ T].{4,20})?"
    rf"|\d{{1,2}}[-. ]{MONTH}[-. ,]*\d{{2,4}}(?:\s.*)?|{MONTH}\s\d{{1,2}},?\s\d{{4}}(?:\s.*)?"
    r"|\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[ap]\.?m\.?)?|\d{4}-\d{2}-\d{2}T\S+",
    re.IGNORECASE,
)
YEAR = re.compile(r"(?:1[89]|20)\d\d(?:\s?[-/]\s?\d{2,4})?(?:\s?[*a-z])?")
ORDINAL = re.compile(r"\(?(\d{1,3})\)?")
MEASURE = (
    r"(?:[kKcdmM\u00b5\u03bcnG]?(?:g|m|l|L|W|Wh|V|A|Hz|Pa|J|N|s|bar|t|B)|kt|ha|min|h|hrs?|d|days?|yrs?|years?|ppm|ppb|psi"
    r"|mph|pcs|St\.?|Stk\.?|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|[$\u20ac\u00a3\u00a5]|\u00b0\s?[CFK]?|%|\u2030)[23\u00b2\u00b3]?"
)
UNIT = re.compile(
    r"[(\[][^()\[\]]{1,20}[)\]]|per [\d,. ]+|thousands?|millions?|count|number|no\."
    rf"|{MEASURE}(?:\s?/\s?\w{{1,4}}[23\u00b2\u00b3]?)?(?:\s?(?:m|bn|mn|mio\.?|million))?"
)
WORD = r"[\w.@:#&%+\-]+"
SIMPLE = re.compile(
    rf"\w+://[^\s,;|]+|~?(?:/[\w.\-]+)+/?|{WORD}(?:(?:[ '\u2019.,/&|()\-]{{1,3}}|; ){WORD}){{0,6}}[.!?)]?"
)
LETTERS, DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
MAJORITY = 0.66  # of a column's values are of one kind, and the column is
CODE_LENGTH = 40  # characters; longer texts have no shape


@lru_cache(maxsize=50_000)
def kind_of(cell: str) -> str:
    """`missing`, `number`, `date`, the shape of a code such as `A-9`, or `text`."""
    value = cell.strip()
    if value.lower() in MISSING:
        return "missing"
    if len(value) > CODE_LENGTH:
        return "text"
    if NUMBER.fullmatch(value):
        return "number"
    if DATE.fullmatch(value):
        return "date"
    shape = DIGITS.sub("9", LETTERS.sub("A", value))
    return shape if "9" in shape and len(shape) <= 8 else "text"


def is_year(cell: str) -> bool:
    """Whether a cell is a year, or a span of years."""
    return YEAR.fullmatch(cell.strip()) is not None


def is_simple(cell: str) -> bool:
    """Whether a cell holds one plain value, as cells do where the separator is the right one."""
    value = cell.strip()
    return not value or kind_of(value) in ("number", "date", "missing") or SIMPLE.fullmatch(value[:200]) is not None


def are_units(cells: Sequence[str]) -> bool:
    """Whether the cells that hold something are units, `(kg)`, `%`, `EUR`, as they stand below names."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and all(UNIT.fullmatch(cell) for cell in filled)


def are_ordinals(cells: Sequence[str]) -> bool:
    """Whether the cells count up, `(1),(2),(3)`, as the line does that numbers the columns of official tables."""
    found = [ORDINAL.fullmatch(cell.strip()) for cell in cells if cell.strip()]
    if len(found) < 3 or None in found:
        return False
    numbers = [int(match.group(1)) for match in found if match]
    return numbers[0] in (0, 1, 2) and all(after - before == 1 for before, after in pairwise(numbers))


def column_kinds(rows: Iterable[Sequence[str]], width: int) -> list[str]:
    """The kind of most values of each column; `text` where they are of many, or there are none."""
    counts: list[Counter[str]] = [Counter() for _ in range(width)]
    for cells in rows:
        for count, cell in zip(counts, cells, strict=False):
            count[kind_of(cell)] += 1
    return [_majority(count) for count in counts]


def _majority(count: Counter[str]) -> str:
    del count["missing"]
    if not count:
        return "text"
    kind, most = count.most_common(1)[0]
    return kind if most >= MAJORITY * count.total() else "text"

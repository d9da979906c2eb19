"""How cells and records are told apart in a file: separator, quote, escape and record end, declared or detected.

Detection tries every likely pair of separator and quote on a sample and takes the one under which most records have the
same number of cells and the cells look like single values: the idea of "Wrangling Messy CSV Files by Detecting Row and
Type Patterns" (van den Burg, Nazábal, Sutton, 2019), with the share of equal widths in place of its row patterns.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from catalog.errors import FileRefused
from connectors.formats.delimited.cells import is_simple

SEPARATORS = (",", ";", "\t", "|", ", ", "; ", "::", ":", "~", "^", "\x01", "\x1f", "¦", "§", "¬", "*", "#", " ")
PREFERRED = {",": 1.0, ";": 1.0, "\t": 1.0, "|": 1.0, "\x01": 1.0, "\x1f": 1.0, " ": 0.6, ":": 0.6}
OTHERWISE = 0.8  # of a separator's score, where nobody names it in the same breath as CSV
ESCAPES = ("\\", "\0")
BETTER = 1.001  # times the score without an escape
LOOSE = (" ", ":", "-")  # stand in plain text too: only where nearly all records have as many cells
EVEN = 0.9
CLOCK = re.compile(
    r"(?<![\d:])[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?![\d:])|[+-]\d\d:\d\d(?!\d)|://"
)  # no cells between
UNUSUAL = re.compile(r"[^\w\s\"'.,;/()\[\]{}<>\\+=\-]")  # signs that nobody writes CSV with, unless every line says so
FEWEST_LINES = 2
SEVERAL = 4  # cells between colons in every line are no accident
EXTENDING = re.compile(r"[^\w\"'.,;\-()/\r\n]")  # signs that may stand beside a separator and belong to it
ENDINGS = re.compile(r"[&|#~^@$%!*+=<>\\]{2,4}$")  # what may stand before a line end and belong to the record end
SAMPLE_RECORDS = 400
MARKED = 0.6  # of lines carry an ending, and it is one: lines within cells carry none
WITHIN = 0.05  # of lines hold it before their end, and it is a separator
HINT = re.compile(r'"?sep=(.{1,3}?)"?[\r\n]*', re.IGNORECASE)  # the first line that a spreadsheet writes


@dataclass(frozen=True)
class Dialect:
    """How a file is written. `record_end` is empty where a record ends with its line; `quote`, where there is none.

    `escape` is empty where a quote within quotes is doubled. `confidence` (0..1) is 1 where all was declared.
    """

    separator: str = ","
    quote: str = '"'
    escape: str = ""
    record_end: str = ""
    confidence: float = 1.0

    def reader_options(self, separator: str) -> dict[str, object]:
        """For the csv module's reader, which takes separators of one character only."""
        if not self.quote:
            return {"delimiter": separator, "quoting": csv.QUOTE_NONE, "escapechar": self.escape or None}
        escape = self.escape if self.escape != self.quote else ""
        return {"delimiter": separator, "quotechar": self.quote, "escapechar": escape or None, "doublequote": True}


@dataclass(frozen=True)
class Declared:
    """What is declared of a dialect; None is detected."""

    separator: str | None = None
    quote: str | None = None
    escape: str | None = None
    record_end: str | None = None


def detected_dialect(lines: Sequence[str], declared: Declared) -> Dialect:
    """The dialect of a sample of lines with their endings."""
    record_end = declared.record_end if declared.record_end is not None else _record_end(lines)
    plain = [_without(line, record_end) for line in lines if line.strip()]
    hinted = HINT.fullmatch(plain[0]) if plain else None
    if hinted and declared.separator is None:
        declared = replace(declared, separator=hinted.group(1))
        plain = plain[1:]
    best = _best(plain, declared)
    if declared.separator is None:
        best = replace(best, separator=_extended(plain, best))
    if declared.escape is None:
        best = replace(best, escape=_escape(plain, best))
    if declared.quote is None and best.quote and _is_unquoted(plain, best):
        best = replace(best, quote="")
    return replace(best, record_end=record_end)


def _without(line: str, record_end: str) -> str:
    bare = line.rstrip("\r\n")
    ending = record_end.rstrip("\r\n")
    return bare[: -len(ending)] if ending and bare.endswith(ending) else bare


def _record_end(lines: Sequence[str]) -> str:
    """The ending with a sign before the line end, such as `&|` and LF, that nearly all lines have; else empty."""
    filled = [line.rstrip("\r\n") for line in lines if line.strip()]
    found = Counter(match.group() for line in filled if (match := ENDINGS.search(line)))
    if not found or len(filled) < 2:
        return ""
    longest, _ = found.most_common(1)[0]
    tried = [longest[at:] for at in range(len(longest)) if len(set(longest[at:])) > 1]  # one sign again: empty cells
    shares = {ending: sum(line.endswith(ending) for line in filled) / len(filled) for ending in tried}
    within = {ending: sum(ending in line[: -len(ending)] for line in filled) / len(filled) for ending in tried}
    likely = [ending for ending in tried if shares[ending] >= MARKED and within[ending] < WITHIN]
    if not likely:
        return ""
    ending = max(likely, key=lambda one: shares[one])  # the longest of those that as many lines have
    return ending + ("\r\n" if sum(line.endswith("\r\n") for line in lines) * 2 > len(lines) else "\n")


def _best(lines: Sequence[str], declared: Declared) -> Dialect:
    separators = SEPARATORS if declared.separator is None else (declared.separator,)
    quotes = ('"', "'") if declared.quote is None else (declared.quote,)
    text = "".join(lines)
    if declared.separator is None:
        separators = (*separators, *(sign for sign in _unusual(lines) if sign not in separators))
    tried = [
        Dialect(separator, quote, declared.escape or "")
        for separator in separators
        if declared.separator is not None or separator in text
        for quote in quotes
        if quote != "'" or declared.quote is not None or _quotes_cells(lines, separator, quote)
    ]
    scored = [(_score(lines, dialect), dialect) for dialect in tried]
    if not any(score for score, _ in scored) and declared.separator is None:
        return Dialect(quote=quotes[0], escape=declared.escape or "", confidence=0.0)  # a single column
    scored.sort(key=lambda told: -told[0])  # stable: the commoner separator first where two do as well
    rival = next((score for score, dialect in scored if dialect.separator != scored[0][1].separator), 0.0)
    sure = 1.0 if declared.separator is not None else _sure(scored[0][0], rival)
    return replace(scored[0][1], confidence=sure)


def _unusual(lines: Sequence[str]) -> list[str]:
    """Punctuation that stands in nearly every line, and equally often."""
    sample = lines[:SAMPLE_RECORDS]
    signs = Counter(sign for line in sample for sign in set(UNUSUAL.findall(line)))
    likely = [sign for sign, count in signs.items() if count >= max(FEWEST_LINES, EVEN * len(sample))]
    return sorted(sign for sign in likely if _is_even(sample, sign))


def _is_even(lines: Sequence[str], sign: str) -> bool:
    counts = Counter(line.count(sign) for line in lines)
    return counts.most_common(1)[0][1] >= EVEN * len(lines)


def _sure(score: float, rival: float) -> float:
    return round(score / (score + rival), 3) if score > 0 else 0.0


def _quotes_cells(lines: Sequence[str], separator: str, quote: str) -> bool:
    """Whether a quote stands where quotes stand, at both ends of cells, and the usual one does not."""
    mark, cut = re.escape(quote), re.escape(separator)
    whole = re.compile(rf"(?:^|{cut}){mark}[^{mark}]*{mark}(?={cut}|$)")
    usual = re.compile(rf'(?:^|{cut})"[^"]*"(?={cut}|$)')
    sample = list(islice(lines, SAMPLE_RECORDS))
    return sum(len(whole.findall(line)) for line in sample) > 2 * sum(len(usual.findall(line)) for line in sample)


def widths(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """Records of a sample, read leniently."""
    separator, text = single(dialect.separator, lines)
    reader = csv.reader((line + "\n" for line in text), **dialect.reader_options(separator))  # type: ignore[arg-type]
    records: list[list[str]] = []
    with suppress(csv.Error):  # what was read until there is judged
        records.extend(islice((record for record in reader if record), SAMPLE_RECORDS))
    return records


def single(separator: str, lines: Sequence[str]) -> tuple[str, Sequence[str]]:
    """A separator of one character that the lines do not hold, and the lines with it in place of a longer one."""
    if len(separator) == 1:
        return separator, lines
    joined = "".join(lines)
    stand_in = next((sign for sign in STAND_INS if sign not in joined), "")
    if not stand_in:
        raise FileRefused("it holds every sign that could stand for its separator", "Ask for an export as Parquet.")
    return stand_in, [line.replace(separator, stand_in) for line in lines]


STAND_INS = ("\x1f", "\x1e", "\x1d", "\x1c", *map(chr, range(0xE000, 0xE100)))


def _score(lines: Sequence[str], dialect: Dialect) -> float:
    records = widths(lines[:SAMPLE_RECORDS], dialect)
    if not records:
        return 0.0
    counts = Counter(map(len, records))
    alike = sum((count / len(records)) ** 2 * (width - 1) / width for width, count in counts.items())
    if dialect.separator in LOOSE and (len(records) < 2 or max(counts.values()) < EVEN * len(records)):
        return 0.0
    if dialect.separator == ":" and _tells_times(lines):
        return 0.0
    cells = [cell for record in records[:200] for cell in record[:100]]
    plain = sum(is_simple(cell) for cell in cells) / len(cells)
    swallowed = sum(cell.count("\n") for cell in cells) / len(records)
    preferred = PREFERRED.get(dialect.separator, OTHERWISE)
    if dialect.separator == ":" and len(counts) == 1 and min(counts) >= SEVERAL:
        preferred = 1.0
    return alike * plain * preferred / (1 + swallowed)


def _tells_times(lines: Sequence[str]) -> bool:
    """Whether most colons stand in times and addresses, or in several lines only there."""
    colons = sum(line.count(":") for line in lines)
    left = [CLOCK.sub("", line).count(":") for line in lines]
    return sum(left) * 2 < colons or Counter(left).most_common(1)[0] == (0, len(left))


def _extended(lines: Sequence[str], dialect: Dialect) -> str:
    """A separator of several characters, where the same signs stand beside every one of the single character."""
    separator = dialect.separator
    if separator == " ":
        return separator
    mark = re.escape(dialect.quote)
    quoted = re.compile(f"{mark}[^{mark}]*{mark}" if mark else "(?!)")
    text = "\n".join(quoted.sub("q", line) for line in lines[:SAMPLE_RECORDS])
    if text.count(separator) < 3:
        return separator
    separator = _around(widths(lines, dialect), separator)
    for _ in range(3):
        longer = _longer(text, separator)
        if longer == separator:
            break
        separator = longer
    return separator


def _around(records: Sequence[Sequence[str]], separator: str) -> str:
    """`|~|`, where every second cell is the same sign."""
    between = {cell for record in records for cell in record[1::2]}
    sign = next(iter(between)) if len(between) == 1 else ""
    odd = all(len(record) % 2 for record in records)
    return separator + sign + separator if odd and EXTENDING.fullmatch(sign) else separator


def _longer(text: str, separator: str) -> str:
    found = [match.start() for match in re.finditer(re.escape(separator), text)]
    before = {text[at - 1 : at] if at else "\n" for at in found}
    after = {text[at + len(separator) : at + len(separator) + 1] or "\n" for at in found}
    if len(after) == 1 and EXTENDING.fullmatch(sign := next(iter(after))):
        return separator + sign
    if len(before) == 1 and EXTENDING.fullmatch(sign := next(iter(before))):
        return sign + separator
    return separator * 2 if _is_doubled(text, separator) else separator


def _is_doubled(text: str, separator: str) -> bool:
    runs = re.findall(rf"(?:{re.escape(separator)})+", text)
    return len(separator) == 1 and separator != " " and all(len(run) % 2 == 0 for run in runs) and _filled(runs)


def _filled(runs: Sequence[str]) -> bool:
    return sum(len(run) == 2 for run in runs) * 2 > len(runs)


def _escape(lines: Sequence[str], dialect: Dialect) -> str:
    """The sign that stands before quotes, where the records come out more alike when it escapes them; else empty."""
    for escape in ESCAPES:
        if dialect.quote and any(escape + dialect.quote in line for line in lines):
            escaped = replace(dialect, escape=escape)
            if _score(lines, escaped) > _score(lines, dialect) * BETTER:
                return escape
    return ""


def _is_unquoted(lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether quotes are mere text: read as such, all records are alike; read as quotes, several are broken."""
    sample = [line for line in lines[:SAMPLE_RECORDS] if dialect.quote in line]
    if not sample or len(set(map(len, widths(lines, replace(dialect, quote=""))))) != 1:
        return False
    separator, text = single(dialect.separator, sample)
    broken = sum(not _is_sound(line, dialect, separator) for line in text)
    mark, cut = re.escape(dialect.quote), re.escape(separator)
    whole = re.compile(rf"(?:^|{cut}){mark}[^{mark}]*{mark}(?={cut}|$)")
    return broken > 1 and sum(len(whole.findall(line)) for line in text) < broken


def _is_sound(line: str, dialect: Dialect, separator: str) -> bool:
    try:
        next(csv.reader([line], strict=True, **dialect.reader_options(separator)))  # type: ignore[arg-type]
    except (csv.Error, StopIteration):
        return False
    return True

"""Show what a location holds: a view for people, JSON lines and text rows for programs.

Rows go to stdout; what was noticed and the records that no row could be made of go to stderr, or stand below the view.
A fault is one line on stderr, whatever went wrong: the bytes of a file come from anywhere.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import connectors
from catalog.errors import LandbridgeError, SourceError
from connectors.faults import is_fault, place_of
from landbridge import show

if TYPE_CHECKING:
    from connectors.formats.tables import Noticed, Piece, Reject
    from connectors.peeking import Peek

FINE, BAD_INPUT, BROKEN_PIPE = 0, 2, 141
ROWS = 10  # of the view
REJECTS = 20  # told one by one
NARROW, WIDE = 40, 72  # characters of a cell, and of the columns' types
LEAST_WIDTH = 60
_HIDDEN = ("columns", "tables", "table", "location")  # of the detection; they have places of their own in the view


@dataclass(frozen=True)
class Wanted:
    """What the caller asks for. `rows` None: as many as the way of telling shows by itself; 0: all."""

    location: str
    format: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    table: str = ""
    rows: int | None = None


def parsed_options(given: list[str], **flags: str) -> dict[str, Any]:
    """`NAME=VALUE` as a mapping; a value is JSON where it is that, else text. ValueError for what has no `=`.

    `flags` are options with a flag of their own; an empty one was not given.
    """
    told: dict[str, Any] = {name: value for name, value in flags.items() if value}
    for one in given:
        name, mark, text = one.partition("=")
        if not mark or not name.strip():
            raise ValueError(f"--option {one}: write it as NAME=VALUE")
        told[name.strip()] = _value(text)
    return told


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def tell(wanted: Wanted, *, how: str = "") -> int:
    """Print what is wanted; `how` is `json`, `texts`, `meta` or empty for the view. The exit code."""
    ways = {"json": _tell_json, "texts": _tell_texts, "meta": _tell_meta, "": _tell_view}
    limit = wanted.rows if wanted.rows is not None else ROWS if not how else 0
    _spell_out(machine=bool(how))
    with _quiet(), _one_line(wanted.location) as ended:
        with connectors.peek(
            wanted.location, format=wanted.format, options=wanted.options, table=wanted.table, rows=limit or None
        ) as peek:
            ways[how](peek)
        sys.stdout.flush()
    return ended.code


def _spell_out(*, machine: bool) -> None:
    """Let stdout take any character: what programs read is UTF-8, and a terminal that lacks one shows a `?`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding = "utf-8" if machine else sys.stdout.encoding
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace" if machine else "replace")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries write to stderr (a warning, the page of a panic) from standing beside our one line."""
    ours, former = os.dup(2), sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    real = former is sys.__stderr__
    try:
        os.dup2(nowhere, 2)
        if real:
            sys.stderr = os.fdopen(os.dup(ours), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
        logging.disable(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        if real:
            sys.stderr.close()
        sys.stderr = former
        os.dup2(ours, 2)
        os.close(ours)
        os.close(nowhere)


@dataclass
class _Ended:
    code: int = FINE


@contextmanager
def _one_line(location: str) -> Iterator[_Ended]:
    """Turn every fault into one line and a code; a reader that stopped listening is none."""
    ended = _Ended()
    try:
        yield ended
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        ended.code = BROKEN_PIPE
    except SourceError as error:
        ended.code = _refuse(location, f"{error.detail.rstrip('.')}. {error.remedy}")
    except LandbridgeError as error:
        ended.code = _refuse(location, str(error))
    except MemoryError:
        ended.code = _refuse(location, "it needs more memory than there is here.")
    except BaseException as error:
        if not is_fault(error):
            raise
        told = f"its reader failed with {type(error).__name__}{place_of(error)}. Report it."
        ended.code = _refuse(location, told)


def _refuse(location: str, told: str) -> int:
    sys.stdout.flush()
    show.problem(" ".join(f"{_without_password(location)}: {told}".split()))
    return BAD_INPUT


def _without_password(location: str) -> str:
    scheme, mark, rest = location.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if mark else location


def _tell_json(peek: Peek) -> None:
    """One JSON object per row."""
    told = _Beside(peek)
    from connectors.peeking.spelling import json_lines

    names = [column.name for column in peek.columns]
    for piece in peek.pieces():
        for block in json_lines(piece.frame.select(names)):
            sys.stdout.buffer.write(block)
        told.take(piece)
    told.end()


def _tell_texts(peek: Peek) -> None:
    """One JSON array of texts per row, the header first."""
    for row in peek.texts():
        sys.stdout.write(json.dumps(list(row), ensure_ascii=False) + "\n")
    _Beside(peek).end()


def _tell_meta(peek: Peek) -> None:
    """The detection alone."""
    show.as_json(described(peek))


def described(peek: Peek) -> dict[str, Any]:
    """The documented shape of `peek --meta`."""
    columns = [{"name": one.name, "type": one.declared, "read_as": str(one.type)} for one in peek.columns]
    noticed = [
        {"rule": one.rule, "severity": one.severity, "count": one.count, "unit": one.unit, "message": one.message,
         "remedy": one.remedy, "evidence": dict(one.evidence)}
        for one in peek.noticed
    ]  # fmt: skip
    return {**peek.meta, "columns": columns, "noticed": noticed}


class _Beside:
    """What is told beside the rows, on stderr, while they are written."""

    def __init__(self, peek: Peek) -> None:
        self.noticed: list[Noticed] = list(peek.noticed)
        self.rejects = 0

    def take(self, piece: Piece) -> None:
        """Tell the rejects of a piece, as long as they are few."""
        self.noticed += piece.noticed
        for reject in piece.rejects:
            self.rejects += 1
            if self.rejects <= REJECTS:
                show.problem(_rejected(reject))

    def end(self) -> None:
        """Tell how many there were, and what was noticed."""
        if self.rejects > REJECTS:
            show.problem(f"{self.rejects:,} records are no rows; the first {REJECTS} are told")
        for one in self.noticed:
            show.problem(_noticed(one))


def _rejected(reject: Reject) -> str:
    position, reason, text = reject
    shown = " ".join(text.split())
    return f"record {position} is no row: {reason}" + (f": {shown[:NARROW]}" if shown else "")


def _noticed(one: Noticed) -> str:
    remedy = f" {one.remedy}" if one.remedy else ""
    return " ".join(
        f"{one.severity}: {one.rule}: {one.message.rstrip('.')} ({one.count:,} {one.unit}).{remedy}".split()
    )


def _tell_view(peek: Peek) -> None:
    """A header, the columns with their types, the first rows, and what was noticed."""
    width = max(shutil.get_terminal_size().columns, LEAST_WIDTH)
    _header(peek, width)
    pieces = list(peek.pieces())
    show.line()
    columns = [{"column": one.name, "type": one.declared, "read as": str(one.type)} for one in peek.columns]
    show.table(
        [{name: _cut(text, WIDE) for name, text in one.items()} for one in columns], ("column", "type", "read as")
    )
    show.line()
    _rows(pieces, peek, width)
    rejects = [reject for piece in pieces for reject in piece.rejects]
    noticed = [*peek.noticed, *(one for piece in pieces for one in piece.noticed)]
    if rejects or noticed:
        show.line()
    for reject in rejects[:REJECTS]:
        show.line(_rejected(reject))
    if len(rejects) > REJECTS:
        show.line(f"{len(rejects):,} records are no rows; the first {REJECTS} are told")
    for one in noticed:
        show.line(_noticed(one))


def _header(peek: Peek, width: int) -> None:
    meta = peek.meta
    show.line(_cut(str(meta.get("location", "")) or str(meta.get("table", "")), width))
    facts = [(name, value) for name, value in meta.items() if name not in _HIDDEN and _is_plain(value)]
    for name, value in facts:
        shown = f"{value:,}" if name == "size" else json.dumps(value, ensure_ascii=False) if _odd(value) else str(value)
        show.line(_cut(f"  {name.replace('_', ' ')}: {shown}", width))
    names = [str(one) for one in meta.get("tables", ())]
    if len(names) > 1:
        show.line(_cut(f"  tables: {', '.join(names)} (shown: {meta.get('table')})", width))
    if meta.get("files"):
        show.line(_cut(f"  files: {len(meta['files']):,}, of which this is one (--table NAME shows another)", width))


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _odd(value: object) -> bool:
    """Whether a text can only be seen when it is quoted: a tab, a blank, a line end."""
    return isinstance(value, str) and (not value.isprintable() or not value.strip())


def _rows(pieces: list[Piece], peek: Peek, width: int) -> None:
    """The rows as a table that fits the width; columns that do not fit are counted."""
    from connectors.peeking.spelling import as_texts

    names = [column.name for column in peek.columns]
    rows = [row for piece in pieces for row in as_texts(piece.frame.select(names))]
    cells = [[_cut(cell, NARROW) if cell is not None else "" for cell in row] for row in rows]
    heads = [_cut(name, NARROW) for name in names]
    widths = [max([len(head), *(len(row[at]) for row in cells)]) for at, head in enumerate(heads)]
    shown = _fitting(widths, width)
    show.line("  ".join(heads[at].ljust(widths[at]) for at in range(shown)).rstrip())
    show.line("  ".join("-" * widths[at] for at in range(shown)))
    for row in cells:
        show.line("  ".join(row[at].ljust(widths[at]) for at in range(shown)).rstrip())
    if not rows:
        show.line("(no rows)")
    if shown < len(names):
        show.line(f"... and {len(names) - shown} more columns")


def _fitting(widths: list[int], width: int) -> int:
    """How many columns fit, at least one."""
    used = -2
    for at, one in enumerate(widths):
        used += one + 2
        if used > width:
            return max(at, 1)
    return len(widths)


def _cut(text: str, width: int) -> str:
    """A text on one line, with an ellipsis where it is longer."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= width else line[: width - 1] + "…"

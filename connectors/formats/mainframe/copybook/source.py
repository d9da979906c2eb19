"""The text of a copybook without what is not text of it: sequence numbers, comments, continuations, page directives.

Reference format (columns 1-6 sequence, 7 indicator, 73-80 identification) and free format are those of IBM Enterprise
COBOL for z/OS, Language Reference; which of the two a copybook is in is seen from where its level numbers stand.
"""

from __future__ import annotations

import re

LEFT, RIGHT = 6, 72  # columns before the first and after the last that belong to the text
TAB = 8
LINE_END = re.compile(r"\r\n|\n|\r")
BLANKS = str.maketrans("\u00a0\f\v\x1a\ufeff", "     ")  # a page's end and a file's end say nothing either
EARLY_LEVEL = re.compile(r"\s{0,5}(0?[1-9]|[1-4]\d|66|77|88)\s+[A-Za-z:'\"]")  # a level number inside the sequence area
DIRECTIVE = re.compile(r"\s*(EJECT|SKIP[123]|TITLE\s.*)\s*\.?\s*$", re.IGNORECASE)
COMPILER = ("*", "/", "$")  # what marks a line as a comment, in the indicator column or as the first character

Line = tuple[int, str]  # number in the file, text


def lines_of(text: str, left: int | None = None, right: int | None = None) -> list[Line]:
    """The lines that say something, comments and margins taken off, continued lines joined to the first of them."""
    written = [_untabbed(line) for line in LINE_END.split(text.translate(BLANKS))]
    free = left is None and any(EARLY_LEVEL.match(line) for line in written)
    first, last = (0, None) if free else (LEFT if left is None else left, RIGHT if right is None else right)
    told: list[Line] = []
    for number, line in enumerate(written, 1):
        body = line[first:last]
        if _says_nothing(body, free):
            continue
        if not free and body.startswith("-") and told:
            told[-1] = (told[-1][0], _continued(told[-1][1], body[1:]))
        else:
            told.append((number, body))
    return told


def _untabbed(line: str) -> str:
    """A line with blanks for tabs: to the next stop of eight, or one each where stops would push text off the line."""
    stopped = line.expandtabs(TAB)
    return stopped if len(stopped.rstrip()) <= RIGHT else line.replace("\t", " ")


def _says_nothing(body: str, free: bool) -> bool:
    """Whether a line is blank, a comment, a debugging line or a directive for listings and compilers."""
    start = body.lstrip() if free else body
    debugging = not free and body[:2].upper() == "D "
    return not body.strip() or body.lstrip().startswith(COMPILER) or start.startswith("*") or debugging or bool(
        DIRECTIVE.fullmatch(body)
    )  # fmt: skip


def _continued(before: str, after: str) -> str:
    """Two lines of which the second continues the first: inside a literal it takes up after its opening quote."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", before)
    opened = next((mark for mark in "'\"" if mark in bare), "")
    rest = after.lstrip()
    if opened and rest.startswith(opened):
        return before.ljust(RIGHT - LEFT) + rest[1:]
    return before.rstrip() + rest

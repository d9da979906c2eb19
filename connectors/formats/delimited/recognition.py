"""Whether a file is delimited text: it is text, and its name says so or most of its lines are rows of one table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from connectors.formats.delimited.cells import is_simple
from connectors.formats.delimited.dialects import Declared, detected_dialect, widths
from connectors.formats.encodings import encoding_of_head
from connectors.formats.tables import File

SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".dsv")
OTHERS = (  # of text whose lines may look like rows, and are something else
    *(".json", ".jsonl", ".ndjson", ".geojson", ".ipynb", ".xml", ".xsd", ".xsl", ".svg", ".html", ".htm", ".xhtml"),
    *(".md", ".rst", ".tex", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".env", ".css", ".scss"),
    *(".sql", ".ddl", ".py", ".js", ".ts", ".java", ".scala", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".go", ".rs"),
    *(".rb", ".php", ".pl", ".sh", ".bat", ".ps1", ".r", ".jl", ".kt", ".swift", ".lua", ".vb", ".bas", ".cob", ".cbl"),
    *(".cpy", ".eml", ".mbox", ".vcf", ".ics", ".srt", ".diff", ".patch", ".lock"),
)
CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 12, 13, 26, 27, 28, 29, 30, 31, 1))
MOST_CONTROLS = 0.01  # of the bytes of a text
LOOKED_AT = 200  # lines
ALIKE = 0.8  # of the records have the same number of cells
SIMPLE = 0.6  # of the cells hold one plain value: parts of sentences do not
MARKUP = re.compile(r"\s*(?:[<{]|\[\s*(?:$|[{\[\"]))")  # how XML and JSON begin
STATEMENT = re.compile(
    r"\s*(?:(?:insert\s+into|create\s+(?:or\s+|table|view|index|database)|drop\s+\w+|alter\s+\w+|delete\s+from|"
    r"select\s|update\s+\w+\s+set|set\s+\w+[\s=]|rem\s|--\s|go\s*$|commit\s*;)|"
    r"(?:import\s+\w|from\s+[\w.]+\s+import|def\s+\w+\s*\(|class\s+\w+\s*[:({]|function\s+\w+\s*\(|#include\s|"
    r"#!/|package\s+[\w.]+;|using\s+[\w.]+;|public\s+\w+\s|private\s+\w+\s|return\b.*;|}\s*(?:;|else\b.*)?$|//\s|/\*))",
    re.IGNORECASE,
)
CODE = 0.05  # of the lines are statements
CARD = re.compile(r"BEGIN:[A-Z]+\s*$")  # how a vCard or a calendar begins
BULLET = re.compile(r"\s*(?:[*\-+]\s|\d+[.)]\s|#{1,6}\s)")


def recognises(head: bytes, file: File) -> bool:
    """Text with a telling name, or text whose lines have the same number of cells, more than one."""
    if file.suffix in OTHERS:
        return False
    text = _text(head)
    if text is None:
        return False
    if file.suffix in SUFFIXES:
        return True
    lines = text.splitlines(keepends=True)
    cut = len(lines) > 2 and file.size > len(head)
    return is_tabular((lines[:-1] if cut else lines)[:LOOKED_AT])


def is_tabular(lines: Sequence[str]) -> bool:
    """Whether nearly all lines are rows of one table, and none of a program, a script, a list or sentences."""
    filled = [line for line in lines if line.strip()]
    if len(filled) < 2 or MARKUP.match(filled[0]) or CARD.match(filled[0]) or is_script(filled):
        return False
    if sum(BULLET.match(line) is not None for line in filled) * 2 > len(filled):
        return False
    dialect = detected_dialect(lines, Declared())
    records = widths([line.rstrip("\r\n") for line in filled], dialect)
    counts = Counter(map(len, records)).most_common(1)
    if not counts or counts[0][0] < 2 or counts[0][1] < ALIKE * len(records):
        return False
    cells = [cell for record in records for cell in record if cell.strip()]
    return sum(map(is_simple, cells)) >= SIMPLE * len(cells)


def is_script(lines: Sequence[str]) -> bool:
    """Whether several lines are statements of SQL or of a program."""
    found = sum(STATEMENT.match(line) is not None for line in lines)
    return found > 1 and found >= CODE * len(lines)


def _text(head: bytes) -> str | None:
    """The beginning as text, or None where it is none: control characters give other files away."""
    encoding = encoding_of_head(head)
    if encoding is not None and encoding.name != "utf-8":
        return head.decode(encoding.name, errors="ignore").lstrip("\ufeff")
    controls = len(head) - len(head.translate(None, CONTROLS))
    if controls > MOST_CONTROLS * len(head) or not head.strip():
        return None
    return head.decode(encoding.name if encoding else "latin-1", errors="ignore").lstrip("\ufeff")

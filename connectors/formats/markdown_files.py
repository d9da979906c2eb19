"""Markdown files: each is one row, with its title, its text, and what its front matter says.

Markdown is that of CommonMark (spec.commonmark.org); front matter is a YAML mapping between two lines of `---` at the
top. A file is held whole, up to the size that one value may have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import polars as pl
import yaml

from catalog.errors import FileRefused
from catalog.models import Dataset, Source
from connectors.formats.slices import refuse_reserved
from connectors.formats.tables import TEXT, File, FormatOptions, Limits, Noticed, Piece, Table
from connectors.formats.text_blocks import BOMS, SURROGATE

FENCE = "---"
OWN = ("path", "title", "text")
SUFFIXES = (".md", ".markdown")
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$")
CODE = re.compile(r"^ {0,3}(```|~~~)")


class Options(FormatOptions):
    """`encoding`: a Python codec's name; empty: the byte order mark's, or UTF-8."""

    encoding: str = ""


def options_of(source: Source, dataset: Dataset) -> Options:
    """What a source declares about its Markdown files."""
    return Options(**{"encoding": source.encoding, **source.options})


def recognises(head: bytes, file: File) -> bool:
    """Whether the file's name says Markdown: nothing in its content does."""
    return file.suffix in SUFFIXES


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """One table of one row: `path`, `title`, `text`, and every key of the front matter. A textless file is a reject.

    `title` is the front matter's, else the first heading, else the file's name. Values are text as it is spelled there.
    """
    if file.size > limits.cell_bytes:
        raise FileRefused(f"its text is larger than {limits.cell_bytes:,} bytes", "Raise `cell_bytes` of the source.")
    fault, row, hidden = "", dict.fromkeys(OWN, ""), 0
    try:
        front, text = _split(_decoded(file.path.read_bytes(), options.encoding))
        refuse_reserved(front)
        hidden = sum(name in front for name in ("path", "text"))
        row = _row(file, front, text)
    except ValueError as error:
        fault = str(error)
    schema = pl.Schema(dict.fromkeys(row, pl.String()))

    def pieces() -> Iterator[Piece]:
        rows = [] if fault else [[*row.values(), 1]]
        frame = pl.DataFrame(rows, schema={**schema, "_position": pl.Int64()}, orient="row")
        yield Piece(frame, [(1, fault, "")] if fault else [])

    return [Table("table", schema, dict.fromkeys(row, TEXT), pieces, {"format": "markdown"}, _noticed(hidden))]


def _noticed(hidden: int) -> list[Noticed]:
    message = "keys of the front matter called `path` or `text` give way to the file's own path and text"
    return [Noticed("front-matter-hidden", message, count=hidden, unit="keys")] if hidden else []


def _row(file: File, front: dict[str, str], text: str) -> dict[str, str]:
    """The cells of a file; ValueError says why it gives none."""
    if not text.strip("\0 \t\r\n\f\v\ufeff"):
        raise ValueError("the file holds no text")
    stem = PurePosixPath(file.name.rpartition("!")[2]).stem
    title = front.get("title") or first_heading(text) or stem.replace("-", " ").replace("_", " ")
    return {"path": file.name, "title": title, "text": text, **{k: v for k, v in front.items() if k not in OWN}}


def _decoded(content: bytes, declared: str) -> str:
    mark, encoding = next(((mark, name) for mark, name in BOMS if content.startswith(mark)), (b"", declared or "utf-8"))
    try:
        return content[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        raise ValueError(f"not {encoding} text") from None


def _split(text: str) -> tuple[dict[str, str], str]:
    """Front matter as text values, and what follows it."""
    lines = text.splitlines(keepends=True)
    if not lines or lines[0].strip() != FENCE:
        return {}, text
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() == FENCE:
            return _front("".join(lines[1:number])), "".join(lines[number + 1 :])
    return {}, text


def _front(text: str) -> dict[str, str]:
    """Keys and values as they are spelled: YAML would read 1.10 as 1.1, 12:30 as 750 and `no` as false."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at its line {mark.line + 1}" if mark else ""
        raise ValueError(f"the front matter is not YAML{place}") from None
    except RecursionError:
        raise ValueError("the front matter is not YAML: nested too deeply") from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ValueError("the front matter is no mapping of keys to values")
    told: dict[str, str] = {}
    for key, value in node.value:
        name = _spelled(key, text)
        if name in told:
            raise ValueError("the front matter names a key twice")
        if not name:
            raise ValueError("the front matter has a key without a name")
        told[name] = _spelled(value, text)
    return told


def _spelled(node: yaml.Node, text: str) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "" if node.tag.endswith(":null") else _whole(str(node.value))
    return text[node.start_mark.index : node.end_mark.index].strip()


def _whole(text: str) -> str:
    """Text in which both halves of a character are put together: JSON writes an emoji as two escapes."""
    if not SURROGATE.search(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("half a character: a lone surrogate") from None


def first_heading(text: str) -> str:
    """The first heading that is not in a code block; empty where there is none."""
    in_code = False
    for line in text.splitlines():
        if CODE.match(line):
            in_code = not in_code
        match = None if in_code else HEADING.match(line)
        if match and match[1]:
            return match[1]
    return ""

"""Markdown folders: one row per file, with its title, its text, and what its front matter says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import yaml

from catalog.models import Dataset, Source
from connectors.batch import Batch, rejected
from connectors.files import base_of, files_of, is_personal, location_of, opened, promised_columns, refuse_reserved
from connectors.lines import BOMS, is_broken

FENCE = "---"
OWN = ("path", "title", "text")
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$")
CODE = re.compile(r"^ {0,3}(```|~~~)")


def read(source: Source, dataset: Dataset, *, folder: Path) -> Iterator[Batch]:
    """Rows with `path`, `title`, `text` and the contract's front-matter keys. A textless file is a reject.

    `title` is the front matter's, else the first heading, else the file's name. Values are text as it is spelled there.
    """
    names = list(dict.fromkeys([*OWN, *promised_columns(dataset)]))
    refuse_reserved(names, source, dataset, "the contract")
    files = files_of(source, dataset, folder=folder)
    for portion in _portions(files, source):
        rows: list[dict[str, str]] = []
        faults = []
        for path in portion:
            place = location_of(path, folder=folder)
            try:
                rows.append({**_row(path, source, dataset, folder), "_location": place})
            except ValueError as error:
                faults.append((place, 1, str(error), ""))
        data = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in [*names, "_location"]}
        frame = pl.DataFrame(data).with_columns(pl.lit(1, pl.Int64).alias("_position"))
        yield Batch(frame, rejected(faults, personal=is_personal(dataset)))


def columns(source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
    """`path`, `title`, `text`, and every key of any front matter."""
    found = dict.fromkeys(OWN, "text")
    for path in files_of(source, dataset, folder=folder):
        try:
            found |= dict.fromkeys(_row(path, source, dataset, folder), "text")
        except ValueError:
            continue  # `read` makes a reject of it
    return found


def _portions(files: Sequence[Path], source: Source) -> Iterator[list[Path]]:
    """The files, as many at once as a batch may hold rows and bytes."""
    portion: list[Path] = []
    held = 0
    for path in files:
        try:
            size = path.stat().st_size
        except OSError:
            size = 0  # what is wrong with it, `opened` tells
        if portion and (len(portion) == source.batch_rows or held + size > source.batch_bytes):
            yield portion
            portion, held = [], 0
        portion.append(path)
        held += size
    yield portion


def _row(path: Path, source: Source, dataset: Dataset, folder: Path) -> dict[str, str]:
    """Front matter, path, title and text of a file; ValueError says why it gives none."""
    front, text = _split(_decoded(path, source, dataset))
    if not text.strip():
        raise ValueError("the file holds no text")
    base = base_of(source, folder=folder)
    name = path.relative_to(base).as_posix() if path.is_relative_to(base) and path != base else path.name
    title = front.get("title") or _heading(text) or path.stem.replace("-", " ").replace("_", " ")
    return {**front, "path": name, "title": title, "text": text}


def _decoded(path: Path, source: Source, dataset: Dataset) -> str:
    with opened(path, source, dataset) as file:
        content = file.read()
    mark, encoding = next(((mark, name) for mark, name in BOMS if content.startswith(mark)), (b"", source.encoding))
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
        raise ValueError(f"the front matter is not YAML: {getattr(error, 'problem', error)}") from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ValueError("the front matter is no mapping of keys to values")
    told: dict[str, str] = {}
    for key, value in node.value:
        name = _spelled(key, text)
        if name in told:
            raise ValueError("the front matter names a key twice")
        told[name] = _spelled(value, text)
    return told


def _spelled(node: yaml.Node, text: str) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "" if node.tag.endswith(":null") else _whole(str(node.value))
    return text[node.start_mark.index : node.end_mark.index].strip()


def _whole(text: str) -> str:
    """Text in which both halves of a character are put together: JSON writes an emoji as two escapes."""
    if not is_broken(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("half a character: a lone surrogate") from None


def _heading(text: str) -> str:
    """The first heading that is not in a code block."""
    in_code = False
    for line in text.splitlines():
        if CODE.match(line):
            in_code = not in_code
        match = None if in_code else HEADING.match(line)
        if match and match[1]:
            return match[1]
    return ""

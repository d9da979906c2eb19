"""What an Office Open XML workbook says beside its cells' values, found by patterns in one pass over each sheet's text.

ECMA-376 part 1, chapter 18. A parser would take longer than reading the cells does; the patterns need one look at
each block of whole rows, and a block holds bounded text.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from catalog.errors import FileRefused
from connectors.formats.excel.addresses import area, column_number
from connectors.formats.excel.marks import LARGEST_MARKS, Cell, Declared, Marks, refuse_area, refuse_count

BLOCK = 2**18  # read at once: with what is made of it, it stays in the processor's cache
LONG_BLOCK = 2**20  # while a row goes on for longer than a block
LONGEST_ROW = 64 * 2**20  # of a sheet's text without the end of a row
MOST_COLUMNS = 16_384
HEAD_BYTES = 64 * 1024  # of shared texts, where they are counted
SMALL_PART = 64 * 2**20  # a part that is parsed whole

TAG = rb"<(?:[\w.-]+:)?"
SPELLING = re.compile(rb"""\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")
ROW = re.compile(rb'row (?:[^>]*? )?r="(\d+)"')
HIDDEN_ROW = re.compile(TAG + rb'row (?=[^>]*hidden="(?:1|true)")[^>]*? ?r="(\d+)"')
HIDDEN_COLUMN = re.compile(TAG + rb'col (?=[^>]*hidden="(?:1|true)")[^>]*>')
EXTENT = re.compile(rb'(min|max)="(\d+)"')
LETTERS = 26
BEYOND_Z = re.compile(rb' r(?: |="[A-Z]{2})')
COLUMNS = re.compile(rb' r="([A-Z]{1,3})\d')
DEEP_ROW = re.compile(rb' r="[A-Z]{1,3}(\d{5,})')
CELL_NAME = re.compile(rb' r="([A-Z]{1,3})(\d{1,7})"')
ERROR = re.compile(TAG + rb'c( [^>]*?t="e"[^>]*)>(?:(?!</(?:[\w.-]+:)?c>).)*?<(?:[\w.-]+:)?v>([^<]*)<', re.S)
BLANK_FORMULA = re.compile(
    TAG + rb"c( [^>]*)>" + TAG + rb"f\b(?:[^>]*/>|[^>]*>[^<]*</(?:[\w.-]+:)?f>)"
    rb"(<(?:[\w.-]+:)?v ?/>|<(?:[\w.-]+:)?v></(?:[\w.-]+:)?v>)?</(?:[\w.-]+:)?c>"
)  # fmt: skip
DAY_60 = re.compile(TAG + rb"c( [^>]*)>(?:(?!</?(?:[\w.-]+:)?c[ >]).)*?<(?:[\w.-]+:)?v>60(?:\.\d+)?</", re.S)
COUNT = re.compile(rb' uniqueCount="(\d+)"')
PADDING = re.compile(r"^0{2,}$")  # a number format that shows zeros before the number


class OpenXml:
    """The parts of a workbook that `marks` reads. A context: it holds the archive open."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self._names = {name.lower().lstrip("/"): name for name in self._archive.namelist()}
        book = self._part_of_kind("", "officedocument") or "xl/workbook.xml"
        self._root = self._parsed(book)
        links = self._links(book)
        sheets = _named(self._root, "sheet")
        self._sheets = {sheet.get("name", ""): links.get(_attribute(sheet, "id"), ("", ""))[1] for sheet in sheets}
        self._refuse_counted_texts(links)
        styles = next((target for kind, target in links.values() if kind.lower().endswith("/styles")), "")
        self._padding = self._padding_styles(styles) if styles else []

    def _refuse_counted_texts(self, links: dict[str, tuple[str, str]]) -> None:
        """Look at the number of texts that every part of shared texts begins with."""
        targets = {target.lower() for kind, target in links.values() if kind.lower().endswith("/sharedstrings")}
        for part in {*targets, "xl/sharedstrings.xml"} & set(self._names):
            with self._archive.open(self._names[part]) as texts:
                head = _respelled(texts.read(HEAD_BYTES))
            for count in COUNT.findall(head):
                refuse_count(int(count), self._archive.getinfo(self._names[part]).file_size)

    def __enter__(self) -> OpenXml:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    @property
    def names(self) -> list[str]:
        """The sheets in order, those without cells, too."""
        return list(self._sheets)

    @property
    def epoch_1904(self) -> bool:
        """Whether its days count from 1904."""
        return any(part.get("date1904") in ("1", "true") for part in _named(self._root, "workbookPr"))

    def marks(self, sheet: str) -> Marks:
        """Of the sheet of that name. Raises FileRefused where the sheet is larger than what is read."""
        found, is_narrow = Marks(), True  # all the rows that a sheet may have fit where it has 26 columns
        for block in self._blocks(sheet):
            if is_narrow and _may_reach_beyond_z(block):
                is_narrow = False
                self._refuse_large(sheet)
            _scan_cells(block, found)
            _scan_hidden(block, found)
            self._scan_padding(block, found)
        found.declared = self._declared(self._sheets.get(sheet, ""))
        return found

    def day_60(self, sheet: str) -> set[Cell]:
        """The cells of a sheet that hold day 60, a 29 February 1900."""
        matches = (match for block in self._blocks(sheet) for match in DAY_60.finditer(block))
        return {cell for match in matches if (cell := _cell(match[1]))}

    def _refuse_large(self, sheet: str) -> None:
        extent = _Extent()
        for block in self._blocks(sheet):
            extent.count(block)

    def _blocks(self, sheet: str) -> Iterator[bytes]:
        """A sheet's text, cut between rows and plainly spelled; nothing where the workbook lacks the sheet's part."""
        part = self._sheets.get(sheet, "")
        return map(_plainly_spelled, self._cut(part) if part.lower() in self._names else ())

    def _cut(self, part: str) -> Iterator[bytes]:
        rest = b""
        with self._archive.open(self._names[part.lower()]) as sheet:
            while content := sheet.read(BLOCK if len(rest) < BLOCK else LONG_BLOCK):
                rest += content
                if (end := rest.rfind(b"row>") + 4) > 4:
                    yield rest[:end]
                    rest = rest[end:]
                elif len(rest) > LONGEST_ROW:
                    raise FileRefused(f"a row is longer than {LONGEST_ROW:,} bytes", "Ask for the export again.")
        yield rest

    def _scan_padding(self, block: bytes, found: Marks) -> None:
        for pattern in self._padding:
            if len(found.padded) < LARGEST_MARKS:
                found.padded.extend(cell for match in pattern.finditer(block) if (cell := _cell(match[0])))

    def _declared(self, part: str) -> list[Declared]:
        """The sheet's own tables."""
        found = []
        for kind, target in self._links(part).values():
            if not kind.lower().endswith("/table") or target.lower() not in self._names:
                continue
            table = self._parsed(target)
            if where := area(table.get("ref", "")):
                header, totals = (_count(table.get(name), default) for name, default in COUNTS)
                found.append(Declared(table.get("displayName") or table.get("name") or "", where, header, totals))
        return found

    def _padding_styles(self, part: str) -> list[re.Pattern[bytes]]:
        """Patterns of numeric cells whose style shows leading zeros."""
        if part.lower() not in self._names:
            return []
        root = self._parsed(part)
        formats = {fmt.get("numFmtId") for fmt in _named(root, "numFmt") if PADDING.match(fmt.get("formatCode", ""))}
        styles = next(iter(_named(root, "cellXfs")), None)
        if styles is None or not formats:
            return []
        at = [str(index).encode() for index, style in enumerate(styles) if style.get("numFmtId") in formats]
        return [re.compile(TAG + rb'c [^>]*?s="(?:' + b"|".join(at) + rb')"[^>/]*>')] if at else []

    def _links(self, part: str) -> dict[str, tuple[str, str]]:
        """Kind and target of what a part refers to, by the reference's id."""
        folder, name = posixpath.split(part)
        links = posixpath.join(folder, "_rels", f"{name}.rels").lower()
        if links not in self._names:
            return {}
        found = {}
        for link in _named(self._parsed(links), "Relationship"):
            target = posixpath.normpath(posixpath.join("/", folder, link.get("Target", ""))).lstrip("/")
            found[link.get("Id", "")] = (link.get("Type", ""), target)
        return found

    def _part_of_kind(self, part: str, ending: str) -> str:
        links = self._links(part).values()
        return next((target for kind, target in links if kind.lower().endswith("/" + ending)), "")

    def _parsed(self, part: str) -> Any:
        from lxml import etree

        name = self._names.get(part.lower())
        if name is None:
            raise FileRefused("the workbook lacks a part that it needs", "Ask for the export again.")
        if self._archive.getinfo(name).file_size > SMALL_PART:
            raise FileRefused("a part of the workbook is larger than what is read of one", "Ask for the export as CSV.")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        return etree.fromstring(self._archive.read(name), parser)


COUNTS = (("headerRowCount", 1), ("totalsRowCount", 0))


class _Extent:
    """How far the cells of a sheet reach."""

    def __init__(self) -> None:
        self.rows = self.columns = 0

    def count(self, block: bytes) -> None:
        """Take in the rows and columns of a block. Raises FileRefused where the sheet would not fit."""
        if b" r =" in block:
            block = _respelled(block)
        self.columns = max(self.columns, *(column_number(name.decode()) + 1 for name in set(COLUMNS.findall(block))), 1)
        self.rows = max(self.rows, *map(int, ROW.findall(block)), *map(int, DEEP_ROW.findall(block)), 0)
        refuse_area(self.rows, self.columns)


def _may_reach_beyond_z(block: bytes) -> bool:
    """Whether a cell lies beyond column Z, or is spelled so that it may.

    Two capitals behind a quote, or a lone `r`, are rare; where there are none, the pattern need not look at each cell.
    """
    letters = np.frombuffer(block, np.uint8)
    capital = letters - ord("A") < LETTERS  # what comes before A wraps around
    named = letters[:-2] == ord('"')
    named &= capital[1:-1]
    named &= capital[2:]
    lone = letters[:-2] == ord(" ")
    lone &= letters[1:-1] == ord("r")
    lone &= letters[2:] == ord(" ")
    return bool(named.any() or lone.any()) and BEYOND_Z.search(block) is not None


def _plainly_spelled(block: bytes) -> bytes:
    """The text with attributes as ` name="value"`, which nearly all writers use and the patterns look for."""
    if b"'" not in block and b"\t" not in block and block.find(b"\n", 200) < 0:
        return block
    return _respelled(block)


def _respelled(block: bytes) -> bytes:
    spaced = re.sub(rb"[\t\r\n]+", b" ", block)
    spelled = SPELLING.sub(lambda found: b'="' + (found[1] if found[1] is not None else found[2]) + b'"', spaced)
    return re.sub(rb"> +<", b"><", spelled)


def _scan_cells(block: bytes, found: Marks) -> None:
    if b"#" in block and len(found.errors) < LARGEST_MARKS:
        for match in ERROR.finditer(block):
            if cell := _cell(match[1]):
                found.errors[cell] = match[2].decode("utf-8", "replace")
    if b"f" in block and (b"</f>" in block or b":f>" in block) and len(found.uncalculated) < LARGEST_MARKS:
        blank = (match for match in BLANK_FORMULA.finditer(block) if not (match[2] and b't="str"' in match[1]))
        cells = (_cell(match[1]) for match in blank)  # a text may well be empty
        found.uncalculated.extend(cell for cell in cells if cell)


def _scan_hidden(block: bytes, found: Marks) -> None:
    if b"h" not in block or b"hidden" not in block:  # a single letter is looked for many times as fast
        return
    found.hidden_rows.update(int(number) - 1 for number in HIDDEN_ROW.findall(block))
    for match in HIDDEN_COLUMN.finditer(block):
        ends = {name: int(number) for name, number in EXTENT.findall(match[0])}
        found.hidden_columns.update(range(ends.get(b"min", 1) - 1, min(ends.get(b"max", 0), MOST_COLUMNS)))


def _cell(attributes: bytes) -> Cell | None:
    found = CELL_NAME.search(attributes)
    return (int(found[2]) - 1, column_number(found[1].decode())) if found else None


def _count(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdigit() else default


def _named(root: Any, name: str) -> Iterator[Any]:
    """The elements of a local name, whatever the namespace (the transitional and the strict form have their own)."""
    return (element for element in root.iter("{*}" + name))


def _attribute(element: Any, name: str) -> str:
    """An attribute by its local name, in a namespace."""
    return next((value for key, value in element.attrib.items() if key.endswith("}" + name)), "")

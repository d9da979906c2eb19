"""A workbook's sheets with their cells' values, read by calamine, and what calamine does not tell of them.

Calamine holds a whole sheet, and so does this module: about 100 bytes a cell, one sheet at a time. Where it fails on
hostile bytes it may panic, which is no Exception; that becomes a refusal here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, overload

from catalog.errors import FileRefused
from connectors.formats.excel.addresses import Area
from connectors.formats.excel.containers import Kind, encrypted
from connectors.formats.excel.marks import Cell, Marks, refuse_area
from connectors.formats.tables import File

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

# rows and columns that a sheet of a kind may have at most
MOST: dict[Kind, tuple[int, int]] = {
    "xls": (65_536, 256), "xlsx": (2**20, 2**14), "xlsb": (2**20, 2**14), "ods": (2**20, 2**14), "xml": (2**20, 2**14),
}  # fmt: skip


class Rows(Sequence[list[Any]]):
    """A sheet's rows, their cells in one list one after the other: columns are cut from it without a loop."""

    def __init__(self, rows: Iterable[Sequence[Any]], width: int) -> None:
        self.width = width
        self._cells: list[Any] = []
        for row in rows:  # calamine hands them over one by one
            self._cells += row

    def __len__(self) -> int:
        return len(self._cells) // self.width if self.width else 0

    @overload
    def __getitem__(self, at: int) -> list[Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[list[Any]]: ...
    def __getitem__(self, at: int | slice) -> list[Any] | list[list[Any]]:
        if isinstance(at, slice):
            return [self[row] for row in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        start = (at % len(self)) * self.width
        return self._cells[start : start + self.width]

    def columns(self) -> list[list[Any]]:
        """The cells by column."""
        return [self._cells[at :: self.width] for at in range(self.width)]


@dataclass(frozen=True)
class Sheet:
    """A sheet's cells from its first filled row and column on; blank ones are empty texts."""

    name: str
    rows: Rows
    top: int
    left: int
    merged: tuple[Area, ...] = ()
    hidden: bool = False
    marks: Marks = field(default_factory=Marks)
    day_60: Callable[[], set[Cell]] = set  # the cells that hold the 29 February 1900, looked for when asked

    @property
    def width(self) -> int:
        """Columns."""
        return self.rows.width


class Beside(Protocol):
    """What a container tells beside the cells' values."""

    @property
    def epoch_1904(self) -> bool:
        """Whether its days count from 1904."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """The sheets in order, those without cells, too."""
        ...

    def marks(self, sheet: str) -> Marks:
        """Of the sheet of that name. Raises FileRefused where it is larger than what is read."""
        ...

    def day_60(self, sheet: str) -> set[Cell]:
        """The cells of a sheet that hold day 60, a 29 February 1900."""
        ...


class Ahead:
    """The marks of the sheet that is read first, looked for in a second thread while calamine opens the workbook.

    Calamine reads the shared texts then, and lets other threads run. What the look raises comes when the sheet's marks
    are asked for; a look at a sheet that nobody asks for is in vain, which costs the reader nothing but a core.
    """

    def __init__(self, beside: Beside, wanted: str, thread: Executor) -> None:
        self._beside = beside
        self._sheet = wanted if wanted in beside.names else next(iter(beside.names), "")
        self._look = thread.submit(beside.marks, self._sheet)

    def marks(self, sheet: str) -> Marks:
        """Of the sheet of that name. Raises FileRefused where it is larger than what is read."""
        if sheet == self._sheet:
            return self._look.result()
        wait([self._look])  # one thread at a time reads the archive
        return self._beside.marks(sheet)


class Sheets(Protocol):
    """A workbook of any kind, each sheet loaded when it is asked for."""

    names: list[str]
    hidden: set[str]

    @property
    def epoch_1904(self) -> bool:
        """Whether its days count from 1904, as on old Macs."""
        ...

    def sheet(self, name: str) -> Sheet:
        """A sheet. Raises FileRefused where it is damaged, or larger than what is read."""
        ...


class Workbook:
    """The sheets of a file, each loaded when it is asked for."""

    def __init__(self, book: CalamineWorkbook, kind: Kind, beside: Beside, ahead: Ahead) -> None:
        self._book = book
        self._kind = kind
        self._beside = beside
        self._ahead = ahead
        cells = [sheet for sheet in book.sheets_metadata if _name_of(sheet.typ) == "WorkSheet"]
        self.names = [sheet.name for sheet in cells]
        self.hidden = {sheet.name for sheet in cells if _name_of(sheet.visible) != "Visible"}

    @property
    def epoch_1904(self) -> bool:
        """Whether its days count from 1904, as on old Macs."""
        return self._beside.epoch_1904

    def sheet(self, name: str) -> Sheet:
        """A sheet. Raises FileRefused where it is damaged, or larger than what is read."""
        with damage_refused():
            marks = self._ahead.marks(name)
            loaded = self._book.get_sheet_by_name(name)
            self._refuse_impossible(loaded.total_height, loaded.total_width)
            refuse_area(loaded.height, loaded.width)
            top, left = loaded.start or (0, 0)
            merged = marks.merged if marks.merged is not None else _areas(loaded.merged_cell_ranges)
            rows = _rows(loaded)
        return Sheet(name, rows, top, left, tuple(merged), name in self.hidden, marks, lambda: self._day_60(name))

    def _refuse_impossible(self, rows: int, columns: int) -> None:
        if rows > MOST[self._kind][0] or columns > MOST[self._kind][1]:
            raise _damaged()

    def _day_60(self, name: str) -> set[Cell]:
        with damage_refused():
            return self._beside.day_60(name)


@contextmanager
def opened(file: File, kind: Kind, wanted: str = "") -> Iterator[Sheets]:
    """The workbook, open; `wanted` is the sheet that is read first, where one is named.

    Raises FileRefused where it is encrypted or damaged.
    """
    from python_calamine import CalamineWorkbook

    if kind == "xml":
        from connectors.formats.excel.spreadsheet_2003 import Spreadsheet2003

        yield Spreadsheet2003(file.path)
        return
    with ExitStack() as stack:
        with damage_refused():
            beside = stack.enter_context(_beside(file, kind))
            ahead = Ahead(beside, wanted, stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="marks")))
            book = Workbook(stack.enter_context(CalamineWorkbook.from_path(file.path)), kind, beside, ahead)
        yield book


@contextmanager
def damage_refused() -> Iterator[None]:
    """What the libraries below cannot read is refused. Their words are not told, because they may hold a value."""
    import zipfile
    import zlib

    from lxml import etree
    from python_calamine import CalamineError, PasswordError

    broken = (CalamineError, etree.XMLSyntaxError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError,
              KeyError, NotImplementedError, RuntimeError, OverflowError, UnicodeError)  # fmt: skip
    try:
        yield
    except PasswordError as error:
        raise encrypted() from error
    except broken as error:
        raise _damaged() from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a class that the library does not name
            raise
        raise _damaged() from error


def _damaged() -> FileRefused:
    return FileRefused("the workbook is damaged: its parts do not hold what they promise", "Ask for the export again.")


def _beside(file: File, kind: Kind) -> AbstractContextManager[Beside]:
    """The reader of what calamine does not tell of this kind of workbook."""
    if kind == "xlsx":
        from connectors.formats.excel.open_xml import OpenXml

        return OpenXml(file.path)
    if kind == "xlsb":
        from connectors.formats.excel.binary_xml import BinaryXml

        return BinaryXml(file.path)
    if kind == "ods":
        from connectors.formats.excel.open_document import OpenDocument

        return OpenDocument(file.path)
    from connectors.formats.excel.binary import OldBinary

    return nullcontext(OldBinary(file.path))


def _rows(loaded: CalamineSheet) -> Rows:
    """The filled rows; one at a time, unless there are more blank ones above them, which that way are made, too."""
    top, _ = loaded.start or (0, 0)
    rows = islice(loaded.iter_rows(), top, None) if top <= loaded.height else loaded.to_python()
    return Rows(rows, loaded.width)


def _areas(ranges: list[tuple[tuple[int, int], tuple[int, int]]] | None) -> list[Area]:
    return [Area(top, left, bottom, right) for (top, left), (bottom, right) in ranges or []]


def _name_of(member: object) -> str:
    """The name of one of calamine's enum members, which is no Python enum."""
    return str(member).rpartition(".")[2]

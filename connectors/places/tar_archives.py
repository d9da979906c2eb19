"""Tar archives (POSIX pax, ustar and GNU): their members, reached by where they begin."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from catalog.errors import FileRefused
from connectors.places.content import Content, Readable
from connectors.places.limits import PlaceLimits
from connectors.places.members import Member, ending_of, refuse_many, unsafe
from connectors.places.unpacking import AGAIN, BOMB, faults

BLOCK = 512
LONGEST_HEADER = 1024 * 1024  # bytes of one header with its extensions; more is no archive that anybody made


def tarred(archive: Content, path: Path, limits: PlaceLimits) -> list[Member]:
    """The files of the archive at `path`, in their order there. Raises FileRefused."""
    told, size = list[Member](), 0
    with path.open("rb") as file, _tar_faults():
        tar = tarfile.TarFile(fileobj=_Guarded(file), errorlevel=2)  # type: ignore[arg-type]  # what it needs of a file
        for info in tar:
            tar.members = []  # type: ignore[attr-defined]  # else it remembers all of them
            if not info.isdir():
                told.append(_tar_member(archive, info, limits))
                size += max(info.size, 0)
                refuse_many(len(told), size, limits)
        _refuse_cut(file, tar.offset)
    return told


def _tar_member(archive: Content, info: tarfile.TarInfo, limits: PlaceLimits) -> Member:
    name = info.name.removeprefix("./")
    fault, remedy = unsafe(name), AGAIN
    if info.issym() or info.islnk():
        fault, remedy = "it is a link, and no file", "Archive the file itself."
    elif not info.isreg():
        fault = "it is a device or a pipe, and no file"
    elif info.issparse():
        fault, remedy = "it is stored as a sparse file, which is not read", "Archive it without --sparse."
    elif info.size > limits.file_bytes:
        fault, remedy = f"it holds more than {limits.file_bytes} bytes (limits.file_bytes)", BOMB
    if fault:
        return Member(name, info.size, fault=fault, remedy=remedy)
    return Member(name, info.size, _TarContent(archive, info.offset_data, info.size, ending_of(name)))


def _refuse_cut(file: BinaryIO, end: int) -> None:
    """A tar archive ends with a block of zeros; where it does not, what follows is missing or was not understood."""
    file.seek(end)
    block = file.read(BLOCK)
    if len(block) < BLOCK:
        raise FileRefused("it is cut: the tar archive's end is missing", AGAIN)
    if block.strip(b"\0"):
        raise FileRefused("the tar archive is damaged", AGAIN)


@contextmanager
def _tar_faults() -> Iterator[None]:
    try:
        with faults():
            yield
    except (tarfile.TarError, OverflowError, LookupError, RecursionError):
        raise FileRefused("the tar archive is damaged", AGAIN) from None


class _Guarded:
    """A tar archive's file that gives no more at once than a header may have: its length stands in the archive."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.name = ""

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise FileRefused("the tar archive is damaged", AGAIN)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@dataclass(frozen=True)
class _TarContent(Content):
    archive: Content
    offset: int
    size: int
    ending: str

    @property
    def key(self) -> tuple[object, ...]:
        return ("tar", self.archive.key, self.offset)

    @property
    def suffix(self) -> str:
        return self.ending

    @contextmanager
    def stream(self) -> Iterator[Readable]:
        with self.archive.local() as path, path.open("rb") as file:
            file.seek(self.offset)
            yield _Window(file, self.size)


class _Window:
    """So many bytes of a file, from where it stands."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = 1024 * 1024, /) -> bytes:
        told = self._file.read(min(size, self._left))
        if self._left and not told:
            raise FileRefused("it is cut: the tar archive ends within it", AGAIN)
        self._left -= len(told)
        return told

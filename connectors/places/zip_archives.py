"""Zip archives (PKWARE APPNOTE 6.3): their members, reached by their place in the table of contents."""

from __future__ import annotations

import stat
import struct
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import FileRefused
from connectors.places.content import Content, Readable
from connectors.places.limits import PlaceLimits
from connectors.places.members import Member, ending_of, refuse_many, unsafe
from connectors.places.unpacking import AGAIN, BOMB, Bounded, faults, refuse_growth

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
LARGEST_DIRECTORY = 64 * 2**20  # bytes of a table of contents
END_OF_ZIP = struct.Struct("<4s4H2LH")  # the end of central directory record
LOCAL_HEADER = 30  # bytes, at least, before a member's content
OPEN_ARCHIVES = 2  # whose tables of contents are kept


def zipped(archive: Content, path: Path, limits: PlaceLimits) -> list[Member]:
    """The files of the archive at `path`, in their order there. Raises FileRefused."""
    _refuse_directory(path)
    numbered = [(at, info) for at, info in enumerate(_opened(archive.key, path).infolist()) if not info.is_dir()]
    refuse_many(len(numbered), sum(info.file_size for _, info in numbered), limits)
    _refuse_overlaps([info for _, info in numbered])
    return [_zip_member(archive, at, info, limits) for at, info in numbered]


def _zip_member(archive: Content, at: int, info: zipfile.ZipInfo, limits: PlaceLimits) -> Member:
    name = info.filename.replace("\\", "/").removeprefix("./")
    fault, remedy = unsafe(name), AGAIN
    if stat.S_ISLNK(info.external_attr >> 16):
        fault = "it is a link, and no file"
    elif info.flag_bits & 0x1:
        fault, remedy = "it is encrypted", "Deliver it without a password."
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        fault, remedy = f"it is packed by method {info.compress_type}, which is not read", "Pack it as Deflate."
    try:
        refuse_growth(info.file_size, info.compress_size, limits)
    except FileRefused as error:
        fault, remedy = error.what, error.remedy
    if fault:
        return Member(name, info.file_size, fault=fault, remedy=remedy)
    return Member(name, info.file_size, _ZipContent(archive, at, info.compress_size, limits, ending_of(name)))


def _refuse_overlaps(infos: Sequence[zipfile.ZipInfo]) -> None:
    """Members that share bytes are a trick that makes a small archive very large."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise FileRefused("the archive's files overlap, as in a zip bomb", AGAIN)
        end = info.header_offset + LOCAL_HEADER + info.compress_size


def _refuse_directory(path: Path) -> None:
    """Look at how large the table of contents is before it is read into memory."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - END_OF_ZIP.size - 0xFFFF))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END_OF_ZIP.size:
        raise FileRefused("it is cut: the zip archive's table of contents is missing", AGAIN)
    directory = END_OF_ZIP.unpack_from(tail, at)[5]
    if LARGEST_DIRECTORY < directory < 0xFFFFFFFF or (directory == 0xFFFFFFFF and _large_directory(tail, at)):
        raise FileRefused("the archive's table of contents is too large", BOMB)


def _large_directory(tail: bytes, end: int) -> bool:
    """Whether a zip64 archive's table of contents is too large, as far as its record can be found."""
    at = tail.rfind(b"PK\x06\x06", 0, end)
    return at < 0 or len(tail) - at < 48 or struct.unpack_from("<Q", tail, at + 40)[0] > LARGEST_DIRECTORY


_archives: OrderedDict[tuple[object, ...], zipfile.ZipFile] = OrderedDict()
_lock = threading.Lock()


def _opened(key: tuple[object, ...], path: Path) -> zipfile.ZipFile:
    """The archive, open. A few are kept open: reading the table of contents for each member would cost the square."""
    with _lock:
        known = _archives.get(key)
        if known is None:
            with _zip_faults():
                known = _archives[key] = zipfile.ZipFile(path)
            if len(_archives) > OPEN_ARCHIVES:
                _archives.popitem(last=False)[1].close()  # members that are still read keep it open
        _archives.move_to_end(key)
        return known


@contextmanager
def _zip_faults() -> Iterator[None]:
    try:
        with faults():
            yield
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error, OverflowError, LookupError):
        raise FileRefused("the zip archive is damaged", AGAIN) from None


@dataclass(frozen=True)
class _ZipContent(Content):
    archive: Content
    at: int
    packed: int
    limits: PlaceLimits
    ending: str

    @property
    def key(self) -> tuple[object, ...]:
        return ("zip", self.archive.key, self.at)

    @property
    def suffix(self) -> str:
        return self.ending

    @contextmanager
    def stream(self) -> Iterator[Readable]:
        with self.archive.local() as path:
            opened = _opened(self.archive.key, path)
            with _zip_faults():
                member = opened.open(opened.infolist()[self.at])
            with member:
                yield _ZipReading(Bounded(member, self.limits, lambda: self.packed))


class _ZipReading:
    """A member, whose wrong checksum is a refusal like any other damage."""

    def __init__(self, stream: Bounded) -> None:
        self._stream = stream

    def read(self, size: int = 1024 * 1024, /) -> bytes:
        with _zip_faults():
            return self._stream.read(size)

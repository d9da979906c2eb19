"""Find the file that a location means: a path, a member of an archive, the first of a folder or glob, a URL."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from catalog.errors import FileRefused, SourceError, SourceUnreachable
from catalog.models import Dataset, Place, Source
from catalog.names import did_you_mean
from connectors.formats import recognised
from connectors.formats.tables import File

if TYPE_CHECKING:
    from connectors.places import Delivery

URLS = ("file", "s3", "sftp", "http", "https")
_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")  # zip, gzip, bzip2, xz, zstd
_TAR = slice(257, 262)  # where "ustar" stands in a tar
_OF_A_CONTRACT = ("physicalName", "`location`")  # words of remedies that only help who has one
_HERE = Place(file="peek")


class Fetchable(Protocol):
    """A file that is here, or can be brought here."""

    def fetched(self) -> AbstractContextManager[File]:
        """The file, while the context lasts."""
        ...


@dataclass(frozen=True)
class Here:
    """A file as it lies here."""

    file: File

    def fetched(self) -> AbstractContextManager[File]:
        """It needs no fetching."""
        return nullcontext(self.file)


@dataclass(frozen=True)
class Sought:
    """What a location means: the first of `candidates` that can be read, and the table of it that is wanted."""

    candidates: Sequence[Fetchable]
    table: str
    files: tuple[str, ...] = ()  # the names of all files there


def sought(location: str, *, table: str, folder: Path, storage: Mapping[str, Any]) -> Sought:
    """The files at a location; a path is relative to `folder`. Raises FileRefused or SourceError.

    `storage` are the options of a source that are about its place.
    """
    if "://" not in location:
        if (folder / location).is_file():
            return _local(folder / location, location, table)
        bare, mark, inner = location.rpartition("#")
        if mark and bare and "!" not in inner and (folder / bare).is_file():
            return _local(folder / bare, bare, inner or table)
    return _among(_deliveries(*_split(location, folder), folder=folder, options=storage), table)


def is_packed(file: File) -> bool:
    """Whether it is compressed or an archive, and no workbook or document that is read as it is. Raises FileRefused."""
    try:
        head = file.head(512)
    except OSError as error:
        raise FileRefused(f"it cannot be opened: {error.strerror}", "Check the rights of this user.") from None
    return (head.startswith(_PACKED) or head[_TAR] == b"ustar") and not _is_known(file)


def is_archive(file: File) -> bool:
    """Whether a packed file holds files with names of their own; of a compressed tar only its name tells."""
    head, name = file.head(512), file.name.lower()
    return head.startswith(b"PK") or head[_TAR] == b"ustar" or ".tar." in name or name.endswith((".tgz", ".tbz2"))


def members(path: Path) -> list[Delivery]:
    """What an archive holds, or the one file that is compressed. Raises FileRefused or SourceError."""
    escaped = glob.escape(path.name)
    pattern = f"{escaped}!**/*" if is_archive(File(path, path.name)) else escaped
    return _deliveries(str(path.parent.absolute()), pattern, folder=path.parent)


def _local(path: Path, name: str, table: str) -> Sought:
    """A file as it lies here, or what an archive or a compressed file holds."""
    file = File(path, name)
    return _among(members(path), table) if is_packed(file) else Sought([Here(file)], table)


def _is_known(file: File) -> bool:
    """Whether a zip is a workbook or a document, which is read as it is."""
    try:
        return bool(recognised(file))
    except FileRefused:
        return False


def _split(location: str, folder: Path) -> tuple[str, str]:
    """Where it lies, and the name or glob below that."""
    if "://" in location:
        start = location.index("://") + 3
        end = location.find("!", start)
        cut = location.rfind("/", start, end if end >= 0 else None)
        return (location[:cut], location[cut + 1 :]) if cut >= 0 and location[cut + 1 :] else (location, "*")
    if (folder / location).is_dir():
        if not any(path.is_file() for path in (folder / location).iterdir()):
            raise FileRefused("the folder holds no files", "Name a file, or a folder that holds some.")
        return str((folder / location).absolute()), "*"
    base, mark, inner = location.partition("!")
    parts = PurePosixPath(base).parts
    plain = next((at for at, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    where = folder.joinpath(*parts[: max(plain, 0)])
    if not parts or not where.is_dir():
        raise FileRefused("there is no such file", "Check the path.")
    return str(where.absolute()), "/".join(parts[plain:]) + mark + inner


def _deliveries(where: str, pattern: str, *, folder: Path, options: Mapping[str, Any] | None = None) -> list[Delivery]:
    """What the place holds, as a source that nobody declared."""
    from connectors.places import deliveries

    source = Source(name="peek", kind="files", location=where, options=dict(options or {}), place=_HERE)
    dataset = Dataset(
        name="peek", version="1.0.0", title="", source="peek", physical_name=pattern, fields=(), fingerprint="",
        place=_HERE,
    )  # fmt: skip
    try:
        return list(deliveries(source, dataset, folder=folder))
    except SourceError as error:
        if not any(word in error.remedy for word in _OF_A_CONTRACT):
            raise
        missing = isinstance(error, SourceUnreachable)
        raise FileRefused("there is no such file" if missing else error.detail, "Check the path.") from None


def _among(found: Sequence[Delivery], table: str) -> Sought:
    """All deliveries, or those that `table` names."""
    names = tuple(one.name for one in found)
    if len(found) < 2:
        return Sought(found, table or (found[0].table if found else ""), names)
    wanted, _, inner = table.partition("#")
    chosen = [
        one for one in found if not wanted or one.name == wanted or one.name.endswith((f"/{wanted}", f"!{wanted}"))
    ]
    if not chosen:
        short = [PurePosixPath(name.rpartition("!")[2]).name for name in names]
        raise FileRefused(f"there is no file '{wanted}' in it", did_you_mean(wanted, short))
    return Sought(chosen, inner or chosen[0].table, names)

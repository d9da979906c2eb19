"""Single packed files: gzip (RFC 1952), bzip2, xz and Zstandard (RFC 8878), known by their first bytes.

A file that was cut or damaged is refused and never read as far as it goes; so is one that grows beyond the limits.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from catalog.errors import FileRefused
from connectors.places.content import Content, Readable
from connectors.places.limits import RATIO_FROM, PlaceLimits

Packing = Literal["gzip", "bzip2", "xz", "zstd", "compress"]

ENDINGS = {".gz": "", ".gzip": "", ".bz2": "", ".xz": "", ".zst": "", ".zstd": ""}
TARS = {".tgz": ".tar", ".tbz2": ".tar", ".tbz": ".tar", ".txz": ".tar", ".tzst": ".tar"}
HEAD = 16  # bytes that tell a packing
FIRST = 64 * 1024  # bytes that are read to see them
CUT = "it is cut: its packed content ends too early"
AGAIN = "Ask for the file again."
BOMB = "Raise `options.limits` of the source if the file is what it claims to be."


def packing_of(head: bytes) -> Packing | None:
    """How a file is packed, judged by its first bytes; None where it is not."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    return "compress" if head.startswith(b"\x1f\x9d") else None


def inner_name(name: str) -> str:
    """The name of what a packed file holds, `orders.csv` of `drop/orders.csv.gz`; empty where its ending tells none."""
    own = name.rpartition("!")[2].rpartition("/")[2]
    stem, dot, ending = own.rpartition(".")
    ending = f"{dot}{ending}".lower()
    if not stem:
        return ""
    return stem + TARS[ending] if ending in TARS else stem if ending in ENDINGS else ""


class Bounded:
    """A stream whose bytes are counted, and whose faults are refusals; `taken` tells how many packed bytes it took."""

    def __init__(self, stream: Any, limits: PlaceLimits, taken: Any) -> None:
        self._stream, self._limits, self._taken, self._given = stream, limits, taken, 0

    def read(self, size: int = 1024 * 1024, /) -> bytes:
        """The next bytes. Raises FileRefused where they are damaged or too many."""
        with faults():
            told: bytes = self._stream.read(size)
        self._given += len(told)
        refuse_growth(self._given, self._taken(), self._limits)
        return told


def refuse_growth(given: int, packed: int, limits: PlaceLimits) -> None:
    """Raise FileRefused where a file holds more than it may, or much more than it is packed into."""
    if given > limits.file_bytes:
        raise FileRefused(f"it holds more than {limits.file_bytes} bytes (limits.file_bytes)", BOMB)
    if given > RATIO_FROM and given > limits.ratio * max(packed, 1):
        raise FileRefused(f"it grows to more than {limits.ratio} times its packed size (limits.ratio)", BOMB)


@contextmanager
def faults() -> Iterator[None]:
    """Damage that a library finds, as refusals."""
    try:
        yield
    except EOFError:
        raise FileRefused(CUT, AGAIN) from None
    except (zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        cut = "truncated" in str(error).lower()
        raise FileRefused(CUT if cut else "it is damaged: its content cannot be unpacked", AGAIN) from None


@dataclass(frozen=True)
class Unpacked(Content):
    """What a file holds once it is unpacked, where it is packed; else the file as it is."""

    packed: Content
    limits: PlaceLimits
    ending: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """See `Content.key`."""
        return ("unpacked", self.packed.key)

    @property
    def suffix(self) -> str:
        """See `Content.suffix`."""
        return self.ending

    @contextmanager
    def stream(self) -> Iterator[Readable]:
        """See `Content.stream`."""
        with self.packed.stream() as stream:
            begun = _Begun(stream)
            packing = packing_of(begun.head[:HEAD])
            if packing is None:
                yield _Plain(begun, self.limits)
                return
            counted = _Counted(begun)
            with io.BufferedReader(counted, 256 * 1024) as raw:
                with faults():
                    unpacking = _unpacking(raw, packing)
                yield Bounded(unpacking, self.limits, lambda: counted.taken)

    @contextmanager
    def local(self) -> Iterator[Path]:
        """See `Content.local`; a file that is not packed is given as it lies there."""
        with self.packed.local() as path:
            with path.open("rb") as file:
                packing = packing_of(file.read(HEAD))
                size = file.seek(0, io.SEEK_END)
            if packing is None:
                refuse_growth(size, size, self.limits)
                yield path
                return
            with super().local() as unpacked:
                yield unpacked


def _unpacking(raw: io.BufferedReader[Any], packing: Packing) -> Any:
    if packing == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if packing == "bzip2":
        return bz2.BZ2File(raw)
    if packing == "xz":
        return lzma.LZMAFile(raw)
    if packing == "zstd":
        import pyarrow as pa  # its reader tells when a frame is cut; others end there as if all were well

        return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
    raise FileRefused("it is packed by `compress` (.Z), which is not read", "Pack it with gzip or zstd.")


class _Begun:
    """A stream whose `head` was looked into; it is read from its beginning all the same. Most files end in the head."""

    def __init__(self, stream: Readable) -> None:
        self._stream, self.head = stream, b""
        while more := stream.read(FIRST - len(self.head)):
            self.head += more
            if len(self.head) >= FIRST:
                break
        self._left, self._ended = self.head, len(self.head) < FIRST

    def read(self, size: int = 1024 * 1024, /) -> bytes:
        if not self._left:
            return b"" if self._ended else self._stream.read(size)
        told, self._left = self._left[:size], self._left[size:]
        return told


class _Plain:
    """Bytes as they are, no more than a file may have."""

    def __init__(self, raw: Readable, limits: PlaceLimits) -> None:
        self._raw, self._limits, self._given = raw, limits, 0

    def read(self, size: int = 1024 * 1024, /) -> bytes:
        told = self._raw.read(size)
        self._given += len(told)
        refuse_growth(self._given, self._given, self._limits)
        return told


class _Counted(io.RawIOBase):
    """A stream that can be looked into, and that tells how much of it was taken."""

    def __init__(self, stream: Readable) -> None:
        super().__init__()
        self._stream, self.taken = stream, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        told = self._stream.read(len(buffer))
        buffer[: len(told)] = told
        self.taken += len(told)
        return len(told)

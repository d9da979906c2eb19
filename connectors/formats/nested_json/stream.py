"""A JSON document piece by piece: one value of it is held at a time, however large the document is."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from catalog.errors import FileRefused
from connectors.formats.encodings import encoding_of_head
from connectors.formats.json_values import Decoder, behind_blanks
from connectors.formats.tables import HEAD_BYTES
from connectors.formats.text_blocks import BOMS

PORTION = 1024 * 1024  # bytes that are read at once
LONGEST_LITERAL = 16  # characters before the end of a buffer in which an error may come from the cut
STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|["{}\[\]]', re.DOTALL)
AGAIN = "Ask for the export again."


class Stream:
    """The text of one file as it is read. `at` is where in `text` the next value or sign stands."""

    def __init__(self, file: BinaryIO, encoding: str, longest: int) -> None:
        self.file, self.longest = file, longest
        self.decoder = Decoder()
        head = file.read(4)
        mark, self.encoding = next(((mark, name) for mark, name in BOMS if head.startswith(mark)), (b"", encoding))
        file.seek(len(mark))
        self.bytes = codecs.getincrementaldecoder(self.encoding)()
        self.text, self.at, self.before, self.ended = "", 0, 0, False

    def peek(self) -> str:
        """The next sign that is no blank; empty at the end."""
        while True:
            self.at = behind_blanks(self.text, self.at)
            if self.at < len(self.text) or self.ended:
                return self.text[self.at : self.at + 1]
            self._more()

    def take(self, sign: str) -> None:
        """Go behind a sign that must come next."""
        if self.peek() != sign:
            raise self._fault(self.at)
        self.at += 1

    def value(self) -> Any:
        """The next value. ValueError where it has no single meaning; then the stream stands behind it."""
        self.peek()
        while True:
            found = self._decoded()
            if found is not None:
                break
            self._more()
        value, begin, self.at = found[0], self.at, found[1]
        self.decoder.refuse_unclear(self.text, begin, self.at, value)
        return value

    def small(self) -> bool:
        """Whether the next value is shorter than a portion."""
        self.peek()
        if self._decoded() is not None:
            return True
        if len(self.text) - self.at < PORTION and not self.ended:
            self._more()
        return self._decoded() is not None

    def last(self) -> str:
        """The beginning of what is held, for a reject to show."""
        return self.text[self.at : self.at + 200]

    def elements(self) -> Iterator[None]:
        """Stand before each element of the array that comes next; each must be taken before the next is asked for."""
        self.take("[")
        if self.peek() != "]":
            yield
            while self.peek() == ",":
                self.at += 1
                yield
        self.take("]")

    def members(self) -> Iterator[str]:
        """The keys of the object that comes next, standing before each one's value. None may stand twice."""
        self.take("{")
        seen: set[str] = set()
        while self.peek() != "}":
            if seen:
                self.take(",")
            key = self._key()
            if key in seen:
                raise FileRefused("an object of it names a key twice", AGAIN)
            seen.add(key)
            self.take(":")
            yield key
        self.take("}")

    def skip(self) -> None:
        """Go behind the next value without holding it."""
        if self.peek() not in ("{", "[") or self.small():
            try:
                self.value()
            except ValueError:
                return  # a key stands twice in what nobody wants
            return
        depth = 0
        while True:
            found = STRUCTURE.search(self.text, self.at)
            if found is None or found[0] == '"':
                self.at = found.start() if found else len(self.text)
                self._more()
                continue
            self.at = found.end()
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
            if not depth:
                return

    def end(self) -> None:
        """Raise FileRefused where something follows."""
        if self.peek():
            raise FileRefused("more than one JSON value stands in it", "If each line is one, read it as ndjson.")

    def _key(self) -> str:
        if self.peek() != '"':
            raise self._fault(self.at)
        try:
            key = self.value()
        except ValueError:
            raise FileRefused("a key of it holds half a character", AGAIN) from None
        assert isinstance(key, str)  # noqa: S101 - what begins with a quote
        return key

    def _decoded(self) -> tuple[Any, int] | None:
        """The next value and its end; None where more must be read."""
        try:
            value, end = self.decoder.value_at(self.text, self.at)
        except json.JSONDecodeError as error:
            cut = error.msg.startswith("Unterminated") or error.pos >= len(self.text) - LONGEST_LITERAL
            if cut and not self.ended:
                return None
            raise self._fault(error.pos) from None
        return None if end == len(self.text) and not self.ended else (value, end)

    def _more(self) -> None:
        """Read on. Raises FileRefused where the file is not text, or one value is too large."""
        held = len(self.text) - self.at
        if held > self.longest:
            raise FileRefused(f"one value of it is longer than {self.longest:,} characters",
                              "Raise `cell_bytes` of the source, or declare `record`.")  # fmt: skip
        if self.ended:
            raise self._fault(len(self.text))
        content = self.file.read(max(PORTION, held))
        self.ended = not content
        self.before += self.at
        try:
            self.text = self.text[self.at :] + self.bytes.decode(content, final=self.ended)
        except UnicodeDecodeError:
            raise FileRefused(f"it is not {self.encoding} text", "Declare the file's encoding.") from None
        self.at = 0

    def _fault(self, at: int) -> FileRefused:
        if at >= len(self.text) and self.ended:
            return FileRefused("it ends in the middle of its JSON", AGAIN)
        return FileRefused(f"it is not JSON at its character {self.before + at + 1:,}", AGAIN)


@contextmanager
def streamed(path: Path, encoding: str, longest: int) -> Iterator[Stream]:
    """The document of a file. Raises FileRefused where it cannot be opened, or is nested too deeply."""
    try:
        with path.open("rb") as file:
            certain = None if encoding else encoding_of_head(file.read(HEAD_BYTES))
            file.seek(0)
            yield Stream(file, encoding or (certain.name if certain else "utf-8"), longest)
    except OSError as error:
        raise FileRefused(f"it cannot be read: {error.strerror}", "Check the file and the right to read it.") from None
    except RecursionError:
        raise FileRefused("its JSON is nested too deeply", "Ask for a flatter export.") from None

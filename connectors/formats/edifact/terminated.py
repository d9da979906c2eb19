"""The text of a file as segments that end with a terminator, decoded strictly, in bounded memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from catalog.errors import FileRefused
from connectors.formats.edifact.separators import Separators
from connectors.formats.encodings import Encoding, detected_encoding
from connectors.formats.tables import File, Noticed

PORTION = 1 << 20
LOOKALIKES = ("utf-7", "hz")  # ASCII that separators make look like these; no message is written in them
END_OF_FILE = "\x1a"  # Ctrl-Z, the last character of a DOS text file
AGAIN = "Ask for the file again."


def encoding_of(file: File, option: str, declared: str | None) -> tuple[str, list[Noticed]]:
    """The encoding to read a file with: the option's, else the declared one unless the bytes prove another.

    `declared` is a Python codec, or None where the file names none that says anything about bytes above ASCII.
    """
    if option:
        return _known(option), []
    try:
        found = detected_encoding(file.path)
        found = Encoding("utf-8") if found.name in LOOKALIKES else found
    except FileRefused:
        if declared is None:
            raise
        return declared, []
    wide = found.name.startswith(("utf-16", "utf-32"))
    proven = found.bom or wide or (found.name == "utf-8" and found.confidence == 1.0 and not found.broken)
    if declared is None:
        return ("utf-8-sig" if found.bom and found.name == "utf-8" else found.name), found.noticed()
    if not proven or declared.startswith("iso2022"):
        return declared, []
    told = [] if declared in ("utf-8", found.name) or _is_ascii(file) else [_differs(declared, found.name)]
    return ("utf-8-sig" if found.name == "utf-8" else found.name), told


def characters(file: File, encoding: str) -> Iterator[str]:
    """The file's text in portions. Raises FileRefused where a byte is no text, or a character is NUL."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with file.path.open("rb") as opened:
        first = True
        while True:
            content = opened.read(PORTION)
            try:
                text = decoder.decode(content, final=not content)
            except UnicodeError:
                remedy = "Ask for the file again, or declare its `encoding`."
                raise FileRefused(f"it is not {encoding} text", remedy) from None
            if "\0" in text:
                raise FileRefused("it holds NUL characters", AGAIN)
            yield text.removeprefix("\ufeff") if first else text
            first = first and not text
            if not content:
                return


def terminated(
    portions: Iterator[str], terminator: str, separators: Separators, *, most: int
) -> Iterator[tuple[str, bool]]:
    """Each segment's text without the line end before it, and whether a terminator closes it.

    Raises FileRefused where a segment is longer than `most` characters.
    """
    blanks = "\r\n".replace(terminator, "")
    waiting: list[str] = []
    length = 0
    for text in portions:
        waiting.append(text)
        length += len(text)
        if terminator in text:
            *whole, rest = separators.split("".join(waiting), terminator)
            yield from ((one.lstrip(blanks), True) for one in whole)
            waiting, length = [rest], len(rest)
        if length > most:
            raise FileRefused(f"a segment is longer than {most:,} characters", "Raise `cell_bytes`, or check the file.")
    rest = "".join(waiting).strip(" \t\r\n" + END_OF_FILE)
    if rest:
        yield rest, False


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise FileRefused(f"'{encoding}' is no encoding", "Name one that Python knows, such as `cp1252`.") from None


def _is_ascii(file: File) -> bool:
    with file.path.open("rb") as opened:
        return all(content.isascii() for content in iter(lambda: opened.read(PORTION), b""))


def _differs(declared: str, found: str) -> Noticed:
    return Noticed(
        "character-set-differs", f"the file declares {declared}, and its bytes are {found}; it was read as {found}",
        unit="files", remedy="Ask the sender to declare what is sent, or declare the `encoding`.",
    )  # fmt: skip

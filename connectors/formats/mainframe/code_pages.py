"""Code pages of one byte a character: what each of the 256 bytes stands for in a mainframe's text.

They are Python's codecs and those of the package `ebcdic` (tables of the Unicode consortium and IBM), with two pages
for files whose code page nobody knows: `common` holds the characters that all Western pages write alike, and
`common_extended` the control characters as well. Both are as Cobrix, the open-source reader for Spark, has them, so
that X'0D' is a line feed and X'25' a carriage return in them.

A control character means nothing in a field of a record. As in Cobrix, it becomes a blank in `common` and in the pages
of PRINTABLE_ONLY; the name with `_extended` keeps it, as the other pages do. Controls of X'80' to X'9F' in Unicode are
blanks in all of them, except the next line (NEL) of pages that keep controls.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import lru_cache

from catalog.errors import FileRefused

PRINTABLE_ONLY = frozenset({"cp037", "cp838", "cp870", "cp875", "cp1025", "cp1047", "cp1160"})
_DOUBLE_BYTE = frozenset({"cp300", "cp930", "cp933", "cp935", "cp937", "cp939", "cp1364", "cp1388", "cp1390", "cp1399"})
_EXTENDED = "_extended"
_NEXT_LINE = "\x85"
_SPELLINGS = "A code page is written `cp037`, `cp1140`, `common` or `common_extended`; `code_page_changes` alters one."


@dataclass(frozen=True)
class CodePage:
    """The character of each byte. `strange` are bytes that stand for none in text; a blank is put in their place."""

    name: str
    characters: str
    strange: bytes

    @property
    def codes(self) -> dict[str, int]:
        """The byte of each character; of two the one that the codec writes: a blank is X'40' or X'20'."""
        preferred = {character: code for code, character in reversed(list(enumerate(self.characters)))}
        blank = 0x40 if self.characters[0x40] == " " else 0x20
        return {
            **{character: code for character, code in preferred.items() if code not in self.strange},
            " ": blank,
        }


@lru_cache(maxsize=64)
def code_page(name: str, changes: tuple[tuple[int, str], ...] = ()) -> CodePage:
    """The page of that name. Raises FileRefused where there is none, or it writes two bytes a character."""
    wanted = _canonical(name)
    if wanted in _DOUBLE_BYTE:
        raise FileRefused(f"the code page '{name}' writes two bytes a character, which is not read",
                          "Convert the text on the mainframe, or read the item as bytes.")  # fmt: skip
    base = wanted.removesuffix(_EXTENDED)
    extended = wanted.endswith(_EXTENDED)
    page = _common(extended) if base == "common" else _of_codec(base, name, extended)
    return _changed(page, changes) if changes else page


def _canonical(name: str) -> str:
    """`IBM-1140`, `1140` and `CP1140` are cp1140."""
    plain = name.strip().lower().replace("-", "").removeprefix("ibm").removeprefix("cp")
    number, underscore, rest = plain.partition("_")
    if number.isdecimal():
        return f"cp{number.lstrip('0'):0>3}{underscore}{rest}"
    return plain if plain.startswith("common") else f"cp{plain}"


def charset(name: str) -> CodePage | None:
    """A page of one byte a character for ASCII files; None for other encodings.

    Raises FileRefused where the encoding is unknown, or does not write ASCII's characters as ASCII does.
    """
    characters = _characters(name)
    if (characters is None and not _writes_ascii(name)) or (characters is not None and characters[0x30] != "0"):
        raise FileRefused(f"the encoding '{name}' does not extend ASCII", "Name the encoding of the file's text.")
    if characters is None:
        return None
    strange = bytes(code for code, character in enumerate(characters) if character is None)
    return CodePage(name, "".join(character or " " for character in characters), strange)


def _of_codec(base: str, name: str, extended: bool) -> CodePage:
    _with_ebcdic()
    characters = _characters(base, name)
    if characters is None or characters[0xF0] != "0" or characters[0x40] != " ":
        raise FileRefused(f"the encoding '{name}' is no EBCDIC code page of one byte a character", _SPELLINGS)
    keeps = extended or base not in PRINTABLE_ONLY
    return _page(name, [_in_text(character, keeps) for character in characters])


def _in_text(character: str | None, keeps_controls: bool) -> str | None:
    """The character as text has it; None where it is none."""
    if character is None or ("\x80" <= character <= "\x9f" and not (keeps_controls and character == _NEXT_LINE)):
        return None
    if character < " " and not keeps_controls and character not in "\r\n":
        return None
    return None if character == "\x7f" and not keeps_controls else character


def _page(name: str, characters: list[str | None]) -> CodePage:
    """X'00' is no character of a page without controls, and yet not strange: it fills what nobody wrote."""
    strange = bytes(code for code, character in enumerate(characters) if character is None and code != 0)
    return CodePage(name, "".join(character or " " for character in characters), strange)


def _common(extended: bool) -> CodePage:
    """The characters that Western pages share, as cp037 has them."""
    plain = [character if character and " " <= character <= "~" else None for character in _characters("cp037") or []]
    plain[0x0D], plain[0x25], plain[0x41], plain[0x6A], plain[0xCA] = "\n", "\r", " ", "¦", "-"
    if extended:
        for code, control in enumerate(_characters("cp037") or []):
            if code < 0x40 and plain[code] is None and control is not None:
                plain[code] = _control(code, control)
    return _page("common_extended" if extended else "common", plain)


def _control(code: int, control: str) -> str | None:
    """A control character of cp037 as `common_extended` has it: C1 controls of the first two rows are SUB."""
    if "\x80" <= control <= "\x9f":
        return "\x1a" if code < 0x20 else None
    return control if control < " " and code != 0x3F else None


def _changed(page: CodePage, changes: tuple[tuple[int, str], ...]) -> CodePage:
    characters = list(page.characters)
    for code, character in changes:
        if not 0 <= code <= 0xFF or len(character) != 1 or 0xD800 <= ord(character) <= 0xDFFF:
            raise FileRefused(f"a change of the code page '{page.name}' is not one byte (0 to 255) and one character",
                              "Write each as `code: character`.")  # fmt: skip
        characters[code] = character
    kept = bytes(code for code in page.strange if code not in dict(changes))
    return CodePage(page.name, "".join(characters), kept)


@lru_cache(maxsize=64)
def _characters(codec: str, called: str = "") -> tuple[str | None, ...] | None:
    """What a codec makes of each byte alone; None for codecs of more bytes a character."""
    try:
        decoder = codecs.lookup(codec)
        decoded = [decoder.decode(bytes([code]), "replace")[0] for code in range(256)]
    except (LookupError, TypeError, ValueError, AssertionError):
        raise FileRefused(f"the code page '{called or codec}' is not known", _SPELLINGS) from None
    if any(not isinstance(character, str) or len(character) != 1 for character in decoded):
        return None
    unknown = [code for code, character in enumerate(decoded) if character == "\ufffd"]
    if any(_begins_a_pair(codec, code) for code in unknown):
        return None
    return tuple(None if character == "\ufffd" else character for character in decoded)


def _begins_a_pair(codec: str, code: int) -> bool:
    """Whether a byte and some other one are a character together."""
    for second in range(0x21, 0x100):
        try:
            if len(bytes([code, second]).decode(codec)) == 1:
                return True
        except ValueError:
            continue
    return False


def _writes_ascii(codec: str) -> bool:
    try:
        return b"A0 z".decode(codec) == "A0 z"
    except (LookupError, ValueError):
        return False


def _with_ebcdic() -> None:
    """Its pages join Python's codecs on import."""
    import ebcdic  # type: ignore[import-untyped]  # noqa: F401 - it has no types

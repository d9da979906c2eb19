"""XML as a stream of elements (Extensible Markup Language 1.0, Namespaces in XML 1.0), refused where it is hostile.

The parser is expat: it keeps no tree, so that a document of any size takes the memory of one record. Nothing is loaded
that a document names: no DTD, no entity, no XInclude. What it declares itself and would be put in its place is refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Protocol
from xml.parsers import expat  # entities, DTDs and depth are refused below, which is what defusedxml does

from catalog.errors import FileRefused
from connectors.formats.encodings import encoding_of_head
from connectors.formats.tables import File

PORTION = 64 * 1024  # bytes; the records of one portion are in memory together
DEEPEST = 100  # elements in elements
ATTRIBUTE = 2_000  # characters before a portion in which a start tag's attributes may begin
ENTITY_IN_ATTRIBUTE = re.compile(r"""=\s*(?:"[^"<]*|'[^'<]*)&(?!amp;|lt;|gt;|quot;|apos;)[A-Za-z_:][\w:.-]*;""")
XINCLUDE = "http://www.w3.org/2001/XInclude"
DECLARATION = re.compile(rb"""<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949"}  # what files of that name hold
NO_TEXT = {"idna", "punycode", "unicode_escape", "raw-unicode-escape", "unicode-escape", "undefined", "utf-7", "palmos"}
SHIFTED = ("iso2022", "hz")  # their bytes are ASCII, and so are valid UTF-8
AGAIN = "Ask for the file again."

Name = tuple[str, str, str]  # namespace, local name, prefix


class Handler(Protocol):
    """What is told of a document."""

    def start(self, name: Name, attributes: dict[Name, str]) -> None:
        """An element begins."""
        ...

    def end(self) -> None:
        """The innermost element ends."""
        ...

    def text(self, text: str) -> None:
        """Text of the innermost element, or a part of it."""
        ...


def parsed(file: File, encoding: str, handler: Handler, *, check: bool = False) -> Iterator[None]:
    """Tell the handler of the document, a portion with each step.

    `check` looks whether the bytes are those of another encoding. Raises FileRefused where the document is not
    well-formed, is hostile, or is not what its declaration says.
    """
    parser, unread = _parser(handler)
    decoder = codecs.getincrementaldecoder(encoding)()
    other = _Other(encoding) if check else None
    before = ""
    with file.path.open("rb") as opened:
        while True:
            content = opened.read(PORTION)
            try:
                text = decoder.decode(content, final=not content)
            except UnicodeError:
                raise FileRefused(f"its bytes are not {encoding} text", _declare("its `encoding`")) from None
            if other is not None:
                other.see(content)
            try:
                parser.Parse(text, not content)
            except expat.ExpatError as error:
                raise FileRefused(f"it is not well-formed XML: {error}", AGAIN) from None
            if unread:
                before = _entities_in_attributes(before + text)
            yield
            if not content:
                break
    if other is not None:
        other.end()


def encoding_of(file: File, option: str) -> str:
    """The codec of a document: the option's, its mark's or its declaration's; UTF-8 where it says nothing."""
    head = file.head(4096)
    certain = encoding_of_head(head)
    declared = DECLARATION.match(head.removeprefix(codecs.BOM_UTF8))
    if option:
        name = option
    elif certain is not None and (certain.bom or certain.name != "utf-8"):
        return "utf-8-sig" if certain.name == "utf-8" else certain.name
    else:
        name = declared.group(1).decode() if declared else "utf-8"
    try:
        found = codecs.lookup(name).name
        "".encode(found)  # not every codec is one of text
    except (LookupError, ValueError):
        raise FileRefused(f"its encoding '{name}' is not known", _declare("its `encoding`")) from None
    if found in NO_TEXT or (found.startswith(("utf-16", "utf-32")) and not option):
        raise FileRefused(f"it declares {found}, and its bytes are not", _declare("its `encoding`"))
    return WIDER.get(found, found)


class _Other:
    """Whether bytes said to be of some encoding are UTF-8: text of another encoding that happens to be is not met."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._looking = not encoding.startswith(("utf", "ascii", *SHIFTED))
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._ascii = True

    def see(self, content: bytes) -> None:
        """The next bytes."""
        if self._looking:
            self._ascii = self._ascii and content.isascii()
            try:
                self._decoder.decode(content, final=not content)
            except UnicodeDecodeError:
                self._looking = False

    def end(self) -> None:
        """Raise FileRefused where all bytes are UTF-8."""
        if self._looking and not self._ascii:
            what = f"it declares {self._encoding}, and its bytes are UTF-8"
            raise FileRefused(what, _declare("`encoding: utf-8`"))


def _parser(handler: Handler) -> tuple[expat.XMLParserType, list[str]]:
    """The parser, and the names of what its DTD leaves to other files."""
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.namespace_prefixes = True
    parser.buffer_text = True
    depth = 0
    unread: list[str] = []
    names: dict[str, Name] = {}

    def named(raw: str) -> Name:
        name = names.get(raw)
        if name is None:
            space, _, rest = raw.rpartition(" ") if raw.count(" ") < 2 else raw.partition(" ")
            local, _, prefix = rest.partition(" ")
            name = names[raw] = (space, local, prefix)
        return name

    def start(raw: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise FileRefused(f"it has more than {DEEPEST} elements in each other", "Check that the file is data.")
        name = named(raw)
        if name[0] == XINCLUDE:
            raise FileRefused("it includes other documents by XInclude, which are not read", "Ask for it in one piece.")
        handler.start(name, {named(key): value for key, value in attributes.items()})

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = handler.text

    def doctype(_name: str, system: str | None, public: str | None, _internal: bool) -> None:
        unread.extend(one for one in (system, public) if one)

    def entity(name: str, is_parameter: bool, *_: object) -> None:
        if is_parameter:
            unread.append(name)

    parser.StartDoctypeDeclHandler, parser.EntityDeclHandler = doctype, entity
    parser.SkippedEntityHandler = parser.ExternalEntityRefHandler = _entity_used
    parser.AttlistDeclHandler = _attributes
    parser.DefaultHandler = _ignored  # without one, entities would be put in place
    return parser, unread


def _ignored(_: str) -> None:
    """Comments, instructions and declarations are no data."""


def _entities_in_attributes(text: str) -> str:
    """The end of the text, to look at with what follows. Raises FileRefused where the parser left an entity out."""
    if ENTITY_IN_ATTRIBUTE.search(text):
        raise FileRefused("it uses an entity that it does not declare itself", "Ask for it without entities.")
    return text[-ATTRIBUTE:]


def _entity_used(*_: object) -> int:
    raise FileRefused("it uses an entity, and none is put in place", "Ask for it without entities.")


def _attributes(_element: str, _name: str, _type: str, default: str | None, _required: bool) -> None:
    if default is not None:
        raise FileRefused("its DTD gives attributes default values, which are not put in place", "Ask for it without.")


def _declare(what: str) -> str:
    return f"Ask for the file again, or declare {what}."

"""The words of mail: bytes in declared and undeclared character sets, encoded headers, and HTML as plain text."""

from __future__ import annotations

import codecs
import re
from email import policy
from email.errors import MessageError
from email.header import decode_header

from connectors.formats.mail.oddities import Oddities

LONGEST_PARSED = 16 * 1024  # characters of a header that Python's full parser is given; its time grows by the square
LONGEST_DECODED = 128 * 1024  # of one whose encoded words are looked for at all; a longer one stays as it is spelled
SURROGATE = re.compile("[\ud800-\udfff]")
ENCODED = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?[bqBQ]\?")
FOLD = re.compile(r"\r\n?|\n")
WIDER = {  # what mail programs write under these names
    "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "iso8859-1": "cp1252",
    "iso2022_jp": "iso2022_jp_ext",
}  # fmt: skip
NO_TEXT = {
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
    "unicode-escape",
    "raw-unicode-escape",
    "undefined",
}
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr",
    "ul",
))  # fmt: skip
UNSEEN = frozenset(("script", "style", "head", "title", "template", "noscript"))


def decoded(content: bytes, charset: str | None, oddities: Oddities, *, encoding: str = "") -> str:
    """Bytes as text: of the declared character set, else UTF-8, else of `encoding`, else as Western mail has them."""
    if content.isascii() and (charset is None or codec_named(charset) in ("", "ascii", "utf-8")):
        if charset and not codec_named(charset):
            oddities["charset-unknown"] += 1
        return content.decode("ascii")
    codec = codec_named(charset) if charset else ""
    if codec and codec != "ascii":
        for one in (codec, WIDER.get(codec, codec)):
            try:
                return content.decode(one)
            except UnicodeError:
                continue
        oddities["charset-differs"] += 1
    else:
        oddities["charset-unknown" if charset and not codec else "charset-missing"] += 1
    return _likest(content, codec if codec not in ("", "ascii") else encoding)


def header_text(raw: str, oddities: Oddities) -> str:
    """A header's text, unfolded, with its encoded words (RFC 2047) and raw 8-bit characters (RFC 6532) decoded."""
    text = FOLD.sub("", raw).strip()
    if SURROGATE.search(text):
        text = decoded(text.encode("utf-8", "surrogateescape"), "utf-8", oddities)
    if "=?" in text and len(text) > LONGEST_DECODED:
        oddities["structure-broken"] += 1
    elif "=?" in text:
        oddities["charset-unknown"] += sum(not codec_named(name) for name in ENCODED.findall(text))
        try:
            text = _words_decoded(text, oddities)
        except (ValueError, LookupError, AttributeError, TypeError, MessageError):  # what Python's parser falls over
            oddities["structure-broken"] += 1
    return SURROGATE.sub("\ufffd", text)


def _words_decoded(text: str, oddities: Oddities) -> str:
    """The text with its encoded words as they are meant; a long one by the parser whose time bears it."""
    if len(text) <= LONGEST_PARSED:
        return str(policy.default.header_factory("Subject", text))
    return "".join(
        part if isinstance(part, str) else decoded(part, charset, oddities) for part, charset in decode_header(text)
    )


def plain(html: str) -> str:
    """The text of an HTML document, with line ends where its blocks begin and end."""
    from lxml import etree

    # Without huge_tree it would stop 256 elements deep; HTML has no entities that grow. It still stops at 2,048.
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(html.encode(), parser)
    except (etree.LxmlError, ValueError):
        root = None
    if root is None or any("depth" in entry.message.lower() for entry in parser.error_log):
        return re.sub(r"<[^<>]*>", " ", html).strip()
    told: list[str] = []
    unseen = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            unseen += name in UNSEEN
            told += ["\n"] * (name in BLOCKS) + [_words(element.text)] * (not unseen)
        else:
            unseen -= name in UNSEEN
            told += ["\t"] * (name in ("td", "th")) + ["\n"] * (name in BLOCKS and name != "br")
            told += [_words(element.tail)] * (not unseen)
    lines = (re.sub(" ?\t ?", "\t", re.sub(" +", " ", line)).strip() for line in "".join(told).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _words(text: str | None) -> str:
    return re.sub(r"[ \t\r\n\f]+", " ", text or "")


def codec_named(charset: str | None) -> str:
    """Python's name of a character set; empty where it knows none of that name."""
    try:
        name = codecs.lookup(charset or "").name
        "".encode(name)  # not every codec is one of text
    except (LookupError, ValueError):
        return ""
    return "" if name in NO_TEXT else name


def _likest(content: bytes, codec: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode(codec or "cp1252", errors="replace")

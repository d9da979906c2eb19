"""Whether a file is XML that holds data, told by its prolog and its root element."""

from __future__ import annotations

import re

from connectors.formats.encodings import encoding_of_head
from connectors.formats.tables import HEAD_BYTES, File

PROLOG = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s[^>\[]*(?:\[.*?\]\s*)?>)*", re.DOTALL)
ROOT = re.compile(r"<(?:[\w.-]+:)?(?P<name>[^\W\d][\w.-]*)(?:[\s/][^<>]*)?(?:>|$)")
DOCTYPE_HTML = re.compile(r"<!DOCTYPE\s+html\b", re.IGNORECASE)
OF_OTHERS = re.compile(  # in the prolog or the root element, of what spreadsheet and word processors write
    r"""urn:schemas-microsoft-com:office:spreadsheet|progid=["'](?:Excel|Word)\.|schemas\.microsoft\.com/office/word"""
)
HTML = frozenset((  # elements that pieces of web pages begin with
    "a", "article", "b", "blockquote", "body", "br", "center", "details", "div", "em", "font", "form", "h1", "h2", "h3",
    "h4", "h5", "h6", "head", "hr", "i", "iframe", "img", "kbd", "link", "main", "meta", "nav", "ol", "p", "picture",
    "pre", "script", "section", "small", "span", "strong", "style", "sub", "sup", "table", "title", "ul",
))  # fmt: skip


def recognises(head: bytes, file: File) -> bool:
    """Whether it begins as XML, and is no web page or spreadsheet."""
    certain = encoding_of_head(head)
    text = head.decode(certain.name if certain else "latin-1", errors="replace").lstrip("\ufeff \t\r\n")
    prolog = PROLOG.match(text)
    rest = text[prolog.end() if prolog else 0 :]
    root = ROOT.match(rest)
    beginning = text[: len(text) - len(rest) + (root.end() if root else 0)]
    if not text.startswith("<") or DOCTYPE_HTML.search(beginning or text[:200]) or OF_OTHERS.search(beginning):
        return False
    if root is None:
        return text.startswith("<?xml") and not DOCTYPE_HTML.match(rest)
    name = root["name"].lower()
    return name != "html" and (text.startswith("<?xml") or file.suffix == ".xml" or _is_whole(name, text, file))


def _is_whole(name: str, text: str, file: File) -> bool:
    """Whether a file that does not say it is XML is no piece of a web page, and no other text that begins with `<`."""
    if name in HTML or file.suffix in (".md", ".markdown", ".htm", ".html"):
        return False
    return len(text) >= HEAD_BYTES // 4 or text.rstrip().endswith(">")  # a longer one was not seen whole

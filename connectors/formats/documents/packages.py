"""Office files are zip packages of XML parts: open them with bounds, and parse a part that reaches nothing outside.

Packages are those of ECMA-376 part 2 (Open Packaging Conventions), which forbids document type definitions.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from catalog.errors import FileRefused
from connectors.formats.documents.blocks import Document
from connectors.formats.tables import File

Element = Any  # lxml's, which ships no types

MOST_PARTS = 20_000
LARGEST_PART = 32 * 2**20  # bytes of XML, unpacked
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # an encrypted package, or a format of before 2007
CORE = {
    "title": "{http://purl.org/dc/elements/1.1/}title",
    "author": "{http://purl.org/dc/elements/1.1/}creator",
    "created": "{http://purl.org/dc/terms/}created",
    "modified": "{http://purl.org/dc/terms/}modified",
}
RELATIONSHIP = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


class Package:
    """An open package. `relations` are those of a part: id to (type, target), types by their last word."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = {info.filename.lstrip("/").casefold(): info for info in archive.infolist()}

    def has(self, name: str) -> bool:
        """Whether there is a part of that name."""
        return name.casefold() in self.names

    def content(self, name: str) -> bytes:
        """A part, unpacked. Raises FileRefused where it is absent, damaged or larger than a part may be."""
        info = self.names.get(name.casefold())
        if info is None:
            raise damaged()
        if info.flag_bits & 1:
            raise FileRefused("the file is encrypted", "Ask for it without a password.")
        with self.archive.open(info) as part:
            content = part.read(LARGEST_PART + 1)
        if len(content) > LARGEST_PART:
            raise FileRefused(
                f"a part of it is larger than {LARGEST_PART:,} bytes when unpacked", "Split the document."
            )
        return content

    def tree(self, name: str) -> Element:
        """A part, parsed. Raises FileRefused where it is no XML, or declares entities."""
        from lxml import etree

        content = self.content(name)
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            root = etree.parse(BytesIO(content), parser)
        except etree.XMLSyntaxError:
            raise damaged() from None
        if root.docinfo.internalDTD is not None or root.docinfo.externalDTD is not None:
            raise FileRefused("a part of it declares a document type, which Office files never do", "Ask for it again.")
        return root.getroot()

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """The relations of a part; empty where it has none."""
        folder, _, base = name.rpartition("/")
        rels = f"{folder}/_rels/{base}.rels".lstrip("/")
        if not self.has(rels):
            return {}
        told = {}
        for one in self.tree(rels):
            target = one.get("Target", "")
            if one.get("TargetMode") != "External":
                target = _resolved(folder, target)
            told[one.get("Id", "")] = (one.get("Type", "").rpartition("/")[2], target)
        return told

    def main(self) -> str:
        """The name of the part that is the document."""
        found = [target for kind, target in self.relations("").values() if kind == "officeDocument"]
        if not found or not self.has(found[0]):
            raise damaged()
        return found[0]

    def described(self, document: Document) -> Document:
        """The document with what the package says of it."""
        name = next((target for kind, target in self.relations("").values() if kind == "core-properties"), "")
        if name and self.has(name):
            root = self.tree(name)
            for field, tag in CORE.items():
                setattr(document, field, (root.findtext(tag) or "").strip())
        return document


@contextmanager
def opened(file: File) -> Iterator[Package]:
    """The package of a file. Raises FileRefused where it is none, or damaged, or encrypted."""
    if file.head(len(OLE)) == OLE:
        raise FileRefused("it is encrypted, or an Office file of before 2007", "Save it anew, without a password.")
    try:
        with zipfile.ZipFile(file.path) as archive:
            if len(archive.infolist()) > MOST_PARTS:
                raise FileRefused(f"it has more than {MOST_PARTS:,} parts", "Ask for it again.")
            yield Package(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError):
        raise damaged() from None


def damaged() -> FileRefused:
    """What is answered to a file that is not whole."""
    return FileRefused("it is not a whole Office file: it was cut off or damaged", "Ask for it again.")


def _resolved(folder: str, target: str) -> str:
    """A target below the folder of the part that names it; a leading slash begins at the package's root."""
    if target.startswith("/"):
        return target.lstrip("/")
    steps = [step for step in folder.split("/") if step]
    for step in target.split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return "/".join(steps)


def local(element: Element) -> str:
    """An element's name without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""

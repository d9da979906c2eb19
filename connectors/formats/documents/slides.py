"""PowerPoint slides (pptx): a page each, with its title, texts, tables and notes.

The format is ECMA-376 part 1 (PresentationML). Shapes come in the order of their places: from the top, then the left.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.formats.documents.blocks import Block, Document, heading, table
from connectors.formats.documents.packages import RELATIONSHIP, Element, Package, damaged, local, opened
from connectors.formats.tables import File, Noticed

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
TITLES = ("title", "ctrTitle")
FURNITURE = ("sldNum", "dt", "ftr", "hdr", "sldImg")
ROW_HEIGHT = 100_000  # English metric units by which the tops of shapes of one row may differ, about 2.8 mm


def read(file: File) -> Document:
    """The slides. Raises FileRefused where the file is damaged."""
    told = Document("pptx")
    with opened(file) as package:
        main = package.main()
        relations = package.relations(main)
        ids = [one.get(f"{RELATIONSHIP}id", "") for one in package.tree(main).iterfind(f"{P}sldIdLst/{P}sldId")]
        names = [relations[one][1] for one in ids if one in relations]
        if len(names) < len(ids) or not all(map(package.has, names)):
            raise damaged()
        hidden = pictures = 0
        for page, name in enumerate(names, start=1):
            root = package.tree(name)
            hidden += root.get("show") == "0"
            pictures += sum(1 for _ in root.iter(f"{P}pic"))
            told.blocks += _slide(package, name, root, page)
        told.pages = len(names)
        package.described(told)
    if hidden:
        told.noticed.append(Noticed("hidden-slides", "hidden slides are read, too", "info", hidden, "slides"))
    if pictures:
        told.noticed.append(Noticed("pictures-not-read", "pictures are not read", "info", pictures, "pictures"))
    return told


def _slide(package: Package, name: str, root: Element, page: int) -> Iterator[Block]:
    """The blocks of a slide, its title first, its notes last."""
    relations = package.relations(name)
    tree = root.find(f"{P}cSld/{P}spTree")
    shapes = list(_shapes(tree)) if tree is not None else []
    for shape in sorted(shapes, key=lambda one: (_role(one) not in TITLES, *_place(one))):
        yield from _shape(package, relations, shape, page)
    for kind, target in relations.values():
        if kind == "notesSlide" and package.has(target):
            yield from _notes(package.tree(target), page)


def _shapes(holder: Element) -> Iterator[Element]:
    """The shapes of a tree, those of groups among them."""
    for child in holder:
        name = local(child)
        if name in ("grpSp", "AlternateContent", "Choice"):
            yield from _shapes(child)
        elif name in ("sp", "graphicFrame"):
            yield child


def _shape(package: Package, relations: dict[str, tuple[str, str]], shape: Element, page: int) -> Iterator[Block]:
    if local(shape) == "sp":
        yield from _texts(shape, page)
        return
    found = shape.find(f".//{A}tbl")
    if found is not None:
        rows = [_row(row) for row in found.iterfind(f"{A}tr")]
        if any(cell for row in rows for cell in row):
            yield table(rows, page)
        return
    for one in shape.iter():
        target = relations.get(one.get(f"{RELATIONSHIP}dm", ""), ("", ""))[1]
        if target and package.has(target):  # the words of a drawing made of words
            for paragraph in package.tree(target).iter(f"{A}p"):
                if text := _text(paragraph):
                    yield Block("list", f"- {text}", page=page)


def _texts(shape: Element, page: int) -> Iterator[Block]:
    """The paragraphs of a shape: the title, the items of a placeholder, or plain text."""
    role = _role(shape)
    body = shape.find(f"{P}txBody")
    if body is None or role in FURNITURE:
        return
    paragraphs = [(_text(one), one) for one in body.iterfind(f"{A}p")]
    if role in TITLES:
        title = " ".join(text for text, _ in paragraphs if text)
        if title:
            yield heading(title, 1, page)
        return
    for text, element in paragraphs:
        if not text:
            continue
        properties = element.find(f"{A}pPr")
        level = (
            int(properties.get("lvl", "0")) if properties is not None and properties.get("lvl", "0").isdigit() else 0
        )
        bare = properties is not None and properties.find(f"{A}buNone") is not None
        marked = properties is not None and any(local(one) in ("buChar", "buAutoNum") for one in properties)
        is_item = marked or (role in ("body", "obj") and not bare)
        yield Block("list", f"- {text}", level, page) if is_item else Block("paragraph", text, page=page)


def _row(row: Element) -> list[str]:
    """The cells of a row; what a merged cell covers stays empty."""
    told = []
    for cell in row.iterfind(f"{A}tc"):
        covered = "1" in (cell.get("hMerge"), cell.get("vMerge"))
        told.append("" if covered else " ".join(filter(None, map(_text, cell.iter(f"{A}p")))))
    return told


def _notes(root: Element, page: int) -> Iterator[Block]:
    for shape in root.iter(f"{P}sp"):
        body = shape.find(f"{P}txBody")
        if body is None or _role(shape) in FURNITURE:
            continue
        text = "\n".join(filter(None, map(_text, body.iterfind(f"{A}p"))))
        if text:
            yield Block("paragraph", f"Notes: {text}", page=page)


def _text(paragraph: Element) -> str:
    """The text of a paragraph; a line break within it stays one."""
    told = []
    for one in paragraph.iter():
        if local(one) == "t":
            told.append(one.text or "")
        elif local(one) == "br":
            told.append("\n")
    return "".join(told).strip()


def _role(shape: Element) -> str:
    """What a shape is a placeholder for; empty where it is none, `obj` where the file does not say."""
    found = shape.find(f".//{P}nvPr/{P}ph")
    return found.get("type", "obj") if found is not None else ""


def _place(shape: Element) -> tuple[int, int]:
    """The row and the left edge of a shape; a placeholder without a place is where its layout puts it: first."""
    found = shape.find(f".//{A}off")
    if found is None:
        found = shape.find(f"{P}xfrm/{A}off")
    if found is None:
        return (-1, 0)
    try:
        return (int(found.get("y", "0")) // ROW_HEIGHT, int(found.get("x", "0")))
    except ValueError:
        return (-1, 0)

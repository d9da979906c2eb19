"""What a copybook and its options make of a file, before its records are read: the layout, and where records lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import FileRefused
from connectors.formats.mainframe.copybook import Copybook, parsed
from connectors.formats.mainframe.layout import Layout, laid_out, root_length
from connectors.formats.mainframe.options import Options
from connectors.formats.mainframe.records import Framing, check_divides, framing
from connectors.formats.tables import File, Limits

LARGEST_COPYBOOK = 16 * 2**20  # bytes


@dataclass(frozen=True)
class Plan:
    """How a file is read: what its records hold, and how many bytes at its beginning and end are no records."""

    layout: Layout
    options: Options
    begin: int
    end: int
    renames: Sequence[str] = ()

    def framing(self) -> Framing:
        """How records are cut, anew for each reading."""
        return framing(self.layout, self.options, self.options.reading(), self.begin, self.end)


def planned(file: File, options: Options, limits: Limits) -> Plan:
    """The plan for a file. Raises FileRefused where its length or the copybook shows that it cannot be right."""
    copybooks = copybooks_of(options)
    layout = laid_out(copybooks, options)
    for node in layout.all():
        if node.field is not None and node.length > limits.cell_bytes:
            raise FileRefused(f"the field {node.name} is {node.length:,} bytes long, more than {limits.cell_bytes:,}",
                              "Raise cell_bytes, or describe it in smaller parts.")  # fmt: skip
    begin = options.file_start_offset + options.file_header_length
    end = options.file_end_offset + options.file_trailer_length
    if options.record_header_name:
        begin += root_length(copybooks, options.record_header_name, options)
    if options.record_trailer_name:
        end += root_length(copybooks, options.record_trailer_name, options)
    renames = [name for copybook in copybooks for name in copybook.renames]
    plan = Plan(layout, options, begin, end, renames)
    if plan.framing().of_one_length:
        check_divides(file.size, layout, options, begin, end)
    return plan


def copybooks_of(options: Options) -> list[Copybook]:
    """The declared copybooks. Raises FileRefused where one is missing, cannot be read or is not understood."""
    texts = list(options.copybook_text) or [_text(path) for path in options.copybook]
    if not texts or not all(text.strip() for text in texts):
        raise FileRefused("no copybook is declared", "Name its file in the option `copybook`.")
    copies = {name: _text(path) for name, path in options.copies.items()}
    left, right = options.comment_lower_limit, options.comment_upper_limit
    margins = (left, right) if options.truncate_comments else (0, LARGEST_COPYBOOK)
    return [parsed(text, copies=copies, margins=margins, decimal_comma=options.decimal_comma) for text in texts]


def _text(path: str) -> str:
    """The text of a copybook's file."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_COPYBOOK + 1)
    except (OSError, ValueError) as error:
        raise FileRefused(f"the copybook '{path}' cannot be read", "Correct the option `copybook`.") from error
    if len(content) > LARGEST_COPYBOOK or b"\0" in content:
        raise FileRefused(f"'{path}' is no copybook", "Name the file with the record description.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # comments in an 8-bit code page; names and pictures are ASCII


def described(plan: Plan) -> Mapping[str, Any]:
    """What was declared and found out, as JSON values."""
    options = plan.options
    return {
        "format": "mainframe",
        "record_format": options.record_format,
        "record_length": plan.layout.size,
        "encoding": "ebcdic" if options.is_ebcdic else "ascii",
        "code_page": options.ebcdic_code_page if options.is_ebcdic else options.ascii_charset,
    }

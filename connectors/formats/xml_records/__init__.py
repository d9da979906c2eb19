"""XML documents (XML 1.0, Namespaces in XML 1.0) as tables of their record elements.

Where `record` names no element, the tables are the elements that repeat, and the document itself as one record; first
stands what most of the document is made of. All values are text as spelled. A document is parsed once to learn its
shape, and once for each table's rows; a record is held whole, and refused above `cell_bytes`. Namespaces are told apart
only where two names of one parent differ in nothing else, or where `namespaces` gives them prefixes.
"""

from __future__ import annotations

from catalog.errors import FileRefused
from connectors.formats.tables import File, Limits, Table
from connectors.formats.xml_records.document import Document, outside, record_detected
from connectors.formats.xml_records.options import Options
from connectors.formats.xml_records.parsing import encoding_of, parsed
from connectors.formats.xml_records.recognition import recognises
from connectors.formats.xml_records.records import declared, detected
from connectors.formats.xml_records.shapes import Shape, Survey

__all__ = ["Options", "recognises", "tables"]

MOST_TABLES = 50  # of one document; more is not a list of records


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The records, and without `record` the other elements that repeat and the document itself."""
    encoding = encoding_of(file, options.encoding)
    root = _surveyed(file, encoding, check=not options.encoding)
    document = Document(file, encoding, root, options, limits)
    if options.record:
        prefixes = {space: prefix for prefix, space in options.namespaces.items()}
        records = declared(root, options.record, prefixes)
        return [document.table(records.name, records, noticed=tuple(outside(root, records)))]
    found = detected(root)[:MOST_TABLES]
    noticed = (record_detected(found[0]),) if len(found) > 1 else ()
    names = _unique([one.name for one in found])
    return [document.table(name, records, noticed=noticed) for name, records in zip(names, found, strict=True)]


def _surveyed(file: File, encoding: str, *, check: bool) -> Shape:
    """The shape of the root element, from the first pass over the document."""
    survey = Survey()
    for _ in parsed(file, encoding, survey, check=check):
        pass
    if survey.root is None:
        raise FileRefused("it holds no element", "Ask for the file again.")
    return survey.root


def _unique(names: list[str]) -> list[str]:
    told: list[str] = []
    for name in names:
        again, base = 2, name
        while name in told:
            name, again = f"{base}_{again}", again + 1
        told.append(name)
    return told

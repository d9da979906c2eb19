"""HL7, EDIFACT, mail and XML read right: every real file at hand, compared with its twin or with another reader.

Run by `make exam`. The files stand beside the repository and are no part of it.
"""

import email
import json
import warnings
from collections import Counter
from email import policy
from pathlib import Path

import pytest

from catalog.errors import FileRefused
from connectors.formats import edifact, hl7_messages, mail, xml_records
from connectors.formats.tables import File, Limits

pytestmark = pytest.mark.exam
DATA = Path(__file__).parents[3] / "shared" / "data"


def files(under, pattern):
    found = sorted((DATA / under).rglob(pattern))
    return found or [pytest.param(None, marks=pytest.mark.skip(reason="the shared data is not here"))]


def tables_of(module, path):
    return {table.name: table for table in module.tables(File(path, path.name), module.Options(), limits=Limits())}


def rows_of(table):
    return [row for piece in table.pieces() for row in piece.frame.rows(named=True)]


def leaves(value):
    """Every text in a row."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for one in value for text in leaves(one)]
    return [value] if isinstance(value, str) and value.strip() else []


@pytest.mark.parametrize("path", files("xml", "*.xml"), ids=lambda path: getattr(path, "name", ""))
def test_every_text_and_attribute_of_an_invoice_stands_in_its_row_once(path):
    from lxml import etree

    tree = etree.parse(path)
    expected = Counter()
    for element in tree.iter(etree.Element):
        expected.update(one for one in element.attrib.values() if one.strip())
        if len(element) == 0 or (element.text or "").strip():
            text = "".join(element.itertext(with_tail=False)) if len(element) == 0 else element.text
            expected.update([text] if text and text.strip() else [])
    root = etree.QName(tree.getroot()).localname
    (row,) = rows_of(tables_of(xml_records, path)[root])
    assert Counter(leaves(row)) == expected


@pytest.mark.parametrize("path", files("hl7", "*.hl7"), ids=lambda path: getattr(path, "name", ""))
def test_every_field_of_a_message_is_what_another_reader_finds(path):
    import hl7

    text = path.read_text(encoding="utf-8-sig").replace("\n", "\r")
    other = hl7.parse(text)
    tables = tables_of(hl7_messages, path)
    seen = {name: iter(rows_of(table)) for name, table in tables.items()}
    for segment in other:
        tag = str(segment[0])
        row = next(seen[tag])
        for number in range(3 if tag == "MSH" else 1, len(segment)):
            for part in range(1, 60):
                name = f"{tag}.{number}.{part}"
                if name not in row:
                    assert part == 1 or not any(component_of(one, part) for one in segment[number]), name
                    break
                told = [component_of(one, part) for one in segment[number]]
                expected = "~".join(told) if any(told) else None
                if len(told) == 1 and "&" not in told[0]:  # a value of one piece is decoded
                    expected = other.unescape(told[0]) or None
                assert row[name] == expected, name


def component_of(repetition, part):
    """A component as the other reader has it; its repetitions are texts where they have no parts."""
    if isinstance(repetition, str):
        return repetition if part == 1 else ""
    return str(repetition[part - 1]) if part <= len(repetition) else ""


@pytest.mark.parametrize("path", files("hl7", "*-expected.json"), ids=lambda path: getattr(path, "name", ""))
def test_the_patient_of_a_message_is_that_of_its_fhir_twin(path):
    (message,) = [one for one in DATA.rglob("*.hl7") if one.stem == path.name.removesuffix("-expected.json")] or [None]
    if message is None:
        pytest.skip("the twin's message is not here")
    bundle = json.loads(path.read_text(encoding="utf-8-sig"))
    patients = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient"]
    row = rows_of(tables_of(hl7_messages, message)["messages"])[0]
    names = {name.get("family") for patient in patients for name in patient.get("name", ())}
    births = {patient["birthDate"].replace("-", "") for patient in patients if "birthDate" in patient}
    identifiers = {one.get("value") for patient in patients for one in patient.get("identifier", ())}
    if row["patient_family_name"] and names - {None}:
        assert row["patient_family_name"] in names
    if row["patient_birth_date"] and births:
        assert row["patient_birth_date"][:8] in births
    if row["patient_id"] and identifiers - {None}:
        assert row["patient_id"] in identifiers


@pytest.mark.parametrize("path", files("edi", "*.*"), ids=lambda path: getattr(path, "name", ""))
def test_the_segments_of_an_interchange_are_those_another_reader_finds(path):
    from pydifact.segmentcollection import Interchange

    try:
        tables = tables_of(edifact, path)
    except FileRefused:
        assert path.name in ("hl7.lab", "patient3.edi", "sage_coala.ped"), "these are cut or of another syntax"
        return
    text = path.read_bytes().decode(tables["messages"].meta["encoding"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interchange = Interchange.from_str(text)
        expected = [[one.tag, *one.elements] for message in interchange.get_messages() for one in message.segments]
    rows = [row for row in rows_of(tables["segments"]) if row["message"] and row["tag"] not in ("UNH", "UNT")]
    assert [row["tag"] for row in rows] == [tag for tag, *_ in expected]
    for row, (_, *elements) in zip(rows, expected, strict=True):
        for mine, theirs in zip(row["elements"], elements, strict=False):
            if isinstance(theirs, str):
                assert (mine or "") == theirs


@pytest.mark.parametrize("path", files("mail", "*.eml"), ids=lambda path: getattr(path, "name", ""))
def test_the_subject_of_a_mail_is_what_python_reads(path):
    (row,) = rows_of(tables_of(mail, path)["messages"])
    assert row["subject"] == email.message_from_bytes(path.read_bytes(), policy=policy.default)["subject"]

from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import xml_records
from connectors.formats.tables import File, Limits

REAL = Path(__file__).parents[4] / "shared" / "data" / "xml"
ORDERS = """<?xml version="1.0" encoding="UTF-8"?>
<shop>
  <made>2024-01-02</made>
  <orders>
    <order id="007"><customer><name> Ann </name></customer><line><sku>A</sku><qty>1.50</qty></line>
      <line gift="yes"><sku>B</sku></line><tag>x</tag><tag>y</tag></order>
    <order id="8"><customer><name/></customer><line><sku>C</sku></line><price currency="EUR">12.00</price></order>
  </orders>
</shop>
"""


@pytest.fixture
def read(tmp_path):
    def tables(content, limits=None, **options):
        path = tmp_path / "export.xml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        file = File(path, "export.xml")
        return list(xml_records.tables(file, xml_records.Options(**options), limits=limits or Limits()))

    return tables


def rows(table):
    return [row for piece in table.pieces() for row in piece.frame.rows(named=True)]


def rules(table):
    return [noticed.rule for noticed in table.noticed]


def test_the_repeated_element_is_the_record_and_its_paths_are_the_columns(read):
    table = read(ORDERS)[0]
    assert table.name == "order"
    assert rows(table) == [
        {"@id": "007", "customer/name": " Ann ", "tag": ["x", "y"], "price": None, "price/@currency": None,
         "_position": 1,
         "line": [{"sku": "A", "qty": "1.50", "@gift": None}, {"sku": "B", "qty": None, "@gift": "yes"}]},
        {"@id": "8", "customer/name": "", "tag": None, "price": "12.00", "price/@currency": "EUR",
         "_position": 2,
         "line": [{"sku": "C", "qty": None, "@gift": None}]},
    ]  # fmt: skip
    assert table.schema["line"] == pl.List(pl.Struct({"@gift": pl.String, "sku": pl.String, "qty": pl.String}))
    assert rules(table) == ["record-detected"]


def test_the_document_itself_is_a_table_too(read):
    assert [table.name for table in read(ORDERS)] == ["order", "shop"]
    (row,) = rows(read(ORDERS)[1])
    assert row["made"] == "2024-01-02"
    assert [order["@id"] for order in row["orders/order"]] == ["007", "8"]


@pytest.mark.parametrize("record", ["order", "orders/order", "/shop/orders/order", "line"])
def test_a_record_is_named_by_its_path(read, record):
    (table,) = read(ORDERS, record=record)
    assert len(rows(table)) == (3 if record == "line" else 2)
    assert rules(table) == ["outside-records"]


def test_declared_fields_are_the_columns(read):
    fields = {"id": "@id", "skus": "line/sku", "name": "customer/name", "fax": "customer/fax"}
    (table,) = read(ORDERS, record="order", fields=fields)
    assert [tuple(row.values()) for row in rows(table)] == [
        ("007", ["A", "B"], " Ann ", None, 1), ("8", ["C"], "", None, 2),
    ]  # fmt: skip
    assert "field-absent" in rules(table)


def test_a_declared_list_is_one_also_where_its_element_stands_once(read):
    (table,) = read("<o><line><sku>A</sku></line></o>", lists=("line",))
    assert rows(table)[0]["line"] == [{"sku": "A"}]


def test_a_document_in_which_much_stands_beside_the_repeated_is_one_record(read):
    parts = "".join(f"<p{at}><a>{at}</a><b>{at}</b></p{at}>" for at in range(8))
    tables = read(f"<invoice>{parts}<line><sku>A</sku></line><line><sku>B</sku></line></invoice>")
    assert [table.name for table in tables] == ["invoice", "line"]
    assert rows(tables[0])[0]["p7/b"] == "7"
    assert [row["sku"] for row in rows(tables[1])] == ["A", "B"]


def test_names_of_two_namespaces_are_told_apart_by_their_prefixes(read):
    content = '<r xmlns:a="urn:a" xmlns:b="urn:b"><a:x>1</a:x><b:x>2</b:x><a:y>3</a:y></r>'
    assert rows(read(content)[0]) == [{"a:x": "1", "b:x": "2", "y": "3", "_position": 1}]
    (table,) = read(content, record="/r", namespaces={"n": "urn:a"})
    assert set(table.schema) == {"n:x", "b:x", "n:y"}


def test_nil_is_null_and_empty_is_empty(read):
    space = "http://www.w3.org/2001/XMLSchema-instance"
    content = f'<r xmlns:xsi="{space}"><a xsi:nil="true"/><b/><c><![CDATA[<&>]]></c></r>'
    assert rows(read(content)[0]) == [{"a": None, "a/@nil": "true", "b": "", "c": "<&>", "_position": 1}]


def test_text_beside_elements_is_noticed(read):
    table = read("<r><p>some <b>bold</b> text</p></r>")[0]
    assert rows(table)[0] == {"p": "some  text", "p/b": "bold", "_position": 1}
    assert "mixed-content" in rules(table)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252", "gb2312", "shift_jis"])
def test_text_is_read_in_the_declared_encoding(read, codec):
    text = {"gb2312": "鎔", "shift_jis": "日本", "windows-1252": "€"}.get(codec, "é")
    content = f'<?xml version="1.0" encoding="{codec.removesuffix("-sig")}"?><r>{text}</r>'
    assert rows(read(content.encode("gb18030" if codec == "gb2312" else codec))[0])[0]["#text"] == text


BOMB = "<!ENTITY a0 'xxxxxxxxxx'>" + "".join(f"<!ENTITY a{at + 1} '{f'&a{at};' * 10}'>" for at in range(9))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"<!DOCTYPE r [{BOMB}]><r>&a9;</r>", "uses an entity"),
        (f"<!DOCTYPE r [{BOMB}]><r k='&a9;'/>", "amplification"),
        ("<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><r>&a;</r>", "uses an entity"),
        ("<!DOCTYPE r SYSTEM 'http://localhost/r.dtd'><r>&nbsp;</r>", "uses an entity"),
        ("<!DOCTYPE r SYSTEM 'http://localhost/r.dtd'><r k='&nbsp;'/>", "uses an entity"),
        ("<!DOCTYPE r [<!ATTLIST r k CDATA 'v'>]><r/>", "default values"), ("<r>&nbsp;</r>", "undefined entity"),
        ("<r xmlns:i='http://www.w3.org/2001/XInclude'><i:include href='/etc/passwd'/></r>", "XInclude"),
        ("<a>" * 101 + "</a>" * 101, "more than 100 elements"), ("<r><a>1</a>", "no element found"),
        ("<r>1</s>", "mismatched"),
        ("<r/><r/>", "junk"), ("<r>\0</r>", "not well-formed"), ("", "no element found"),
        ("\0" * 60, "not well-formed"),
        ("<?xml version='1.0' encoding='iso-8859-1'?><r>é</r>", "its bytes are UTF-8"), (b"<r>\xe9</r>", "not utf-8"),
        ("<?xml version='1.0' encoding='utf-16'?><r/>", "declares utf-16"), ("<r a='1' a='2'/>", "duplicate attribute"),
        ("<?xml version='1.0' encoding='rot13'?><r/>", "not known"), ("<r><n:a/></r>", "unbound prefix"),
        ("<r><_position>1</_position></r>", "taken by provenance"), ("<r>\x01</r>", "not well-formed"),
    ],
)  # fmt: skip
def test_what_is_hostile_or_broken_is_refused_with_a_reason(read, content, reason):
    with pytest.raises(FileRefused, match=reason):
        [list(table.pieces()) for table in read(content)]


def test_a_declared_doctype_that_is_not_needed_does_no_harm(read):
    content = "<!DOCTYPE r SYSTEM 'http://localhost/r.dtd' [<!ENTITY % p SYSTEM 'x'>]><r k='a&amp;b'>&#233;&lt;</r>"
    assert rows(read(content)[0]) == [{"@k": "a&b", "#text": "é<", "_position": 1}]


def test_an_encoding_may_be_declared_against_the_document(read):
    content = "<?xml version='1.0' encoding='iso-8859-1'?><r>é</r>"
    assert rows(read(content, encoding="utf-8")[0])[0]["#text"] == "é"
    with pytest.raises(FileRefused, match="not known"):
        read(content, encoding="none")


@pytest.mark.parametrize("filling", ["x" * 3_000, "<i/>" * 300, "<i k='" + "x" * 3_000 + "'/>"])
def test_a_record_above_the_limit_is_refused(read, filling):
    (table,) = read(f"<r><o>{filling}</o><o/></r>", record="o", limits=Limits(cell_bytes=2_000))
    with pytest.raises(FileRefused, match="more than 2,000 bytes"):
        list(table.pieces())


def test_too_many_different_paths_are_refused(read):
    with pytest.raises(FileRefused, match="10,000 different paths"):
        read("<r>" + "".join(f"<e{at}/>" for at in range(10_001)) + "</r>")


def test_a_record_that_is_not_there_is_refused(read):
    with pytest.raises(FileRefused, match="no element at the path"):
        read(ORDERS, record="/shop/order")


def test_pieces_hold_no_more_than_the_limits_allow(read):
    content = "<r>" + "".join(f"<o><a>{at}</a></o>" for at in range(25)) + "</r>"
    pieces = list(read(content, limits=Limits(batch_rows=10))[0].pieces())
    assert [piece.frame.height for piece in pieces] == [10, 10, 5]
    assert pl.concat([piece.frame for piece in pieces])["_position"].to_list() == list(range(1, 26))
    small = list(read(content, limits=Limits(batch_bytes=1))[0].pieces())
    assert sum(piece.frame.height for piece in small) == 25


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (ORDERS, True), ("<!-- c --><r/>", True), ("<rss version='2.0'>", True),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", True),
        ("<n:r xmlns:n='urn:n'>", True), ("<!DOCTYPE r [<!ENTITY a 'b'>]><r/>", True),
        ("<?xml version='1.0'?><r", True),
        ("<!DOCTYPE html><html>", False), ("<html>", False), ("<HTML lang=de>", False), ("<!doctype html>", False),
        ("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>", False),
        ("<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?><Workbook>", False),
        ("<Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'>", False), ("<1>", False), ("a < b", False),
        ("", False),
        ("<feed xmlns='urn:a'><c xmlns='http://www.w3.org/1999/xhtml'/></feed>", True), ("<Hello>\nto all", False),
        ("<100;200\n", False), ("<name@example.org>\n", False), ("<p align='center'><img/></p>\n# A page", False),
    ],
)  # fmt: skip
def test_it_is_recognised_by_its_first_element(tmp_path, head, known):
    assert xml_records.recognises(head.encode(), File(tmp_path / "a", "a")) is known


NAMES = st.sampled_from(["a", "b", "c", "d"])
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
TEXTS = st.text(CHARACTERS, min_size=1).filter(str.strip)
ATTRIBUTES = st.dictionaries(NAMES, TEXTS, max_size=2)
TREES = st.recursive(TEXTS, lambda inner: st.lists(st.tuples(NAMES, ATTRIBUTES, inner), max_size=4), max_leaves=15)


def spelled(name, attributes, content):
    inner = escape(content) if isinstance(content, str) else "".join(spelled(*child) for child in content)
    return f"<{name}{''.join(f' {key}={quoteattr(value)}' for key, value in attributes.items())}>{inner}</{name}>"


def texts_of(attributes, content):
    if isinstance(content, str):
        return [*attributes.values(), content]
    return [*attributes.values(), *(text for _, held, below in content for text in texts_of(held, below))]


def leaves(value):
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)):
        return [text for one in inner for text in leaves(one)]
    return [value] if isinstance(value, str) and value else []


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_every_text_stands_in_the_rows_of_the_document_once(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("xml") / "a.xml"
    path.write_bytes(spelled("root", {}, tree).encode())
    tables = xml_records.tables(File(path, "a.xml"), xml_records.Options(record="/root"), limits=Limits())
    (row,) = rows(tables[0])
    assert Counter(leaves(row)) == Counter(texts_of({}, tree))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(ORDERS)))
def test_no_bytes_crash_it(tmp_path_factory, content, at):
    path = tmp_path_factory.mktemp("xml") / "a.xml"
    path.write_bytes(ORDERS[:at].encode() + content + ORDERS[at:].encode())
    file = File(path, "a.xml")
    xml_records.recognises(file.head(), file)
    try:
        for table in xml_records.tables(file, xml_records.Options(), limits=Limits()):
            list(table.pieces())
    except FileRefused:
        pass


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared data is not here")
def test_every_real_invoice_is_one_record():
    for path in sorted(REAL.rglob("*.xml")):
        file = File(path, path.name)
        assert xml_records.recognises(file.head(), file)
        table = xml_records.tables(file, xml_records.Options(), limits=Limits())[0]
        assert table.name in ("Invoice", "CreditNote", "CrossIndustryInvoice", "M_INVOIC"), path.name
        assert len(rows(table)) == 1

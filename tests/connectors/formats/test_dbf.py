"""dBase tables: every type of theirs, memos beside them, deleted records, code pages, and what is refused."""

import contextlib
import datetime
import random
import struct
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import dbf
from connectors.formats.tables import File, Limits

DATA = Path("../shared/data/dbf")
PEOPLE = [("NAME", "C", 16, 0), ("BORN", "D", 8, 0)]


def content_of(fields, records, *, version=0x03, language=0, deleted=(), count=None):
    """A table's bytes; a field is (name, type, length, decimals[, flags]), a record a tuple of bytes."""
    width = 1 + sum(field[2] for field in fields)
    said = len(records) if count is None else count
    head = struct.pack("<B3BIHH", version, 124, 5, 6, said, 33 + 32 * len(fields), width) + bytes(17)
    content = head + bytes([language, 0, 0])
    for name, kind, length, decimals, *flags in fields:
        told = struct.pack("<11sc4xBBB", name.encode(), kind.encode(), length, decimals, *(flags or [0]))
        content += told + bytes(13)
    content += b"\r"
    for at, record in enumerate(records):
        content += b"*" if at in deleted else b" "
        content += b"".join(value.ljust(field[2]) for value, field in zip(record, fields, strict=True))
    return content + b"\x1a"


@pytest.fixture
def opened(tmp_path):
    """The one table of a file of those bytes."""

    def made(content, limits=None, **options):
        (tmp_path / "a.dbf").write_bytes(content)
        file = File(tmp_path / "a.dbf", "a.dbf")
        assert dbf.recognises(file.head(), file)
        return dbf.tables(file, dbf.Options(**options), limits=limits or Limits())[0]

    return made


def rows(table):
    return [row[:-1] for piece in table.pieces() for row in piece.frame.rows()]


def rules(table):
    told = [*table.noticed, *(noticed for piece in table.pieces() for noticed in piece.noticed)]
    return {noticed.rule: noticed for noticed in told}


def value(opened, field, written, **how):
    """What one field of one record reads as."""
    return rows(opened(content_of([field], [(written,)], **how)))[0][0]


@pytest.mark.parametrize(("field", "written", "wanted"), [
    (("N", "N", 8, 2), b"   12.50", 12.5),
    (("N", "N", 8, 0), b"      42", 42),
    (("N", "N", 8, 0), b"42\0\0\0\0\0\0", 42),
    (("N", "N", 8, 2), b"  -12,50", -12.5),
    (("N", "N", 20, 0), b"12345678901234567890", Decimal("12345678901234567890")),
    (("N", "N", 8, 2), b"********", None),
    (("F", "F", 12, 4), b"   1.25E+02", 125.0),
    (("D", "D", 8, 0), b"20240229", datetime.date(2024, 2, 29)),
    (("D", "D", 8, 0), b"00000000", None),
    (("D", "D", 8, 0), b"20230229", None),
    (("L", "L", 1, 0), b"T", True),
    (("L", "L", 1, 0), b"n", False),
    (("L", "L", 1, 0), b"?", None),
    (("C", "C", 10, 0), b" Ada \0\0", " Ada"),
    (("C", "C", 10, 0), b"", None),
    (("I", "I", 4, 0), struct.pack("<i", -7), -7),
    (("Y", "Y", 8, 0), struct.pack("<q", -12345), Decimal("-1.2345")),
    (("B", "B", 8, 0), struct.pack("<d", 1.5), 1.5),
    (("T", "T", 8, 0), struct.pack("<II", 2460370, 3723000), datetime.datetime(2024, 2, 29, 1, 2, 3)),
    (("T", "T", 8, 0), bytes(8), None),
])  # fmt: skip
def test_each_type_reads_as_what_it_means(opened, field, written, wanted):
    assert value(opened, field, written, version=0x30) == wanted


@pytest.mark.parametrize(("field", "written", "rule"), [
    (("D", "D", 8, 0), b"NotAYear", "value-unreadable"),
    (("N", "N", 8, 0), b"    12x4", "value-unreadable"),
    (("N", "N", 8, 0), b"     1.5", "value-unreadable"),
    (("N", "N", 4, 0), b"****", "number-overflow"),
    (("L", "L", 1, 0), b"9", "value-unreadable"),
])  # fmt: skip
def test_what_does_not_read_is_unknown_and_counted(opened, field, written, rule):
    told = rules(opened(content_of([field], [(written,), (b"",)])))[rule]
    assert told.count == 1
    assert written.decode() not in told.message


def test_deleted_records_are_left_out_and_counted_or_read(opened):
    content = content_of(PEOPLE, [(b"Ada", b"19800102"), (b"Bob", b"19810203")], deleted={0})
    table = opened(content)
    assert rows(table) == [("Bob", datetime.date(1981, 2, 3))]
    assert next(table.pieces()).frame["_position"].to_list() == [2]
    assert rules(table)["deleted-records"].count == 1
    assert len(rows(opened(content, deleted=True))) == 2


@pytest.mark.parametrize(
    ("language", "encoding"), [(0x01, "cp437"), (0x03, "cp1252"), (0xC9, "cp1251"), (0x13, "cp932")]
)
def test_texts_are_in_the_headers_code_page(opened, language, encoding):
    text = {"cp1251": "Привет", "cp932": "日本"}.get(encoding, "Größe")
    assert value(opened, ("C", "C", 20, 0), text.encode(encoding), language=language) == text


def test_utf8_under_another_code_page_is_seen_and_told(opened):
    table = opened(content_of([("C", "C", 20, 0)], [("Größe".encode(),)], language=0x57))
    assert rows(table) == [("Größe",)]
    assert "encoding-contradicted" in rules(table)


def test_a_cpg_file_beside_the_table_tells_its_encoding(opened, tmp_path):
    (tmp_path / "a.cpg").write_text("ISO 88592")
    assert value(opened, ("C", "C", 20, 0), "łódź".encode("iso8859-2")) == "łódź"


def test_a_declared_encoding_wins_and_what_it_lacks_is_told(opened):
    table = opened(content_of([("C", "C", 20, 0)], [("Größe".encode("cp1252"),), (b"\x81",)]), encoding="cp1252")
    assert rows(table) == [("Größe",), ("\ufffd",)]
    assert rules(table)["text-undecodable"].count == 1


def test_an_undeclared_code_page_is_a_guess_and_told(opened):
    text = "Die Größe der Straße über den Flüssen ist für Ärzte schön"
    table = opened(content_of([("C", "C", 100, 0)], [(text.encode("cp1252"),)] * 5))
    assert rules(table)["encoding-guessed"].remedy


def foxpro_memo(texts):
    content = struct.pack(">IHH", 0, 0, 64) + bytes(504)
    blocks = []
    for kind, text in texts:
        content += bytes(-len(content) % 64)
        blocks.append(len(content) // 64)
        content += struct.pack(">II", kind, len(text)) + text
    return content, blocks


def test_foxpro_memos_are_read_from_the_file_beside(opened, tmp_path):
    memo, blocks = foxpro_memo([(1, b"hello\x1aworld"), (0, b"\x89PNG")])
    (tmp_path / "A.FPT").write_bytes(memo)
    fields = [("TEXT", "M", 4, 0), ("PHOTO", "G", 4, 0)]
    table = opened(
        content_of(fields, [tuple(struct.pack("<I", block) for block in blocks), (bytes(4), bytes(4))], version=0x30)
    )
    assert rows(table) == [("hello\x1aworld", b"\x89PNG"), (None, None)]


def test_dbase_memos_end_with_their_mark_or_their_length(opened, tmp_path):
    (tmp_path / "a.dbt").write_bytes(bytes(512) + b"three\x1a\x1a".ljust(512, b"\0"))
    assert value(opened, ("M", "M", 10, 0), b"         1", version=0x83) == "three"
    (tmp_path / "a.dbt").write_bytes(bytes(512) + b"end\x1a")
    assert value(opened, ("M", "M", 10, 0), b"         1", version=0x83) == "end"
    four = b"\xff\xff\x08\x00" + struct.pack("<I", 12) + b"four"
    (tmp_path / "a.dbt").write_bytes(bytes(20) + struct.pack("<H", 512) + bytes(490) + four)
    assert value(opened, ("M", "M", 10, 0), b"         1", version=0x8B) == "four"


def test_an_absent_memo_file_leaves_its_columns_unknown_and_is_told(opened):
    table = opened(content_of([("M", "M", 10, 0)], [(b"         1",)], version=0x83))
    assert rows(table) == [(None,)]
    assert "memo-file-missing" in rules(table)


def test_a_memo_that_leads_out_of_its_file_is_unknown_and_told(opened, tmp_path):
    (tmp_path / "a.fpt").write_bytes(foxpro_memo([(1, b"x")])[0])
    table = opened(content_of([("M", "M", 4, 0)], [(struct.pack("<I", 99_999),)], version=0x30))
    assert rows(table) == [(None,)]
    assert rules(table)["memo-unreadable"].count == 1


def test_nulls_and_short_texts_of_visual_foxpro_are_told_by_its_hidden_field(opened):
    fields = [("V", "V", 5, 0, 0x02), ("N", "N", 4, 0, 0x02), ("_NullFlags", "0", 1, 0, 0x05)]
    records = [(b"ab\0\0\x02", b"   1", b"\x01"), (b"abcde", b"   2", b"\x04"), (b"fghij", b"   3", b"\x02")]
    assert rows(opened(content_of(fields, records, version=0x30))) == [("ab", 1), ("abcde", None), (None, 3)]


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "empty"),
    (bytes(500), "NULs"),
    (b"\x03" + bytes(10), "cut off"),
    (content_of(PEOPLE, [(b"Ada", b"19800102")])[:-12], "cut off"),
    (content_of(PEOPLE, [(b"Ada", b"19800102")], count=9), "cut off"),
    (content_of(PEOPLE, [], version=0x04), "dBase 7"),
    (content_of(PEOPLE, [], version=0x02), "dBase II"),
    (content_of(PEOPLE, [])[:15] + b"\x01" + content_of(PEOPLE, [])[16:], "encrypted"),
    (content_of([("_location", "C", 5, 0)], []), "_location"),
])  # fmt: skip
def test_what_cannot_be_read_whole_is_refused(tmp_path, content, reason):
    (tmp_path / "a.dbf").write_bytes(content)
    with pytest.raises(FileRefused, match=reason):
        dbf.tables(File(tmp_path / "a.dbf", "a.dbf"), dbf.Options(), limits=Limits())


def test_records_that_the_header_does_not_count_are_told(opened):
    table = opened(content_of(PEOPLE, [(b"Ada", b"19800102"), (b"Bob", b"19800102")], count=1))
    assert len(rows(table)) == 1
    assert rules(table)["records-uncounted"].count == 1


def test_pieces_are_bounded(opened):
    content = content_of(PEOPLE, [(b"Ada", b"19800102")] * 25)
    table = opened(content, limits=Limits(batch_rows=10))
    assert [piece.frame.height for piece in table.pieces()] == [10, 10, 5]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_damaged_bytes_are_read_or_refused(seed, tmp_path_factory):
    draw = random.Random(seed)
    content = bytearray(
        content_of([*PEOPLE, ("M", "M", 10, 0), ("N", "N", 6, 2)], [(b"Ada", b"19800102", b"1", b"1.5")] * 4)
    )
    for _ in range(draw.choice([1, 5, 30])):
        content[draw.randrange(len(content))] = draw.randrange(256)
    path = tmp_path_factory.mktemp("damage") / "a.dbf"
    path.write_bytes(content[: draw.choice([len(content), draw.randrange(len(content))])])
    path.with_suffix(".dbt").write_bytes(draw.randbytes(2000))
    file = File(path, path.name)
    dbf.recognises(file.head(), file)
    with contextlib.suppress(FileRefused):
        for table in dbf.tables(file, dbf.Options(), limits=Limits()):
            list(table.pieces())


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
@pytest.mark.parametrize(("name", "wanted"), [
    ("people.dbf", [("Alice", datetime.date(1987, 3, 1)), ("Bob", datetime.date(1980, 11, 12))]),
    ("invalid_value.dbf", [("Alice", None), ("Bob", datetime.date(1980, 11, 12))]),
    ("memotest.dbf", [
        ("Alice", datetime.date(1987, 3, 1), "Alice memo"), ("Bob", datetime.date(1980, 11, 12), "Bob memo"),
    ]),
])  # fmt: skip
def test_real_tables_have_the_rows_that_are_known_of_them(name, wanted):
    path = next(DATA.glob(f"**/{name}"))
    file = File(path, path.name)
    assert dbf.recognises(file.head(), file)
    assert rows(dbf.tables(file, dbf.Options(), limits=Limits())[0]) == wanted

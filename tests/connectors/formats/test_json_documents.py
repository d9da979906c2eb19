import json
import tracemalloc
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import nested_json
from connectors.formats.nested_json import stream
from connectors.formats.tables import File, Limits

USUAL = Limits()
SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def opened(tmp_path):
    """The tables of a JSON document."""

    def made(content, limits=USUAL, **options):
        (tmp_path / "a.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        return nested_json.tables(File(tmp_path / "a.json", "a.json"), nested_json.Options(**options), limits=limits)

    return made


def frame(table):
    return pl.concat([piece.frame for piece in table.pieces()])


def rows(table):
    return frame(table).drop("_position").rows()


def rejects(table):
    return [(at, why) for piece in table.pieces() for at, why, _ in piece.rejects]


ITEMS = '[{"id": 1, "price": 1.50, "to": {"city": "Bern", "geo": {"x": 7}}}, {"id": 2, "tags": ["a", 2]}]'
ROWS = [("1", "1.50", "Bern", "7", None), ("2", None, None, None, '["a", 2]')]


@pytest.mark.parametrize(
    "content", [ITEMS, f'{{"data": {{"count": 2, "items": {ITEMS}}}}}', f'{{"few": [{{"x": 1}}], "many": {ITEMS}}}']
)
def test_the_largest_array_of_objects_is_the_first_table(opened, content):
    table = opened(content)[0]
    assert table.schema.names() == ["id", "price", "to.city", "to.geo.x", "tags"]
    assert rows(table) == ROWS
    assert frame(table)["_position"].to_list() == [1, 2]


@pytest.mark.parametrize("record", ["$.data.items[*]", "data.items", "$['data'].items", "$.data['items'][*]"])
def test_records_are_taken_from_a_declared_path(opened, record):
    content = f'{{"other": [{{"x": 1}}, {{"x": 2}}, {{"x": 3}}], "data": {{"items": {ITEMS}}}}}'
    assert rows(opened(content, record=record)[0]) == ROWS


def test_records_within_records_are_taken_from_a_declared_path(opened):
    content = '{"orders": [{"lines": [{"n": 1}, {"n": 2}]}, {"lines": [{"n": 3}]}, {}]}'
    assert rows(opened(content, record="$.orders[*].lines[*]")[0]) == [("1",), ("2",), ("3",)]


def test_members_of_an_object_that_are_alike_are_rows_with_their_key(opened):
    table = opened('{"u1": {"name": "Ada", "age": 1}, "u2": {"name": "Ben"}}')[0]
    assert table.schema.names() == ["key", "name", "age"]
    assert rows(table) == [("u1", "Ada", "1"), ("u2", "Ben", None)]
    assert [one.rule for one in table.noticed] == ["rows-by-key"]


def test_a_document_without_an_array_is_one_row(opened):
    assert rows(opened('{"a": {"b": 1}, "c": null}')[0]) == [("1", None)]


def test_an_array_of_plain_values_is_one_column(opened):
    assert rows(opened('[1.0, "x", null, [2]]')[0]) == [("1.0",), ("x",), (None,), ("[2]",)]


def test_several_arrays_are_several_tables_and_told(opened):
    tables = opened(f'{{"few": [{{"x": 1}}], "many": {ITEMS}}}')
    assert [table.name for table in tables] == ["$.many", "$.few"]
    assert [one.rule for one in tables[0].noticed] == ["several-arrays"]


def test_an_element_that_has_no_single_meaning_is_a_reject_and_the_others_are_rows(opened):
    table = opened('[{"a": 1}, {"a": 1, "a": 2}, 7, {"a": "\\ud800"}, {"a.b": 1, "a": {"b": 2}}, {"a": 3}]')[0]
    assert frame(table)["_position"].to_list() == [1, 6]
    assert rejects(table) == [
        (2, "a name stands twice in one object"), (3, "not a JSON object"), (4, "half a character: a lone surrogate"),
        (5, "two of its values have one path"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends in the middle"), (b"\0" * 100, "ends in the middle"), (ITEMS[:-1], "ends in the middle"),
        (ITEMS[:40], "ends in the middle"), ('[{"a": 1}, ]', "not JSON at its character 12"),
        ('{"a": 1,}', "not JSON at its character"), ('{"a" 1}', "not JSON"),
        ('[{"a": 1}] x', "more than one JSON value"),
        ('{"a": 1}\n{"a": 2}', "read it as ndjson"), (b'["\xff"]', "not utf-8 text"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"), ('{"a": [], "a": []}', "names a key twice"),
        ("[{'a': 1}]", "not JSON"),
        ('["' + "x" * 2000 + '"]', "longer than 1,000 characters"),
    ],
)  # fmt: skip
def test_what_is_no_whole_document_is_refused(opened, monkeypatch, content, reason):
    monkeypatch.setattr(stream, "PORTION", 1000)
    with pytest.raises(FileRefused, match=reason):
        opened(content, Limits(cell_bytes=1000))


def test_a_path_that_leads_nowhere_is_refused_and_one_that_is_none_cannot_be_declared(opened):
    with pytest.raises(FileRefused, match=r"nothing at \$.data.lines"):
        opened('{"data": {"items": []}}', record="data.lines")
    with pytest.raises(ValueError, match="no path at character"):
        nested_json.Options(record="$.a[0]")


def test_a_byte_order_mark_and_utf_16_are_read(opened):
    assert rows(opened("\ufeff" + ITEMS)[0]) == ROWS
    assert rows(opened(ITEMS.encode("utf-16"))[0]) == ROWS


DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=12,
)


@given(document=DOCUMENTS, portion=st.integers(min_value=1, max_value=40))
@settings(max_examples=60, deadline=None)
def test_a_document_is_the_same_however_small_the_portions_are_that_it_is_read_in(tmp_path_factory, document, portion):
    path = tmp_path_factory.mktemp("portions") / "a.json"
    path.write_text(json.dumps([document, {"document": document}]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "PORTION", portion)
        options = nested_json.Options(flatten=False, record="$[*]")
        table = nested_json.tables(File(path, "a.json"), options, limits=Limits())[0]
        told = frame(table).rows(named=True)[-1]["document"]
    expected = document if document is None or isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    assert told == expected


def test_a_document_ten_times_larger_takes_no_more_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "PORTION", 10_000)

    def peak(count):
        path = tmp_path / f"{count}.json"
        many = ",".join(['{"x": "' + "y" * 90 + '"}'] * count)
        path.write_text(f'{{"skip": [{many}], "items": [{many}]}}')
        options, limits = nested_json.Options(record="items"), Limits(batch_rows=100)
        tracemalloc.start()
        height = sum(
            piece.frame.height for piece in nested_json.tables(File(path, "a.json"), options, limits=limits)[0].pieces()
        )
        told = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert height == count
        return told

    peak(100)
    assert peak(5_000) < 1.5 * peak(500)


@pytest.mark.parametrize(
    ("content", "name", "known"),
    [
        (ITEMS, "a.txt", True), ('{"a": 1}', "a", True), ("{}", "a.json", True), ("[]", "a", True),
        ("[1, 2]", "a", True),
        ("[section]\nkey=1\n", "a.ini", False), ("{key: 1}", "a.yaml", False), ("a,b\n", "a.json", False),
    ],
)  # fmt: skip
def test_a_document_is_recognised_by_how_it_begins(tmp_path, content, name, known):
    (tmp_path / name).write_text(content)
    file = File(tmp_path / name, name)
    assert nested_json.recognises(file.head(), file) is known


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not on this machine")
@pytest.mark.parametrize(
    ("name", "shape"),
    [("enterprise/tau-retail/data/users.json", 500), ("enterprise/tau-retail/data/orders.json", 1000),
     ("enterprise/tau-retail/data/products.json", 50), ("tableqa/tatqa/tatqa_dataset_dev.json", 278)],
)  # fmt: skip
def test_real_documents_give_a_row_for_each_record(name, shape):
    file = File(SHARED / name, name)
    table = nested_json.tables(file, nested_json.Options(), limits=Limits())[0]
    assert frame(table).height == shape
    assert len(table.schema) < 20

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import json_lines
from connectors.formats.tables import File, Limits

USUAL = Limits()


@pytest.fixture
def opened(tmp_path):
    """The one table of a file of JSON lines."""

    def made(content, limits=USUAL, **options):
        (tmp_path / "a.ndjson").write_bytes(content if isinstance(content, bytes) else content.encode())
        file = File(tmp_path / "a.ndjson", "a.ndjson")
        return json_lines.tables(file, json_lines.Options(**options), limits=limits)[0]

    return made


def frame(table):
    return pl.concat([piece.frame for piece in table.pieces()])


def rows(table):
    return frame(table).drop("_position").rows()


def rejects(table):
    return [(at, why) for piece in table.pieces() for at, why, _ in piece.rejects]


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ("12.50", "12.50"), ("1e400", "1e400"), ("12345678901234567890123", "12345678901234567890123"),
        ("-0", "-0"), ("0.1000000000000000055", "0.1000000000000000055"), ("NaN", "NaN"), ('"007"', "007"),
        ("true", "true"), ("null", None), ('""', ""), ('"\\u00e9\\ud83d\\ude00"', "é😀"),
        ('{"x": [1.50, "2", null, {"y": false}]}', '{"x": [1.50, "2", null, {"y": false}]}'), ("[]", "[]"),
    ],
)  # fmt: skip
def test_a_value_is_text_as_it_is_spelled(opened, spelled, text):
    assert rows(opened(f'{{"a": {spelled}, "b": "x"}}\n')) == [(text, "x")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1', "not JSON"), ("[1, 2]", "not a JSON object"), ("7", "not a JSON object"),
        ('{"a": 1, "a": 2}', "a name stands twice"), ('{"b": {"x": 1, "x": 1}}', "a name stands twice"),
        ('{"a" :1,"a" :2}', "a name stands twice"), ('{"a"\t:"\\":","a": "x"}', "a name stands twice"),
        ('{"a": 1} {"a": 2}', "not JSON"), ("[" * 100_000, "nested too deeply"),
        ('{"a": "\\ud800"}', "half a character"),
    ],
)  # fmt: skip
def test_a_line_that_is_not_one_object_is_a_reject(opened, line, reason):
    table = opened(f'{{"a": 1}}\n{line}\n{{"a": 3}}\n')
    assert frame(table)["_position"].to_list() == [1, 3]
    assert [(at, why.startswith(reason) or reason in why) for at, why in rejects(table)] == [(2, True)]


def test_colons_in_texts_are_no_repeated_keys(opened):
    assert rows(opened('{"a": "x:y \\": z", "b": {"c": ":"}}\n')) == [('x:y ": z', '{"c": ":"}')]


def test_a_line_of_other_bytes_is_a_reject(opened):
    table = opened(b'{"a": 1}\n{"a": "\xff"}\n{"a": 3}')
    assert rejects(table) == [(2, "not utf-8 text")]
    assert rows(table) == [("1",), ("3",)]


def test_a_key_that_appears_in_the_last_line_is_a_column_of_all_pieces(opened):
    table = opened('{"a": 1}\n' * 25 + '{"b": 2}', Limits(batch_rows=10))
    assert {tuple(piece.frame.columns) for piece in table.pieces()} == {("a", "b", "_position")}
    assert rows(table)[-1] == (None, "2")


def test_flattened_objects_are_columns_of_dotted_paths_and_lists_are_json(opened):
    content = '{"a": {"b": {"c": 1.0}, "d": [{"x": 1}]}}\n{"a": null, "e": {}}\n'
    table = opened(content, flatten=True)
    assert table.schema.names() == ["a.b.c", "a.d", "e"]
    assert rows(table) == [("1.0", '[{"x": 1}]', None), (None, None, "{}")]
    assert opened(content, flatten=True, whole=("a",)).schema.names() == ["a", "e"]


def test_two_values_of_one_path_are_a_reject(opened):
    assert rejects(opened('{"a.b": 1}\n{"a.b": 1, "a": {"b": 2}}\n', flatten=True)) == [
        (2, "two of its values have one path")
    ]


def test_an_object_whose_keys_are_ids_stays_whole(opened):
    lines = [json.dumps({"id": at, "lines": {f"k{at}{one}": {"n": one} for one in range(9)}}) for at in range(9)]
    assert opened("\n".join(lines), flatten=True).schema.names() == ["id", "lines"]


def test_a_key_without_a_name_gets_its_position_and_a_reserved_one_is_refused(opened):
    table = opened('{"a": 1, "": 2}\n')
    assert (table.schema.names(), [one.rule for one in table.noticed]) == (["a", "column_2"], ["unnamed-columns"])
    with pytest.raises(FileRefused, match="taken by provenance"):
        opened('{"_position": 1}\n')


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\0" * 500, b"no json\nat all\n", b"[1]\n[2]\n"])
def test_a_file_without_an_object_is_refused(opened, content):
    with pytest.raises(FileRefused):
        opened(content)


def test_more_keys_than_columns_can_be_are_refused(opened):
    with pytest.raises(FileRefused, match="more than 10,000 different keys"):
        opened(json.dumps({f"k{at}": at for at in range(10_001)}))


def test_a_line_that_is_too_long_is_a_reject(opened):
    table = opened('{"a": 1}\n{"a": "' + "x" * 3000 + '"}\n{"a": 2}\n', Limits(cell_bytes=1000))
    assert rows(table) == [("1",), ("2",)]
    assert rejects(table) == [(2, "longer than 1,000 characters")]


KEYS = st.text(min_size=1, max_size=5).filter(lambda key: key not in ("_location", "_position"))
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.lists(st.integers(), max_size=2))


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_every_object_comes_back_as_it_was_written(tmp_path_factory, objects):
    path = tmp_path_factory.mktemp("round") / "a.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))
    told = frame(json_lines.tables(File(path, "a.ndjson"), json_lines.Options(), limits=Limits())[0])
    for one, row in zip(objects, told.iter_rows(named=True), strict=True):
        expected = {
            k: v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in one.items()
        }
        assert {key: row[key] for key in one} == expected
        assert all(value is None for key, value in row.items() if key not in one and key != "_position")


@pytest.mark.parametrize(
    ("content", "name", "known"),
    [
        ('{"a": 1}\n{"a": 2}\n', "a.txt", True), ('\ufeff{"a": 1}\r\n{"a": 2}', "a", True),
        ('{"a": 1}\n', "a.jsonl", True),
        ('{"a": 1}\n', "a.json", False), ('{\n"a": 1}\n', "a.json", False), ('[{"a": 1},\n{"a": 2}]', "a.json", False),
        ("a,b\n1,2\n", "a.ndjson", False),
    ],
)  # fmt: skip
def test_json_lines_are_recognised_by_their_first_two_lines(tmp_path, content, name, known):
    (tmp_path / name).write_text(content)
    file = File(tmp_path / name, name)
    assert json_lines.recognises(file.head(), file) is known

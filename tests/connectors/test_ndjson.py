import pytest

from catalog.errors import SourceUnreadable
from connectors.formats import text_blocks

AB = {"a": "string", "b": "string"}


@pytest.fixture
def ndjson(export):
    return lambda content, physical="a.ndjson", **habits: export("ndjson", physical, AB, **habits).holds(
        content, "a.ndjson"
    )


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ("12.50", "12.50"), ("1e400", "1e400"), ("12345678901234567890123", "12345678901234567890123"),
        ("-0", "-0"), ("0.1000000000000000055", "0.1000000000000000055"), ("NaN", "NaN"), ('"007"', "007"),
        ("true", "true"), ("null", None), ('""', ""), ('"\\u00e9\\ud83d\\ude00"', "é😀"),
        ('{"x": [1.50, "2", null, {"y": false}]}', '{"x": [1.50, "2", null, {"y": false}]}'), ("[]", "[]"),
    ],
)  # fmt: skip
def test_a_value_is_text_as_it_is_spelled(ndjson, spelled, text):
    assert ndjson(f'{{"a": {spelled}, "b": "x"}}\n').rows() == [(text, "x")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1', "not JSON"), ("[1, 2]", "not a JSON object"), ("7", "not a JSON object"),
        ('{"a": 1, "a": 2}', "a name stands twice"), ('{"b": {"x": 1, "x": 1}}', "a name stands twice"),
        ('{"a": 1} {"a": 2}', "not JSON"), ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "[" * 900 + "]" * 900 + "}", "nested too deeply"), ('{"a": "\\ud800"}', "half a character"),
    ],
)  # fmt: skip
def test_a_line_that_is_not_one_object_is_a_reject(ndjson, line, reason):
    told = ndjson(f'{{"a": 1}}\n{line}\n{{"a": 3}}\n')
    rejects = told.rejects()
    if rejects:
        assert [number for number, _ in rejects] == [2]
        assert reason in rejects[0][1]
        assert told.positions() == [1, 3]
    else:
        assert reason == "nested too deeply", "how deep is too deep is Python's to say"


def test_a_line_of_other_bytes_is_a_reject(ndjson):
    told = ndjson(b'{"a": 1}\n{"a": "\xff"}\n{"a": 3}')
    assert told.rejects() == [(2, "not utf-8 text")]
    assert told.rows() == [("1", None), ("3", None)]


def test_a_key_that_appears_late_is_told_by_drift_and_is_in_every_batch(ndjson, monkeypatch):
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 8)
    told = ndjson('{"a": 1}\n' * 5 + '{"a": 2, "b": 3, "late": 4}\n', batch_rows=2)
    assert told.rows() == [("1", None, None)] * 5 + [("2", "3", "4")]
    assert told.rules() == {"drift/new-columns": False}
    assert told.drift()[0].sample_keys == ("late",)


def test_a_key_that_no_line_holds_is_a_missing_column(ndjson):
    assert ndjson('{"a": 1}\n').rules() == {"drift/missing-columns": True}


def test_blank_lines_are_no_rows_and_several_files_are_read(ndjson):
    told = ndjson('{"a": 1}\n\n{"a": 2}\n', physical="*.ndjson").holds('{"b": 3}\r\n', "b.ndjson")
    assert told.rows() == [("1", None), ("2", None), (None, "3")]
    assert told.positions() == [1, 3, 1]


def test_a_file_that_holds_nothing_is_refused(ndjson):
    with pytest.raises(SourceUnreadable, match="is empty"):
        ndjson("\n \n").batches()


def test_batches_are_bounded(ndjson):
    assert [batch.frame.height for batch in ndjson('{"a": 1}\n' * 25, batch_rows=10).batches()] == [10, 10, 5]

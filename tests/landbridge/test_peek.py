"""`landbridge peek` of a file: rows on stdout and nothing else, one line for every fault, no project needed."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from landbridge.cli import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def peek(tmp_path, monkeypatch):
    """The command in a folder of its own, and a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("LANDBRIDGE_PROJECT", raising=False)

    def peeked(*words):
        done = CliRunner().invoke(app, ["peek", *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return peeked


@pytest.fixture
def stock(tmp_path):
    frame = pl.DataFrame({
        "sku": ["A-1", "B-2", "C-3"], "price": [Decimal("1.50"), None, Decimal("1234567890123456789.01")],
        "parts": [[{"no": 1}], [], None],
    })  # fmt: skip
    frame.write_parquet(tmp_path / "stock.parquet")
    return frame


def test_the_view_shows_form_columns_and_first_rows_in_the_terminals_width(peek, stock):
    done = peek("stock.parquet", "--rows", "2")
    assert done.exit_code == 0, done.stderr
    assert "format: parquet" in done.stdout
    assert "price   decimal128(38, 2)" in done.stdout
    assert "A-1" in done.stdout
    assert "C-3" not in done.stdout
    rows = done.stdout.splitlines()[-6:]
    assert max(map(len, rows)) <= 80


def test_json_is_one_object_per_row_with_every_digit_and_nothing_else(peek, stock):
    done = peek("stock.parquet", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == '{"sku":"A-1","price":1.50,"parts":[{"no":1}]}'
    assert '"price":1234567890123456789.01' in lines[2]
    assert len(lines) == 3


def test_texts_are_arrays_with_the_header_first(peek, tmp_path):
    (tmp_path / "odd.csv").write_text("a;b\n1;x\n2\n3;y;z\n")
    done = peek("odd.csv", "--as-text")
    assert done.exit_code == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [["a", "b"], ["1", "x"], ["2"], ["3", "y", "z"]]


def test_what_no_row_can_be_made_of_is_told_beside_the_rows(peek, tmp_path):
    (tmp_path / "odd.csv").write_text("a;b\n" + "1;x\n" * 50 + "3;y;z\n")
    done = peek("odd.csv", "--json")
    assert len(done.stdout.splitlines()) == 50
    assert "record 52 is no row" in done.stderr


def test_meta_is_the_detection_alone(peek, tmp_path):
    (tmp_path / "names.csv").write_bytes("id;name\n1;Jürgen\n2;Zoë\n3;Ægir\n".encode("utf-16"))
    told = json.loads(peek("names.csv", "--meta").stdout)
    assert (told["format"], told["delimiter"]) == ("csv", ";")
    assert told["encoding"].lower().replace("_", "-").startswith("utf-16")
    assert [column["name"] for column in told["columns"]] == ["id", "name"]


def test_options_of_the_format_are_taken_and_checked(peek, tmp_path):
    (tmp_path / "names.csv").write_text("id|name\n1|Ann\n")
    done = peek("names.csv", "-o", "separator=,", "--json")
    assert json.loads(done.stdout) == {"id|name": "1|Ann"}
    for words, said in ((["-o", "seperator=,"], "Did you mean 'separator'?"), (["-o", "separator"], "NAME=VALUE")):
        done = peek("names.csv", *words)
        assert done.exit_code == 2
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1


BROKEN = (
    b"", b"\0" * 5000, b"PK\x03\x04 cut", b"PAR1 and no more", b"\x1f\x8b\x08 cut", b"%PDF-1.4 cut",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
)  # fmt: skip


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_is_exit_2_and_one_line(peek, tmp_path, content):
    (tmp_path / "broken.dat").write_bytes(content)
    done = peek("broken.dat")
    assert done.exit_code == 2, done.stdout
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr


WRONG = (
    ("nothing.csv",), ("no-such",), ("*.nothing",), ("stock.parquet", "--table", "x"),
    ("stock.parquet", "--format", "parqet"), ("stock.parquet", "--json", "--meta"),
    ("stock.parquet", "--rows", "-1"), ("sqlite:///nothing.db",), ("postgresql://me:secret@127.0.0.1:1/none",),
    ("ftp://example.org/x",),
)  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_bad_input_is_exit_2_and_one_line_without_a_secret(peek, stock, words):
    done = peek(*words)
    assert done.exit_code == 2, done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "secret" not in done.stderr


def test_a_reader_that_stops_listening_is_no_fault(peek, tmp_path):
    pl.DataFrame({"n": range(300_000)}).write_parquet(tmp_path / "many.parquet")
    code = f"cd {tmp_path} && {sys.executable} -m landbridge peek many.parquet --json | head -1"
    done = subprocess.run(
        ["sh", "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert (done.stdout, done.stderr) == ('{"n":0}\n', "")


def test_a_dataset_of_the_project_is_told_as_before_and_masked(peek, shop_folder):
    done = peek("customers", "--project", str(shop_folder), "--json")
    assert json.loads(done.stdout)["rows"][0]["MAIL"] == "***"

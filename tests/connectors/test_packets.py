"""Cells as MariaDB sends them, at every length where their layout changes, are told as the driver itself tells them."""

import polars as pl
from polars.testing import assert_frame_equal

LENGTHS = [None, 0, 1, 3, 4, 5, 11, 12, 13, 249, 250, 251, 252, 255, 256, 65_535, 65_536, 70_000]


def _texts(unit):
    return [None if length is None else unit * (length // len(unit.encode())) for length in LENGTHS]


def test_texts_of_every_length_and_none_come_whole_whatever_stands_beside_them(mariadb):
    columns = [_texts("a"), _texts("é")[::-1], _texts("🙂")[7:] + _texts("🙂")[:7]]
    rows = [[str(at), *cells] for at, cells in enumerate(zip(*columns, strict=True))]
    literals = [["NULL" if cell is None else f"'{cell}'" for cell in row] for row in rows]
    mariadb.table("id int PRIMARY KEY, a longtext, b longtext CHARACTER SET utf8mb4, c longblob", *literals)
    for habits in ({}, {"batch_rows": 5}, {"batch_bytes": 10_000}):
        told = mariadb.export({"id": "integer"}, key="id", **habits)
        plain = mariadb.export({"id": "integer"}, key="id", reader="plain")
        assert {batch.path for batch in told.batches()} == {"packets"}
        assert_frame_equal(told.frame(), plain.frame())
    assert told.frame()["a"].to_list() == columns[0]
    assert told.frame().schema["c"] == pl.Binary


def test_a_column_without_a_value_and_one_of_empty_texts_come_so(mariadb):
    mariadb.table("id int PRIMARY KEY, a varchar(5), b varchar(5)", *((str(at), "NULL", "''") for at in range(9)))
    assert mariadb.export({"id": "integer"}, key="id").rows() == [(at, None, "") for at in range(9)]

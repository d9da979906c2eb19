import pytest

from connectors.declared_types import change, change_from_contract

WIDENED = [
    # before, now: every value of before fits now
    ("varchar(20)", "varchar(50)"), ("varchar(20)", "text"), ("tinytext", "text"),
    ("smallint", "integer"), ("int", "bigint"), ("int unsigned", "bigint"), ("int32", "int64"),
    ("tinyint(1)", "integer(11)"),
    ("numeric(8, 2)", "numeric(12, 2)"), ("numeric(8, 2)", "numeric"), ("decimal(9, 0)", "bigint"),
    ("integer", "numeric(10, 0)"),
    ("integer", "double precision"), ("real", "double"), ("float", "double"), ("numeric(12, 2)", "double precision"),
    ("date", "timestamp without time zone"), ("date32[day]", "timestamp[us]"), ("datetime", "datetime(6)"),
    ("timestamp(0) without time zone", "timestamp without time zone"), ("time(0)", "time"),
    ("enum('a','b')", "enum('a','b','c')"), ("enum('a','bb')", "varchar(2)"), ("set('a','b')", "text"),
    ("json", "text"),
    ("varbinary(8)", "blob"),
]  # fmt: skip
NARROWED = [
    ("varchar(50)", "varchar(20)"), ("text", "varchar(255)"), ("text", "enum('a','b')"), ("bigint", "integer"),
    ("bigint", "int unsigned"), ("int", "int unsigned"), ("numeric(12, 2)", "numeric(8, 2)"),
    ("numeric(12, 2)", "numeric(12, 4)"),
    ("numeric", "numeric(38, 2)"), ("numeric(12, 2)", "integer"), ("bigint", "double precision"),
    ("double precision", "real"),
    ("double precision", "numeric(12, 2)"), ("timestamp with time zone", "date"),
    ("timestamp without time zone", "date"),
    ("timestamp with time zone", "timestamp without time zone"), ("timestamp[ns]", "timestamp[s]"),
    ("datetime(6)", "datetime"),
    ("enum('a','b')", "enum('a')"), ("enum('a','bb')", "char(1)"), ("text", "jsonb"), ("bytea", "binary(4)"),
    ("date", "timestamp with time zone"),
]  # fmt: skip
RETYPED = [
    ("integer", "varchar(20)"), ("varchar(20)", "integer"), ("date", "text"), ("uuid", "text"),
    ("boolean", "integer"),
    ("timestamp without time zone", "timestamp with time zone"), ("date", "time"),
    ("enum('a')", "enum('b')"), ("integer", "integer[]"), ("interval", "integer"), ("bytea", "text"),
    ("point", "polygon"),
]  # fmt: skip
SAME = [
    ("varchar(50)", "varchar(50) collate utf8mb4_bin"), ("int", "integer(11)"), ("int8", "bigint"),
    ("decimal(8, 2)", "numeric(8,2)"),
    ("VARCHAR(5)", "varchar(5)"), ("text", "longtext"), ("timestamptz", "timestamp with time zone"), ("mood", "mood"),
    ("character varying(5)", "varchar(5)"), ("json", "jsonb"), ("char(3)", "varchar(3)"),
    ("float(53)", "double precision"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [(*pair, told)
     for told, pairs in (("widened", WIDENED), ("narrowed", NARROWED), ("retyped", RETYPED), ("same", SAME))
     for pair in pairs],
)  # fmt: skip
def test_a_change_of_type_is_told_by_what_it_can_hold(before, now, told):
    assert change(before, now) == told


@pytest.mark.parametrize(("before", "now"), WIDENED)
def test_the_way_back_from_wider_is_narrower(before, now):
    assert change(now, before) == "narrowed"


@pytest.mark.parametrize(
    ("promised", "now", "told"),
    [
        ("VARCHAR", "varchar(20)", "same"), ("varchar(50)", "varchar(20)", "narrowed"),
        ("decimal", "numeric(8, 2)", "same"),
        ("int", "bigint", "widened"), ("timestamptz", "date", "narrowed"), ("VARCHAR", "integer", "retyped"),
        ("whatever the vendor says", "integer", "same"), ("enum", "enum('a')", "same"),
    ],
)  # fmt: skip
def test_a_contract_that_gives_no_size_promises_none(promised, now, told):
    assert change_from_contract(promised, now) == told

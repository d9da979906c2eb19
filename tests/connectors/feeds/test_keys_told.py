"""Keys of every type come out of a change log as the reader of the table carries them."""

import polars as pl
import pytest

from evals.clusters import MariadbCluster, PostgresCluster

TEXTS = ["", " ", "a'b", 'a"b', "\\", "é漢🚲", "\\N", "null", "a\tb\nc", "%s {x}", "X'00'"]


def test_any_text_is_a_key(server, follow):
    collation = "" if isinstance(server, PostgresCluster) else "COLLATE utf8mb4_nopad_bin"
    server.run(f"CREATE TABLE things (k varchar(40) {collation} PRIMARY KEY)")
    feed = follow(server).begin()
    with server.engine().connect() as connection:
        for text in TEXTS:
            connection.exec_driver_sql("INSERT INTO things VALUES (%s)", (text,))
    assert feed.told(schema={"k": pl.String()}) == sorted(TEXTS)


BOTH = [
    ("smallint", "-32768; 0; 7"), ("bigint", "-9223372036854775808; 9223372036854775807"),
    ("numeric(38,19)", "-1234567890123456789.1234567890123456789; 0; -0.5; 12"), ("numeric(9,0)", "-12; 123456789"),
    ("numeric(12,3)", "-123456789.125; 0.001"), ("date", "'2024-02-29'; '0999-01-01'"), ("time", "'23:59:59'"),
    ("timestamp(6)", "'2024-07-01 10:00:00.000001'"), ("double precision", "0.1; -1e-12"), ("char(5)", "'ab'"),
]  # fmt: skip
POSTGRESQL = [
    ("uuid", "'123e4567-e89b-12d3-a456-426655440000'"), ("bytea", "'\\x00ff'; ''"), ("boolean", "true; false"),
    ("timestamptz", "'2024-07-01 10:00:00.5+02'; '2024-01-01 00:00:00+05:30'"), ("numeric", "1e20; 0.10"),
    ("date", "'infinity'; '2024-01-05'"), ("date", "'0044-03-15 BC'"), ("timestamp", "'-infinity'"), ("real", "0.1"),
    ("inet", "'10.0.0.1/8'"), ("interval", "'1 month 2 days'"), ("time", "'24:00'; '01:02:03.5'"), ("name", "'x'"),
    ("timetz", "'10:00:00+02'"), ("bit(3)", "B'101'"), ("int4range", "'[1,5)'"), ("oid", "4294967295"),
    ("int[]", "'{1,2,NULL}'"),
]  # fmt: skip
MARIADB = [
    ("tinyint unsigned", "255; 1"), ("mediumint", "-8388608; 5"), ("mediumint unsigned", "16777215"), ("year", "2024"),
    ("int unsigned", "4294967295"), ("bigint unsigned", "18446744073709551615"), ("bit(9)", "b'101010101'"),
    ("datetime", "'2024-01-01 10:11:12'"), ("datetime(1)", "'9999-12-31 23:59:59.9'"), ("date", "'0000-00-00'"),
    ("datetime(3)", "'2024-01-01 10:11:12.012'"), ("time(6)", "'01:02:03.000004'"), ("decimal(5,5)", "0.12345; -0.1"),
    ("time", "'838:59:59'; '-00:00:01'"), ("time(2)", "'-00:00:01.10'; '-00:00:00.01'; '12:00:00.5'"),
    ("time(5)", "'-800:59:01.00001'"), ("timestamp", "'2024-07-01 08:00:00'"), ("binary(4)", "x'61000000'"),
    ("binary(4)", "x'00000000'"),
    ("timestamp(3)", "'2038-01-01 00:00:00.999'"), ("enum('x','it''s')", "'it''s'"), ("set('b','a')", "'a,b'; ''"),
    ("uuid", "'123e4567-e89b-12d3-a456-426655440000'; '01890a5d-ac96-774b-bcce-b302099a8057'"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'"), ("varbinary(300)", "x'00ff'; x''"),
    ("decimal(65,30)", "-12.5; 99999999999999999999999999999999999"), ("char(200)", "repeat('é', 200)"),
    ("varchar(20) CHARACTER SET latin1", "'é€'; 'ab  '"), ("char(20) CHARACTER SET utf16", "'é漢🚲'"),
    ("varchar(255)", "repeat('é', 255)"),
]  # fmt: skip


def same_as_read(feed, declared, literals):
    """What the log tells of a key column is what the reader of the table carries."""
    feed.run(f"CREATE TABLE things (a text, k {declared}, b int, PRIMARY KEY (k))")
    feed.begin()
    mode = "SET STATEMENT sql_mode='', time_zone='+00:00' FOR " if isinstance(feed.cluster, MariadbCluster) else ""
    rows = ", ".join(f"({literal}, 1)" for literal in literals.split("; "))
    feed.run(f"{mode}INSERT INTO things (k, b) VALUES {rows}")
    read = feed.read()
    told = feed.touched(schema=dict(read.schema))
    feed.run("UPDATE things SET b = 2", "DELETE FROM things")
    again = feed.touched(schema=dict(read.schema))
    for one in (told, again):
        assert one.keys is not None, one.why
        assert one.keys.schema == read.schema
        assert sorted(map(repr, one.keys.rows())) == sorted(map(repr, read.rows()))


@pytest.mark.parametrize(("declared", "literals"), BOTH)
def test_a_key_is_told_as_the_reader_carries_it(server, follow, declared, literals):
    same_as_read(follow(server), declared, literals)


@pytest.mark.parametrize(("declared", "literals"), POSTGRESQL)
def test_a_key_of_postgresql_is_told_as_the_reader_carries_it(pg, follow, declared, literals):
    same_as_read(follow(pg), declared, literals)


@pytest.mark.parametrize(("declared", "literals"), MARIADB)
def test_a_key_of_mariadb_is_told_as_the_reader_carries_it(my, follow, declared, literals):
    same_as_read(follow(my), declared, literals)


@pytest.mark.parametrize(("declared", "dtype"), [("date", pl.Date()), ("numeric(10,3)", pl.Decimal(10, 2))])
def test_a_key_that_does_not_fit_its_type_is_a_reason_to_read_whole(pg, follow, declared, dtype):
    pg.run(f"CREATE TABLE things (k {declared} PRIMARY KEY)")
    feed = follow(pg).begin()
    feed.run(f"INSERT INTO things VALUES ({'1.005' if 'numeric' in declared else chr(39) + 'infinity' + chr(39)})")
    why = feed.why(schema={"k": dtype})
    assert why.startswith("the change log tells a value of 'k' that is no ")
    assert "infinity" not in why
    assert "1.005" not in why


def test_a_type_that_the_binary_log_tells_otherwise_is_a_reason_to_read_whole(my, follow):
    my.run("CREATE TABLE things (k float PRIMARY KEY)")
    feed = follow(my).begin()
    assert "of type float" in feed.why(schema={"k": pl.Float64()})


AROUND = {
    "tinyint": "1", "smallint": "2", "mediumint": "3", "int": "4", "bigint": "5", "float": "1.5", "double": "2.5",
    "decimal(30,7)": "-1.25", "char(3)": "'a'", "char(255)": "'é'", "varchar(3)": "'b'",
    "varchar(400)": "repeat('c', 400)", "tinytext": "'d'", "text": "repeat('e', 60000)", "mediumtext": "'f'",
    "longtext": "'g'", "blob": "x'00'", "date": "'2024-01-01'", "time(3)": "'-10:00:00.5'",
    "datetime(2)": "'2024-01-01'", "timestamp(6)": "'2024-01-01'", "year": "2024", "bit(17)": "b'1'",
    "enum('a','b')": "'b'", "set('a','b')": "'a,b'", "json": "'{}'", "point": "point(1, 2)", "uuid": "uuid()",
    "inet6": "'::1'", "varchar(900) COMPRESSED": "repeat('h', 900)", "text COMPRESSED": "repeat('i', 900)",
    "binary(20)": "x'00'", "varbinary(300)": "x'0001'",
}  # fmt: skip


def test_rows_around_the_key_may_be_of_any_type_and_null(my, follow):
    columns = ", ".join(f"c{at} {declared} NULL" for at, declared in enumerate(AROUND))
    my.run(f"CREATE TABLE things ({columns}, k int PRIMARY KEY)")
    feed = follow(my).begin()
    half = ", ".join(value if at % 2 else "NULL" for at, value in enumerate(AROUND.values()))
    feed.run(f"INSERT INTO things VALUES ({', '.join(AROUND.values())}, 1)", "INSERT INTO things (k) VALUES (2)",
             f"INSERT INTO things VALUES ({half}, 3)", "UPDATE things SET c11 = NULL, k = k + 10",
             "DELETE FROM things WHERE k = 12")  # fmt: skip
    assert feed.told() == [1, 2, 3, 11, 12, 13]


def test_a_log_with_only_what_changed_tells_the_keys_too(my, follow):
    my.run(
        "CREATE TABLE things (a int, k int, b int, j int, PRIMARY KEY (k, j))",
        "INSERT INTO things VALUES (1, 1, 1, 1), (2, 2, 2, 2)",
    )
    feed = follow(my, keys=("j", "k")).begin()
    feed.run("SET SESSION binlog_row_image = 'MINIMAL'", "UPDATE things SET k = 5 WHERE k = 1",
             "UPDATE things SET b = 5 WHERE k = 2", "DELETE FROM things WHERE k = 2",
             "INSERT INTO things (k, j) VALUES (9, 9)")  # fmt: skip
    assert feed.told() == [(1, 1), (1, 5), (2, 2), (9, 9)]

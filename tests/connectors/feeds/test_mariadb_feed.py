"""MariaDB's binary log: followed over files, compressed or not, and refused where it leaves something out."""

import time

import pymysql
import pytest

from catalog.errors import SourceUnreadable


def test_the_log_is_followed_over_several_files(logged):
    for k in range(10, 15):
        logged.run(f"INSERT INTO things VALUES ({k}, 'x')", "FLUSH BINARY LOGS")
    assert logged.told() == [10, 11, 12, 13, 14]


def test_a_log_that_was_purged_is_a_reason_to_read_whole(logged):
    logged.run("FLUSH BINARY LOGS", "INSERT INTO things VALUES (3, 'x')", "FLUSH BINARY LOGS")
    last = logged.run("SHOW MASTER STATUS")[0][0]
    while len(logged.run("SHOW BINARY LOGS")) > 1:  # the server may still hold on to an old one for a moment
        logged.run(f"PURGE BINARY LOGS TO '{last}'")
    assert "no longer holds" in logged.why()


def test_a_log_that_was_begun_anew_is_a_reason_to_read_whole(logged):
    time.sleep(1.1)  # a file is known by the second it was made in
    logged.run("RESET MASTER")
    assert logged.why()
    logged.begin()
    time.sleep(1.1)
    logged.run("RESET MASTER", "INSERT INTO things VALUES (3, repeat('x', 1000))")
    assert logged.why()


@pytest.mark.parametrize("statements", [
    "SET SESSION binlog_format = 'STATEMENT'; UPDATE things SET v = 'q'", "ALTER TABLE things ENGINE = Aria",
    "RENAME TABLE things TO gone; RENAME TABLE gone TO things", "TRUNCATE test.things",
    "CREATE OR REPLACE TABLE things (k int PRIMARY KEY, v text)",
    "DROP TABLE IF EXISTS `things`; CREATE TABLE things (k int PRIMARY KEY, v text)",
])  # fmt: skip
def test_a_statement_about_the_table_is_a_reason_to_read_whole(logged, statements):
    logged.run(*statements.split("; "))
    assert "alter" in logged.why()


def test_a_statement_about_a_table_of_the_same_name_elsewhere_is_not(logged):
    logged.run("CREATE DATABASE other")
    logged.cluster.run(
        "CREATE TABLE things (k int)", "TRUNCATE TABLE things", "INSERT INTO things VALUES (7)", database="other"
    )
    logged.run(
        "GRANT SELECT ON things TO landbridge",
        "ANALYZE TABLE things",
        "CREATE TABLE things2 (k int)",
        "INSERT INTO things VALUES (3, 'x')",
    )
    assert logged.told() == [3]


def test_large_rows_that_the_server_compresses_are_told(logged):
    logged.run("INSERT INTO things SELECT seq, repeat('x', 3000) FROM seq_100_to_150",
               "UPDATE things SET v = repeat('y', 3000) WHERE k > 140", "DELETE FROM things WHERE k > 140")  # fmt: skip
    assert logged.told() == list(range(100, 151))


@pytest.fixture
def prepared(logged):
    """A thing numbered 5 in a distributed transaction that outlives its connection, and how to end it."""
    logged_in = {"user": "landbridge", "password": "landbridge", "database": "test", "autocommit": True}

    def said(*statements):
        link = pymysql.connect(host="127.0.0.1", port=logged.cluster.port, **logged_in)
        for statement in statements:
            link.cursor().execute(statement)
        link.close()

    def prepare():
        said(
            "XA START 'a', 'b', 3", "INSERT INTO things VALUES (5, 'x')", "XA END 'a', 'b', 3", "XA PREPARE 'a', 'b', 3"
        )

    yield prepare, said
    if logged.run("XA RECOVER"):
        said("XA ROLLBACK 'a', 'b', 3")


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_distributed_transaction_is_told_again_until_it_ended(logged, prepared, end):
    prepare, said = prepared
    prepare()
    logged.run("INSERT INTO things VALUES (6, 'x')")
    assert logged.told() == [5, 6]
    assert logged.told() == [5, 6]
    said(f"XA {end} 'a', 'b', 3")
    assert logged.told() == [5, 6]
    assert logged.told() == []


def test_a_distributed_transaction_from_before_the_beginning_is_a_reason_to_read_whole(logged, prepared):
    prepare, said = prepared
    prepare()
    logged.begin()
    assert logged.told() == []
    said("XA COMMIT 'a', 'b', 3")
    assert "distributed transaction" in logged.why()


@pytest.mark.parametrize("action", ["ON DELETE CASCADE", "ON UPDATE SET NULL"])
def test_a_table_that_changes_by_a_cascade_is_refused(my, follow, action):
    my.run(
        "CREATE TABLE owners (k int PRIMARY KEY)",
        f"CREATE TABLE things (k int PRIMARY KEY, o int, FOREIGN KEY (o) REFERENCES owners (k) {action})",
    )
    with pytest.raises(SourceUnreadable, match="cascade"):
        follow(my).begin()


def test_a_view_has_no_log(my, follow):
    my.run("CREATE VIEW things AS SELECT 1 AS k")
    with pytest.raises(SourceUnreadable, match="no plain table"):
        follow(my).begin()


def test_a_user_without_the_right_is_told_which_one(logged, follow):
    logged.run("CREATE OR REPLACE USER s3cret@'%' IDENTIFIED BY 's3cret'", "GRANT SELECT ON test.* TO s3cret@'%'")
    reader = follow(logged.cluster, user="s3cret")
    with pytest.raises(SourceUnreadable, match=r"GRANT REPLICATION SLAVE.* ON \*\.\* TO 's3cret'") as caught:
        reader.begin()
    assert ":s3cret" not in str(caught.value)
    logged.run("GRANT REPLICATION SLAVE ON *.* TO s3cret@'%'")
    reader.begin().run("INSERT INTO things VALUES (9, 'x')")
    assert reader.told() == [9]


@pytest.mark.parametrize(("settings", "why"), [
    ({"log_bin": None}, "keeps no binary log"), ({"binlog_format": "MIXED"}, "binlog_format is MIXED"),
    ({"binlog_ignore_db": "test"}, "leave the schema 'test' out"),
])  # fmt: skip
def test_a_server_whose_log_does_not_tell_every_row_is_refused(special, follow, settings, why):
    server = special("mariadb", **settings)
    server.run("CREATE TABLE things (k int PRIMARY KEY)")
    with pytest.raises(SourceUnreadable, match=why):
        follow(server).begin()

"""PostgreSQL's slots and publications: made, trusted, refused, removed."""

import threading

import polars as pl
import pytest
from psycopg import pq

from catalog.errors import SourceUnreadable
from connectors.sql.feeds import postgresql, standing


def slots(pg):
    return pg.run("SELECT slot_name FROM pg_replication_slots")


def test_the_slot_and_the_publication_are_named_after_source_and_dataset(slotted):
    assert slots(slotted.cluster) == [("landbridge_plant_things",)]
    assert slotted.run("SELECT pubname FROM pg_publication") == [("landbridge_plant_things",)]


def test_a_name_that_a_slot_cannot_have_is_made_one(slotted):
    dataset = slotted.dataset.model_copy(update={"name": "Überlange-Namen" * 9})
    name, _ = standing.names(slotted.source, dataset)
    assert len(name) <= 63
    assert name != standing.names(slotted.source, dataset.model_copy(update={"name": "Überlange-Namen" * 8}))[0]
    assert name.isascii() and name == name.lower()


def test_what_is_kept_on_the_server_is_told_and_removed(slotted):
    slotted.run("INSERT INTO things SELECT g, repeat('x', 1000) FROM generate_series(10, 3000) g")
    assert slotted.held_back() > 3_000_000
    for _ in range(3):  # the slot moves on to what was kept, and the server's mark follows at its checkpoints
        slotted.told()
        slotted.run("CHECKPOINT")
    assert slotted.held_back() < 3_000_000
    slotted.forget()
    slotted.forget()
    assert slots(slotted.cluster) == []
    assert slotted.run("SELECT pubname FROM pg_publication") == []
    assert slotted.held_back() == 0


def test_a_publication_of_somebody_else_is_used_and_stays(pg, follow):
    pg.run("CREATE TABLE things (k int PRIMARY KEY, v text)", "CREATE TABLE others (k int PRIMARY KEY)",
           "CREATE PUBLICATION everything FOR ALL TABLES")  # fmt: skip
    feed = follow(pg, publication="everything", slot="mine").begin()
    feed.run("INSERT INTO things VALUES (1, 'x')", "INSERT INTO others VALUES (2)", "TRUNCATE others")
    assert feed.told() == [1]
    feed.forget()
    assert feed.run("SELECT pubname FROM pg_publication") == [("everything",)]


@pytest.mark.parametrize("what", ["WITH (publish = 'insert')", "WHERE (k > 5)"])
def test_a_publication_that_leaves_changes_out_is_refused(pg, follow, what):
    pg.run("CREATE TABLE things (k int PRIMARY KEY, v text)", f"CREATE PUBLICATION part FOR TABLE things {what}")
    with pytest.raises(SourceUnreadable, match="leaves out some changes"):
        follow(pg, publication="part").begin()


@pytest.mark.parametrize("statement", ["SELECT pg_drop_replication_slot('landbridge_plant_things')",
                                       'DROP PUBLICATION "landbridge_plant_things"',
                                       "ALTER PUBLICATION landbridge_plant_things SET TABLE others"])  # fmt: skip
def test_a_slot_or_a_publication_that_is_gone_is_made_again_by_a_whole_read(slotted, statement):
    slotted.run("CREATE TABLE others (k int)", "UPDATE things SET v = 'z' WHERE k = 1", statement)
    assert "landbridge_plant_things" in slotted.why()
    if "ALTER" in statement:
        slotted.run("ALTER PUBLICATION landbridge_plant_things SET TABLE things")
    slotted.begin().run("UPDATE things SET v = 'z' WHERE k = 2")
    assert slotted.told() == [2]


def test_a_slot_that_somebody_moved_on_is_a_reason_to_read_whole(slotted):
    slotted.run("UPDATE things SET v = 'z' WHERE k = 1",
                "SELECT pg_replication_slot_advance('landbridge_plant_things', pg_current_wal_lsn())")  # fmt: skip
    assert "moved on" in slotted.why()


def test_a_slot_that_lost_its_log_is_made_anew(special, follow):
    server = special("postgresql", max_slot_wal_keep_size="1MB", max_wal_size="32MB")
    server.run("CREATE TABLE things (k int PRIMARY KEY, v text)", "CREATE TABLE others (v text)")
    feed = follow(server).begin()
    while server.run("SELECT wal_status FROM pg_replication_slots") != [("lost",)]:
        server.run("INSERT INTO others SELECT repeat('x', 500) FROM generate_series(1, 20000)",
                   "SELECT pg_switch_wal()", "CHECKPOINT")  # fmt: skip
    assert "gave up its log" in feed.why()
    feed.begin().run("INSERT INTO things VALUES (-1, 'x')")
    assert feed.told() == [-1]


def test_a_promoted_server_is_a_reason_to_read_whole(slotted):
    slotted.cursor["timeline"] += 1
    assert "promoted" in slotted.why()


def test_a_slot_in_use_is_refused_in_one_line(slotted, monkeypatch):
    monkeypatch.setattr(postgresql, "FREE_WITHIN", 0.1)
    url = slotted.cluster.location().replace("+psycopg", "") + "?replication=database"
    other = pq.PGconn.connect(url.encode())
    other.exec_(b"START_REPLICATION SLOT landbridge_plant_things LOGICAL 0/0"
                b" (proto_version '1', publication_names 'landbridge_plant_things')")  # fmt: skip
    try:
        with pytest.raises(SourceUnreadable, match="in use by process"):
            slotted.touched()
    finally:
        other.finish()


def test_a_slot_of_another_database_or_plugin_is_refused(slotted, follow):
    slotted.run("CREATE DATABASE elsewhere")
    slotted.cluster.run("SELECT pg_create_logical_replication_slot('far', 'pgoutput')", database="elsewhere")
    slotted.run("SELECT pg_create_logical_replication_slot('plain', 'test_decoding')")
    for slot, what in [("far", "of another database"), ("plain", "made for test_decoding")]:
        with pytest.raises(SourceUnreadable, match=what):
            follow(slotted.cluster, slot=slot).begin()
    slotted.cluster.run("SELECT pg_drop_replication_slot('far')", database="elsewhere")
    slotted.run("DROP DATABASE elsewhere")


def test_a_key_that_the_log_does_not_name_is_refused_with_the_statement_that_helps(pg, follow):
    pg.run("CREATE TABLE things (id int PRIMARY KEY, k int NOT NULL UNIQUE, v text)")
    with pytest.raises(SourceUnreadable, match=r"by 'id', not by .*ALTER TABLE \"things\" REPLICA IDENTITY"):
        follow(pg).begin()
    assert slots(pg) == []
    for identity in ("USING INDEX things_k_key", "FULL"):
        pg.run(f"ALTER TABLE things REPLICA IDENTITY {identity}", "TRUNCATE things")
        feed = follow(pg).begin()
        feed.run(
            "INSERT INTO things VALUES (1, 10, 'x')",
            "UPDATE things SET k = 11",
            "UPDATE things SET v = 'z'",
            "DELETE FROM things",
        )
        assert feed.told() == [10, 11]


def test_a_long_key_is_told_where_long_values_stand_before_it(pg, follow):
    long = "(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 9000) g)"
    pg.run("CREATE TABLE things (v text, k text NOT NULL)", "ALTER TABLE things REPLICA IDENTITY FULL",
           "ALTER TABLE things ALTER v SET STORAGE EXTERNAL, ALTER k SET STORAGE EXTERNAL",
           f"INSERT INTO things SELECT {long}, repeat('key', 5000)")  # fmt: skip
    feed = follow(pg).begin()
    feed.run("UPDATE things SET v = v || 'x'", "INSERT INTO things VALUES ('', 'short')", "DELETE FROM things")
    assert feed.told(schema={"k": pl.String()}) == ["key" * 5000, "short"]


def test_a_partitioned_table_is_one_table(pg, follow):
    pg.run("CREATE TABLE things (k int, part int, v text, PRIMARY KEY (k, part)) PARTITION BY LIST (part)",
           "CREATE TABLE things_1 PARTITION OF things FOR VALUES IN (1)",
           "CREATE TABLE things_2 PARTITION OF things FOR VALUES IN (2)",
           "INSERT INTO things VALUES (1, 1, 'a')")  # fmt: skip
    feed = follow(pg, keys=("k", "part")).begin()
    feed.run("INSERT INTO things VALUES (2, 2, 'b')", "UPDATE things SET part = 2 WHERE k = 1")
    assert feed.told() == [(1, 1), (1, 2), (2, 2)]
    feed.run("TRUNCATE things_2")
    assert feed.why()
    feed.begin().run("CREATE TABLE filled (k int, part int, v text, PRIMARY KEY (k, part))",
                     "INSERT INTO filled VALUES (9, 3, 'c')",
                     "ALTER TABLE things ATTACH PARTITION filled FOR VALUES IN (3)")  # fmt: skip
    assert "altered" in feed.why()


def test_a_table_that_others_inherit_from_shows_their_rows(pg, follow):
    pg.run("CREATE TABLE things (k int PRIMARY KEY)", "CREATE TABLE special (w int, PRIMARY KEY (k)) INHERITS (things)")
    feed = follow(pg).begin()
    feed.run("INSERT INTO special VALUES (5, 1)", "INSERT INTO things VALUES (6)")
    assert feed.told() == [5, 6]


@pytest.mark.parametrize(
    "statement", ["CREATE VIEW things AS SELECT 1 AS k", "CREATE UNLOGGED TABLE things (k int PRIMARY KEY)"]
)
def test_what_no_log_tells_of_is_refused(pg, follow, statement):
    pg.run(statement)
    with pytest.raises(SourceUnreadable, match="no plain table"):
        follow(pg).begin()


def test_a_user_without_the_right_is_told_which_one(slotted, follow):
    slotted.run("DROP ROLE IF EXISTS s3cret", "CREATE ROLE s3cret LOGIN PASSWORD 's3cret'",
                "GRANT USAGE ON SCHEMA public TO s3cret", "GRANT SELECT ON things TO s3cret")  # fmt: skip
    reader = follow(slotted.cluster, user="s3cret")
    reader.cursor = slotted.cursor
    slotted.run("INSERT INTO things VALUES (8, 'x')")
    with pytest.raises(SourceUnreadable, match=r'ALTER ROLE "s3cret" REPLICATION') as caught:
        reader.touched()
    assert ":s3cret" not in str(caught.value)
    slotted.forget()
    with pytest.raises(SourceUnreadable, match=r'CREATE PUBLICATION "landbridge_plant_things" FOR TABLE "things"'):
        reader.begin()
    slotted.run('CREATE PUBLICATION "landbridge_plant_things" FOR TABLE things', "ALTER ROLE s3cret REPLICATION")
    reader.begin().run("INSERT INTO things VALUES (9, 'x')")
    assert reader.told() == [9]
    reader.forget()
    slotted.run("DROP OWNED BY s3cret", "DROP ROLE s3cret")


def test_a_server_that_writes_no_logical_log_is_refused_with_the_setting(special, follow):
    server = special("postgresql", wal_level="replica")
    server.run("CREATE TABLE things (k int PRIMARY KEY)")
    with pytest.raises(SourceUnreadable, match=r"wal_level is not logical.*ALTER SYSTEM"):
        follow(server).begin()


def test_a_transaction_that_is_in_the_log_and_not_seen_yet_is_told_again(special, follow, monkeypatch):
    """A commit that waits for a standby is in the log while no snapshot sees it."""
    monkeypatch.setattr(postgresql, "VISIBLE_WITHIN", 0.1)
    server = special("postgresql")
    server.run("CREATE TABLE things (k int PRIMARY KEY)")
    feed = follow(server).begin()
    server.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    writer = threading.Thread(target=server.run, args=("INSERT INTO things VALUES (1)",))
    writer.start()
    while not server.run("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"):
        pass
    before = dict(feed.cursor)
    assert feed.told() == [1]
    assert feed.run("SELECT k FROM things") == []
    assert feed.cursor == before
    server.run("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
    writer.join()
    assert feed.told() == [1]
    assert feed.told() == []

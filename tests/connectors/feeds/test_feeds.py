"""Change logs of two servers: every touched key is told, and where the log cannot tell, it says so."""

import random
import threading

import pytest

from catalog.errors import SourceUnreachable, SourceUnreadable
from connectors.sql import feeds
from evals.clusters import PostgresCluster


def test_what_was_there_at_the_beginning_is_not_told(feed):
    assert feed.told() == []


def test_a_new_a_changed_and_a_deleted_row_are_told(feed):
    feed.run(
        "INSERT INTO things VALUES (30, 'x')", "UPDATE things SET v = 'y' WHERE k = 3", "DELETE FROM things WHERE k = 4"
    )
    assert feed.told() == [3, 4, 30]


def test_a_key_that_changes_is_told_as_it_was_and_as_it_is(feed):
    feed.run("UPDATE things SET k = 103 WHERE k = 3")
    assert feed.told() == [3, 103]


def test_a_key_is_told_once_however_often_it_was_touched(feed):
    feed.run(*(f"UPDATE things SET v = '{turn}' WHERE k = 3" for turn in range(5)))
    assert feed.told() == [3]


def test_what_is_kept_is_not_told_again_and_what_is_not_kept_is(feed):
    feed.run("UPDATE things SET v = 'a' WHERE k = 1")
    assert feed.told(keep=False) == [1]
    feed.run("UPDATE things SET v = 'b' WHERE k = 2")
    assert feed.told() == [1, 2]
    assert feed.told() == []


def test_a_transaction_that_was_rolled_back_is_not_told(feed):
    feed.run("BEGIN", "DELETE FROM things", "ROLLBACK", "UPDATE things SET v = 'a' WHERE k = 1")
    assert feed.told() == [1]


def test_other_tables_are_not_told(feed):
    feed.run("CREATE TABLE others (k int PRIMARY KEY, v text)", "INSERT INTO others VALUES (77, 'x')",
             "UPDATE things SET v = 'a' WHERE k = 1", "TRUNCATE TABLE others", "DROP TABLE others")  # fmt: skip
    assert feed.told() == [1]


@pytest.mark.parametrize("statement", ["TRUNCATE TABLE things", "ALTER TABLE things ADD COLUMN w int DEFAULT 5",
                                       "ALTER TABLE things DROP COLUMN v"])  # fmt: skip
def test_a_table_that_was_emptied_or_altered_is_to_be_read_whole(feed, statement):
    feed.run(statement)
    assert "alter" in feed.why()
    feed.begin().run("INSERT INTO things (k) VALUES (99)")
    assert feed.told() == [99]


def test_a_table_that_was_made_anew_is_to_be_read_whole(feed):
    feed.run(
        "DROP TABLE things", "CREATE TABLE things (k int PRIMARY KEY, v text)", "INSERT INTO things VALUES (1, 'x')"
    )
    assert feed.why()
    feed.begin().run("INSERT INTO things VALUES (2, 'x')")
    assert feed.told() == [2]


def test_a_table_that_was_renamed_and_replaced_is_to_be_read_whole(feed):
    feed.run("CREATE TABLE later (k int PRIMARY KEY, v text)", "INSERT INTO later VALUES (1, 'x')",
             "ALTER TABLE things RENAME TO earlier", "ALTER TABLE later RENAME TO things")  # fmt: skip
    assert feed.why()


def test_more_keys_than_allowed_are_a_reason_to_read_whole(feed):
    fill = "generate_series(100, 100099) AS seq" if isinstance(feed.cluster, PostgresCluster) else "seq_100_to_100099"
    feed.run(f"INSERT INTO things SELECT seq, 'x' FROM {fill}")
    assert "more than 50 keys" in feed.why(limit=50)
    assert len(feed.told(limit=100_000)) == 100_000


def test_long_values_that_did_not_change_do_no_harm(feed, follow):
    feed.run("CREATE TABLE deeds (v text, k int PRIMARY KEY, w int)",
             "INSERT INTO deeds SELECT repeat(md5('x'), 2000), 1, 1")  # fmt: skip
    deeds = follow(feed.cluster, "deeds", slot="deeds", publication="deeds").begin()
    deeds.run(
        "UPDATE deeds SET w = 2",
        "INSERT INTO deeds SELECT repeat(md5('y'), 2000), 2, 1",
        "DELETE FROM deeds WHERE k = 1",
    )
    assert deeds.told() == [1, 2]
    deeds.forget()


def test_names_may_be_reserved_words_hold_quotes_and_signs_and_carry_a_schema(server, follow):
    quote = '"' if isinstance(server, PostgresCluster) else "`"
    table, key = "Order%\"`'Détails", 'se"l`ect'
    quoted, named = (f"{quote}{name.replace(quote, quote * 2)}{quote}" for name in (table, key))
    server.run("CREATE SCHEMA other", f"CREATE TABLE other.{quoted} (v int, {named} int PRIMARY KEY)")
    feed = follow(server, f"other.{table}", (key,)).begin()
    feed.run(f"INSERT INTO other.{quoted} VALUES (1, 2)")
    assert feed.told() == [2]
    feed.run(f"TRUNCATE TABLE other.{quoted}")
    assert feed.why()


def test_a_key_of_several_columns_is_told_in_the_contracts_order(server, follow):
    server.run("CREATE TABLE things (w int, b int, v int, a int, PRIMARY KEY (b, a))")
    feed = follow(server, keys=("a", "b")).begin()
    feed.run("INSERT INTO things VALUES (7, 2, 7, 1)", "UPDATE things SET b = 3", "DELETE FROM things")
    assert feed.told() == [(1, 2), (1, 3)]


def test_a_server_killed_in_the_middle_tells_what_was_committed(feed):
    feed.run("UPDATE things SET v = 'a' WHERE k = 1")
    assert feed.told(keep=False) == [1]
    feed.cluster.kill()
    with pytest.raises(SourceUnreachable, match="does not answer") as caught:
        feeds.touched(feed.source, feed.dataset, None, feed.cursor, folder=feed.folder, schema={}, limit=1)
    assert "landbridge:landbridge" not in str(caught.value)
    feed.cluster.start()
    feed.run("UPDATE things SET v = 'a' WHERE k = 2")
    assert feed.told() == [1, 2]
    feed.cluster.kill()
    feed.cluster.start()
    assert feed.told() == []


def test_another_server_is_a_reason_to_read_whole(feed):
    feed.cursor["system"] = "another"
    assert "another server" in feed.why()


def test_a_cursor_of_another_kind_is_a_reason_to_read_whole(feed):
    feed.cursor = {"watermark": 3}
    assert "another kind" in feed.why()


def change(draw):
    k = draw.randrange(14)
    return draw.choice([
        f"UPDATE things SET v = '{draw.random()}' WHERE k = {k}", f"DELETE FROM things WHERE k = {k}",
        f"INSERT INTO things VALUES ({draw.randrange(100, 10**6)}, 'new')",
        f"UPDATE things SET k = k + 1000000 WHERE k BETWEEN {k} AND {k + 3}", "BEGIN", "COMMIT", "ROLLBACK",
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_any_history_of_changes_can_be_followed(feed, seed):
    draw = random.Random(seed)
    held = dict(feed.run("SELECT k, v FROM things"))
    for _ in range(10):
        feed.run(*(change(draw) for _ in range(draw.randrange(1, 8))), "COMMIT")
        held, now = feed.applied(held, keep=draw.random() < 0.7)
        assert held == now


def test_changes_that_come_while_it_is_read_are_not_lost(feed):
    """Written without pause from two sides, read, and applied: at rest, what is held is the table."""
    held, stopped = dict(feed.run("SELECT k, v FROM things")), threading.Event()

    def write(seed):
        draw = random.Random(seed)
        while not stopped.is_set():
            feed.run("BEGIN", f"UPDATE things SET v = '{draw.random()}' WHERE k = {draw.randrange(20)}", "COMMIT",
                     f"INSERT INTO things VALUES ({draw.randrange(1000, 10**9)}, 'new')")  # fmt: skip

    writers = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(8):
            held, _ = feed.applied(held)
    finally:
        stopped.set()
        for writer in writers:
            writer.join()
    held, now = feed.applied(held)
    assert len(now) > 20
    assert held == now


def test_another_dialect_is_refused_with_the_modes_that_work(feed):
    source = feed.source.model_copy(update={"location": "sqlite:///things.db"})
    with pytest.raises(SourceUnreadable, match=r"sqlite has no change log .*keys or watermark"):
        feeds.begin(source, feed.dataset, feed.table, folder=feed.folder)

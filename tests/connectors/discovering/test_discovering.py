"""What is found out about real databases: SQLite always, servers where they answer."""

import pytest

from catalog.errors import SourceUnreachable
from connectors.discovering import discover, schemas_of
from connectors.discovering.opening import remedy
from connectors.discovering.words import many, one_of, words


def found(url, folder, **asked):
    return discover(url, folder=folder, **asked)


def test_tables_columns_keys_and_references_are_read(shop, tmp_path):
    url = shop(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE orders (no INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers, total NUMERIC(8, 2))",
        "INSERT INTO customers VALUES (1, 'First'), (2, 'Second')",
        "INSERT INTO orders VALUES (1, 1, 9.95), (2, 2, 10)",
    )
    orders = found(url, tmp_path).table("orders")
    assert orders.primary_key == ("no",)
    assert [(one.columns, one.table, one.to_columns) for one in orders.references] == [
        (("customer",), "customers", ("id",))
    ]
    assert (orders.rows, orders.more, orders.whole) == (2, False, True)
    assert orders.column("total").scale == 2
    assert not found(url, tmp_path).table("customers").column("name").nullable


def test_names_with_blanks_quotes_semicolons_and_foreign_letters_are_only_names(shop, tmp_path):
    names = ["Order Details", 'a"b', "x; DROP TABLE y --", "select", "Größe", "表"]
    statements = []
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        statements += [
            f"CREATE TABLE {quoted} ({quoted} INTEGER PRIMARY KEY, [two words] TEXT)",
            f"INSERT INTO {quoted} VALUES (1, 'x')",
        ]
    system = found(shop(*statements), tmp_path)
    assert sorted(table.name for table in system.tables) == sorted(names)
    assert system.left_out == ()


def test_a_large_table_is_looked_at_from_both_ends_of_its_key(shop, tmp_path):
    url = shop(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " SELECT i, 'v' || i FROM n",
    )
    table = found(url, tmp_path, sample=10).table("t")
    assert (table.rows, table.whole) == (1000, False)
    assert set(table.column("id").values) == {"1", "2", "3", "4", "5", "996", "997", "998", "999", "1000"}


def test_a_key_found_in_a_sample_is_asked_of_the_whole_table(shop, tmp_path):
    url = shop(
        "CREATE TABLE t (a INTEGER, b TEXT)",
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
        " SELECT i, 'x' FROM n",
        "INSERT INTO t VALUES (7, 'x')",
    )
    system = found(url, tmp_path, sample=20)
    assert system.tables == ()
    assert "no columns are unique" in system.left_out[0].reason


def test_a_table_without_rows_is_left_out_with_its_reason(shop, tmp_path):
    system = found(shop("CREATE TABLE t (id INTEGER PRIMARY KEY)"), tmp_path)
    assert [(one.name, one.reason) for one in system.left_out] == [("t", "holds no rows")]


def test_views_are_listed_and_read_only_on_demand(shop, tmp_path):
    url = shop(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        "CREATE VIEW seen AS SELECT id, v FROM t", "CREATE VIEW same AS SELECT 1 AS x FROM t",
        "CREATE VIEW broken AS SELECT gone FROM nowhere",
    )  # fmt: skip
    assert {one.name: one.reason for one in found(url, tmp_path).left_out} == dict.fromkeys(
        ("broken", "same", "seen"), "a view"
    )
    system = found(url, tmp_path, views=True)
    assert system.table("seen").found_key == ("id",)
    assert {one.name for one in system.left_out} == {"broken", "same"}


def test_only_the_tables_asked_for_are_read(shop, tmp_path):
    url = shop(*[f"CREATE TABLE {name} AS SELECT 1 AS id UNION SELECT 2" for name in ("Sales_1", "sales_2", "staff")])
    assert [table.name for table in found(url, tmp_path, tables=("SALES_*",)).tables] == ["Sales_1", "sales_2"]


def test_declared_lists_of_values_are_read_from_checks(shop, tmp_path):
    url = shop(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT CHECK (state IN ('open', 'it''s done')), n INTEGER"
        " CHECK (n > 0))",
        "INSERT INTO t VALUES (1, 'open', 1)",
    )
    assert found(url, tmp_path).table("t").column("state").allowed == ("open", "it's done")


def test_sqlite_columns_are_what_all_their_rows_hold(shop, tmp_path):
    url = shop(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)",
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
        " SELECT i, CASE i WHEN 50 THEN 'fifty' ELSE i END FROM n",
    )
    assert found(url, tmp_path, sample=10).table("t").column("n").held == "string"


def test_binary_content_is_not_fetched(shop, tmp_path):
    url = shop("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)", "INSERT INTO t VALUES (1, x'0102')")
    assert found(url, tmp_path).table("t").column("b").values == ()


def test_values_are_not_shown_when_a_profile_is(shop, tmp_path):
    url = shop("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)", "INSERT INTO t VALUES (1, 'first@example.org')")
    assert "first@example.org" not in repr(found(url, tmp_path))


def test_a_server_tells_types_comments_lists_and_references_of_several_columns(server, tmp_path):
    lists = "CREATE TYPE landbridge_mood AS ENUM ('sad', 'ok')" if server.name == "postgresql" else "SELECT 1"
    kind = "landbridge_mood" if server.name == "postgresql" else "ENUM('sad', 'ok')"
    comment = (
        "COMMENT ON TABLE landbridge_p IS 'The parents.'" if server.name == "postgresql"
        else "ALTER TABLE landbridge_p COMMENT = 'The parents.'"
    )  # fmt: skip
    undo = ["DROP TYPE IF EXISTS landbridge_mood"] if server.name == "postgresql" else []
    server.run(
        "DROP TABLE IF EXISTS landbridge_c", "DROP TABLE IF EXISTS landbridge_p", *undo, lists,
        f"CREATE TABLE landbridge_p (a INT, b INT, mood {kind}, s VARCHAR(5) CHECK (s IN ('x', 'y')),"
        " PRIMARY KEY (a, b))",
        "CREATE TABLE landbridge_c (id INT PRIMARY KEY, a INT, b INT, at TIMESTAMP, d DATE,"
        " FOREIGN KEY (a, b) REFERENCES landbridge_p (a, b))",
        comment,
        "INSERT INTO landbridge_p VALUES (1, 2, 'ok', 'x')",
        "INSERT INTO landbridge_c VALUES (1, 1, 2, '2026-01-02 03:04:05', '2026-01-02')",
        undo=[*undo, "DROP TABLE IF EXISTS landbridge_p", "DROP TABLE IF EXISTS landbridge_c"],
    )  # fmt: skip
    system = found(server.export({}).source.location, tmp_path, tables=("landbridge_?",))
    parents, children = system.table("landbridge_p"), system.table("landbridge_c")
    assert parents.comment == "The parents."
    assert parents.column("mood").allowed == ("sad", "ok")
    assert parents.column("s").allowed == ("x", "y")
    (reference,) = children.references
    assert (reference.columns, reference.to_columns) == (("a", "b"), ("a", "b"))
    from connectors.discovering.kinds import settled

    assert [settled(children.column(name)).type for name in ("at", "d")] == ["timestamp", "date"]


def test_the_partitions_of_a_table_are_not_tables_of_their_own(postgresql, tmp_path):
    postgresql.run(
        "DROP TABLE IF EXISTS landbridge_y",
        "CREATE TABLE landbridge_y (y INT PRIMARY KEY) PARTITION BY RANGE (y)",
        "CREATE TABLE landbridge_y1 PARTITION OF landbridge_y FOR VALUES FROM (1) TO (9)",
        "INSERT INTO landbridge_y VALUES (1), (2)",
        undo=["DROP TABLE IF EXISTS landbridge_y"],
    )
    system = found(postgresql.export({}).source.location, tmp_path, tables=("landbridge_y*",))
    assert [table.name for table in system.tables] == ["landbridge_y"]


def test_another_schema_is_read_on_demand_and_named_in_front(postgresql, tmp_path):
    postgresql.run(
        "DROP SCHEMA IF EXISTS landbridge_s CASCADE", "CREATE SCHEMA landbridge_s",
        "CREATE TABLE landbridge_s.t (id INT PRIMARY KEY)", "INSERT INTO landbridge_s.t VALUES (1)",
        undo=["DROP SCHEMA IF EXISTS landbridge_s CASCADE"],
    )  # fmt: skip
    url = postgresql.export({}).source.location
    assert [one.physical_name for one in found(url, tmp_path, schema="landbridge_s").tables] == ["landbridge_s.t"]
    assert "landbridge_s" in schemas_of(url, folder=tmp_path)


@pytest.mark.parametrize(
    ("url", "helps"),
    [
        ("sqlite:///nowhere/shop.db", "no such file"),
        ("mysql+pymysql://root:wrong@127.0.0.1/test", "user name and the password"),
        ("mysql+pymysql://root@127.0.0.1/landbridge_no_such", "no database of this name"),
        ("postgresql://root@127.0.0.1/landbridge_no_such", "no database of this name"),
        ("postgresql://landbridge_nobody@127.0.0.1/test", "user name and the password"),
        ("postgresql://root@no-such-host.invalid/test", "no host of this name"),
        ("postgresql://root@127.0.0.1:1/test", "Check host and port"),
    ],
)
def test_a_database_that_does_not_open_says_what_to_do(tmp_path, request, url, helps):
    if "127.0.0.1" in url and ":1/" not in url:
        request.getfixturevalue("postgresql" if url.startswith("postgresql") else "mariadb")
    with pytest.raises(SourceUnreachable) as refused:
        found(url, tmp_path)
    assert helps in remedy(refused.value), str(refused.value)
    assert "wrong" not in str(refused.value)


def test_names_are_taken_apart_into_words():
    assert words("CustomerID") == words("customer_id") == words("CUSTOMER ID") == ("customer", "id")
    assert words("Größe") == ("groesse",)
    assert one_of("Order Details") == ("order", "detail")
    assert many("InvoiceLine") == "Invoice lines"
    assert many("Categories") == "Categories"

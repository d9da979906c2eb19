import sqlite3

import pytest

import connectors
from catalog.models import Incremental
from connectors.drifting import drift_findings, drift_of
from connectors.shapes import Shape, accepted, shaped

FIXED = [
    # declared by PostgreSQL, MariaDB, SQLite, Oracle, SQL Server and Arrow; read as; whether that is a change of type
    ("integer", "integer", False), ("bigint", "time", False), ("bigint unsigned", "integer", False),
    ("tinyint(1)", "boolean", False), ("smallint", "date", False), ("int64", "timestamp", False),
    ("boolean", "integer", True), ("bool", "boolean", False), ("bit", "boolean", False),
    ("double precision", "number", False), ("float", "integer", True), ("real", "date", True),
    ("double", "number", False),
    ("numeric(12, 2)", "number", False), ("decimal(38, 0)", "integer", False), ("decimal128(10, 2)", "date", True),
    ("number(10)", "integer", False), ("money", "number", False),
    ("timestamp without time zone", "timestamp", False), ("timestamp with time zone", "date", True),
    ("timestamp[us, tz=utc]", "timestamp", False), ("datetime", "date", False), ("datetime2", "time", True),
    ("datetimeoffset", "timestamp", False), ("date", "timestamp", False), ("date32[day]", "date", False),
    ("date", "integer", True), ("time without time zone", "time", False), ("time64[us]", "timestamp", True),
    ("interval", "integer", True), ("interval", "string", False), ("duration[us]", "time", True),
    ("uuid", "integer", True), ("uuid", "string", False), ("bytea", "number", True),
    ("list<element: int64>", "integer", True),
    ("struct<a: int64>", "string", False), ("integer[]", "integer", True),
    ("varchar(10)", "date", False), ("text", "number", False), ("json", "integer", False), ("unknown", "time", False),
    ("date_kind", "boolean", False), ("dictionary<values=string, indices=int32, ordered=0>", "boolean", False),
    ("point", "string", False), ("enum('a','b')", "integer", False),
]  # fmt: skip


TABLE = "landbridge_drift"  # of the servers
MODES = ("evolve", "freeze", "discard", "quarantine")


class Past:
    """A dataset whose source was read and accepted once, and what it looks like now."""

    def __init__(self, export, fields, before, now, *, key=("id", "id"), unique=((), ()), drift="evolve", required=()):
        told = {name: {"type": kind, "required": name in required} for name, kind in fields.items()}
        self.case = export("sql", "t", told, drift=drift, key="id", location="sqlite:///a.db")
        shapes = [
            self._shape(columns, key=keys, unique=sets)
            for columns, keys, sets in zip((before, now), key, unique, strict=True)
        ]
        self.last = drift_of(self.case.source, self.case.dataset, shapes[0], None).kept
        self.shape = shapes[1]

    def _shape(self, columns, *, key, unique):
        types = {"id": "integer", **columns}
        full = [name for name, kind in types.items() if kind.endswith(" not null")]
        types = {name: kind.removesuffix(" not null") for name, kind in types.items()}
        key = [name for name in key.split() if name in types]
        return shaped(self.case.source, self.case.dataset, types, required=full, key=key, unique=unique)

    def drift(self, last=None):
        return drift_of(self.case.source, self.case.dataset, self.shape, last or self.last)

    def told(self, last=None):
        return {finding.rule: (finding.severity, finding.blocking) for finding in self.drift(last).findings}


TEXT = {"id": "integer", "v": "string"}
INFO, WARNING, BLOCKS = ("info", False), ("warning", False), ("critical", True)
KINDS = [
    # kind, before, now, and what each of evolve, freeze, discard and quarantine makes of it
    ("new-columns", {"v": "text"}, {"v": "text", "more": "text"}, (INFO, BLOCKS, INFO, WARNING)),
    ("missing-columns", {"v": "text"}, {}, (WARNING, BLOCKS, WARNING, WARNING)),
    ("renamed-columns", {"v": "text"}, {"v_2": "text"}, (WARNING, BLOCKS, WARNING, WARNING)),
    ("widened-columns", {"v": "varchar(20)"}, {"v": "varchar(50)"}, (INFO, BLOCKS, INFO, INFO)),
    ("widened-columns", {"v": "text not null"}, {"v": "text"}, (INFO, BLOCKS, INFO, INFO)),
    ("narrowed-columns", {"v": "varchar(50)"}, {"v": "varchar(20)"}, (WARNING, BLOCKS, WARNING, WARNING)),
    ("retyped-columns", {"v": "integer"}, {"v": "varchar(20)"}, (WARNING, BLOCKS, WARNING, WARNING)),
]


@pytest.mark.parametrize(
    ("kind", "before", "now", "mode", "told"),
    [(kind, before, now, mode, one)
     for kind, before, now, told in KINDS for mode, one in zip(MODES, told, strict=True)],
)  # fmt: skip
def test_the_mode_decides_what_follows_from_each_kind_of_drift(export, kind, before, now, mode, told):
    past = Past(export, TEXT, before, now, drift=mode)
    if mode == "freeze":  # it was accepted before by a person
        past.last = accepted(past._shape(before, key="id", unique=()), past.case.dataset)
    assert past.told() == {f"drift/{kind}": told}
    assert past.told(accepted(past.shape, past.case.dataset)) == {}, "what a person accepted is not told again"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("key", "unique", "now"),
    [
        (("id", "v"), ((), ()), "v"),
        (("id", "id v"), ((), ()), "id, v"),
        (("id", ""), ((), ()), "none"),
        (("", ""), (([["id"]]), ()), "none"),
        (("", "id v"), ((), ()), "id, v"),
    ],
)
def test_a_changed_key_blocks_in_every_mode(export, mode, key, unique, now):
    past = Past(export, TEXT, {"v": "text"}, {"v": "text"}, key=key, unique=unique, drift=mode)
    (finding,) = past.drift().findings
    assert (finding.rule, finding.blocking) == ("drift/key", True)
    assert finding.evidence["changes"][0]["now"] == now
    assert "primaryKey" in finding.remedy
    assert "datasets/things.odcs.yaml:1" in finding.remedy
    assert past.told(accepted(past.shape, past.case.dataset)) == {}


@pytest.mark.parametrize(
    ("key", "unique"),
    [
        (("v", "id"), ((), ())),  # the table now says what the contract says
        (("", "v"), (([["id"]]), ([["id"]]))),  # a further key, and the contract's still holds
        (("id", "id"), ((), ([["v"]]))),
        (("", ""), ((), ())),
    ],
)
def test_a_key_that_still_tells_the_rows_apart_is_quiet(export, key, unique):
    assert Past(export, TEXT, {"v": "text"}, {"v": "text"}, key=key, unique=unique).told() == {}


def test_a_first_read_blocks_where_the_table_tells_rows_apart_by_more_than_the_contract(export):
    past = Past(export, TEXT, {"v": "text"}, {"v": "text"}, key=("id v", "id v"))
    shape = past._shape({"v": "text"}, key="id v", unique=())
    (finding,) = drift_findings(past.case.source, past.case.dataset, shape)
    assert (finding.rule, finding.blocking) == ("drift/key", True)


@pytest.mark.parametrize(("mode", "blocking"), [("evolve", False), ("freeze", True)])
def test_a_unique_set_that_vanished_is_told_until_it_is_accepted(export, mode, blocking):
    past = Past(export, TEXT, {"v": "text"}, {"v": "text"}, unique=([["v"]], ()), drift=mode)
    assert {rule: blocks for rule, (_, blocks) in past.told().items()} == {"drift/unique": blocking}
    assert past.told(past.drift().kept) == past.told(), "a read does not accept it"
    assert past.told(accepted(past.shape, past.case.dataset)) == {}


def test_a_finding_shows_every_column_before_and_now_and_where_to_write_the_change(export):
    fields = {**TEXT, "w": "number"}
    past = Past(export, fields, {"v": "varchar(50)", "w": "numeric(12, 2)"}, {"v": "varchar(20)", "w": "numeric(8, 2)"})
    (finding,) = past.drift().findings
    assert finding.evidence == {
        "mode": "evolve",
        "changes": [
            {"column": "v", "before": "varchar(50)", "now": "varchar(20)"},
            {"column": "w", "before": "numeric(12, 2)", "now": "numeric(8, 2)"},
        ],
    }
    assert (finding.count, finding.unit, finding.sample_keys) == (2, "columns", ("v", "w"))
    assert "v was varchar(50) and is varchar(20)" in finding.message
    assert "physicalType" in finding.remedy
    assert "datasets/things.odcs.yaml:1" in finding.remedy


def test_a_harmless_change_is_told_once_and_a_narrowing_until_a_person_accepts_it(export):
    wider = Past(export, TEXT, {"v": "varchar(20)"}, {"v": "varchar(50)"})
    assert wider.told(wider.drift().kept) == {}
    narrower = Past(export, TEXT, {"v": "varchar(50)"}, {"v": "varchar(20)"})
    assert narrower.told(narrower.drift().kept) == narrower.told() != {}


def test_what_came_and_went_again_is_not_told(export):
    past = Past(export, TEXT, {"v": "varchar(50)"}, {"v": "varchar(20)"})
    kept = past.drift().kept
    past.shape = past._shape({"v": "varchar(50)"}, key="id", unique=())
    assert past.told(kept) == {}


@pytest.mark.parametrize(
    ("now", "signs"),
    [({"w": "text", "z": "text"}, ["same place"]), ({"z": "text", "V": "text"}, ["similar name"]),
     ({"V": "text", "z": "text"}, ["similar name, same place"])],
)  # fmt: skip
def test_a_renamed_column_is_suggested_with_the_line_that_would_accept_it(export, now, signs):
    past = Past(export, {**TEXT, "z": "string"}, {"v": "text", "z": "text"}, now)
    (finding,) = past.drift().findings
    new = next(name for name in now if name != "z")
    assert finding.rule == "drift/renamed-columns"
    assert [one["signs"] for one in finding.evidence["changes"]] == signs
    assert f"`physicalName: {new}` at datasets/things.odcs.yaml:1" in finding.remedy


def test_a_new_column_of_another_type_and_name_is_no_rename(export):
    past = Past(export, {**TEXT, "z": "string"}, {"v": "text", "z": "text"}, {"z": "text", "v": "integer"})
    assert past.told() == {"drift/retyped-columns": WARNING}
    past = Past(export, {**TEXT, "z": "string"}, {"v": "text", "z": "text"}, {"z": "text", "other": "text"})
    assert past.told() == {"drift/missing-columns": WARNING, "drift/new-columns": INFO}


@pytest.mark.parametrize("name", ["yes", "12", "a: b", 'say "x"'])
def test_a_suggested_line_is_yaml_whatever_the_name(export, name):
    import yaml

    past = Past(export, TEXT, {"v": "text"}, {name: "text"})
    line = past.drift().findings[0].remedy.split("`")[1]
    assert yaml.safe_load(line) == {"physicalName": name}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("now", [{}, {"v_2": "text"}])
def test_a_required_column_that_is_gone_or_renamed_blocks_and_cannot_be_accepted_away(export, mode, now):
    past = Past(export, TEXT, {"v": "text"}, now, drift=mode, required=("v",))
    assert any(blocks for _, blocks in past.told().values())
    assert any(blocks for _, blocks in past.told(accepted(past.shape, past.case.dataset)).values())


def test_a_column_that_was_never_there_blocks_until_it_is_accepted_or_comes(export):
    past = Past(export, {**TEXT, "w": "string"}, {"v": "text"}, {"v": "text"})
    assert past.told() == {"drift/missing-columns": BLOCKS}
    assert past.drift().findings[0].evidence["changes"] == [{"column": "w", "before": "never there", "now": "absent"}]
    assert past.told(accepted(past.shape, past.case.dataset)) == {}


def test_an_accepted_absence_stays_quiet_and_so_does_the_return(export):
    past = Past(export, TEXT, {"v": "text"}, {})
    gone = accepted(past.shape, past.case.dataset)
    kept = past.drift(gone).kept
    assert past.told(kept) == {}
    past.shape = past._shape({"v": "text"}, key="id", unique=())
    assert past.told(kept) == {}


def test_an_export_of_text_is_not_held_against_the_type_of_a_database(export):
    told = export("csv", "a.csv", {"a": {"type": "integer", "physical_type": "bigint"}}).holds("a\n1\n")
    assert told.drift() == []


@pytest.mark.parametrize("mode", MODES)
def test_the_watermark_is_a_column_the_contract_names_and_its_loss_blocks(export, mode):
    past = Past(export, TEXT, {"v": "text", "at": "timestamp"}, {"v": "text"}, drift=mode)
    watermark = Incremental(mode="watermark", column="at")
    past.case.dataset = past.case.dataset.model_copy(update={"incremental": watermark})
    past.last = accepted(past._shape({"v": "text", "at": "timestamp"}, key="id", unique=()), past.case.dataset)
    assert past.told() == {"drift/missing-columns": BLOCKS}
    past.shape = past._shape({"v": "text", "at": "timestamp"}, key="id", unique=())
    assert past.told() == {}
    assert drift_findings(past.case.source, past.case.dataset, past.shape) == []


def test_a_line_of_the_contract_that_its_owner_changed_is_the_measure_from_then_on(export):
    past = Past(export, TEXT, {"v": "integer"}, {"v": "varchar(20)"})
    assert past.told() == {"drift/retyped-columns": WARNING}
    field = past.case.dataset.fields[1].model_copy(update={"physical_type": "varchar(20)"})
    past.case.dataset = past.case.dataset.model_copy(update={"fields": (past.case.dataset.fields[0], field)})
    past.shape = past._shape({"v": "varchar(20)"}, key="id", unique=())
    assert past.told() == {}
    past.shape = past._shape({"v": "varchar(10)"}, key="id", unique=())
    assert past.told() == {"drift/narrowed-columns": WARNING}, "the physicalType counts, also at a first read"


def test_another_table_has_no_past_here(export):
    past = Past(export, TEXT, {"v": "varchar(50)"}, {"v": "varchar(20)"})
    moved = past.last.model_copy(update={"origin": "sql|export|another|"})
    assert past.told(moved) == {}


def test_a_shape_survives_the_manifest(export):
    past = Past(export, TEXT, {"v": "numeric(8, 2) not null"}, {}, unique=([["v"]], ()))
    assert Shape.model_validate(past.last.model_dump(mode="json")) == past.last


@pytest.mark.parametrize(("declared", "promised", "changed"), FIXED)
def test_a_type_that_cannot_be_read_as_promised_is_a_warning(export, declared, promised, changed):
    told = export("csv", "a.csv", {"v": promised})
    findings = drift_findings(told.source, told.dataset, shaped(told.source, told.dataset, {"v": declared}))
    assert [(finding.rule, finding.blocking) for finding in findings] == [("drift/retyped-columns", False)] * changed


def test_what_is_as_promised_gives_no_finding(export):
    assert export("csv", "a.csv", {"a": "string"}).holds("a\n1\n").drift() == []


def test_an_absent_column_blocks_and_the_one_that_differs_in_case_only_is_suggested(export):
    told = export("csv", "a.csv", {"Name": "string", "gone": "string"}).holds("NAME,x\n1,2\n")
    findings = {finding.rule: finding for finding in told.drift()}
    assert findings["drift/renamed-columns"].blocking
    assert "physicalName: NAME" in findings["drift/renamed-columns"].remedy
    assert findings["drift/missing-columns"].blocking
    assert "desk" in findings["drift/missing-columns"].remedy


@pytest.mark.parametrize(("drift", "blocking"), [("evolve", False), ("freeze", True)])
def test_a_new_column_is_told_and_blocks_a_frozen_contract(export, drift, blocking):
    told = export("csv", "a.csv", {"a": "string"}, drift=drift).holds("a,b\n1,2\n")
    assert told.rules() == {"drift/new-columns": blocking}
    assert told.drift()[0].sample_keys == ("b",)


def test_a_retyped_column_of_a_database_is_told(export, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("CREATE TABLE t (day DOUBLE, at TIMESTAMP)")
    database.close()
    told = export("sql", "t", {"day": "date", "at": "timestamp"}, location="sqlite:///a.db")
    assert told.rules() == {"drift/retyped-columns": False}


def test_the_shape_of_a_sqlite_table_has_its_keys_and_nulls_and_a_view_has_columns_only(export, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute(
            "CREATE TABLE t (a INTEGER, b TEXT NOT NULL UNIQUE, c INT, d INT, UNIQUE (d, c), PRIMARY KEY (b, a))"
        )
        database.execute("CREATE UNIQUE INDEX some ON t (c) WHERE d > 0")
        database.execute("CREATE UNIQUE INDEX other ON t (lower(b))")
        database.execute("CREATE VIEW w AS SELECT a, b FROM t")
    database.close()
    told = export("sql", "t", {"a": "integer"}, location="sqlite:///a.db")
    shape = connectors.shape(told.source, told.dataset, folder=told.folder)
    assert (set(shape.key), shape.unique) == ({"a", "b"}, (("b",), ("c", "d")))
    assert [str(column) for column in shape.columns][:2] == ["integer", "text not null"]
    view = export("sql", "w", {"a": "integer"}, location="sqlite:///a.db")
    shape = connectors.shape(view.source, view.dataset, folder=view.folder)
    assert (shape.key, shape.unique, list(shape.named())) == ((), (), ["a", "b"])


CHANGES = {
    "postgresql": [
        ("v varchar(50)", "ALTER COLUMN v TYPE varchar(20)", "narrowed"),
        ("v bigint", "ALTER COLUMN v TYPE integer", "narrowed"),
        ("v numeric(12,2)", "ALTER COLUMN v TYPE numeric(8,2)", "narrowed"),
        ("v timestamptz", "ALTER COLUMN v TYPE date", "narrowed"),
        ("v timestamptz", "ALTER COLUMN v TYPE timestamptz(0)", "narrowed"),
        ("v text", "ALTER COLUMN v TYPE landbridge_mood USING v::landbridge_mood", "narrowed"),
        ("v landbridge_mood", "ALTER COLUMN v TYPE varchar(5)", "widened"),
        ("v smallint", "ALTER COLUMN v TYPE bigint", "widened"),
        ("v text not null", "ALTER COLUMN v DROP NOT NULL", "widened"),
        ("v integer", "ALTER COLUMN v TYPE varchar(9)", "retyped"),
        ("v timestamp", "ALTER COLUMN v TYPE timestamptz", "retyped"),
        ("v text", "ALTER COLUMN v TYPE text[] USING ARRAY[v]", "retyped"),
        ("v text", "RENAME COLUMN v TO volume", "renamed"),
    ],
    "mariadb": [
        ("v varchar(50)", "MODIFY v varchar(20)", "narrowed"),
        ("v bigint", "MODIFY v int unsigned", "narrowed"),
        ("v decimal(12,2)", "MODIFY v decimal(8,2)", "narrowed"),
        ("v text", "MODIFY v enum('ok','sad')", "narrowed"),
        ("v datetime(6)", "MODIFY v datetime", "narrowed"),
        ("v enum('ok','sad')", "MODIFY v enum('ok','sad','mad')", "widened"),
        ("v int", "MODIFY v bigint", "widened"),
        ("v int", "MODIFY v varchar(20)", "retyped"),
        ("v text", "CHANGE v volume text", "renamed"),
    ],
}


def _altered(database, columns, change):
    """The drift of a table of a real database after one statement, and of a second look after that."""
    database.table(f"id int primary key, {columns}", name=TABLE)
    told = database.export({"id": "integer", "v": "string"}, TABLE, key="id")
    before = connectors.shape(told.source, told.dataset, folder=told.folder)
    last = drift_of(told.source, told.dataset, before, None).kept
    assert connectors.drift(told.source, told.dataset, folder=told.folder, last=last) == []
    database.run(f"ALTER TABLE {TABLE} {change}")
    return connectors.drift(told.source, told.dataset, folder=told.folder, last=last)


@pytest.mark.parametrize(("columns", "change", "told"), CHANGES["postgresql"])
def test_what_alter_table_changes_in_postgresql_is_seen(postgresql, columns, change, told):
    drop = "DROP TYPE IF EXISTS landbridge_mood"
    postgresql.run(f"DROP TABLE IF EXISTS {TABLE}", drop,
                   "CREATE TYPE landbridge_mood AS ENUM ('ok', 'sad')", undo=[drop])  # fmt: skip
    assert [finding.rule for finding in _altered(postgresql, columns, change)] == [f"drift/{told}-columns"]


@pytest.mark.parametrize(("columns", "change", "told"), CHANGES["mariadb"])
def test_what_alter_table_changes_in_mariadb_is_seen(mariadb, columns, change, told):
    assert [finding.rule for finding in _altered(mariadb, columns, change)] == [f"drift/{told}-columns"]


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        (("DROP PRIMARY KEY", "ADD PRIMARY KEY (id, v)"), {"drift/key": True}),
        (("DROP INDEX landbridge_w",), {"drift/unique": False}),
        (("ADD UNIQUE (v)",), {}),
    ],
)
def test_the_keys_of_a_table_are_watched(server, changes, rules):
    server.table("id int not null, v int not null, w int, CONSTRAINT landbridge_key PRIMARY KEY (id)", name=TABLE)
    server.run(f"CREATE UNIQUE INDEX landbridge_w ON {TABLE} (w)")
    told = server.export({"id": "integer", "v": "integer", "w": "integer"}, TABLE, key="id")
    before = connectors.shape(told.source, told.dataset, folder=told.folder)
    last = drift_of(told.source, told.dataset, before, None).kept
    for change in changes:
        statement = f"ALTER TABLE {TABLE} {change}"
        if server.name == "postgresql":
            statement = statement.replace("DROP PRIMARY KEY", "DROP CONSTRAINT landbridge_key")
            statement = "DROP INDEX landbridge_w" if "DROP INDEX" in change else statement
        server.run(statement)
    findings = connectors.drift(told.source, told.dataset, folder=told.folder, last=last)
    assert {finding.rule: finding.blocking for finding in findings} == rules


@pytest.mark.parametrize(
    "columns", ["i interval, t timestamptz, j jsonb, k int[], n numeric(4,1), d double precision, z timetz"]
)
def test_the_types_that_postgresql_declares_are_known(postgresql, columns):
    postgresql.table(columns)
    fields = {
        "i": "integer",
        "t": "timestamp",
        "j": "string",
        "k": "integer",
        "n": "number",
        "d": "number",
        "z": "time",
    }
    assert postgresql.export(fields).rules() == {"drift/retyped-columns": False}


def test_the_types_that_mariadb_declares_are_known(mariadb):
    mariadb.table(
        "i int unsigned, b tinyint(1), t datetime(6), y year, s set('a','b'), d double, n decimal(5,2), x blob"
    )
    fields = {"i": "integer", "b": "boolean", "t": "timestamp", "y": "integer", "s": "string", "d": "number",
              "n": "number",
              "x": "number"}  # fmt: skip
    assert mariadb.export(fields).rules() == {"drift/retyped-columns": False}

"""A project drafted from a database: it runs at once, marks its guesses, and never touches an owner's words."""

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from catalog import load_project
from catalog.errors import Refusal
from landbridge.cli import app
from landbridge.drafting.locations import located, same_database
from landbridge.drafting.merging import dash_column, with_properties
from landbridge.drafting.naming import dataset_names, field_names
from landbridge.drafting.yaml_text import flow, scalar

TABLES = (
    "CREATE TABLE Artist (ArtistId INTEGER PRIMARY KEY, Name TEXT NOT NULL)",
    "CREATE TABLE Album (AlbumId INTEGER PRIMARY KEY, Title TEXT NOT NULL, ArtistId INTEGER REFERENCES Artist)",
    "CREATE TABLE Track (TrackId INTEGER PRIMARY KEY, Name TEXT, AlbumId INTEGER REFERENCES Album,"
    " Price NUMERIC(5, 2))",
    "CREATE TABLE Customer (Id INTEGER PRIMARY KEY, LastName TEXT, Email TEXT, City TEXT, Photo BLOB)",
    "CREATE TABLE Sale (No INTEGER PRIMARY KEY, CustomerId INTEGER, Shipped TEXT,"
    " State TEXT CHECK (State IN ('a', 'b')))",
    "INSERT INTO Artist VALUES (1, 'Accept'), (2, 'AC/DC')",
    "INSERT INTO Album VALUES (1, 'Restless and Wild', 1), (2, 'Let There Be Rock', 2)",
    "INSERT INTO Track VALUES (1, 'Fast As a Shark', 1, 0.99), (2, 'Dog Eat Dog', 2, 1.5), (3, NULL, NULL, 2)",
    "INSERT INTO Customer VALUES (1, 'One', 'first@example.org', 'Berlin', NULL),"
    " (2, 'Two', 'second@example.org', 'Bonn', x'00')",
    "INSERT INTO Sale VALUES (1, 1, '31.12.2020', 'a'), (2, 2, '01.02.2021', 'b'), (3, 2, '15.03.2021', 'a')",
)

SIGNS = [
    *("a: b", "# no", "yes", "12", "1e5", "- x", "tab\there", "{x}", "[y]", "it's", 'say "x"', "a\nb", "émile", "x #y"),
    *("null", "", " a", "a ", "\x07", "2020-01-01", "&a", "*b", "!c", "%d", "@e", "`f", "key:", "a, b", "1 of x: y"),
]


class Folder:
    """A database, a project folder beside it, and the command."""

    def __init__(self, folder):
        self.folder, self.database = folder / "project", folder / "music.db"
        self.url = f"sqlite:///{self.database}"

    def sql(self, *statements):
        with sqlite3.connect(self.database) as database:
            for statement in statements:
                database.execute(statement)
        database.close()
        return self

    def init(self, *words, url=None):
        done = CliRunner().invoke(app, ["init", str(self.folder), "--from", url or self.url, *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def text(self, name):
        return (self.folder / "datasets" / f"{name}.odcs.yaml").read_text()

    def files(self):
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    @property
    def project(self):
        return load_project(self.folder)


@pytest.fixture
def music(tmp_path, monkeypatch):
    for name in ("LANDBRIDGE_HOME", "LANDBRIDGE_PROJECT", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    return Folder(tmp_path).sql(*TABLES)


def test_a_drafted_project_loads_and_checks_without_editing(music):
    assert music.init().exit_code == 0
    assert set(music.project.datasets) == {"album", "artist", "customer", "sale", "track"}
    done = CliRunner().invoke(app, ["check", "--project", str(music.folder)])
    assert done.exit_code == 0, done.output
    assert "No open findings" in done.output


def test_a_drafted_project_runs_and_accounts_for_every_row(music):
    music.init()
    settings = music.folder / "project.yaml"
    settings.write_text(settings.read_text() + "model: hashed-words\nminSimilarity: 0.1\n")
    from pipelines.runs import execute
    from pipelines.site import Site

    report = execute(music.project, listener=lambda *told: None)
    assert report.good, report.failures
    accounts = {one.dataset: (one.read, one.indexed) for one in Site.open(music.folder).ledger.accounts()}
    assert accounts == {"album": (2, 2), "artist": (2, 2), "customer": (2, 2), "sale": (3, 3), "track": (3, 3)}


def test_a_row_is_told_with_the_names_of_what_it_refers_to(music):
    music.init()
    (template,) = music.project.datasets["track"].documents
    assert template.title == "Track {track_id}"  # too many tracks have no name
    assert music.project.datasets["album"].documents[0].title == "Album {title}"
    assert "album {album_title}" in template.text
    assert "artist of the album {album_artist_name}" in template.text
    assert "{known_gaps}" in template.text


def test_what_persons_are_called_is_masked_and_never_told(music):
    music.init()
    customer = music.project.datasets["customer"]
    assert {field.name: field.mask for field in customer.fields if field.mask} == {
        "last_name": "redact", "email": "pseudonym", "photo": "drop",
    }  # fmt: skip
    assert "city" in customer.documents[0].text
    assert not any(name in customer.documents[0].text for name in ("{email", "{last_name", "{photo"))
    assert "# guess: an e-mail address, by its name and 2 of 2 different values" in music.text("customer")


def test_types_formats_lists_and_decimals_come_along(music):
    music.init()
    sale, track = music.project.datasets["sale"], music.project.datasets["track"]
    assert (sale.field("shipped").type, sale.field("shipped").format) == ("date", "dd.MM.yyyy")
    assert track.field("price").scale == 2
    assert [rule.arguments["values"] for rule in sale.rules if rule.kind == "in_set"] == [("a", "b")]
    assert music.project.datasets["customer"].field("photo").blob == "skip"


def test_declared_references_warn_and_suggested_ones_only_inform_and_say_so(music):
    music.init()
    (declared,) = music.project.datasets["album"].gap_rules
    (suggested,) = music.project.datasets["sale"].gap_rules
    assert (declared.severity, suggested.severity) == ("warning", "info")
    assert "# suggestion: by its name" in music.text("sale")
    assert "suggestion" not in music.text("album").partition("apiVersion")[2]


def test_a_composite_reference_stands_at_the_table(music):
    music.sql(
        "CREATE TABLE Slot (Day INTEGER, Hour INTEGER, Label TEXT, PRIMARY KEY (Day, Hour))",
        "CREATE TABLE Booking (Id INTEGER PRIMARY KEY, D INTEGER, H INTEGER, FOREIGN KEY (D, H) REFERENCES Slot)",
        "INSERT INTO Slot VALUES (1, 2, 'early')", "INSERT INTO Booking VALUES (1, 1, 2)",
    ).init()  # fmt: skip
    (relation,) = music.project.datasets["booking"].relations
    assert (relation.fields, relation.to_fields) == (("d", "h"), ("day", "hour"))
    assert music.project.datasets["booking"].gap_rules[0].fields == ("d", "h")


def test_a_pure_link_table_is_told_by_its_larger_side(music):
    music.sql(
        "CREATE TABLE PlaylistTrack (P INTEGER REFERENCES Artist, T INTEGER REFERENCES Track, PRIMARY KEY (P, T))",
        "INSERT INTO PlaylistTrack VALUES (1, 1), (1, 2), (2, 1), (2, 3)",
    ).init()
    (template,) = music.project.datasets["playlist_track"].documents
    assert template.by == ("t",)
    assert [figure.function for figure in template.aggregates] == ["count", "top"]


def test_a_key_that_nobody_declared_is_marked_and_a_table_without_one_is_told(music):
    music.sql(
        "CREATE TABLE Price (Code TEXT, Amount INTEGER)", "INSERT INTO Price VALUES ('x', 1), ('y', 1)",
        "CREATE TABLE Log (Line TEXT)", "INSERT INTO Log VALUES ('same'), ('same')",
    )  # fmt: skip
    done = music.init()
    assert music.project.datasets["price"].key == ("code",)
    assert "# guess: the source declares no key; code is filled and unique in all rows" in music.text("price")
    assert "left out: Log: has no key" in done.output
    assert "log" not in music.project.datasets


def test_freshness_is_promised_only_where_the_data_shows_it(music):
    music.sql(
        "CREATE TABLE Fresh (Id INTEGER PRIMARY KEY, ModifiedAt DATETIME)",
        "INSERT INTO Fresh VALUES (1, '2020-01-01 00:00:00'), (2, strftime('%Y-%m-%d %H:%M:%S', 'now'))",
        "CREATE TABLE Old (Id INTEGER PRIMARY KEY, ModifiedAt DATETIME)",
        "INSERT INTO Old VALUES (1, '2020-01-01 00:00:00'), (2, '2020-01-02 00:00:00')",
    ).init()
    assert music.project.datasets["fresh"].freshness is not None
    assert music.project.datasets["old"].freshness is None
    assert "mode: watermark, column: ModifiedAt" in music.text("old")
    assert music.project.datasets["old"].incremental.mode == "full"


def test_names_of_every_kind_become_names_that_load(music):
    names = [
        "Order Details",
        "order_details",
        "select",
        'a"b;--',
        "Größe",
        "表",
        "1st",
        "x{y}[[z]]",
        "known_gaps",
        "{}",
        "]]",
    ]
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        music.sql(
            f"CREATE TABLE {quoted.replace('order_details', 'Order-Details')} ({quoted} INTEGER PRIMARY KEY, v TEXT)",
            f"INSERT INTO {quoted.replace('order_details', 'Order-Details')} VALUES (1, 'x')",
        )
    assert music.init().exit_code == 0
    assert {dataset.physical_name for dataset in music.project.datasets.values()} >= {"Order Details", "表", 'a"b;--'}
    assert CliRunner().invoke(app, ["check", "--project", str(music.folder)]).exit_code == 0


def test_comments_with_signs_that_yaml_would_read_come_through():
    import yaml

    for text in SIGNS:
        assert yaml.safe_load(f"v: {scalar(text)}") == {"v": text}, text
        assert yaml.safe_load(f"v: {flow([text])}") == {"v": [text]}, text


def test_running_it_again_proposes_nothing(music):
    music.init()
    before = music.files()
    done = music.init()
    assert done.exit_code == 0
    assert "nothing to propose" in done.output
    assert music.files() == before


def test_what_is_new_is_proposed_as_a_diff_and_written_only_on_demand(music):
    music.init()
    before = music.files()
    music.sql("ALTER TABLE Track ADD COLUMN Composer TEXT", "CREATE TABLE Genre (Id INTEGER PRIMARY KEY, Name TEXT)",
              "INSERT INTO Genre VALUES (1, 'Rock')")  # fmt: skip
    done = music.init()
    assert done.exit_code == 1
    assert "new table: Genre" in done.output
    assert "new column: track.composer" in done.output
    assert "+      - name: composer" in done.output
    assert "--- a/datasets/track.odcs.yaml" in done.output
    assert music.files() == before
    assert music.init("--write").exit_code == 0
    assert music.project.datasets["track"].field("composer").type == "string"
    assert "genre" in music.project.datasets
    assert music.init().exit_code == 0


def test_the_owners_words_comments_and_order_are_kept_to_the_letter(music):
    music.init()
    path = music.folder / "datasets" / "track.odcs.yaml"
    mine = "# My own words.\n" + path.read_text().replace("Track {name", "Song   {name").replace(
        "businessName: Price", "businessName:    'Price, in euro'  # told by the shop"
    )
    path.write_text(mine)
    music.sql("ALTER TABLE Track ADD COLUMN Composer TEXT")
    music.init("--write")
    now = path.read_text()
    added = [line for line in now.splitlines() if line not in mine.splitlines()]
    assert [line for line in mine.splitlines() if line not in now.splitlines()] == []
    assert any("name: composer" in line for line in added)
    assert now.startswith(mine.rstrip("\n"))


def test_changed_types_and_vanished_tables_and_columns_are_told_and_left_to_a_person(music):
    music.init()
    music.sql("DROP TABLE Sale", "ALTER TABLE Customer DROP COLUMN City", "ALTER TABLE Track RENAME TO Old",
              "CREATE TABLE Track (TrackId INTEGER PRIMARY KEY, Name TEXT, AlbumId INTEGER, Price TEXT)",
              "INSERT INTO Track SELECT * FROM Old", "DROP TABLE Old")  # fmt: skip
    before = music.files()
    done = music.init("--write")
    assert done.exit_code == 1
    assert "vanished table: sale" in done.output
    assert "vanished column: customer.city" in done.output
    assert "type changed: track.price (numeric(5, 2) is text now)" in done.output
    assert music.files() == before


def test_an_owners_own_name_and_key_of_a_table_are_respected(music):
    music.sql("CREATE TABLE Log (Line TEXT, At TEXT)", "INSERT INTO Log VALUES ('same', 'x'), ('same', 'x')")
    music.init()
    text = music.text("artist").replace("name: artist\n", "name: performers\n")
    path = music.folder / "datasets" / "artist.odcs.yaml"
    path.rename(path.with_name("performers.odcs.yaml"))
    path.with_name("performers.odcs.yaml").write_text(text)
    album = music.folder / "datasets" / "album.odcs.yaml"
    album.write_text(
        album.read_text().replace("artist.", "performers.").replace("dataset: artist,", "dataset: performers,")
    )
    track = music.folder / "datasets" / "track.odcs.yaml"
    track.write_text(track.read_text().replace("dataset: artist,", "dataset: performers,"))
    assert "performers" in music.project.datasets
    assert music.init().exit_code == 0


def test_nothing_is_written_on_a_dry_run(music):
    done = music.init("--dry-run")
    assert done.exit_code == 1
    assert "+name: track" in done.output
    assert not music.folder.exists()


def test_a_file_that_stands_there_already_is_never_replaced(music):
    music.folder.mkdir()
    (music.folder / "project.yaml").write_text("name: mine  # my words\n")
    music.init("--write")
    assert (music.folder / "project.yaml").read_text() == "name: mine  # my words\n"


def test_json_tells_the_same_facts(music):
    told = json.loads(music.init("--json", "--table", "a*").output)
    assert told["written"] is True
    assert told["files"] == [
        "project.yaml",
        "sources/music.yaml",
        "datasets/album.odcs.yaml",
        "datasets/artist.odcs.yaml",
    ]
    assert {change["kind"] for change in told["changes"]} == {"new table"}


@pytest.mark.parametrize(
    ("words", "url", "told"),
    [
        (("--table", "no_such"), None, "no such table"),
        (("--sample", "0"), None, "--sample"),
        (("--write", "--dry-run"), None, "choose one"),
        (("--source-name", "Not A Slug"), None, "--source-name"),
        ((), "sqlite:///nowhere/music.db", "no such file"),
        ((), "sqlite://", "in memory"),
        ((), "not a url", "no database URL"),
        ((), "mysql+mysqldb://x/y", "is not installed here"),
        ((), "nosuch://x/y", "installed here: sqlite"),
        ((), "postgresql://u:${env}@h/d", "reference"),
        ((), "postgresql://u:${env:LANDBRIDGE_NO_SUCH}@h/d", "LANDBRIDGE_NO_SUCH"),
    ],
)
def test_bad_input_is_exit_2_and_one_clear_line(music, words, url, told):
    done = music.init(*words, url=url)
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not music.folder.exists()


def test_an_empty_database_is_one_clear_line(tmp_path):
    empty = Folder(tmp_path).sql("CREATE TABLE x (a)", "DROP TABLE x")
    done = empty.init()
    assert done.exit_code == 2
    assert "holds no table that this user can see" in done.output


def test_a_password_is_a_reference_in_the_file_and_nowhere_else(tmp_path):
    there = located("postgresql://me:s%40cret@db.example.org:5433/Shop-Live", folder=tmp_path)
    assert there.written == "postgresql://me:${env:SHOP_LIVE_PASSWORD}@db.example.org:5433/Shop-Live"
    assert there.variables == ("SHOP_LIVE_PASSWORD",)
    assert located("mysql://h/d?ssl_key=a&password=s3cret", folder=tmp_path).variables == ("D_PASSWORD",)
    assert "s3cret" not in located("mysql://h/d?ssl_key=a&password=s3cret", folder=tmp_path).written


def test_references_that_stand_in_the_url_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_PW", "s3cret")
    monkeypatch.setenv("SHOP_URL", "postgresql://me:s3cret@h/shop")
    for url in ("postgresql://me:${env:SHOP_PW}@h/shop", "${env:SHOP_URL}"):
        assert located(url, folder=tmp_path)[1:3] == (url, ())
    monkeypatch.setenv("SHOP_USER", "me")
    mixed = located("postgresql://${env:SHOP_USER}:s3cret@h/shop", folder=tmp_path)
    assert mixed.written == "postgresql://${env:SHOP_USER}:${env:SHOP_PASSWORD}@h/shop"


def test_a_password_in_a_default_is_refused_without_showing_it(tmp_path):
    with pytest.raises(Refusal) as refused:
        located("${env:NO_SUCH:-postgresql://me:s3cret@h/shop}", folder=tmp_path)
    assert "s3cret" not in str(refused.value)


def test_a_wrong_password_is_one_line_without_the_password(tmp_path, request):
    request.getfixturevalue("mariadb_answers")
    done = Folder(tmp_path).init(url="mysql+pymysql://root:s3cret-word@127.0.0.1/test")
    assert done.exit_code == 2
    assert "Check the user name and the password" in done.output
    assert "s3cret-word" not in done.output
    assert len(done.output.strip().splitlines()) == 1


@pytest.fixture
def mariadb_answers():
    import os

    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    try:
        create_engine("mysql+pymysql://root@127.0.0.1/test", connect_args={"connect_timeout": 2}).connect().close()
    except OperationalError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("no mariadb answers on this machine")


def test_a_database_is_the_same_whoever_logs_in(tmp_path):
    assert same_database("postgresql://a:b@h/d", "postgresql+psycopg://c@H/d", folder=tmp_path)
    assert not same_database("postgresql://a@h/d", "postgresql://a@h/e", folder=tmp_path)
    assert same_database("sqlite:///a.db", f"sqlite:///{tmp_path}/a.db", folder=tmp_path)


def test_two_tables_of_one_name_get_two_dataset_names():
    assert dataset_names(["Order Details", "OrderDetails", "order_details"]) == {
        "Order Details": "order_details", "OrderDetails": "order_details_2", "order_details": "order_details_3",
    }  # fmt: skip
    assert field_names(["known_gaps", "A", "a", "2nd"]) == {
        "known_gaps": "known_gaps_2", "A": "a", "a": "a_2", "2nd": "column_2nd",
    }  # fmt: skip
    assert len(set(dataset_names(["表", "列"]).values())) == 2


CONTRACT = """\
schema:
  - name: t
    properties:
    - name: a
      description: >-
        words
        and more

    # about nothing
    quality: []
customProperties: []
"""


@pytest.mark.parametrize(
    "text",
    [
        CONTRACT,
        CONTRACT.replace("\n", "\r\n"),
        "schema:\n- name: t\n  properties:\n  - name: a\n    tags: [x]  # why\n    # also why\n",
        "schema: [{name: t, properties: [{name: a}]}]\n",
        "schema:\n  - name: t\n    properties:\n      - {name: a}",
    ],
)
def test_a_property_is_added_behind_the_last_one_in_every_layout(text):
    import yaml

    pad = " " * dash_column(text)
    told = with_properties(text, [f"{pad}- name: b", f"{pad}  logicalType: string"])
    before, after = yaml.safe_load(text), yaml.safe_load(told)
    assert after["schema"][0]["properties"] == [
        *before["schema"][0]["properties"],
        {"name": "b", "logicalType": "string"},
    ]
    assert {**after, "schema": None} == {**before, "schema": None}
    if "[{" not in text:
        assert [line for line in text.splitlines() if line not in told.splitlines()] == []


def test_a_foreign_key_that_came_later_is_proposed_as_a_rule_and_written_once(music):
    music.init()
    path = music.folder / "datasets" / "sale.odcs.yaml"
    path.write_text("# My own words.\n" + path.read_text())
    music.sql("ALTER TABLE Sale ADD COLUMN TrackId INTEGER REFERENCES Track (TrackId)")
    done = music.init()
    assert done.exit_code == 1
    assert "new reference: sale.track_id (to track)" in done.output
    assert music.init("--write").exit_code == 0
    assert path.read_text().startswith("# My own words.\n")
    (rule,) = [one for one in music.project.datasets["sale"].gap_rules if one.fields == ("track_id",)]
    assert (rule.kind, rule.to_dataset, rule.severity) == ("missing_reference", "track", "warning")
    assert music.init().exit_code == 0


def test_a_reference_that_the_contract_states_without_a_rule_is_not_proposed_again(music):
    music.init()
    path = music.folder / "datasets" / "track.odcs.yaml"
    kept = path.read_text().splitlines(keepends=True)
    start = next(n for n, line in enumerate(kept) if "landbridge.gaps" in line)
    end = next(n for n, line in enumerate(kept) if line.startswith("schema"))
    path.write_text("".join(kept[:start] + kept[end:]))
    assert music.init().exit_code == 0

"""A project drafted from a folder of files: deliveries of one table are one dataset, what cannot be read is told."""

import json
import zipfile

import pytest
from typer.testing import CliRunner

from catalog import load_project
from landbridge.cli import app

ORDERS = (
    "No;Customer;Ordered;Amount;State\n{0}1;C1;0{0}.03.2024;1.234,50;open\n"
    "{0}2;C2;1{0}.04.2024;99,90;n/a\n{0}3;C1;2{0}.05.2024;7,5;open\n"
)


class Drop:
    """A folder of files, a project folder beside it, and the command."""

    def __init__(self, folder):
        self.place, self.project = folder / "drop", folder / "project"
        self.place.mkdir()

    def put(self, name, content):
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def init(self, *words, place=None):
        done = CliRunner().invoke(app, ["init", str(self.project), "--from", str(place or self.place), *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    @property
    def loaded(self):
        return load_project(self.project)

    def text(self, name):
        return (self.project / "datasets" / f"{name}.odcs.yaml").read_text()


@pytest.fixture
def drop(tmp_path, monkeypatch):
    for name in ("LANDBRIDGE_HOME", "LANDBRIDGE_PROJECT", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    drop = Drop(tmp_path)
    drop.put("orders-2024-01.csv", ORDERS.format(1))
    drop.put("orders-2024-02.csv", ORDERS.format(2))
    drop.put("customers.csv", "customer,name,mail\nC1,Ann,ann@example.org\nC2,Bo,bo@example.org\n")
    drop.put("parts.json", json.dumps([{"part": f"P{n}", "weight": n / 4} for n in range(1, 4)]))
    drop.put("notes/events.ndjson", "".join(json.dumps({"id": n, "what": f"event {n}"}) + "\n" for n in range(3)))
    return drop


def test_files_that_differ_in_dates_are_one_dataset(drop):
    assert drop.init().exit_code == 0
    orders = drop.loaded.datasets["orders"]
    assert orders.physical_name == "orders-*.csv"
    assert [field.name for field in orders.fields if field.key_position] == ["no"]


def test_each_folder_kind_and_dialect_is_a_source(drop):
    drop.init()
    project = drop.loaded
    sources = {name: project.sources[project.datasets[name].source] for name in project.datasets}
    assert (sources["orders"].separator, sources["customers"].separator) == (";", ",")
    assert {name: one.kind for name, one in sources.items()} == {
        "orders": "csv", "customers": "csv", "parts": "json", "events": "ndjson",
    }  # fmt: skip
    assert sources["events"].location.endswith("drop/notes")


def test_what_texts_spell_becomes_types_and_is_marked_as_a_guess(drop):
    drop.init()
    orders = drop.loaded.datasets["orders"]
    assert (orders.field("ordered").type, orders.field("ordered").format) == ("date", "dd.MM.yyyy")
    amount = orders.field("amount")
    assert (amount.type, amount.decimal_comma, amount.scale) == ("number", True, 2)
    assert orders.field("state").type == "string"
    assert "# guess: all 6 different texts seen are numbers with at most 2 decimals" not in drop.text("customers")
    assert "guess: all" in drop.text("orders")


def test_personal_columns_are_masked_and_references_are_suggested_across_files(drop):
    drop.init()
    project = drop.loaded
    assert project.datasets["customers"].field("mail").mask == "pseudonym"
    (relation,) = project.datasets["orders"].relations
    assert (relation.fields, relation.to_dataset) == (("customer",), "customers")
    assert "suggestion: by its name" in drop.text("orders")


def test_what_cannot_be_read_is_left_out_with_the_reason(drop):
    drop.put("broken.parquet", b"PAR1 and no more")
    drop.put("empty.csv", "")
    drop.put("list.txt", "".join(f"{n:05d}  item {n:<10}  {n * 7:6d}\n" for n in range(40)))
    told = json.loads(drop.init("--json").stdout)
    reasons = {one["name"]: one["reason"] for one in told["left_out"]}
    assert "empty" in reasons["empty.csv"]
    assert "Parquet" in reasons["broken.parquet"]
    assert "fixed width" in reasons["list.txt"]


def test_members_of_archives_are_datasets_too(drop):
    for night in ("01", "02"):
        with zipfile.ZipFile(drop.place / f"night-{night}.zip", "w") as archive:
            archive.writestr("stock.csv", f"sku,count\nA{night},1\nB{night},2\n")
    drop.init()
    assert drop.loaded.datasets["stock"].physical_name == "night-*.zip!stock.csv"


def test_the_sheets_of_a_workbook_are_datasets(drop):
    xlsxwriter = pytest.importorskip("xlsxwriter")
    with xlsxwriter.Workbook(drop.place / "plan.xlsx") as book:
        for name in ("Tasks", "Staff"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["Id", "Title"])
            for row in range(1, 4):
                sheet.write_row(row, 0, [row, f"{name} {row}"])
    drop.init()
    assert drop.loaded.datasets["tasks"].physical_name == "plan.xlsx#Tasks"
    assert drop.loaded.datasets["staff"].physical_name == "plan.xlsx#Staff"


def test_a_copybook_beside_the_one_file_that_it_fits_makes_a_mainframe_dataset(drop):
    drop.put("host/accounts.cob", "       01 ACCOUNT.\n          05 NO PIC 9(4).\n          05 NAME PIC X(6).\n")
    drop.put("host/accounts.dat", "".join(f"{n:04d}Name {n}" for n in range(1, 6)).encode("cp037"))
    drop.put("host/other.dat", b"\x00\x01\x02")
    drop.put("alone/orders.cpy", "       01 ORDERS.\n          05 NO PIC 9(4).\n")
    told = json.loads(drop.init("--json").stdout)
    accounts = drop.loaded.datasets["accounts"]
    assert drop.loaded.sources[accounts.source].kind == "mainframe"
    assert (accounts.physical_name, accounts.field("no").type) == ("accounts.dat", "integer")
    reasons = {one["name"]: one["reason"] for one in told["left_out"]}
    assert "is a copybook, and no file beside it" in reasons["alone/orders.cpy"]
    assert "host/other.dat" in reasons


def test_a_drafted_project_checks_and_runs_and_accounts_for_every_row(drop):
    drop.init()
    done = CliRunner().invoke(app, ["check", "--project", str(drop.project)])
    assert done.exit_code == 0, done.output
    settings = drop.project / "project.yaml"
    settings.write_text(settings.read_text() + "model: hashed-words\nminSimilarity: 0.1\n")
    from pipelines.runs import execute
    from pipelines.site import Site

    report = execute(drop.loaded, listener=lambda *told: None)
    assert report.good, (report.failures, report.findings)
    accounts = {one.dataset: (one.read, one.indexed) for one in Site.open(drop.project).ledger.accounts()}
    assert accounts == {"orders": (6, 6), "customers": (2, 2), "parts": (3, 3), "events": (3, 3)}


def test_a_second_init_proposes_nothing(drop):
    drop.init()
    done = drop.init()
    assert done.exit_code == 0, done.output
    assert "nothing to propose" in done.output


def test_a_new_file_is_proposed_and_a_vanished_one_is_told(drop):
    drop.init()
    drop.put("stores.csv", "store,town\nS1,Bonn\nS2,Kiel\n")
    (drop.place / "parts.json").unlink()
    done = drop.init("--write")
    assert done.exit_code == 1
    assert "new table: stores.csv" in done.output
    assert "vanished table: parts" in done.output
    assert "stores" in drop.loaded.datasets


def test_a_single_file_is_a_project_too(drop):
    assert drop.init(place=drop.place / "customers.csv").exit_code == 0
    assert set(drop.loaded.datasets) == {"customers"}


def test_a_folder_without_anything_to_read_is_refused_in_one_line(drop, tmp_path):
    (tmp_path / "none").mkdir()
    done = drop.init(place=tmp_path / "none")
    assert done.exit_code == 2
    assert not drop.project.exists()


def test_dates_and_numbers_that_may_mean_two_things_stay_text(drop):
    drop.put(
        "odd.csv", "id,day,weight,zip\n1,01/02/2024,1.234,01234\n2,03/04/2024,2.345,02345\n3,05/06/2024,3.456,10115\n"
    )
    drop.init()
    odd = drop.loaded.datasets["odd"]
    assert {name: odd.field(name).type for name in ("day", "weight", "zip")} == dict.fromkeys(
        ("day", "weight", "zip"), "string"
    )
    assert "cannot be told apart" in drop.text("odd")


def test_options_of_databases_are_refused_for_files(drop):
    done = drop.init("--views")
    assert done.exit_code == 2
    assert "--views" in done.output


def test_several_deliveries_of_what_a_contract_reads_as_one_file_are_told(drop):
    (drop.place / "orders-2024-02.csv").unlink()
    drop.init()
    drop.put("orders-2024-02.csv", ORDERS.format(2))
    done = drop.init("--write")
    assert done.exit_code == 1
    assert "new files: orders" in done.output
    assert drop.loaded.datasets["orders"].physical_name == "orders-2024-01.csv"

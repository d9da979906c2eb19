"""A shop with two systems, small enough to run the whole pipeline in a second or two."""

import csv
import gc
import shutil
import sqlite3
from pathlib import Path

import pytest
import yaml

CUSTOMERS = [
    ("C1", "First Customer", "first@example.org", "Berlin"),
    ("C2", "Second Customer", "second@example.org", "Hamburg"),
    ("C3", "Third Customer", "third@example.org", ""),
]
ORDERS = [
    (number, f"C{1 + number % 4}", 10.5 * number) for number in range(1, 41)
]  # every fourth names C4, who is unknown


def contract(name, source, physical, properties, **custom):
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"shop.{name}",
        "name": name,
        "version": "1.0.0",
        "status": "active",
        "domain": "sales",
        "team": {"name": "sales-data"},
        "schema": [{"name": name, "physicalName": physical, "businessName": name.title(), "properties": properties}],
        "customProperties": [
            {"property": "landbridge.source", "value": source},
            *({"property": f"landbridge.{key}", "value": value} for key, value in custom.items()),
        ],
    }


@pytest.fixture(autouse=True, scope="session")
def files_are_written_at_once():
    """A test's files are whole when they are there; those about files still being written say so themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDBRIDGE_SETTLED_AFTER", "0")
        yield


def pytest_collection_finish():
    """What the modules of the tests hold stays to the end: no collection of garbage looks through it again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    """What DuckDB holds is let go again, or its binding prints a page about leaks when the process ends."""
    gc.unfreeze()
    gc.collect()


class Shop:
    """A project folder and its source systems, to be broken at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("sources", "datasets", "policies", "systems"):
            (folder / name).mkdir(parents=True)
        self.write("project.yaml", {"name": "shop", "model": "hashed-words", "minSimilarity": 0.1})
        self.write("sources/crm.yaml", {"name": "crm", "kind": "csv", "location": "systems"})
        self.write("sources/till.yaml", {"name": "till", "kind": "sql", "location": "sqlite:///systems/till.db"})
        self.write("policies/access.yaml", {"local": {"clearance": "restricted"}})
        self.write("datasets/customers.odcs.yaml", self.customers())
        self.write("datasets/orders.odcs.yaml", self.orders())
        self.customers_are(CUSTOMERS)
        self.orders_are(ORDERS)

    def write(self, name, content):
        (self.folder / name).write_text(yaml.safe_dump(content, sort_keys=False))

    @staticmethod
    def customers(**changes):
        text = "{name} of {city|an unknown city} placed {orders.count} orders. {known_gaps}"
        return contract(
            "customers",
            "crm",
            "customers.csv",
            [
                {"name": "id", "physicalName": "ID", "logicalType": "string", "primaryKey": True,
                 "primaryKeyPosition": 1, "required": True, "classification": "public"},
                {"name": "name", "physicalName": "NAME", "logicalType": "string", "classification": "public"},
                {"name": "email", "physicalName": "MAIL", "logicalType": "string", "classification": "restricted",
                 "tags": ["personal"], "customProperties": [{"property": "landbridge.mask", "value": "pseudonym"}]},
                {"name": "city", "physicalName": "CITY", "logicalType": "string", "classification": "public",
                 "customProperties": [{"property": "landbridge.expected", "value": True}]},
            ],
            documents=[{
                "name": "customer", "title": "Customer {id} {email}", "text": text,
                "related": [{"name": "orders", "dataset": "orders", "on": {"id": "customer"},
                             "aggregates": [{"name": "count", "function": "count"}]}],
            }],
            **changes,
        )  # fmt: skip

    @staticmethod
    def orders(**changes):
        return contract(
            "orders",
            "till",
            "ORD",
            [
                {"name": "number", "physicalName": "NO", "logicalType": "integer", "primaryKey": True,
                 "primaryKeyPosition": 1, "required": True},
                {"name": "customer", "physicalName": "CUST", "logicalType": "string"},
                {"name": "amount", "physicalName": "AMT", "logicalType": "number",
                 "logicalTypeOptions": {"minimum": 0}},
            ],
            documents=[{"name": "order", "title": "Order {number}",
                        "text": "Order {number} by {customer}: {amount}. {known_gaps}"}],
            gaps=[{"name": "order-without-customer", "kind": "missing_reference", "fields": ["customer"],
                   "to": ["customers.id"], "owner": "sales-data", "remedy": "Ask the till."}],
            **changes,
        )  # fmt: skip

    def customers_are(self, rows):
        with (self.folder / "systems" / "customers.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("ID", "NAME", "MAIL", "CITY"))
            writer.writerows(rows)

    def orders_are(self, rows):
        with sqlite3.connect(self.folder / "systems" / "till.db") as database:
            database.execute("DROP TABLE IF EXISTS ORD")
            database.execute("CREATE TABLE ORD (NO INTEGER PRIMARY KEY, CUST TEXT, AMT REAL)")
            database.executemany("INSERT INTO ORD VALUES (?, ?, ?)", rows)
        database.close()

    def run(self, *accept, kept=False):
        """A run; Dagster's history of it is kept where a test looks at it, as it takes a third of a run's time."""
        import dagster as dg

        from catalog import load_project
        from pipelines.runs import execute

        history = None if kept else dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}})
        return execute(
            load_project(self.folder), accept=frozenset(accept), listener=lambda *told: None, history=history
        )

    def site(self):
        from pipelines.site import Site

        return Site.open(self.folder)

    def accounts(self):
        return {account.dataset: account for account in self.site().ledger.accounts()}

    def live(self):
        """Title by document id of everything agents can be served now."""
        import index

        frame = index.Store(self.site().home.index).read(["document_id", "text"], at="live")
        return dict(frame.iter_rows())


def homeless(patch):
    """Forget what a run sets for its own process, now and when the patch is undone."""
    names = ("DAGSTER_HOME", "LANDBRIDGE_HOME", "LANDBRIDGE_PROJECT", "LANDBRIDGE_LEDGER_URL", "LANDBRIDGE_INDEX")
    for name in names:
        patch.setenv(name, "")  # restored afterwards, whatever a run sets
        patch.delenv(name)


@pytest.fixture(autouse=True)
def own_home(monkeypatch):
    """What a run sets for its own process no other test may find."""
    homeless(monkeypatch)


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path / "shop")


@pytest.fixture(scope="session")
def first_run(tmp_path_factory):
    """The folder of a shop after its first run, made once. Tests only copy it."""
    shop = Shop(tmp_path_factory.mktemp("first") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        homeless(patch)
        report = shop.run()
    assert report.good, report.failures
    return shop.folder


@pytest.fixture
def ran(shop, first_run):
    """The shop as its first run leaves it, for tests of what comes after."""
    shutil.copytree(first_run, shop.folder, dirs_exist_ok=True)
    return shop


@pytest.fixture
def shop_folder(shop):
    return shop.folder

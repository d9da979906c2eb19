"""Access databases through mdbtools: all tables with declared types, and what is refused."""

import datetime
import shutil
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from catalog.errors import FileRefused
from connectors.formats import access
from connectors.formats.access.types import declarations, kind_of
from connectors.formats.tables import File, Limits

NORTHWIND = Path("../shared/data/access/nwind.mdb")
COUNTS = {
    "Order Details": 2155, "Orders": 830, "Products": 77, "Shippers": 3, "Categories": 8, "Customers": 91,
    "Employees": 9, "Suppliers": 29, "Umsätze": 830,
}  # fmt: skip
there = pytest.mark.skipif(
    not NORTHWIND.exists() or shutil.which("mdb-export") is None, reason="the shared data or mdbtools is not here"
)


def opened(path=NORTHWIND, limits=None, **options):
    file = File(Path(path), Path(path).name)
    assert access.recognises(file.head(), file)
    return {table.name: table for table in access.tables(file, access.Options(**options), limits=limits or Limits())}


def frame(table):
    return pl.concat([piece.frame for piece in table.pieces()])


@there
def test_every_table_has_all_its_rows_whatever_its_name():
    assert {name: frame(table).height for name, table in opened().items()} == COUNTS


@there
def test_values_have_the_types_that_the_database_declares():
    tables = opened()
    lines = tables["Order Details"]
    assert lines.declared == {
        "OrderID": "Long Integer", "ProductID": "Long Integer", "UnitPrice": "Currency", "Quantity": "Integer",
        "Discount": "Single",
    }  # fmt: skip
    assert frame(lines).row(6)[2:4] == (Decimal("42.4000"), 35)
    assert frame(lines)["Discount"].unique().round(2).sort().to_list()[:3] == pytest.approx([0, 0.01, 0.02])
    order = frame(tables["Orders"]).row(0, named=True)
    assert (order["OrderDate"], order["ShipAddress"]) == (
        datetime.datetime(1994, 11, 16), "Carrera 52 con Ave. Bolívar #65-98 Llano Largo",
    )  # fmt: skip
    assert frame(tables["Products"])["Discontinued"].dtype == pl.Boolean


@there
def test_nulls_texts_of_several_lines_and_pictures_are_kept_apart():
    employees = frame(opened(table="Employees")["Employees"])
    assert employees["Address"][0] == "507 - 20th Ave. E.\r\nApt. 2A"
    assert employees["Photo"][0][:2] == b"\x15\x1c"
    assert employees["Region"].null_count() == 4
    assert employees["ReportsTo"].null_count() == 1


@there
def test_pieces_are_bounded():
    table = opened(table="Orders", limits=Limits(batch_rows=300))["Orders"]
    assert [piece.frame.height for piece in table.pieces()] == [300, 300, 230]


@there
def test_an_unknown_table_is_refused_with_those_there_are():
    with pytest.raises(FileRefused, match="'Umsätze'"):
        opened(table="Sales")


@there
@pytest.mark.parametrize("count", [100_000, 1_200_000, 2048 * 400, 2048 * 700])
def test_a_cut_database_is_refused(tmp_path, count):
    (tmp_path / "a.mdb").write_bytes(NORTHWIND.read_bytes()[:count])
    with pytest.raises(FileRefused, match="cut off"):
        for table in opened(tmp_path / "a.mdb").values():
            frame(table)


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "empty"), (bytes(5000), "NULs"), (b"\0\1\0\0Standard Jet", "cut off"), (b"x" * 5000, "no Access database"),
    (b"\0\1\0\0Standard Jet DB\0" + bytes(100), "whole page"),
])  # fmt: skip
def test_what_is_no_whole_database_is_refused(tmp_path, content, reason):
    (tmp_path / "a.mdb").write_bytes(content)
    with pytest.raises(FileRefused, match=reason):
        access.tables(File(tmp_path / "a.mdb", "a.mdb"), access.Options(), limits=Limits())


def test_a_hostile_database_is_refused(tmp_path):
    (tmp_path / "a.mdb").write_bytes(b"\0\1\0\0Standard Jet DB\0" + bytes(2048 * 8 - 20))
    with pytest.raises(FileRefused):
        access.tables(File(tmp_path / "a.mdb", "a.mdb"), access.Options(), limits=Limits())


def test_without_mdbtools_the_package_to_install_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.mdb").write_bytes(b"\0\1\0\0Standard Jet DB\0" + bytes(2048 - 20))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileRefused, match="Debian package 'mdbtools'"):
        access.tables(File(tmp_path / "a.mdb", "a.mdb"), access.Options(), limits=Limits())


def test_declarations_are_read_whatever_the_columns_names():
    told = declarations("CREATE TABLE [T]\n (\n\t[a ] b]\t\t\tText (20) NOT NULL, \n\t[n]\t\t\tNumeric (18, 4)\n);\n")
    assert told == {"a ] b": "Text (20)", "n": "Numeric (18, 4)"}
    assert [kind_of(kind) for kind in told.values()] == [pl.String, pl.Decimal(38, 4)]

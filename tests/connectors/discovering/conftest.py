"""Profiles as a test needs them, without a database."""

import sqlite3

import pytest

from connectors.discovering.columns import profiled_column
from connectors.discovering.profiles import ColumnProfile, TableProfile


@pytest.fixture
def column():
    """`column(name, declared, family, *values)`."""

    def made(name, declared="", family=None, *values, **told):
        return profiled_column(ColumnProfile(name=name, declared=declared, family=family, **told), values)

    return made


@pytest.fixture
def table():
    """`table(name, *columns, key=...)`."""

    def made(name, *columns, key=(), **told):
        rows = max((one.rows for one in columns), default=0)
        return TableProfile(name=name, columns=columns, primary_key=key, rows=rows, **told)

    return made


@pytest.fixture
def shop(tmp_path):
    """`shop(*statements)` is the URL of a SQLite database that the statements made."""

    def made(*statements):
        with sqlite3.connect(tmp_path / "shop.db") as database:
            for statement in statements:
                database.execute(statement)
        database.close()
        return f"sqlite:///{tmp_path / 'shop.db'}"

    return made

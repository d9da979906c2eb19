"""Our own connectors keep the laws that the author of a plug-in is asked to keep."""

from typing import ClassVar

import pytest

from connectors.testing import INCREMENTAL_LAWS, ConnectorConformance
from tests.connectors.databases_under_law import (
    Mariadb,
    MariadbByKeys,
    Postgresql,
    PostgresqlByKeys,
    Sqlite,
    SqliteByKeys,
)
from tests.connectors.files_under_law import BareCsv, Csv, FixedWidth, Markdown, Ndjson, Parquet, Rows


class TestTheDouble(ConnectorConformance):
    does_not_apply: ClassVar = {"test_memory_does_not_grow_with_the_source": "the double is its own source"}

    @pytest.fixture
    def system(self, tmp_path):
        return Rows(tmp_path)


@pytest.mark.parametrize("kind", [Csv, BareCsv, Ndjson, Parquet], ids=lambda kind: kind.__name__)
class TestFiles(ConnectorConformance):
    @pytest.fixture
    def system(self, tmp_path, kind):
        return kind(tmp_path)


class TestFixedWidth(ConnectorConformance):
    does_not_apply: ClassVar = {
        "test_a_column_that_came_and_one_that_went_are_seen": "a fixed-width file names no columns"
    }

    @pytest.fixture
    def system(self, tmp_path):
        return FixedWidth(tmp_path)


class TestMarkdown(ConnectorConformance):
    @pytest.fixture
    def system(self, tmp_path):
        return Markdown(tmp_path)

    @pytest.mark.exam  # 24 MiB of front matter are read in 20 s
    def test_memory_does_not_grow_with_the_source(self, system):
        super().test_memory_does_not_grow_with_the_source(system)


@pytest.mark.parametrize("kind", [Sqlite, Postgresql, Mariadb], ids=lambda kind: kind.__name__)
class TestDatabases(ConnectorConformance):
    does_not_apply: ClassVar = dict.fromkeys(INCREMENTAL_LAWS, "the contract asks for a whole read")

    @pytest.fixture
    def system(self, tmp_path, kind):
        system = kind(tmp_path)
        yield system
        system.close()


@pytest.mark.parametrize("kind", [SqliteByKeys, PostgresqlByKeys, MariadbByKeys], ids=lambda kind: kind.__name__)
class TestDatabasesReadByKeys(ConnectorConformance):
    @pytest.fixture
    def system(self, tmp_path, kind):
        system = kind(tmp_path)
        yield system
        system.close()

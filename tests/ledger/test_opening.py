"""A ledger is made when it is first opened, migrated once, and refuses in one line."""

import sqlite3
import subprocess
import sys
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from catalog.errors import LedgerError
from ledger import Ledger
from ledger.opening import MIGRATIONS
from ledger.tables import HEAD, METADATA


def test_the_migrations_make_just_the_tables_that_the_code_uses(ledger, url):
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_the_code_knows():
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_opening_again_loads_no_migration_library(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger(url).close()
    code = f"import sys; from ledger import Ledger; Ledger({url!r}); print('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_several_processes_that_open_a_new_ledger_at_once_all_get_it(url):
    code = f"from ledger import Ledger; print(Ledger({url!r}).accounts())"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    told = [process.communicate() for process in started]
    assert [out for out, _ in told] == ["[]\n"] * 4, told


def test_a_process_that_writes_a_new_file_is_waited_for(tmp_path):
    # SQLite gives up at once, whatever the timeout, where the journal's mode must change under a writer
    path = tmp_path / "ledger.db"
    held = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    held.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(path, timeout=30).execute("PRAGMA journal_mode=WAL")
    release = threading.Timer(0.3, held.rollback)
    release.start()
    assert Ledger(f"sqlite:///{path}").accounts() == []
    release.join()
    held.close()


def test_a_ledger_of_a_later_version_is_refused_and_left_as_it_is(url):
    Ledger(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match="later version"):
        Ledger(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    ["no url", "nosuchdialect://host/db", "postgresql://u:s3cret@127.0.0.1:1/none", "sqlite:////proc/none/ledger.db"],
)
def test_a_ledger_that_cannot_be_had_is_one_line_without_a_password(url):
    with pytest.raises(LedgerError) as refused:
        Ledger(url)
    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_broken_file_is_one_line(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"this is no database, and it is long enough to be read as one" * 40)
    with pytest.raises(LedgerError, match="does not open"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")

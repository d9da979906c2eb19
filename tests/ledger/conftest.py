import os

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from ledger import Ledger

SERVERS = {
    "postgresql": "postgresql+psycopg://root@127.0.0.1/test",
    "mariadb": "mariadb+pymysql://root@127.0.0.1/test",
}
NAME = f"landbridge_ledger_test_{os.getpid()}"  # two test runs on one machine do not meet


@pytest.fixture(params=["sqlite", *sorted(SERVERS)])
def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'deep' / 'ledger.db'}"
        return
    server = create_engine(SERVERS[request.param], isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2})
    try:
        server.connect().close()
    except OperationalError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {request.param} answers on this machine")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {NAME}"))
        connection.execute(text(f"CREATE DATABASE {NAME}"))
    yield server.url.set(database=NAME).render_as_string(hide_password=False)
    with server.connect() as connection:
        force = " WITH (FORCE)" if request.param == "postgresql" else ""
        connection.execute(text(f"DROP DATABASE {NAME}{force}"))
    server.dispose()


@pytest.fixture
def ledger(url):
    opened = Ledger(url)
    yield opened
    opened.close()

"""The operations database in PostgreSQL or MariaDB: the same contracts, the same rows."""

import os

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import OperationalError

URLS = {
    "postgresql": "postgresql+psycopg://root@127.0.0.1/test",
    "mariadb": "mysql+pymysql://root@127.0.0.1/test",
}


@pytest.fixture(params=sorted(URLS))
def url(request, seeding):
    address = URLS[request.param]
    engine = create_engine(address, connect_args={"connect_timeout": 2})
    try:
        engine.connect().close()
    except OperationalError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {request.param} answers on this machine")
    yield address
    seeding.METADATA.drop_all(engine)
    engine.dispose()


def test_another_database_gives_the_same_rows_as_sqlite(url, seeding, small, rows, monkeypatch):
    wanted = {name: rows(small, name).drop("_position") for name in ("flights", "airlines", "airports")}
    words = ["--folder", str(small / "systems"), "--flights", "2000", "--ops-url", url]
    assert seeding.main(words) == 0
    (small / "systems" / "ops.db").unlink()
    monkeypatch.setenv("AIRLINE_OPS_URL", url)
    for name, expected in wanted.items():
        # each database orders text in its own way
        assert rows(small, name).drop("_position").sort("_key").equals(expected.sort("_key")), name
    assert seeding.main([*words, "--if-missing"]) == 0


def test_filling_it_twice_leaves_the_rows_once(url, seeding, tmp_path):
    tables = seeding.read_tables()
    tables["flights"] = tables["flights"].head(2000)
    for _ in range(2):
        seeding.build_operations(tmp_path, tables, url)
    engine = create_engine(url)
    with engine.connect() as connection:
        count = connection.scalar(select(func.count()).select_from(seeding.FLIGHTS))
    engine.dispose()
    assert count == 2000
    assert list(tmp_path.iterdir()) == []

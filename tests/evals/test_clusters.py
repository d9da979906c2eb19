"""Throw-away servers: they answer, survive being killed, and leave nothing behind."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from evals import clusters
from evals.clusters import ClusterFailed, MariadbCluster, PostgresCluster


@pytest.fixture(scope="module", params=[PostgresCluster, MariadbCluster])
def server(request, tmp_path_factory):
    if not request.param.available():
        pytest.skip(request.param.absent)
    with request.param(tmp_path_factory.mktemp("server")) as server:
        server.run("CREATE TABLE kept (v int PRIMARY KEY)")
        yield server


def test_what_was_committed_survives_a_killed_server_on_the_same_port(server):
    port = server.port
    server.run("DELETE FROM kept", "INSERT INTO kept VALUES (7)")
    server.kill()
    with pytest.raises(OperationalError):
        server.run("SELECT 1")
    server.start()
    assert server.port == port
    assert server.run("SELECT v FROM kept") == [(7,)]


def test_it_stops_cleanly_and_takes_new_settings_when_it_is_restarted(server):
    server.restart({"max_connections": 33})
    setting = "SHOW max_connections" if isinstance(server, PostgresCluster) else "SELECT @@max_connections"
    assert str(server.run(setting)[0][0]) == "33"
    assert "shut" in server.logs(200).lower()


def test_it_keeps_a_log_of_changes_in_its_rows(server):
    postgres = isinstance(server, PostgresCluster)
    assert server.run("SHOW wal_level" if postgres else "SELECT @@binlog_format")[0][0] in ("logical", "ROW")


def test_a_wrong_password_is_refused(server):
    with pytest.raises(OperationalError):
        create_engine(server.url(password="wrong")).connect()


def test_it_listens_on_the_loopback_only(server):
    postgres = isinstance(server, PostgresCluster)
    assert server.run("SHOW listen_addresses" if postgres else "SELECT @@bind_address") == [("127.0.0.1",)]


@pytest.mark.parametrize("kind", [PostgresCluster, MariadbCluster])
def test_nothing_is_left_behind(kind):
    if not kind.available():
        pytest.skip(kind.absent)
    with kind() as server:
        folder, pid = server.folder, server._process.pid
        children = clusters._children(pid)
    assert not folder.exists()
    assert not any(clusters._alive(one) for one in (pid, *children))


def test_a_server_that_does_not_start_is_an_error_with_its_log():
    if not PostgresCluster.available():
        pytest.skip(PostgresCluster.absent)
    server = PostgresCluster(settings={"wal_level": "nonsense"})
    with pytest.raises(ClusterFailed, match="wal_level"):
        server.start()
    server.remove()


def test_absent_programs_are_a_reason_to_skip_and_on_a_build_server_an_error(monkeypatch):
    monkeypatch.setattr(clusters, "_program", lambda _name: "")
    monkeypatch.setenv("CI", "false")
    assert not PostgresCluster.available()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(ClusterFailed, match="initdb"):
        PostgresCluster.available()


def test_its_location_is_a_url_with_the_password(server):
    engine = create_engine(server.location())
    with engine.connect() as connection:
        name = "current_database()" if isinstance(server, PostgresCluster) else "database()"
        assert connection.exec_driver_sql(f"SELECT {name}").scalar() == "test"
    engine.dispose()

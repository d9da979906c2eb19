"""500 random histories of a table, in every mode and database: after each step what is held is what a full read gives.

Run by `make exam`; it takes about five minutes on two cores.
"""

import pytest
from sqlalchemy import create_engine

from evals.clusters import MariadbCluster, PostgresCluster
from evals.firebird import FirebirdCluster
from evals.following import live_through
from ledger import Ledger

pytestmark = pytest.mark.exam
HISTORIES = {
    ("sqlite", "full"): 8, ("sqlite", "watermark"): 70, ("sqlite", "keys"): 8,
    ("postgresql", "full"): 8, ("postgresql", "watermark"): 55, ("postgresql", "keys"): 55, ("postgresql", "feed"): 60,
    ("mariadb", "full"): 8, ("mariadb", "watermark"): 55, ("mariadb", "keys"): 55, ("mariadb", "feed"): 60,
    ("firebird", "full"): 4, ("firebird", "watermark"): 50, ("firebird", "keys"): 4,
}  # fmt: skip
ALWAYS_WHOLE = {("sqlite", "keys"), ("firebird", "keys")}  # they have no hash of a row
STEPS, LONG = 3, 20  # steps of a history, and of every 25th
CLUSTERS = {"postgresql": PostgresCluster, "mariadb": MariadbCluster, "firebird": FirebirdCluster}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return Ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db")


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb", "firebird"])
def database(request, tmp_path_factory):
    """Its name, its location and an engine that writes to it."""
    if request.param == "sqlite":
        location = f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/things.db"
        yield request.param, location, create_engine(location)
        return
    kind = CLUSTERS[request.param]
    if not kind.available():
        pytest.skip(kind.absent)
    with kind() as cluster:
        words = {"connect_args": {"charset": "UTF8"}} if kind is FirebirdCluster else {}
        engine = create_engine(cluster.url(), **words)
        yield request.param, cluster.location(), engine
        engine.dispose()


def test_the_histories_are_500():
    assert sum(HISTORIES.values()) == 500


@pytest.mark.parametrize("mode", ["full", "watermark", "keys", "feed"])
def test_what_is_held_after_each_step_is_what_a_full_read_gives(database, mode, ledger, tmp_path):
    name, location, engine = database
    count = HISTORIES.get((name, mode))
    if count is None:
        pytest.skip(f"{name} has no change log that is understood")
    wholes = changes = 0
    for seed in range(count):
        one = live_through(
            seed, mode, location=location, engine=engine, folder=tmp_path / str(seed), ledger=ledger,
            steps=LONG if seed % 25 == 24 else STEPS,
        )  # fmt: skip
        wholes, changes = wholes + one.wholes, changes + one.changes
        if name == "firebird":
            engine.dispose()  # it keeps the statements of a table that is gone
    print(f"\n{name}, {mode}: {count} histories, {wholes + changes} looks, of which {changes} read only what changed")
    if mode == "full" or (name, mode) in ALWAYS_WHOLE:
        assert changes == 0
    else:
        assert changes > 0.8 * (wholes + changes - count), "all but the first looks of a history are to be of changes"

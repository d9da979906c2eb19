"""A few random histories of a table, always; `evals/exams/test_histories.py` lives through 500."""

import pytest
from sqlalchemy import create_engine

from evals.following import live_through
from ledger import Ledger

HISTORIES = [
    ("sqlite", "watermark", 7), ("sqlite", "keys", 3), ("sqlite", "full", 4), ("postgresql", "watermark", 11),
    ("postgresql", "keys", 1), ("postgresql", "keys", 8), ("postgresql", "feed", 13), ("postgresql", "feed", 16),
    ("mariadb", "watermark", 16), ("mariadb", "keys", 21), ("mariadb", "feed", 31), ("mariadb", "feed", 12),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "mode", "seed"), HISTORIES)
def test_what_is_held_after_each_step_is_what_a_full_read_gives(kind, mode, seed, tmp_path, request):
    location = f"sqlite:///{tmp_path}/things.db"
    url = location
    if kind != "sqlite":
        cluster = request.getfixturevalue(f"{kind}_server")
        location, url = cluster.location(), cluster.url()
    engine = create_engine(url)
    one = live_through(
        seed, mode, location=location, engine=engine, folder=tmp_path, ledger=Ledger(f"sqlite:///{tmp_path}/ledger.db"),
        steps=3,
    )  # fmt: skip
    engine.dispose()
    assert (one.changes > 0) == (mode != "full" and (kind, mode) != ("sqlite", "keys"))

"""A cell of half a gigabyte: refused with its remedy, whichever way the rows take, in memory that is bounded.

Run by `make exam`. The reader is a process of its own, so that its memory is its own.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from evals import projects
from evals.clusters import MariadbCluster, PostgresCluster

pytestmark = pytest.mark.exam
ROOT = Path(__file__).parents[2]
SIZE = 500_000_000  # bytes
MOST = 1_430  # MiB of memory, which is 1.5 GB
PYMYSQL = 1_700  # MiB where the driver has read the row, whole, before anybody can look at its size
WITHIN = 300  # seconds
SETTINGS = {PostgresCluster: {}, MariadbCluster: {"max_allowed_packet": "1G", "innodb_log_file_size": "512M"}}
PULL = """
import resource, sys
from pathlib import Path
from catalog.errors import SourceError
from pipelines.site import Site
from pipelines.stages import pull
try:
    raw = pull(Site.open(Path(sys.argv[1])), "things", run_id="large")
    print("taken", raw.rows)
except SourceError as error:
    print("refused", error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.fixture(scope="module", params=[PostgresCluster, MariadbCluster], ids=["postgresql", "mariadb"])
def server(request):
    """A server with a table of three rows, of which one is very large."""
    kind = request.param
    if not kind.available():
        pytest.skip(kind.absent)
    with kind(settings=SETTINGS[kind]) as cluster:
        text = "text" if kind is PostgresCluster else "longtext"
        cluster.run(
            f"CREATE TABLE things (id int PRIMARY KEY, v {text}, stamp int)",
            f"INSERT INTO things VALUES (1, 'a', 1), (2, repeat('x', {SIZE}), 2), (3, 'c', 3)",
        )
        yield cluster


@pytest.mark.parametrize("reader", ["auto", "plain"])
@pytest.mark.parametrize("mode", [{}, {"mode": "watermark", "column": "stamp"}], ids=["full", "watermark"])
def test_a_cell_of_500_mb_is_refused_in_bounded_memory(server, tmp_path, monkeypatch, reader, mode):
    folder = projects.written(tmp_path / "project", {"things": ["id"]}, incremental=mode, reader=reader, retries=0)
    monkeypatch.setenv(projects.LOCATION, server.location())
    done = subprocess.run(
        [sys.executable, "-c", PULL, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=WITHIN
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told, memory = done.stdout.strip().splitlines()
    print(f"\n{type(server).__name__}, {reader}: {memory} MiB; {told}")
    assert told.startswith("refused")
    assert "above the source's cellBytes. Write landbridge.blob: hash or skip" in told
    assert int(memory) < (PYMYSQL if reader == "plain" and isinstance(server, MariadbCluster) else MOST)
    assert not (folder / ".landbridge" / "raw" / "things.parquet").exists()

"""Places under load: many files, large ones, servers, a slow writer, and runs that are killed. Run by `make exam`."""

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import polars as pl
import pytest
import yaml

from connectors.places import deliveries
from evals.file_servers import SshServer, Store, WebServer
from pipelines.site import Site
from pipelines.stages import raw

pytestmark = pytest.mark.exam
ROOT = Path(__file__).parents[2]
FIELDS = [
    {"name": "id", "physicalName": "id", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1,
     "required": True},
    {"name": "v", "physicalName": "v", "logicalType": "string"},
]  # fmt: skip


def project(folder, location, pattern="*.ndjson", **source):
    """A project with one dataset of newline-delimited JSON, open."""
    told = {"source": "night", "quarantineThreshold": 1, "deletionThreshold": 1}
    files = {
        "project.yaml": {"name": "nights", "model": "hashed-words"},
        "sources/night.yaml": {"name": "night", "kind": "ndjson", "location": location, **source},
        "datasets/orders.odcs.yaml": {
            "apiVersion": "v3.1.0", "kind": "DataContract", "id": "nights.orders", "name": "orders", "version": "1.0.0",
            "status": "active", "schema": [{"name": "orders", "physicalName": pattern, "properties": FIELDS}],
            "customProperties": [{"property": f"landbridge.{name}", "value": value} for name, value in told.items()],
        },
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content))
    return Site.open(folder)


def lines(*ids):
    return "".join(json.dumps({"id": one, "v": f"value of {one}"}) + "\n" for one in ids).encode()


def pulled(site):
    begun = time.perf_counter()
    told = raw.pull(site, "orders", run_id="run")
    return told, time.perf_counter() - begun


def rows(site):
    return pl.read_parquet(site.home.raw("orders"))


def say(text):
    sys.stderr.write(f"\n{text}\n")


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_SETTLED_AFTER", "0")
    monkeypatch.setenv("TEST_STORE_SECRET", Store.secret)
    monkeypatch.setenv("TEST_DESK_PASSWORD", SshServer.password)


def test_of_a_thousand_files_one_that_changed_costs_one(tmp_path):
    drop = tmp_path / "shop" / "drop"
    drop.mkdir(parents=True)
    for at in range(1000):
        (drop / f"{at:04}.ndjson").write_bytes(lines(*(f"{at}-{row}" for row in range(100))))
    site = project(tmp_path / "shop", "drop")
    first, whole = pulled(site)
    same, unchanged = pulled(site)
    (drop / "0500.ndjson").write_bytes(lines("new"))
    again, changed = pulled(site)
    say(f"1,000 files of 100 rows: all {whole:.2f} s, none changed {unchanged:.2f} s, one changed {changed:.2f} s")
    assert (first.rows, same.changed, again.rows, again.fetched) == (100_000, False, 99_901, 1)
    assert changed < whole / 2


@pytest.mark.parametrize("kind", ["store", "ssh", "web"])
def test_a_drop_on_a_server_is_read_as_one_on_disk_is(tmp_path, kind):
    (tmp_path / "server").mkdir()
    if kind == "store" and Store.program() is None:
        pytest.skip(Store.absent)
    server = {"store": Store, "ssh": SshServer, "web": WebServer}[kind](tmp_path / "server")
    content = {f"{at:03}.ndjson.gz": gzip.compress(lines(*(f"{at}-{row}" for row in range(100)))) for at in range(200)}
    try:
        if kind == "store":
            files = server.files()
            files.mkdir("drops")
            for name, packed in content.items():
                files.pipe_file(f"drops/{name}", packed)
        else:
            for name, packed in content.items():
                (server.root / name).write_bytes(packed)
        location = "s3://drops/" if kind == "store" else f"{server.url}/"
        source = {} if kind == "web" else {"options": {"storage": server.storage}}
        site = project(tmp_path / "shop", location, "*.ndjson.gz", **source)
        told, whole = pulled(site)
        same, unchanged = pulled(site)
        say(f"200 files from {kind}: {whole:.2f} s, none changed {unchanged:.2f} s")
        assert (told.rows, same.changed) == (20_000, False)
        assert rows(site)["_location"].n_unique() == 200
    finally:
        server.close()


MEASURED = """
import sys
from pathlib import Path
from pipelines.by_file import woven
base, fresh, target, files = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
names = [f"{at:04}" for at in range(files)]
kept = {name: name for name in names if name != "0001"}
assert woven(base, fresh, target, kept=kept, order=names) == (files - 1) * 50_000 + 1
[peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak) // 1024)
"""


def test_weaving_ten_times_the_rows_takes_the_same_memory(tmp_path):
    peaks = {}
    for files in (8, 80):
        parts = [
            pl.DataFrame({"v": [f"value {row} of {at}" for row in range(50_000)]}).with_columns(
                pl.lit(f"{at:04}").alias("_location"), pl.int_range(1, 50_001, dtype=pl.Int64).alias("_position")
            )
            for at in range(files)
        ]
        base, fresh = tmp_path / f"{files}.parquet", tmp_path / "fresh.parquet"
        pl.concat(parts).write_parquet(base, row_group_size=50_000)
        parts[1].head(1).write_parquet(fresh)
        del parts
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, str(base), str(fresh), str(tmp_path / "target.parquet"), str(files)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        peaks[files] = int(done.stdout)
    say(f"weaving one changed file in: 400,000 rows {peaks[8]} MiB, 4,000,000 rows {peaks[80]} MiB")
    assert peaks[80] < peaks[8] * 1.3


def test_a_bomb_is_refused_in_a_moment_and_little_memory(tmp_path):
    drop = tmp_path / "shop" / "drop"
    drop.mkdir(parents=True)
    with (
        zipfile.ZipFile(drop / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.ndjson", "w", force_zip64=True) as file,
    ):
        for _ in range(2048):
            file.write(bytes(2**20))
    with gzip.open(drop / "bomb.ndjson.gz", "wb", compresslevel=6) as file:
        for _ in range(2048):
            file.write(bytes(2**20))
    site = project(tmp_path / "shop", "drop", "**")
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    for one in deliveries(site.project.sources["night"], site.dataset("orders"), folder=site.project.folder):
        with pytest.raises(Exception, match=r"limits\.ratio"):
            one.fingerprint()
    seconds, grown = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    say(f"two bombs of 2 GiB: {seconds:.2f} s, {grown // 1024} MiB")
    assert seconds < 5
    assert grown < 100 * 1024


def test_an_archive_of_ten_thousand_members_costs_each_of_them_once(tmp_path):
    drop = tmp_path / "shop" / "drop"
    drop.mkdir(parents=True)
    with zipfile.ZipFile(drop / "n.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for at in range(10_000):
            archive.writestr(f"{at:05}.ndjson", lines(str(at)))
    site = project(tmp_path / "shop", "drop", "n.zip!*.ndjson")
    begun = time.perf_counter()
    found = deliveries(site.project.sources["night"], site.dataset("orders"), folder=site.project.folder)
    listed = time.perf_counter() - begun
    assert len({one.fingerprint() for one in found}) == 10_000
    hashed = time.perf_counter() - begun - listed
    say(f"10,000 members: listed in {listed:.2f} s, hashed in {hashed:.2f} s")
    assert listed + hashed < 30


def test_a_slow_writer_is_never_read_in_the_middle(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_SETTLED_AFTER", "0.4")
    drop = tmp_path / "shop" / "drop"
    drop.mkdir(parents=True)
    (drop / "a.ndjson").write_bytes(lines("whole"))
    os.utime(drop / "a.ndjson", (1, 1))
    site = project(tmp_path / "shop", "drop")
    done = threading.Event()

    def write():
        with (drop / "b.ndjson").open("wb") as file:
            for at in range(60):
                file.write(lines(*(f"{at}-{row}" for row in range(50))))
                file.flush()
                time.sleep(0.05)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    heights = set()
    while not done.is_set():
        told, _ = pulled(site)
        heights.add(told.rows)
    thread.join()
    told, _ = pulled(site)
    say(f"rows seen while 3,000 were written: {sorted(heights)}, then {told.rows}")
    assert heights <= {1, 3001}
    assert told.rows == 3001


KILLED = """
import sys
from pathlib import Path
from pipelines.site import Site
from pipelines.stages import raw
raw.pull(Site.open(Path(sys.argv[1])), "orders", run_id="run")
"""


def test_a_run_that_is_killed_anywhere_is_made_good_by_the_next(tmp_path):
    folder = tmp_path / "shop"
    drop = folder / "drop"
    drop.mkdir(parents=True)
    for at in range(60):
        (drop / f"{at:03}.ndjson").write_bytes(lines(*(f"{at}-{row}" for row in range(2000))) + b"no row\n" * (at % 3))
    site = project(folder, "drop")
    pulled(site)
    for step in range(12):
        (drop / f"{step:03}.ndjson").write_bytes(lines(f"changed {step}") + b"no row\n" * (step % 2))
        (drop / f"{30 + step:03}.ndjson").rename(drop / f"x{step:03}.ndjson")
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT)
        time.sleep(0.8 + step * 0.12)
        process.send_signal(signal.SIGKILL)
        process.wait()
        again, _ = pulled(site)
        fresh = project(tmp_path / f"fresh {step}", str(drop))
        whole, _ = pulled(fresh)
        same = pl.col("_location").str.replace("^drop/", "")
        assert rows(site).with_columns(same).equals(rows(fresh))
        assert (again.rows, again.rejected) == (whole.rows, whole.rejected)

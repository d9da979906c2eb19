"""kill -9 at random moments, a full disk, two runs at once: the live version answers throughout, a re-run converges.

Run by `make exam`. The same on a disk and in an object store.
"""

import os
import random
import shutil
import subprocess
import time

import pytest
from pydantic import SecretStr

from catalog.index_place import ObjectPlace
from evals.file_servers import Store as ObjectStore
from evals.killing import DATASET, ROWS, Run, Watcher, age_of, kill_at_random, rows_of, write_age, write_project
from index import Store
from ledger import Ledger

pytestmark = pytest.mark.exam
KILLS = {"disk": 50, "object store": 15}
EVERY = 5  # kills in a row before a run is left alone
LEASE = 4  # seconds
SEED = 20260301
DISK = 48 * 2**20  # bytes of the small disk


@pytest.fixture(scope="module")
def object_store(tmp_path_factory):
    if ObjectStore.program() is None:
        pytest.skip(ObjectStore.absent)
    server = ObjectStore(tmp_path_factory.mktemp("shelf"))
    server.files().mkdir("shelf")
    yield server
    server.close()


@pytest.fixture(params=["disk", "object store"])
def kind(request):
    return request.param


class Harbour:
    """The project, where its index lies, and what its runs find in their environment."""

    def __init__(self, folder, place=None, environment=None):
        self.folder, self.home = write_project(folder), folder / ".landbridge"
        self.place = place or self.home / "index"
        self.environment = {"LANDBRIDGE_HOME": "", "LANDBRIDGE_LEDGER_URL": "", **(environment or {})}

    def brought(self, age):
        """The source at that age, and a run that is left alone; how long it took."""
        write_age(self.folder, age)
        run = Run(self.folder, self.environment)
        run.begun()
        began = time.monotonic()
        assert run.finished() == 0, run.told()
        return time.monotonic() - began

    def live(self):
        seen = Store(self.place).read(["dataset", "id", "key", "text", "hash"], at="live")
        return seen.filter(dataset=DATASET).sort("id")


@pytest.fixture
def harbour(kind, tmp_path, request):
    if kind == "disk":
        return Harbour(tmp_path / "harbour")
    server = request.getfixturevalue("object_store")
    uri = f"s3://shelf/{tmp_path.name}"
    place = ObjectPlace(uri, endpoint=server.url, key=server.key, secret=SecretStr(server.secret), lease=LEASE)
    return Harbour(tmp_path / "harbour", place, {
        "LANDBRIDGE_INDEX": uri, "LANDBRIDGE_INDEX_ENDPOINT": server.url, "LANDBRIDGE_INDEX_KEY": server.key,
        "LANDBRIDGE_INDEX_SECRET": server.secret, "LANDBRIDGE_INDEX_LEASE": str(LEASE),
    })  # fmt: skip


def assert_as_if_undisturbed(harbour, age, tmp_path):
    """The same passages as a first run over the same rows, and books that agree with them."""
    fresh = Harbour(tmp_path / f"fresh-{age}")
    fresh.brought(age)
    assert harbour.live().equals(fresh.live())
    store = Store(harbour.place)
    assert store.read(["id", "hash"]).sort("id").equals(store.read(["id", "hash"], at="live").sort("id"))
    ledger = Ledger(f"sqlite:///{harbour.home / 'ledger.db'}")
    (account,) = [one for one in ledger.accounts() if one.dataset == DATASET]
    assert account.balanced and (account.read, account.indexed) == (ROWS, ROWS)
    ledger.close()


def test_runs_killed_at_any_moment_leave_the_live_version_and_the_next_one_converges(harbour, kind, tmp_path):
    harbour.brought(0)
    usual, kills = harbour.brought(1), int(os.environ.get("LANDBRIDGE_EXAM_KILLS", KILLS[kind]))
    with Watcher(harbour.place) as watcher:
        killed, age = kill_at_random(
            harbour.folder, kills=kills, span=usual, every=EVERY, draw=random.Random(SEED),
            environment=harbour.environment,
        )  # fmt: skip
        time.sleep(1)
    print(f"\n{kind}: {killed}; a run takes {usual:.1f} s; {watcher.looks} looks, ages {watcher.ages}")
    assert watcher.faults == []
    assert watcher.ages[-1] == age and watcher.looks > kills
    assert killed.under_way == kills
    assert_as_if_undisturbed(harbour, age, tmp_path)


def test_two_runs_at_once_take_turns_and_lose_nothing(harbour, tmp_path):
    harbour.brought(1)
    write_age(harbour.folder, 2)
    with Watcher(harbour.place) as watcher:
        runs = [Run(harbour.folder, harbour.environment) for _ in range(2)]
        assert [run.finished() for run in runs] == [0, 0], runs[0].told()
        time.sleep(1)
    assert (watcher.faults, watcher.ages[-1]) == ([], 2)
    assert_as_if_undisturbed(harbour, 2, tmp_path)


def test_two_machines_that_write_one_index_take_turns(object_store, tmp_path):
    uri = "s3://shelf/two-machines"
    place = ObjectPlace(uri, endpoint=object_store.url, key=object_store.key, secret=SecretStr(object_store.secret))
    environment = {
        "LANDBRIDGE_INDEX": uri, "LANDBRIDGE_INDEX_ENDPOINT": object_store.url, "LANDBRIDGE_INDEX_LEASE": str(LEASE),
        "LANDBRIDGE_INDEX_KEY": object_store.key, "LANDBRIDGE_INDEX_SECRET": object_store.secret,
        "LANDBRIDGE_MASK_KEY": "the same on both",
    }  # fmt: skip
    machines = [Harbour(tmp_path / name, place, environment) for name in ("one", "other")]
    machines[0].brought(1)
    for one in machines:
        write_age(one.folder, 2)
    with Watcher(place) as watcher:
        runs = [Run(one.folder, one.environment) for one in machines]
        assert [run.finished() for run in runs] == [0, 0], [run.told() for run in runs]
        time.sleep(1)
    assert (watcher.faults, watcher.ages[-1]) == ([], 2)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("only who may mount a disk can fill it without harm")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("room", [0, 40_000, 400_000], ids=lambda room: f"{room} bytes left")
def test_a_full_disk_leaves_the_live_version_and_a_run_converges_once_there_is_room(small_disk, tmp_path, room):
    harbour = Harbour(small_disk / "harbour")
    harbour.brought(1)
    write_age(harbour.folder, 2)
    with Watcher(harbour.place) as watcher:
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file:
            file.truncate(0)
            file.write(bytes(max(0, shutil.disk_usage(small_disk).free - room)))
        run = Run(harbour.folder, harbour.environment)
        code = run.finished()
        told = run.told()
        time.sleep(0.5)
        assert (watcher.faults, watcher.ages[-1] in (1, 2)) == ([], True)
        ballast.unlink()
        harbour.brought(2)
        time.sleep(1)
    print(f"\n{room} bytes left: exit {code}; {told[-300:]}")
    assert code != 0 and "Traceback" not in told, "the disk was full, and one line says so"
    assert (watcher.faults, watcher.ages[-1]) == ([], 2)
    assert age_of(harbour.live()) == 2 and len(rows_of(2)) == ROWS
    assert_as_if_undisturbed(harbour, 2, tmp_path)

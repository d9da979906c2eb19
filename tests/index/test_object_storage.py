"""The index in an object store behaves as it does on a disk, and one run at a time writes it, wherever that run is."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from pydantic import SecretStr

from catalog.errors import IndexStoreError
from catalog.index_place import ObjectPlace
from catalog.models import Classification, IndexPlan, Principal
from evals.file_servers import Store as ObjectStore
from index import Query, Reader, Store, index_stats, publish, reconcile, reindex, rollback, search
from index.leasing import NAME, ObjectLease
from index.object_storage import client_of, object_sizes
from index.testing import HashEmbedder

ROOT = Path(__file__).parents[2]
CALLER = Principal(name="desk", clearance=Classification.confidential, roles=("ops",))
KEEPS = """
import sys, time
from catalog.index_place import ObjectPlace
from index import Store
from pydantic import SecretStr
uri, endpoint, key, secret, lease = sys.argv[1:]
place = ObjectPlace(uri, endpoint=endpoint, key=key, secret=SecretStr(secret), lease=float(lease))
with Store(place).writer(run="night"):
    print("holds", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """An object store with the bucket `shelf`."""
    if ObjectStore.program() is None:
        pytest.skip(ObjectStore.absent)
    server = ObjectStore(tmp_path_factory.mktemp("shelf"))
    try:
        server.files().mkdir("shelf")
        yield server
    finally:
        server.close()


@pytest.fixture
def place(shelf, request):
    uri = f"s3://shelf/{request.node.name[:60]}"
    return ObjectPlace(uri, endpoint=shelf.url, key=shelf.key, secret=SecretStr(shelf.secret))


@pytest.fixture
def store(place):
    return Store(place)


@pytest.fixture
def dying(place):
    """Another machine's run that holds the lease, and how to end it."""
    started = []

    def begun(*, lease):
        words = (place.uri, place.endpoint, place.key, place.secret.get_secret_value(), str(lease))
        one = subprocess.Popen([sys.executable, "-c", KEEPS, *words], cwd=ROOT, stdout=subprocess.PIPE)
        started.append(one)
        assert one.stdout.readline() == b"holds\n"
        return one

    yield begun
    for one in started:
        one.kill()
        one.wait()
        one.stdout.close()


def with_model(frames, model):
    return {**frames, "aircraft": frames["aircraft"].with_columns(pl.lit(model).alias("model"))}


def silenced(monkeypatch):
    """From now on no holder here shows a sign of life."""
    monkeypatch.setattr("index.leasing.BEATS", 0.001)


def test_an_index_is_written_published_asked_and_rolled_back(store, build, frames, embedder, project):
    build("aircraft", frames)
    first, reader = store.tag("live"), Reader(store, every=0)
    build("aircraft", with_model(frames, "747"))
    answer = search(Query(text="N1AA", principal=CALLER), store=reader, embedder=embedder, project=project)
    assert answer.hits and "747" in answer.hits[0].text
    assert rollback(store) == first
    answer = search(Query(text="N1AA", principal=CALLER), store=reader, embedder=embedder, project=project)
    assert answer.index_version == first and "747" not in answer.hits[0].text
    assert {tag["version"] for name, tag in store.tags().items() if name == "live"} == {first}


def test_a_rollback_takes_back_all_that_a_run_published(store, frames, project, chunks_of, embedder):
    def run(name, model):
        for one in ("aircraft", "airports"):
            with store.writer(run=name):
                store.begin()
                chunks = chunks_of(one, with_model(frames, model)).with_columns(pl.col("hash") + model)
                change = reconcile(store, chunks, dataset=project.datasets[one], embedder=lambda: embedder)
                version = publish(store, change.version, run=name)
        return version

    first = run("r1", "737")
    assert store.tag("previous") is None
    second = run("r2", "747")
    assert store.tag("previous") == first
    assert (rollback(store), rollback(store)) == (first, second)


def test_old_versions_are_pruned_and_sizes_are_told(store, place, build, frames, project, chunks_of, embedder):
    for model in ("737", "747", "757", "767"):
        with store.writer():
            chunks, dataset = chunks_of("aircraft", with_model(frames, model)), project.datasets["aircraft"]
            change = reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder)
            publish(store, change.version, plan=IndexPlan(history_disk=0))
    told = index_stats(store)
    assert told.rows == chunks.height and told.versions < 8
    assert told.bytes_by_part["data"] > 0 and told.bytes_on_disk == sum(size for _, size in object_sizes(place))


def test_deleted_rows_are_written_out(store, build, frames):
    build("aircraft", frames)
    with store.writer():
        store.latest().to_lance().delete("key = 'N1AA'")
        publish(store, store.version)
    told = index_stats(store)
    assert (told.rows, told.deleted_rows) == (2, 0)
    assert store.read(["key"], at="live")["key"].sort().to_list() == ["N2BB", "N9ZZ"]


def test_another_model_is_another_version_beside_the_live_one(store, build, frames):
    build("aircraft", frames)
    live, other = store.tag("live"), HashEmbedder(dimension=32, name="another@2")
    assert reindex(store, other) > 0
    assert (store.tag("live"), store.model) == (live, "another@2")


def test_what_a_broken_off_run_left_is_forgotten(store, build, frames, project, chunks_of, embedder):
    def half():
        with store.writer():
            chunks, dataset = chunks_of("aircraft", with_model(frames, "half")), project.datasets["aircraft"]
            reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder)

    half()
    store.begin()
    assert store.latest() is None
    build("aircraft", frames)
    served = store.read(["id", "text"], at="live").sort("id")
    half()
    store.begin()
    assert store.read(["id", "text"]).sort("id").equals(served)
    assert store.version == store.tag("live")


def test_a_second_run_waits_for_the_first_and_hears_for_whom(store, place):
    heard = []
    with (
        store.writer(run="night"),
        pytest.raises(IndexStoreError, match=rf"run night \(process {os.getpid()} on ") as told,
        Store(place).writer(patience=1.5, waiting=lambda holder, waited: heard.append(holder)),
    ):
        pass
    assert heard and heard[0].run == "night"
    assert "passed over after 60 s" in told.value.remedy
    with Store(place).writer(patience=0):
        pass


def test_of_many_that_take_a_free_lease_at_once_one_writes_at_a_time(place):
    inside, together, barrier = [], [], threading.Barrier(4)

    def write():
        barrier.wait()
        with Store(place).writer(patience=30):
            inside.append(1)
            time.sleep(0.2)
            together.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert together == [1] * 4


def test_a_killed_run_is_passed_over_once_its_lease_is_over(place, dying):
    other = dying(lease=2)
    other.send_signal(signal.SIGKILL)
    other.wait()
    with pytest.raises(IndexStoreError, match="run night"), Store(place).writer(patience=0):
        pass
    with Store(place).writer(patience=15):
        pass


def test_a_live_run_keeps_its_lease_for_as_long_as_it_takes(place):
    with (
        Store(replace(place, lease=1)).writer(run="night"),
        pytest.raises(IndexStoreError, match="run night"),
        Store(place).writer(patience=5),
    ):
        pass


def test_a_run_that_slept_through_its_lease_publishes_nothing(place, build, frames, monkeypatch):
    build("aircraft", frames)
    silenced(monkeypatch)
    sleeper, other = Store(replace(place, lease=1)), Store(place)
    live = other.tag("live")
    with sleeper.writer(run="sleeper"):
        with other.writer(run="other", patience=15):
            pass
        for what in (lambda: sleeper.set_tag("live", 1), sleeper.begin, lambda: sleeper.drop_tag("live")):
            with pytest.raises(IndexStoreError, match="took over"):
                what()
    assert other.tag("live") == live
    with other.writer(patience=0):  # what the sleeper held was not given back by it
        pass


def test_the_clock_of_this_machine_does_not_matter(place, monkeypatch):
    with Store(place).writer(), monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: 4e9)
        seen = ObjectLease(place).seen(client_of(place))
        assert 0 <= seen.silent < 30
        with pytest.raises(IndexStoreError, match="another run"), Store(place).writer(patience=0):
            pass


def test_two_that_commit_at_once_without_a_lease_lose_nothing(store, build, frames, embedder):
    build("aircraft", frames)
    row = _rows(store)
    tables = [one.latest().to_lance() for one in (store, Store(store.place))]

    def add(number):
        for turn in range(5):
            named = row.set_column(0, "id", [[f"{number}-{turn}"]])
            tables[number].merge_insert("id").when_not_matched_insert_all().execute(named)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    ids = store.read(["id"])["id"]
    assert {f"{number}-{turn}" for number in range(2) for turn in range(5)} <= set(ids)
    assert ids.n_unique() == len(ids)


def _rows(store):
    return store.latest().to_lance().to_table(limit=1)


@pytest.mark.parametrize(
    ("changes", "words", "remedy"),
    [
        ({"uri": "s3://no-such-shelf/index"}, "there is no such bucket", "Make the bucket"),
        ({"key": "who"}, "does not know the key", "LANDBRIDGE_INDEX_KEY"),
        ({"secret": SecretStr("another hidden word")}, "does not know the key", "LANDBRIDGE_INDEX_SECRET"),
        ({"key": "looker"}, "the key may not do that", "Give it the right"),
        ({"endpoint": "http://127.0.0.1:9"}, "the store does not answer", "LANDBRIDGE_INDEX_ENDPOINT"),
    ],
)
def test_what_is_wrong_with_the_store_is_told_with_what_to_do(place, changes, words, remedy):
    store = Store(replace(place, **changes))

    def look():
        store.create(dimension=4, model="m")

    def write():
        with store.writer(patience=0):
            pass

    for what in (look, write):
        with pytest.raises(IndexStoreError, match=words) as told:
            what()
        assert remedy in told.value.remedy
        assert "hidden word" not in str(told.value)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", bytes(40)])
def test_a_damaged_lease_is_told(place, body):
    client_of(place).put_object(Bucket=place.bucket, Key=f"{place.prefix}/{NAME}", Body=body)
    with pytest.raises(IndexStoreError, match=rf"its object {NAME} is damaged"), Store(place).writer(patience=0):
        pass


def test_a_damaged_version_is_told_and_not_read_as_an_empty_index(store, place, build, frames):
    build("aircraft", frames)
    newest = min(name for name, _ in object_sizes(place) if name.endswith(".manifest"))
    client_of(place).put_object(Bucket=place.bucket, Key=f"{place.prefix}/{newest}", Body=bytes(400))
    with pytest.raises(IndexStoreError, match="does not work"):
        Store(place).read(["id"])


def test_a_place_that_is_no_object_store_of_ours_is_refused():
    with pytest.raises(IndexStoreError, match="cannot lie at gs://"):
        Store("gs://bucket/index")


def test_secrets_of_the_place_are_not_shown(place):
    assert place.secret.get_secret_value() not in repr(place) + str(place) + repr(Store(place))

"""Publications and rollbacks while questions are asked: none fails, and none mixes two versions."""

import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from catalog.models import IndexPlan
from evals.nights import CALLER, bring, project_of
from evals.synthetic_chunks import Clustered, chunks_of
from index import Query, Reader, Store, rollback, search

pytestmark = pytest.mark.exam
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHUNKS, ROUNDS, ASKERS = 2_000, 12, 4


def test_a_publish_and_a_rollback_under_query_load_fail_no_question_and_mix_no_versions(tmp_path):
    project, embedder, store = project_of(tmp_path, IndexPlan(history_disk=0)), Clustered(64), Store(tmp_path / "index")
    told, faults, stop = [], [], threading.Event()

    def publish_age(age):
        # each publication changes every text: a passage tells by itself which publication it is of
        frame = chunks_of(np.zeros(CHUNKS, dtype=np.int64))
        marked = frame.with_columns(text=frame["text"] + f" age{age}", hash=frame["hash"] + f"-{age}")
        bring(store, marked, project, embedder, now=NOW)

    def ask(number):
        reader = Reader(Store(store.uri), every=0.05)
        while not stop.is_set():
            query = Query(text=f"topic{number} word1 P{number:07}", principal=CALLER, limit=20)
            try:
                answer = search(query, store=reader, embedder=embedder, project=project)
                told.append((answer.index_version, {hit.text.rsplit(" ", 1)[1] for hit in answer.hits}))
            except Exception as error:  # noqa: BLE001  # whatever it is, the exam tells it
                faults.append(error)

    publish_age(0)
    publish_age(1)
    askers = [threading.Thread(target=ask, args=(number,)) for number in range(ASKERS)]
    for one in askers:
        one.start()
    for age in range(2, ROUNDS):
        publish_age(age)
        rollback(store)
        time.sleep(0.1)
        rollback(store)
    stop.set()
    for one in askers:
        one.join(30)
    assert faults == []
    assert len(told) > ROUNDS
    assert all(len(ages) == 1 for _, ages in told), "an answer of two versions"
    ages_of = {}
    for version, ages in told:
        assert ages_of.setdefault(version, ages) == ages
    assert len(ages_of) > 2, "the readers followed"

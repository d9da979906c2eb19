"""Questions that mean the same are one group with one id, and never where number, code, name or one word differ."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.question_groups import Meaning, grouped, things_of, words_of
from ledger.models import Asked

T0 = datetime(2026, 3, 1, tzinfo=UTC)
SAME = {"aircraft": "plane", "guarantee": "warranty", "months": "period", "grounded": "stopped"}
DIMENSION = 512


class Model:
    """A double that knows some synonyms, and remembers what it embedded."""

    def __init__(self):
        self.embedded = []

    def embed(self, texts):
        self.embedded += texts
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words_of(text):
                vectors[row, sum(map(ord, SAME.get(word, word))) % DIMENSION] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)

    def __call__(self):
        return Meaning("synonyms@1", 0.7, self.embed)


def ask(*questions, start=0, **given):
    told = {"session_id": "v1", "known": False} | given
    return [Asked(question=one, at=T0 + timedelta(hours=start + n), **told) for n, one in enumerate(questions)]


def ids(asked, **given):
    given.setdefault("meaning", Model())
    return {one.id: len(one.asked) for one in grouped(asked, key=b"k", **given).groups}


WARRANTY = ("warranty period of the plane seats", "guarantee months of aircraft seats")


def test_two_wordings_asked_once_each_are_a_gap():
    (group,) = grouped(ask(*WARRANTY), key=b"k", meaning=Model()).groups
    assert (len(group.asked), group.wordings, group.grouped_by) == (2, 2, "meaning")
    assert ids(ask(*WARRANTY), meaning=lambda: "no model") == {}


def test_a_later_paraphrase_joins_the_group_and_its_id_stays():
    first = grouped(ask(WARRANTY[0], WARRANTY[0]), key=b"k", meaning=Model())
    asked = ask(WARRANTY[0], WARRANTY[0], WARRANTY[1])
    later = grouped(asked, key=b"k", placed=first.placed, meaning=Model())
    assert [(one.id, len(one.asked)) for one in later.groups] == [(first.groups[0].id, 3)]
    without_founder = grouped(asked[2:] * 2, key=b"k", placed=later.placed, meaning=Model())
    assert [one.id for one in without_founder.groups] == [first.groups[0].id]


def test_only_new_wordings_are_embedded_beside_the_first_of_each_family():
    model = Model()
    asked = ask(*WARRANTY, "opening hours of the desk")
    first = grouped(asked, key=b"k", meaning=model)
    assert len(model.embedded) == 3
    grouped(asked, key=b"k", placed=first.placed, meaning=model)
    assert len(model.embedded) == 3, "nothing is new"
    grouped(asked + ask("colour of the carpet", start=9), key=b"k", placed=first.placed, meaning=model)
    assert len(model.embedded) == 3 + 2 + 1


def test_no_number_reaches_the_model():
    model = Model()
    grouped(ask("why is tail N14228 grounded", "tail N24211, why stopped"), key=b"k", meaning=model)
    assert not any(letter.isdigit() for text in model.embedded for letter in text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("why was tail N14228 grounded", "tail N24211 stopped, why"),
        ("noise limits at LGA by night", "hours without departures at JFK"),
        ("how are planes washed at Newark", "cleaning of the fleet in Denver"),
        ("flights cancelled because of the strike", "flights delayed because of the strike"),
        ("compensation for a delay of 4 hours", "compensation for a delay"),
    ],
)
def test_near_misses_stay_apart(one, other):
    asked = ask(one, one, other, other)
    assert sorted(ids(asked, meaning=lambda: Meaning("all alike", -1.0, Model().embed)).values()) == [2, 2]


def test_a_form_that_is_asked_about_ever_other_things_is_told_as_one_gap():
    asked = ask(*(f"warranty of seat S{n}" for n in range(5)))
    (group,) = grouped(asked, key=b"k").groups
    assert (len(group.asked), group.things) == (5, 5)
    more = grouped([*asked, *ask("seat S3, warranty", start=9)], key=b"k").groups
    assert {one.id: (len(one.asked), one.things) for one in more}[group.id] == (4, 4)
    assert sorted(len(one.asked) for one in more) == [2, 4]


def test_an_answer_closes_its_own_words_and_things_only():
    asked = ask(*WARRANTY, "warranty of seat S1", "warranty of seat S2")
    answered = ask(WARRANTY[0], "warranty of seat S1", start=9, known=True)
    left = grouped([*asked, *ask(WARRANTY[1], start=5), *answered], key=b"k", meaning=Model()).groups
    assert {one.question for group in left for one in group.asked} == {WARRANTY[1]}


def test_a_run_without_a_model_says_so_and_a_later_one_groups():
    alone = grouped(ask(WARRANTY[0], WARRANTY[0], WARRANTY[1]), key=b"k", meaning=lambda: "the model is absent")
    assert [one.grouped_by for one in alone.groups] == ["equal words: the model is absent"]
    assert alone.placed == {}
    assert ids(ask(WARRANTY[0], WARRANTY[0], WARRANTY[1]), placed=alone.placed) == {alone.groups[0].id: 3}


@given(st.permutations([*WARRANTY, "opening hours", "tail N1 stopped", "grounded tail N1", "tail N2 stopped"]))
def test_the_order_in_which_questions_are_read_changes_nothing(order):
    asked = {one.question: one for one in ask(*sorted(order), *sorted(order))}
    assert ids([asked[one] for one in order]) == ids(list(asked.values()))


@given(st.lists(st.text(max_size=30), max_size=8))
def test_no_group_holds_questions_about_different_things_but_a_pool(questions):
    for group in grouped(ask(*questions, *questions), key=b"k", meaning=Model()).groups:
        assert len({things_of(one.question) for one in group.asked}) == group.things

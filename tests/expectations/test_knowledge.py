"""What was asked twice and not known is a gap; what is quoted of a question is harmless."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.models import Dataset, Field, Place, Project
from expectations.knowledge import MOST, knowledge_gaps, shared_words
from expectations.question_groups import grouped, words_of
from ledger.models import EVERYWHERE, Asked

HERE = Place(file="datasets/orders.odcs.yaml")
T0 = datetime(2026, 3, 1, tzinfo=UTC)
FIELD = Field(name="shipped_on", physical_name="S", type="date", title="Shipping date", place=HERE)
ORDERS = Dataset(name="orders", version="1.0.0", title="Orders", owner="sales", source="till", physical_name="ORD",
                 fields=(FIELD,), fingerprint="f", place=HERE)  # fmt: skip
PROJECT = Project(name="shop", folder=Path(), sources={}, datasets={"orders": ORDERS})
HOURS = count()


def ask(question, *, visit="v1", known=False, datasets=()):
    at = T0 + timedelta(hours=next(HOURS))
    return Asked(question=question, session_id=visit, at=at, known=known, datasets=datasets)


def gaps(*asked, hidden=()):
    groups = grouped(asked, key=b"k").groups
    return knowledge_gaps(groups, PROJECT, told=shared_words(groups) - set(hidden))


def test_a_question_that_found_nothing_twice_is_a_gap_however_it_is_written():
    (gap,) = gaps(ask("Which shipping date had order 4711?"), ask("the SHIPPING-date, order 12", visit="v2"))
    assert (gap.rule.partition("/")[0], gap.dataset, gap.count, gap.unit) == (
        "knowledge-gap", EVERYWHERE, 2, "questions"
    )  # fmt: skip
    assert gap.evidence["visits"] == 2


def test_a_question_asked_once_is_no_gap_yet():
    assert gaps(ask("Where is the warranty?"), ask("Who repairs it?")) == []


def test_a_question_that_is_answered_in_the_end_is_a_gap_no_longer_and_one_that_fails_again_is():
    asked = [ask("warranty terms"), ask("warranty terms"), ask("warranty terms", known=True)]
    assert gaps(*asked) == []
    asked += [ask("warranty terms"), ask("warranty terms")]
    assert gaps(*asked)[0].count == 2


def test_a_gap_keeps_its_id_whatever_is_asked_beside_it():
    asked = [ask("warranty terms"), ask("terms of warranty")]
    (before,) = gaps(*asked)
    after = gaps(*asked, ask("opening hours"), ask("opening hours"), ask("opening hours"))
    assert before.id in {gap.id for gap in after}


def test_a_question_about_one_dataset_is_its_owners():
    (gap,) = gaps(*[ask("warranty terms", datasets=("orders",)) for _ in range(2)])
    assert (gap.dataset, gap.owner) == ("orders", "sales")
    (gone,) = gaps(*[ask("warranty terms", datasets=("removed",)) for _ in range(2)])
    assert (gone.dataset, gone.owner) == (EVERYWHERE, "")


def test_words_of_one_visit_only_are_not_quoted_unless_the_project_uses_them():
    (gap,) = gaps(*[ask("Shipping date of Jane Miller, jane@example.org, order 4711") for _ in range(3)])
    assert gap.evidence["example"] == "shipping date of ... #"
    for secret in ("jane", "miller", "4711"):
        assert secret not in str(gap).casefold()


def test_words_of_several_visits_are_quoted_but_for_those_that_a_hidden_field_holds():
    asked = [ask("warranty of Miller", visit=visit) for visit in ("v1", "v2")]
    (gap,) = gaps(*asked, hidden={"miller"})
    assert gap.evidence["example"] == "warranty of ..."


def test_more_groups_than_are_told_are_counted():
    letters = "abcdefghij"
    words = [f"{one}{two}{three}" for one in letters for two in letters for three in "xy"]
    asked = [ask(word) for word in words[: MOST + 3] for _ in range(2)]
    found = gaps(*asked)
    assert len(found) == MOST + 1
    assert (found[-1].rule, found[-1].count, found[-1].evidence) == ("knowledge-gap/more", 6, {"groups": 3})


@pytest.mark.parametrize("text", ["", "???", "\u200b", "12", "¿¡"])
def test_a_question_without_words_breaks_nothing(text):
    assert len(gaps(ask(text), ask(text))) == 1


@given(st.text(max_size=80))
def test_no_digit_of_a_question_is_ever_a_word(text):
    assert not any(letter.isdigit() for word in words_of(text) for letter in word)


@given(
    st.lists(st.sampled_from(["Miller", "jane", "4711", "orders", "of", "x@y.org", "secret"]), min_size=1, max_size=8)
)
def test_nothing_is_quoted_of_a_single_visit_but_words_of_the_project(words):
    (gap,) = gaps(*[ask(" ".join(words)) for _ in range(2)])
    assert set(gap.evidence["example"].split()) <= {"orders", "of", "#", "..."}

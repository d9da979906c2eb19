"""Questions are made of documents so that each has one right answer, always the same ones, and none copies a text."""

import polars as pl

from expectations.readiness.questions import known_items

TEXT = "Valve {n} in hall {n} leaks brine into the channel under bridge {w}, seen by the harbour master at dawn."
WORDS = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "gingko", "hazel")


def documents(count=8, own=True):
    return pl.DataFrame(
        [
            {"document_id": f"urn:{n}", "title": f"Valve {n}", "text": TEXT.format(n=n, w=WORDS[n]), "keys": [f"V{n}"],
             "keys_are_its_own": own}
            for n in range(count)
        ]
    )  # fmt: skip


def test_each_document_is_asked_for_once_and_in_several_forms():
    items = known_items(documents())
    assert sorted(one.document_id for one in items) == [f"urn:{n}" for n in range(8)]
    assert {one.form for one in items} >= {"title", "words"}


def test_the_order_of_documents_does_not_matter():
    assert known_items(documents()) == known_items(documents().sample(fraction=1, shuffle=True, seed=3))


def test_no_question_copies_the_text_or_asks_for_figures():
    texts = dict(documents().select("document_id", "text").iter_rows())
    for one in known_items(documents()):
        assert texts[one.document_id] not in one.text
        if one.form == "words":
            assert not any(letter.isdigit() for letter in one.text)
            assert WORDS[int(one.document_id[-1])] in one.text


def test_keys_that_other_documents_share_are_no_question():
    assert "key" not in {one.form for one in known_items(documents(own=False))}


def test_a_document_without_words_of_its_own_is_asked_for_by_its_title():
    alike = documents().with_columns(pl.lit("The same text in all of them.").alias("text"), keys_are_its_own=False)
    assert {one.form for one in known_items(alike)} == {"title"}


def test_no_documents_make_no_questions():
    assert known_items(documents().head(0)) == []

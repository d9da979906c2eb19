"""Templates read into segments, and a template that cannot be read says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.templates import Insert, Optional, TemplateFault, Text, inserted, parse


def test_a_template_reads_into_words_values_and_groups() -> None:
    assert parse("{maker} {model}[[, built {year}]]. {age|no age} {flights.count}") == (
        Insert("maker"),
        Text(" "),
        Insert("model"),
        Optional((Text(", built "), Insert("year"))),
        Text(". "),
        Insert("age", "no age"),
        Text(" "),
        Insert("flights.count"),
    )


def test_a_substitute_may_be_empty_and_is_not_the_same_as_none() -> None:
    assert parse("{a|}{a}") == (Insert("a", ""), Insert("a"))


def test_the_names_a_template_inserts_are_told_once_and_in_order() -> None:
    assert inserted("{b}[[{a} {b}]]{c.d}") == ("b", "a", "c.d")


def test_single_square_brackets_are_words() -> None:
    assert parse("[a] {b}") == (Text("[a] "), Insert("b"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{a", "unbalanced '{'"),
        ("a}", "unbalanced '}'"),
        ("{{a}}", "unbalanced '{'"),
        ("[[ {a}", "unbalanced '[['"),
        ("{a} ]]", "unbalanced ']]'"),
        ("[[ [[ {a} ]] ]]", "a [[ ]] inside a [[ ]]"),
        ("{}", "is no name"),
        ("{a b}", "is no name"),
        ("{a.b.c}", "is no name"),
        ("{_key}", "is no name"),
    ],
)
def test_a_template_that_cannot_be_read_says_why(text: str, words: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        parse(text)
    assert words in caught.value.what
    assert caught.value.remedy


@given(st.text(alphabet="{}[]|.ab_ \n"))
def test_any_text_reads_or_is_refused(text: str) -> None:
    try:
        segments = parse(text)
    except TemplateFault:
        return
    assert all(isinstance(segment, Text | Insert | Optional) for segment in segments)

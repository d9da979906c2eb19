"""Long texts are cut where a reader would."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from index.chunking import TARGET, estimated_tokens, split_markdown, split_text


def test_a_short_text_stays_whole() -> None:
    assert [one.text for one in split_text("One, two. Three.")] == ["One, two. Three."]


def test_a_long_list_without_sentences_is_cut_at_commas() -> None:
    cut = split_text("It flies to " + ", ".join(f"Town {n}" for n in range(400)) + ".")
    assert len(cut) > 2
    assert all(estimated_tokens(one.text) <= TARGET for one in cut)
    assert all(one.text.endswith((",", ".")) for one in cut)


def test_tables_and_code_stay_whole_and_a_hash_in_code_is_no_heading() -> None:
    table = "| a | b |\n" + "| 1 | 2 |\n" * 200
    code = "```\n# not a heading\n\nrun it\n```"
    cut = split_markdown(f"# T\n{table}\nText.\n\n{code}\n")
    assert table.strip() in [one.text for one in cut]
    assert any(code in one.text for one in cut)
    assert {one.breadcrumb for one in cut} == {"T"}


def test_a_file_without_text_is_one_empty_passage() -> None:
    assert [tuple(one) for one in split_markdown("# Only a title\n")] == [("", "# Only a title")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["word", "end.", "a,", "# x", "\n", "\n\n", "```", "|t|"]), max_size=400))
def test_no_word_is_lost_and_none_doubled(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert " ".join(one.text for one in split_text(text)).split() == text.split()

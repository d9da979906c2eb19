"""Long texts are cut where a reader would, and never longer than the model reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.chunking import Passage, Sizes, split_listed, split_markdown, split_text, title_of, without_overlap
from index.tokens import ESTIMATED, Tokens, tokens_of

WORDS = Tokens(lambda texts: [len(text.split()) for text in texts], 40)
ROOMY = Sizes.of(WORDS, overlap=0)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return tokens_of("all-MiniLM-L6-v2", tmp_path_factory.mktemp("models"))


def own(passages: list[Passage]) -> str:
    return "".join(one.text[one.repeated :] for one in passages)


def bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def longest(passages: list[Passage], title: str, tokens: Tokens) -> int:
    return max(tokens.count(["\n".join(filter(None, (title, one.breadcrumb, one.text))) for one in passages]))


def test_a_short_text_stays_whole() -> None:
    assert split_text("One, two. Three.", title="T", sizes=ROOMY) == [Passage("", "One, two. Three.")]


def test_a_long_list_without_sentences_is_cut_at_commas() -> None:
    text = "It flies to " + ", ".join(f"Town {n}" for n in range(400)) + "."
    cut = split_text(text, title="T", sizes=Sizes.of(WORDS))
    assert own(cut).replace(" ", "") == text.replace(" ", "")
    assert all(one.text.endswith((",", ".")) for one in cut)


def test_a_table_that_fits_stays_whole_and_a_hash_in_code_is_no_heading() -> None:
    table, code = "| a | b |\n|---|---|\n| 1 | 2 |", "```\n# not a heading\n\nrun it\n```"
    cut = split_markdown(f"# T\n{table}\nText.\n\n{code}\n", title="", sizes=ROOMY)
    assert [tuple(one[:2]) for one in cut] == [("T", f"{table}\n\nText.\n\n{code}")]


def test_a_table_is_cut_between_rows_and_each_part_has_its_header() -> None:
    header = "| code | name |\n|---|---|\n"
    rows = [f"| {n} | Town {n} |" for n in range(30)]
    cut = split_markdown("## Places\n" + header + "\n".join(rows), title="T", sizes=ROOMY)
    assert len(cut) > 3
    assert all(one.text.startswith(header) and one.breadcrumb == "Places" for one in cut)
    assert [line for one in cut for line in one.text.split("\n")[2:]] == rows


def test_a_row_too_wide_is_told_cell_by_cell_with_the_names_of_its_columns() -> None:
    wide = " ".join(f"word{n}." for n in range(60))
    table = f"| code | remark |\n|---|---|\n| A | short |\n| B | {wide} |\n| C | short |"
    cut = split_markdown(table, title="T", sizes=ROOMY)
    assert longest(cut, "T", WORDS) <= WORDS.limit
    told = [one.text for one in cut if "word" in one.text]
    assert len(told) > 1
    assert all("remark: " in text for text in told)
    assert any(re.search(r"code: B\b", one.text) for one in cut)
    assert "| C | short |" in cut[-1].text


def test_a_row_that_fits_alone_but_not_below_its_header_is_told_by_its_cells() -> None:
    row = f"| B | {' '.join(f'word{n}.' for n in range(30))} |"
    cut = split_markdown(f"| code | remark |\n|---|---|\n| A | short |\n{row}", title="T", sizes=ROOMY)
    assert cut[0].text.endswith("| A | short |\n\ncode: B")
    assert cut[1].text.startswith("remark: word0.")


def test_long_code_is_cut_at_lines_and_each_part_is_fenced_in_its_language() -> None:
    lines = [f"call step {n}" for n in range(40)]
    cut = split_markdown("```python\n" + "\n".join(lines) + "\n```\n", title="T", sizes=ROOMY)
    assert len(cut) > 2
    assert all(one.text.startswith("```python\n") and one.text.endswith("\n```") for one in cut)
    assert [line for one in cut for line in one.text.split("\n")[1:-1]] == lines


def test_a_nested_item_that_begins_a_passage_stands_below_its_parents() -> None:
    items = ["- Engines", "  - Left"] + [f"    - check bolt {n}" for n in range(30)] + ["- Doors"]
    cut = split_markdown("\n".join(items), title="T", sizes=ROOMY)
    assert len(cut) > 2
    assert all(one.text.startswith("- Engines\n  - Left\n    - check") for one in cut[1:])
    assert bare(own(cut)) == bare("".join(items))


def test_prose_goes_on_with_the_last_whole_sentences_but_never_across_headings() -> None:
    body = " ".join(f"Sentence number {n} tells it." for n in range(30))
    sizes = Sizes.of(WORDS, overlap=12)
    cut = split_markdown(f"# A\n{body}\n# B\n{body}", title="T", sizes=sizes)
    for before, after in pairwise(cut):
        told_again = after.text[: after.repeated]
        if before.breadcrumb != after.breadcrumb:
            assert not told_again
            continue
        assert re.fullmatch(r"… (Sentence number \d+ tells it\. ?)+\n", told_again)
        assert before.text.endswith(told_again.removeprefix("… ").strip())
        assert without_overlap(after.text, before.text) == after.text[after.repeated :]
    assert bare(own(cut)) == bare(body + body)


def test_nothing_is_told_again_before_a_table_or_in_the_midst_of_a_sentence() -> None:
    body, sizes = "One tells it. " * 9, Sizes.of(WORDS, overlap=12)
    rows = "\n".join("| a | b |" for _ in range(3))
    before_table = split_markdown(f"{body}\n\n| a | b |\n|---|---|\n{rows}", title="T", sizes=sizes)
    assert [one.repeated for one in before_table] == [0, 0]
    endless = "Short one. " + " ".join(f"word{n}" for n in range(100))
    assert {one.repeated for one in split_text(endless, title="T", sizes=sizes)} == {0}


def test_a_tokenizer_that_counts_more_for_the_whole_than_for_its_parts_is_obeyed() -> None:
    greedy = Tokens(lambda texts: [len(text.split()) * (2 if len(text) > 100 else 1) for text in texts], 40)
    cut = split_text("Some words of a text that goes on. " * 40, title="T", sizes=Sizes.of(greedy))
    assert longest(cut, "T", greedy) <= 40
    assert bare(own(cut)) == bare("Some words of a text that goes on. " * 40)


def test_each_passage_knows_the_pages_it_stands_on() -> None:
    page = "Words of a page that go on for some time."
    text = f"# Manual\n{page}\n\n<!-- page 2 -->\n\n{page}\n\n<!-- page 3 -->\n\n## End\n\nLast words."
    cut = split_markdown(text, title="T", sizes=ROOMY)
    assert [(one.first_page, one.last_page) for one in cut] == [(1, 2), (3, 3)]
    assert not any("<!--" in one.text for one in cut)


def test_a_mark_of_a_page_inside_code_is_code() -> None:
    (cut,) = split_markdown("```\n<!-- page 2 -->\n```", title="T", sizes=ROOMY)
    assert "<!-- page 2 -->" in cut.text


def test_a_heading_with_nothing_below_it_is_told_and_one_with_sections_is_not() -> None:
    cut = split_markdown("# Manual\n## Empty\n## Full\nText.", title="T", sizes=ROOMY)
    assert [tuple(one[:2]) for one in cut] == [("Manual", "Empty"), ("Manual > Full", "Text.")]


def test_a_file_without_text_is_one_empty_passage() -> None:
    assert [tuple(one[:2]) for one in split_markdown("", title="T", sizes=ROOMY)] == [("", "")]


def test_a_long_title_and_deep_headings_leave_room_for_the_text(model: Tokens) -> None:
    headings = "\n".join(f"{'#' * n} {'very long heading ' * 20}{n}" for n in range(1, 7))
    sizes = Sizes.of(model)
    title = title_of("title " * 500, sizes)
    cut = split_markdown(f"{headings}\n{'Some words of text. ' * 200}", title=title, sizes=sizes)
    assert longest(cut, title, model) <= model.limit
    assert title.endswith("…")


def test_children_stay_with_a_text_they_fit_and_else_go_on_below_their_name() -> None:
    few, many = "- a\n- b", "\n".join(f"- child number {n}" for n in range(40))
    assert split_listed("Text.", [("Legs", few)], title="T", sizes=ROOMY) == [Passage("", "Text.\nLegs:\n- a\n- b")]
    first, *rest = split_listed("Text.", [("Legs", many)], title="T", sizes=ROOMY)
    assert first.text == "Text."
    assert {one.breadcrumb for one in rest} == {"Legs"}
    assert "\n".join(one.text for one in rest) == many


def test_a_project_cannot_ask_for_more_than_the_model_reads() -> None:
    assert Sizes.of(WORDS, most=1_000).most == WORDS.limit
    assert Sizes.of(WORDS, most=20).most == 20


SCRIPTS = (
    "word end. a, ",
    "第一章のテスト。全部です",
    "ข้อความภาษาไทยยาวมาก",
    "فقرة؟ نص، طويل",
    "हिन्दी वाक्य। और",
    "👩‍👩‍👧🇩🇪é\u0301",
    "x" * 130,
)
MARKS = ("\n", "\n\n", "\n# head ", "\n```\n", "\n| t | u |\n", "\n|---|---|\n", "\n- item ", "\n  - inner ", " ")


@settings(max_examples=60, deadline=None)
@given(text=st.lists(st.sampled_from(SCRIPTS + MARKS) | st.text(max_size=12), max_size=250).map("".join))
def test_no_passage_of_any_script_is_longer_than_the_model_reads(text: str, model: Tokens) -> None:
    sizes = Sizes.of(model, most=60)
    for cut in (split_text(text, title="A title", sizes=sizes), split_markdown(text, title="A title", sizes=sizes)):
        assert longest(cut, "A title", model) <= 60
        assert max(len(one.text) for one in cut) <= 60 * 8 + 60


@settings(max_examples=60, deadline=None)
@given(text=st.lists(st.sampled_from((*SCRIPTS, "\n", "\n\n", " ")), max_size=250).map("".join))
def test_no_word_is_lost_and_none_doubled(text: str) -> None:
    for tokens in (WORDS, ESTIMATED):
        assert bare(own(split_text(text, title="T", sizes=Sizes.of(tokens, most=30)))) == bare(text)


@pytest.mark.parametrize("line", ["ข้อความภาษาไทย", "漢字仮名交じり文", "a", "word "])
def test_one_endless_line_is_cut_and_none_of_it_lost(line: str, model: Tokens) -> None:
    text = line * (300_000 // len(line))
    cut = split_markdown(text, title="T", sizes=Sizes.of(model))
    assert bare(own(cut)) == bare(text)
    assert longest(cut, "T", model) <= model.limit


def test_the_counter_counts_as_the_model_reads(model: Tokens) -> None:
    assert model.limit == 254  # of 256, two are the model's own
    assert list(model.count(["Boeing", "N12345", ""])) == [1, 4, 0]


def test_a_model_whose_tokenizer_is_not_known_is_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def estimates(model: str, prepare: Callable[[], None]) -> bool:
        prepare()
        return tokens_of(model, tmp_path) is ESTIMATED

    assert estimates("nowhere", lambda: None)
    (tmp_path / "nowhere").mkdir()
    assert estimates(
        "nowhere", lambda: (tmp_path / "nowhere" / "about.json").write_text('{"max_length": 128}') and None
    )

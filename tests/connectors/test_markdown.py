import pytest

from catalog.models import Place, Source

FIELDS = {"path": "string", "title": "string", "text": "string", "version": "string"}


@pytest.fixture
def guides(export):
    return lambda **files: _filled(export("markdown", "**/*.md", FIELDS), files)


def _filled(told, files):
    for name, content in files.items():
        told.holds(content, f"{name}.md")
    return told


def test_a_file_is_a_row_with_its_path_title_and_text(guides):
    told = guides(alpha="# Alpha #\n\nText.\n").holds("Only text.\n", "deep/some-note.md")
    assert told.rows() == [
        ("alpha.md", "Alpha", "# Alpha #\n\nText.\n", None),
        ("deep/some-note.md", "some note", "Only text.\n", None),
    ]


@pytest.mark.parametrize(
    ("spelled", "text"),
    [("1.10", "1.10"), ("no", "no"), ("12:30", "12:30"), ("0123", "0123"), ("2024-01-05", "2024-01-05"), ("", ""),
     ("'a: b'", "a: b"), ("[1.0, x]", "[1.0, x]")],
)  # fmt: skip
def test_front_matter_values_are_text_as_they_are_spelled(guides, spelled, text):
    assert guides(a=f"---\nversion: {spelled}\n---\nText").rows() == [("a.md", "a", "Text", text)]


def test_the_title_is_the_front_matters_before_the_first_headings(guides):
    assert guides(a="---\ntitle: Mine\n---\n# Other\n").rows()[0][1] == "Mine"


def test_a_comment_in_code_and_a_hashtag_are_no_headings(guides):
    assert guides(a="#tag\n```\n# comment\n```\n## Real\n").rows()[0][1] == "Real"


def test_a_byte_order_mark_does_not_hide_the_front_matter(guides):
    assert guides(a="\ufeff---\r\nversion: 2\r\n---\r\nText").rows() == [("a.md", "a", "Text", "2")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file holds no text"), ("---\nversion: 1\n---\n \n", "the file holds no text"),
        (b"caf\xe9", "not utf-8 text"), ("---\na: [1\n---\nText", "the front matter is not YAML"),
        ("---\n- a\n---\nText", "the front matter is no mapping"),
        ("---\na: 1\na: 2\n---\nText", "the front matter names a key"),
    ],
)  # fmt: skip
def test_a_file_that_gives_no_text_is_a_reject_and_the_others_are_rows(guides, content, reason):
    told = guides(bad=content, good="Text")
    assert [row[0] for row in told.rows()] == ["good.md"]
    assert [why.startswith(reason) for _, why in told.rejects()] == [True]


def test_a_key_the_contract_does_not_know_is_told_by_drift_and_changes_no_batch(guides):
    told = guides(a="One", b="---\nauthor: me\n---\nTwo")
    told.source = Source(
        name="export", kind="markdown", location="in", batch_rows=1, place=Place(file="sources/export.yaml")
    )
    assert [row[0] for row in told.rows()] == ["a.md", "b.md"]
    assert told.rules() == {"drift/missing-columns": True, "drift/new-columns": False}


def test_a_folder_of_files_without_text_gives_one_empty_batch_and_a_reject_each(guides):
    told = guides(a="", b=" ")
    assert told.rows() == []
    assert len(told.rejects()) == 2


def test_an_emoji_written_in_two_halves_is_one_character_and_a_half_is_a_reject(guides):
    told = guides(a='---\nversion: "\\ud83d\\ude42"\n---\nText', b='---\nversion: "\\ud83d"\n---\nText')
    assert told.rows() == [("a.md", "a", "Text", "\U0001f642")]
    assert told.rejects() == [(1, "half a character: a lone surrogate")]

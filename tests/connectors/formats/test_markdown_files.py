import pytest

from catalog.errors import FileRefused
from connectors.formats import markdown_files
from connectors.formats.tables import File, Limits


@pytest.fixture
def opened(tmp_path):
    """The one table of a Markdown file."""

    def made(content, name="a.md", **options):
        path = tmp_path / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return markdown_files.tables(File(path, name), markdown_files.Options(**options), limits=Limits())[0]

    return made


def rows(table):
    return [row for piece in table.pieces() for row in piece.frame.drop("_position").rows()]


def rejects(table):
    return [(at, why) for piece in table.pieces() for at, why, _ in piece.rejects]


def test_a_file_is_a_row_with_its_path_title_and_text(opened):
    assert rows(opened("# Alpha #\n\nText.\n")) == [("a.md", "Alpha", "# Alpha #\n\nText.\n")]
    assert rows(opened("Only text.\n", "deep/some-note.md")) == [("deep/some-note.md", "some note", "Only text.\n")]


@pytest.mark.parametrize(
    ("spelled", "text"),
    [("1.10", "1.10"), ("no", "no"), ("12:30", "12:30"), ("0123", "0123"), ("2024-01-05", "2024-01-05"), ("", ""),
     ("'a: b'", "a: b"), ("[1.0, x]", "[1.0, x]")],
)  # fmt: skip
def test_front_matter_values_are_text_as_they_are_spelled(opened, spelled, text):
    assert rows(opened(f"---\nversion: {spelled}\n---\nText")) == [("a.md", "a", "Text", text)]


def test_the_title_is_the_front_matters_before_the_first_headings(opened):
    assert rows(opened("---\ntitle: Mine\n---\n# Other\n"))[0][1] == "Mine"


def test_a_comment_in_code_and_a_hashtag_are_no_headings(opened):
    assert rows(opened("#tag\n```\n# comment\n```\n## Real\n"))[0][1] == "Real"


def test_a_byte_order_mark_does_not_hide_the_front_matter(opened):
    assert rows(opened("\ufeff---\r\nversion: 2\r\n---\r\nText")) == [("a.md", "a", "Text", "2")]


def test_a_key_called_like_the_files_own_columns_gives_way_and_is_told(opened):
    table = opened("---\npath: elsewhere\n---\nText")
    assert rows(table) == [("a.md", "a", "Text")]
    assert [one.rule for one in table.noticed] == ["front-matter-hidden"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file holds no text"), ("---\nversion: 1\n---\n \n", "the file holds no text"),
        (b"\0" * 99, "the file holds no text"), (b"caf\xe9", "not utf-8 text"),
        ("---\na: [1\n---\nText", "the front matter is not YAML"),
        ("---\n- a\n---\nText", "the front matter is no mapping"),
        ("---\na: 1\na: 2\n---\nText", "the front matter names a key"),
        ("---\na: " + "[" * 5000 + "\n---\nText", "the front"),
        ('---\na: "\\ud83d"\n---\nText', "half a character"),
    ],
)  # fmt: skip
def test_a_file_that_gives_no_text_is_a_reject(opened, content, reason):
    table = opened(content)
    assert rows(table) == []
    assert [(at, why.startswith(reason)) for at, why in rejects(table)] == [(1, True)]


def test_an_emoji_written_in_two_halves_is_one_character(opened):
    assert rows(opened('---\nversion: "\\ud83d\\ude42"\n---\nText')) == [("a.md", "a", "Text", "\U0001f642")]


def test_a_key_that_provenance_needs_and_a_file_that_is_too_large_are_refused(tmp_path):
    (tmp_path / "a.md").write_text("---\n_position: 1\n---\nText")
    file = File(tmp_path / "a.md", "a.md")
    for limits in (Limits(), Limits(cell_bytes=3)):
        with pytest.raises(FileRefused, match=r"taken by provenance|larger than 3 bytes"):
            markdown_files.tables(file, markdown_files.Options(), limits=limits)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import documents
from connectors.formats.documents.web import read
from connectors.formats.tables import File, Limits


@pytest.fixture
def opened(tmp_path):
    """The row, the blocks and the noticed of a page."""

    def made(content):
        path = tmp_path / "a.html"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        whole, blocks = documents.tables(File(path, "a.html"), documents.Options(), limits=Limits())
        (row,), (told,) = whole.pieces(), blocks.pieces()
        frame = told.frame.select("kind", "level", "text").rows()
        return row.frame.row(0, named=True), frame, [one.rule for one in whole.noticed]

    return made


def test_headings_paragraphs_lists_and_code_are_blocks(opened):
    row, blocks, _ = opened(
        "<!doctype html><html><head><title>A  page</title><meta name=author content=Ada></head>"
        "<body><h1>Big <b>head</b></h1>"
        "<p>one\ntwo<br>three</p>loose<ul><li>One<ul><li>Inner</li></ul></li><li><p>Two</p></li></ul>"
        "<ol start=3><li>x<li>y</ol><pre>a\n  b</pre><div>after <a href=x>link</a></div></body></html>"
    )
    assert (row["title"], row["author"], row["format"]) == ("A page", "Ada", "html")
    assert blocks == [
        ("heading", 1, "Big head"), ("paragraph", 0, "one two\nthree"), ("paragraph", 0, "loose"), ("list", 0, "- One"),
        ("list", 1, "- Inner"), ("list", 0, "- Two"), ("list", 0, "3. x"), ("list", 0, "4. y"), ("code", 0, "a\n  b"),
        ("paragraph", 0, "after link"),
    ]  # fmt: skip


def test_a_cell_that_spans_is_told_in_each_row_and_column(opened):
    _, blocks, _ = opened(
        "<html><table><caption>Cap</caption><tr><th colspan=2>a<th>b</tr>"
        "<tr><td rowspan=2>1<td>2<td>3</tr><tr><td>4<td>5"
        "</table></html>"
    )
    assert blocks == [
        ("caption", 0, "Cap"),
        ("table", 0, "| a | a | b |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| 1 | 4 | 5 |"),
    ]


def test_a_table_that_only_places_things_is_read_as_text(opened):
    _, blocks, _ = opened(
        "<html><table><tr><td><h2>Head</h2></td><td><table><tr><td>a<td>b</tr></table></td></tr></table></html>"
    )
    assert blocks == [("heading", 2, "Head"), ("table", 0, "| a | b |\n| --- | --- |")]


def test_scripts_styles_navigation_and_hidden_parts_are_left_out(opened):
    row, _, _ = opened(
        "<html><style>a</style><script>b</script><nav>c</nav><p hidden>d</p>"
        "<p style='display: none'>e</p><!-- f --><p>kept</p>"
        "<table><tr><td>x<script>g</script></td><td>y</td></tr></table></html>"
    )
    assert row["text"] == "kept\n\n| x | y |\n| --- | --- |"


@pytest.mark.parametrize(
    ("content", "noticed"),
    [
        ("<html><meta charset=iso-8859-1><p>Zoë €</p>".encode("cp1252"), []),
        ("<html><meta http-equiv=x content='text/html; charset=shift_jis'><p>表</p>".encode("cp932"), []),
        ("\ufeff<html><meta charset=latin-1><p>Zoë €</p>".encode(), []), ("<html><p>Zoë €</p>".encode("utf-16"), []),
        ("<html><p>Zoë €</p>".encode(), []), (b"<html><meta charset=utf-8><p>Zo\xeb</p>", ["characters-replaced"]),
    ],
)  # fmt: skip
def test_the_encoding_is_the_pages_own_word(opened, content, noticed):
    row, _, told = opened(content)
    assert row["text"] in ("Zoë €", "表", "Zo\ufffd")
    assert told == noticed


@pytest.mark.parametrize(
    "content", ["<html></html>", "<!doctype html>", "<html><script>x</script></html>", "<html>" + " " * 99]
)
def test_a_page_without_text_is_refused(opened, content):
    with pytest.raises(FileRefused, match=r"no text|no HTML"):
        opened(content)


def test_a_page_that_is_nested_deeply_is_read_or_refused(opened):
    try:
        opened("<html>" + "<div>" * 50_000 + "x")
    except FileRefused as refusal:
        assert "nested too deeply" in refusal.what or "no text" in refusal.what


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<table>", "<tr>", "<td rowspan=9>", "<li>", "<ul>", "x", "<h1>", "</ul>", "<br>"]
        )
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_markup_its_words_are_kept(tmp_path_factory, tags):
    path = tmp_path_factory.mktemp("soup") / "a.html"
    path.write_text("<html><body>w " + "".join(tags))
    told = read(File(path, "a.html"))
    assert sum(block.text.count("x") for block in told.blocks) >= tags.count("x")

"""The frame of our pages: everything escaped, nothing fetched, a share never rounded to nothing or to all."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations import pages

HOSTILE = "<script>alert('x')</script>\"&\u202e"


class Tags(HTMLParser):
    """The tags, attributes and text of a page, and whether every tag is closed."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def everything(text):
    """A page on which one text stands in every place that takes one."""
    return pages.page(
        text,
        pages.section(text, pages.paragraph(text, pages.mark(text, "bad")), pages.facts([(text, text)])),
        pages.table([text, text], [[text, pages.code(text)]], caption=text),
        text,
    )


@given(st.text())
def test_no_text_ever_becomes_markup(text):
    plain, told = Tags(everything("x")), Tags(everything(text))
    assert set(told.tags) <= set(plain.tags)
    assert told.open == []


def test_a_page_holds_no_script_and_asks_for_nothing_outside_of_it():
    page = everything(HOSTILE)
    told = Tags(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(told.tags)
    assert [name for name, _ in told.attributes if name in ("src", "href") or name.startswith("on")] == []
    assert "url(" not in page and "@import" not in page
    assert "default-src 'none'" in page
    assert "\u202e" not in page


def test_a_page_has_a_title_a_language_and_headed_tables():
    told = Tags(pages.page("Checks", pages.table(["Rule", "Rows"], [["one", "1,200"]])))
    assert ("lang", "en") in told.attributes
    assert [value for name, value in told.attributes if name == "scope"] == ["col", "col", "row"]
    assert told.texts.count("Checks") == 2  # the title and the heading


def test_a_row_of_another_length_than_the_table_is_refused():
    with pytest.raises(ValueError, match="a row of 1 cells in a table of 2 columns"):
        pages.table(["a", "b"], [["1"]])


@pytest.mark.parametrize(
    ("share", "told"),
    [(0, "0.0%"), (0.00001, "&lt; 0.1%"), (0.255, "25.5%"), (0.99999, "&gt; 99.9%"), (1, "100.0%"), (7, "100.0%")],
)
def test_a_share_is_never_rounded_to_nothing_or_to_all(share, told):
    assert re.sub("<[^>]*>", "", pages.bar(share)) == told


def test_an_unknown_share_is_no_bar():
    assert pages.bar(None) == ""


def test_a_heading_over_numbers_stands_to_the_right_as_they_do():
    rows = [["1", "1,200", "12", "3 %", ""], ["2", "", "x", "4", ""]]
    page = pages.table(["Rule", "Rows", "Note", "Share", "Empty"], rows)
    heads = re.findall(r'<th scope="col"( class="n")?>(\w+)</th>', page)
    assert heads == [("", "Rule"), (' class="n"', "Rows"), ("", "Note"), (' class="n"', "Share"), ("", "Empty")]

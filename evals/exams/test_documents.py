"""How much of real documents is read: words against the texts that another reader gave, structure as it is seen."""

import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from connectors.formats import documents
from connectors.formats.tables import File, Limits

SHARED = Path(__file__).parents[3] / "shared" / "data" / "docs" / "markitdown"
EXPECTED = SHARED / "expected_outputs"
pytestmark = [
    pytest.mark.exam,
    pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not on this machine"),
]

WORD = re.compile(r"\w+")
LEAST_F1 = 0.98


def words(text):
    """The words of a text; a word that a line's end parts is whole."""
    plain = re.sub(r"<!--.*?-->", "", text)
    return Counter(WORD.findall(re.sub(r"(\w)-\n(\w)", r"\1\2", plain).replace("-", "").casefold()))


def word_f1(told, expected):
    shared = (words(told) & words(expected)).total()
    precision, recall = shared / max(words(told).total(), 1), shared / max(words(expected).total(), 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def read(name):
    """The text of a document, and its blocks."""
    whole, blocks = documents.tables(File(SHARED / name, name), documents.Options(), limits=Limits())
    (row,), (told,) = whole.pieces(), blocks.pieces()
    return row.frame["text"][0], told.frame


@pytest.mark.parametrize(
    "name", ["test.pdf", "RECEIPT-2024-TXN-98765_retail_purchase.pdf", "movie-theater-booking-2024.pdf"]
)
def test_the_words_of_a_pdf_are_those_that_are_expected(name):
    told, _ = read(name)
    f1 = word_f1(told, (EXPECTED / name).with_suffix(".md").read_text())
    print(f"{name}: word F1 {f1:.4f}")
    assert f1 >= LEAST_F1


def test_a_word_document_has_the_structure_that_is_seen_in_it():
    text, blocks = read("test.docx")
    titles = blocks.filter(pl.col("kind") == "heading")["text"].to_list()
    assert titles[1:3] == ["Abstract", "Introduction"]
    (table,) = blocks.filter(pl.col("kind") == "table")["text"]
    assert len(table.splitlines()) > 3
    assert "AutoGen" in text

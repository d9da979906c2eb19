import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats.mainframe.code_pages import code_page

NUMBERS = (
    "037 273 277 278 280 284 285 297 424 500 838 870 871 875 1025 1026 1047 1140 1141 1142 1143 1144 1145 1146 1147"
)
PAGES = [f"cp{number}" for number in (*NUMBERS.split(), "1148", "1149")]
INVARIANT = {
    0x40: " ",
    0x4B: ".",
    0x6B: ",",
    0x60: "-",
    0xC1: "A",
    0xD1: "J",
    0xE2: "S",
    0x81: "a",
    0xF0: "0",
    0xF9: "9",
}


@pytest.mark.parametrize("name", [*PAGES, "common", "common_extended", "cp037_extended"])
def test_every_page_has_256_characters_and_the_invariant_ones_where_they_belong(name):
    page = code_page(name)
    assert len(page.characters) == 256
    assert {code: page.characters[code] for code in INVARIANT} == INVARIANT


@pytest.mark.parametrize(
    ("name", "code", "character"),
    [
        ("cp037", 0x5F, "¬"), ("cp037", 0xB0, "^"), ("cp037", 0xBA, "["), ("cp500", 0x4A, "["), ("cp273", 0x4A, "Ä"),
        ("cp1047", 0xAD, "["), ("cp1140", 0x9F, "€"), ("cp1141", 0xC0, "ä"), ("cp1148", 0x4A, "["),
        ("cp1142", 0x5B, "Å"), ("cp1146", 0x5B, "£"),
        ("cp870", 0x7C, "@"), ("cp1025", 0xBF, "Г"), ("cp838", 0x42, "ก"), ("cp875", 0x44, "Δ"),
    ],
)  # fmt: skip
def test_the_characters_that_pages_differ_in_are_those_of_the_page(name, code, character):
    assert code_page(name).characters[code] == character


def test_the_common_page_holds_ascii_and_a_broken_bar_and_nothing_else():
    page = code_page("common")
    assert {character for character in page.characters if character > "~"} == {"¦"}
    assert [page.characters[code] for code in (0x0D, 0x25, 0x15, 0x05)] == ["\n", "\r", " ", " "]


def test_control_characters_are_blanks_in_printable_pages_and_stay_in_extended_ones():
    assert code_page("cp037").characters[0x05] == " "
    assert code_page("cp037_extended").characters[0x05] == "\t"
    assert code_page("common_extended").characters[0x05] == "\t"
    assert code_page("cp1140").characters[0x05] == "\t"


def test_a_line_end_of_a_real_page_is_the_one_of_its_codec():
    assert (code_page("cp037").characters[0x0D], code_page("cp037").characters[0x25]) == ("\r", "\n")


@pytest.mark.parametrize("spelling", ["CP1140", "IBM-1140", "ibm1140", "1140", " cp1140 "])
def test_a_page_has_more_than_one_spelling(spelling):
    assert code_page(spelling).characters == code_page("cp1140").characters


def test_the_number_of_a_page_may_lack_its_zero():
    assert code_page("IBM-37").characters == code_page("cp037").characters


@pytest.mark.parametrize("name", ["cp300", "cp00300", "cp930", "cp939", "cp1364", "cp1388"])
def test_a_page_of_two_bytes_a_character_is_refused(name):
    with pytest.raises(FileRefused, match="two bytes"):
        code_page(name)


@pytest.mark.parametrize(
    "name", ["cp99999", "latin-1", "utf-8", "cp1252", "cp437", "", "hex", "klingon", "common_x", "\0"]
)
def test_what_is_no_ebcdic_page_is_refused(name):
    with pytest.raises(FileRefused):
        code_page(name)


def test_single_characters_of_a_page_can_be_changed():
    page = code_page("common", ((0xB0, "°"), (0x9F, "€")))
    assert (page.characters[0xB0], page.characters[0x9F]) == ("°", "€")
    assert 0x9F not in page.strange
    assert page.codes["€"] == 0x9F


@pytest.mark.parametrize("change", [(256, "x"), (-1, "x"), (1, ""), (1, "ab"), (1, "\ud800")])
def test_a_change_that_is_not_one_byte_and_one_character_is_refused(change):
    with pytest.raises(FileRefused):
        code_page("common", (change,))


@given(st.sampled_from([*PAGES, "common"]), st.integers(0, 255))
def test_the_byte_of_a_character_stands_for_it(name, code):
    page = code_page(name)
    character = page.characters[code]
    assert page.characters[page.codes[character]] == character

"""Encodings of text files: proven where bytes prove them, else guessed and said to be a guess."""

from pathlib import Path

import pytest

from catalog.errors import FileRefused
from connectors.formats.encodings import Encoding, detected_encoding, encoding_of_head
from tests.connectors.formats.delimited_under_test import Delimited

REAL = Path(__file__).parents[4] / "shared/data/encoding/char-dataset"


@pytest.fixture
def detected(tmp_path):
    def told(content):
        (tmp_path / "a.txt").write_bytes(content)
        return detected_encoding(tmp_path / "a.txt")

    return told


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path, encoding):
    told = Delimited(tmp_path, "a,b\né,漢\n".encode(encoding))
    assert (told.columns, told.rows()) == (["a", "b"], [("é", "漢")])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_show_by_their_nuls(detected, encoding):
    assert detected("name,town\nAnn,Zürich\n".encode(encoding)).name == encoding


def test_what_is_utf_8_throughout_is_utf_8(detected):
    assert detected(b"a,b\n" * 100_000 + "é".encode()) == Encoding("utf-8")


def test_a_late_character_that_is_not_utf_8_makes_another_encoding(detected):
    late = "Ärzte,Köln\nMüller,Größe\n"
    told = detected(b"name,town\n" * 50_000 + late.encode("cp1252"))
    assert late.encode("cp1252").decode(told.name) == late


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Größe;Stück\nKöln;5\n"),
        ("cp1252", "Année;Département\n2019;Corrèze\n"),
        ("cp1252", "price,£\n5,café\n"),
        ("mac_roman", "Année;Département\n2019;Corrèze\n"),
        ("cp850", "Año,Población\n2019,España\n"),
        ("cp1250", "Łódź;Gdańsk\nŚwiętokrzyskie;1\n"),
        ("cp1251", "Город;Население\nПермь;12\n"),  # noqa: RUF001 - Cyrillic
    ],
)
def test_a_table_with_few_accents_is_guessed_right_and_the_guess_is_told(detected, encoding, text):
    content = (text + "x;1\n" * 50).encode(encoding)
    told = detected(content)
    assert content.decode(told.name) == content.decode(encoding)
    assert [one.rule for one in told.noticed()] == ["encoding-guessed"]


def test_a_few_broken_bytes_do_not_make_utf_8_something_else(detected):
    told = detected("é,à,ü,ö,ñ\n".encode() * 10 + b"\xff\n")
    assert (told.name, told.broken) == ("utf-8", True)
    assert [one.rule for one in told.noticed()] == ["encoding-mixed"]


def test_escape_sequences_of_seven_bits_are_seen(detected):
    assert detected("名前,町\n太郎,東京\n".encode("iso2022_jp")).name == "iso2022_jp"


def test_the_beginning_alone_tells_what_is_certain():
    assert encoding_of_head(b"\xef\xbb\xbfa") == Encoding("utf-8", bom=True)
    assert encoding_of_head("aé".encode()[:-1]) == Encoding("utf-8")
    assert encoding_of_head(b"caf\xe9 noir") is None


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileRefused, match="cannot be read"):
        detected_encoding(tmp_path / "none.txt")


@pytest.mark.skipif(not REAL.exists(), reason="the shared data are not here")
def test_real_texts_are_decoded_as_well_as_by_chardet_alone():
    import chardet

    ours, theirs, all_texts = 0, 0, 0
    for path in REAL.glob("*/*"):
        if path.parent.name == "None":
            continue
        content = path.read_bytes()
        truth = content.decode(path.parent.name).lstrip("\ufeff")
        guess = chardet.detect(content)["encoding"]
        all_texts += 1
        ours += content.decode(detected_encoding(path).name).lstrip("\ufeff") == truth
        theirs += content.decode(guess, errors="replace").lstrip("\ufeff") == truth
    assert ours >= theirs
    assert ours >= 0.98 * all_texts


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Größe;Straße\nKöln;Öl\n".encode("cp1252"), "cp1252"),
        (("id,name,city\n" + "7,user,北京市\n" * 50).encode("gb18030"), "gb18030"),
        (("00001 MILLER    000123\n" * 9).encode("cp037"), "cp037"),
        (b"UNA:+.? '\nUNB+UNOA:1+AB-C+DEF-G+970101:0101+42'\nBGM+220+AB12-3+9'\n", "utf-8"),
        (b"name,tel\nx,+491-234\ny,+4420-123\nz,+1212-555\n", "utf-8"),
        (b"a,b\n~{x,y\n1~{2,3\n", "utf-8"),
        ("name,town\nJosé,Köln\nBjörn,Århus\n".encode("utf-7"), "utf-7"),
        ("姓名,城市\n张伟,北京\n".encode("hz"), "hz"),
    ],
)
def test_a_guess_is_believed_only_where_the_bytes_show_it(detected, content, encoding):
    assert content.decode(detected(content).name) == content.decode(encoding)


def test_a_few_bytes_of_nonsense_in_ascii_are_rejects_and_no_other_encoding(tmp_path):
    told = Delimited(tmp_path, b"a,b\n" + b"1,plain words\n" * 200 + b"5,\xff\xfe;x\n")
    assert (told.meta["encoding"], len(told.rows())) == ("utf-8", 200)
    assert told.rejects() == [(202, "not utf-8 text")]

"""Where the tables of a delimited file are: titles above, headers of any kind, notes below, other tables behind."""

import pytest

from evals.csv_families import FAMILIES, examples
from evals.csv_rivals import scored
from tests.connectors.formats.delimited_under_test import Delimited

EACH = 3  # files of a family


@pytest.fixture
def csv_file(tmp_path):
    return lambda content, **options: Delimited(tmp_path, content, **options)


@pytest.mark.parametrize("family", [family.__name__ for family in FAMILIES])
def test_published_tables_are_found_with_their_header(tmp_path, family):
    for example in examples(EACH, seed=7):
        if example.family == family:
            told = Delimited(tmp_path, example.text)
            score = scored(told.texts(), example.told, min(len(example.header), 1))
            assert score.header[2] == 1.0, example.text
            assert score.total > 9.9, example.text
            assert not example.names or told.columns == example.names


@pytest.mark.parametrize(
    ("content", "columns", "lines"),
    [
        ("first name,last name\nAnn,Lee\nBob,Ray\n", ["first name", "last name"], 1),
        ("name\nalice\nbob\n", ["name"], 1),
        ("id\n1\n2\n", ["id"], 1),
        ("1\n2\n3\n", ["column_1"], 0),
        ("a,b\n1,2\n", ["a", "b"], 1),
        ("a,b,c\n1,2,3\n", ["a", "b", "c"], 1),
        ("1,2,3\n4,5,6\n7,8,9\n", ["column_1", "column_2", "column_3"], 0),
        ("2020-01-01,1\n2020-01-02,2\n", ["column_1", "column_2"], 0),
        ("name,2019,2020\nx,1,2\ny,3,4\n", ["name", "2019", "2020"], 1),
        ("Area,2019\nA,5\nB,17\n", ["Area", "2019"], 1),
        ("Age,0-4,5-9,65+\nA,1,2,3\nB,4,5,6\n", ["Age", "0-4", "5-9", "65+"], 1),
        ("Station,1,2,3,4,5\nX,9,8,7,1,2\nY,1,4,2,4,4\n", ["Station", "1", "2", "3", "4", "5"], 1),
        ("Month,Jan-19,Feb-19\nA,1,2\nB,2,3\n", ["Month", "Jan-19", "Feb-19"], 1),
        ("A,B\nX,Y\n", ["A", "B"], 1),
        ("a1,b2\n,south\nC3,north\nn/a,west\nD4,east\n", ["a1", "b2"], 1),
        ("k1,k2\nA1,x\nB-22,y\nA3,z\n", ["k1", "k2"], 1),
    ],
)
def test_ordinary_headers_stay_what_they_are(csv_file, content, columns, lines):
    told = csv_file(content)
    assert (told.columns, told.meta["header_lines"]) == (columns, lines)


def test_a_file_without_a_header_says_so(csv_file):
    told = csv_file("1,2\n3,4\n")
    assert "header-missing" in told.noticed()
    assert told.texts() == [["1", "2"], ["3", "4"]]


def test_a_header_that_nothing_tells_is_the_first_line_and_said_to_be_uncertain(csv_file):
    told = csv_file("name,town\nAnn,Rome\nBob,Bern\n")
    assert "header-uncertain" in told.noticed()
    assert told.meta["confidence"] <= 0.5


def test_names_of_several_lines_are_joined_and_carried_over_the_columns_they_span(csv_file):
    told = csv_file(",2019,,2020,\nArea,Men,Women,Men,Women\nX,1,2,3,4\nY,5,6,7,8\n")
    assert told.columns == ["Area", "2019 Men", "2019 Women", "2020 Men", "2020 Women"]
    assert told.texts()[0] == told.columns
    assert told.texts()[1] == ["X", "1", "2", "3", "4"]


@pytest.mark.parametrize("units", [",(kg),EUR", ",%,%", "(id),[m/s],GBP m", ",°C,"])
def test_units_below_the_names_belong_to_the_header(csv_file, units):
    told = csv_file(f"name,size,price\n{units}\nx,1,2.5\ny,2,3.5\n")
    assert (told.meta["header_lines"], told.rows()[0]) == (2, ("x", "1", "2.5"))
    assert told.texts()[0] == told.columns


def test_a_row_that_lost_a_separator_is_no_part_of_the_header(csv_file):
    told = csv_file("day,time,n,m\n28/01/201800:00,2,5\n29/01/2018,00:15,0,1\n30/01/2018,00:30,1,8\n")
    assert told.columns == ["day", "time", "n", "m"]
    assert [at for at, _ in told.rejects()] == [2]


def test_a_word_among_numbers_makes_no_header_of_a_row(csv_file):
    told = csv_file("name,age,size\nBob,unknown,unknown\nAl,3,4\nCy,4,5\n")
    assert told.columns == ["name", "age", "size"]
    assert told.rows()[0] == ("Bob", "unknown", "unknown")


def test_lines_above_and_below_are_counted_and_are_no_rejects(csv_file):
    told = csv_file("Report of May\nprinted,today\n\nid,n,m\n1,2,3\n4,5,6\n\nNote: all\n* provisional\n")
    assert (told.rows(), told.rejects()) == ([("1", "2", "3"), ("4", "5", "6")], [])
    assert {one.rule: one.count for one in told.table.noticed} == {"lines-above": 3, "lines-below": 3}


def test_a_short_last_line_without_a_sign_of_a_note_is_a_reject(csv_file):
    told = csv_file("id,name,town\n1,Ann,Rome\n2,Bob,Bern\n3,Cy")
    assert told.rejects() == [(4, "2 cells where the header has 3")]


def test_a_last_row_with_missing_values_is_a_row(csv_file):
    assert csv_file("name,age\nAnn,3\nBob,\n").rows() == [("Ann", "3"), ("Bob", "")]
    assert csv_file("name,age,town\nAnn,3,x\nBob,,\n").rows() == [("Ann", "3", "x"), ("Bob", "", "")]


def test_a_total_stays_a_row_and_is_told(csv_file):
    told = csv_file("k,v\na,1\nb,2\nTotal,3\n")
    assert told.rows()[-1] == ("Total", "3")
    assert "total-row" in told.noticed()


def test_a_second_table_is_a_table_of_its_own(csv_file):
    told = csv_file("id,n\n1,2\n3,4\n\nSecond\nyear,month,sum\n2019,1,5\n2019,2,6\n")
    assert [list(table.schema) for table in told.tables] == [["id", "n"], ["year", "month", "sum"]]
    assert told.rows(1) == [("2019", "1", "5"), ("2019", "2", "6")]
    assert csv_file(told.path.read_text(), table=2).columns == ["year", "month", "sum"]


def test_a_table_glued_to_the_first_with_more_columns_is_another(csv_file):
    told = csv_file("id,n,day\n" + "1,2,2020-01-01\n" * 4 + "id,n,day,col1\n1,2,2020-01-01,x\n3,4,2020-01-02,y\n")
    assert [len(table.schema) for table in told.tables] == [3, 4]


def test_remarks_above_the_header_are_not_the_header(csv_file):
    assert csv_file("# comment\n# another, with\nid,v,w\n1,2,3\n4,5,6\n").columns == ["id", "v", "w"]


def test_notes_below_a_long_file_are_found_at_its_end(csv_file, monkeypatch):
    monkeypatch.setattr("connectors.formats.delimited.sampling.SAMPLE_CHARACTERS", 1_000)
    monkeypatch.setattr("connectors.formats.delimited.sampling.HEAD_CHARACTERS", 500)
    told = csv_file("id,n,m\n" + "1,2,3\n" * 500 + "\nSource: the office\n* provisional\n")
    assert (len(told.rows()), told.rejects(), told.meta["footer_lines"]) == (500, [], 3)

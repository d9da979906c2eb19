"""Files of several formats and states as one dataset, through the door."""

import json
import os

import polars as pl
import pytest

import connectors
from catalog.errors import SourceUnreachable, SourceUnreadable
from connectors.batch import Since, settled


@pytest.fixture
def orders(export):
    """A dataset keyed by `id` over every file of the folder `in`, whatever its format."""
    return lambda **habits: export("files", "*", {"id": "string", "sum": "string"}, key="id", **habits)


def by_id(told):
    return sorted(told.frame().select("id", "sum").rows())


def findings(told):
    return {one.rule: one for batch in told.batches() for one in batch.findings}


def test_files_of_different_formats_are_one_dataset(orders):
    told = orders().holds("id,sum\n1,10.50\n", "a.csv").holds('{"id": "2", "sum": 7.10}\n{"id": "3"}\n', "b.ndjson")
    told.holds('[{"id": "4", "sum": "9"}]', "c.json").holds("id;sum\n5;8,00\n", "d.csv")
    assert by_id(told) == [("1", "10.50"), ("2", "7.10"), ("3", None), ("4", "9"), ("5", "8,00")]


def test_a_broken_file_is_a_reject_and_a_finding_and_the_others_are_rows(orders):
    told = orders().holds("id,sum\n1,10\n", "a.csv").holds(b"\0" * 5_000, "b.csv")
    assert by_id(told) == [("1", "10")]
    assert [position for position, _ in told.rejects()] == [0]
    finding = findings(told)["file-readable/in/b.csv"]
    assert (finding.severity, finding.blocking, finding.unit) == ("critical", False, "files")
    assert "NUL" in finding.message


def test_a_broken_file_blocks_where_the_source_says_so(orders):
    told = orders(broken_files="block").holds("id,sum\n1,10\n", "a.csv").holds("", "b.csv")
    assert findings(told)["file-readable/in/b.csv"].blocking


def test_where_not_one_file_can_be_read_nothing_is(orders):
    told = orders().holds("", "a.csv").holds("\n", "b.json")
    with pytest.raises(SourceUnreadable, match=r"'in/a.csv': the file is empty .and 1 more"):
        told.frame()


def test_a_file_without_the_columns_of_the_key_is_left_out_alone(orders):
    told = orders().holds("id,sum\n1,10\n", "a.csv").holds("no,sum\n2,20\n", "b.csv")
    assert by_id(told) == [("1", "10")]
    assert "no column 'id'" in findings(told)["file-readable/in/b.csv"].message


def test_a_copy_of_a_file_is_not_read_twice_and_is_told(orders):
    told = orders().holds("id,sum\n1,10\n", "a.csv").holds("id,sum\n1,10\n", "copy.csv")
    assert by_id(told) == [("1", "10")]
    assert findings(told)["file-delivered-twice"].sample_keys == ("in/copy.csv",)


def test_nested_values_are_columns_and_a_list_may_be_the_rows(export):
    content = json.dumps([{"id": "1", "buyer": {"city": "Ulm"}}, {"id": "2", "buyer": {"city": "Bonn"}}])
    told = export("json", "a.json", {"id": "string", "buyer.city": "string"}).holds(content, "a.json")
    assert told.frame().select("id", "buyer.city").rows() == [("1", "Ulm"), ("2", "Bonn")]


def test_a_large_file_that_breaks_late_leaves_nothing_behind(export):
    good = "".join(f'{{"id": "{at}"}}\n' for at in range(50))
    told = export("parquet", "*.parquet", {"id": "string"}, key="id", batch_bytes=1024)
    told.holds("", "x")
    pl.DataFrame({"id": [str(at) for at in range(20_000)]}).write_parquet(
        told.folder / "in" / "b.parquet", row_group_size=500
    )
    pl.DataFrame({"id": ["a"]}).write_parquet(told.folder / "in" / "a.parquet")
    data = bytearray((told.folder / "in" / "b.parquet").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = b"\xff" * 2_000
    (told.folder / "in" / "b.parquet").write_bytes(data)
    batches = list(connectors.read(told.source, told.dataset, folder=told.folder))
    assert any(batch.anew for batch in batches), good
    assert pl.concat([batch.frame for batch in settled(batches)])["id"].to_list() == ["a"]


def test_an_unknown_option_is_told_with_the_nearest_one(export):
    told = export("csv", "a.csv", {"id": "string"}, options={"seperator": ";"}).holds("id\n1\n")
    assert any("separator" in one.message for one in connectors.kind_findings(told.source, told.dataset))


COPYBOOK = "       01 R.\n          05 ID PIC 9(3).\n          05 NAME PIC X(4).\n"


def test_a_copybook_lies_in_the_project_folder_and_a_changed_one_is_a_changed_source(export):
    told = export("mainframe", "a.dat", {"ID": "integer", "NAME": "string"}, options={"copybook": "books/r.cpy"})
    told.holds("001Ada 002Bo  ".encode("cp037"), "a.dat")
    with pytest.raises(SourceUnreachable, match=r"copybook 'books/r\.cpy' does not exist"):
        told.frame()
    (told.folder / "books").mkdir()
    (told.folder / "books" / "r.cpy").write_text(COPYBOOK)
    assert told.rows() == [(1, "Ada"), (2, "Bo")]
    before = connectors.mark(told.source, told.dataset, folder=told.folder)
    (told.folder / "books" / "r.cpy").write_text(COPYBOOK.replace("NAME", "NOTE"))
    assert connectors.mark(told.source, told.dataset, folder=told.folder) != before
    assert told.frame().columns[:2] == ["ID", "NOTE"]


class TestReadingAgain:
    @pytest.fixture
    def again(self, orders, tmp_path):
        """Read once, keep the rows, and read what is new."""
        told = orders().holds("id,sum\n1,10\n", "a.csv").holds("id,sum\n2,20\n", "b.csv")
        batches = told.batches()
        rows = tmp_path / "held.parquet"
        told.frame().write_parquet(rows)

        def read(dataset=None):
            since = Since(batches[-1].cursor, rows)
            return list(connectors.read(told.source, dataset or told.dataset, folder=told.folder, since=since))

        return told, read

    def test_nothing_changed_and_nothing_is_read(self, again):
        _, read = again
        (last,) = read()
        assert last.frame.is_empty() and not last.whole
        assert last.kept == {"in/a.csv": "in/a.csv", "in/b.csv": "in/b.csv"}

    def test_a_renamed_file_is_not_read_again(self, again):
        told, read = again
        (told.folder / "in" / "a.csv").rename(told.folder / "in" / "z.csv")
        (last,) = read()
        assert last.frame.is_empty()
        assert last.kept == {"in/a.csv": "in/z.csv", "in/b.csv": "in/b.csv"}
        assert [one["name"] for one in last.cursor["files"]] == ["in/b.csv", "in/z.csv"]

    def test_a_changed_file_is_read_alone_and_its_rows_go(self, again):
        told, read = again
        told.holds("id,sum\n2,21\n3,30\n", "b.csv")
        batches = read()
        assert pl.concat([batch.frame for batch in batches])["sum"].to_list() == ["21", "30"]
        assert batches[-1].kept == {"in/a.csv": "in/a.csv"}

    def test_the_rows_of_a_vanished_file_vanish_or_stay_as_the_contract_says(self, again):
        told, read = again
        (told.folder / "in" / "a.csv").unlink()
        assert read()[-1].kept == {"in/b.csv": "in/b.csv"}

    def test_a_file_that_is_broken_now_keeps_its_last_good_rows_and_is_told(self, again):
        told, read = again
        told.holds("", "a.csv")
        last = read()[-1]
        assert last.kept == {"in/a.csv": "in/a.csv", "in/b.csv": "in/b.csv"}
        (finding,) = last.findings
        assert "rows of last time stay" in finding.message

    def test_a_file_that_never_gave_rows_has_none_that_stay(self, again, tmp_path):
        told, _ = again
        told.holds("\n", "c.csv")
        batches = told.batches()
        since = Since(batches[-1].cursor, tmp_path / "held.parquet")
        (last,) = connectors.read(told.source, told.dataset, folder=told.folder, since=since)
        (finding,) = last.findings
        assert "stay" not in finding.message

    def test_new_columns_make_it_read_everything(self, again):
        told, read = again
        told.holds("id,sum,more\n2,21,x\n", "b.csv")
        batches = read()
        assert batches[-1].whole
        assert sum(batch.frame.height for batch in batches) == 2

    def test_a_source_declared_otherwise_is_read_anew(self, again):
        told, read = again
        assert read(told.dataset.model_copy(update={"fingerprint": "other"}))[-1].whole


def test_a_file_without_rights_is_told_and_the_others_are_rows(orders):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    told = orders().holds("id,sum\n1,10\n", "a.csv").holds("id,sum\n2,20\n", "b.csv")
    (told.folder / "in" / "b.csv").chmod(0)
    assert by_id(told) == [("1", "10")]


def test_a_folder_in_which_everything_is_still_being_written_waits(orders, monkeypatch):
    monkeypatch.delenv("LANDBRIDGE_SETTLED_AFTER", raising=False)
    told = orders(marker="{name}.done").holds("id,sum\n1,10\n", "a.csv")
    with pytest.raises(SourceUnreachable, match="waits for its marker"):
        told.frame()
    told.holds("", "a.csv.done")
    assert by_id(told) == [("1", "10")]


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"%PDF-1.7\nx", b"\x89PNG\r\n\x1a\nx,y\n"])
def test_a_binary_file_is_never_taken_for_text(export, content):
    told = export("csv", "a.csv", {"id": "string"}).holds(content, "a.csv")
    with pytest.raises(SourceUnreadable, match="no csv file"):
        told.frame()

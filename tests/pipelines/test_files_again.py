"""Files are read again by their content: what is held then is what a whole read gives, at the cost of what changed."""

import json
import os
import tempfile
import zipfile
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import connectors
from catalog.errors import ContractBlocked
from pipelines import by_file, drops
from pipelines.drifting import observed
from pipelines.site import Site
from pipelines.stages import raw
from pipelines.taking import taken_into

FIELDS = [
    {"name": "id", "physicalName": "id", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1,
     "required": True},
    {"name": "v", "physicalName": "v", "logicalType": "string"},
]  # fmt: skip


class Night:
    """A dataset of newline-delimited JSON files, pulled again and again."""

    def __init__(self, folder, pattern="*.ndjson", source=None, **custom):
        self.folder, self.drop = folder, folder / "drop"
        self.drop.mkdir(parents=True)
        told = {"source": "night", "quarantineThreshold": 1, "deletionThreshold": 1, **custom}
        self._write("project.yaml", {"name": "nights", "model": "hashed-words"})
        self._write("sources/night.yaml", {"name": "night", "kind": "ndjson", "location": "drop", **(source or {})})
        self._write("datasets/orders.odcs.yaml", {
            "apiVersion": "v3.1.0", "kind": "DataContract", "id": "nights.orders", "name": "orders", "version": "1.0.0",
            "status": "active", "schema": [{"name": "orders", "physicalName": pattern, "properties": FIELDS}],
            "customProperties": [{"property": f"landbridge.{name}", "value": value} for name, value in told.items()],
        })  # fmt: skip
        self.site = Site.open(folder)

    def _write(self, name, content):
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(yaml.safe_dump(content))

    def holds(self, name, *ids, broken=0):
        """A file with these rows, and as many lines that are none."""
        lines = [json.dumps({"id": told, "v": told * 3}) for told in ids] + ["no row"] * broken
        (self.drop / name).write_text("".join(f"{line}\n" for line in lines))

    def pull(self):
        return raw.pull(self.site, "orders", run_id="run")

    def rows(self):
        return pl.read_parquet(self.site.home.raw("orders"))

    def rejects(self):
        return pl.read_parquet(self.site.home.rejects("orders"))

    def ids(self):
        """What is held, in order, by file."""
        told: dict[str, list[str]] = {}
        for name, one in self.rows().select("_location", "id").iter_rows():
            told.setdefault(name.removeprefix("drop/").removesuffix(".ndjson"), []).append(one)
        return told

    def whole(self):
        """The rows and rejected lines of a read that knows nothing of what is held."""
        dataset = self.site.dataset("orders")
        source = self.site.project.sources["night"]
        drift = observed(self.site, source, dataset, {})
        rows, rejects = self.folder / "whole.parquet", self.folder / "whole.rejects.parquet"
        taken_into(source, dataset, drift, self.folder, rows, rejects, None)
        return pl.read_parquet(rows), pl.read_parquet(rejects)


@pytest.fixture
def night(tmp_path):
    return lambda *words, **habits: Night(tmp_path / "shop", *words, **habits)


@pytest.fixture
def parsed(monkeypatch):
    """The names of the files that are opened to read rows of them, as they are."""
    from connectors.formats import json_lines

    names, usual = [], json_lines.tables

    def tables(file, options, *, limits):
        names.append(file.name.rpartition("/")[2])
        return usual(file, options, limits=limits)

    monkeypatch.setattr(json_lines, "tables", tables)
    return names


FILES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]),
    st.tuples(st.lists(st.sampled_from("123456"), min_size=1, max_size=3), st.integers(0, 2)),
    min_size=1,
    max_size=5,
)


@given(nights=st.lists(FILES, min_size=2, max_size=5))
@settings(max_examples=25, deadline=None)
def test_what_is_held_after_any_nights_is_what_a_whole_read_gives(nights):
    with tempfile.TemporaryDirectory() as folder:
        night = Night(Path(folder) / "shop")
        for files in nights:
            for path in night.drop.iterdir():
                path.unlink()
            for name, (ids, broken) in files.items():
                night.holds(f"{name}.ndjson", *ids, broken=broken)
            told = night.pull()
            rows, rejects = night.whole()
            assert night.rows().equals(rows)
            assert night.rejects().equals(rejects)
            assert (told.rows, told.rejected) == (rows.height, rejects.height)


def test_one_changed_file_is_parsed_and_no_other(night, parsed):
    told = night()
    for at in range(50):
        told.holds(f"{at:02}.ndjson", f"{at}", broken=at % 2)
    told.pull()
    parsed.clear()
    told.holds("07.ndjson", "7", "7b")
    again = told.pull()
    assert set(parsed) == {"07.ndjson"}
    assert (again.rows, again.rejected, again.fetched) == (51, 24, 2)
    assert again.changed


def test_no_change_parses_nothing_and_writes_nothing(night, parsed):
    told = night()
    told.holds("a.ndjson", "1", broken=1)
    told.pull()
    parsed.clear()
    stamps = [path.stat().st_mtime_ns for path in (told.site.home.raw("orders"), told.site.home.rejects("orders"))]
    os.utime(told.drop / "a.ndjson")  # touched, so that its time is another one
    again = told.pull()
    assert (again.changed, again.rows, again.rejected, parsed) == (False, 1, 1, [])
    assert [finding.rule for finding in again.findings] == ["lines-readable"], "what is wrong is told again"
    assert stamps == [
        path.stat().st_mtime_ns for path in (told.site.home.raw("orders"), told.site.home.rejects("orders"))
    ]


def test_a_renamed_file_is_not_parsed_and_its_rows_and_rejects_bear_the_new_name(night, parsed):
    told = night()
    told.holds("a.ndjson", "1", broken=1)
    told.holds("b.ndjson", "2")
    told.pull()
    parsed.clear()
    (told.drop / "a.ndjson").rename(told.drop / "c.ndjson")
    told.pull()
    assert told.ids() == {"b": ["2"], "c": ["1"]}
    assert told.rejects()["_location"].to_list() == ["drop/c.ndjson"]
    assert parsed == []


def test_a_vanished_files_rows_vanish_or_stay_as_the_contract_says(night, tmp_path):
    for mode in ("snapshot", "append"):
        told = Night(tmp_path / mode, files=mode)
        for name in "abc":
            told.holds(f"{name}.ndjson", name, broken=1)
        told.pull()
        (told.drop / "b.ndjson").unlink()
        told.holds("d.ndjson", "d")
        told.pull()
        there = ["a", "c", "d"] if mode == "snapshot" else ["a", "b", "c", "d"]
        assert list(told.ids()) == there
        assert told.rejects().height == len(there) - 1


def test_where_files_are_appended_a_content_that_came_before_is_not_read_twice(night, parsed):
    told = night(files="append")
    told.holds("a.ndjson", "1")
    told.pull()
    (told.drop / "a.ndjson").unlink()
    told.holds("b.ndjson", "2")
    told.pull()
    parsed.clear()
    told.holds("z.ndjson", "1")
    told.pull()
    assert (told.ids(), parsed) == ({"b": ["2"], "z": ["1"]}, [])


def test_a_broken_file_keeps_its_last_good_rows_and_is_told_until_it_is_whole(night):
    told = night()
    told.holds("a.ndjson", "1")
    told.holds("b.ndjson", "2", broken=1)
    told.pull()
    (told.drop / "b.ndjson").write_bytes(b"")
    for _ in range(2):
        again = told.pull()
        assert told.ids() == {"a": ["1"], "b": ["2"]}
        [finding] = [one for one in again.findings if one.rule.startswith("file-readable")]
        assert finding.rule == "file-readable/drop/b.ndjson"
        assert "Its rows of last time stay" in finding.message
    told.holds("b.ndjson", "3")
    again = told.pull()
    assert told.ids() == {"a": ["1"], "b": ["3"]}
    assert again.findings == ()


def test_a_broken_file_blocks_where_its_source_says_so_and_the_last_rows_stay(night):
    told = night(source={"brokenFiles": "block"})
    told.holds("a.ndjson", "1")
    told.pull()
    (told.drop / "b.ndjson").write_bytes(b"")
    told.holds("a.ndjson", "2")
    with pytest.raises(ContractBlocked, match="file-readable"):
        told.pull()
    assert told.ids() == {"a": ["1"]}
    (told.drop / "b.ndjson").unlink()
    told.pull()
    assert told.ids() == {"a": ["2"]}


def test_a_file_that_is_still_being_written_keeps_its_rows_and_is_read_when_it_is_whole(night, monkeypatch):
    told = night(source={"marker": "{name}.done"})
    told.holds("a.ndjson", "1")
    (told.drop / "a.ndjson.done").touch()
    told.pull()
    told.holds("b.ndjson", "2")
    again = told.pull()
    assert told.ids() == {"a": ["1"]}
    assert [finding.rule for finding in again.findings] == ["file-still-written"]
    (told.drop / "a.ndjson.done").unlink()
    told.holds("a.ndjson", "changed, and not yet whole")
    (told.drop / "b.ndjson.done").touch()
    told.pull()
    assert told.ids() == {"a": ["1"], "b": ["2"]}
    (told.drop / "a.ndjson.done").touch()
    told.pull()
    assert told.ids() == {"a": ["changed, and not yet whole"], "b": ["2"]}


def test_one_changed_member_of_an_archive_is_parsed_and_no_other(night, parsed):
    told = night("*.zip!*.ndjson")

    def packed(**members):
        with zipfile.ZipFile(told.drop / "n.zip", "w") as archive:
            for name, one in members.items():
                archive.writestr(f"{name}.ndjson", json.dumps({"id": one, "v": "x"}) + "\n")

    packed(a="1", b="2", c="3")
    told.pull()
    parsed.clear()
    packed(a="1", b="changed", c="3")
    told.pull()
    assert told.ids() == {"n.zip!a": ["1"], "n.zip!b": ["changed"], "n.zip!c": ["3"]}
    assert set(parsed) == {"n.zip!b.ndjson"}


def test_a_new_column_has_all_files_read_again(night, parsed):
    told = night()
    told.holds("a.ndjson", "1")
    told.pull()
    parsed.clear()
    (told.drop / "b.ndjson").write_text('{"id": "2", "v": "x", "more": "y"}\n')
    told.pull()
    assert told.rows()["more"].to_list() == [None, "y"]
    assert {"a.ndjson", "b.ndjson"} <= set(parsed)


def test_what_is_held_and_no_longer_the_same_file_has_all_files_read_again(night, parsed):
    told = night()
    told.holds("a.ndjson", "1", broken=1)
    told.holds("b.ndjson", "2")
    told.pull()
    parsed.clear()
    no_rows = told.rejects().clear()
    no_rows.write_parquet(told.site.home.rejects("orders"))  # a run that was killed between two files
    told.holds("b.ndjson", "3")
    told.pull()
    assert {"a.ndjson", "b.ndjson"} <= set(parsed)
    assert told.rejects().height == 1


def test_rows_are_woven_by_row_groups_and_small_files_share_one(night, monkeypatch):
    monkeypatch.setattr(by_file, "ROWS_AT_ONCE", 40)
    told = night()
    for at in range(30):
        told.holds(f"{at:02}.ndjson", *(f"{at}-{row}" for row in range(7)))
    told.pull()
    told.holds("15.ndjson", "x")
    told.holds("99.ndjson", *(f"y-{row}" for row in range(200)))
    told.pull()
    rows, _ = told.whole()
    assert told.rows().equals(rows)
    assert pl.read_parquet(told.site.home.raw("orders"), columns=["id"]).height == 29 * 7 + 1 + 200
    groups = pl.scan_parquet(told.site.home.raw("orders")).collect().height // 40
    import pyarrow.parquet as pq

    assert pq.read_metadata(told.site.home.raw("orders")).num_row_groups <= groups + 1


# ---- the sensor


def ticked(told, cursor=None):
    """What the sensor asks for, and its cursor after that."""
    sensor = drops.file_sensor(told.site.project, "nightly")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        asked = sensor(context)
        return isinstance(asked, dg.RunRequest), context.cursor


def test_the_sensor_asks_once_for_a_file_that_came_or_changed(night):
    told = night()
    told.holds("a.ndjson", "1")
    asked, cursor = ticked(told)
    assert asked
    assert ticked(told, cursor) == (False, cursor)
    told.holds("a.ndjson", "1", "2")
    asked, later = ticked(told, cursor)
    assert asked
    assert later != cursor


def test_the_sensor_waits_for_a_young_file_and_for_a_marker(night, monkeypatch):
    told = night(source={"marker": "{name}.done", "settledAfter": 3600})
    told.holds("a.ndjson", "1")
    _, cursor = ticked(told)
    told.holds("b.ndjson", "2")
    assert ticked(told, cursor) == (False, cursor), "no marker has come"
    (told.drop / "b.ndjson.done").touch()
    monkeypatch.delenv("LANDBRIDGE_SETTLED_AFTER")
    assert ticked(told, cursor) == (False, cursor), "it is too young"
    os.utime(told.drop / "b.ndjson", (1, 1))
    asked, _ = ticked(told, cursor)
    assert asked


def test_the_sensor_is_quiet_where_a_place_cannot_be_looked_at(night):
    told = night()
    _, cursor = ticked(told)
    assert ticked(told, cursor) == (False, cursor)


def test_the_manifest_of_an_unchanged_source_tells_its_findings_again(night):
    told = night()
    told.holds("a.ndjson", "1")
    told.holds("copy.ndjson", "1")
    for _ in range(2):
        assert [finding.rule for finding in told.pull().findings] == ["file-delivered-twice"]
    assert connectors.mark(told.site.project.sources["night"], told.site.dataset("orders"), folder=told.folder)

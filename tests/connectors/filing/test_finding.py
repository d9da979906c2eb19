"""Files are found once for all that a run asks of them, and anew where one of them changed."""

from pathlib import Path

import pytest

import connectors
from connectors.filing.finding import found_of
from connectors.places.local import LocalPlace


@pytest.fixture
def orders(export, monkeypatch):
    """Two exports; `orders.listed` are the folders that were listed."""
    told = export("csv", "*.csv", {"id": "string"}).holds("id\n1\n", "a.csv").holds("id\n2\n", "b.csv")
    told.listed = []
    real = LocalPlace.entries
    monkeypatch.setattr(LocalPlace, "entries", lambda place, path: told.listed.append(path) or real(place, path))
    return told


def names(orders):
    return [one.name for one in found_of(orders.source, orders.dataset, orders.folder).ready]


def test_within_a_run_a_folder_is_listed_once(orders):
    with connectors.within_run("run"):
        assert names(orders) == names(orders) == ["in/a.csv", "in/b.csv"]
    assert len(orders.listed) == 1
    names(orders)
    assert len(orders.listed) == 2


@pytest.mark.parametrize("change", [
    lambda path: path.write_text("id\n1\n3\n"),
    lambda path: path.unlink(),
    lambda path: path.with_name("new").write_text("id\n1\n") and path.with_name("new").replace(path),
], ids=["written", "removed", "replaced"])  # fmt: skip
def test_a_file_that_changes_within_a_run_is_looked_for_anew(orders, change):
    with connectors.within_run("run"):
        before = names(orders)
        change(orders.folder / "in" / "a.csv")
        found = found_of(orders.source, orders.dataset, orders.folder).ready
    assert len(orders.listed) == 2
    assert [one.name for one in found] == [one for one in before if (orders.folder / one).exists()]
    assert all(one.fingerprint() for one in found)


@pytest.mark.parametrize(("root", "folder"), [("/a/b", "/a/b"), ("/a/b/in", "/a/b"), ("/a", "/a/b"), ("/c", "/a/b")])
@pytest.mark.parametrize("path", ["", "x.csv", "b/x.csv", "b/in/x.csv"])
def test_a_file_is_cited_by_its_path_below_the_project_folder_or_else_below_its_place(root, folder, path):
    full = Path(root) / path
    below = full.relative_to(folder).as_posix() if full.is_relative_to(folder) else path or full.name
    assert LocalPlace(Path(root), Path(folder)).cited(path) == below

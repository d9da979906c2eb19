import pytest

import connectors
from catalog.errors import SourceError, SourceUnreachable, SourceUnreadable


@pytest.fixture
def files(export):
    """`files(pattern)` names of the files that a pattern finds in the folder `in`."""

    def found(pattern, **habits):
        told = export("csv", pattern, {"a": "string"}, **habits)
        paths = connectors.files_of(told.source, told.dataset, folder=told.folder)
        return [path.relative_to(told.folder).as_posix() for path in paths]

    return found


def test_a_name_or_a_pattern_finds_files_in_order(files, export):
    export("csv", "x", {}).holds("1", "b.csv").holds("1", "a.csv").holds("1", "deep/c.csv").holds("1", "a.txt")
    assert files("a.csv") == ["in/a.csv"]
    assert files("*.csv") == ["in/a.csv", "in/b.csv"]
    assert files("**/*.csv") == ["in/a.csv", "in/b.csv", "in/deep/c.csv"]


def test_a_location_may_be_one_file_and_may_be_absolute(files, export, tmp_path):
    export("csv", "x", {}).holds("1", "a.csv")
    assert files("a.csv", location="in/a.csv") == ["in/a.csv"]
    assert files("a.csv", location=str(tmp_path / "in")) == ["in/a.csv"]


@pytest.mark.parametrize("pattern", ["../secret.csv", "deep/../../secret.csv", "/etc/hosts"])
def test_a_name_that_leaves_the_folder_is_refused(files, tmp_path, pattern):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(SourceUnreadable, match="points outside"):
        files(pattern)


def test_a_link_that_leaves_the_folder_is_refused_and_one_within_is_followed(files, export, tmp_path):
    export("csv", "x", {}).holds("1", "a.csv")
    (tmp_path / "in" / "inside.csv").symlink_to(tmp_path / "in" / "a.csv")
    assert files("*.csv") == ["in/a.csv", "in/inside.csv"]
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(SourceUnreadable, match=r"'link.csv' is a link that leads outside"):
        files("*.csv")


def test_a_linked_folder_that_leaves_the_folder_is_refused(files, export, tmp_path):
    export("csv", "x", {})
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "a.csv").write_text("a\n1\n")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "else")
    with pytest.raises(SourceUnreadable, match="leads outside"):
        files("linked/*.csv")


def test_a_folder_that_is_not_there_and_a_pattern_that_finds_nothing_are_unreachable(files):
    with pytest.raises(SourceUnreachable, match="does not exist"):
        files("a.csv", location="nowhere")
    with pytest.raises(SourceUnreachable, match=r"no file matches '\*.csv'"):
        files("*.csv")


@pytest.mark.parametrize("pattern", ["", "**a", "."])
def test_a_pattern_that_is_none_is_one_line_and_no_traceback(files, pattern):
    with pytest.raises(SourceError) as caught:
        files(pattern)
    assert "\n" not in str(caught.value)

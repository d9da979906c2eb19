"""Every real file is read or refused with one clear line; nothing crashes. Run by `make exam`."""

import sys
from pathlib import Path

import pytest

from evals.damaged import damaged
from evals.every_file import by_folder, every_file

pytestmark = pytest.mark.exam
DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def outcomes():
    if not DATA.is_dir():
        pytest.skip("the real files are not here")
    told = every_file(DATA.resolve())
    sys.stderr.write("\n" + by_folder(told) + "\n")
    return told


def test_no_file_crashes_its_reader(outcomes):
    assert [(one.file, one.reason) for one in outcomes if one.what == "crashed"] == []


def test_what_is_read_is_mostly_rows(outcomes):
    """Rows of nonsense beside a heap of rejects are "accepted but wrong"; Pollock's files are polluted on purpose."""
    told = [one for one in outcomes if one.what == "read" and "pollock" not in one.file]
    assert [(one.file, one.rows, one.rejects) for one in told if one.rejects > one.rows] == []


def test_a_refusal_is_one_line_with_a_reason(outcomes):
    refused = [one for one in outcomes if one.what == "refused"]
    assert all(one.reason and "\n" not in one.reason for one in refused)


def test_no_damaged_file_crashes_its_reader(tmp_path):
    if not DATA.is_dir():
        pytest.skip("the real files are not here")
    count = damaged(DATA.resolve(), tmp_path)
    told = every_file(tmp_path)
    sys.stderr.write(f"\n{count} damaged files\n" + by_folder(told) + "\n")
    assert [(one.file, one.reason) for one in told if one.what == "crashed"] == []

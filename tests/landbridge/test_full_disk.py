"""A full disk is one line that says what to do, wherever it was noticed; other faults are not taken for one."""

import errno
import sqlite3

import pytest
import typer

from landbridge.commands.frame import faults_told


def by_way_of(error):
    """A fault that somebody's library made of another one."""
    try:
        raise error
    except type(error) as first:
        wrapped = RuntimeError("the step failed")
        wrapped.__cause__ = first
        return wrapped


FULL = [
    OSError(errno.ENOSPC, "whatever this system calls it"),
    sqlite3.OperationalError("database or disk is full"),
    sqlite3.OperationalError("disk I/O error"),
    by_way_of(sqlite3.OperationalError("database or disk is full")),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_a_full_disk_is_one_line(error, capsys):
    with pytest.raises(typer.Exit) as ended, faults_told():
        raise error
    assert ended.value.exit_code == 1
    assert "the disk is full, or fails. Make room" in capsys.readouterr().err.replace("\n", " ")


def test_another_fault_keeps_its_traceback():
    with pytest.raises(PermissionError), faults_told():
        raise PermissionError(errno.EACCES, "not yours")

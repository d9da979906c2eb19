"""Mainframe files: every leaf of the published cases, and a gigabyte in flat memory at 50 MB per core and second.

Run by `make exam`. The reader is a process of its own, so that its memory and its time are its own.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.connectors.mainframe.test_cobrix import CASES, compared, needs_cobrix

pytestmark = pytest.mark.exam
ROOT = Path(__file__).parents[2]
RECORD = 1_500  # bytes
TEXTS, PACKED, DIGITS, BINARY = 60, 40, 25, 20  # fields of a record, by what they are
SMALL, LARGE = 100_000_000, 1_000_000_000  # bytes of a file
LEAST = 50  # MB per core and second
GROWTH = 48  # MiB that ten times the file may take more
WITHIN = 300  # seconds
READ = """
import resource, sys, time
from pathlib import Path
from connectors.formats.mainframe import Options, tables
from connectors.formats.tables import File, Limits
path, copybook, form = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
options = Options(copybook=copybook, record_format=form, ebcdic_code_page="cp037")
start = time.process_time()
(table,) = tables(File(path, path.name), options, limits=Limits())
rows = sum(piece.frame.height for piece in table.pieces())
print(rows, time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def copybook() -> str:
    """Texts, packed numbers, digits and binary numbers, and a filler to the record's length."""
    kinds = [
        (TEXTS, "T", "X(15)", 15),
        (PACKED, "P", "S9(9)V99 COMP-3", 6),
        (DIGITS, "D", "9(8)", 8),
        (BINARY, "B", "S9(9) COMP", 4),
    ]
    fields = [
        f"           05 {name}{number} PIC {picture}." for count, name, picture, _ in kinds for number in range(count)
    ]
    used = sum(count * length for count, _, _, length in kinds)
    return "\n".join(["       01 RECORD.", *fields, f"           05 FILLER PIC X({RECORD - used})."])


def record(number: int) -> bytes:
    """One record; its texts and numbers differ from those of the next."""
    told = b"".join(f"Name {number:06d}".ljust(15).encode("cp037") for _ in range(TEXTS))
    told += bytes.fromhex(f"{number:011d}C") * PACKED + f"{20240101 + number % 28}".encode("cp037") * DIGITS
    return (told + number.to_bytes(4, "big") * BINARY).ljust(RECORD, b"\x40")


def generated(path: Path, size: int, form: str) -> Path:
    """A file of about `size` bytes, a thousand records over and over."""
    word = (RECORD & 0xFF).to_bytes(1, "big") + (RECORD >> 8).to_bytes(1, "big") if form == "V" else b""
    thousand = b"".join((b"\0\0" + word if word else b"") + record(number) for number in range(1_000))
    with path.open("wb") as file:
        for _ in range(size // len(thousand)):
            file.write(thousand)
    return path


def measured(path: Path, form: str) -> tuple[float, int]:
    """MB per core and second, and MiB of memory, of reading a file whole."""
    described = path.with_suffix(".cpy")
    described.write_text(copybook())
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(described), form],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows, seconds, memory = done.stdout.split()
    assert int(rows) == path.stat().st_size // (RECORD + (4 if form == "V" else 0))
    return path.stat().st_size / 1e6 / float(seconds), int(memory)


@pytest.mark.parametrize("form", ["F", "V"])
def test_a_gigabyte_is_read_at_50_mb_per_core_and_second_in_flat_memory(tmp_path, form):
    _, little = measured(generated(tmp_path / "small.dat", SMALL, form), form)
    speed, much = measured(generated(tmp_path / "large.dat", LARGE, form), form)
    print(f"\n{form}: {speed:.0f} MB per core and second; {little} MiB for 0.1 GB, {much} MiB for 1 GB")
    assert speed >= LEAST
    assert much - little <= GROWTH


@needs_cobrix
def test_all_leaves_of_the_published_cases_are_right():
    told = {name: compared(name) for name in CASES}
    print(
        "\n"
        + "\n".join(f"{name:18} {count - len(wrong):6} of {count:6} leaves" for name, (count, wrong) in told.items())
    )
    assert not [name for name, (_, wrong) in told.items() if wrong]

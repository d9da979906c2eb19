"""Stata: .dta files of all releases since 5, with their labels, dates by the column's display format.

Format: Stata's own description, `help dta`, releases 104 to 119.
"""

from __future__ import annotations

from catalog.errors import FileRefused
from connectors.formats.statistical.moments import of_stata
from connectors.formats.statistical.reading import Reader, StatisticalOptions, table_of
from connectors.formats.tables import File, Limits, Table

MARKED = b"<stata_dta>"
RELEASES = (104, 105, 108, 110, 111, 112, 113, 114, 115)  # told by the first byte; later ones are marked
BYTE_ORDERS = (1, 2)


class Options(StatisticalOptions):
    """What may be declared about files of Stata."""


def recognises(head: bytes, file: File) -> bool:
    """Whether a file begins as Stata's releases do."""
    if head.startswith(MARKED):
        return True
    return len(head) > 3 and head[0] in RELEASES and head[1] in BYTE_ORDERS and head[2] == 1 and head[3] == 0


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table of the file. Raises FileRefused where it is cut or damaged."""
    import pyreadstat

    head = file.head(64)
    if head.strip(b"\0 ") and not recognises(head, file):
        raise FileRefused("it is no file of Stata, or was cut off within its header", "Ask for the export again.")
    return [table_of(file, Reader("stata", pyreadstat.read_dta, of_stata), options, limits, [])]

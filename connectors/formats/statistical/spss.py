"""SPSS: system files (.sav, .zsav) and portable files (.por), with declared missing values and labels.

Formats: PSPP's documentation of system and portable files.
"""

from __future__ import annotations

from catalog.errors import FileRefused
from connectors.formats.statistical.moments import of_spss
from connectors.formats.statistical.reading import Reader, StatisticalOptions, table_of
from connectors.formats.tables import File, Limits, Table

SYSTEM = (b"$FL2", b"$FL3")
ENCRYPTED = b"ENCRYPTEDSAV"
PORTABLE = b"SPSSPORT"
PORTABLE_AT = 456  # after five greetings of 40 bytes and a table of 256 characters, not counting ends of lines


class Options(StatisticalOptions):
    """What may be declared about files of SPSS."""


def recognises(head: bytes, file: File) -> bool:
    """Whether a file begins as a system file, open or encrypted, or a portable one."""
    return head.startswith(SYSTEM) or ENCRYPTED in head[:64] or _is_portable(head)


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table of the file. Raises FileRefused where it is cut, damaged or encrypted."""
    import pyreadstat

    head = file.head()
    if ENCRYPTED in head[:64]:
        raise FileRefused("the file is protected by a password", "Deliver a copy that is saved without one.")
    if head.strip(b"\0 ") and not recognises(head, file):
        raise FileRefused("it is no file of SPSS, or was cut off within its header", "Ask for the export again.")
    if _is_portable(head):
        reader = Reader("spss", pyreadstat.read_por, of_spss, takes_encoding=False)
    else:
        reader = Reader("spss", pyreadstat.read_sav, of_spss, keeps_missing=True)
    return [table_of(file, reader, options, limits, [])]


def _is_portable(head: bytes) -> bool:
    return head[:700].replace(b"\r", b"").replace(b"\n", b"")[PORTABLE_AT:].startswith(PORTABLE)

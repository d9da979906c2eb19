"""SAS: data sets (.sas7bdat) and transport files (.xpt, versions 5 and 8), with the labels of a catalog beside them.

Transport files: SAS Technical Support TS-140 and its supplement for version 8. Data sets are not documented by their
maker; ReadStat's account of them is followed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from catalog.errors import FileRefused
from connectors.formats.statistical.moments import of_sas
from connectors.formats.statistical.reading import Reader, StatisticalOptions, damage_refused, table_of
from connectors.formats.tables import File, Limits, Noticed, Table

DATA_SET = bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")
CATALOG = bytes(12) + bytes.fromhex("c2ea8163b31411cfbd92080009c7318c181f1011")
TRANSPORT = (b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!", b"HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!")
MEMBERS = (b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!", b"HEADER RECORD*******MEMBV8  HEADER RECORD!!!!!!!")
TRANSPORT_BYTES = 80  # of each record
SCANNED = 4 * 2**20


class Options(StatisticalOptions):
    """What may be declared about files of SAS."""


def recognises(head: bytes, file: File) -> bool:
    """Whether a file begins as a data set, a transport file, or a catalog, which is refused."""
    return head.startswith((DATA_SET, CATALOG, *TRANSPORT)) or (
        file.suffix == ".sas7bdat" and len(head) < len(DATA_SET)
    )


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table of the file; of a transport file with several, the first. Raises FileRefused where it is cut."""
    import pyreadstat

    head = file.head(len(TRANSPORT[0]))
    if head.startswith(CATALOG):
        raise FileRefused("it is a catalog of labels, not a table", "Deliver it beside the data set, under its name.")
    if head.startswith(TRANSPORT):
        noticed = _about_transport(file)
        reader = Reader("sas", pyreadstat.read_xport, of_sas)
        return [table_of(file, reader, options, limits, noticed)]
    if head and not head.startswith(DATA_SET) and head.strip(b"\0 "):
        raise FileRefused("it is no data set of SAS, or was cut off within its header", "Ask for the export again.")
    catalog, noticed = _catalog(file.path)
    arguments = {"catalog_file": str(catalog)} if catalog else {}
    return [
        table_of(file, Reader("sas", pyreadstat.read_sas7bdat, of_sas, arguments=arguments), options, limits, noticed)
    ]


def _about_transport(file: File) -> list[Noticed]:
    """Whether it is whole, and whether more than one table is in it."""
    if file.size % TRANSPORT_BYTES:
        raise FileRefused("it was cut off: its length is no multiple of 80 bytes", "Ask for the export again.")
    members = 0
    with file.path.open("rb") as content:
        for block in iter(partial(content.read, SCANNED // TRANSPORT_BYTES * TRANSPORT_BYTES), b""):
            members += sum(block.count(mark) for mark in MEMBERS)
    if members < 2:
        return []
    message = "the transport file holds several tables, of which only the first is read"
    remedy = "Ask for one file per table."
    return [Noticed("members-unread", message, "critical", members - 1, "tables", remedy)]


def _catalog(path: Path) -> tuple[Path | None, list[Noticed]]:
    """The catalog of labels beside a data set, if it can be read."""
    import pyreadstat

    wanted = (f"{path.stem}.sas7bcat".lower(), "formats.sas7bcat")
    beside = sorted(one for one in path.parent.iterdir() if one.name.lower() in wanted)
    for catalog in beside:
        try:
            with damage_refused():
                pyreadstat.read_sas7bcat(str(catalog))
        except FileRefused:
            return None, [
                Noticed("catalog-unreadable", "the catalog of labels beside the file cannot be read", unit="files")
            ]
        return catalog, []
    return None, []

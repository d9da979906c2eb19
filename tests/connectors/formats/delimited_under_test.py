"""A delimited file written and read back, as the tests of its format need it."""

import polars as pl

from connectors.formats import delimited
from connectors.formats.tables import File, Limits

USUAL = Limits()
AS_WRITTEN = {"separator": ",", "quote": '"', "escape": "", "header_lines": 1, "skip_lines": 0, "footer_lines": 0}


class Delimited:
    """The tables of one file."""

    def __init__(self, folder, content, limits=USUAL, name="a.csv", **options):
        self.path = folder / name
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.tables = delimited.tables(File(self.path, name), delimited.Options(**options), limits=limits)
        self.table = self.tables[0]
        self.meta = self.table.meta

    @property
    def columns(self):
        return list(self.table.schema)

    def frame(self, at=0):
        return pl.concat([piece.frame for piece in self.tables[at].pieces()])

    def rows(self, at=0):
        return self.frame(at).drop("_position").rows()

    def positions(self):
        return self.frame()["_position"].to_list()

    def rejects(self):
        return [(at, why) for piece in self.table.pieces() for at, why, _ in piece.rejects]

    def noticed(self):
        told = [one.rule for one in self.table.noticed]
        return told + [one.rule for piece in self.table.pieces() for one in piece.noticed]

    def texts(self):
        return [list(cells) for cells in self.table.texts()]

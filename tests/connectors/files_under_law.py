"""The files that our own connectors read, as the laws in `connectors.testing` fill, change and break them."""

import json
from datetime import date, datetime, time

import polars as pl
import pyarrow.parquet as pq

from connectors.filing import Filed
from connectors.testing import DoesNotApply, RowsConnector, System

EVERYTHING = frozenset({"integer", "decimal", "float", "boolean", "date", "moment", "time"})
POLARS = {
    "text": pl.String(), "integer": pl.Int64(), "decimal": pl.Decimal(38, 2), "float": pl.Float64(),
    "boolean": pl.Boolean(), "date": pl.Date(), "moment": pl.Datetime("us"), "time": pl.Time(),
}  # fmt: skip


def written(value):
    """A value as an export writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | datetime | time) else str(value)


class Rows(System):
    """The test double, whose options hold the rows."""

    kind, connector, exact = "rows", RowsConnector(), EVERYTHING

    def put(self, columns, rows):
        self.tables = {"things": [dict(row) for row in rows]}

    def vanish(self):
        self.tables = {}

    def spoil(self):
        self.tables = {"things": [*self.tables["things"], "no row"]}

    def location(self):
        return "options"

    def options(self):
        return {"tables": self.tables}


class Files(System):
    """A file of a folder."""

    name = "things.txt"

    def __init__(self, folder):
        super().__init__(folder)
        (folder / "in").mkdir()
        self.path = folder / "in" / self.name

    def vanish(self):
        self.path.unlink()

    def location(self):
        return "in"

    def physical_name(self):
        return self.name


class Csv(Files):
    kind, connector, name = "csv", Filed("csv"), "things.csv"

    def put(self, columns, rows):
        def cell(value):
            if value is None:
                raise DoesNotApply("a CSV cell holds text, and no value is an empty text")
            return '"' + written(value).replace('"', '""') + '"'

        lines = [",".join(columns), *(",".join(cell(row[name]) for name in columns) for row in rows)]
        self.path.write_bytes("".join(f"{line}\n" for line in lines).encode())

    def spoil(self):
        self.path.write_text("id,id\n1,2\n")


class BareCsv(Csv):
    """An export without a quote, which is read at column speed."""

    def put(self, columns, rows):
        lines = [",".join(columns), *(",".join(self.cell(row[name]) for name in columns) for row in rows)]
        self.path.write_bytes("".join(f"{line}\n" for line in lines).encode())

    @staticmethod
    def cell(value):
        if value is None or any(sign in written(value) for sign in ',"\r\n'):
            raise DoesNotApply("an export without quotes has no cell with a separator, a quote or a line break")
        return written(value)


class Ndjson(Files):
    kind, connector, name = "ndjson", Filed("ndjson"), "things.ndjson"

    def put(self, columns, rows):
        if not rows:
            raise DoesNotApply("an empty file is refused as an export that was cut")
        plain = (str, int, float, type(None))
        told = [
            {name: row[name] if isinstance(row[name], plain) else written(row[name]) for name in columns}
            for row in rows
        ]
        self.path.write_text("".join(json.dumps(row) + "\n" for row in told))

    def spoil(self):
        self.path.write_text("\n\n")


class Parquet(Files):
    kind, connector, name, exact = "parquet", Filed("parquet"), "things.parquet", EVERYTHING

    def put(self, columns, rows):
        data = {name: pl.Series([row[name] for row in rows], dtype=POLARS[kind]) for name, kind in columns.items()}
        pq.write_table(pl.DataFrame(data).to_arrow(compat_level=pl.CompatLevel.oldest()), self.path)

    def spoil(self):
        self.path.write_bytes(self.path.read_bytes()[:-40])


class FixedWidth(Files):
    kind, connector, name, padded = "fixed_width", Filed("fixed_width"), "things.dat", True

    def put(self, columns, rows):
        for row in rows:
            for name in columns:
                self.cell(row[name])
        self.widths = {name: max([40, *(len(written(row[name])) for row in rows)]) for name in columns}
        # a line of its own at the top, because a file without a single character is refused as cut
        lines = ["HEADER", *("".join(written(row[name]).ljust(self.widths[name]) for name in columns) for row in rows)]
        self.path.write_bytes("".join(f"{line}\n" for line in lines).encode())

    @staticmethod
    def cell(value):
        if value in (None, "") or (text := written(value)) != text.strip(" \t") or "\n" in text or "\r" in text:
            raise DoesNotApply("a fixed-width cell is filled up with blanks, and a line is a record")

    def spoil(self):
        self.path.write_bytes(b"\n\n")

    def source(self, **habits):
        return super().source(header_lines=1, **habits)

    def field(self, name):
        names = list(self.widths)
        if name not in names:
            return {}
        return {"start": 1 + sum(self.widths[one] for one in names[: names.index(name)]), "length": self.widths[name]}


class Markdown(Files):
    """A folder with one file for each row, whose columns are front matter."""

    kind, connector, name = "markdown", Filed("markdown"), "*.md"

    def put(self, columns, rows):
        if not rows:
            raise DoesNotApply("a folder without files is one that is not mounted")
        for path in self.path.parent.glob("*"):
            path.unlink()
        for row in rows:
            for value in row.values():
                if value is None:
                    raise DoesNotApply("front matter holds text")
            front = "".join(f"{name}: {json.dumps(written(row[name]))}\n" for name in columns)
            (self.path.parent / f"{int(row['id']):09}.md").write_bytes(f"---\n{front}---\nText.\n".encode())

    def vanish(self):
        for path in self.path.parent.glob("*"):
            path.unlink()

    def spoil(self):
        raise DoesNotApply("a file that cannot be read is a reject, and the others are rows")

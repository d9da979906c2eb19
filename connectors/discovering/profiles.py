"""What was found out about a system as frozen values: its tables, their columns, keys and references.

Nothing here knows of SQL, so that a folder of files can be told in the same words. A profile holds values of the
source, personal ones too: it lives in memory for one call and is never written or shown.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from catalog.models import LogicalType

Family = LogicalType | Literal["binary"]
MOMENTS: tuple[Family, ...] = ("date", "timestamp", "time")


class Profile(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnProfile(Profile):
    """One column: what its source declares, and what the rows that were looked at hold."""

    name: str  # as the source writes it
    declared: str = ""  # the type in the source's own words; empty where the source declares none
    family: Family | None = None  # what the declaration means; None: it means nothing
    scale: int | None = None  # decimals the declaration promises
    nullable: bool = True
    comment: str = ""
    allowed: tuple[str, ...] = ()  # the only values a declaration allows
    held: Family | None = None  # how the values come out of the source; None: there are none
    rows: int = 0  # rows looked at
    whole: bool = True  # they are all there are
    nulls: int = 0  # of them without a value
    distinct: int = 0  # different values among them
    decimals: int | None = None  # most decimals of a number; None: no numbers, or it was not counted
    digits: int = 0  # most digits before the decimal point
    lowest: int | None = None  # of whole numbers
    highest: int | None = None
    newest: datetime | None = None  # of dates and moments, as the source's clock shows it
    longest: int = 0  # characters
    values: tuple[str, ...] = Field(default=(), repr=False)  # different values as text, at most VALUES
    spelled: bool = False  # the source holds texts; `held` is what all of them spell
    blanks: tuple[str, ...] = ()  # texts that seem to stand for no value; they are counted as nulls
    decimal_comma: bool = False  # numbers are spelled with it
    odd: str = ""  # why texts that look like something are not read as that, in half a sentence


class Reference(Profile):
    """Columns that name a row of another table (or of the same)."""

    columns: tuple[str, ...]
    table: str  # physical name
    to_columns: tuple[str, ...]
    evidence: str = ""  # why it is suggested; empty: the source declares it


class TableProfile(Profile):
    """One table, view or file."""

    name: str
    schema_name: str = ""  # empty: the default one
    view: bool = False
    comment: str = ""
    rows: int = 0
    more: bool = False  # `rows` is where counting stopped
    whole: bool = True  # the rows looked at are all there are
    columns: tuple[ColumnProfile, ...]
    primary_key: tuple[str, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    found_key: tuple[str, ...] = ()  # no declaration: columns that are unique and filled in all rows looked at
    references: tuple[Reference, ...] = ()
    path: str = ""  # files: path or glob below the folder that was looked at, with `#` and a table of it
    below: str = ""  # files: the same below the folder of its source, as a contract gives it

    @property
    def physical_name(self) -> str:
        """What no other table of the system is called; of a database's table the name that a contract gives it."""
        if self.path:
            return self.path
        return f"{self.schema_name}.{self.name}" if self.schema_name else self.name

    def column(self, name: str) -> ColumnProfile:
        """The column called `name`; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


class LeftOut(Profile):
    """Something that gets no contract, why, and what would change that."""

    name: str
    reason: str
    remedy: str = ""


class SystemProfile(Profile):
    """All that was looked at in one source."""

    tables: tuple[TableProfile, ...]
    left_out: tuple[LeftOut, ...] = ()
    known: tuple[str, ...] = ()  # physical names of all that is there, whether looked at or not

    def table(self, physical_name: str) -> TableProfile | None:
        """The table with this physical name, if it was looked at."""
        return next((table for table in self.tables if table.physical_name == physical_name), None)
